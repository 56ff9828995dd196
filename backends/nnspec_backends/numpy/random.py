"""Native random words and masks: the host's own Threefry over unsigned words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec import _threefry
from nnspec._low_precision import LOW
from nnspec.operation import Array
from nnspec.ops.random import Random
from nnspec_backends.numpy._masks import Masks, fold_into, recorded_mask
from nnspec_backends.numpy._plan import Traced, recorder_of

__all__ = ["NumpyRandom"]


def _folded(key: Any, data: Any) -> Any:
    out = np.empty(2, np.int32)
    fold_into(out, key, data)
    return out


def _mask(key: Any, shape: tuple[int, ...], site: int, limit: int) -> Any:
    masks, out = Masks(), np.empty(shape, np.bool)
    masks.add(site, out.size, limit)
    masks(key, out)
    return out


class NumpyRandom(Random):
    """In place over unsigned words, a cacheful at a time."""

    def random_bits(self, key: Array, shape: tuple[int, ...]) -> Array:
        return _threefry.bits32(key, math.prod(shape)).view(np.int32).reshape(shape)

    def random_uniform(self, key: Array, shape: tuple[int, ...], *, dtype: str | None = None) -> Array:
        if (dtype or self.dtype) in LOW:
            return super().random_uniform(key, shape, dtype=dtype)
        return _threefry.uniform(key, shape, dtype or self.dtype)

    def fold_in(self, key: Array, data: int | Array) -> Array:
        recorder = recorder_of((key, data))
        if recorder is None:
            return _folded(key, data)
        made = recorder.fresh(_folded(*(getattr(x, "value", x) for x in (key, data))))
        recorder.emit(fold_into, (made, key, data), {}, made)
        return made

    def split(self, key: Array, num: int = 2) -> Array:
        return _threefry.split(key, num).view(np.int32)

    def dropout_mask(self, key: Array, shape: tuple[int, ...], *, rate: float, site: int = 0) -> Array:
        limit = round((1 - rate) * 65536)
        if not isinstance(key, Traced):
            return _mask(key, shape, site, limit)
        return recorded_mask(key, _mask(key.value, shape, site, limit), site, limit)
