"""Native pooling.

PyTorch pads both sides alike, and in ceil_mode adds windows on the high side. Windows of any padding are a
prefix of those that the low side's padding gives in one of the two modes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from nnspec import _windows as windows
from nnspec._windows import Padding, PerAxis, Windows
from nnspec.operation import Array
from nnspec.ops.pooling import Pooling
from nnspec_backends.torch._modes import under_transform

__all__ = ["TorchPooling"]

_MAX: tuple[Any, ...] = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)
_AVG: tuple[Any, ...] = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)
_ADAPTIVE_AVG: tuple[Any, ...] = (
    functional.adaptive_avg_pool1d,
    functional.adaptive_avg_pool2d,
    functional.adaptive_avg_pool3d,
)
_ADAPTIVE_MAX: tuple[Any, ...] = (
    functional.adaptive_max_pool1d,
    functional.adaptive_max_pool2d,
    functional.adaptive_max_pool3d,
)


def _span(kernel: int, dilation: int) -> int:
    return (kernel - 1) * dilation + 1


def _native_padding(w: Windows) -> tuple[tuple[int, ...], bool] | None:
    """Padding and ceil_mode that make PyTorch's windows begin with those of `w`, if there are any."""
    low = tuple(sides[0] for sides in w.padding)
    axes = list(zip(w.size, w.kernel, w.stride, w.dilation, low, w.out, strict=True))
    if any(p > k // 2 or n < d for n, k, _, d, p, _ in axes):
        return None  # refused, or a window between the taps of which the whole input lies
    room = [(n + 2 * p - _span(k, d), s, n + p) for n, k, s, d, p, _ in axes]
    if all(rest >= 0 and rest // s + 1 >= out for (rest, s, _), out in zip(room, w.out, strict=True)):
        return low, False
    # the last window must begin inside the input or its low padding
    if all(
        -(-rest // s) + 1 >= out and (out - 1) * s < limit for (rest, s, limit), out in zip(room, w.out, strict=True)
    ):
        return low, True
    return None


def _pooled(native: Callable[..., Array], x: Array, w: Windows, **options: Any) -> Array | None:
    """`native` over the windows of `w`, or None where PyTorch cannot."""
    found = _native_padding(w)
    if found is None:
        return None
    padding, ceil_mode = found
    y = native(x, w.kernel, w.stride, padding, ceil_mode=ceil_mode, **options)
    if tuple(y.shape[2:]) == w.out:
        return y
    return y[(..., *(slice(out) for out in w.out))]


class TorchPooling(Pooling):
    """One kernel over all windows; the definition where the padding is wider than PyTorch accepts."""

    def max_pool(
        self,
        x: Array,
        *,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: Padding = 0,
        dilation: PerAxis = 1,
    ) -> Array:
        w = windows.resolve(tuple(x.shape[2:]), kernel_size, stride=stride, padding=padding, dilation=dilation)
        y = _pooled(_MAX[len(w.kernel) - 1], x, w, dilation=w.dilation)
        if y is not None:
            return y
        return super().max_pool(x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)

    def avg_pool(
        self,
        x: Array,
        *,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: Padding = 0,
        count_include_pad: bool = False,
    ) -> Array:
        w = windows.resolve(tuple(x.shape[2:]), kernel_size, stride=stride, padding=padding)
        native = _AVG[len(w.kernel) - 1]
        if count_include_pad:  # zeros of our own, of which any number may stand on either side
            sides = [side for axis in reversed(w.padding) for side in axis]
            return native(functional.pad(x, sides) if any(sides) else x, w.kernel, w.stride)
        y = _pooled(native, x, w, count_include_pad=False)
        if y is not None:
            return y
        return super().avg_pool(
            x,
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            count_include_pad=count_include_pad,
        )

    def adaptive_avg_pool(self, x: Array, *, output_size: PerAxis) -> Array:
        return _ADAPTIVE_AVG[x.ndim - 3](x, output_size)

    def adaptive_max_pool(self, x: Array, *, output_size: PerAxis) -> Array:
        return _ADAPTIVE_MAX[x.ndim - 3](x, output_size)

    def global_max_pool(self, x: Array, *, keepdims: bool = False) -> Array:
        if not (x.requires_grad and torch.is_grad_enabled()) and not under_transform():
            return x.amax(tuple(range(2, x.ndim)), keepdim=keepdims)  # a tenth of the time
        best = x.flatten(2).max(-1).values  # its gradient goes to the first maximum; that of amax is shared
        return best.reshape(*best.shape, *(1 for _ in x.shape[2:] if keepdims))
