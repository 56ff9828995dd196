"""Bad calls of the initializers."""

from __future__ import annotations

import math
from typing import Any

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, error_case, integers, keys

_NAN, _INF = math.nan, math.inf

_DRAWN = (
    "init_uniform",
    "init_normal",
    "init_xavier_uniform",
    "init_xavier_normal",
    "init_he_uniform",
    "init_he_normal",
    "init_lecun_uniform",
    "init_lecun_normal",
    "init_variance_scaling",
    "init_truncated_normal",
    "init_orthogonal",
    "init_sparse",
)
_FANS = tuple(name for name in _DRAWN if name.split("_")[1] in ("xavier", "he", "lecun", "variance"))
_SHAPED: dict[str, Any] = {"shape": (4, 3)}


def _refused(operation: str, name: str, error: Any, words: str, inputs: Any = None, **options: Any) -> Case:
    return error_case(
        operation,
        name,
        (f"{operation.upper()}-1",),
        lambda backend, **given: getattr(backend, operation)(**given, **{**_SHAPED, **options}),
        error,
        words,
        inputs={"key": keys()} if inputs is None else inputs,
    )


CASES = [
    case
    for operation in (*_DRAWN, "init_zeros", "init_ones", "init_identity", "init_dirac")
    for case in (
        _refused(
            operation,
            "shape",
            ArgumentError,
            "shape: expected a tuple of integers >= 0, got (3, -1)",
            None if operation in _DRAWN else {},
            shape=(3, -1),
        ),
        _refused(
            operation,
            "dtype",
            DTypeError,
            "dtype: expected one of float32, float64",
            None if operation in _DRAWN else {},
            dtype="int32",
        ),
    )
] + [
    case
    for operation in _DRAWN
    for case in (
        _refused(
            operation,
            "key-shape",
            ShapeError,
            "key: expected shape (2,) (a key, as key(seed) makes it), got (3,)",
            {"key": integers(3, high=9)},
        ),
        _refused(
            operation,
            "key-dtype",
            DTypeError,
            "key: expected an int32 array",
            {"key": integers(2, high=9, dtype="int8")},
        ),
    )
]
CASES += [
    _refused("init_constant", "value", ArgumentError, "value: expected a finite number, got nan", {}, value=_NAN),
    _refused("init_constant", "dtype", DTypeError, "dtype: expected one of", {}, value=1.0, dtype="bool"),
    _refused(
        "init_uniform",
        "order",
        ArgumentError,
        "high: expected a finite number > 0.5, got 0.5",
        low=0.5,
        high=0.5,
    ),
    _refused("init_uniform", "low", ArgumentError, "low: expected a finite number, got -inf", low=-_INF),
    _refused("init_normal", "std", ArgumentError, "std: expected a finite number >= 0, got -1.0", std=-1.0),
    _refused("init_normal", "mean", ArgumentError, "mean: expected a finite number, got nan", mean=_NAN),
]
CASES += [
    case
    for operation in _FANS
    for case in (
        _refused(
            operation,
            "rank",
            ArgumentError,
            "shape: expected at least 2 axes (out, in / groups, ...) to count fans, got (4,)",
            shape=(4,),
        ),
        _refused(
            operation,
            "groups",
            ArgumentError,
            "groups: expected a divisor of the 4 output units, got 3",
            groups=3,
        ),
        _refused(operation, "scale", ArgumentError, "scale: expected a finite number > 0, got 0.0", scale=0.0),
    )
]
CASES += [
    _refused("init_truncated_normal", name, ArgumentError, words, **options)
    for name, words, options in (
        ("std", "std: expected a finite number > 0, got 0.0", {"std": 0.0}),
        ("mean", "mean: expected a finite number, got inf", {"mean": _INF}),
        ("low", "low: expected a finite number >= -37 and <= 37, got -38.0", {"low": -38.0}),
        ("high", "high: expected a finite number > 1 and <= 37, got inf", {"low": 1.0, "high": _INF}),
        ("order", "high: expected a finite number > 2 and <= 37, got 2.0", {"low": 2.0}),
    )
]
CASES += [
    _refused(operation, name, ArgumentError, words, None if operation in _DRAWN else {}, **options)
    for operation, name, words, options in (
        (
            "init_variance_scaling",
            "mode",
            "mode: expected one of 'fan_in', 'fan_out', 'fan_avg', got 'fan'",
            {"mode": "fan"},
        ),
        (
            "init_variance_scaling",
            "distribution",
            "distribution: expected one of 'truncated_normal', 'normal', 'uniform', got 'untruncated_normal'",
            {"distribution": "untruncated_normal"},
        ),
        ("init_orthogonal", "gain", "gain: expected a finite number, got nan", {"gain": _NAN}),
        ("init_orthogonal", "rank", "shape: expected at least 2 axes (out, in, ...), got (4,)", {"shape": (4,)}),
        ("init_identity", "gain", "gain: expected a finite number, got inf", {"gain": _INF}),
        ("init_identity", "rank", "shape: expected 2 axes (out, in), got (4, 3, 1)", {"shape": (4, 3, 1)}),
        ("init_dirac", "rank", "shape: expected at least 3 axes (out, in / groups, *field), got (4, 3)", {}),
        (
            "init_dirac",
            "groups",
            "groups: expected a divisor of the 4 output units, got 3",
            {"shape": (4, 3, 3), "groups": 3},
        ),
        ("init_sparse", "nonzeros", "nonzeros: expected an integer >= 1, got 0", {"nonzeros": 0}),
        ("init_sparse", "std", "std: expected a finite number > 0, got 0.0", {"std": 0.0}),
        ("init_sparse", "rank", "shape: expected at least 2 axes (out, in, ...), got ()", {"shape": ()}),
    )
]
