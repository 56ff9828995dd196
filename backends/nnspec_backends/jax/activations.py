"""Native activations: one compiled call where the definition dispatches a chain."""

from __future__ import annotations

import math

import jax

from nnspec.operation import Array
from nnspec.ops.activations import Activations

__all__ = ["JaxActivations"]

_TWICE_SQRT_2_OVER_PI = 2 * math.sqrt(2 / math.pi)


class JaxActivations(Activations):
    """Those of jax.nn that have the definition's kinks and accuracy.

    Not leaky_relu (derivative 1 at 0), hard_tanh (derivative 1 at its bounds) and softplus (its derivative
    comes from the rounded output).
    """

    def relu(self, x: Array) -> Array:
        return jax.nn.relu(x)

    def gelu(self, x: Array, *, approximate: str = "none") -> Array:
        if approximate == "tanh":
            # (1 + tanh z) / 2 = sigmoid(2 z), by its definition: XLA's tanh is 5 roundoffs off next to 1,
            # and so is 1 - y^2 in its derivative
            return x * super().sigmoid(_TWICE_SQRT_2_OVER_PI * (x + 0.044715 * (x * x * x)))
        return jax.nn.gelu(x, approximate=False)

    def silu(self, x: Array) -> Array:
        return jax.nn.silu(x)

    def sigmoid(self, x: Array) -> Array:
        return jax.nn.sigmoid(x)

    def softmax(self, x: Array, *, axis: int = -1) -> Array:
        return jax.nn.softmax(x, axis=axis)

    def log_softmax(self, x: Array, *, axis: int = -1) -> Array:
        return jax.nn.log_softmax(x, axis=axis)
