"""Inputs for the activations made of straight pieces."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError, ShapeError
from nnspec_conformance.case import Case, cases, error_case, normal, regimes, uniform, values
from nnspec_conformance.cases.activations._elementwise import (
    FORWARD,
    INF,
    KINK,
    NAN,
    SHAPE,
    beside,
    elementwise,
    no_floating_array,
    refused_options,
    repeated,
)

__all__ = ["CASES"]

_SIMPLE = [
    *elementwise("identity", "IDENTITY-1", kink=("IDENTITY-1",), special=("IDENTITY-1",), scalar="quick"),
    *elementwise("relu", "RELU-1", kink=("RELU-2", "RELU-1"), special=("RELU-3",), scalar="quick"),
    # long enough for what native kernels do with many elements only
    Case(operation="relu", name="long", requires=("RELU-1",), inputs={"x": normal(35, 31)}, plain_only=True),
    *elementwise(
        "relu6", "RELU6-1", kink=("RELU6-2", "RELU6-1"), kinks=[*beside(0.0, 6.0), -0.0], special=("RELU6-3",)
    ),
    *elementwise("leaky_relu", "LEAKY_RELU-1", kink=("LEAKY_RELU-2",), special=("LEAKY_RELU-3",), scalar="quick"),
    *elementwise(
        "hard_tanh",
        "HARD_TANH-1",
        kink=("HARD_TANH-2", "HARD_TANH-1"),
        special=("HARD_TANH-3",),
        scalar="quick",
    ),
    *elementwise(
        "hard_sigmoid",
        "HARD_SIGMOID-1",
        kink=("HARD_SIGMOID-2", "HARD_SIGMOID-1", "HARD_SIGMOID-3"),
        kinks=[*beside(-3.0, 0.0, 3.0), 1.0],
        special=("HARD_SIGMOID-4", "HARD_SIGMOID-1"),
    ),
    Case(
        operation="hard_sigmoid",
        name="slope",
        requires=("HARD_SIGMOID-3",),
        inputs={"x": uniform(*SHAPE, low=-2.9, high=2.9)},
    ),
    *elementwise(
        "heaviside",
        "HEAVISIDE-1",
        kink=("HEAVISIDE-1", "HEAVISIDE-2"),
        special=("HEAVISIDE-3",),
        scalar="quick",
    ),
]

_LEAKY = [
    *cases(
        "leaky_relu",
        {
            "steep": {"options": {"negative_slope": 1.5}},
            "negative": {"options": {"negative_slope": -0.3}},
            "zero": {"options": {"negative_slope": 0.0}},
        },
        requires=("LEAKY_RELU-1",),
        inputs={"x": normal(*SHAPE)},
    ),
    Case(
        operation="leaky_relu",
        name="kink-steep",
        requires=("LEAKY_RELU-2",),
        inputs={"x": repeated(KINK)},
        options={"negative_slope": 1.5},
    ),
    *refused_options(
        "leaky_relu",
        "LEAKY_RELU-1",
        {"nan-slope": ({"negative_slope": NAN}, "negative_slope: expected a finite number, got nan")},
    ),
]

_PRELU = [
    *cases(
        "prelu",
        {
            "channels": {
                "inputs": {"x": normal(4, 3, 5), "weight": normal(3)},
                "requires": ("PRELU-1", "PRELU-3"),
            },
            "one": {"inputs": {"x": normal(4, 3), "weight": normal(1)}, "requires": ("PRELU-1", "PRELU-3")},
            "last-axis": {
                "inputs": {"x": normal(4, 2, 3), "weight": normal(3)},
                "options": {"axis": -1},
                "requires": ("PRELU-1",),
            },
            "first-axis": {
                "inputs": {"x": normal(2, 5), "weight": normal(2)},
                "options": {"axis": 0},
                "requires": ("PRELU-1",),
                "plain_only": True,
            },
            "square": {
                "inputs": {"x": normal(2, 3, 3), "weight": normal(3)},
                "requires": ("PRELU-1",),
                "level": "full",
            },
            "large-mean": {
                "inputs": {"x": normal(4, 3, 7, mean=-1e3), "weight": normal(3, mean=0.25)},
                "requires": ("PRELU-3",),
            },
            "kink": {
                "inputs": {
                    "x": values([[0.0, -0.0, 1.0], [-1.0, 0.0, 2.0]]),
                    "weight": values([0.25, -2.0, 1.5]),
                },
                "requires": ("PRELU-2",),
            },
            "empty": {
                "inputs": {"x": normal(0, 3), "weight": normal(3)},
                "requires": ("PRELU-1",),
            },
        },
    ),
    error_case(
        "prelu",
        "channels",
        ("PRELU-1",),
        lambda backend, x, weight: backend.prelu(x, weight),
        ShapeError,
        "weight: expected shape (3,)",
        "got (4,)",
        inputs={"x": normal(2, 3), "weight": normal(4)},
    ),
    error_case(
        "prelu",
        "axis",
        ("PRELU-1",),
        lambda backend, x, weight: backend.prelu(x, weight, axis=2),
        ArgumentError,
        "axis: expected an integer in [-2, 2), got 2",
        inputs={"x": normal(2, 3), "weight": normal(3)},
    ),
]

_HARD_TANH = [
    *cases(
        "hard_tanh",
        {
            "bounds": {"inputs": {"x": normal(*SHAPE)}, "requires": ("HARD_TANH-1",)},
            "bounds-kink": {
                "inputs": {"x": repeated([-0.25, 0.5, 0.0, -0.3, 0.6, -0.2, 0.4])},
                "requires": ("HARD_TANH-2",),
            },
        },
        options={"min_value": -0.25, "max_value": 0.5},
    ),
    *refused_options(
        "hard_tanh",
        "HARD_TANH-1",
        {"order": ({"min_value": 1.0, "max_value": 1.0}, "max_value: expected a finite number > 1, got 1.0")},
    ),
]


def _shrinkage(operation: str) -> list[Case]:
    main, side, nan = (f"{operation.upper()}-{i}" for i in (1, 2, 3))
    found = elementwise(
        operation, main, kink=(side, main), kinks=[*beside(-0.5, 0.0, 0.5), -0.0, 2.0], special=(nan, main)
    )
    found += cases(
        operation,
        {
            "lambd": {"inputs": {"x": normal(*SHAPE)}},
            "lambd-kink": {"inputs": {"x": repeated(beside(-1.25, -0.5, 0.5, 1.25))}},
            "zero": {"inputs": {"x": normal(*SHAPE)}, "options": {"lambd": 0.0}, "level": "full"},
            "zero-kink": {"inputs": {"x": repeated(KINK)}, "options": {"lambd": 0.0}, "level": "full"},
        },
        requires=(main, side),
        options={"lambd": 1.25},
    )
    message = "lambd: expected a finite number >= 0, got "
    return found + refused_options(
        operation,
        main,
        {"negative": ({"lambd": -0.5}, f"{message}-0.5"), "infinite": ({"lambd": INF}, f"{message}inf")},
    )


_AT_A_QUARTER = {"threshold": 0.25, "value": -1.5}
_THRESHOLD = [
    *elementwise(
        "threshold",
        "THRESHOLD-1",
        kink=("THRESHOLD-2", "THRESHOLD-1"),
        kinks=[*beside(-0.25, 0.0, 0.25), -1.5],
        special=("THRESHOLD-3", "THRESHOLD-1"),
        options=_AT_A_QUARTER,
    ),
    *cases(
        "threshold",
        {
            "below-zero": {"inputs": {"x": normal(*SHAPE)}},
            "below-zero-kink": {"inputs": {"x": repeated(beside(-0.5, 0.0, 0.1))}},
        },
        requires=("THRESHOLD-1", "THRESHOLD-2"),
        options={"threshold": -0.5, "value": 0.1},  # 0.1 has to be rounded to the nearest
    ),
    *refused_options(
        "threshold",
        "THRESHOLD-1",
        {
            "nan-threshold": ({"threshold": NAN, "value": 0.0}, "threshold: expected a finite number, got nan"),
            "infinite-value": ({"threshold": 0.0, "value": INF}, "value: expected a finite number, got inf"),
        },
    ),
]


def _maxout_rows() -> dict[str, dict[str, Any]]:
    x = {"x": normal(*SHAPE)}
    with_nan = [[NAN, 1.0, 2.0] * 11, [1.0, 2.0, NAN] * 11, [-INF] * 33, [INF, NAN, 0.0] * 11, *[[0.5] * 33] * 3]
    return {
        "axis-0": {"inputs": x, "options": {"num_pieces": 7, "axis": 0}},
        "axis-middle": {
            "inputs": {"x": normal(3, 8, 5)},
            "options": {"num_pieces": 2, "axis": 1},
            "level": "full",
        },
        "axis-negative": {
            "inputs": {"x": normal(3, 8, 6)},
            "options": {"num_pieces": 4, "axis": -2},
            "level": "full",
        },
        "one-piece": {"inputs": x, "options": {"num_pieces": 1}, "level": "full"},
        "one-unit": {"inputs": x, "options": {"num_pieces": 33}, "level": "full"},
        "vector": {"inputs": {"x": normal(9)}, "level": "full"},
        "empty": {"inputs": {"x": normal(0, 6)}, "level": "full"},
        "no-units": {"inputs": {"x": normal(4, 0)}, "level": "full"},
        "transposed": {"inputs": {"x": normal(*SHAPE).laid_out("transposed")}},
        "strided": {"inputs": {"x": normal(*SHAPE).laid_out("strided")}},
        "ties": {
            "inputs": {"x": repeated([2.0, 2.0, 1.0, 3.0, 3.0, 3.0, 0.0, -0.0, -1.0, -4.0, -5.0, -4.0])},
            "requires": ("MAXOUT-2",),
        },
        "special": {"inputs": {"x": values(with_nan)}, "requires": ("MAXOUT-3", "MAXOUT-1"), "checks": FORWARD},
    }


_MAXOUT = [
    *regimes("maxout", ("MAXOUT-1", "MAXOUT-2"), options={"num_pieces": 3}),
    *cases("maxout", _maxout_rows(), requires=("MAXOUT-1", "MAXOUT-2"), options={"num_pieces": 3}),
    *no_floating_array("maxout", "MAXOUT-1", {"num_pieces": 1}),
    *refused_options(
        "maxout",
        "MAXOUT-1",
        {
            "no-piece": ({"num_pieces": 0}, "num_pieces: expected an integer >= 1, got 0"),
            "pieces-type": ({"num_pieces": 2.0}, "num_pieces: expected an integer >= 1, got 2.0"),
            "axis": ({"num_pieces": 3, "axis": 1}, "axis: expected an integer in [-1, 1), got 1"),
        },
    ),
    error_case(
        "maxout",
        "rest",
        ("MAXOUT-1",),
        lambda backend, x: backend.maxout(x, num_pieces=4, axis=0),
        ShapeError,
        "x: expected a multiple of 4 entries along axis 0, got shape (6, 4)",
        inputs={"x": normal(6, 4)},
    ),
]

CASES = [
    *_SIMPLE,
    *_LEAKY,
    *_PRELU,
    *_HARD_TANH,
    *_shrinkage("softshrink"),
    *_shrinkage("hardshrink"),
    *_THRESHOLD,
    *_MAXOUT,
]
