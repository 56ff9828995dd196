"""Native convolution and its adjoint: a column buffer and one GEMM a group, forward and for both gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec._windows import Padding, PerAxis, Sides, Windows, resolve, resolve_transposed
from nnspec.operation import Array
from nnspec.ops.convolution import Convolution
from nnspec.tape import kernel
from nnspec_backends.numpy._windows import gathered, scattered

__all__ = ["NumpyConvolution"]


def _columns(x: Any, w: Windows, groups: int) -> Any:
    """(groups, channels / groups * taps, batch * windows): what every output is a product of."""
    batch, channels = x.shape[:2]
    taps = math.prod(w.kernel)
    columns = np.empty((channels, taps, batch, *w.out), x.dtype)
    gathered(x.swapaxes(0, 1), w, into=columns.swapaxes(0, 1))
    return columns.reshape(groups, channels // groups * taps, batch * math.prod(w.out))


def _images(columns: Any, w: Windows, batch: int, channels: int) -> Any:
    """The adjoint of `_columns`, with the channels before the batch."""
    return scattered(columns.reshape(channels, math.prod(w.kernel), batch, *w.out).swapaxes(0, 1), w)


def _rows(x: Any, groups: int) -> Any:
    """(groups, channels / groups, batch * places): each channel one row."""
    batch, channels, *places = x.shape
    return x.swapaxes(0, 1).reshape(groups, channels // groups, batch * math.prod(places))


def _forward(x: Any, weight: Any, bias: Any, *, w: Windows, groups: int) -> tuple[Any, Any]:
    batch, out = x.shape[0], weight.shape[0]
    columns = _columns(x, w, groups)
    kernels = weight.reshape(groups, out // groups, -1)
    y = np.matmul(kernels, columns).reshape(out, batch, *w.out)
    if bias is not None:
        y += bias.reshape(-1, *(1,) * (y.ndim - 1))
    return np.ascontiguousarray(y.swapaxes(0, 1)), (columns, kernels, weight.shape, x.shape, w, groups)


def _backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    columns, kernels, weight_shape, x_shape, w, groups = saved
    batch, channels = x_shape[:2]
    rows = _rows(g, groups)
    gx = gw = gb = None
    if needed[0]:
        gx = _images(np.matmul(kernels.swapaxes(1, 2), rows), w, batch, channels).swapaxes(0, 1)
    if needed[1]:
        gw = np.matmul(rows, columns.swapaxes(1, 2)).reshape(weight_shape)
    if needed[2]:
        gb = np.add.reduce(rows, axis=2).reshape(-1)
    return [gx, gw, gb]


def _transposed_forward(x: Any, weight: Any, bias: Any, *, w: Windows, groups: int) -> tuple[Any, Any]:
    batch, into = x.shape[:2]
    rows = _rows(x, groups)
    kernels = weight.reshape(groups, into // groups, -1)
    y = _images(np.matmul(kernels.swapaxes(1, 2), rows), w, batch, groups * weight.shape[1])
    if bias is not None:
        y += bias.reshape(-1, *(1,) * (y.ndim - 1))
    return np.ascontiguousarray(y.swapaxes(0, 1)), (rows, kernels, weight.shape, x.shape, w, groups)


def _transposed_backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    rows, kernels, weight_shape, x_shape, w, groups = saved
    batch, into, *places = x_shape
    gx = gw = gb = None
    if needed[0] or needed[1]:
        columns = _columns(g, w, groups)
    if needed[0]:
        gx = np.matmul(kernels, columns).reshape(into, batch, *places).swapaxes(0, 1)
    if needed[1]:
        gw = np.matmul(rows, columns.swapaxes(1, 2)).reshape(weight_shape)
    if needed[2]:
        gb = np.add.reduce(_rows(g, 1), axis=2).reshape(-1)
    return [gx, gw, gb]


convolution = kernel(_forward, _backward)
transposed_convolution = kernel(_transposed_forward, _transposed_backward)


class NumpyConvolution(Convolution):
    """Loops run over the taps of a window, never over elements."""

    def conv(
        self,
        x: Array,
        weight: Array,
        bias: Array | None = None,
        *,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
    ) -> Array:
        w = resolve(x.shape[2:], weight.shape[2:], stride=stride, padding=padding, dilation=dilation)
        return convolution(x, weight, bias, w=w, groups=groups)

    def conv_transpose(
        self,
        x: Array,
        weight: Array,
        bias: Array | None = None,
        *,
        stride: PerAxis = 1,
        padding: Sides = 0,
        output_padding: PerAxis = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
    ) -> Array:
        w = resolve_transposed(
            x.shape[2:],
            weight.shape[2:],
            stride=stride,
            padding=padding,
            output_padding=output_padding,
            dilation=dilation,
        )
        return transposed_convolution(x, weight, bias, w=w, groups=groups)
