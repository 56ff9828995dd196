"""Native pooling."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from nnspec import _windows as windows
from nnspec._windows import Padding, PerAxis
from nnspec.operation import Array
from nnspec.ops.pooling import Pooling, mean_of_windows

__all__ = ["JaxPooling"]


def _first_of_windows(x: Array, out: int, axis: int) -> Array:
    """The first maximum of every window of `windows.adaptive` along an axis; NaN counts as the largest."""
    reach = windows.adaptive(x.shape[axis], out)
    taps = max(end - start for start, end in reach)
    # a window that is shorter ends with its last entry again, which never is the first maximum
    places = np.array([[min(start + i, end - 1) for i in range(taps)] for start, end in reach])
    last = jnp.moveaxis(x, axis, -1)
    gathered = last[..., None, :] if out == 1 else last[..., places]
    winners = jnp.argmax(jax.lax.stop_gradient(gathered), axis=-1, keepdims=True)
    return jnp.moveaxis(jnp.take_along_axis(gathered, winners, axis=-1)[..., 0], -1, axis)


class JaxPooling(Pooling):
    """Not max_pool: the gradient of a window of -inf would go into the padding."""

    def avg_pool(
        self,
        x: Array,
        *,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: Padding = 0,
        count_include_pad: bool = False,
    ) -> Array:
        w = windows.resolve(x.shape[2:], kernel_size, stride=stride, padding=padding)
        zero = np.zeros((), x.dtype)
        total = jax.lax.reduce_window(
            x, zero, jax.lax.add, (1, 1, *w.kernel), (1, 1, *w.stride), ((0, 0), (0, 0), *w.padding)
        )
        return mean_of_windows(self, total, w, count_include_pad)

    def adaptive_max_pool(self, x: Array, *, output_size: PerAxis) -> Array:
        sizes = windows.per_axis("output_size", output_size, x.ndim - 2, low=1)
        for axis in reversed(range(2, x.ndim)):  # the first in each row, then the first of the rows
            x = _first_of_windows(x, sizes[axis - 2], axis)
        return x

    def global_max_pool(self, x: Array, *, keepdims: bool = False) -> Array:
        flat = jnp.reshape(x, (*x.shape[:2], math.prod(x.shape[2:])))
        best = _first_of_windows(flat, 1, 2)
        return jnp.reshape(best, (*x.shape[:2], *(1 for _ in x.shape[2:] if keepdims)))
