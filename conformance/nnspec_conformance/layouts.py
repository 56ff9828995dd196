"""Memory layouts: the same values, as views that real programs hand to operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nnspec import Backend

__all__ = ["LAYOUTS", "Layout", "placed", "relaid"]

Layout = Literal["contiguous", "transposed", "strided", "reversed", "broadcast", "channels-last"]

#: every layout but the plain one, and the fewest axes it needs
LAYOUTS: dict[Layout, int] = {"transposed": 2, "strided": 1, "reversed": 1, "broadcast": 1, "channels-last": 3}


def _turned(ndim: int, layout: Layout) -> tuple[int, ...]:
    """The order in which the axes lie in memory."""
    if layout == "transposed":
        return (*range(ndim - 2), ndim - 1, ndim - 2)
    return (0, *range(2, ndim), 1)


def placed(backend: Backend, x: NDArray[Any], layout: Layout, put: Callable[[NDArray[Any]], Any]) -> Any:
    """Host data on the backend, in the layout asked for where it has the axes for it, else contiguous.

    `put` lays down what is contiguous.

    Strided is every other entry of the last axis, reversed has negative strides on every axis (a copy where the
    backend has none), broadcast has stride 0 along the first axis if all of its entries are the same.
    """
    if layout == "contiguous" or x.ndim < LAYOUTS[layout]:
        return put(x)
    if layout == "strided":
        spread = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        spread[..., ::2] = x
        return put(spread)[..., ::2]
    if layout == "reversed":
        return backend.xp.flip(put(np.ascontiguousarray(np.flip(x))), axis=None)
    if layout == "broadcast":
        if not np.array_equal(x, np.broadcast_to(x[:1], x.shape), equal_nan=x.dtype.kind != "b"):
            return put(x)
        return backend.xp.broadcast_to(put(np.ascontiguousarray(x[:1])), x.shape)
    axes = _turned(x.ndim, layout)
    turned = put(np.ascontiguousarray(x.transpose(axes)))
    return backend.xp.permute_dims(turned, tuple(int(i) for i in np.argsort(axes)))


def relaid(backend: Backend, x: Any, layout: Layout) -> Any:
    """An array of the backend in another layout, by operations that are recorded and traced like any other."""
    xp, ndim = backend.xp, len(x.shape)
    if layout in ("contiguous", "broadcast") or ndim < LAYOUTS[layout]:
        return x
    if layout == "strided":
        return xp.stack([x, x], axis=-1)[..., 0]
    if layout == "reversed":
        return xp.flip(xp.stack([xp.flip(x, axis=None)], axis=0)[0], axis=None)
    axes = _turned(ndim, layout)
    turned = xp.permute_dims(x, axes)
    turned = xp.reshape(xp.reshape(turned, (math.prod(x.shape),)), turned.shape)  # in that order in memory
    return xp.permute_dims(turned, tuple(int(i) for i in np.argsort(axes)))
