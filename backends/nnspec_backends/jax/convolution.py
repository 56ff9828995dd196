"""Native convolution."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from nnspec import _windows as windows
from nnspec._windows import Padding, PerAxis, Sides
from nnspec.operation import Array
from nnspec.ops.convolution import Convolution

__all__ = ["JaxConvolution"]


class JaxConvolution(Convolution):
    """IEEE float32 products on every device."""

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
        w = windows.resolve(x.shape[2:], weight.shape[2:], stride=stride, padding=padding, dilation=dilation)
        y = jax.lax.conv_general_dilated(
            x,
            weight,
            w.stride,
            w.padding,
            rhs_dilation=w.dilation,
            feature_group_count=groups,
            precision=jax.lax.Precision.HIGHEST,
        )
        return y if bias is None else y + jnp.reshape(bias, (-1, *(1 for _ in w.kernel)))

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
            x.shape[2:],
            weight.shape[2:],
            stride=stride,
            padding=padding,
            output_padding=output_padding,
            dilation=dilation,
        )
        sides = []  # of x with its gaps; negative where more is cut off the result than the kernel reaches
        for i, (size, (low, _)) in enumerate(zip(w.size, w.padding, strict=True)):
            reach = (w.kernel[i] - 1) * w.dilation[i]
            sides.append((reach - low, low + size - 1 - (x.shape[i + 2] - 1) * w.stride[i]))
        y = jax.lax.conv_general_dilated(
            x,
            windows.turned(self, weight, groups),
            (1,) * len(w.kernel),
            sides,
            lhs_dilation=w.stride,
            rhs_dilation=w.dilation,
            feature_group_count=groups,
            precision=jax.lax.Precision.HIGHEST,
        )
        return y if bias is None else y + jnp.reshape(bias, (-1, *(1 for _ in w.kernel)))
