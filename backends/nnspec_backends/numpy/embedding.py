"""Native embedding and rotation: a gather and a sparse product; pairs turned in one pass into one result."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec.operation import Array
from nnspec.ops.embedding import Embedding
from nnspec.tape import Tensor, kernel

__all__ = ["NumpyEmbedding"]


def _forward(weight: Any, *, indices: Any, padding_index: int | None) -> tuple[Any, Any]:
    return np.take(weight, indices, axis=0), (weight.shape, np.reshape(indices, -1), padding_index)


def _backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    from scipy.sparse import csc_array

    (num, dim), flat, padding_index = saved
    count = flat.size
    # column n holds a single 1, in the row that use n takes: np.add.at is over ten times slower
    uses = csc_array((np.ones(count, g.dtype), flat, np.arange(count + 1)), shape=(num, count))
    grad = uses @ g.reshape(count, dim)
    if padding_index is not None:
        grad[padding_index] = 0
    return [grad]


embedding = kernel(_forward, _backward)


def _turned(x: Any, sin: Any, cos: Any, interleaved: bool) -> Any:
    half = x.shape[-1] // 2
    first, second = (slice(0, None, 2), slice(1, None, 2)) if interleaved else (slice(half), slice(half, None))
    a, b = x[..., first], x[..., second]
    out = np.empty(x.shape, x.dtype)
    left, right = out[..., first], out[..., second]
    np.multiply(a, cos, out=left)
    left -= b * sin
    np.multiply(a, sin, out=right)
    right += b * cos
    return out


def _turn(x: Any, *, table: Any, interleaved: bool) -> tuple[Any, Any]:
    sin, cos = table[..., 0::2], table[..., 1::2]
    return _turned(x, sin, cos, interleaved), (sin, cos, interleaved)


def _turn_back(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    sin, cos, interleaved = saved
    return [_turned(g, -sin, cos, interleaved)]


rotary_positions = kernel(_turn, _turn_back)


class NumpyEmbedding(Embedding):
    """Sums over repeated indices go in the order of their uses."""

    def embedding(self, indices: Array, weight: Array, *, padding_index: int | None = None) -> Array:
        return embedding(weight, indices=indices, padding_index=padding_index)

    def rotary_positions(
        self, x: Array, table: Array | None = None, *, base: float = 10000.0, interleaved: bool = True
    ) -> Array:
        if isinstance(table, Tensor):
            return super().rotary_positions(x, table, base=base, interleaved=interleaved)
        if table is None:
            table = self.sinusoidal_positions(x.shape[-2], x.shape[-1], base=base, dtype=str(x.dtype))
        return rotary_positions(x, table=table, interleaved=interleaved)
