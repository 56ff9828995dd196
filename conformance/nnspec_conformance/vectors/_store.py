"""A folder of vectors, read: nothing of it is trusted that does not have the digest the manifest gives."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from nnspec._low_precision import is_floating_dtype
from nnspec.errors import VectorsError
from nnspec.margins import Analysis, Expected
from nnspec_conformance.vectors._manifest import SCHEMA_VERSION, Entry, ExpectedEntry, FlushedEntry, Manifest

__all__ = ["Vectors", "tensors_of"]

Arrays = dict[str, NDArray[Any]]


def tensors_of(path: Path) -> Arrays:
    """The arrays of a safetensors file by name.

    Raises:
        VectorsError: it is none, or was cut short.
    """
    try:
        with safe_open(path, framework="np") as content:
            return {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 - it is no dict
    except (SafetensorError, OSError) as error:
        raise VectorsError(f"{path}: no safetensors file, or cut short ({error})") from None


class Vectors:
    """What `nnspec vectors export` wrote.

    Args:
        folder: with `manifest.json`.

    Raises:
        VectorsError: the manifest is missing, damaged or of another schema version; later, a file is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = _manifest(folder / "manifest.json")
        self.cases = {case.id: case for case in self.manifest.cases}
        self._arrays = functools.lru_cache(maxsize=None)(self._read)

    def _read(self, file: str) -> Arrays:
        path = self.folder / file
        if file not in self.manifest.files or Path(file).name != file:
            raise VectorsError(f"{self.folder}: damaged: the manifest does not list {file!r}")
        try:
            content = path.read_bytes()
        except OSError:
            raise VectorsError(f"{path}: missing, though the manifest lists it") from None
        if hashlib.sha256(content).hexdigest() != self.manifest.files[file]:
            raise VectorsError(f"{path}: damaged: its digest is not the one that the manifest gives")
        return tensors_of(path)

    def analysis(self, entry: Entry) -> Analysis:
        """What is expected of a case in one dtype."""
        arrays = self._arrays(entry.file) if entry.file is not None else {}
        names = entry.cotangents or [None] * len(entry.values)
        cotangents = [None if name is None else self._tensor(arrays, name) for name in names]
        flushed = None
        if entry.flushed is not None:
            flushed = Analysis(*self._parts(arrays, entry.flushed), cotangents)
        return Analysis(*self._parts(arrays, entry), cotangents, flushed)

    def _parts(self, arrays: Arrays, entry: Entry | FlushedEntry) -> tuple[list[Expected], dict[str, Expected]]:
        gradients = {name: self._expected(arrays, e) for name, e in entry.gradients.items()}
        return [self._expected(arrays, e) for e in entry.values], gradients

    def inputs(self, entry: Entry) -> Arrays:
        """The inputs of a case in one dtype."""
        arrays = self._arrays(entry.file) if entry.file is not None else {}
        return {name: self._tensor(arrays, tensor) for name, tensor in entry.inputs.items()}

    def _tensor(self, arrays: Arrays, name: str) -> NDArray[Any]:
        if name not in arrays:
            raise VectorsError(f"{self.folder}: damaged: no tensor {name!r} where the manifest has it")
        return arrays[name]

    def _expected(self, arrays: Arrays, entry: ExpectedEntry) -> Expected:
        def part(name: str | None, dtype: Any = np.float64) -> NDArray[Any] | None:
            return None if name is None else self._tensor(arrays, name).astype(dtype)

        value = self._tensor(arrays, entry.value)
        return Expected(
            value=value.astype(np.float64) if is_floating_dtype(value.dtype) else value,
            unit=part(entry.unit),
            unit_exact_inputs=part(entry.unit_exact_inputs),
            escaped=part(entry.escaped, bool),
            dtype=entry.dtype,
            moves=entry.moves,
            remainder=part(entry.remainder),
        )


def _manifest(path: Path) -> Manifest:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise VectorsError(f"{path}: cannot be read; expected a folder that nnspec vectors export wrote") from None
    except ValueError:
        raise VectorsError(f"{path}: no JSON, or cut short") from None
    version = told.get("schema_version") if isinstance(told, dict) else None
    if str(version).partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
        raise VectorsError(f"{path}: schema version {version}, this nnspec reads {SCHEMA_VERSION}")
    try:
        return Manifest.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise VectorsError(f"{path}: no manifest of vectors ({where}: {first['msg']})") from None
