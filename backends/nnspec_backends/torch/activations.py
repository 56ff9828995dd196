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

    def leaky_relu(self, x: Array, *, negative_slope: float = 0.01) -> Array:
        return functional.leaky_relu(x, negative_slope)

    def prelu(self, x: Array, weight: Array, *, axis: int = 1) -> Array:
        if weight.shape[0] == 1 or (x.ndim > 1 and axis % x.ndim == 1):  # elsewhere torch knows no channels
            return functional.prelu(x, weight)
        return super().prelu(x, weight, axis=axis)

    def gelu(self, x: Array, *, approximate: str = "none") -> Array:
        return functional.gelu(x, approximate=approximate)

    def silu(self, x: Array) -> Array:
        return functional.silu(x)

    def sigmoid(self, x: Array) -> Array:
        return torch.sigmoid(x)

    def tanh(self, x: Array) -> Array:
        return torch.tanh(x)

    def hard_tanh(self, x: Array, *, min_value: float = -1.0, max_value: float = 1.0) -> Array:
        return functional.hardtanh(x, min_value, max_value)

    def softplus(self, x: Array, *, beta: float = 1.0) -> Array:
        # functional.softplus is linear above a threshold; logsigmoid is accurate in both tails
        if beta == 1:
            return -functional.logsigmoid(-x)
        return functional.logsigmoid(-beta * x) / -beta

    def softmax(self, x: Array, *, axis: int = -1) -> Array:
        return torch.softmax(x, axis)

    def log_softmax(self, x: Array, *, axis: int = -1) -> Array:
        return torch.log_softmax(x, axis)
