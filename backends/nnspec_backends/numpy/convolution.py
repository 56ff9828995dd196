"""Native convolution: a column buffer and one GEMM a group, forward and for both gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec._windows import Padding, PerAxis, Windows, resolve
from nnspec.operation import Array
from nnspec.ops.convolution import Convolution
from nnspec.tape import kernel
from nnspec_backends.numpy._windows import cropped, padded, tap_slices

__all__ = ["NumpyConvolution"]


def _columns(x: Any, w: Windows, groups: int) -> Any:
    """(groups, channels / groups * taps, batch * windows): what every output is a product of."""
    batch, channels = x.shape[:2]
    taps = math.prod(w.kernel)
    columns = np.empty((channels, taps, batch, *w.out), x.dtype)
    wide = padded(x, w).swapaxes(0, 1)
    for i, (_, where) in enumerate(tap_slices(w)):
        columns[:, i] = wide[where]
    return columns.reshape(groups, channels // groups * taps, batch * math.prod(w.out))


def _scattered(columns: Any, w: Windows, batch: int, channels: int) -> Any:
    """The adjoint of `_columns`: every entry added to where it was read."""
    columns = columns.reshape(channels, math.prod(w.kernel), batch, *w.out)
    size = (n + lo + hi for n, (lo, hi) in zip(w.size, w.padding, strict=True))
    wide = np.zeros((channels, batch, *size), columns.dtype)
    for i, (_, where) in enumerate(tap_slices(w)):
        wide[where] += columns[:, i]
    return cropped(wide, w).swapaxes(0, 1)


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
    rows = g.swapaxes(0, 1).reshape(groups, weight_shape[0] // groups, -1)
    gx = gw = gb = None
    if needed[0]:
        gx = _scattered(np.matmul(kernels.swapaxes(1, 2), rows), w, batch, channels)
    if needed[1]:
        gw = np.matmul(rows, columns.swapaxes(1, 2)).reshape(weight_shape)
    if needed[2]:
        gb = np.add.reduce(rows, axis=2).reshape(-1)
    return [gx, gw, gb]


convolution = kernel(_forward, _backward)


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
