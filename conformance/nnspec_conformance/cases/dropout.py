"""Inputs for dropout."""

from __future__ import annotations

import math

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, booleans, cases, constant, error_case, integers, keys, normal, values

__all__ = ["CASES"]

_INF, _NAN = math.inf, math.nan
#: what would leak through a mask that multiplies
_SPECIAL = values([[1.5, _NAN, _INF, -2.0], [-_INF, 0.0, 3.0, _NAN]])
_KEPT = constant([[True, False, False, True], [False, True, True, False]], "bool")

_QUICK = cases(
    "dropout",
    {
        "mask": {
            "inputs": {"x": normal(4, 3, 5), "mask": booleans(4, 3, 5, probability=0.8)},
            "options": {"rate": 0.3},
            "requires": ("DROPOUT-1",),
        },
        "mask-special": {
            "inputs": {"x": _SPECIAL, "mask": _KEPT},
            "options": {"rate": 0.2},
            "requires": ("DROPOUT-2",),
        },
        "rate-one-special": {
            "inputs": {"x": _SPECIAL, "mask": _KEPT},
            "options": {"rate": 1.0},
            "requires": ("DROPOUT-3",),
        },
        "rate-zero": {
            "inputs": {"x": normal(5, 7), "mask": booleans(5, 7)},
            "options": {"rate": 0.0},
            "exact": True,
            "requires": ("DROPOUT-4",),
        },
        "evaluation": {
            "inputs": {"x": normal(5, 7), "key": keys(), "mask": booleans(5, 7)},
            "options": {"rate": 0.5, "training": False},
            "exact": True,
            "requires": ("DROPOUT-4",),
        },
        "key": {
            "inputs": {"x": normal(5, 33), "key": keys()},
            "options": {"rate": 0.2, "site": 3},
            "requires": ("DROPOUT-5", "DROPOUT-1"),
        },
    },
)

_FULL = cases(
    "dropout",
    {
        "mask-rates": {
            "inputs": {"x": normal(17), "mask": booleans(17)},
            "options": {"rate": 0.9},
            "requires": ("DROPOUT-1",),
        },
        "mask-strided": {
            "inputs": {"x": normal(5, 9).laid_out("strided"), "mask": booleans(5, 9).laid_out("transposed")},
            "requires": ("DROPOUT-1",),
        },
        "mask-scalar": {
            "inputs": {"x": normal(), "mask": constant(True, "bool")},
            "requires": ("DROPOUT-1",),
        },
        "mask-empty": {
            "inputs": {"x": normal(0, 3), "mask": booleans(0, 3)},
            "requires": ("DROPOUT-1",),
        },
        "rate-one-key-special": {
            "inputs": {"x": _SPECIAL, "key": keys()},
            "options": {"rate": 1.0},
            "requires": ("DROPOUT-3",),
        },
        "rate-zero-special": {
            "inputs": {"x": _SPECIAL},
            "options": {"rate": 0.0},
            "exact": True,
            "requires": ("DROPOUT-4",),
        },
        "evaluation-rate-one": {
            "inputs": {"x": normal(5, 7)},
            "options": {"rate": 1.0, "training": False},
            "exact": True,
            "requires": ("DROPOUT-4",),
        },
        "key-default": {"inputs": {"x": normal(3, 4, 5), "key": keys()}, "requires": ("DROPOUT-5",)},
        "key-cube": {
            "inputs": {"x": normal(3, 5, 7).laid_out("transposed"), "key": keys()},
            "options": {"rate": 0.3, "site": 4_000_000_000},
            "requires": ("DROPOUT-5",),
        },
    },
    level="full",
)

_ERRORS = [
    error_case(
        "dropout",
        name,
        (requirement,),
        lambda backend, options=options, **given: backend.dropout(**given, **options),
        error,
        words,
        inputs={"x": normal(2, 3), **inputs},
    )
    for name, requirement, inputs, options, error, words in (
        (
            "rate",
            "DROPOUT-1",
            {"mask": booleans(2, 3)},
            {"rate": 1.5},
            ArgumentError,
            "rate: expected a finite number >= 0 and <= 1, got 1.5",
        ),
        (
            "rate-nan",
            "DROPOUT-1",
            {"mask": booleans(2, 3)},
            {"rate": _NAN},
            ArgumentError,
            "rate: expected a finite number >= 0 and <= 1, got nan",
        ),
        (
            "mask-shape",
            "DROPOUT-1",
            {"mask": booleans(3)},
            {},
            ShapeError,
            "mask: expected shape (2, 3) (that of x), got (3,)",
        ),
        (
            "mask-dtype",
            "DROPOUT-1",
            {"mask": normal(2, 3)},
            {},
            DTypeError,
            "mask: expected a boolean array",
        ),
        ("integer-input", "DROPOUT-1", {"x": integers(3, high=2)}, {}, DTypeError, "x: expected a floating"),
        (
            "neither",
            "DROPOUT-5",
            {},
            {},
            ArgumentError,
            "key, mask: expected one of the two in training, got neither",
        ),
        (
            "both",
            "DROPOUT-5",
            {"key": keys(), "mask": booleans(2, 3)},
            {},
            ArgumentError,
            "key, mask: expected one of the two in training, got both",
        ),
        (
            "key-shape",
            "DROPOUT-5",
            {"key": integers(3, high=9)},
            {},
            ShapeError,
            "key: expected shape (2,) (a key, as key(seed) makes it), got (3,)",
        ),
        (
            "site",
            "DROPOUT-5",
            {"key": keys()},
            {"site": -1},
            ArgumentError,
            "site: expected an integer >= 0, got -1",
        ),
        (
            "site-large",
            "DROPOUT-5",
            {"key": keys()},
            {"site": 1 << 32},
            ArgumentError,
            "site: expected an integer < 2**32, got 4294967296",
        ),
        (
            "training",
            "DROPOUT-4",
            {"key": keys()},
            {"training": 1},
            ArgumentError,
            "training: expected True or False, got 1",
        ),
    )
]

CASES: list[Case] = [*_QUICK, *_FULL, *_ERRORS]
