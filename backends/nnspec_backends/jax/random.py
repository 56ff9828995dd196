"""The native cipher, on which every definition of the family builds."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.random import threefry2x32_p

from nnspec.operation import Array
from nnspec.ops.random import Random

__all__ = ["JaxRandom"]


def _unsigned(words: Array) -> Array:
    return lax.bitcast_convert_type(words, jnp.uint32)


@jax.jit
def _threefry(key: Array, high: Array, low: Array) -> tuple[Array, Array]:
    k0, k1 = (jnp.broadcast_to(_unsigned(word), low.shape) for word in (key[0], key[1]))
    first, second = threefry2x32_p.bind(  # type: ignore[no-untyped-call]
        k0, k1, _unsigned(high), _unsigned(low)
    )
    return lax.bitcast_convert_type(first, jnp.int32), lax.bitcast_convert_type(second, jnp.int32)


class JaxRandom(Random):
    """JAX's own block; the layout of streams stays the definitions', whatever JAX's flags."""

    def threefry(self, key: Array, counter_high: Array, counter_low: Array) -> tuple[Array, Array]:
        first, second = _threefry(key, counter_high, counter_low)
        return first, second
