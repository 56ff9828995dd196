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

    Not relu (derivative 0 at NaN), leaky_relu (derivative 1 at 0), hard_tanh (derivative 1 at its bounds), softplus
    and log_sigmoid (their derivative comes from the rounded output), hard_sigmoid and hard_swish (they compare the
    rounded x + 3) and squareplus (it subtracts in the left tail).
    """

    def relu6(self, x: Array) -> Array:
        return jax.nn.relu6(x)

    def elu(self, x: Array, *, alpha: float = 1.0) -> Array:
        return jax.nn.elu(x, alpha)

    def selu(self, x: Array) -> Array:
        return jax.nn.selu(x)

    def celu(self, x: Array, *, alpha: float = 1.0) -> Array:
        return jax.nn.celu(x, alpha)

    def softsign(self, x: Array) -> Array:
        return jax.nn.soft_sign(x)

    def gelu(self, x: Array, *, approximate: str = "none") -> Array:
        if approximate == "tanh":
            # (1 + tanh z) / 2 = sigmoid(2 z), by its definition: XLA's tanh is 5 roundoffs off next to 1,
            # and so is 1 - y^2 in its derivative
            return x * super().sigmoid(_TWICE_SQRT_2_OVER_PI * (x + 0.044715 * (x * x * x)))
        return jax.nn.gelu(x, approximate=False)

    def silu(self, x: Array, *, beta: float = 1.0) -> Array:
        return jax.nn.silu(x) if beta == 1 else super().silu(x, beta=beta)

    def mish(self, x: Array) -> Array:
        return jax.nn.mish(x)

    def glu(self, x: Array, *, axis: int = -1) -> Array:
        return jax.nn.glu(x, axis=axis)

    def sigmoid(self, x: Array) -> Array:
        return jax.nn.sigmoid(x)

    def softmax(self, x: Array, *, axis: int = -1) -> Array:
        return jax.nn.softmax(x, axis=axis)

    def log_softmax(self, x: Array, *, axis: int = -1) -> Array:
        return jax.nn.log_softmax(x, axis=axis)
