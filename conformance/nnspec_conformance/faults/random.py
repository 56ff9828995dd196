"""Planted faults of the family random."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import cached

__all__ = ["FAULTS"]

_STREAM = "nnspec.ops.random:Random._stream"

FAULTS = Planted()

FAULTS.edit("THREEFRY-1", "wrong constant", "thirteen-rounds", "range(5)", "range(4)")
FAULTS.edit("THREEFRY-1", "wrong order", "rotations-of-the-first-group-alone", "ROTATIONS[group % 2]", "ROTATIONS[0]")
FAULTS.edit("THREEFRY-1", "wrong constant", "parity", "k0 ^ k1 ^ PARITY", "k0 ^ k1")
FAULTS.edit("THREEFRY-1", "wrong bits", "sign-dragged-along", "((x1 >> (32 - r)) & ((1 << r) - 1))", "(x1 >> (32 - r))")
FAULTS.edit(
    "THREEFRY-1",
    "swapped argument",
    "counter-words",
    "xp.reshape(counter_high, (count,)) + k0",
    "xp.reshape(counter_low, (count,)) + k0",
)

FAULTS.edit("KEY-1", "swapped argument", "low-word-first", "[seed >> 32, seed & WORD]", "[seed & WORD, seed >> 32]")
FAULTS.edit("KEY-1", "lost state", "high-word-lost", "[seed >> 32, seed & WORD]", "[0, seed & WORD]")

FAULTS.edit(
    "SPLIT-1", "wrong constant", "counters-from-one", "self.xp.arange(num, dtype", "self.xp.arange(1, num + 1, dtype"
)
FAULTS.edit(
    "SPLIT-1",
    "wrong order",
    "as-jax-once-did",
    "self.xp.stack(self.threefry(key, self.xp.zeros_like(low), low), axis=-1)",
    "self.xp.reshape(self.xp.concat(self.threefry(key, low, low + num), axis=0), (num, 2))",
)

FAULTS.edit(
    "FOLD_IN-1",
    "swapped argument",
    "data-in-the-high-word",
    "self.threefry(key, zero, low)",
    "self.threefry(key, low, zero)",
)
FAULTS.edit(
    "FOLD_IN-1",
    "wrong value",
    "added-to-the-key",
    "self.threefry(key, zero, low)",
    "self.threefry(key + low, zero, zero)",
)
FAULTS.edit(
    "FOLD_IN-2",
    "wrong bits",
    "sixteen-bits-of-an-array",
    "xp.reshape(xp.astype(data, xp.int32), (1,))",
    "xp.reshape(xp.astype(data, xp.int32) & 0xFFFF, (1,))",
)


@FAULTS.fault("FOLD_IN-1", "stale cache")
def first_data(backend: Any, sound: Any, key: Any, data: Any) -> Any:
    """The data is burnt into the function when it is first called."""
    return sound(key, data) if hasattr(data, "shape") else sound(key, cached(backend, "data", "data", lambda: data))


FAULTS.edit("RANDOM_BITS-1", "missing term", "first-word-alone", "first ^ second", "first")
FAULTS.edit(
    "RANDOM_BITS-2",
    "wrong order",
    "two-words-a-block",
    "first, second = self._stream(key, math.prod(shape))",
    "both = self.xp.concat(self._stream(key, -(-math.prod(shape) // 2)), axis=0)\n"
    "    first, second = both[: math.prod(shape)], 0",
)
FAULTS.edit(
    "RANDOM_BITS-2",
    "wrong order",
    "column-major",
    "self.xp.reshape(first ^ second, tuple(shape))",
    "self.xp.permute_dims(self.xp.reshape(first ^ second, tuple(reversed(shape))), tuple(reversed(range(len(shape)))))",
)
FAULTS.edit(
    "RANDOM_BITS-2",
    "lost state",
    "key-not-used",
    "self.threefry(key,",
    "self.threefry(self.xp.zeros_like(key),",
    within=_STREAM,
)

FAULTS.edit(
    "RANDOM_UNIFORM-1",
    "wrong bits",
    "lower-bits",
    "xp.astype(((first ^ second) >> 9) & 0x7FFFFF, xp.float32)",
    "xp.astype((first ^ second) & 0x7FFFFF, xp.float32)",
)
FAULTS.edit(
    "RANDOM_UNIFORM-1",
    "wrong bits",
    "twenty-four-bits",
    "((first ^ second) >> 9) & 0x7FFFFF, xp.float32) * 2.0**-23",
    "((first ^ second) >> 8) & 0xFFFFFF, xp.float32) * 2.0**-24",
)
FAULTS.edit(
    "RANDOM_UNIFORM-2",
    "precision loss",
    "float64-of-one-word",
    "u = upper * 2.0**-32 + xp.astype((second >> 12) & 0xFFFFF, xp.float64) * 2.0**-52",
    "u = upper * 2.0**-32",
)
FAULTS.edit(
    "RANDOM_UNIFORM-2",
    "wrong distribution",
    "negative-words",
    "upper = xp.where(first < 0, upper + 2.0**32, upper)",
    "upper = xp.where(first < 0, -upper, upper)",
)
FAULTS.edit(
    "RANDOM_UNIFORM-3",
    "wrong distribution",
    "signed-words",
    "((first ^ second) >> 9) & 0x7FFFFF, xp.float32) * 2.0**-23",
    "(first ^ second) >> 9, xp.float32) * 2.0**-23",
)
FAULTS.edit(
    "RANDOM_UNIFORM-4",
    "special value",
    "rounded-up",
    "low = xp.astype(((first ^ second) >> (32 - digits)) & ((1 << digits) - 1), xp.float32) * 2.0**-digits",
    "low = xp.astype(((first ^ second) >> 9) & 0x7FFFFF, xp.float32) * 2.0**-23",
)
FAULTS.edit(
    "RANDOM_UNIFORM-1",
    "ignored option",
    "dtype",
    "chosen = self.dtype if dtype is None else dtype",
    "chosen = self.dtype",
)

FAULTS.edit(
    "DROPOUT_MASK-1",
    "wrong order",
    "high-lane-first",
    "(words & _LOW_HALF, (words >> 16) & _LOW_HALF)",
    "((words >> 16) & _LOW_HALF, words & _LOW_HALF)",
)
FAULTS.edit(
    "DROPOUT_MASK-1", "swapped argument", "kept-at-the-rate", "round((1.0 - rate) * 65536)", "round(rate * 65536)"
)
FAULTS.edit(
    "DROPOUT_MASK-1", "wrong constant", "rounded-down", "round((1.0 - rate) * 65536)", "int((1.0 - rate) * 65536)"
)
FAULTS.edit(
    "DROPOUT_MASK-2", "wrong constant", "one-lane-short", "round((1.0 - rate) * 65536)", "round((1.0 - rate) * 65535)"
)
FAULTS.edit("DROPOUT_MASK-3", "ignored option", "site", "+ _signed(site)", "+ 0 * _signed(site)")
FAULTS.edit(
    "DROPOUT_MASK-3", "wrong order", "of-the-size", "axis=-1)\n    lanes = xp.stack(", "axis=0)\n    lanes = xp.stack("
)


@FAULTS.fault("DROPOUT_MASK-1", "wrong distribution")
def own_generator(backend: Any, sound: Any, key: Any, shape: Any, *, rate: float, site: int = 0) -> Any:
    """The mask is drawn by NumPy's own generator, seeded with the key and the site."""
    generator = np.random.default_rng([*(int(word) & 0xFFFFFFFF for word in key), site])
    return generator.random(tuple(shape)) >= rate
