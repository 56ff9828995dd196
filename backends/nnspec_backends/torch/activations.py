"""Native activations, where PyTorch's kernel has the definition's mathematics, kinks included."""

from __future__ import annotations

import torch
from torch.nn import functional

from nnspec.operation import Array
from nnspec.ops.activations import Activations

__all__ = ["TorchActivations"]


class TorchActivations(Activations):
    """One kernel forward and one backward in place of a chain."""

    def relu(self, x: Array) -> Array:
        return torch.relu(x)

    def relu6(self, x: Array) -> Array:
        return functional.relu6(x)

    def elu(self, x: Array, *, alpha: float = 1.0) -> Array:
        return functional.elu(x, alpha)

    def selu(self, x: Array) -> Array:
        return functional.selu(x)

    def celu(self, x: Array, *, alpha: float = 1.0) -> Array:
        # the derivative of PyTorch's in float64 has 1/alpha rounded to float32
        single = x.dtype == torch.float32 or alpha == 1
        return functional.celu(x, alpha) if single else super().celu(x, alpha=alpha)

    def leaky_relu(self, x: Array, *, negative_slope: float = 0.01) -> Array:
        return functional.leaky_relu(x, negative_slope)

    def prelu(self, x: Array, weight: Array, *, axis: int = 1) -> Array:
        if weight.shape[0] == 1 or (x.ndim > 1 and axis % x.ndim == 1):  # elsewhere torch knows no channels
            return functional.prelu(x, weight)
        return super().prelu(x, weight, axis=axis)

    def gelu(self, x: Array, *, approximate: str = "none") -> Array:
        return functional.gelu(x, approximate=approximate)

    def silu(self, x: Array, *, beta: float = 1.0) -> Array:
        if beta == 1:
            return functional.silu(x)
        if self.is_low(x):
            return self.rounded(super().silu(self.widened(x), beta=beta), x.dtype)
        return super().silu(x, beta=beta)

    def mish(self, x: Array) -> Array:
        return functional.mish(x)

    def hard_swish(self, x: Array) -> Array:
        return functional.hardswish(x)

    def glu(self, x: Array, *, axis: int = -1) -> Array:
        return functional.glu(x, axis)

    def sigmoid(self, x: Array) -> Array:
        return torch.sigmoid(x)

    def log_sigmoid(self, x: Array) -> Array:
        return functional.logsigmoid(x)

    def tanh(self, x: Array) -> Array:
        return torch.tanh(x)

    def hard_tanh(self, x: Array, *, min_value: float = -1.0, max_value: float = 1.0) -> Array:
        return functional.hardtanh(x, min_value, max_value)

    def hard_sigmoid(self, x: Array) -> Array:
        # the derivative of PyTorch's in float64 is 1/6 rounded to float32
        return functional.hardsigmoid(x) if x.dtype == torch.float32 else super().hard_sigmoid(x)

    def softshrink(self, x: Array, *, lambd: float = 0.5) -> Array:
        return functional.softshrink(x, lambd)

    def hardshrink(self, x: Array, *, lambd: float = 0.5) -> Array:
        return functional.hardshrink(x, lambd)

    def threshold(self, x: Array, *, threshold: float, value: float) -> Array:
        return functional.threshold(x, threshold, value)

    def softplus(self, x: Array, *, beta: float = 1.0) -> Array:
        # PyTorch's own threshold of 20 shows in float64; above 40 nothing does
        return functional.softplus(x, beta, threshold=40.0)

    def softsign(self, x: Array) -> Array:
        return functional.softsign(x)

    def softmax(self, x: Array, *, axis: int = -1) -> Array:
        return torch.softmax(x, axis)

    def log_softmax(self, x: Array, *, axis: int = -1) -> Array:
        return torch.log_softmax(x, axis)
