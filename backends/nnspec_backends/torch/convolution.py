"""Native convolution, in IEEE float32 on every device."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch.nn import functional

from nnspec import _windows as windows
from nnspec._windows import Padding, PerAxis, Sides
from nnspec.operation import Array
from nnspec.ops.convolution import Convolution
from nnspec_backends.torch._modes import ieee_products

__all__ = ["TorchConvolution"]

_CONV: tuple[Any, ...] = (functional.conv1d, functional.conv2d, functional.conv3d)
_CONV_TRANSPOSE: tuple[Any, ...] = (
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
)


class TorchConvolution(Convolution):
    """PyTorch's kernels pad both sides alike; what one side has more of is put there beforehand, or cut off there."""

    def conv(
        self,
        x: Array,
        weight: Array,
        bias: Array | None = None,
        *,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
    ) -> Array:
        w = windows.resolve(
            tuple(x.shape[2:]), tuple(weight.shape[2:]), stride=stride, padding=padding, dilation=dilation
        )
        both = tuple(min(sides) for sides in w.padding)
        if any(low != high for low, high in w.padding):
            sides = zip(reversed(w.padding), reversed(both), strict=True)
            more = [side - p for along, p in sides for side in along]
            x = functional.pad(x, more)
        native = _CONV[len(w.kernel) - 1]
        if x.ndim == 4 and x.is_cpu:  # these kernels and those of pooling are faster where channels lie together
            x, weight = _channels_last(x), _channels_last(weight)
        if x.is_cuda:
            with ieee_products():
                return native(x, weight, bias, w.stride, both, w.dilation, groups)
        return native(x, weight, bias, w.stride, both, w.dilation, groups)

    def conv_transpose(
        self,
        x: Array,
        weight: Array,
        bias: Array | None = None,
        *,
        stride: PerAxis = 1,
        padding: Sides = 0,
        output_padding: PerAxis = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
    ) -> Array:
        w = windows.resolve_transposed(
            tuple(x.shape[2:]),
            tuple(weight.shape[2:]),
            stride=stride,
            padding=padding,
            output_padding=output_padding,
            dilation=dilation,
        )
        both = tuple(min(sides) for sides in w.padding)
        more = windows.per_axis("output_padding", output_padding, len(w.kernel), low=0)
        with ieee_products() if x.is_cuda else nullcontext():
            y = _CONV_TRANSPOSE[len(w.kernel) - 1](x, weight, bias, w.stride, both, more, groups, w.dilation)
        if all(low == high for low, high in w.padding):
            return y
        starts = [low - p for (low, _), p in zip(w.padding, both, strict=True)]
        return y[(..., *(slice(start, start + n) for start, n in zip(starts, w.size, strict=True)))]


def _channels_last(x: Array) -> Array:
    if x.shape[1] == 1:  # both layouts at once, of which torch takes the other one
        return x.reshape(x.shape[0], *x.shape[2:], 1).permute(0, 3, 1, 2)
    return x.contiguous(memory_format=torch.channels_last)
