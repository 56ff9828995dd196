"""How large the rounding of a sum or a product of matrices is: by its partial sums, in several orders."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["axes", "normalized", "partial_sums", "partial_sums_by_index", "product_scale"]

Floats = NDArray[np.floating[Any]]
_ORDERS = 3  # shuffled orders of summation tried beside the natural one
_BLOCKS = 8  # partial sums looked at in a product of matrices


def axes(axis: Any, ndim: int) -> tuple[int, ...]:
    given = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return tuple(i % ndim for i in given)


def partial_sums(x: Any, axes: tuple[int, ...]) -> Floats:
    """Root of the summed squares of a sum's partial sums, the largest over several orders of its terms."""
    kept = [i for i in range(x.ndim) if i not in axes]
    count = math.prod(x.shape[i] for i in axes)
    host = np.asarray(x).astype(np.float64)
    terms = host.transpose(kept + list(axes)).reshape(*(x.shape[i] for i in kept), count)
    largest = np.zeros(terms.shape[:-1])
    for order in range(_ORDERS + 1 if count > 2 else 1):
        shuffled = terms[..., _shuffle(count, order)] if order else terms
        partial = np.cumsum(shuffled, axis=-1)[..., 1:]
        top = np.max(abs(partial), axis=-1, initial=0.0)
        scale = np.where((top > 0) & np.isfinite(top), top, 1.0)
        largest = np.fmax(largest, scale * np.sqrt(np.sum((partial / scale[..., None]) ** 2, axis=-1)))
    return largest


def partial_sums_by_index(x: Any, indices: Any, count: int) -> Floats:
    """`partial_sums` of the slices of `x` along its first axis that share an index, for each of `count` indices."""
    scale = np.zeros((count, *x.shape[1:]))
    found, times = np.unique(indices, return_counts=True)
    for index in found[times > 1]:
        scale[index] = partial_sums(x[indices == index], (0,))
    return scale


@functools.lru_cache(maxsize=256)
def _shuffle(count: int, order: int) -> NDArray[np.intp]:
    return np.random.Generator(np.random.Philox(order)).permutation(count)


def product_scale(a: Floats, b: Floats) -> Floats:
    """The rounding of a product of matrices: its own terms, and its partial sums over blocks in several orders."""
    count = a.shape[-1]
    blocks = min(count, _BLOCKS)
    cuts = [count * i // blocks for i in range(blocks + 1)]
    largest: Any = 0.0
    for order in range(_ORDERS + 1 if count > 2 else 1):
        x, y = (a[..., _shuffle(count, order)], b[..., _shuffle(count, order), :]) if order else (a, b)
        parts = [np.matmul(x[..., i:j], y[..., i:j, :]) for i, j in itertools.pairwise(cuts)]
        squares = np.sum(np.cumsum(parts, axis=0) ** 2, axis=0)
        largest = np.fmax(largest, squares * (count / blocks))
    return np.asarray(np.sqrt(np.matmul(a * a, b * b) + largest))


def normalized(x: Floats) -> tuple[Floats, float]:
    """Scaled so that squares neither overflow nor underflow."""
    top = float(np.max(abs(x), initial=0.0, where=np.isfinite(x)))
    return (x / top, top) if top > 0 else (x, 1.0)
