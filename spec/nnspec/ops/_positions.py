"""Tables of positions, made on the host for every backend alike."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

__all__ = ["sinusoids"]


@functools.lru_cache(maxsize=8)  # a model asks for the same table in every layer and step
def sinusoids(length: int, dim: int, base: float, dtype: str) -> NDArray[np.floating]:
    """Sines and cosines of the angles p base^(-2i/dim) in turns, a row a position; not to be written to.

    Computed in float64 and rounded once: an angle in float32 would be off by p roundoffs.
    """
    frequencies = np.power(float(base), np.arange(0, dim, 2) / -dim)
    angles = np.arange(length, dtype=np.float64)[:, None] * frequencies
    table = np.stack((np.sin(angles), np.cos(angles)), axis=-1).reshape(length, dim).astype(dtype)
    table.flags.writeable = False
    return table
