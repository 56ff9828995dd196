"""Native normalization: two passes forward, the gradients together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec import _validate as check
from nnspec.operation import Array
from nnspec.ops.normalization import Normalization
from nnspec.tape import kernel, raw

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
) -> tuple[Any, Any]:
    """Divide the deviation by its root mean square over some axes, then scale and shift along others."""
    root = np.sqrt(var + eps)
    normal = deviation / root
    shape = _kept(x.shape, affine)
    scale = None if weight is None else weight.reshape(shape)
    y = normal if scale is None else normal * scale
    if bias is not None:
        y = y + bias.reshape(shape)
    return y, (normal, root, scale, over, affine)


def _backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    normal, root, scale, over, affine = saved
    count = math.prod(g.shape[i] for i in over)
    rest = tuple(i for i in range(g.ndim) if i not in affine)
    shape = tuple(g.shape[i] for i in affine)
    gx = gw = gb = None
    if needed[0]:
        h = g if scale is None else g * scale
        along = np.add.reduce(h * normal, axis=over, keepdims=True) / count
        gx = (h - np.add.reduce(h, axis=over, keepdims=True) / count - normal * along) / root
    if needed[1]:
        gw = np.add.reduce(g * normal, axis=rest).reshape(shape)
    if needed[2]:
        gb = np.add.reduce(g, axis=rest).reshape(shape)
    return [gx, gw, gb]


normalize = kernel(_forward, _backward)


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
