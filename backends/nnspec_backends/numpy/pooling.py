"""Native pooling: one pass an offset of the window."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from nnspec._windows import Padding, PerAxis, Windows, inside, resolve
from nnspec.operation import Array
from nnspec.ops.pooling import Pooling
from nnspec.tape import kernel
from nnspec_backends.numpy._windows import cropped, padded, tap_slices

__all__ = ["NumpyPooling"]


def _first_inside(w: Windows) -> Any:
    """For every window the number of its first tap inside the input, in row-major order."""
    firsts = [[reach.start for reach in along] for along in inside(w)]
    numbers = [np.ravel_multi_index(index, w.kernel) for index in itertools.product(*firsts)]
    return np.array(numbers, np.int32).reshape(w.out)


def _max_forward(x: Any, *, w: Windows) -> tuple[Any, Any]:
    wide = padded(x, w, -np.inf)
    first = _first_inside(w)
    best = np.full((*x.shape[:2], *w.out), -np.inf, x.dtype)
    winner = np.broadcast_to(first, best.shape).copy()
    for i, (_, where) in enumerate(tap_slices(w)):
        tap = wide[where]
        wins = (tap > best) | (np.isnan(tap) & ~np.isnan(best))  # padding never wins: it equals the start
        np.copyto(best, tap, where=wins)
        np.copyto(winner, np.int32(i), where=wins)
    return best, (winner, w, x.shape)


def _max_backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    winner, w, shape = saved
    wide = np.zeros((*shape[:2], *(n + lo + hi for n, (lo, hi) in zip(w.size, w.padding, strict=True))), g.dtype)
    for i, (_, where) in enumerate(tap_slices(w)):
        wide[where] += np.where(winner == i, g, np.zeros((), g.dtype))
    return [cropped(wide, w)]


def _counts(w: Windows, count_include_pad: bool, dtype: Any) -> Any:
    """The divisor of every window."""
    if count_include_pad:
        return dtype.type(math.prod(w.kernel))
    along = [[len(reach) for reach in reaches] for reaches in inside(w)]
    return np.array([math.prod(lengths) for lengths in itertools.product(*along)], dtype).reshape(w.out)


def _avg_forward(x: Any, *, w: Windows, count_include_pad: bool) -> tuple[Any, Any]:
    wide = padded(x, w)
    total = np.zeros((*x.shape[:2], *w.out), x.dtype)
    for _, where in tap_slices(w):
        total += wide[where]
    counts = _counts(w, count_include_pad, x.dtype)
    total /= counts
    return total, (counts, w, x.shape)


def _avg_backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    counts, w, shape = saved
    share = g / counts
    wide = np.zeros((*shape[:2], *(n + lo + hi for n, (lo, hi) in zip(w.size, w.padding, strict=True))), g.dtype)
    for _, where in tap_slices(w):
        wide[where] += share
    return [cropped(wide, w)]


max_pool = kernel(_max_forward, _max_backward)
avg_pool = kernel(_avg_forward, _avg_backward)


class NumpyPooling(Pooling):
    """Maximum keeps the number of the winning tap, for the gradient."""

    def max_pool(
        self,
        x: Array,
        *,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: Padding = 0,
        dilation: PerAxis = 1,
    ) -> Array:
        w = resolve(x.shape[2:], kernel_size, stride=stride, padding=padding, dilation=dilation)
        return max_pool(x, w=w)

    def avg_pool(
        self,
        x: Array,
        *,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: Padding = 0,
        count_include_pad: bool = False,
    ) -> Array:
        w = resolve(x.shape[2:], kernel_size, stride=stride, padding=padding)
        return avg_pool(x, w=w, count_include_pad=count_include_pad)
