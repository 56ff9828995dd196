"""Inputs for local_response_norm."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec_conformance.case import Case, Source, cases, integers, normal, values
from nnspec_conformance.cases.normalization._common import NAN, rejected

__all__ = ["CASES"]

_IMAGES = normal(2, 7, 3, 2, mean=1.0)
#: numbers that show, all different
_EVEN: dict[str, Any] = {"size": 4, "alpha": 3.0, "beta": 0.5, "k": 0.7}


def _two_calls(backend: Any, x: Any) -> Any:
    """The same call with one number changed at a time."""
    changes: list[dict[str, float]] = [{}, {"alpha": 0.5}, {"beta": 1.25}, {"k": 2.0}]
    return [backend.local_response_norm(x, **{**_EVEN, **change}) for change in changes]


_QUICK = cases(
    "local_response_norm",
    {
        "odd": {
            "inputs": {"x": normal(2, 7, 3, 2, std=30.0)},
            "options": {"size": 3},
            "requires": ("LOCAL_RESPONSE_NORM-1", "LOCAL_RESPONSE_NORM-3"),
        },
        "even": {
            "inputs": {"x": _IMAGES},
            "options": _EVEN,
            "requires": ("LOCAL_RESPONSE_NORM-2", "LOCAL_RESPONSE_NORM-1"),
        },
        "large-mean": {
            "inputs": {"x": normal(2, 7, 3, 2, mean=1e3)},
            "options": _EVEN,
            "requires": ("LOCAL_RESPONSE_NORM-1",),
        },
        "zeros": {
            "inputs": {"x": values([[[[0.0] * 2] * 3] * 7] * 2)},
            "options": _EVEN,
            "requires": ("LOCAL_RESPONSE_NORM-1",),
        },
        "wider": {
            "inputs": {"x": normal(2, 3, 5)},
            "options": {"size": 9, "alpha": 9.0, "beta": 0.75},
            "requires": ("LOCAL_RESPONSE_NORM-3", "LOCAL_RESPONSE_NORM-4"),
        },
    },
)

_FULL = cases(
    "local_response_norm",
    {
        "numbers": {"inputs": {"x": _IMAGES}, "program": _two_calls},
        "one": {"inputs": {"x": _IMAGES}, "options": {"size": 1, "alpha": 1.0}},
        "two": {"inputs": {"x": _IMAGES}, "options": {"size": 2, "alpha": 1.0}},
        "five": {"inputs": {"x": _IMAGES}, "options": {"size": 5, "alpha": 1.0, "k": 2.0}},
        "one-channel": {"inputs": {"x": normal(2, 1, 5)}, "options": {"size": 3, "alpha": 1.0}},
        "volume": {"inputs": {"x": normal(2, 5, 2, 3, 2)}, "options": _EVEN},
        "no-exponent": {"inputs": {"x": _IMAGES}, "options": {"size": 3, "beta": 0.0}},
        "no-alpha": {"inputs": {"x": _IMAGES}, "options": {"size": 3, "alpha": 0.0, "k": 2.0}},
        "small": {"inputs": {"x": normal(2, 7, 5, std=1e-3)}, "options": _EVEN},
        "tiny": {"inputs": {"x": normal(2, 7, 5, std=1e-18)}, "options": _EVEN},
        "huge": {"inputs": {"x": normal(2, 7, 5, std=1e15)}, "options": _EVEN},
        "empty": {"inputs": {"x": normal(0, 7, 5)}, "options": _EVEN},
        "strided": {"inputs": {"x": normal(2, 7, 3, 2).laid_out("strided")}, "options": _EVEN},
        "transposed": {"inputs": {"x": normal(2, 7, 3, 3).laid_out("transposed")}, "options": _EVEN},
    },
    requires=tuple(f"LOCAL_RESPONSE_NORM-{i}" for i in (1, 2, 3, 4)),
    level="full",
)


def _bad(name: str, error: type[NnspecError], *words: str, x: Source = _IMAGES, **options: Any) -> Case:
    return rejected(
        "local_response_norm",
        name,
        "LOCAL_RESPONSE_NORM-1",
        error,
        *words,
        inputs={"x": x},
        **{"size": 3, **options},
    )


_ERRORS = [
    _bad("size", ArgumentError, "size: expected an integer >= 1, got 0", size=0),
    _bad("size-type", ArgumentError, "size: expected an integer >= 1, got 3.0", size=3.0),
    _bad("alpha", ArgumentError, "alpha: expected a finite number >= 0, got -0.1", alpha=-0.1),
    _bad("beta", ArgumentError, "beta: expected a finite number >= 0, got nan", beta=NAN),
    _bad("k", ArgumentError, "k: expected a finite number > 0, got 0", k=0),
    _bad("rank", ShapeError, "x: expected 3 to 5 axes, got shape (2, 7)", x=normal(2, 7)),
    _bad("integer-x", DTypeError, "x: expected a floating array", x=integers(2, 7, 3, high=5)),
    _bad(
        "no-positions",
        ShapeError,
        "x: expected channel and spatial axes of at least 1, got shape (2, 7, 0)",
        x=normal(2, 7, 0),
    ),
]

CASES: list[Case] = [*_QUICK, *_FULL, *_ERRORS]
