"""One call of an operation, as a case makes it, to be made again with other arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import optree

from nnspec import Backend

__all__ = [
    "ALL",
    "Call",
    "Instead",
    "Pair",
    "bound",
    "captured",
    "counts",
    "cut",
    "flip",
    "mapped",
    "pick",
    "size",
    "zeros",
]

#: two ways to the same numbers; trees of arrays
Pair = tuple[Any, Any]
#: every axis
ALL = "all"


class Instead:
    """A backend whose one operation is another function: what a program of a case calls is seen, or changed."""

    def __init__(self, backend: Any, operation: str, function: Callable[..., Any]) -> None:
        self.__backend, self.__operation, self.__function = backend, operation, function

    def __getattr__(self, name: str) -> Any:
        return self.__function if name == self.__operation else getattr(self.__backend, name)


class _Reached(Exception):  # noqa: N818 - it is no error
    def __init__(self, arguments: dict[str, Any]) -> None:
        super().__init__()
        self.arguments = arguments


def bound(operation: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name."""
    arguments = Backend.operations()[operation].signature.bind(None, *args, **kwargs).arguments
    return {name: value for name, value in arguments.items() if name != "self"}


def captured(
    backend: Any, operation: str, program: Callable[..., Any] | None, arrays: Mapping[str, Any], options: Any
) -> Call:
    """The first call of the operation that a case makes, which is not carried out."""
    if program is None:
        return Call(backend, operation, {**arrays, **options})

    def reached(*args: Any, **kwargs: Any) -> Any:
        raise _Reached(bound(operation, args, kwargs))

    try:
        program(Instead(backend, operation, reached), **arrays)
    except _Reached as call:
        return Call(backend, operation, call.arguments)
    raise AssertionError(f"{operation}: the case never calls it")


class Call:
    """Calls an operation with the arguments of a case, but for those that a law changes."""

    def __init__(self, backend: Any, operation: str, arguments: Mapping[str, Any]) -> None:
        self.backend = backend
        self.xp = backend.xp
        self.operation = operation
        self.arguments = dict(arguments)

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def given(self, names: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the named arguments that the call has."""
        return {name: self.arguments[name] for name in names if self.arguments.get(name) is not None}

    def __call__(self, **changes: Any) -> Any:
        return getattr(self.backend, self.operation)(**{**self.arguments, **changes})

    def but(self, **changes: Any) -> Call:
        """The same call with other arguments."""
        return Call(self.backend, self.operation, {**self.arguments, **changes})

    def gradients(
        self, of: Sequence[str], result: Callable[[Any], Any] = lambda y: y, weights: Any = None
    ) -> dict[str, Any]:
        """The gradient of a weighted sum of the result's floating leaves, by argument; fixed weights if none given."""

        def function(moving: dict[str, Any]) -> list[Any]:
            return [y for y in optree.tree_leaves(result(self(**moving))) if self.backend.is_floating(y)]

        outputs, pull = self.backend.vjp(function, {name: self.arguments[name] for name in of})
        if weights is None:
            weights = [counts(self.backend, y.shape, i) for i, y in enumerate(outputs)]
        found: dict[str, Any] = pull(weights)[0]
        return found


def counts(backend: Any, shape: Sequence[int], stream: int = 0, *, low: int = -3, high: int = 3) -> Any:
    """Small whole numbers but 0, always the same, as a floating array."""
    generator = np.random.Generator(np.random.Philox(stream))
    drawn = generator.integers(low, high + 1, tuple(shape))
    return backend.asarray(np.where(drawn == 0, high, drawn), dtype=backend.dtype)


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """A tree with a function applied to its arrays."""
    return optree.tree_map(lambda x: function(x) if hasattr(x, "shape") else x, tree)


def pick(result: Any, part: int | None) -> Any:
    """One of several results."""
    return result if part is None else result[part]


def size(tree: Any, axis: int) -> int:
    """The length of an axis of the first array of a tree."""
    return next(int(x.shape[axis]) for x in optree.tree_leaves(tree) if hasattr(x, "shape"))


def cut(tree: Any, axis: int, start: int, stop: int) -> Any:
    """A part of every array along an axis."""

    def of(x: Any) -> Any:
        key = [slice(None)] * len(x.shape)
        key[axis] = slice(start, stop)
        return x[tuple(key)]

    return mapped(of, tree)


def flip(backend: Any, tree: Any, axis: Any) -> Any:
    """Every array in the opposite order along an axis, or several, or all."""

    def of(x: Any) -> Any:
        axes = tuple(range(len(x.shape))) if axis == ALL else axis
        return x if axes == () else backend.xp.flip(x, axis=axes)

    return mapped(of, tree)


def zeros(backend: Any, tree: Any) -> Any:
    """Zeros for every array."""
    return mapped(backend.xp.zeros_like, tree)
