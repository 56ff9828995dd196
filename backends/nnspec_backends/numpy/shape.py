"""Native columns of windows and their adjoint, and resampling by index."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnspec._windows import Padding, PerAxis, Windows, per_axis, resolve
from nnspec.operation import Array
from nnspec.ops.shape import Shape
from nnspec.tape import primitive
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


@functools.lru_cache(maxsize=256)
def _sources(size: int, count: int, mode: str) -> tuple[tuple[Any, Any], ...]:
    """The entries that each of `count` results reads of an axis of `size`, with their weights; None is 1."""
    place = np.arange(count)
    if mode == "nearest":
        return (((2 * place + 1) * size // (2 * count), None),)
    below, beyond = np.divmod(np.maximum((2 * place + 1) * size - count, 0), 2 * count)
    beyond[below >= size - 1] = 0
    above = np.minimum(below + 1, size - 1)
    return (below, (2 * count - beyond) / (2 * count)), (above, beyond / (2 * count))


def _along(weight: Any, x: Any, axis: int) -> Any:
    return weight.astype(x.dtype).reshape(-1, *(1,) * (x.ndim - axis - 1))


def _resampled(x: Any, *, axis: int, count: int, mode: str) -> Any:
    total: Any = None
    for source, weight in _sources(x.shape[axis], count, mode):
        part = x.take(source, axis)
        if weight is not None:
            part *= _along(weight, x, axis)
        total = part if total is None else np.add(total, part, out=total)
    return total


def _resampled_back(g: Any, out: Any, x: Any, *, axis: int, count: int, mode: str) -> Any:
    gx = np.zeros(x.shape, g.dtype)
    for source, weight in _sources(x.shape[axis], count, mode):
        part = g if weight is None else g * _along(weight, g, axis)
        starts = np.flatnonzero(np.diff(source, prepend=-1))  # sources rise: readers of one stand together
        gx[(slice(None),) * axis + (source[starts],)] += np.add.reduceat(part, starts, axis)
    return gx


unfold = primitive(_unfolded, lambda g, out, x, *, w: _folded(g, w=w))
fold = primitive(_folded, lambda g, out, x, *, w: _unfolded(g, w=w))
resample = primitive(_resampled, _resampled_back)


class NumpyShape(Shape):
    """Loops run over the taps of a window and over axes, never over elements."""

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
        for axis, count in enumerate(per_axis("size", size, x.ndim - 2, low=1), start=2):
            if count != x.shape[axis]:
                x = resample(x, axis=axis, count=count, mode=mode)
        return x
