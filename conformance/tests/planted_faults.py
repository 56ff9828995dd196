"""Faulty backends, each NumPy's with one operation wrong in one way that real code has been wrong in."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec.tape import namespace as xp
from nnspec.tape import primitive, raw
from nnspec_backends.numpy import NumpyBackend

EXPECTED: dict[str, str] = {}


def fault(requirement: str) -> Any:
    """Note which requirement has to catch the class."""

    def note(cls: type) -> type:
        EXPECTED[cls.__name__] = requirement
        return cls

    return note


# -- activations -------------------------------------------------------------------------------------------

_half_relu = primitive(lambda x: np.maximum(x, 0), lambda g, y, x: g * ((x > 0) + 0.5 * (x == 0)).astype(g.dtype))
_open_clip = primitive(
    lambda x, *, low, high: np.clip(x, low, high),
    lambda g, y, x, *, low, high: g * ((x >= low) & (x <= high)).astype(g.dtype),
)


def _exp_normalized(x: Any, *, axis: int) -> Any:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


_wrong_softmax = primitive(_exp_normalized, lambda g, y, x, *, axis: y * g)


@fault("RELU-2")
class ReluHalfAtZero(NumpyBackend):
    def relu(self, x):
        return _half_relu(x)


@fault("HARD_TANH-2")
class HardTanhPassesAtTheBounds(NumpyBackend):
    def hard_tanh(self, x, *, min_value=-1.0, max_value=1.0):
        return _open_clip(x, low=min_value, high=max_value)


@fault("GELU-2")
class GeluConstant(NumpyBackend):
    def gelu(self, x, *, approximate="none"):
        if approximate == "none":
            return super().gelu(x)
        return 0.5 * x * (1 + xp.tanh(0.7978845608 * (x + 0.0447 * (x * x * x))))


@fault("SOFTPLUS-1")
class SoftplusOverflows(NumpyBackend):
    def softplus(self, x, *, beta=1.0):
        return xp.log(1 + xp.exp(beta * x)) / beta


@fault("SOFTPLUS-1")
class SoftplusLinearAboveTwenty(NumpyBackend):
    def softplus(self, x, *, beta=1.0):
        return xp.where(raw(x) * beta > 20, x, super().softplus(x, beta=beta))


@fault("SOFTMAX-2")
class SoftmaxGradientWithoutItsSum(NumpyBackend):
    def softmax(self, x, *, axis=-1):
        return _wrong_softmax(x, axis=axis)


@fault("SOFTMAX-1")
class SoftmaxWithEps(NumpyBackend):
    def softmax(self, x, *, axis=-1):
        e = xp.exp(x - self.stop_gradient(xp.max(x, axis=axis, keepdims=True)))
        return e / (xp.sum(e, axis=axis, keepdims=True) + 1e-7)


@fault("LOG_SOFTMAX-1")
class LogOfSoftmax(NumpyBackend):
    def log_softmax(self, x, *, axis=-1):
        e = xp.exp(x)
        return xp.log(e / xp.sum(e, axis=axis, keepdims=True))


# -- linear and convolution ----------------------------------------------------------------------------------


def _tf32(a: Any) -> Any:
    if a.dtype != np.float32:
        return a.astype(np.float32).astype(a.dtype)
    return ((np.ascontiguousarray(a).view(np.uint32) + 0x1000) & 0xFFFFE000).view(np.float32)


_coarse = primitive(
    lambda a, b: _tf32(a) @ _tf32(b),
    lambda g, y, a, b: g @ b.swapaxes(-1, -2),
    lambda g, y, a, b: a.swapaxes(-1, -2) @ g,
)


@fault("LINEAR-4")
class LinearInTF32(NumpyBackend):
    def linear(self, x, weight, bias=None):
        rows = xp.reshape(x, (-1, x.shape[-1]))
        y = xp.reshape(_coarse(rows, xp.permute_dims(weight, (1, 0))), (*x.shape[:-1], weight.shape[0]))
        return y if bias is None else y + bias


@fault("LINEAR-1")
class LinearDropsTheLastTerm(NumpyBackend):
    def linear(self, x, weight, bias=None):
        if x.shape[-1] < 2:
            return super().linear(x, weight, bias)
        return super().linear(x[..., :-1], weight[:, :-1], bias)


@fault("CONV-3")
class ConvSwapsThePadding(NumpyBackend):
    def conv(self, x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
        if not isinstance(padding, (int, str)):
            padding = tuple(p if isinstance(p, int) else tuple(reversed(p)) for p in padding)
        return super().conv(x, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)


@fault("MAX_POOL-2")
class MaxPoolLastTieWins(NumpyBackend):
    def max_pool(self, x, *, kernel_size, stride=None, padding=0, dilation=1):
        if padding or dilation != 1:
            return super().max_pool(x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
        axes = tuple(range(2, x.ndim))
        sizes = x.shape[2:]
        kernel = (kernel_size,) * len(sizes) if isinstance(kernel_size, int) else kernel_size
        steps = kernel if stride is None else (stride,) * len(sizes) if isinstance(stride, int) else stride
        used = [(n - k) // s * s + k for n, k, s in zip(sizes, kernel, steps, strict=True)]
        covered = x[(..., *(slice(0, n) for n in used))]
        turned = super().max_pool(xp.flip(covered, axis=axes), kernel_size=kernel, stride=steps)
        return xp.flip(turned, axis=axes)


# -- normalization ---------------------------------------------------------------------------------------------


def _layer_norm(backend: Any, x: Any, weight: Any, bias: Any, axis: Any, normalized: Any) -> Any:
    """With another normalization of rows; other axes than the last by the true operation."""
    if axis not in (-1, x.ndim - 1):
        return None
    y = normalized(x, x.shape[-1])
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def _mean(x: Any, n: float) -> Any:
    return xp.sum(x, axis=-1, keepdims=True) / n


def _layer_norm_fault(name: str, requirement: str, normalized: Any) -> type[NumpyBackend]:
    def layer_norm(self, x, weight=None, bias=None, *, axis=-1, eps=1e-5):
        y = _layer_norm(self, x, weight, bias, axis, lambda x, n: normalized(x, n, eps))
        if y is None:
            return NumpyBackend.layer_norm(self, x, weight, bias, axis=axis, eps=eps)
        return y

    made = type(name, (NumpyBackend,), {"layer_norm": layer_norm, "__module__": __name__})
    return fault(requirement)(made)  # type: ignore[no-any-return]


def _one_pass(x: Any, n: int, eps: float) -> Any:
    mean = _mean(x, n)
    var = _mean(x * x, n) - mean * mean
    return (x - mean) / xp.sqrt(xp.where(var < 0, 0.0, var) + eps)


def _eps_outside(x: Any, n: int, eps: float) -> Any:
    d = x - _mean(x, n)
    return d / (xp.sqrt(_mean(d * d, n)) + eps)


def _unbiased(x: Any, n: int, eps: float) -> Any:
    d = x - _mean(x, n)
    return d / xp.sqrt(_mean(d * d, max(n - 1, 1)) + eps)


def _larger_eps(x: Any, n: int, eps: float) -> Any:
    d = x - _mean(x, n)
    return d / xp.sqrt(_mean(d * d, n) + 1.1 * eps)


LayerNormOnePass = _layer_norm_fault("LayerNormOnePass", "LAYER_NORM-2", _one_pass)
LayerNormEpsOutside = _layer_norm_fault("LayerNormEpsOutside", "LAYER_NORM-1", _eps_outside)
LayerNormUnbiased = _layer_norm_fault("LayerNormUnbiased", "LAYER_NORM-1", _unbiased)
LayerNormLargerEps = _layer_norm_fault("LayerNormLargerEps", "LAYER_NORM-1", _larger_eps)


# -- losses ------------------------------------------------------------------------------------------------------


@fault("CROSS_ENTROPY-4")
class SmoothingOverTheOtherClasses(NumpyBackend):
    def cross_entropy(
        self,
        logits,
        target,
        *,
        weight=None,
        axis=-1,
        ignore_index=None,
        label_smoothing=0.0,
        sample_weight=None,
        reduction="mean",
    ):
        k = logits.shape[axis]
        return super().cross_entropy(
            logits,
            target,
            weight=weight,
            axis=axis,
            ignore_index=ignore_index,
            label_smoothing=min(1.0, label_smoothing * k / max(k - 1, 1)),
            sample_weight=sample_weight,
            reduction=reduction,
        )


@fault("CROSS_ENTROPY-1")
class CrossEntropyOfClippedProbabilities(NumpyBackend):
    def log_softmax(self, x, *, axis=-1):
        p = self.softmax(x, axis=axis)
        return xp.log(xp.where(raw(p) < 1e-7, 1e-7, p))

    def cross_entropy(
        self,
        logits,
        target,
        *,
        weight=None,
        axis=-1,
        ignore_index=None,
        label_smoothing=0.0,
        sample_weight=None,
        reduction="mean",
    ):
        return super().cross_entropy(
            logits,
            target,
            weight=weight,
            axis=axis,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
            sample_weight=sample_weight,
            reduction=reduction,
        )
