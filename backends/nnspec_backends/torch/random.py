"""Random numbers from the host's own cipher, where the key is on the host and the values are there.

On other devices and in traced code the definitions run, in wrapping int32.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from nnspec import _threefry
from nnspec._low_precision import LOW
from nnspec.operation import Array
from nnspec.ops.random import Random

__all__ = ["TorchRandom"]


class TorchRandom(Random):
    """One pass of NumPy over unsigned words in place of some hundred kernels."""

    def random_bits(self, key: Array, shape: tuple[int, ...]) -> Array:
        if not self.is_concrete(key):
            return super().random_bits(key, shape)
        words = _threefry.bits32(key.numpy(), math.prod(shape))
        return torch.from_numpy(words.view(np.int32)).reshape(shape)

    def fold_in(self, key: Array, data: int | Array) -> Array:
        if not self.is_concrete(key):
            return super().fold_in(key, data)
        return torch.from_numpy(_threefry.fold_in(key.numpy(), int(data) & _threefry.WORD).view(np.int32))

    def random_uniform(self, key: Array, shape: tuple[int, ...], *, dtype: str | None = None) -> Array:
        if not self.is_concrete(key) or (dtype or self.dtype) in LOW:
            return super().random_uniform(key, shape, dtype=dtype)
        return torch.from_numpy(_threefry.uniform(key.numpy(), shape, dtype or self.dtype))

    def dropout_mask(self, key: Array, shape: tuple[int, ...], *, rate: float, site: int = 0) -> Array:
        if not self.is_concrete(key):
            return super().dropout_mask(key, shape, rate=rate, site=site)
        count = math.prod(shape)
        blocks = -(-count // 4)
        words = np.empty((blocks, 2), "<u4")  # little-endian: the low half of a word is its first lane
        first, second = _threefry.block(
            key.numpy(), np.full(blocks, site, np.uint32), np.arange(blocks, dtype=np.uint32)
        )
        words[:, 0], words[:, 1] = first, second
        keep = words.reshape(-1).view("<u2")[:count] < round((1.0 - rate) * 65536)
        return torch.from_numpy(keep.reshape(shape))
