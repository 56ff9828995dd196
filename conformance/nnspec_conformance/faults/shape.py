"""Planted faults of the family shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import stored

__all__ = ["FAULTS"]

_BESIDE = "nnspec.ops.shape:_beside"
_EDGES = "nnspec.ops.shape:_edges"
_NEAREST = "nnspec.ops.shape:_nearest"
_LINEAR = "nnspec.ops.shape:_linear"
_SHARE = "nnspec.ops.shape:_share"
_SIDES = "nnspec.ops.shape:sides_of"
_TAPS = "nnspec._windows:taps"
_SAME = "nnspec._windows:same_padding"

FAULTS = Planted()

# -- flatten ---------------------------------------------------------------------------------------------------

FAULTS.edit(
    "FLATTEN-2", "wrong constant", "end-left-out", "x.shape[start : end + 1]", "x.shape[start : max(end, start + 1)]"
)
FAULTS.edit(
    "FLATTEN-2",
    "ignored option",
    "start-axis",
    "start_axis % x.ndim, end_axis % x.ndim",
    "min(1, end_axis % x.ndim), end_axis % x.ndim",
)


@FAULTS.fault("FLATTEN-1", "wrong order")
def column_major(backend: Any, sound: Any, x: Any, **options: Any) -> Any:
    """Images with channels last in mind: the axis after the batch is merged last."""
    moved = backend.xp.permute_dims(x, (0, *range(2, x.ndim), 1)) if x.ndim > 2 else x
    return backend.xp.reshape(sound(moved, **options), backend.stop_gradient(sound(x, **options)).shape)


@FAULTS.fault("FLATTEN-1", "layout")
def storage_order(backend: Any, sound: Any, x: Any, **options: Any) -> Any:
    """The memory of x is taken as it lies, whatever the order of its axes."""
    return sound(stored(x), **options)


# -- pad -------------------------------------------------------------------------------------------------------

FAULTS.edit("PAD-1", "ignored option", "value", "xp.full(shape, value,", "xp.full(shape, 0.0,", within=_BESIDE)
FAULTS.edit(
    "PAD-2",
    "wrong order",
    "edge-repeated",
    "_part(x, axis, 1, low + 1), _part(x, axis, size - 1 - high, size - 1)",
    "_part(x, axis, 0, low), _part(x, axis, size - high, size)",
    within=_BESIDE,
)
FAULTS.edit(
    "PAD-2",
    "wrong order",
    "not-mirrored",
    "xp.flip(before, axis=axis), xp.flip(behind, axis=axis)",
    "before, behind",
    within=_BESIDE,
)
FAULTS.edit(
    "PAD-3",
    "wrong gradient",
    "edge-receives-its-own-alone",
    "_repeated(self, _part(x, axis, 0, 1), axis, sides[0])",
    "_repeated(self, self.stop_gradient(_part(x, axis, 0, 1)), axis, sides[0])",
    within=_EDGES,
)
FAULTS.edit(
    "PAD-4",
    "wrong order",
    "own-end",
    "_part(x, axis, size - low, size), _part(x, axis, 0, high)",
    "_part(x, axis, 0, low), _part(x, axis, size - high, size)",
    within=_BESIDE,
)
FAULTS.edit(
    "PAD-5",
    "wrong axis",
    "last-axis-first",
    "enumerate(windows.pairs(padding, axes), start=x.ndim - axes)",
    "enumerate(windows.pairs(padding, axes)[::-1], start=x.ndim - axes)",
    within=_SIDES,
)
FAULTS.edit("PAD-5", "wrong order", "high-side-first", "low, high = sides", "high, low = sides", within=_BESIDE)
FAULTS.edit(
    "PAD-5",
    "wrong axis",
    "first-axes",
    "start=x.ndim - axes)",
    "start=0 if axes == x.ndim - 1 else x.ndim - axes)",
    within=_SIDES,
)

# -- upsample --------------------------------------------------------------------------------------------------

FAULTS.edit(
    "UPSAMPLE-2",
    "wrong constant",
    "left-edges",
    "_part(repeated, axis, old, repeated.shape[axis], 2 * old)",
    "_part(repeated, axis, 0, repeated.shape[axis], 2 * old)",
    within=_NEAREST,
)
FAULTS.edit(
    "UPSAMPLE-1",
    "wrong constant",
    "corners-aligned",
    "divmod((2 * i + 1) * old - new, 2 * new)",
    "divmod(round(2 * new * i * (size - 1) / max(size * new // old - 1, 1)), 2 * new)",
    within=_SHARE,
)
FAULTS.edit(
    "UPSAMPLE-3",
    "swapped argument",
    "weights",
    "left * below + right * above",
    "right * below + left * above",
    within=_LINEAR,
)
FAULTS.edit(
    "UPSAMPLE-4",
    "wrong value",
    "zeros-beyond-the-centres",
    "if place < 0 or place >= size - 1:\n        beyond = 0",
    "if place < 0 or place >= size - 1:\n        return (0.5, 0.0)",
    within=_SHARE,
)
FAULTS.edit(
    "UPSAMPLE-5",
    "wrong axis",
    "sizes-reversed",
    'windows.per_axis("size", size, x.ndim - 2, low=1), start=2',
    'windows.per_axis("size", size, x.ndim - 2, low=1)[::-1], start=2',
)
FAULTS.edit(
    "UPSAMPLE-2", "ignored option", "always-linear", 'if mode == "nearest"', 'if mode == "nearest" and x.shape[2] < 2'
)


@FAULTS.fault("UPSAMPLE-6", "wrong reduction")
def smooths(backend: Any, sound: Any, x: Any, *, size: Any, mode: str = "nearest") -> Any:
    """An axis that shrinks is averaged first, as jax.image.resize does by default."""
    sizes = size if isinstance(size, (tuple, list)) else [size] * (x.ndim - 2)
    for axis, count in enumerate(sizes, start=2):
        if mode == "linear" and count < x.shape[axis]:
            behind = backend.xp.concat([x, x], axis=axis)[(*(slice(None),) * axis, slice(1, x.shape[axis] + 1))]
            x = 0.5 * x + 0.5 * behind
    return sound(x, size=size, mode=mode)


@FAULTS.fault("UPSAMPLE-2", "precision loss")
def places_in_float32(backend: Any, sound: Any, x: Any, *, size: Any, mode: str = "nearest") -> Any:
    """Places are multiples of a scale in float32, so that some fall one entry short."""
    if mode != "nearest":
        return sound(x, size=size, mode=mode)
    sizes = size if isinstance(size, (tuple, list)) else [size] * (x.ndim - 2)
    for axis, count in enumerate(sizes, start=2):
        scale = np.float32(x.shape[axis]) / np.float32(count)
        places = np.floor((np.arange(count, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(1e-6))
        x = backend.xp.take(x, np.maximum(places, 0).astype(np.int32), axis=axis)
    return x


@FAULTS.fault("UPSAMPLE-7", "precision loss")
def weighed_anyway(backend: Any, sound: Any, x: Any, *, size: Any, mode: str = "nearest") -> Any:
    """An axis that keeps its size is weighed by thirds all the same."""
    y = sound(x, size=size, mode=mode)
    return y if mode == "nearest" else y / 3.0 + y / 1.5


# -- unfold and fold -------------------------------------------------------------------------------------------

FAULTS.edit(
    "UNFOLD-2",
    "wrong order",
    "tap-before-channel",
    "for _, tap in windows.taps(self, x, w)], axis=2)",
    "for _, tap in windows.taps(self, x, w)], axis=1)",
)
FAULTS.edit(
    "UNFOLD-1",
    "wrong order",
    "taps-turned",
    "for _, tap in windows.taps(self, x, w)]",
    "for _, tap in reversed(windows.taps(self, x, w))]",
)
FAULTS.edit("UNFOLD-3", "ignored option", "dilation-of-the-taps", "i * d for i, d in", "i for i, d in", within=_TAPS)
FAULTS.edit(
    "UNFOLD-3",
    "wrong order",
    "odd-zero-low",
    "total // 2, total - total // 2",
    "total - total // 2, total // 2",
    within=_SAME,
)
FAULTS.edit(
    "UNFOLD-2",
    "wrong order",
    "column-major-taps",
    "itertools.product(*map(range, w.kernel))",
    "(index[::-1] for index in itertools.product(*map(range, w.kernel[::-1])))",
    within=_TAPS,
)

FAULTS.edit(
    "FOLD-1",
    "ignored option",
    "dilation-of-the-taps",
    "i * d for i, d in",
    "i for i, d in",
    within="nnspec.ops.shape:_placed",
)
FAULTS.edit(
    "FOLD-2",
    "wrong reduction",
    "averaged",
    "xp.sum(xp.stack(placed, axis=0), axis=0)",
    "xp.sum(xp.stack(placed, axis=0), axis=0) / float(len(placed))",
)
FAULTS.edit(
    "FOLD-2",
    "wrong reduction",
    "largest",
    "xp.sum(xp.stack(placed, axis=0), axis=0)",
    "xp.max(xp.stack(placed, axis=0), axis=0)",
)


@FAULTS.fault("FOLD-1", "wrong order")
def tap_before_channel(backend: Any, sound: Any, x: Any, *, kernel_size: Any, **options: Any) -> Any:
    """Rows are read as ordered by tap before channel."""
    xp, axes = backend.xp, len(options["output_size"])
    taps = kernel_size**axes if isinstance(kernel_size, int) else math.prod(kernel_size)
    parted = xp.reshape(x, (x.shape[0], taps, x.shape[1] // taps, x.shape[2]))
    return sound(xp.reshape(xp.permute_dims(parted, (0, 2, 1, 3)), x.shape), kernel_size=kernel_size, **options)


FAULTS.edit(
    "FOLD-3", "wrong order", "sides-swapped", "size, (low, _) in", "size, (_, low) in", within="nnspec._windows:cropped"
)

# -- one_hot ---------------------------------------------------------------------------------------------------

FAULTS.edit(
    "ONE_HOT-1",
    "wrong axis",
    "along-the-first-axis",
    "axis=-1) == classes",
    "axis=0) == self.xp.reshape(classes, (-1, *(1 for _ in x.shape)))",
)
FAULTS.edit("ONE_HOT-1", "ignored option", "dtype", "dtype or self.dtype", "self.dtype")
FAULTS.edit(
    "ONE_HOT-1",
    "wrong constant",
    "classes-from-one",
    "xp.astype(x, xp.int32), axis",
    "xp.astype(x, xp.int32) - 1, axis",
)


@FAULTS.fault("ONE_HOT-2", "unchecked argument", replaces="is_concrete")
def classes_not_looked_at(backend: Any, sound: Any, x: Any) -> bool:
    """No array's values are looked at, so that a class outside gives zeros (Keras under JAX)."""
    return False


@FAULTS.fault("ONE_HOT-3", "rare option")
def signed_bytes(backend: Any, sound: Any, x: Any, **options: Any) -> Any:
    """Bytes are read as signed ones."""
    return sound(x.astype(np.int8) if x.dtype.itemsize == 1 else x, **options)
