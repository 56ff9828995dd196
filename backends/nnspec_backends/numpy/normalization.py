"""Native normalization: two passes forward, the gradients together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec import _validate as check
from nnspec.operation import Array
from nnspec.ops.normalization import Normalization
from nnspec.tape import kernel, raw
from nnspec.tape import namespace as xp

__all__ = ["NumpyNormalization"]


def _kept(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n if i in axes else 1 for i, n in enumerate(shape))


def _moments(x: Any, over: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Mean, deviation from it, and biased variance."""
    count = math.prod(x.shape[i] for i in over)
    mean = np.add.reduce(x, axis=over, keepdims=True) / count
    deviation = x - mean
    return mean, deviation, np.add.reduce(deviation * deviation, axis=over, keepdims=True) / count


def _forward(
    x: Any,
    weight: Any,
    bias: Any,
    *,
    deviation: Any,
    var: Any,
    over: tuple[int, ...],
    affine: tuple[int, ...],
    eps: float,
    centered: bool = True,
) -> tuple[Any, Any]:
    """Divide the deviation by its root mean square over some axes, then scale and shift along others.

    It is that from the mean, or `x` itself where `centered` is False.
    """
    root = np.sqrt(var + eps)
    normal = deviation / root
    shape = _kept(x.shape, affine)
    scale = None if weight is None else weight.reshape(shape)
    y = normal if scale is None else normal * scale
    if bias is not None:
        y = y + bias.reshape(shape)
    return y, (normal, root, scale, over, affine, centered)


def _backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    normal, root, scale, over, affine, centered = saved
    count = math.prod(g.shape[i] for i in over)
    rest = tuple(i for i in range(g.ndim) if i not in affine)
    shape = tuple(g.shape[i] for i in affine)
    gx = gw = gb = None
    if centered and rest == over and needed[0]:  # the sums over a channel serve all three
        along, total = np.add.reduce(g * normal, axis=over, keepdims=True), np.add.reduce(g, axis=over, keepdims=True)
        gx = g - total / count
        gx -= normal * (along / count)
        gx *= (1.0 if scale is None else scale) / root
        return [gx, along.reshape(shape), total.reshape(shape)]
    if needed[0]:
        h = g if scale is None else g * scale
        gx = h - np.add.reduce(h, axis=over, keepdims=True) / count if centered else h
        gx = (gx - normal * (np.add.reduce(h * normal, axis=over, keepdims=True) / count)) / root
    if needed[1]:
        gw = np.add.reduce(g * normal, axis=rest).reshape(shape)
    if needed[2]:
        gb = np.add.reduce(g, axis=rest).reshape(shape)
    return [gx, gw, gb]


def _unit_forward(x: Any, *, over: tuple[int, ...], eps: float) -> tuple[Any, Any]:
    """Divide by the norm, or by `eps` where that is greater."""
    norm = np.sqrt(np.add.reduce(x * x, axis=over, keepdims=True))
    below = norm < eps
    floored = np.where(below, x.dtype.type(eps), norm)
    y = x / floored
    return y, (y, floored, below, over)


def _unit_backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    y, floored, below, over = saved
    along = np.add.reduce(g * y, axis=over, keepdims=True)
    return [(g - y * np.where(below, g.dtype.type(0), along)) / floored]


normalize = kernel(_forward, _backward)
unit = kernel(_unit_forward, _unit_backward)


class NumpyNormalization(Normalization):
    """The statistics of a batch are those its running ones are made of; evaluation runs by the definition."""

    def batch_norm(
        self,
        x: Array,
        running_mean: Array,
        running_var: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        *,
        training: bool,
        decay: float = 0.9,
        eps: float = 1e-5,
        axis: int = 1,
    ) -> tuple[Array, Array, Array]:
        channel = axis % x.ndim
        over = tuple(i for i in range(x.ndim) if i != channel)
        if not training or 0 in x.shape:
            return super().batch_norm(
                x, running_mean, running_var, weight, bias, training=training, decay=decay, eps=eps, axis=axis
            )
        mean, deviation, var = _moments(raw(x), over)
        y = normalize(x, weight, bias, deviation=deviation, var=var, over=over, affine=(channel,), eps=eps)
        new_mean = decay * raw(running_mean) + (1 - decay) * mean.reshape(-1)
        new_var = decay * raw(running_var) + (1 - decay) * var.reshape(-1)
        return y, new_mean, new_var

    def layer_norm(
        self,
        x: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        *,
        axis: int | tuple[int, ...] = -1,
        eps: float = 1e-5,
    ) -> Array:
        axes = tuple(sorted(check.axes("axis", axis, x.ndim)))
        _, deviation, var = _moments(raw(x), axes)
        return normalize(x, weight, bias, deviation=deviation, var=var, over=axes, affine=axes, eps=eps)

    def group_norm(
        self,
        x: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        *,
        groups: int,
        eps: float = 1e-5,
    ) -> Array:
        parted = (groups, x.shape[1] // groups)  # weight and bias in the shape of both axes
        y = xp.reshape(x, (x.shape[0], *parted, *x.shape[2:]))
        weight, bias = (p if p is None else xp.reshape(p, parted) for p in (weight, bias))
        over = tuple(range(2, y.ndim))
        _, deviation, var = _moments(raw(y), over)
        y = normalize(y, weight, bias, deviation=deviation, var=var, over=over, affine=(1, 2), eps=eps)
        return xp.reshape(y, x.shape)

    def instance_norm(
        self, x: Array, weight: Array | None = None, bias: Array | None = None, *, eps: float = 1e-5
    ) -> Array:
        over = tuple(range(2, x.ndim))
        _, deviation, var = _moments(raw(x), over)
        return normalize(x, weight, bias, deviation=deviation, var=var, over=over, affine=(1,), eps=eps)

    def rms_norm(
        self,
        x: Array,
        weight: Array | None = None,
        *,
        axis: int | tuple[int, ...] = -1,
        eps: float = 1e-5,
    ) -> Array:
        axes = tuple(sorted(check.axes("axis", axis, x.ndim)))
        values = raw(x)
        count = max(1, math.prod(x.shape[i] for i in axes))
        square = np.add.reduce(values * values, axis=axes, keepdims=True) / count
        return normalize(x, weight, None, deviation=values, var=square, over=axes, affine=axes, eps=eps, centered=False)

    def l2_normalize(self, x: Array, *, axis: int | tuple[int, ...] = -1, eps: float = 1e-12) -> Array:
        return unit(x, over=check.axes("axis", axis, x.ndim), eps=eps)

    def weight_norm(self, v: Array, g: Array, *, axis: int = 0) -> Array:
        units = axis % v.ndim
        shape = _kept(v.shape, (units,))
        over = tuple(i for i in range(v.ndim) if i != units)
        return unit(v, over=over, eps=0.0) * xp.reshape(g, shape)
