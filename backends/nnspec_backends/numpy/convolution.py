"""Native convolution and its adjoint: a column buffer and one GEMM, forward and for both gradients.

Without groups the channels come last in memory: a window is then copied by whole runs of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec._windows import Padding, PerAxis, Sides, Windows, resolve, resolve_transposed
from nnspec.operation import Array
from nnspec.ops.convolution import Convolution
from nnspec.tape import kernel
from nnspec_backends.numpy._plan import of_arrays
from nnspec_backends.numpy._windows import bordered, gathered, patches, scattered, scattered_last

__all__ = ["NumpyConvolution"]

#: channels from which on they are copied together
_NARROW = 8


def _columns(x: Any, w: Windows, groups: int) -> Any:
    """(groups, channels / groups * taps, batch * windows): what every output is a product of."""
    batch, channels = x.shape[:2]
    taps = math.prod(w.kernel)
    columns = np.empty_like(x, shape=(channels, taps, batch, *w.out), order="C")
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
    return y.swapaxes(0, 1).copy(), (columns, kernels, weight.shape, x.shape, w, groups)


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


def _last(x: Any) -> Any:
    """The channels behind the spatial axes."""
    return x.transpose(0, *range(2, x.ndim), 1)


def _first(x: Any) -> Any:
    """The inverse of `_last`."""
    return x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


def _rows_of_windows(x: Any, w: Windows) -> Any:
    """(batch * windows, taps * channels), of channels that come first."""
    wide = bordered(_last(x), w)
    windows = of_arrays(patches, wide, w)
    batch, channels, spatial = x.shape[0], x.shape[1], len(w.size)
    rows, terms = batch * math.prod(w.out), math.prod(w.kernel) * channels
    if channels >= _NARROW:
        columns = np.empty_like(x, shape=(rows, terms))
        np.copyto(columns.reshape(windows.shape), windows)
        return columns
    # by taps: runs of one channel would be too short
    columns = np.empty_like(x, shape=(terms, rows))
    taps = windows.transpose(*range(1 + spatial, windows.ndim), *range(1 + spatial))
    np.copyto(columns.reshape(taps.shape), taps)
    return columns.T


def _taps_first(weight: Any) -> Any:
    """(taps * channels, out) of (out, channels, *kernel)."""
    moved = weight.transpose(*range(2, weight.ndim), 1, 0)
    copied = np.empty_like(weight, shape=moved.shape, order="C")
    copied[...] = moved
    return copied.reshape(-1, weight.shape[0])


def _last_forward(x: Any, weight: Any, bias: Any, *, w: Windows) -> tuple[Any, Any]:
    columns = _rows_of_windows(x, w)
    y = columns @ _taps_first(weight)
    if bias is not None:
        y += bias
    return _first(y.reshape(x.shape[0], *w.out, weight.shape[0])), (columns, weight, x.shape, w)


def _last_backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    columns, weight, x_shape, w = saved
    out, channels = weight.shape[:2]
    rows = _last(g).reshape(columns.shape[0], out)
    gx = gw = gb = None
    if needed[0]:
        gx = _first(_images_back(g, rows, weight, w).reshape(x_shape[0], *w.size, channels))
    if needed[1]:
        gw = _first((rows.T @ columns).reshape(out, *w.kernel, channels))
    if needed[2]:
        gb = np.add.reduce(rows, axis=0)
    return [gx, gw, gb]


def _images_back(g: Any, rows: Any, weight: Any, w: Windows) -> Any:
    """The cotangent of the images, channels last: by a convolution of g where windows lie side by side."""
    reach = [(k - 1) * d for k, d in zip(w.kernel, w.dilation, strict=True)]
    padding = tuple((r - lo, r - hi) for r, (lo, hi) in zip(reach, w.padding, strict=True))
    if all(s == 1 for s in w.stride) and all(side >= 0 for pair in padding for side in pair):
        back = Windows(w.out, w.kernel, w.stride, w.dilation, padding, w.size)
        turned = weight[(slice(None), slice(None), *(slice(None, None, -1) for _ in w.kernel))]
        return _rows_of_windows(g, back) @ _taps_first(turned.swapaxes(0, 1))
    taps = (rows @ _taps_first(weight).T).reshape(g.shape[0], *w.out, *w.kernel, weight.shape[1])
    return scattered_last(taps, w)


def _transposed_forward(x: Any, weight: Any, bias: Any, *, w: Windows, groups: int) -> tuple[Any, Any]:
    batch, into = x.shape[:2]
    rows = _rows(x, groups)
    kernels = weight.reshape(groups, into // groups, -1)
    y = _images(np.matmul(kernels.swapaxes(1, 2), rows), w, batch, groups * weight.shape[1])
    if bias is not None:
        y += bias.reshape(-1, *(1,) * (y.ndim - 1))
    return y.swapaxes(0, 1).copy(), (rows, kernels, weight.shape, x.shape, w, groups)


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


convolution = kernel(_last_forward, _last_backward)
grouped_convolution = kernel(_forward, _backward)
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
        if groups == 1:
            return convolution(x, weight, bias, w=w)
        return grouped_convolution(x, weight, bias, w=w, groups=groups)

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
