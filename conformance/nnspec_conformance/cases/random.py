"""Inputs for the portable generator.

Everything drawn has to equal the reference to the bit. Two kinds of evidence beside the reference: the answers that
Random123 published for its cipher, and statistics of the masks. The statistics' bounds are Hoeffding's, which hold
for every number of draws; each is exceeded with probability 1e-9 at most by a mask that is what it should be. Keys are
fixed, so a verdict never changes from run to run.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec import Backend
from nnspec._low_precision import LOW
from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, cases, constant, error_case, integers, keys, normal, seed_of

__all__ = ["CASES"]

_BITS = ("bits", "shapes", "compiled", "purity", "repeat")
#: for programs whose shapes would be compiled one by one
_EAGER = ("bits", "shapes", "repeat")
#: of one statistical bound
_FALSE_ALARM = 1e-9

# -- known answers -----------------------------------------------------------------------------------------

#: key, counter and block of Random123's kat_vectors, threefry2x32 with 20 rounds
_KNOWN = (
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
)


def _words(*unsigned: int) -> Any:
    return np.array(unsigned, np.uint32).view(np.int32)


def _known_answers(backend: Backend, dtype: str, seed: int) -> str | None:
    del dtype, seed
    for key, counter, block in _KNOWN:
        high, low = (backend.asarray(_words(word), dtype="int32") for word in counter)
        drawn = backend.threefry(backend.asarray(_words(*key), dtype="int32"), high, low)
        got = tuple(int(backend.to_numpy(word)[0]) % 2**32 for word in drawn)
        if got != block:
            return f"key {key}, counter {counter}: expected {block}, got {got}"
    return None


_COUNTERS = integers(5, 7, low=-(2**31), high=2**31 - 1)
_CIPHER = [
    Case(
        operation="threefry",
        name="known-answers",
        requires=("THREEFRY-1",),
        checks=("statistics",),
        judge=_known_answers,
        dtypes=("float32",),
    ),
    Case(
        operation="threefry",
        name="counters",
        requires=("THREEFRY-1",),
        inputs={"key": keys(), "counter_high": _COUNTERS, "counter_low": _COUNTERS},
        checks=_BITS,
    ),
    *cases(
        "threefry",
        {
            "scalar": {
                "inputs": {
                    "key": keys(),
                    "counter_high": constant(-1, "int32"),
                    "counter_low": constant(7, "int32"),
                }
            },
            "empty": {
                "inputs": {
                    "key": keys(),
                    "counter_high": integers(0, 3, high=9),
                    "counter_low": integers(0, 3, high=9),
                }
            },
        },
        requires=("THREEFRY-1",),
        checks=_BITS,
        level="full",
    ),
    # seeds at the edges of both words
    Case(
        operation="key",
        name="seeds",
        requires=("KEY-1",),
        program=lambda backend: [
            backend.key(seed) for seed in (0, 1, 7, 2**31, 2**32 - 1, 2**32, 3 * 2**32 + 5, 2**63, 2**64 - 1)
        ],
        checks=_EAGER,
    ),
]

# -- the stream reading ------------------------------------------------------------------------------------


def _prefixes(backend: Any, key: Any) -> Any:
    return [backend.random_bits(key, shape) for shape in ((), (3, 5), (2, 1, 17))]


def _splits(backend: Any, key: Any) -> Any:
    return [backend.split(key, num) for num in (1, 2, 3, 17)]


def _folds(backend: Any, key: Any) -> Any:
    return [backend.fold_in(key, data) for data in (0, 1, 12345, 2**31 - 1, 2**31, 2**32 - 1)]


def _folded(backend: Any, key: Any, **data: Any) -> Any:
    return [backend.fold_in(key, array) for array in data.values()]


# Keys found by search: entry 1005 of the one and 1594 of the other have all 23 upper bits 0, and 1.
_ALL_ZERO, _ALL_ONE, _ENOUGH = (2468, 1005), (6331, 1594), 1600


def _ends(backend: Backend, dtype: str, seed: int) -> str | None:
    """In float32, also where the backend's own dtype is the wider one; and other dtypes where they are asked for."""
    del dtype, seed
    for (number, index), end in ((_ALL_ZERO, 0.0), (_ALL_ONE, 1 - 2.0**-23)):
        u = backend.to_numpy(backend.random_uniform(backend.key(number), (_ENOUGH,), dtype="float32"))
        if str(u.dtype) != "float32":
            return f"dtype {u.dtype}, expected float32"
        if float(u[index]) != end:
            return f"entry {index} of key({number}): expected {end!r}, got {float(u[index])!r}"
        if not (u.min() >= 0 and u.max() < 1):
            return f"key({number}): expected numbers in [0, 1), got {u.min()!r} to {u.max()!r}"
    for other in (t for t in LOW if t in backend.dtypes):
        found = str(backend.to_numpy(backend.random_uniform(backend.key(7), (3,), dtype=other)).dtype)
        if found != other:
            return f"dtype {found}, expected {other}"
    return None


_STREAM = [
    *cases(
        "split",
        {
            "default": {},
            "many": {"options": {"num": 33}, "level": "full"},
            "any-number": {"program": _splits, "checks": _EAGER, "level": "full"},
        },
        requires=("SPLIT-1",),
        inputs={"key": keys()},
        checks=_BITS,
    ),
    Case(
        operation="fold_in",
        name="numbers",
        requires=("FOLD_IN-1",),
        inputs={"key": keys()},
        program=_folds,
        checks=_BITS,
    ),
    Case(
        operation="fold_in",
        name="arrays",
        requires=("FOLD_IN-2",),
        inputs={
            "key": keys(),
            "small": constant(100, "int8"),
            "usual": constant(123456, "int32"),
            "wide": constant(7, "int64"),
        },
        program=_folded,
        checks=_BITS,
    ),
    *cases(
        "random_bits",
        {
            "words": {"options": {"shape": (165,)}, "requires": ("RANDOM_BITS-1",)},
            "shapes": {"program": _prefixes, "checks": _EAGER, "requires": ("RANDOM_BITS-2",)},
            "long": {"options": {"shape": (4099,)}, "requires": ("RANDOM_BITS-1",), "level": "full"},
            # across the pieces that a kernel may draw at a time
            "longer": {"options": {"shape": (3, 16385)}, "requires": ("RANDOM_BITS-2",), "level": "full"},
            "empty": {"options": {"shape": (0, 3)}, "requires": ("RANDOM_BITS-2",), "level": "full"},
        },
        inputs={"key": keys()},
        checks=_BITS,
    ),
    Case(
        operation="random_uniform",
        name="default",
        requires=("RANDOM_UNIFORM-1",),
        inputs={"key": keys()},
        options={"shape": (5, 33)},
        checks=_BITS,
        dtypes=("float32",),
    ),
    Case(
        operation="random_uniform",
        name="default-double",
        requires=("RANDOM_UNIFORM-2",),
        inputs={"key": keys()},
        options={"shape": (5, 33)},
        checks=_BITS,
        dtypes=("float64",),
    ),
    Case(  # which says something in float16 and bfloat16 only
        operation="random_uniform",
        name="upper-bits",
        requires=("RANDOM_UNIFORM-4",),
        inputs={"key": keys()},
        options={"shape": (700,)},
        checks=_BITS,
    ),
    Case(
        operation="random_uniform",
        name="ends",
        requires=("RANDOM_UNIFORM-3", "RANDOM_UNIFORM-1"),
        checks=("statistics",),
        judge=_ends,
    ),
]

# -- the mask reading --------------------------------------------------------------------------------------


def _hoeffding(count: int, width: float = 1.0) -> float:
    """How far the mean of `count` draws from an interval of that width may be from its expectation."""
    return width * math.sqrt(math.log(2 / _FALSE_ALARM) / (2 * count))


def _mask_statistics(backend: Backend, dtype: str, seed: int) -> str | None:
    """The kept fraction; and no correlation of neighbours, of sites and of keys."""
    del dtype
    count, rate = 1 << 17, 0.2
    first, second = (backend.key(seed_of("mask", i, seed) % 2**64) for i in range(2))

    def drawn(key: Any, site: int) -> Any:
        mask = backend.to_numpy(backend.dropout_mask(key, (count,), rate=rate, site=site))
        return mask - (1 - rate)  # of mean 0, in an interval of width 1

    a, other_site, other_key = drawn(first, 0), drawn(first, 1), drawn(second, 0)
    means = {
        "kept fraction": a.mean(),
        "correlation of neighbours": (a[::2] * a[1::2]).mean(),
        "correlation of halves of a word": (a[::4] * a[2::4]).mean(),
        "correlation of sites": (a * other_site).mean(),
        "correlation of keys": (a * other_key).mean(),
    }
    for what, mean in means.items():
        bound = _hoeffding(count // 4)  # the fewest products in any of them; each lies in an interval within 1
        if not abs(mean) <= bound:
            return f"{what}: off by {mean:.4g}, at most {bound:.4g} expected"
    return None


def _masks(*shapes_and_options: tuple[tuple[int, ...], float, int]) -> Any:
    return lambda backend, key: [
        backend.dropout_mask(key, shape, rate=rate, site=site) for shape, rate, site in shapes_and_options
    ]


# Keys found by search, whose first 32 lanes hold one that decides: key -> the lane.
_LARGEST_LANE, _SMALLEST_LANE = 1793, 762  # 65535 and 0
_LAST_KEPT, _FIRST_DROPPED = 1291, 377  # 52428 and 52429, the threshold at a rate of 0.2, rounded up
_HALF, _HALF_RATE = 2733, 1 - 32768.5 / 65536  # 32768; the threshold is halfway above it, and rounds to even


def _drawn_by(*keys_and_rates: tuple[int, float]) -> Any:
    return lambda backend: [
        backend.dropout_mask(backend.key(number), (32,), rate=rate) for number, rate in keys_and_rates
    ]


_MASK = [
    *cases(
        "dropout_mask",
        {
            "extremes": {
                "program": _drawn_by((_LARGEST_LANE, 0.0), (_SMALLEST_LANE, 1.0)),
                "inputs": {},
                "checks": _EAGER,
                "requires": ("DROPOUT_MASK-2",),
            },
            "lanes": {"options": {"shape": (5, 33), "rate": 0.2, "site": 3}, "requires": ("DROPOUT_MASK-1",)},
            "threshold": {
                "program": _drawn_by((_LAST_KEPT, 0.2), (_FIRST_DROPPED, 0.2), (_HALF, _HALF_RATE)),
                "inputs": {},
                "checks": _EAGER,
                "requires": ("DROPOUT_MASK-1",),
            },
            # sizes that end inside a block, and the last site
            "shapes": {
                "program": _masks(((), 0.5, 0), ((3, 6), 0.5, 0), ((17,), 0.3, 2**32 - 1)),
                "checks": _EAGER,
                "requires": ("DROPOUT_MASK-3", "DROPOUT_MASK-1"),
            },
            # rates at the edges of the resolution, and the first site of the upper half
            "more-shapes": {
                "program": _masks(
                    ((1,), 0.5, 1),
                    ((3,), 0.5, 0),
                    ((5,), 0.5, 0),
                    ((0, 3), 0.5, 0),
                    ((7,), 2.0**-16, 0),
                    ((7,), 1 - 2.0**-16, 0),
                    ((17,), 0.3, 2**31),
                ),
                "checks": _EAGER,
                "requires": ("DROPOUT_MASK-3", "DROPOUT_MASK-1"),
                "level": "full",
            },
            "long": {
                "options": {"shape": (4099,), "rate": 0.9},
                "requires": ("DROPOUT_MASK-1",),
                "level": "full",
            },
            "longer": {
                "options": {"shape": (5, 16385), "rate": 0.5},
                "requires": ("DROPOUT_MASK-3",),
                "level": "full",
            },
        },
        inputs={"key": keys()},
        checks=_BITS,
    ),
    Case(
        operation="dropout_mask",
        name="statistics",
        requires=("DROPOUT_MASK-1",),
        checks=("statistics",),
        judge=_mask_statistics,
        dtypes=("float32",),
        level="full",
    ),
]

# -- errors ------------------------------------------------------------------------------------------------

_KEY = {"key": keys()}
_ERRORS = [
    error_case(
        operation,
        name,
        (f"{operation.upper()}-1",),
        lambda backend, operation=operation, options=options, **given: getattr(backend, operation)(**given, **options),
        error,
        words,
        inputs=inputs,
    )
    for operation, name, inputs, options, error, words in (
        (
            "threefry",
            "shapes",
            {**_KEY, "counter_high": integers(3, high=9), "counter_low": integers(4, high=9)},
            {},
            ShapeError,
            "counter_high: expected shape (4,) (that of counter_low), got (3,)",
        ),
        (
            "threefry",
            "dtype",
            {**_KEY, "counter_high": integers(3, high=9, dtype="int8"), "counter_low": integers(3, high=9)},
            {},
            DTypeError,
            "counter_high: expected an int32 array",
        ),
        ("key", "negative", {}, {"seed": -1}, ArgumentError, "seed: expected an integer in [0, 2**64), got -1"),
        ("key", "large", {}, {"seed": 1 << 64}, ArgumentError, "seed: expected an integer in [0, 2**64), got"),
        ("key", "float", {}, {"seed": 1.0}, ArgumentError, "seed: expected an integer in [0, 2**64), got 1.0"),
        ("split", "none", _KEY, {"num": 0}, ArgumentError, "num: expected an integer >= 1, got 0"),
        (
            "split",
            "key-shape",
            {"key": integers(3, high=9)},
            {},
            ShapeError,
            "key: expected shape (2,) (a key, as key(seed) makes it), got (3,)",
        ),
        (
            "fold_in",
            "negative",
            _KEY,
            {"data": -1},
            ArgumentError,
            "data: expected an integer in [0, 2**32), got -1",
        ),
        (
            "fold_in",
            "negative-array",
            {**_KEY, "data": constant(-1, "int32")},
            {},
            ArgumentError,
            "data: expected values in [0, 4294967295], got -1",
        ),
        (
            "fold_in",
            "rank",
            {**_KEY, "data": integers(1, high=9)},
            {},
            ShapeError,
            "data: expected shape (), got (1,)",
        ),
        ("fold_in", "float-array", {**_KEY, "data": normal()}, {}, DTypeError, "data: expected an integer array"),
        (
            "random_bits",
            "shape",
            _KEY,
            {"shape": (3, -1)},
            ArgumentError,
            "shape: expected a tuple of integers >= 0, got (3, -1)",
        ),
        (
            "random_bits",
            "size",
            _KEY,
            {"shape": (1 << 16, 1 << 16)},
            ArgumentError,
            "shape: expected fewer than 2**31 elements, got (65536, 65536)",
        ),
        (
            "random_bits",
            "key-dtype",
            {"key": normal(2)},
            {"shape": (3,)},
            DTypeError,
            "key: expected an int32 array",
        ),
        (
            "random_uniform",
            "dtype",
            _KEY,
            {"shape": (3,), "dtype": "float8"},
            ArgumentError,
            "dtype: expected one of 'float32', 'float64', 'float16', 'bfloat16', got 'float8'",
        ),
        (
            "dropout_mask",
            "rate",
            _KEY,
            {"shape": (3,), "rate": -0.1},
            ArgumentError,
            "rate: expected a finite number >= 0 and <= 1, got -0.1",
        ),
        (
            "dropout_mask",
            "site",
            _KEY,
            {"shape": (3,), "rate": 0.5, "site": 1 << 32},
            ArgumentError,
            "site: expected an integer in [0, 2**32), got 4294967296",
        ),
    )
]

CASES = [*_CIPHER, *_STREAM, *_MASK, *_ERRORS]
