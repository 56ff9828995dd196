"""Native activations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec.operation import Array
from nnspec.ops.activations import Activations
from nnspec.tape import primitive
from nnspec_backends.numpy._plan import Traced, word_of

__all__ = ["NumpyActivations"]

#: up to so many elements one call of np.where costs less than the passes that replace it
_FEW = 1024


def _choose(condition: Any, a: Any, b: Any) -> Any:
    """np.where by masks of bits: its branch is mispredicted at random signs, which costs six times as much.

    One of `a` and `b` may be a Python number, the other has the shape of `condition`.
    """
    if isinstance(condition, Traced):
        return np.where(condition, a, b)
    dtype = getattr(a, "dtype", None) or b.dtype
    a, b = np.asarray(a, dtype), np.asarray(b, dtype)
    if condition.size <= _FEW:
        return np.where(condition, a, b)
    word = word_of(dtype)
    first, second = a.view(word), b.view(word)
    mask = condition.astype(word)
    np.negative(mask, out=mask)
    mask &= first ^ second
    mask ^= second
    return mask.view(dtype)


# -- straight pieces ---------------------------------------------------------------------------------------


def _relu(x: Any) -> Any:
    if isinstance(x, Traced):  # one call; of two zeros it may return the negative one
        return np.maximum(x, np.zeros_like(x))
    return _choose(x <= 0, 0.0, x)


def _relu_back(g: Any, y: Any, x: Any) -> Any:
    if not isinstance(y, Traced):
        return _choose(x <= 0, 0.0, g)
    word = word_of(y.dtype)
    hits = np.not_equal(y, 0.0, out=np.empty_like(y, dtype=word))
    kept = np.empty_like(y)
    np.multiply(g.view(word), hits, out=kept.view(word))  # bits times 1 or 0: a choice, also where g is not finite
    return kept


def _clip(x: Any, *, low: float, high: float) -> Any:
    return np.clip(x, low, high)


def _clip_back(g: Any, y: Any, x: Any, *, low: float, high: float) -> Any:
    return _choose((x <= low) | (x >= high), 0.0, g)


def _softshrink(x: Any, *, lambd: float) -> Any:
    return x - np.clip(x, -lambd, lambd)


def _hardshrink(x: Any, *, lambd: float) -> Any:
    return _choose(np.abs(x) <= lambd, 0.0, x)


def _shrink_back(g: Any, y: Any, x: Any, *, lambd: float) -> Any:
    return _choose(np.abs(x) <= lambd, 0.0, g)


relu = primitive(_relu, _relu_back)
clip = primitive(_clip, _clip_back)
softshrink = primitive(_softshrink, _shrink_back)
hardshrink = primitive(_hardshrink, _shrink_back)

# -- smooth rectifiers -------------------------------------------------------------------------------------


def _celu(x: Any, *, alpha: float, width: float) -> Any:
    """x above 0, alpha (exp(x / width) - 1) below: celu where the two are equal, elu where width is 1."""
    below = np.minimum(x, 0)
    if width != 1:
        below /= width
    return np.maximum(x, 0) + alpha * np.expm1(below)


def _celu_back(g: Any, y: Any, x: Any, *, alpha: float, width: float) -> Any:
    below = np.minimum(x, 0)
    if width != 1:
        below /= width
    return g * _choose(x <= 0, (alpha / width) * np.exp(below), 1.0)


def _squareplus(x: Any, *, b: float) -> Any:
    total = np.abs(x) + np.hypot(x, math.sqrt(b))
    return _choose(x < 0, (0.5 * b) / total, 0.5 * total)


def _squareplus_back(g: Any, y: Any, x: Any, *, b: float) -> Any:
    return g * (y / np.hypot(x, math.sqrt(b)))


celu = primitive(_celu, _celu_back)
squareplus = primitive(_squareplus, _squareplus_back)

# -- sigmoids, and x times one -----------------------------------------------------------------------------


def _sigmoid(x: Any) -> Any:
    z = np.exp(-np.abs(x))
    return _choose(x < 0, z, 1.0) / (1 + z)


def _log_sigmoid(x: Any) -> Any:
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


def _softsign(x: Any) -> Any:
    return x / (1 + np.abs(x))


def _softsign_back(g: Any, y: Any, x: Any) -> Any:
    d = 1 + np.abs(x)
    return g / d / d


#: above it tanh(softplus(x)) is 1 to the precision of float64
_MISH_FLAT = 22.0


def _mish_parts(x: Any) -> tuple[Any, Any, Any, Any]:
    """The bounded x, e = exp(x), and n, d with tanh(log(1 + e)) = n / d."""
    bounded = np.minimum(x, _MISH_FLAT)
    e = np.exp(bounded)
    n = e * (e + 2)
    return bounded, e, n, n + 2


def _mish(x: Any) -> Any:
    _, _, n, d = _mish_parts(x)
    return x * (n / d)


def _mish_back(g: Any, y: Any, x: Any) -> Any:
    bounded, e, n, d = _mish_parts(x)
    return g * (n / d + 4 * bounded * (e / d) * ((e + 1) / d))


sigmoid = primitive(_sigmoid, lambda g, y, x: g * (y * (1 - y)))
log_sigmoid = primitive(_log_sigmoid, lambda g, y, x: g * _sigmoid(-x))
tanh = primitive(np.tanh, lambda g, y, x: g * (1 - y * y))
softsign = primitive(_softsign, _softsign_back)
mish = primitive(_mish, _mish_back)

# -- along an axis -----------------------------------------------------------------------------------------


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


softmax = primitive(_softmax, _softmax_back)
log_softmax = primitive(_log_softmax, _log_softmax_back)


class NumpyActivations(Activations):
    """Few passes over the array each; derivatives from the saved output where that is what everybody does."""

    def relu(self, x: Array) -> Array:
        return relu(x)

    def relu6(self, x: Array) -> Array:
        return clip(x, low=0.0, high=6.0)

    def hard_tanh(self, x: Array, *, min_value: float = -1.0, max_value: float = 1.0) -> Array:
        return clip(x, low=min_value, high=max_value)

    def softshrink(self, x: Array, *, lambd: float = 0.5) -> Array:
        return softshrink(x, lambd=lambd)

    def hardshrink(self, x: Array, *, lambd: float = 0.5) -> Array:
        return hardshrink(x, lambd=lambd)

    def elu(self, x: Array, *, alpha: float = 1.0) -> Array:
        return celu(x, alpha=alpha, width=1.0)

    def celu(self, x: Array, *, alpha: float = 1.0) -> Array:
        return celu(x, alpha=alpha, width=alpha)

    def squareplus(self, x: Array, *, b: float = 4.0) -> Array:
        return squareplus(x, b=b)

    def sigmoid(self, x: Array) -> Array:
        return sigmoid(x)

    def log_sigmoid(self, x: Array) -> Array:
        return log_sigmoid(x)

    def tanh(self, x: Array) -> Array:
        return tanh(x)

    def softsign(self, x: Array) -> Array:
        return softsign(x)

    def mish(self, x: Array) -> Array:
        return mish(x)

    def softmax(self, x: Array, *, axis: int = -1) -> Array:
        return softmax(x, axis=axis)

    def log_softmax(self, x: Array, *, axis: int = -1) -> Array:
        return log_softmax(x, axis=axis)
