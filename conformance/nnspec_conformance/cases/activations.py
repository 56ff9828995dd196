"""Inputs for the activations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import (
    Case,
    Source,
    cases,
    error_case,
    integers,
    normal,
    regimes,
    uniform,
    values,
)

__all__ = ["CASES"]

_INF, _NAN = math.inf, math.nan
#: one shape for most cases: JAX compiles once a shape
_SHAPE = (7, 33)


def _repeated(entries: list[float]) -> Source:
    return values(np.resize(entries, _SHAPE))


#: around zero, of both signs, and the tails
_KINK = _repeated([-2.0, -1e-30, -0.0, 0.0, 1e-30, 2.0, -1.0, 1.0])
_SPECIAL = _repeated([_NAN, _INF, -_INF, 0.0, -0.0, 1.0])
_SUBNORMAL = _repeated([1e-39, -1e-39, 1e-310, 3e-38, 1e-45])
_MAGNITUDES = (4.0, 6.0, 9.0, 14.0, 20.0, 80.0, 100.0, 1e3, 1e4)
_TAILS = _repeated([sign * x for x in _MAGNITUDES for sign in (-1, 1)])
_FORWARD = ("values", "shapes", "purity", "repeat")


def _elementwise(operation: str, main: str, *, kink: tuple[str, ...], special: tuple[str, ...] = ()) -> list[Case]:
    """What every elementwise operation is tried on; `main` is the requirement its formula is in."""
    found = regimes(operation, (main,))
    found += cases(
        operation,
        {
            "tails": {"inputs": {"x": _TAILS}},
            "size-scalar": {"inputs": {"x": normal()}},
            "size-empty": {
                "inputs": {"x": normal(0, 3)},
                "checks": ("values", "shapes", "compiled"),
                "level": "full",
            },
            "size-cube": {"inputs": {"x": normal(5, 3, 4)}, "level": "full"},
            "size-long": {"inputs": {"x": normal(4099)}, "level": "full"},
            "transposed": {"inputs": {"x": normal(*_SHAPE).laid_out("transposed")}},
            "strided": {"inputs": {"x": normal(*_SHAPE).laid_out("strided")}},
            "subnormal": {"inputs": {"x": _SUBNORMAL}},
        },
        requires=(main,),
    )
    if kink:
        found.append(Case(operation=operation, name="kink", requires=kink, inputs={"x": _KINK}))
    if special:
        found.append(
            Case(operation=operation, name="special", requires=special, inputs={"x": _SPECIAL}, checks=_FORWARD)
        )
    found.append(
        error_case(
            operation,
            "integer-input",
            (main,),
            lambda backend, x: getattr(backend, operation)(x),
            DTypeError,
            "x: expected a floating array",
            inputs={"x": integers(3, high=5)},
        )
    )
    found.append(
        error_case(
            operation,
            "no-array",
            (main,),
            lambda backend: getattr(backend, operation)([1.0, 2.0]),
            DTypeError,
            "x: expected a floating array, got list",
        )
    )
    return found


_SIMPLE = [
    *_elementwise("identity", "IDENTITY-1", kink=("IDENTITY-1",), special=("IDENTITY-1",)),
    *_elementwise("relu", "RELU-1", kink=("RELU-2", "RELU-1"), special=("RELU-3",)),
    *_elementwise("leaky_relu", "LEAKY_RELU-1", kink=("LEAKY_RELU-2",), special=("LEAKY_RELU-3",)),
    *_elementwise("gelu", "GELU-1", kink=("GELU-1",)),
    *_elementwise("silu", "SILU-1", kink=("SILU-1",)),
    *_elementwise("sigmoid", "SIGMOID-1", kink=("SIGMOID-2",), special=("SIGMOID-1",)),
    *_elementwise("tanh", "TANH-1", kink=("TANH-1",), special=("TANH-1",)),
    *_elementwise("hard_tanh", "HARD_TANH-1", kink=("HARD_TANH-2", "HARD_TANH-1"), special=("HARD_TANH-3",)),
    *_elementwise("softplus", "SOFTPLUS-1", kink=("SOFTPLUS-2",), special=("SOFTPLUS-1",)),
    *_elementwise("heaviside", "HEAVISIDE-1", kink=("HEAVISIDE-1", "HEAVISIDE-2"), special=("HEAVISIDE-3",)),
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
        inputs={"x": normal(*_SHAPE)},
    ),
    Case(
        operation="leaky_relu",
        name="kink-steep",
        requires=("LEAKY_RELU-2",),
        inputs={"x": _KINK},
        options={"negative_slope": 1.5},
    ),
    error_case(
        "leaky_relu",
        "nan-slope",
        ("LEAKY_RELU-1",),
        lambda backend, x: backend.leaky_relu(x, negative_slope=_NAN),
        ArgumentError,
        "negative_slope: expected a finite number, got nan",
        inputs={"x": normal(3)},
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

_GELU = [
    *regimes("gelu", ("GELU-2",), options={"approximate": "tanh"}),
]
_GELU = [
    Case(
        operation="gelu",
        name=f"tanh-{case.name}",
        requires=case.requires,
        inputs=case.inputs,
        options=case.options,
    )
    for case in _GELU
] + [
    Case(
        operation="gelu",
        name="tanh-tails",
        requires=("GELU-2",),
        inputs={"x": _TAILS},
        options={"approximate": "tanh"},
    ),
    error_case(
        "gelu",
        "approximate",
        ("GELU-2",),
        lambda backend, x: backend.gelu(x, approximate="erf"),
        ArgumentError,
        "approximate: expected one of 'none', 'tanh', got 'erf'",
        inputs={"x": normal(3)},
    ),
]

_HARD_TANH = [
    *cases(
        "hard_tanh",
        {
            "bounds": {"inputs": {"x": normal(*_SHAPE)}, "requires": ("HARD_TANH-1",)},
            "bounds-kink": {
                "inputs": {"x": _repeated([-0.25, 0.5, 0.0, -0.3, 0.6, -0.2, 0.4])},
                "requires": ("HARD_TANH-2",),
            },
        },
        options={"min_value": -0.25, "max_value": 0.5},
    ),
    error_case(
        "hard_tanh",
        "order",
        ("HARD_TANH-1",),
        lambda backend, x: backend.hard_tanh(x, min_value=1.0, max_value=1.0),
        ArgumentError,
        "max_value: expected a finite number > 1, got 1.0",
        inputs={"x": normal(3)},
    ),
]

_SOFTPLUS = [
    *cases(
        "softplus",
        {
            "beta": {"inputs": {"x": normal(*_SHAPE)}, "options": {"beta": 0.3}},
            "beta-tails": {"inputs": {"x": _TAILS}, "options": {"beta": 3.0}},
            "threshold": {"inputs": {"x": uniform(*_SHAPE, low=10.0, high=40.0)}},
        },
        requires=("SOFTPLUS-1", "SOFTPLUS-2"),
    ),
    error_case(
        "softplus",
        "beta",
        ("SOFTPLUS-1",),
        lambda backend, x: backend.softplus(x, beta=0.0),
        ArgumentError,
        "beta: expected a finite number > 0, got 0.0",
        inputs={"x": normal(3)},
    ),
]

_ROWS: dict[str, dict[str, Any]] = {
    "axis-0": {"inputs": {"x": normal(17, 3)}, "options": {"axis": 0}},
    "axis-middle": {"inputs": {"x": normal(2, 7, 3)}, "options": {"axis": 1}},
    "one-class": {"inputs": {"x": normal(5, 1)}, "level": "full"},
    "long": {"inputs": {"x": normal(2, 1025)}, "level": "full"},
    "shifted": {"inputs": {"x": normal(*_SHAPE, mean=1e4)}},
    "far-apart": {"inputs": {"x": normal(*_SHAPE, std=1e3)}},
    "ties": {"inputs": {"x": _repeated([2.0, 2.0, 1.0, 0.0])}},
    "strided": {"inputs": {"x": normal(*_SHAPE).laid_out("strided")}},
    "transposed": {"inputs": {"x": normal(*_SHAPE).laid_out("transposed")}},
    "vector": {"inputs": {"x": normal(9)}, "level": "full"},
}


def _normalized(operation: str, shift: str, gradient: str) -> list[Case]:
    found = regimes(operation, (shift, gradient))
    found += cases(operation, _ROWS, requires=(shift, gradient))
    for name, axis in (("axis", 2), ("axis-type", 0.0)):
        found.append(
            error_case(
                operation,
                name,
                (shift,),
                lambda backend, x, axis=axis: getattr(backend, operation)(x, axis=axis),
                ArgumentError,
                f"axis: expected an integer in [-2, 2), got {axis!r}",
                inputs={"x": normal(2, 3)},
            )
        )
    return found


_SOFTMAX = [
    *_normalized("softmax", "SOFTMAX-1", "SOFTMAX-2"),
    *_normalized("log_softmax", "LOG_SOFTMAX-1", "LOG_SOFTMAX-2"),
    Case(
        operation="softmax",
        name="gradient",
        requires=("SOFTMAX-2",),
        inputs={"x": normal(*_SHAPE, std=3.0)},
        checks=("gradients",),
    ),
    Case(
        operation="softmax",
        name="special",
        requires=("SOFTMAX-3",),
        inputs={"x": values([[-_INF] * 33, [-_INF] + [0.0] * 32, [_NAN] + [1.0] * 32, *[[0.5] * 33] * 4])},
        checks=_FORWARD,
    ),
]

CASES = [*_SIMPLE, *_LEAKY, *_PRELU, *_GELU, *_HARD_TANH, *_SOFTPLUS, *_SOFTMAX]
