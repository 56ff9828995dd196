"""The native cipher, on which every definition of the family builds."""

from __future__ import annotations

import functools
from typing import Any

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


@functools.partial(jax.jit, static_argnames=("backend", "name", "options"))
def _defined(key: Array, *, backend: Random, name: str, options: tuple[tuple[str, Any], ...]) -> Array:
    """An operation's definition as one program: one compilation a shape, not one a primitive."""
    return getattr(Random, name).__wrapped__(backend, key, **dict(options))


class JaxRandom(Random):
    """JAX's own block; the layout of streams stays the definitions', whatever JAX's flags."""

    def random_bits(self, key: Array, shape: tuple[int, ...]) -> Array:
        return _defined(key, backend=self, name="random_bits", options=(("shape", tuple(shape)),))

    def random_uniform(self, key: Array, shape: tuple[int, ...], *, dtype: str | None = None) -> Array:
        options = (("shape", tuple(shape)), ("dtype", dtype))
        return _defined(key, backend=self, name="random_uniform", options=options)

    def dropout_mask(self, key: Array, shape: tuple[int, ...], *, rate: float, site: int = 0) -> Array:
        options = (("shape", tuple(shape)), ("rate", rate), ("site", site))
        return _defined(key, backend=self, name="dropout_mask", options=options)

    def threefry(self, key: Array, counter_high: Array, counter_low: Array) -> tuple[Array, Array]:
        first, second = _threefry(key, counter_high, counter_low)
        return first, second
