"""The tensors of vectors: which go to which file, under which names, in which dtype."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save as serialized

from nnspec._low_precision import is_floating_dtype
from nnspec.margins import Analysis, Expected
from nnspec_conformance.vectors._calls import Calls
from nnspec_conformance.vectors._manifest import ExpectedEntry

__all__ = ["Files", "Tensors"]


class Files:
    """Tensors by file and name; equal ones of a file are one."""

    def __init__(self) -> None:
        self._tensors: dict[str, dict[str, NDArray[Any]]] = {}
        #: file -> content -> the name it already has there
        self._names: dict[str, dict[Any, str]] = {}

    def put(self, file: str, name: str, x: NDArray[Any]) -> str:
        """Keep a tensor; returns its name, or that of an equal one of the same file."""
        x = np.array(x, order="C")
        content = (x.dtype.name, x.shape, hashlib.sha256(x.tobytes()).digest())
        known = self._names.setdefault(file, {})
        if content not in known:
            known[content] = name
            self._tensors.setdefault(file, {})[name] = x
        return known[content]

    def contents(self) -> dict[str, bytes]:
        """Name of every file -> its bytes, the same for the same tensors."""
        return {file: serialized(tensors) for file, tensors in sorted(self._tensors.items())}


class Tensors:
    """The tensors of a case in one dtype."""

    def __init__(self, files: Files, family: str, case: str, dtype: str, *, compact: bool) -> None:
        self._files, self._dtype, self._compact = files, dtype, compact
        self._file, self._prefix = f"{family}-{dtype}.safetensors", f"{case}/{dtype}"
        self._used = False

    @property
    def file(self) -> str | None:
        """Where they are; None as long as there are none."""
        return self._file if self._used else None

    def put(self, name: str, x: NDArray[Any]) -> str:
        self._used = True
        return self._files.put(self._file, f"{self._prefix}/{name}", x)

    def named(self, kind: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, str]:
        return {name: self.put(f"{kind}/{name}", x) for name, x in arrays.items()}

    def called(self, calls: Calls) -> dict[str, Any]:
        constants = [self.put(f"constant/{i}", x) for i, x in enumerate(calls.constants)]
        return {"calls": calls.calls, "outputs": calls.outputs, "constants": constants}

    def expected(
        self, analysis: Analysis, *, exact: bool, exact_gradients: bool, under: str = ""
    ) -> tuple[list[ExpectedEntry], dict[str, ExpectedEntry]]:
        values = [self._one(f"{under}value/{i}", e, exact) for i, e in enumerate(analysis.values)]
        gradients = {n: self._one(f"{under}gradient/{n}", e, exact_gradients) for n, e in analysis.gradients.items()}
        return values, gradients

    def _one(self, name: str, expected: Expected, exact: bool) -> ExpectedEntry:
        """What is expected of one array; an exact one is rounded already."""
        value = np.asarray(expected.value)
        common: dict[str, Any] = {"dtype": expected.dtype, "moves": expected.moves}
        if expected.unit is None or exact or not is_floating_dtype(value.dtype):
            if is_floating_dtype(value.dtype):
                with np.errstate(all="ignore"):
                    value = value.astype(expected.dtype or self._dtype)
            return ExpectedEntry(value=self.put(name, value), exact=True, **common)
        with np.errstate(all="ignore"):
            double = value.astype(np.float64)
            remainder = np.where(np.isfinite(double), value - double, 0).astype(np.float64)
        entries: dict[str, Any] = {"value": self.put(name, double)}
        if self._dtype == "float64" and np.any(remainder):
            entries["remainder"] = self.put(f"{name}/remainder", self._remainder(remainder))
        entries["unit"] = self.put(f"{name}/unit", self._unit(expected.unit))
        if expected.unit_exact_inputs is not None and not self._compact:
            entries["unit_exact_inputs"] = self.put(f"{name}/unit-exact-inputs", self._unit(expected.unit_exact_inputs))
        if expected.escaped is not None and np.any(expected.escaped):
            entries["escaped"] = self.put(f"{name}/escaped", np.asarray(expected.escaped))
        return ExpectedEntry(**entries, **common)

    def _unit(self, unit: NDArray[Any]) -> NDArray[Any]:
        """In float64, or rounded up to float32 where that holds all of them."""
        with np.errstate(all="ignore"):
            double = np.asarray(unit).astype(np.float64)
            single = double.astype(np.float32)
            single = np.where(single < double, np.nextafter(single, np.float32(np.inf)), single).astype(np.float32)
        return single if self._compact and _holds(single, double) else double

    def _remainder(self, remainder: NDArray[np.float64]) -> NDArray[Any]:
        with np.errstate(all="ignore"):
            single = remainder.astype(np.float32)
        return single if self._compact and _holds(single, remainder) else remainder


def _holds(single: NDArray[np.float32], double: NDArray[np.float64]) -> bool:
    """Whether nothing but digits is lost: no number becomes subnormal, 0 or infinite."""
    normal = (abs(single) >= np.finfo(np.float32).smallest_normal) & np.isfinite(single)
    return bool(np.all(normal | (double == 0) | ~np.isfinite(double)))
