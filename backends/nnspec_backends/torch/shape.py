"""Native resampling, where PyTorch finds the same places, and sums of windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext

from torch.nn import functional

from nnspec import _windows as windows
from nnspec._windows import Padding, PerAxis, Sides
from nnspec.operation import Array
from nnspec.ops.shape import Shape, sides_of
from nnspec_backends._resample import resampled_linearly
from nnspec_backends.torch._modes import ieee_products

__all__ = ["TorchShape"]

#: up to which size PyTorch's float32 places of an axis are as good as integers
_EXACT = 1 << 20
_LINEAR = ("linear", "bilinear", "trilinear")


def _native_mode(size: Sequence[int], target: Sequence[int], mode: str) -> str | None:
    """PyTorch's name of `mode` where it computes the same places, else None.

    It takes them from the scale in float32. A nearest entry comes out as in integers unless a place is just
    between two, which needs an odd size afterwards in the lowest terms of the ratio; the weights of linear
    do if the scale is no fraction but of a power of two.
    """
    for n, m in zip(size, target, strict=True):
        common = math.gcd(n, m)
        old, new = n // common, m // common
        powers = new & (new - 1) == 0
        if max(n, m) * new > _EXACT or not (powers or (mode == "nearest" and old % 2)):
            return None
    return "nearest-exact" if mode == "nearest" else _LINEAR[len(size) - 1]


class TorchShape(Shape):
    """PyTorch's unfold and its other modes of padding are slower than slices joined, or no faster."""

    def pad(self, x: Array, *, padding: Sides, mode: str = "constant", value: float = 0.0) -> Array:
        if mode != "constant":
            return super().pad(x, padding=padding, mode=mode, value=value)
        added = sides_of(x, padding)
        axes = range(x.ndim - 1, min(added, default=x.ndim) - 1, -1)
        return functional.pad(x, [side for axis in axes for side in added.get(axis, (0, 0))], value=value)

    def upsample(self, x: Array, *, size: PerAxis, mode: str = "nearest") -> Array:
        target = windows.per_axis("size", size, x.ndim - 2, low=1)
        native = _native_mode(tuple(x.shape[2:]), target, mode)
        if native is not None:
            return functional.interpolate(x, target, mode=native)
        if mode == "nearest":
            return super().upsample(x, size=size, mode=mode)
        with ieee_products() if x.is_cuda else nullcontext():
            return resampled_linearly(self, x, target)

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
        if len(output_size) != 2 or x.shape[0] == 0:
            return super().fold(
                x,
                output_size=output_size,
                kernel_size=kernel_size,
                stride=stride,
                padding=padding,
                dilation=dilation,
            )
        w = windows.resolve(output_size, kernel_size, stride=stride, padding=padding, dilation=dilation)
        room = tuple(n + low + high for n, (low, high) in zip(w.size, w.padding, strict=True))
        return windows.cropped(functional.fold(x, room, w.kernel, w.dilation, 0, w.stride), w)
