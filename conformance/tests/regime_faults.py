"""Backends wrong only in a regime that hand-written cases hardly meet: what derived and drawn cases are for."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from nnspec.tape import kernel, primitive, raw
from nnspec_backends.numpy import NumpyBackend


def _array(x: Any) -> Any:
    return raw(x) if isinstance(raw(x), np.ndarray) else np.empty(0)


def _forward_in_memory(g: Any) -> Any:
    """A cotangent read from its lowest address on, as by a kernel that is blind to negative strides."""
    return np.flip(g, [i for i, s in enumerate(g.strides) if s < 0]) if isinstance(g, np.ndarray) else g


_tanh = primitive(np.tanh, lambda g, out, x: _forward_in_memory(g) * (1 - out * out))


class TanhBlindToReversedCotangents(NumpyBackend):
    def tanh(self, x):
        return _tanh(x)


class TanhshrinkWrongForSeventeen(NumpyBackend):
    """Blocks of 16 whose remainder is computed wrong."""

    def tanhshrink(self, x):
        y = super().tanhshrink(x)
        return y * 1.5 if 17 in x.shape else y


class LinearBlindToBroadcastWeights(NumpyBackend):
    """A kernel that takes a stride of 0 for an axis of 1."""

    def linear(self, x, weight, bias=None):
        y = super().linear(x, weight, bias)
        return y * 0.5 if 0 in getattr(raw(weight), "strides", ()) and len(weight) > 1 else y


class DropPathLeaksWhatItDrops(NumpyBackend):
    """Drops by multiplying with 0."""

    def drop_path(self, x, *, rate=0.5, key=None, mask=None, site=0, training=True):
        y = super().drop_path(x, rate=rate, key=key, mask=mask, site=site, training=training)
        return y + 0 * x if training else y


class ConvWrongForGroupsAndStride(NumpyBackend):
    def conv(self, x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
        y = super().conv(x, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)
        strides = stride if isinstance(stride, tuple) else (stride,)
        return y * 1.001 if groups > 1 and max(strides) > 1 else y


class LayerNormForgetsEps(NumpyBackend):
    """Keeps what it computed of the last array, and does not look whether eps is the same."""

    _last: tuple[Any, float] = (None, 0.0)

    def layer_norm(self, x, weight=None, bias=None, *, axis=-1, eps=1e-5):
        if raw(x) is not self._last[0]:
            self._last = (raw(x), eps)
        return super().layer_norm(x, weight, bias, axis=axis, eps=self._last[1])


def _backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    a, b = saved
    return [g * b if needed[0] else None, g * a * (1.0 if needed[0] else 2.0) if needed[1] else None]


_product = kernel(lambda a, b: (a * b, (a, b)), _backward)


class PreluWrongWhereOnlyTheSlopeNeedsAGradient(NumpyBackend):
    """A backward pass that prepares what it needs in the branch of the other input."""

    def prelu(self, x, weight, *, axis=1):
        y = super().prelu(x, weight, axis=axis)
        one = self.xp.ones_like(raw(x))
        return y if _is_recorded(x) or not _is_recorded(weight) else _product(one, y)


def _is_recorded(x: Any) -> bool:
    return raw(x) is not x


class SoftplusDiesOfNaN(NumpyBackend):
    def softplus(self, x, *, beta=1.0):
        if np.isnan(_array(x)).any() and x.shape != (0,):
            os._exit(7)
        return super().softplus(x, beta=beta)


class SoftplusHangsOnNan(NumpyBackend):
    def softplus(self, x, *, beta=1.0):
        if np.isnan(_array(x)).any():
            time.sleep(600)
        return super().softplus(x, beta=beta)
