"""The array that a function is recorded with: it computes as an ndarray does, and every step is noted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from nnspec.errors import ArgumentError
from nnspec.tape import namespace

if TYPE_CHECKING:
    from nnspec_backends.numpy._plan._nodes import Node
    from nnspec_backends.numpy._plan._recorder import Recorder

__all__ = ["BranchError", "Traced", "method"]


class BranchError(ArgumentError):
    """A compiled function decided by the value of an array what to do next."""


#: what ndarray makes of exponents that are Python numbers
_POWERS = {-1: np.reciprocal, 0.5: np.sqrt, 1: np.positive, 2: np.square}


def method(x: Any, name: str, *args: Any, **options: Any) -> Any:
    """The result of a method of an array."""
    return getattr(x, name)(*args, **options)


class Traced(NDArrayOperatorsMixin):
    """An array of a recording, with the value that it has there.

    It converts to nothing else: what is done with a NumPy array or a Python number that was made of it would be
    missing in the plan.
    """

    __slots__ = ("is_scalar", "node", "recorder", "value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, recorder: Recorder, value: Any, node: Node, is_scalar: bool = False) -> None:
        self.recorder = recorder
        self.value = value
        self.node = node
        #: whether NumPy would have a scalar in its place, and not an array of rank 0
        self.is_scalar = is_scalar

    # -- what an ndarray tells of itself -----------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        return self.value.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        return self.value.size  # type: ignore[no-any-return]

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def itemsize(self) -> int:
        return self.value.itemsize  # type: ignore[no-any-return]

    @property
    def strides(self) -> tuple[int, ...]:
        return self.value.strides  # type: ignore[no-any-return]

    @property
    def T(self) -> Any:  # noqa: N802  (NumPy's name)
        return self.transpose()

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Traced(shape={self.shape}, dtype={self.dtype})"

    # -- NumPy's protocols -------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, how: str, *inputs: Any, **options: Any) -> Any:
        return self.recorder.ufunc(ufunc, how, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return self.recorder.function(function, args, options)

    def __pow__(self, exponent: Any) -> Any:
        shortcut = _POWERS.get(exponent) if isinstance(exponent, (int, float)) and self.dtype.kind == "f" else None
        return super().__pow__(exponent) if shortcut is None else shortcut(self)

    def __getitem__(self, key: Any) -> Any:
        return self.recorder.item(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.recorder.put(self, key, value)

    # -- methods of an ndarray ---------------------------------------------------------------------------

    def _derived(self, name: str, *args: Any, **options: Any) -> Any:
        return self.recorder.derived(method, (self, name, *args), options)

    def reshape(self, *shape: Any, **options: Any) -> Any:
        if options:
            self.recorder.refuse("reshape with options")
        return self.recorder.reshaped(self, shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)

    def transpose(self, *axes: Any) -> Any:
        return self._derived("transpose", *axes)

    def swapaxes(self, first: int, second: int) -> Any:
        return self._derived("swapaxes", first, second)

    def ravel(self) -> Any:
        return self._derived("ravel")

    def squeeze(self, axis: Any = None) -> Any:
        return self._derived("squeeze", axis)

    def view(self, dtype: Any) -> Any:
        return self._derived("view", dtype)

    def astype(self, dtype: Any, **options: Any) -> Any:
        return self.recorder.converted(self, np.dtype(dtype), **options)

    def copy(self, order: str = "C") -> Any:
        return self.recorder.converted(self, self.dtype, order=order)

    def sum(self, axis: Any = None, **options: Any) -> Any:
        return np.add.reduce(self, axis=axis, **options)

    def max(self, axis: Any = None, **options: Any) -> Any:
        return np.maximum.reduce(self, axis=axis, **options)

    def min(self, axis: Any = None, **options: Any) -> Any:
        return np.minimum.reduce(self, axis=axis, **options)

    def any(self, axis: Any = None, **options: Any) -> Any:
        return np.logical_or.reduce(self, axis=axis, **options)

    def all(self, axis: Any = None, **options: Any) -> Any:
        return np.logical_and.reduce(self, axis=axis, **options)

    # -- what the tape asks of arrays that are not NumPy's -------------------------------------------------

    def embed(self, shape: tuple[int, ...], key: Any) -> Any:
        return self.recorder.derived(namespace._embed, (self, shape, key), {})

    def scatter(self, shape: tuple[int, ...], indices: Any, axis: int) -> Any:
        return self.recorder.derived(namespace._scatter, (self, shape, indices, axis), {})

    # -- conversions, all refused --------------------------------------------------------------------------

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        self.recorder.refuse("its values are looked at by NumPy functions that are not recorded")

    def __bool__(self) -> bool:
        frame = sys._getframe(1)
        while frame.f_code.co_name == "__bool__" and frame.f_back is not None:  # of the tape
            frame = frame.f_back
        if frame.f_globals.get("__name__", "").partition(".")[0] in ("nnspec", "nnspec_backends"):
            self.recorder.refuse("an operation decides by values")
        self.recorder.failure = "a branch on a value"
        raise BranchError(
            "compile: expected control flow that does not depend on the values of arrays, got a branch on one "
            f"(shape {self.shape}, dtype {self.dtype}); choose with where"
        )

    def _refuse_number(self) -> Any:
        self.recorder.refuse("a value is made a Python number")

    __float__ = __int__ = __index__ = __complex__ = item = _refuse_number

    def tolist(self) -> Any:
        self.recorder.refuse("values are made a list")
