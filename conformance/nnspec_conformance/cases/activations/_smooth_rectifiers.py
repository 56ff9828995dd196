"""Inputs for the smooth relatives of the rectifier."""

from __future__ import annotations

from nnspec_conformance.case import Case, cases, normal, uniform
from nnspec_conformance.cases.activations._elementwise import (
    INF,
    KINK,
    NAN,
    SHAPE,
    TAILS,
    elementwise,
    refused_options,
    repeated,
)

__all__ = ["CASES"]


def _exponential(operation: str, refused: dict[str, tuple[dict[str, float], str]]) -> list[Case]:
    """elu and celu: accuracy, the slope at 0, the limit."""
    main, slope, limit = (f"{operation.upper()}-{i}" for i in (1, 2, 3))
    found = elementwise(operation, main, kink=(slope,), special=(limit,))
    found += cases(
        operation,
        {
            "alpha": {"inputs": {"x": normal(*SHAPE)}},
            "alpha-small": {"inputs": {"x": normal(*SHAPE, std=1e-3)}, "options": {"alpha": 2.0}},
            "alpha-tails": {"inputs": {"x": TAILS}},
            "alpha-kink": {"inputs": {"x": repeated(KINK)}, "requires": (slope,)},
            "alpha-large": {"inputs": {"x": normal(*SHAPE)}, "options": {"alpha": 5.0}, "level": "full"},
        },
        requires=(main,),
        options={"alpha": 0.3},
    )
    return found + refused_options(operation, main, refused)


_ELU = [
    *_exponential(
        "elu",
        {
            "negative-alpha": ({"alpha": -1.0}, "alpha: expected a finite number >= 0, got -1.0"),
            "nan-alpha": ({"alpha": NAN}, "alpha: expected a finite number >= 0, got nan"),
        },
    ),
    *cases(
        "elu",
        {"zero": {"inputs": {"x": normal(*SHAPE)}}, "zero-kink": {"inputs": {"x": repeated(KINK)}}},
        requires=("ELU-1", "ELU-2"),
        options={"alpha": 0.0},
        level="full",
    ),
]
_CELU = _exponential("celu", {"alpha": ({"alpha": 0.0}, "alpha: expected a finite number > 0, got 0.0")})
_SELU = elementwise("selu", "SELU-1", kink=("SELU-2",), special=("SELU-3",))

_SOFTPLUS = [
    *elementwise("softplus", "SOFTPLUS-1", kink=("SOFTPLUS-2",), special=("SOFTPLUS-1",), scalar="quick"),
    *cases(
        "softplus",
        {
            "beta": {"inputs": {"x": normal(*SHAPE)}, "options": {"beta": 0.3}},
            "beta-tails": {"inputs": {"x": TAILS}, "options": {"beta": 2.0}},
            "threshold": {"inputs": {"x": uniform(*SHAPE, low=10.0, high=40.0)}},
        },
        requires=("SOFTPLUS-1", "SOFTPLUS-2"),
    ),
    *refused_options(
        "softplus", "SOFTPLUS-1", {"beta": ({"beta": 0.0}, "beta: expected a finite number > 0, got 0.0")}
    ),
]

_SQUAREPLUS = [
    *elementwise("squareplus", "SQUAREPLUS-2", kink=("SQUAREPLUS-3",), special=("SQUAREPLUS-4",)),
    *cases(
        "squareplus",
        {
            "huge": {
                "inputs": {"x": repeated([sign * x for x in (1e30, 2e30, 3e30) for sign in (-1, 1)])},
                "requires": ("SQUAREPLUS-1",),
            },
            "far": {"inputs": {"x": uniform(*SHAPE, low=-1e6, high=-1e3)}},
            "b": {"inputs": {"x": normal(*SHAPE)}, "options": {"b": 0.3}},
            "b-tails": {"inputs": {"x": TAILS}, "options": {"b": 0.3}},
            "b-kink": {
                "inputs": {"x": repeated(KINK)},
                "options": {"b": 0.3},
                "requires": ("SQUAREPLUS-3",),
            },
            "b-large": {"inputs": {"x": normal(*SHAPE)}, "options": {"b": 1e4}, "level": "full"},
        },
        requires=("SQUAREPLUS-2",),
    ),
    *refused_options(
        "squareplus",
        "SQUAREPLUS-2",
        {
            "b": ({"b": 0.0}, "b: expected a finite number > 0, got 0.0"),
            "infinite-b": ({"b": INF}, "b: expected a finite number > 0, got inf"),
        },
    ),
]

CASES = [*_ELU, *_SELU, *_CELU, *_SOFTPLUS, *_SQUAREPLUS]
