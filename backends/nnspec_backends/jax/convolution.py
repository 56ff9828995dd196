"""Native convolution."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from nnspec import _windows as windows
from nnspec._windows import Padding, PerAxis
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
