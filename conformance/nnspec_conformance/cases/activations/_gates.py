"""Inputs for self-gated and gated linear units."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nnspec.errors import ShapeError
from nnspec_conformance.case import Case, cases, error_case, normal, regimes
from nnspec_conformance.cases.activations._elementwise import (
    INF,
    KINK,
    NAN,
    SHAPE,
    TAILS,
    beside,
    elementwise,
    no_floating_array,
    refused_options,
    repeated,
)

__all__ = ["CASES"]

_GELU = [
    *elementwise("gelu", "GELU-1", kink=("GELU-1",), scalar="quick"),
    *(
        replace(case, name=f"tanh-{case.name}")
        for case in regimes("gelu", ("GELU-2",), options={"approximate": "tanh"})
    ),
    Case(
        operation="gelu",
        name="tanh-tails",
        requires=("GELU-2",),
        inputs={"x": TAILS},
        options={"approximate": "tanh"},
    ),
    *refused_options(
        "gelu",
        "GELU-2",
        {"approximate": ({"approximate": "erf"}, "approximate: expected one of 'none', 'tanh', got 'erf'")},
    ),
]

_SILU = [
    *elementwise("silu", "SILU-1", kink=("SILU-1",), scalar="quick"),
    *cases(
        "silu",
        {
            "beta": {"inputs": {"x": normal(*SHAPE)}},
            "beta-wide": {"inputs": {"x": normal(*SHAPE, std=30.0)}, "options": {"beta": 2.0}},
            "beta-tails": {"inputs": {"x": TAILS}},
            "beta-kink": {"inputs": {"x": repeated(KINK)}},
            "beta-small": {"inputs": {"x": normal(*SHAPE)}, "options": {"beta": 0.3}, "level": "full"},
            "beta-zero": {"inputs": {"x": normal(*SHAPE)}, "options": {"beta": 0.0}, "level": "full"},
        },
        requires=("SILU-2",),
        options={"beta": -1.7},
    ),
    *refused_options(
        "silu",
        "SILU-2",
        {
            "nan-beta": ({"beta": NAN}, "beta: expected a finite number, got nan"),
            "infinite-beta": ({"beta": INF}, "beta: expected a finite number, got inf"),
        },
    ),
]

_MISH = elementwise(
    "mish", "MISH-1", kink=("MISH-2",), special=("MISH-3",), specials=[NAN, INF, 0.0, -0.0, -1e30, 1e30]
)
_HARD_SWISH = elementwise(
    "hard_swish",
    "HARD_SWISH-1",
    kink=("HARD_SWISH-2", "HARD_SWISH-1"),
    kinks=[*beside(-3.0, 0.0, 3.0), -1.5, 1.0],
    special=("HARD_SWISH-3",),
    specials=[NAN, INF, 0.0, -0.0, -1e30, 1e30],
)

#: as SHAPE, of an even number of features
_PAIRS = (7, 34)


def _gated(operation: str, tails: str) -> list[Case]:
    """glu, swiglu or geglu; `tails` is the requirement about large inputs."""
    halves, axis = f"{operation.upper()}-1", f"{operation.upper()}-2"
    rows: dict[str, dict[str, Any]] = {
        "tails": {
            "inputs": {"x": repeated([-1e4, -100.0, -20.0, -4.0, 4.0, 20.0, 100.0], _PAIRS)},
            "requires": (tails,),
        },
        "transposed": {"inputs": {"x": normal(*_PAIRS).laid_out("transposed")}},
        "strided": {"inputs": {"x": normal(*_PAIRS).laid_out("strided")}},
        "axis-0": {"inputs": {"x": normal(6, 4)}, "options": {"axis": 0}, "requires": (axis,)},
        "axis-middle": {
            "inputs": {"x": normal(3, 4, 6)},
            "options": {"axis": 1},
            "requires": (axis,),
            "level": "full",
        },
        "axis-negative": {
            "inputs": {"x": normal(3, 4, 6)},
            "options": {"axis": -2},
            "requires": (axis,),
            "level": "full",
        },
        "vector": {"inputs": {"x": normal(8)}, "level": "full"},
        "pair": {"inputs": {"x": normal(5, 2)}, "level": "full"},
        "empty": {"inputs": {"x": normal(0, 6)}, "level": "full"},
        "no-features": {"inputs": {"x": normal(4, 0)}, "level": "full"},
    }
    return [
        *regimes(operation, (halves, axis), shape=_PAIRS),
        *cases(operation, rows, requires=(halves, axis)),
        *no_floating_array(operation, halves, {}),
        *refused_options(operation, axis, {"axis": ({"axis": 1}, "axis: expected an integer in [-1, 1), got 1")}, 4),
        error_case(
            operation,
            "odd",
            (axis,),
            lambda backend, x: getattr(backend, operation)(x, axis=0),
            ShapeError,
            "x: expected an even number of entries along axis 0, got shape (3, 2)",
            inputs={"x": normal(3, 2)},
        ),
    ]


_GEGLU_TANH = [
    *cases(
        "geglu",
        {
            "tanh": {"inputs": {"x": normal(*_PAIRS)}},
            "tanh-wide": {"inputs": {"x": normal(*_PAIRS, std=30.0)}},
            "tanh-axis": {
                "inputs": {"x": normal(4, 3)},
                "options": {"approximate": "tanh", "axis": 0},
                "level": "full",
            },
        },
        requires=("GEGLU-3",),
        options={"approximate": "tanh"},
    ),
    *refused_options(
        "geglu",
        "GEGLU-3",
        {"approximate": ({"approximate": True}, "approximate: expected one of 'none', 'tanh', got True")},
        4,
    ),
]

CASES = [
    *_GELU,
    *_SILU,
    *_MISH,
    *_HARD_SWISH,
    *_gated("glu", "GLU-3"),
    *_gated("swiglu", "SWIGLU-3"),
    *_gated("geglu", "GEGLU-1"),
    *_GEGLU_TANH,
]
