"""Windows over NumPy arrays: the slice of the padded input that one tap of every window reads."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from nnspec._windows import Windows

__all__ = [
    "bordered",
    "cropped",
    "gathered",
    "padded",
    "patches",
    "scattered",
    "scattered_last",
    "tap_slices",
    "wide_sizes",
]

_LEAD = (slice(None), slice(None))


def padded(x: Any, w: Windows, fill: float = 0.0) -> Any:
    """`x` of (batch, channels, *spatial) with its padding, or `x` itself where there is none."""
    if not any(map(any, w.padding)):
        return x
    wide = np.full_like(x, fill, shape=(*x.shape[:2], *wide_sizes(w)), order="C")
    wide[(*_LEAD, *_inner(w))] = x
    return wide


def cropped(x: Any, w: Windows) -> Any:
    """The inverse of `padded`: without its padding."""
    return x[(*_LEAD, *_inner(w))] if any(map(any, w.padding)) else x


def _inner(w: Windows) -> list[slice]:
    return [slice(lo, lo + n) for n, (lo, _) in zip(w.size, w.padding, strict=True)]


def tap_slices(w: Windows) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """For each tap of a window, in row-major order, what it reads of the padded input: one element a window."""
    for index in itertools.product(*map(range, w.kernel)):
        starts = [i * d for i, d in zip(index, w.dilation, strict=True)]
        ends = [a + (o - 1) * s + 1 for a, o, s in zip(starts, w.out, w.stride, strict=True)]
        yield index, (*_LEAD, *(slice(a, e, s) for a, e, s in zip(starts, ends, w.stride, strict=True)))


def gathered(x: Any, w: Windows, into: Any) -> None:
    """Write the taps of all windows of `x`, one after the other, into an array of (taps, *x.shape[:2], *w.out)."""
    wide = padded(x, w)
    for i, (_, where) in enumerate(tap_slices(w)):
        into[i] = wide[where]


def scattered(taps: Any, w: Windows) -> Any:
    """The adjoint of `gathered`: every entry added to where it was read."""
    wide = np.zeros_like(taps, shape=(*taps.shape[1:3], *wide_sizes(w)), order="C")
    for tap, (_, where) in zip(taps, tap_slices(w), strict=True):
        wide[where] += tap
    return cropped(wide, w)


# -- channels last -----------------------------------------------------------------------------------------


def bordered(x: Any, w: Windows) -> Any:
    """`x` of (batch, *spatial, channels) with its padding, or `x` itself where there is none."""
    if not any(map(any, w.padding)):
        return x
    wide = np.zeros_like(x, shape=(x.shape[0], *wide_sizes(w), x.shape[-1]), order="C")
    wide[(slice(None), *_inner(w))] = x
    return wide


def patches(x: Any, w: Windows) -> Any:
    """A view of every window: (batch, *windows, *taps, channels)."""
    batch, *spatial, channel = x.strides
    steps = [s * n for s, n in zip(w.stride, spatial, strict=True)]
    taps = [d * n for d, n in zip(w.dilation, spatial, strict=True)]
    shape = (x.shape[0], *w.out, *w.kernel, x.shape[-1])
    return as_strided(x, shape, (batch, *steps, *taps, channel), writeable=False)


def scattered_last(taps: Any, w: Windows) -> Any:
    """The adjoint of copying `patches`: every entry added to where it was read."""
    wide = np.zeros_like(taps, shape=(taps.shape[0], *wide_sizes(w), taps.shape[-1]), order="C")
    every = (slice(None),) * (1 + len(w.size))
    for index, (_, _, *where) in tap_slices(w):
        wide[(slice(None), *where)] += taps[(*every, *index)]
    return wide[(slice(None), *_inner(w))] if any(map(any, w.padding)) else wide


def wide_sizes(w: Windows) -> list[int]:
    """The sizes of the padded input."""
    return [n + lo + hi for n, (lo, hi) in zip(w.size, w.padding, strict=True)]
