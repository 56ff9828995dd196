"""Inputs for `one_hot`."""

from __future__ import annotations

import numpy as np

from nnspec import Backend
from nnspec.errors import ArgumentError, DTypeError
from nnspec_conformance.case import Case, cases, constant, integers, values
from nnspec_conformance.cases.shape._common import refused

__all__ = ["CASES"]


def _given_dtype(backend: Backend, dtype: str, seed: int) -> str | None:
    """In float32, also where the backend's own dtype is the wider one."""
    del dtype, seed
    found = backend.to_numpy(backend.one_hot(backend.asarray([2, 0], dtype="int32"), num_classes=3, dtype="float32"))
    if str(found.dtype) != "float32" or found.tolist() != [[0, 0, 1], [1, 0, 0]]:
        return f"expected rows of float32, got {found.dtype}: {found.tolist()}"
    return None


_CODES = ("bits", "shapes", "compiled", "purity", "repeat")
CASES: list[Case] = [
    *cases(
        "one_hot",
        {
            "matrix": {
                "inputs": {"x": integers(7, 3, high=5)},
                "options": {"num_classes": 5},
                "requires": ("ONE_HOT-1",),
            },
        },
        checks=_CODES,
    ),
    *cases(
        "one_hot",
        {
            **{
                dtype: {  # beyond what the narrower type of the same width and another sign holds
                    "inputs": {"x": integers(9, high=high, dtype=dtype)},
                    "options": {"num_classes": 300},
                    "requires": ("ONE_HOT-3", "ONE_HOT-1"),
                }
                for dtype, high in (("int8", 128), ("uint8", 256), ("int16", 300), ("int64", 300))
            },
            "scalar": {
                "inputs": {"x": constant(2, "int32")},
                "options": {"num_classes": 3},
                "requires": ("ONE_HOT-3",),
            },
            "empty": {
                "inputs": {"x": constant(np.zeros((2, 0)), "int32")},
                "options": {"num_classes": 3},
                "requires": ("ONE_HOT-3",),
            },
            "ends": {
                "inputs": {"x": constant([[0, 16], [16, 0]], "int32")},
                "options": {"num_classes": 17},
                "requires": ("ONE_HOT-2", "ONE_HOT-1"),
            },
            "one-class": {
                "inputs": {"x": constant([0, 0], "int32")},
                "options": {"num_classes": 1},
                "requires": ("ONE_HOT-1",),
            },
        },
        checks=_CODES,
        level="full",
    ),
    Case(
        operation="one_hot",
        name="given-dtype",
        requires=("ONE_HOT-1",),
        inputs={"x": integers(4, high=3)},
        options={"num_classes": 3, "dtype": "float32"},
        checks=("bits", "shapes", "compiled"),
        dtypes=("float32",),
        level="full",
    ),
    Case(
        operation="one_hot",
        name="another-dtype",
        requires=("ONE_HOT-1",),
        checks=("statistics",),
        judge=_given_dtype,
        level="full",
    ),
    *(
        refused("one_hot", name, number, error, words, source, options)
        for name, number, error, words, source, options in (
            (
                "too-large",
                2,
                ArgumentError,
                "x: expected classes in [0, 2], got 3",
                constant([0, 3], "int32"),
                {"num_classes": 3},
            ),
            (
                "negative",
                2,
                ArgumentError,
                "x: expected classes in [0, 2], got -1",
                constant([-1, 2], "int32"),
                {"num_classes": 3},
            ),
            (
                "classes",
                1,
                ArgumentError,
                "num_classes: expected an integer >= 1",
                constant([0], "int32"),
                {"num_classes": 0},
            ),
            (
                "dtype",
                1,
                DTypeError,
                "dtype: expected one of",
                constant([0], "int32"),
                {"num_classes": 2, "dtype": "int32"},
            ),
            ("floating", 3, DTypeError, "x: expected an integer array", values([0.0, 1.0]), {"num_classes": 2}),
        )
    ),
]
