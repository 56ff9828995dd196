"""Laws of activations."""

from __future__ import annotations

from typing import Any

from nnspec_conformance.laws._batches import ROW_ALONE, ROW_GRADIENT
from nnspec_conformance.laws._call import ALL
from nnspec_conformance.laws._gradients import ADJOINT, GRADIENT_SUMS_TO_ZERO, LINEAR
from nnspec_conformance.laws._law import Applied
from nnspec_conformance.laws._symmetries import REORDERED, SCALED, SHIFTED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]

_X = {"x": 0}
#: each entry by itself
_ELEMENTWISE = (
    *("identity", "relu", "relu6", "leaky_relu", "hard_tanh", "hard_sigmoid", "softshrink", "hardshrink", "threshold"),
    *("elu", "selu", "celu", "softplus", "squareplus", "sigmoid", "log_sigmoid", "tanh", "tanhshrink"),
    *("softsign", "gelu", "silu", "mish", "hard_swish"),
)
_HALVES = ("glu", "swiglu", "geglu")

#: powers of the arguments and of the result that only change the unit; the options that take part
_POWERS: dict[str, tuple[dict[str, int], int, dict[str, Any]]] = {
    "identity": ({"x": 1}, 1, {}),
    "relu": ({"x": 1}, 1, {}),
    "leaky_relu": ({"x": 1}, 1, {}),
    "hard_tanh": ({"x": 1, "min_value": 1, "max_value": 1}, 1, {"min_value": -0.3, "max_value": 0.7}),
    "softshrink": ({"x": 1, "lambd": 1}, 1, {"lambd": 0.3}),
    "hardshrink": ({"x": 1, "lambd": 1}, 1, {"lambd": 0.3}),
    "threshold": ({"x": 1, "threshold": 1, "value": 1}, 1, {}),
    "celu": ({"x": 1, "alpha": 1}, 1, {"alpha": 0.7}),
    "softplus": ({"x": 1, "beta": -1}, 1, {"beta": 0.7}),
    "squareplus": ({"x": 1, "b": 2}, 1, {"b": 3.0}),
    "silu": ({"x": 1, "beta": -1}, 1, {"beta": 0.7}),
}


def _laws(operation: str) -> tuple[Applied, ...]:
    found = [
        ROW_ALONE("unit", rows=_X, sampled=operation in ("relu", "gelu")),
        ROW_GRADIENT("unit", rows=_X, of=("x",)),
        REORDERED("unit", along={"x": ALL}, result=ALL),
    ]
    if operation in _POWERS:
        by, result, options = _POWERS[operation]
        found.append(SCALED("unit", by=by, result=result, options=options))
    return tuple(found)


def _softmax() -> tuple[Applied, ...]:
    """Over a middle axis, and over the default."""
    return (
        SHIFTED("axis-middle", of={"x": 1}),
        SHIFTED("unit", of={"x": -1}, named="last-axis"),
        GRADIENT_SUMS_TO_ZERO("axis-middle", 2, of="x", axis=1, sampled=True),
        GRADIENT_SUMS_TO_ZERO("unit", 2, of="x", axis=-1, named="last-axis"),
        REORDERED("axis-middle", along={"x": 1}, result=1, named="classes"),
        ROW_ALONE("axis-middle", rows={"x": 0}),
        ROW_ALONE("axis-middle", rows={"x": 2}, result=2, named="last-axis"),
        ROW_GRADIENT("axis-middle", rows={"x": 2}, of=("x",), result=2),
    )


LAWS: dict[str, tuple[Applied, ...]] = {
    **{operation: _laws(operation) for operation in _ELEMENTWISE},
    **{
        operation: (
            ROW_ALONE("unit", rows=_X),
            ROW_GRADIENT("unit", rows=_X, of=("x",)),
            REORDERED("unit", along={"x": 0}, result=0),
        )
        for operation in _HALVES
    },
    "identity": (*_laws("identity"), LINEAR("unit", of="x"), ADJOINT("unit", of="x")),
    "heaviside": (
        ROW_ALONE("unit", rows=_X),
        REORDERED("unit", along={"x": ALL}, result=ALL),
        SCALED("unit", by={"x": 3}),
    ),
    "prelu": (
        ROW_ALONE("channels", rows=_X),
        ROW_GRADIENT("channels", rows=_X, of=("x",)),
        REORDERED("channels", along={"x": 1, "weight": 0}, result=1, named="channels"),
        SCALED("channels", by={"x": 1}, result=1),
    ),
    "maxout": (
        ROW_ALONE("unit", rows=_X),
        ROW_GRADIENT("unit", rows=_X, of=("x",)),
        REORDERED("unit", along={"x": 1}, result=1, named="pieces"),
        SCALED("unit", by={"x": 1}, result=1),
        SHIFTED("unit", of={"x": ALL}, moves=True),
    ),
    "softmax": _softmax(),
    "log_softmax": _softmax(),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "leaky_relu": {
        "unit": {"negative_slope": 1.5},
    },
    "maxout": {
        "unit": {"num_pieces": 1},
        "empty": {"axis": 0},
    },
    "hard_tanh": {
        "unit": {"min_value": -0.25, "max_value": 0.5},
    },
    "softshrink": {
        "unit": {"lambd": 1.25},
    },
    "hardshrink": {
        "unit": {"lambd": 1.25},
    },
    "threshold": {
        "unit": {"threshold": -0.5, "value": 0.1},
    },
    "elu": {
        "unit": {"alpha": 0.3},
    },
    "celu": {
        "unit": {"alpha": 0.3},
    },
    "softplus": {
        "unit": {"beta": 0.3},
    },
    "squareplus": {
        "unit": {"b": 0.3},
    },
    "gelu": {
        "unit": {"approximate": "tanh"},
    },
    "silu": {
        "unit": {"beta": -1.7},
    },
    "glu": {
        "axis-0": {"axis": -1},
    },
    "swiglu": {
        "axis-0": {"axis": -1},
    },
    "geglu": {
        "axis-0": {"axis": -1, "approximate": "tanh"},
    },
    "softmax": {
        "unit": {"axis": 0},
    },
    "log_softmax": {
        "unit": {"axis": 0},
    },
    "prelu": {
        "square": {"axis": -1},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {}
