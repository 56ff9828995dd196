"""Native recurrent networks: the steps of a direction are one scan."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from nnspec.operation import Array
from nnspec.ops.recurrent import Cell, Layer, Recurrent, both_ways
from nnspec_backends._recurrent import NativeRecurrent

__all__ = ["JaxRecurrent"]


# compiled as a function of its own, so that eager calls find it again: a bare scan would be compiled every time
@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _scanned(
    backend: Recurrent,
    cell: Cell,
    backward: bool,
    x: Array,
    weights: Mapping[str, Array],
    state: Mapping[str, Array],
    present: Array | None,
) -> tuple[Array, dict[str, Any]]:
    """One direction of a layer, by the definition's own step."""

    def step(before: dict[str, Array], given: tuple[Array, Array | None]) -> tuple[dict[str, Array], Array]:
        projected, here = given
        after = cell.step(backend, projected, weights, before)
        if here is None:
            return after, after["hidden"]
        after = {name: jnp.where(here, after[name], before[name]) for name in cell.states}
        return after, jnp.where(here, after["hidden"], 0.0)

    projected = jnp.moveaxis(backend.linear(x, weights["weight"], weights["bias"]), 1, 0)
    steps = None if present is None else jnp.moveaxis(present, 1, 0)[..., None]
    end, outputs = jax.lax.scan(step, dict(state), (projected, steps), reverse=backward)
    return jnp.moveaxis(outputs, 0, 1), end


class JaxRecurrent(NativeRecurrent):
    """A step is compiled once, however many there are."""

    def _native_layer(self, cell: Cell, x: Array, lengths: Array | None) -> Layer:
        return both_ways(
            self,
            lambda x, weights, state, present, backward: _scanned(self, cell, backward, x, weights, state, present),
        )
