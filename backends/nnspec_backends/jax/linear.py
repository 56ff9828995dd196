"""Native linear layer: one contraction, without a transposed copy of the weight."""

from __future__ import annotations

import jax

from nnspec.operation import Array
from nnspec.ops.linear import Linear

__all__ = ["JaxLinear"]


class JaxLinear(Linear):
    """IEEE float32 products on every device."""

    def linear(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        last = (((x.ndim - 1,), (1,)), ((), ()))
        y = jax.lax.dot_general(x, weight, last, precision=jax.lax.Precision.HIGHEST)
        return y if bias is None else y + bias
