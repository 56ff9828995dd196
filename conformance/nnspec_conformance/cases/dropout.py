"""Inputs for dropout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec import Backend
from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import (
    Case,
    Source,
    booleans,
    cases,
    constant,
    error_case,
    integers,
    keys,
    normal,
    seed_of,
    values,
)

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
        "key-default": {"inputs": {"x": normal(3, 4, 5), "key": keys()}, "requires": ("DROPOUT-5",), "level": "quick"},
        "key-cube": {
            "inputs": {"x": normal(3, 5, 7).laid_out("transposed"), "key": keys()},
            "options": {"rate": 0.3, "site": 4_000_000_000},
            "requires": ("DROPOUT-5",),
        },
    },
    level="full",
)

# -- channels and samples: (operation, shape of x, axes of the mask) ------------------------------------------


def _special(*shape: int) -> Source:
    """Every kind of value in turns."""
    return values(np.resize([1.5, _NAN, _INF, -2.0, -_INF, 0.0, 3.0], shape))


def _grouped(operation: str, shape: tuple[int, ...], axes: int) -> list[Case]:
    """Cases of dropout by groups, the quick ones of one shape: few compilations, and axes of one size to mix up."""
    of_mask = shape[:axes]
    group, scale, zero, one, off, key = (f"{operation.upper()}-{i}" for i in (1, 2, 3, 4, 5, 6))
    mask = booleans(*of_mask, probability=0.7)
    turns = constant(np.resize([True, False, False, True, False], of_mask), "bool")
    quick = cases(
        operation,
        {
            "mask": {
                "inputs": {"x": normal(*shape), "mask": mask},
                "options": {"rate": 0.2},
                "requires": (group, scale),
            },
            "mask-special": {
                "inputs": {"x": _special(*shape), "mask": turns},
                "options": {"rate": 0.2},
                "requires": (zero, group),
            },
            "rate-one-special": {
                "inputs": {"x": _special(*shape), "mask": turns},
                "options": {"rate": 1.0},
                "requires": (one,),
            },
            "evaluation": {
                "inputs": {"x": normal(*shape), "key": keys(), "mask": mask},
                "options": {"rate": 0.5, "training": False},
                "exact": True,
                "requires": (off,),
            },
            "key": {
                "inputs": {"x": normal(*shape), "key": keys()},
                "options": {"rate": 0.3, "site": 3},
                "requires": (key, group, scale),
            },
        },
    )
    rest = shape[axes:]
    full = cases(
        operation,
        {
            "strided": {
                "inputs": {
                    "x": normal(*(5,) * len(shape)).laid_out("strided"),
                    "mask": booleans(*(5,) * axes).laid_out("transposed"),
                },
                "requires": (group, scale),
                "level": "quick",
            },
            "mask-only-axes": {
                "inputs": {"x": normal(*of_mask), "mask": mask},
                "options": {"rate": 0.9},
                "requires": (group, scale),
            },
            "empty-batch": {
                "inputs": {"x": normal(0, *shape[1:]), "mask": booleans(0, *of_mask[1:])},
                "requires": (group,),
            },
            "empty-inside": {"inputs": {"x": normal(*of_mask, 0), "mask": mask}, "requires": (group,)},
            "rate-one-key-special": {
                "inputs": {"x": _special(*shape), "key": keys()},
                "options": {"rate": 1.0},
                "requires": (one,),
            },
            "rate-zero-special": {
                "inputs": {"x": _special(*shape)},
                "options": {"rate": 0.0},
                "exact": True,
                "requires": (off,),
            },
            "key-many": {
                "inputs": {"x": normal(33, *of_mask[1:], *rest).laid_out("transposed"), "key": keys()},
                "options": {"site": 4_000_000_000},
                "requires": (key, group),
            },
        },
        level="full",
    )
    return quick + full


_GROUPED = _grouped("spatial_dropout", (5, 5, 2, 5), 2) + _grouped("drop_path", (7, 3, 7), 1)

# -- alpha dropout ---------------------------------------------------------------------------------------------


def _keeps_moments(rate: float) -> Any:
    """Mean and variance of many standardized numbers after dropping, for 6 standard errors and more."""

    def judge(backend: Backend, dtype: str, seed: int) -> str | None:
        generator = np.random.Generator(np.random.Philox(seed_of("alpha_dropout", rate, seed)))
        x = generator.standard_normal(1 << 16)
        x = (x - x.mean()) / x.std()
        key = backend.asarray(generator.integers(-(2**31), 2**31, 2).astype(np.int32), dtype="int32")
        given = backend.asarray(x, dtype=dtype)
        y = backend.to_numpy(backend.alpha_dropout(given, rate=rate, key=key)).astype(np.float64)
        fourth = float(np.mean((y - y.mean()) ** 4))
        bounds = 6 / math.sqrt(len(x)), 6 * math.sqrt(max(fourth - 1, 1) / len(x))
        for what, distance, bound in zip(("mean", "variance"), (y.mean(), y.var() - 1), bounds, strict=True):
            if not abs(distance) <= bound:
                return f"{what} off by {distance:.3g}, expected at most {bound:.3g}"
        return None

    return judge


_ALPHA = [
    *cases(
        "alpha_dropout",
        {
            "mask": {
                "inputs": {"x": normal(4, 3, 5), "mask": booleans(4, 3, 5, probability=0.8)},
                "options": {"rate": 0.2},
                "requires": ("ALPHA_DROPOUT-1", "ALPHA_DROPOUT-2"),
            },
            "mask-special": {
                "inputs": {
                    "x": _special(4, 3, 5),
                    "mask": constant(np.resize([True, False, False, True, False], (4, 3, 5)), "bool"),
                },
                "options": {"rate": 0.2},
                "requires": ("ALPHA_DROPOUT-2", "ALPHA_DROPOUT-1"),
            },
            "evaluation": {
                "inputs": {"x": normal(4, 3, 5), "key": keys(), "mask": booleans(4, 3, 5)},
                "options": {"rate": 0.5, "training": False},
                "exact": True,
                "requires": ("ALPHA_DROPOUT-4",),
            },
            "key": {
                "inputs": {"x": normal(4, 3, 5), "key": keys()},
                "options": {"rate": 0.3, "site": 3},
                "requires": ("ALPHA_DROPOUT-5", "ALPHA_DROPOUT-1"),
            },
        },
    ),
    *(
        Case(
            operation="alpha_dropout",
            name=f"moments-{rate:g}",
            requires=("ALPHA_DROPOUT-3",),
            checks=("statistics",),
            judge=_keeps_moments(rate),
        )
        for rate in (0.1, 0.7)
    ),
    *cases(
        "alpha_dropout",
        {
            "mask-rates": {
                "inputs": {"x": normal(17, std=30.0), "mask": booleans(17)},
                "options": {"rate": 0.95},
                "requires": ("ALPHA_DROPOUT-1", "ALPHA_DROPOUT-2"),
            },
            "mask-default-strided": {
                "inputs": {"x": normal(5, 9).laid_out("strided"), "mask": booleans(5, 9).laid_out("transposed")},
                "requires": ("ALPHA_DROPOUT-1", "ALPHA_DROPOUT-2"),
                "level": "quick",
            },
            "mask-scalar": {
                "inputs": {"x": normal(), "mask": constant(False, "bool")},
                "requires": ("ALPHA_DROPOUT-2",),
            },
            "mask-empty": {
                "inputs": {"x": normal(0, 3), "mask": booleans(0, 3)},
                "requires": ("ALPHA_DROPOUT-1",),
            },
            "rate-zero-special": {
                "inputs": {"x": _SPECIAL},
                "options": {"rate": 0.0},
                "exact": True,
                "requires": ("ALPHA_DROPOUT-4",),
            },
        },
        level="full",
    ),
]

# -- errors ----------------------------------------------------------------------------------------------------

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


def _rejected(operation: str, name: str, requirement: int, **given: Any) -> Any:
    """A call with the inputs and options in `given`, which has to raise an error with the words that follow."""
    inputs = {n: v for n, v in given.items() if isinstance(v, Source)}
    options = {n: v for n, v in given.items() if n not in inputs}

    def raising(error: Any, *words: str) -> Case:
        return error_case(
            operation,
            name,
            (f"{operation.upper()}-{requirement}",),
            lambda backend, **arrays: getattr(backend, operation)(**arrays, **options),
            error,
            *words,
            inputs={"x": normal(3, 2, 4), **inputs},
        )

    return raising


def _rejections(operation: str, of_mask: str, why: str, last: int) -> list[Case]:
    """What dropout by groups refuses, as dropout does; `last` numbers the requirement on keys."""
    mask = booleans(3, 2) if operation == "spatial_dropout" else booleans(3)
    wrong = _rejected(operation, "mask-shape", 1, mask=booleans(3, 2, 4))
    neither, both = (f"key, mask: expected one of the two in training, got {n}" for n in ("neither", "both"))
    return [
        wrong(ShapeError, f"mask: expected shape {of_mask} ({why}), got (3, 2, 4)"),
        _rejected(operation, "mask-dtype", 1, mask=normal(3, 2))(DTypeError, "mask: expected a boolean array"),
        _rejected(operation, "rate", 2, mask=mask, rate=-0.1)(
            ArgumentError, "rate: expected a finite number >= 0 and <= 1, got -0.1"
        ),
        _rejected(operation, "integer-input", 2, x=integers(3, 2, high=2))(DTypeError, "x: expected a floating"),
        _rejected(operation, "neither", last)(ArgumentError, neither),
        _rejected(operation, "both", last, key=keys(), mask=mask)(ArgumentError, both),
        _rejected(operation, "key-shape", last, key=integers(3, high=9))(ShapeError, "key: expected shape (2,)"),
        _rejected(operation, "site", last, key=keys(), site=1 << 32)(
            ArgumentError, "site: expected an integer < 2**32"
        ),
        _rejected(operation, "training", last - 1, key=keys(), training=None)(
            ArgumentError, "training: expected True or False, got None"
        ),
    ]


_GROUPED_ERRORS = [
    *_rejections("spatial_dropout", "(3, 2)", "the first two axes of x", 6),
    _rejected("spatial_dropout", "vector", 1, x=normal(4), key=keys())(
        ShapeError, "x: expected at least 2 axes, got shape (4,)"
    ),
    *_rejections("drop_path", "(3,)", "the first axis of x", 6),
    _rejected("drop_path", "scalar", 1, x=normal(), key=keys())(
        ShapeError, "x: expected at least 1 axes, got shape ()"
    ),
]
_ALPHA_ERRORS = [
    _rejected("alpha_dropout", "rate-one", 6, mask=booleans(3, 2, 4), rate=1.0)(
        ArgumentError, "rate: expected a finite number >= 0 and < 1, got 1"
    ),
    _rejected("alpha_dropout", "mask-shape", 1, mask=booleans(3, 2))(
        ShapeError, "mask: expected shape (3, 2, 4) (that of x), got (3, 2)"
    ),
    _rejected("alpha_dropout", "integer-input", 1, x=integers(3, high=2))(DTypeError, "x: expected a floating"),
    _rejected("alpha_dropout", "neither", 5)(ArgumentError, "key, mask: expected one of the two", "got neither"),
    _rejected("alpha_dropout", "both", 5, key=keys(), mask=booleans(3, 2, 4))(
        ArgumentError, "key, mask: expected one of the two", "got both"
    ),
]

CASES: list[Case] = [*_QUICK, *_FULL, *_GROUPED, *_ALPHA, *_ERRORS, *_GROUPED_ERRORS, *_ALPHA_ERRORS]
