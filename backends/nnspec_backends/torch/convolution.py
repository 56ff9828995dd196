"""Native convolution, in IEEE float32 on every device."""

from __future__ import annotations

from typing import Any

from torch.nn import functional

from nnspec import _windows as windows
from nnspec._windows import Padding, PerAxis
from nnspec.operation import Array
from nnspec.ops.convolution import Convolution
from nnspec_backends.torch._modes import ieee_products

__all__ = ["TorchConvolution"]

_CONV: tuple[Any, ...] = (functional.conv1d, functional.conv2d, functional.conv3d)


class TorchConvolution(Convolution):
    """PyTorch's kernels pad both sides alike; what one side has more of is put there beforehand."""

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
        if x.is_cuda:
            with ieee_products():
                return native(x, weight, bias, w.stride, both, w.dilation, groups)
        return native(x, weight, bias, w.stride, both, w.dilation, groups)
