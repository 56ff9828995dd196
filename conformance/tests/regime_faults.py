"""Backends wrong only in a regime that hand-written cases hardly meet: what derived and drawn cases are for."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from nnspec.tape import primitive, raw
from nnspec_backends.numpy import NumpyBackend


def _strides(x: Any) -> tuple[int, ...]:
    x = raw(x)
    return tuple(x.strides) if isinstance(x, np.ndarray) else ()


def _from_the_start(g: Any) -> Any:
    """A cotangent read from its first address on, as by a kernel that is blind to negative strides."""
    return g[(slice(None, None, -1),) * g.ndim] if any(s < 0 for s in g.strides) else g


_tanh = primitive(np.tanh, lambda g, out, x: _from_the_start(g) * (1 - out * out))


class TanhReadsReversedCotangentsForward(NumpyBackend):
    def tanh(self, x):
        return _tanh(x)


class SoftsignMissesTheSeventeenth(NumpyBackend):
    """A loop of blocks of 16 whose remainder is one short."""

    def gelu(self, x, *, approximate="none"):
        y = super().gelu(x, approximate=approximate)
        return y * 1.5 if x.shape and x.shape[0] == 17 else y


class LinearBlindToBroadcastWeights(NumpyBackend):
    def linear(self, x, weight, bias=None):
        y = super().linear(x, weight, bias)
        return y * 0.5 if 0 in _strides(weight) and weight.shape[0] > 1 else y


class DropPathLeaksWhatItDrops(NumpyBackend):
    """Drops by multiplying, so that a NaN in a dropped sample stays."""

    def spatial_dropout(self, x, *, rate=0.5, training=True, key=None, site=0, mask=None, **more):
        y = super().spatial_dropout(x, rate=rate, training=training, key=key, site=site, mask=mask, **more)
        return y + 0 * x if training else y


class ConvWrongForGroupsAndStride(NumpyBackend):
    def conv(self, x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
        y = super().conv(x, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)
        wide = all(s > 1 for s in (stride if isinstance(stride, tuple) else (stride,)))
        return y * 1.001 if groups > 1 and wide and groups == 3 else y


_KEPT: dict[Any, float] = {}


class LayerNormKeepsTheFirstEps(NumpyBackend):
    """A cache of kernels that forgets an option in its key."""

    def layer_norm(self, x, weight=None, bias=None, *, axis=-1, eps=1e-5):
        key = (id(self), x.shape, str(x.dtype), axis, raw(x).ctypes.data if isinstance(raw(x), np.ndarray) else 0)
        eps = _KEPT.setdefault(key, eps)
        return super().layer_norm(x, weight, bias, axis=axis, eps=eps)
