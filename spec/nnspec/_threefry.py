"""Threefry-2x32 with 20 rounds on the host, over NumPy: what initializers draw from.

The stream reading of the specification (see `nnspec.ops.random`, which states it over any array namespace):
word i is o0 ^ o1 of the block with counter i. A key here is an int32 or uint32 array of two words.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "PARITY",
    "ROTATIONS",
    "WORD",
    "bits32",
    "bits64",
    "block",
    "block_of_numbers",
    "fold_in",
    "schedule",
    "split",
    "uniform",
]

Words: TypeAlias = NDArray[np.uint32]

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
#: the constant of the key schedule that keeps an all-zero key from giving an all-zero third word
PARITY = 0x1BD11BDA
#: mask of one word
WORD = 0xFFFFFFFF

# Blocks computed at a time: few calls of NumPy, and the arrays still stay in the second-level cache.
_CHUNK = 1 << 14


def block(key: Any, high: Words, low: Words) -> tuple[Words, Words]:
    """The blocks of the counters (high, low), arrays of one shape; the results are written over them."""
    k0, k1 = (int(word) & WORD for word in key)
    schedule = (k0, k1, k0 ^ k1 ^ PARITY)
    left = np.empty_like(low)
    high += np.uint32(k0)
    low += np.uint32(k1)
    for group in range(5):
        for rotation in ROTATIONS[group % 2]:
            high += low
            np.left_shift(low, np.uint32(rotation), out=left)
            low >>= np.uint32(32 - rotation)
            low |= left
            low ^= high
        high += np.uint32(schedule[(group + 1) % 3])
        low += np.uint32((schedule[(group + 2) % 3] + group + 1) & WORD)
    return high, low


def schedule(k0: int, k1: int) -> list[tuple[int, int]]:
    """What is added to both words before the rounds and after every four of them."""
    words = k0, k1, k0 ^ k1 ^ PARITY
    return [(words[j % 3], (words[(j + 1) % 3] + j) & WORD) for j in range(6)]


def block_of_numbers(key: Any, high: int, low: int) -> tuple[int, int]:
    """One block, in Python integers: for a single one that is faster than arrays are."""
    added = schedule(*(int(word) & WORD for word in key))
    x0, x1 = (high + added[0][0]) & WORD, (low + added[0][1]) & WORD
    for group in range(5):
        for r in ROTATIONS[group % 2]:
            x0 = (x0 + x1) & WORD
            x1 = ((x1 << r | x1 >> (32 - r)) & WORD) ^ x0
        x0, x1 = (x0 + added[group + 1][0]) & WORD, (x1 + added[group + 1][1]) & WORD
    return x0, x1


def _stream(key: Any, count: int) -> Iterator[tuple[slice, Words, Words]]:
    """The blocks of the counters 0 .. count - 1, a chunk at a time, with the positions they belong to."""
    for start in range(0, count, _CHUNK):
        index = np.arange(start, min(start + _CHUNK, count), dtype=np.uint64)
        first, second = block(key, (index >> np.uint64(32)).astype(np.uint32), index.astype(np.uint32))
        yield slice(start, start + len(index)), first, second


def bits32(key: Any, count: int) -> Words:
    """The first `count` words of the stream."""
    words = np.empty(count, np.uint32)
    for where, first, second in _stream(key, count):
        np.bitwise_xor(first, second, out=words[where])
    return words


def bits64(key: Any, count: int) -> NDArray[np.uint64]:
    """The first `count` 64-bit words of the stream: o0 * 2^32 + o1 of each block."""
    words = np.empty(count, np.uint64)
    for where, first, second in _stream(key, count):
        np.left_shift(first, np.uint64(32), out=words[where], dtype=np.uint64)
        words[where] |= second
    return words


def uniform(key: Any, shape: Sequence[int], dtype: str) -> NDArray[Any]:
    """Uniform numbers in [0, 1): multiples of 2^-23 for "float32", of 2^-52 for "float64"."""
    count = math.prod(shape)
    if dtype == "float64":
        return ((bits64(key, count) >> np.uint64(12)).astype(np.float64) * 2.0**-52).reshape(shape)
    return ((bits32(key, count) >> np.uint32(9)).astype(np.float32) * np.float32(2.0**-23)).reshape(shape)


def split(key: Any, num: int = 2) -> Words:
    """`num` new keys as rows: the blocks of the counters 0 .. num - 1."""
    return np.stack(block(key, np.zeros(num, np.uint32), np.arange(num, dtype=np.uint32)), axis=-1)


def fold_in(key: Any, data: int) -> Words:
    """A new key from `key` and a number: the block of the counter `data`."""
    return np.array(block_of_numbers(key, 0, data & WORD), np.uint32)
