"""Linear resampling as a product with a small constant matrix an axis, which is what is fast everywhere."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.operation import Array, Family

__all__ = ["resampled_linearly"]


@functools.lru_cache(maxsize=64)
def _weights(size: int, count: int) -> NDArray[np.float64]:
    """The share of each of `size` entries in each of `count` results."""
    place = np.arange(count)
    below, beyond = np.divmod(np.maximum((2 * place + 1) * size - count, 0), 2 * count)
    beyond[below >= size - 1] = 0
    matrix = np.zeros((count, size))
    matrix[place, np.minimum(below + 1, size - 1)] = beyond / (2 * count)
    matrix[place, below] = (2 * count - beyond) / (2 * count)
    return matrix


def resampled_linearly(backend: Family, x: Array, target: Sequence[int]) -> Array:
    """The spatial axes of `x` resampled to `target`, as `upsample` defines it, by products in x's precision."""
    xp = backend.xp
    for axis, count in enumerate(target, start=2):
        before, size, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
        if count == size:
            continue
        matrix: Any = xp.asarray(_weights(size, count), dtype=x.dtype, **backend.placement(x))
        if after:
            rows = xp.reshape(x, (math.prod(before), size, math.prod(after)))
            y = xp.matmul(matrix, rows)
        else:
            y = xp.matmul(xp.reshape(x, (math.prod(before), size)), xp.permute_dims(matrix, (1, 0)))
        x = xp.reshape(y, (*before, count, *after))
    return x
