"""Native random words and masks: the host's own Threefry over unsigned words."""

from __future__ import annotations

import math

import numpy as np

from nnspec import _threefry
from nnspec._low_precision import LOW
from nnspec.operation import Array
from nnspec.ops.random import Random

__all__ = ["NumpyRandom"]


class NumpyRandom(Random):
    """In place over unsigned words, a cacheful at a time."""

    def random_bits(self, key: Array, shape: tuple[int, ...]) -> Array:
        return _threefry.bits32(key, math.prod(shape)).view(np.int32).reshape(shape)

    def random_uniform(self, key: Array, shape: tuple[int, ...], *, dtype: str | None = None) -> Array:
        if (dtype or self.dtype) in LOW:
            return super().random_uniform(key, shape, dtype=dtype)
        return _threefry.uniform(key, shape, dtype or self.dtype)

    def fold_in(self, key: Array, data: int | Array) -> Array:
        return _threefry.fold_in(key, int(data) & _threefry.WORD).view(np.int32)

    def split(self, key: Array, num: int = 2) -> Array:
        return _threefry.split(key, num).view(np.int32)

    def dropout_mask(self, key: Array, shape: tuple[int, ...], *, rate: float, site: int = 0) -> Array:
        count = math.prod(shape)
        blocks = -(-count // 4)
        first, second = _threefry.block(key, np.full(blocks, site, np.uint32), np.arange(blocks, dtype=np.uint32))
        words = np.empty((blocks, 2), "<u4")  # little-endian, so that the low half of a word comes first
        words[:, 0], words[:, 1] = first, second
        lanes = words.reshape(-1).view("<u2")[:count]
        return (lanes < round((1 - rate) * 65536)).reshape(shape)
