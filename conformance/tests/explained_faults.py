"""Faults of different kinds, each of which a rule has to name; without any where NNSPEC_TEST_SOUND is set."""

from __future__ import annotations

import math
import os

import numpy as np

from nnspec.tape import primitive
from nnspec_backends.numpy import NumpyBackend

#: x in another memory order, in whole numbers, in halves, without its last row, shifted, its gradient negated
_scrambled = primitive(lambda x: x.T.reshape(x.shape), lambda g, y, x: g.reshape(x.shape[::-1]).T)
_whole = primitive(lambda x: np.trunc(x), lambda g, y, x: g)
_halves = primitive(lambda x: x.astype(np.float16).astype(x.dtype), lambda g, y, x: g)
_lastless = primitive(lambda x: np.concatenate([x[:-1], 0 * x[-1:]]), lambda g, y, x: g)
_shifted = primitive(lambda x: np.roll(x, 1, axis=-1), lambda g, y, x: np.roll(g, -1, axis=-1))
_negative = primitive(lambda x: x, lambda g, y, x: -g)
#: the first, whose gradient goes to the second
_crossed = primitive(lambda a, b: a, lambda g, y, a, b: 0 * g, lambda g, y, a, b: g)


class Sound(NumpyBackend):
    """What the fault is planted in."""


class _Faulty(NumpyBackend):
    def tanh(self, x):
        return super().tanh(x) * 0.0

    def silu(self, x, *, beta=1.0):
        return _scrambled(super().silu(x, beta=beta))

    def mean_squared_error(self, prediction, target, *, sample_weight=None, reduction="mean"):
        found = super().mean_squared_error(prediction, target, sample_weight=sample_weight, reduction=reduction)
        return found * 0.5

    def layer_norm(self, x, weight=None, bias=None, *, axis=-1, eps=1e-5):
        return super().layer_norm(x, weight, bias, axis=axis)

    def mean_absolute_error(self, prediction, target, *, sample_weight=None, reduction="mean"):
        return super().mean_absolute_error(
            prediction, target, sample_weight=sample_weight, reduction="sum" if reduction == "mean" else reduction
        )

    def softsign(self, x):
        return _shifted(super().softsign(x))

    def sigmoid(self, x):
        return _negative(super().sigmoid(x))

    def mish(self, x):
        return _lastless(super().mish(x)) if x.ndim else super().mish(x)

    def softplus(self, x, *, beta=1.0):
        return _whole(super().softplus(x, beta=beta))

    def log_sigmoid(self, x):
        return _halves(super().log_sigmoid(x))

    def elu(self, x, *, alpha=1.0):
        return self.identity(x)

    def softmax(self, x, *, axis=-1):
        e = self.xp.exp(x)
        return e / self.xp.sum(e, axis=axis, keepdims=True)

    def leaky_relu(self, x, *, negative_slope=0.01):
        y = super().leaky_relu(x, negative_slope=negative_slope)
        return self.xp.where(x == 0.0, 1.0, y)

    def kl_divergence(self, log_q, p, *, axis=-1, sample_weight=None, reduction="mean"):
        log_q, p = _crossed(log_q, p), _crossed(p, log_q)
        return super().kl_divergence(log_q, p, axis=axis, sample_weight=sample_weight, reduction=reduction)

    def scaled_dot_product_attention(
        self,
        query,
        key,
        value,
        bias=None,
        *,
        mask=None,
        causal=False,
        scale=None,
        rate=0.0,
        dropout_key=None,
        dropout_mask=None,
        site=0,
        training=True,
    ):
        found = super().scaled_dot_product_attention(query, key, value, bias, mask=mask, causal=causal, scale=scale)
        if mask is None or mask.ndim != 2:
            return found
        seen = self.xp.expand_dims(self.xp.any(mask, axis=1), axis=1)
        return self.xp.where(seen, found, math.nan)

    def squareplus(self, x, *, b=4.0):
        y = super().squareplus(x, b=b)
        return y + 1e-4 * x * x

    def hard_sigmoid(self, x):
        return super().hard_sigmoid(x) + 0.125

    def gelu(self, x, *, approximate="none"):
        if isinstance(x, np.ndarray) and x.flags.writeable and x.size:
            x[...] = abs(x)
        return super().gelu(x, approximate=approximate)

    def sgd_update(
        self, params, grads, state, *, lr=0.01, momentum=0.0, nesterov=False, l2=0.0, weight_decay=0.0, decay_mask=None
    ):
        return params, state


class _Careless(NumpyBackend):
    def is_floating(self, x):
        return True


PLANTED = "NNSPEC_TEST_SOUND" not in os.environ
Faulty = _Faulty if PLANTED else Sound
Careless = _Careless if PLANTED else Sound
