"""Native activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec.operation import Array
from nnspec.ops.activations import Activations
from nnspec.tape import primitive

__all__ = ["NumpyActivations"]


def _relu(x: Any) -> Any:
    return np.where(x <= 0, np.zeros((), x.dtype), x)  # and not maximum: it may return -0.0


def _softmax(x: Any, *, axis: int) -> Any:
    e = x - np.max(x, axis=axis, keepdims=True)
    np.exp(e, out=e)
    e /= np.sum(e, axis=axis, keepdims=True)
    return e


def _softmax_back(g: Any, y: Any, x: Any, *, axis: int) -> Any:
    return y * (g - np.sum(g * y, axis=axis, keepdims=True))


def _log_softmax(x: Any, *, axis: int) -> Any:
    z = x - np.max(x, axis=axis, keepdims=True)
    z -= np.log(np.sum(np.exp(z), axis=axis, keepdims=True))
    return z


def _log_softmax_back(g: Any, y: Any, x: Any, *, axis: int) -> Any:
    return g - np.exp(y) * np.sum(g, axis=axis, keepdims=True)


def _sigmoid(x: Any) -> Any:
    z = np.exp(-np.abs(x))
    return np.where(x < 0, z, np.ones((), x.dtype)) / (1 + z)


relu = primitive(_relu, lambda g, y, x: np.where(x <= 0, np.zeros((), g.dtype), g))
softmax = primitive(_softmax, _softmax_back)
log_softmax = primitive(_log_softmax, _log_softmax_back)
sigmoid = primitive(_sigmoid, lambda g, y, x: g * (y * (1 - y)))
tanh = primitive(np.tanh, lambda g, y, x: g * (1 - y * y))


class NumpyActivations(Activations):
    """One pass over the array each; derivatives from the saved output where that is what everybody does."""

    def relu(self, x: Array) -> Array:
        return relu(x)

    def softmax(self, x: Array, *, axis: int = -1) -> Array:
        return softmax(x, axis=axis)

    def log_softmax(self, x: Array, *, axis: int = -1) -> Array:
        return log_softmax(x, axis=axis)

    def sigmoid(self, x: Array) -> Array:
        return sigmoid(x)

    def tanh(self, x: Array) -> Array:
        return tanh(x)
