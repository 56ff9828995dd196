"""Native columns of windows and their adjoint, and resampling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnspec._windows import Padding, PerAxis, Windows, per_axis, resolve
from nnspec.operation import Array
from nnspec.ops.shape import Shape
from nnspec.tape import primitive
from nnspec_backends._resample import resampled_linearly
from nnspec_backends.numpy._windows import gathered, scattered

__all__ = ["NumpyShape"]


def _unfolded(x: Any, *, w: Windows) -> Any:
    batch, channels = x.shape[:2]
    columns = np.empty((batch, channels, math.prod(w.kernel), *w.out), x.dtype)
    gathered(x, w, into=np.moveaxis(columns, 2, 0))
    return columns.reshape(batch, channels * math.prod(w.kernel), math.prod(w.out))


def _folded(x: Any, *, w: Windows) -> Any:
    taps = math.prod(w.kernel)
    columns = x.reshape(x.shape[0], x.shape[1] // taps, taps, *w.out)
    return scattered(np.moveaxis(columns, 2, 0), w)


def _sources(size: int, count: int) -> Any:
    """The entry of an axis of `size` that each of `count` results is."""
    return (2 * np.arange(count) + 1) * size // (2 * count)


def _nearest(x: Any, *, axis: int, count: int) -> Any:
    return x.take(_sources(x.shape[axis], count), axis)


def _nearest_back(g: Any, out: Any, x: Any, *, axis: int, count: int) -> Any:
    """The sum over the readers of each entry, which stand together: the first of all of them, then the second."""
    gx = np.zeros(x.shape, g.dtype)
    source = _sources(x.shape[axis], count)
    starts = np.flatnonzero(np.diff(source, prepend=-1))
    readers = np.diff(starts, append=count)
    for i in range(readers.max()):
        some = starts[readers > i]
        gx[(slice(None),) * axis + (source[some],)] += g.take(some + i, axis)
    return gx


unfold = primitive(_unfolded, lambda g, out, x, *, w: _folded(g, w=w))
fold = primitive(_folded, lambda g, out, x, *, w: _unfolded(g, w=w))
nearest = primitive(_nearest, _nearest_back)


class NumpyShape(Shape):
    """Loops run over the taps of a window, and over the readers of one entry, never over elements."""

    def unfold(
        self,
        x: Array,
        *,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
    ) -> Array:
        return unfold(x, w=resolve(x.shape[2:], kernel_size, stride=stride, padding=padding, dilation=dilation))

    def fold(
        self,
        x: Array,
        *,
        output_size: Sequence[int],
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
    ) -> Array:
        return fold(x, w=resolve(output_size, kernel_size, stride=stride, padding=padding, dilation=dilation))

    def upsample(self, x: Array, *, size: PerAxis, mode: str = "nearest") -> Array:
        target = per_axis("size", size, x.ndim - 2, low=1)
        if mode == "linear":
            return resampled_linearly(self, x, target)
        for axis, count in enumerate(target, start=2):
            if count != x.shape[axis]:
                x = nearest(x, axis=axis, count=count)
        return x
