"""`jax.numpy` as the definitions shall see it: with exact products, and log1p to the last digits."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from nnspec.operation import Array

__all__ = ["namespace"]


class _Namespace:
    """`jax.numpy`, but for the functions below."""

    def __getattr__(self, name: str) -> Any:
        return getattr(jnp, name)

    def matmul(self, x: Array, y: Array) -> Array:
        """The product in the precision of the operands on every device."""
        return jnp.matmul(x, y, precision=jax.lax.Precision.HIGHEST)

    def log1p(self, x: Array) -> Array:
        """XLA's float64 log1p is off by up to 240 roundoffs near -0.41; away from 0 the logarithm serves."""
        if x.dtype != jnp.float64:
            return jnp.log1p(x)
        near = jnp.abs(x) < 0.25
        return jnp.where(near, jnp.log1p(jnp.where(near, x, 0.0)), jnp.log(jnp.where(near, 1.0, 1.0 + x)))


namespace = _Namespace()
