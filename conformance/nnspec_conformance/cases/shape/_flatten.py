"""Inputs for `flatten`."""

from __future__ import annotations

import math
from typing import Any

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, cases, error_case, integers, normal, values

__all__ = ["CASES"]


def _channels_last(backend: Any, x: Any) -> Any:
    """Of an image stored with its channels last, and a cotangent that comes turned."""
    xp = backend.xp
    return xp.permute_dims(backend.flatten(xp.permute_dims(x, (0, 3, 1, 2))), (1, 0))


_QUICK = cases(
    "flatten",
    {
        "images": {"inputs": {"x": normal(3, 2, 5, 4)}, "requires": ("FLATTEN-2", "FLATTEN-1")},
        "middle": {
            "inputs": {"x": normal(2, 3, 4, 5)},
            "options": {"start_axis": 1, "end_axis": 2},
            "requires": ("FLATTEN-2", "FLATTEN-1"),
        },
        "transposed": {"inputs": {"x": normal(2, 3, 5).laid_out("transposed")}, "requires": ("FLATTEN-1",)},
        "channels-last": {
            "inputs": {"x": normal(2, 5, 4, 3)},
            "requires": ("FLATTEN-1",),
            "program": _channels_last,
        },
        "empty": {"inputs": {"x": normal(0, 3, 4)}, "requires": ("FLATTEN-2",)},
    },
)

_FULL = cases(
    "flatten",
    {
        "everything": {
            "inputs": {"x": normal(2, 3, 4)},
            "options": {"start_axis": 0},
            "requires": ("FLATTEN-2",),
        },
        "negative": {
            "inputs": {"x": normal(2, 3, 4, 5)},
            "options": {"start_axis": -3, "end_axis": -2},
            "requires": ("FLATTEN-2",),
        },
        "one-axis": {
            "inputs": {"x": normal(2, 3, 4)},
            "options": {"start_axis": 1, "end_axis": 1},
            "requires": ("FLATTEN-2",),
        },
        "vector": {"inputs": {"x": normal(17)}, "options": {"start_axis": 0}, "requires": ("FLATTEN-2",)},
        "matrix": {"inputs": {"x": normal(3, 17)}, "requires": ("FLATTEN-2",)},
        "ones": {"inputs": {"x": normal(1, 1, 1, 3)}, "requires": ("FLATTEN-2",)},
        "empty-inside": {"inputs": {"x": normal(2, 0, 4)}, "requires": ("FLATTEN-2",)},
        "strided": {"inputs": {"x": normal(2, 3, 5).laid_out("strided")}, "requires": ("FLATTEN-1",)},
        "leading-transposed": {
            "inputs": {"x": normal(2, 3, 5).laid_out("transposed")},
            "options": {"start_axis": 0, "end_axis": 1},
            "requires": ("FLATTEN-1", "FLATTEN-2"),
        },
        "special": {
            "inputs": {"x": values([[[math.nan, 1.0], [-math.inf, 2.0], [-0.0, 1e-45]]])},
            "requires": ("FLATTEN-1",),
        },
    },
    level="full",
)


def _rejected(name: str, *words: str, axes: int = 3, **options: Any) -> Case:
    shape = (2, 3, 4)[:axes]
    return error_case(
        "flatten",
        name,
        ("FLATTEN-2",),
        lambda backend, x: backend.flatten(x, **options),
        ArgumentError,
        *words,
        inputs={"x": normal(*shape)},
    )


_ERRORS = [
    _rejected("start", "start_axis: expected an integer in [-3, 3), got 3", start_axis=3),
    _rejected("end", "end_axis: expected an integer in [-3, 3), got -4", end_axis=-4),
    _rejected("start-type", "start_axis: expected an integer in [-3, 3), got True", start_axis=True),
    _rejected(
        "order",
        "start_axis: expected an axis up to end_axis = 1 of 3 axes, got 2",
        start_axis=2,
        end_axis=1,
    ),
    _rejected("vector", "start_axis: expected an integer in [-1, 1), got 1", axes=1),
    error_case(
        "flatten",
        "scalar",
        ("FLATTEN-2",),
        lambda backend, x: backend.flatten(x),
        ShapeError,
        "x: expected at least 1 axes, got shape ()",
        inputs={"x": normal()},
    ),
    error_case(
        "flatten",
        "integer-x",
        ("FLATTEN-1",),
        lambda backend, x: backend.flatten(x),
        DTypeError,
        "x: expected a floating array",
        inputs={"x": integers(2, 3, high=5)},
    ),
    error_case(
        "flatten",
        "no-array",
        ("FLATTEN-1",),
        lambda backend: backend.flatten([[1.0], [2.0]]),
        DTypeError,
        "x: expected a floating array, got list",
    ),
]

CASES: list[Case] = [*_QUICK, *_FULL, *_ERRORS]
