"""Native pooling: one pass an offset of a sliding window, one an axis over windows that adapt."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from nnspec._windows import Padding, PerAxis, Windows, adaptive, counts, inside, per_axis, resolve
from nnspec.operation import Array
from nnspec.ops.pooling import Pooling
from nnspec.tape import kernel
from nnspec.tape import namespace as xp
from nnspec_backends.numpy._plan import of_arrays_into, word_of
from nnspec_backends.numpy._windows import cropped, padded, tap_slices, wide_sizes

__all__ = ["NumpyPooling"]


def _first_inside(w: Windows) -> Any:
    """For every window the number of its first tap inside the input, in row-major order."""
    firsts = [[reach.start for reach in along] for along in inside(w)]
    numbers = [np.ravel_multi_index(index, w.kernel) for index in itertools.product(*firsts)]
    return np.array(numbers, np.int32).reshape(w.out)


def _max_forward(x: Any, *, w: Windows) -> tuple[Any, Any]:
    wide = padded(x, w, -np.inf)
    first = _first_inside(w)
    best = np.full_like(x, -np.inf, shape=(*x.shape[:2], *w.out), order="C")
    winner = np.empty_like(best, dtype=np.int32)
    winner[...] = first
    for i, (_, where) in enumerate(tap_slices(w)):
        tap = wide[where]
        wins = (tap > best) | (np.isnan(tap) & ~np.isnan(best))  # padding never wins: it equals the start
        np.copyto(best, tap, where=wins)
        np.copyto(winner, np.int32(i), where=wins)
    return best, (winner, w, x.shape)


def _max_backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    winner, w, shape = saved
    wide = np.zeros_like(g, shape=(*shape[:2], *wide_sizes(w)), order="C")
    for i, (_, where) in enumerate(tap_slices(w)):
        wide[where] += np.where(winner == i, g, np.zeros((), g.dtype))
    return [cropped(wide, w)]


def _chain_forward(x: Any, *, w: Windows) -> tuple[Any, Any]:
    """Without padding: tap after tap against the largest so far; what is kept is whether it was larger."""
    (_, where), *rest = tap_slices(w)
    best, wins = x[where], []
    for _, where in rest:
        wins.append(np.greater(x[where], best, out=np.empty_like(best, dtype=word_of(x.dtype))))
        best = np.maximum(best, x[where], out=best if len(wins) > 1 else None)
    if not rest:
        return best.copy(), (wins, w, x)
    of_arrays_into(_settle_nan, wins, best, x, w)
    return best, (wins, w, x)


def _settle_nan(wins: list[Any], best: Any, x: Any, w: Windows) -> None:
    """The first NaN of a window wins, which no comparison finds."""
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isnan(np.add.reduce(best, axis=None)):
            return
    (_, where), *rest = tap_slices(w)
    is_nan = np.isnan(x[where])
    for win, (_, where) in zip(wins, rest, strict=True):
        first = np.isnan(x[where]) & ~is_nan
        win[...] = (win != 0) & ~is_nan | first
        is_nan |= first


def _chain_backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    """From the last tap to the first: what won takes the cotangent, what did not leaves it to those before."""
    wins, w, x = saved
    (_, front), *rest = tap_slices(w)
    word = word_of(g.dtype)
    apart = all(s >= k and d == 1 for s, k, d in zip(w.stride, w.kernel, w.dilation, strict=True))
    covered = all(n == o * k for n, o, k in zip(w.size, w.out, w.kernel, strict=True))
    wide = np.empty_like(x) if apart and covered else np.zeros_like(x)
    left = np.empty_like(x[front] if not wins else wins[0], dtype=g.dtype)
    left[...] = g
    left = left.view(word)
    for win, (_, where) in zip(reversed(wins), reversed(rest), strict=True):
        _placed(wide, where, left, win, apart)
        left = left * (win ^ 1)
    _placed(wide, front, left, None, apart)
    return [wide]


def _placed(wide: Any, where: Any, bits: Any, win: Any, apart: bool) -> None:
    """Put, or where windows overlap add, the bits that `win` chooses."""
    into = wide[where]
    if apart and win is not None:
        np.multiply(bits, win, out=into.view(bits.dtype))
    elif apart:
        np.copyto(into.view(bits.dtype), bits)
    else:
        np.add(into, (bits if win is None else bits * win).view(wide.dtype), out=into)


def _counts(w: Windows, count_include_pad: bool, dtype: Any) -> Any:
    """The divisor of every window."""
    if count_include_pad:
        return dtype.type(math.prod(w.kernel))
    return np.array(counts(w), dtype).reshape(w.out)


def _avg_forward(x: Any, *, w: Windows, count_include_pad: bool) -> tuple[Any, Any]:
    wide = padded(x, w)
    total = np.zeros_like(x, shape=(*x.shape[:2], *w.out), order="C")
    for _, where in tap_slices(w):
        total += wide[where]
    counts = _counts(w, count_include_pad, x.dtype)
    total /= counts
    return total, (counts, w, x.shape)


def _avg_backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    counts, w, shape = saved
    share = g / counts
    wide = np.zeros_like(g, shape=(*shape[:2], *wide_sizes(w)), order="C")
    for _, where in tap_slices(w):
        wide[where] += share
    return [cropped(wide, w)]


def _window_sums(x: Any, out: int, axis: int) -> Any:
    """Sums of the windows of `adaptive` along an axis."""
    reach = np.array(adaptive(x.shape[axis], out))
    shape = list(x.shape)
    shape[axis] = 1
    beyond = np.zeros(shape, x.dtype)  # reduceat wants every end inside
    both = np.add.reduceat(np.concatenate([x, beyond], axis=axis), reach.reshape(-1), axis=axis)
    return both[(slice(None),) * axis + (slice(None, None, 2),)]


def _lengths(size: int, out: int, axis: int, x: Any) -> Any:
    lengths = np.array([end - start for start, end in adaptive(size, out)], x.dtype)
    return lengths.reshape(-1, *(1,) * (x.ndim - axis - 1))


def _means_forward(x: Any, *, out: int, axis: int) -> tuple[Any, Any]:
    lengths = _lengths(x.shape[axis], out, axis, x)
    return _window_sums(x, out, axis) / lengths, (lengths, x.shape[axis], axis)


def _means_backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    lengths, size, axis = saved
    return [_window_sums(g / lengths, size, axis)]  # the windows that hold an entry are windows again


def _winners(x: Any, out: int) -> Any:
    """Along the last axis, where the first maximum of every window of `adaptive` is."""
    reach = adaptive(x.shape[-1], out)
    taps = max(end - start for start, end in reach)
    places = np.array([[min(start + i, end - 1) for i in range(taps)] for start, end in reach])
    # a window that is shorter ends with its last entry again, which never is the first maximum
    first = np.argmax(x[..., places], axis=-1)
    return places[:, 0] + first


def _largest_forward(x: Any, *, out: int, axis: int) -> tuple[Any, Any]:
    last = np.moveaxis(x, axis, -1)
    winners = _winners(last, out)
    best = np.take_along_axis(last, winners, axis=-1)
    return np.moveaxis(best, -1, axis), (winners, x.shape[axis], axis)


def _largest_backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    winners, size, axis = saved
    last = np.moveaxis(g, axis, -1)
    whole = np.zeros((math.prod(last.shape[:-1]), size), g.dtype)
    flat = (whole.shape[0], last.shape[-1])
    np.add.at(whole, (np.arange(flat[0])[:, None], winners.reshape(flat)), last.reshape(flat))
    return [np.moveaxis(whole.reshape(*last.shape[:-1], size), -1, axis)]


max_pool = kernel(_max_forward, _max_backward)
plain_max_pool = kernel(_chain_forward, _chain_backward)
avg_pool = kernel(_avg_forward, _avg_backward)
adaptive_means = kernel(_means_forward, _means_backward)
adaptive_largest = kernel(_largest_forward, _largest_backward)


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
        return max_pool(x, w=w) if any(map(any, w.padding)) else plain_max_pool(x, w=w)

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

    def adaptive_avg_pool(self, x: Array, *, output_size: PerAxis) -> Array:
        for axis, out in enumerate(per_axis("output_size", output_size, x.ndim - 2, low=1), start=2):
            x = adaptive_means(x, out=out, axis=axis) if out != x.shape[axis] else x
        return x

    def adaptive_max_pool(self, x: Array, *, output_size: PerAxis) -> Array:
        sizes = per_axis("output_size", output_size, x.ndim - 2, low=1)
        for axis in reversed(range(2, x.ndim)):  # the first in each row, then the first of the rows
            x = adaptive_largest(x, out=sizes[axis - 2], axis=axis)
        return x

    def global_max_pool(self, x: Array, *, keepdims: bool = False) -> Array:
        flat = xp.reshape(x, (*x.shape[:2], math.prod(x.shape[2:])))
        best = adaptive_largest(flat, out=1, axis=2)
        return xp.reshape(best, (*x.shape[:2], *(1 for _ in x.shape[2:] if keepdims)))
