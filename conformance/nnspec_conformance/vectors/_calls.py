"""The calls that a case makes, as data: what another language can repeat."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optree
from numpy.typing import NDArray

from nnspec import Backend
from nnspec.errors import NnspecError
from nnspec_conformance.case import Case
from nnspec_conformance.vectors._manifest import Call

__all__ = ["Calls", "calls_of"]


@dataclass(frozen=True)
class Calls:
    """What a case does."""

    calls: list[Call]
    #: arrays that are no inputs
    constants: list[NDArray[Any]]
    #: where each leaf of the result is: {"result": [call, *path]}
    outputs: list[Any] = field(default_factory=list)


class _NoDataError(Exception):
    """The case does something other than to call operations."""


def calls_of(case: Case, backend: Backend, dtype: str) -> Calls | None:
    """The calls of a case, or None where it computes anything between or after them.

    Args:
        case: to be tried once.
        backend: what it is tried on, with NumPy's arrays.
        dtype: of the floating inputs.
    """
    recorder: Any = _Recorder(backend, differentiated=bool(case.differentiated))
    try:
        with np.errstate(all="ignore"):
            result = case.run(recorder, **recorder.inputs(case.arrays(dtype)))
        outputs = [recorder.node(leaf) for leaf in optree.tree_leaves(result)]
        if case.expect is not None or any("result" not in node for node in outputs):
            return None
    except NnspecError:
        if case.expect is None or not recorder.raised:
            return None
        outputs = []
    except Exception:  # it asks for what a recorder has not
        return None
    return Calls(recorder.calls, recorder.constants, outputs)


class _Recorder:
    """A backend as a program sees it, which notes what operations are called with.

    An array is known by its identity: every one is a copy that is kept.
    """

    def __init__(self, backend: Backend, *, differentiated: bool) -> None:
        self._backend = backend
        self._differentiated = differentiated
        self._known: dict[int, tuple[Any, dict[str, Any]]] = {}
        self.calls: list[Call] = []
        self.constants: list[NDArray[Any]] = []
        #: whether the last call raised an error
        self.raised = False

    def inputs(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        return {name: self._noted(x, {"input": name}) for name, x in arrays.items()}

    def asarray(self, x: Any, *, dtype: str | None = None) -> Any:
        if self._differentiated and isinstance(x, np.ndarray):
            raise _NoDataError("it may be computed from an input")
        made = self._noted(self._backend.asarray(x, dtype=dtype), {"constant": len(self.constants)})
        self.constants.append(made)
        return made

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._backend, name)
        return self._noting(name, found) if name in self._backend.operations() else found

    def _noting(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        signature = self._backend.operations()[name].signature

        def call(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(None, *args, **kwargs)
            bound.apply_defaults()
            arguments = {n: self.node(x) for n, x in bound.arguments.items() if n != "self"}
            self.calls.append(Call(operation=name, arguments=arguments))
            try:
                result = function(*args, **kwargs)
            except NnspecError:
                self.raised = True
                raise
            number = len(self.calls) - 1
            paths, leaves, spec = optree.tree_flatten_with_path(result)
            noted = [self._noted(x, {"result": [number, *path]}) for path, x in zip(paths, leaves, strict=True)]
            return optree.tree_unflatten(spec, noted)

        return call

    def _noted(self, x: Any, node: dict[str, Any]) -> Any:
        if not hasattr(x, "shape"):
            return x
        kept = np.array(x)
        self._known[id(kept)] = (kept, node)
        return kept

    def node(self, x: Any) -> Any:
        """A value as JSON."""
        if hasattr(x, "shape"):
            if id(x) not in self._known:
                raise _NoDataError("it was computed")
            return self._known[id(x)][1]
        if x is None or type(x) in (bool, int, str):
            return x
        if type(x) is float:
            return x if math.isfinite(x) else {"float": str(x)}
        if type(x) in (tuple, list):
            return {type(x).__name__: self._nodes(x)}
        if type(x) is dict and all(type(key) is str for key in x):
            return {"dict": dict(zip(x, self._nodes([*x.values()]), strict=True))}
        raise _NoDataError(f"{type(x).__name__} is not for JSON")

    def _nodes(self, values: Sequence[Any]) -> list[Any]:
        return [self.node(value) for value in values]
