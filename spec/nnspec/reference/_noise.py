"""Noise of unit variance, cheap enough to be drawn for every operation of the reference."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["Noise"]

#: places of the pool drawn at a time
_CUTS = 256


@functools.cache
def _pool() -> NDArray[np.float64]:
    """A long run of uniform noise of unit variance, cut at random places instead of drawing afresh."""
    return np.random.Generator(np.random.Philox(20)).uniform(-math.sqrt(3), math.sqrt(3), 1 << 20)


class Noise:
    """A stream of uniform noise of unit variance.

    Args:
        seed: of the stream.
    """

    def __init__(self, seed: int) -> None:
        self._generator = np.random.Generator(np.random.Philox(seed))
        self._cuts: list[float] = []

    def __call__(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        count, pool = math.prod(shape), _pool()
        if count >= pool.size // 4:
            return self._generator.uniform(-math.sqrt(3), math.sqrt(3), shape)
        if not self._cuts:  # many at a time: drawing a single one takes longer than a small operation
            self._cuts = self._generator.random(_CUTS).tolist()
        start = int(self._cuts.pop() * (pool.size - count))
        return pool[start : start + count].reshape(shape)
