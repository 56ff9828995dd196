"""NumPy as someone writes it who has measured: every array made once, every pass in place, Adam over one flat buffer.

Dense weights are kept as (in, out). Images have their channels last; a convolution is one strided copy into a column
buffer and one product of matrices. Scalars are arrays of rank 0, the cheapest operand that a ufunc takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.lib.stride_tricks import as_strided

from nnspec_benchmarks.models import LR, Setup, endless

__all__ = ["NumpyTrainer"]

_EPS, _DECAY = 1e-5, 0.9
_BETA1, _BETA2, _ADAM_EPS = 0.9, 0.999, 1e-8
#: elements of Adam's arrays that fit the cache together
_BLOCK = 16384


def _scalar(value: float) -> Any:
    return np.asarray(value, np.float32)


class _Layer(Protocol):
    def forward(self, x: Any) -> Any: ...

    def backward(self, g: Any) -> Any: ...


class _Flat:
    """Parameters and their gradients, each in one buffer that the layers have views of."""

    def __init__(self, size: int) -> None:
        self.values = np.zeros(size, np.float32)
        self.grads = np.zeros(size, np.float32)
        self._used = 0

    def take(self, value: Any) -> tuple[Any, Any]:
        """Room for a parameter with this value, and for its gradient."""
        span = slice(self._used, self._used + value.size)
        self._used += value.size
        self.values[span] = value.reshape(-1)
        return self.values[span].reshape(value.shape), self.grads[span].reshape(value.shape)


class _Adam:
    def __init__(self, flat: _Flat) -> None:
        size = flat.values.size
        arrays = [flat.values, flat.grads, np.zeros(size, np.float32), np.zeros(size, np.float32)]
        self.blocks = [tuple(a[i : i + _BLOCK] for a in arrays) for i in range(0, size, _BLOCK)]
        self.work = [np.empty(len(block[0]), np.float32) for block in self.blocks[:1] + self.blocks[-1:]]
        self.t = 0
        self.beta1, self.beta2 = _scalar(_BETA1), _scalar(_BETA2)
        self.rest1, self.rest2 = _scalar(1 - _BETA1), _scalar(1 - _BETA2)
        self.eps, self.rate, self.root = _scalar(_ADAM_EPS), _scalar(0.0), _scalar(0.0)

    def step(self) -> None:
        self.t += 1
        self.rate[...] = LR / (1 - _BETA1**self.t)
        self.root[...] = 1 / math.sqrt(1 - _BETA2**self.t)
        for p, g, m, v in self.blocks:
            w = self.work[0] if p.size == self.work[0].size else self.work[1]
            np.multiply(m, self.beta1, out=m)
            np.multiply(g, self.rest1, out=w)
            np.add(m, w, out=m)
            np.multiply(v, self.beta2, out=v)
            np.multiply(g, g, out=w)
            np.multiply(w, self.rest2, out=w)
            np.add(v, w, out=v)
            np.sqrt(v, out=w)
            np.multiply(w, self.root, out=w)
            np.add(w, self.eps, out=w)
            np.divide(m, w, out=w)
            np.multiply(w, self.rate, out=w)
            np.subtract(p, w, out=p)


class _Dense:
    def __init__(self, flat: _Flat, weight: Any, bias: Any, rows: int, *, first: bool = False) -> None:
        self.w, self.gw = flat.take(np.ascontiguousarray(weight.T))
        self.b, self.gb = flat.take(bias)
        self.y = np.empty((rows, bias.size), np.float32)
        self.gx = None if first else np.empty((rows, weight.shape[1]), np.float32)

    def forward(self, x: Any) -> Any:
        self.x = x
        np.matmul(x, self.w, out=self.y)
        np.add(self.y, self.b, out=self.y)
        return self.y

    def backward(self, g: Any) -> Any:
        np.matmul(self.x.T, g, out=self.gw)
        np.add.reduce(g, axis=0, out=self.gb)
        return None if self.gx is None else np.matmul(g, self.w.T, out=self.gx)


class _Relu:
    """In place, forward and backward."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.zeros = np.zeros(shape, np.float32)  # against an array is 3 times faster than against a scalar
        self.kept = np.empty(shape, bool)

    def forward(self, x: Any) -> Any:
        np.greater(x, self.zeros, out=self.kept)
        return np.maximum(x, self.zeros, out=x)

    def backward(self, g: Any) -> Any:
        return np.multiply(g, self.kept, out=g)


class _Dropout:
    """In place, with masks by the fastest generator that NumPy has."""

    def __init__(self, shape: tuple[int, ...], rate: float, seed: int) -> None:
        self.rng = np.random.Generator(np.random.SFC64(seed))
        self.u = np.empty(shape, np.float32)
        self.factor = np.empty(shape, np.float32)
        self.keep, self.scale = _scalar(1 - rate), _scalar(1 / (1 - rate))

    def forward(self, x: Any) -> Any:
        self.rng.random(out=self.u, dtype=np.float32)
        np.less(self.u, self.keep, out=self.factor)
        np.multiply(self.factor, self.scale, out=self.factor)
        return np.multiply(x, self.factor, out=x)

    def backward(self, g: Any) -> Any:
        return np.multiply(g, self.factor, out=g)


class _BatchNorm:
    def __init__(self, flat: _Flat, rows: int, features: int) -> None:
        self.scale, self.gscale = flat.take(np.ones(features, np.float32))
        self.shift, self.gshift = flat.take(np.zeros(features, np.float32))
        self.mean, self.var = np.zeros(features, np.float32), np.ones(features, np.float32)
        self.normal, self.y = np.empty((2, rows, features), np.float32)
        self.m, self.v, self.inverse, self.t = np.empty((4, features), np.float32)
        self.share, self.eps = _scalar(1 / rows), _scalar(_EPS)
        self.kept, self.taken = _scalar(_DECAY), _scalar(1 - _DECAY)

    def forward(self, x: Any) -> Any:
        np.add.reduce(x, axis=0, out=self.m)
        np.multiply(self.m, self.share, out=self.m)
        np.subtract(x, self.m, out=self.normal)
        np.multiply(self.normal, self.normal, out=self.y)
        np.add.reduce(self.y, axis=0, out=self.v)
        np.multiply(self.v, self.share, out=self.v)
        np.add(self.v, self.eps, out=self.inverse)
        np.sqrt(self.inverse, out=self.inverse)
        np.reciprocal(self.inverse, out=self.inverse)
        np.multiply(self.normal, self.inverse, out=self.normal)
        np.multiply(self.normal, self.scale, out=self.y)
        np.add(self.y, self.shift, out=self.y)
        for running, batch in ((self.mean, self.m), (self.var, self.v)):
            np.multiply(running, self.kept, out=running)
            np.multiply(batch, self.taken, out=self.t)
            np.add(running, self.t, out=running)
        return self.y

    def backward(self, g: Any) -> Any:
        np.add.reduce(g, axis=0, out=self.gshift)
        np.multiply(g, self.normal, out=self.y)
        np.add.reduce(self.y, axis=0, out=self.gscale)
        # gx = scale inverse (g - mean(g) - normal mean(g normal))
        np.multiply(self.gscale, self.share, out=self.t)
        np.multiply(self.normal, self.t, out=self.normal)
        np.multiply(self.gshift, self.share, out=self.t)
        np.subtract(g, self.normal, out=g)
        np.subtract(g, self.t, out=g)
        np.multiply(self.inverse, self.scale, out=self.t)
        return np.multiply(g, self.t, out=g)


def _bordered(batch: int, side: int, channels: int) -> tuple[Any, Any, Any]:
    """Images with a border of zeros, their inside, and every window of 3 x 3 as a view."""
    images = np.zeros((batch, side + 2, side + 2, channels), np.float32)
    n, h, w, c = images.strides
    windows = as_strided(images, (batch, side, side, 3, 3, channels), (n, h, w, h, w, c))
    return images, images[:, 1:-1, 1:-1], windows


class _Conv:
    """3 x 3 with a border of 1."""

    def __init__(self, flat: _Flat, weight: Any, bias: Any, batch: int, side: int, *, first: bool) -> None:
        out, given = weight.shape[:2]
        self.w, self.gw = flat.take(np.ascontiguousarray(weight.transpose(2, 3, 1, 0)).reshape(9 * given, out))
        self.b, self.gb = flat.take(bias)
        rows = batch * side * side
        _, self.inside, self.windows = _bordered(batch, side, given)
        self.columns = np.empty((rows, 9 * given), np.float32)
        self.y = np.empty((batch, side, side, out), np.float32)
        self.first = first
        if not first:  # the derivative of x is a convolution of g with the weight turned round
            _, self.g_inside, self.g_windows = _bordered(batch, side, out)
            self.g_columns = np.empty((rows, 9 * out), np.float32)
            self.turned = np.empty((3, 3, out, given), np.float32)
            self.gx = np.empty((batch, side, side, given), np.float32)

    def forward(self, x: Any) -> Any:
        np.copyto(self.inside, x)
        np.copyto(self.columns.reshape(self.windows.shape), self.windows)
        flat = self.y.reshape(-1, self.y.shape[-1])
        np.matmul(self.columns, self.w, out=flat)
        np.add(flat, self.b, out=flat)
        return self.y

    def backward(self, g: Any) -> Any:
        flat = g.reshape(-1, g.shape[-1])
        np.matmul(self.columns.T, flat, out=self.gw)
        np.add.reduce(flat, axis=0, out=self.gb)
        if self.first:
            return None
        np.copyto(self.g_inside, g)
        np.copyto(self.g_columns.reshape(self.g_windows.shape), self.g_windows)
        given = self.gx.shape[-1]
        np.copyto(self.turned, self.w.reshape(3, 3, given, -1)[::-1, ::-1].transpose(0, 1, 3, 2))
        np.matmul(self.g_columns, self.turned.reshape(-1, given), out=self.gx.reshape(-1, given))
        return self.gx


class _MaxPool:
    """Maxima of 2 x 2."""

    def __init__(self, batch: int, side: int, channels: int) -> None:
        shape = (batch, side // 2, side // 2, channels)
        self.y, self.other = np.empty((2, *shape), np.float32)
        self.chosen = np.empty(shape, bool)
        self.gx = np.empty((batch, side, side, channels), np.float32)

    @staticmethod
    def _taps(x: Any) -> tuple[Any, ...]:
        return x[:, ::2, ::2], x[:, ::2, 1::2], x[:, 1::2, ::2], x[:, 1::2, 1::2]

    def forward(self, x: Any) -> Any:
        self.x = x
        a, b, c, d = self._taps(x)
        np.maximum(a, b, out=self.y)
        np.maximum(c, d, out=self.other)
        return np.maximum(self.y, self.other, out=self.y)

    def backward(self, g: Any) -> Any:
        for x, gx in zip(self._taps(self.x), self._taps(self.gx), strict=True):
            np.equal(x, self.y, out=self.chosen)
            np.multiply(g, self.chosen, out=gx)
        return self.gx


class _Reshape:
    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def forward(self, x: Any) -> Any:
        return x.reshape(self.shape[0], -1)

    def backward(self, g: Any) -> Any:
        return g.reshape(self.shape)


class _CrossEntropy:
    """The mean over the rows, of labels."""

    def __init__(self, rows: int, classes: int) -> None:
        self.p = np.empty((rows, classes), np.float32)
        self.column = np.empty((rows, 1), np.float32)
        self.rows = np.arange(rows)
        self.share = _scalar(1 / rows)

    def loss_and_gradient(self, logits: Any, y: Any) -> tuple[Any, Any]:
        np.maximum.reduce(logits, axis=1, keepdims=True, out=self.column)
        np.subtract(logits, self.column, out=logits)
        np.exp(logits, out=self.p)
        np.add.reduce(self.p, axis=1, keepdims=True, out=self.column)
        loss = (np.log(self.column[:, 0]) - logits[self.rows, y]).mean()
        np.divide(self.p, self.column, out=self.p)
        self.p[self.rows, y] -= 1.0
        return loss, np.multiply(self.p, self.share, out=self.p)


def _mlp(given: Setup, flat: _Flat) -> list[_Layer]:
    model = given.model
    layers: list[_Layer] = []
    for i in range(model.layers):
        weight, bias = given.weights[f"{i}.weight"], given.weights[f"{i}.bias"]
        layers.append(_Dense(flat, weight, bias, model.batch, first=i == 0))
        if i < model.layers - 1:
            shape = (model.batch, bias.size)
            layers += [_BatchNorm(flat, *shape)] if model.norm else []
            layers.append(_Relu(shape))
            layers += [_Dropout(shape, model.rate, seed=i)] if model.rate else []
    return layers


def _cnn(given: Setup, flat: _Flat) -> list[_Layer]:
    model, side = given.model, given.model.image
    layers: list[_Layer] = []
    for i, out in enumerate(model.sizes[1:]):
        conv = _Conv(flat, given.weights[f"{i}.weight"], given.weights[f"{i}.bias"], model.batch, side, first=i == 0)
        layers += [conv, _Relu((model.batch, side, side, out)), _MaxPool(model.batch, side, out)]
        side //= 2
    shape = (model.batch, side, side, model.sizes[-1])
    last = model.layers - 1
    # its weight is for channels first
    weight = given.weights[f"{last}.weight"].reshape(-1, shape[-1], side, side).transpose(0, 2, 3, 1)
    dense = _Dense(flat, weight.reshape(model.classes, -1), given.weights[f"{last}.bias"], model.batch)
    return [*layers, _Reshape(shape), dense]


class NumpyTrainer:
    """The hand-written contestant of the numpy backend."""

    def __init__(self, given: Setup) -> None:
        model = given.model
        hidden = sum(model.sizes[1:-1]) if model.norm else 0
        flat = _Flat(sum(w.size for w in given.weights.values()) + 2 * hidden)
        self.layers = (_cnn if model.image else _mlp)(given, flat)
        self.forward: list[Callable[[Any], Any]] = [layer.forward for layer in self.layers]
        self.backward: list[Callable[[Any], Any]] = [layer.backward for layer in reversed(self.layers)]
        self.criterion = _CrossEntropy(model.batch, model.classes)
        self.adam = _Adam(flat)
        images = [(np.ascontiguousarray(np.moveaxis(x, 1, -1)) if x.ndim == 4 else x, y) for x, y in given.batches]
        self.batches = endless(images)
        self.value: Any = None

    def step(self) -> None:
        x, y = next(self.batches)
        for forward in self.forward:
            x = forward(x)
        self.value, g = self.criterion.loss_and_gradient(x, y)
        for backward in self.backward:
            g = backward(g)
        self.adam.step()

    def wait(self) -> None:
        """Nothing to wait for."""

    def loss(self) -> float:
        return float(self.value)
