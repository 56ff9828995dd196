"""Inputs for layer_norm."""

from __future__ import annotations

import math
from typing import Any

from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec_conformance.case import Case, Source, cases, error_case, integers, normal, values
from nnspec_conformance.cases.normalization._common import EPS, NAN, mixed, rejected, rows

__all__ = ["CASES"]


def _two_eps(backend: Any, **arrays: Any) -> Any:
    """The same call twice with one number changed."""
    return [backend.layer_norm(**arrays, eps=eps) for eps in (0.1, 10.0)]


def _residual(backend: Any, x: Any, weight: Any) -> Any:
    """Beside a path that receives the same cotangent, which the gradient may not overwrite."""
    return backend.layer_norm(x, weight) + x


def _sum_of_gradient(backend: Any, x: Any, cotangent: Any) -> Any:
    """What the gradient of x adds up to over each normalized axis: 0."""
    _, pull = backend.vjp(lambda rows: backend.layer_norm(rows, eps=0.1), x)
    return backend.xp.sum(pull(cotangent)[0], axis=-1)


def _layer_turned(backend: Any, x: Any, weight: Any, bias: Any) -> Any:
    """Of columns seen as rows; the cotangent comes in that layout too."""
    xp = backend.xp
    return xp.permute_dims(backend.layer_norm(xp.permute_dims(x, (1, 0)), weight, bias, eps=0.1), (1, 0))


_LAYER = cases(
    "layer_norm",
    {
        "rows": {"inputs": rows(5, 33), "requires": ("LAYER_NORM-1",)},
        "eps": {"inputs": rows(4, 7, std=0.3), "requires": ("LAYER_NORM-1",), "program": _two_eps},
        "residual": {
            "inputs": {"x": normal(4, 7), "weight": normal(7, mean=1.5)},
            "requires": ("LAYER_NORM-1",),
            "program": _residual,
        },
        "two-values": {"inputs": rows(17, 2), "requires": ("LAYER_NORM-1",)},
        "large-mean": {"inputs": rows(5, 33, mean=1e3), "requires": ("LAYER_NORM-2",)},
        "unsorted-axes": {
            "inputs": rows(3, 4, 5, features=(3, 5)),
            "options": {"axis": (2, 0), "eps": 0.1},
            "requires": ("LAYER_NORM-3",),
        },
        # both orders of the weight's axes have the same shape
        "square-axes": {
            "inputs": rows(2, 3, 3, features=(3, 3)),
            "options": {"axis": (-1, 1)},
            "requires": ("LAYER_NORM-3",),
        },
        "first-axis": {
            "inputs": rows(7, 3, features=(7,), std=30.0),
            "options": {"axis": 0},
            "requires": ("LAYER_NORM-3",),
        },
        "one-value": {
            "inputs": rows(5, 1, mean=3.0),
            "requires": ("LAYER_NORM-4",),
        },
        "plain": {
            "inputs": {"x": normal(5, 7, std=0.3)},
            "options": {"eps": 0.1},
            "requires": ("LAYER_NORM-5",),
        },
        "sum-of-gradient": {
            "inputs": {"x": normal(5, 7), "cotangent": normal(5, 7, mean=3.0)},
            "requires": ("LAYER_NORM-5",),
            "program": _sum_of_gradient,
            "checks": ("values",),
        },
        "turned": {
            "inputs": {
                "x": normal(7, 5),
                "weight": normal(7).laid_out("strided"),
                "bias": normal(7).laid_out("strided"),
            },
            "requires": ("LAYER_NORM-1",),
            "program": _layer_turned,
        },
        "empty": {"inputs": rows(0, 7), "requires": ("LAYER_NORM-3",)},
    },
)

_LAYER_FULL = cases(
    "layer_norm",
    {
        "vector": {"inputs": rows(17), "requires": ("LAYER_NORM-1",)},
        "cube": {"inputs": rows(2, 3, 17), "requires": ("LAYER_NORM-1",)},
        "long": {"inputs": rows(2, 1025, mean=-3.0), "requires": ("LAYER_NORM-1",)},
        "weight-alone": {
            "inputs": {"x": normal(5, 7), "weight": normal(7, mean=1.5)},
            "requires": ("LAYER_NORM-1",),
        },
        "bias-alone": {
            "inputs": {"x": normal(5, 7), "bias": normal(7, mean=3.0)},
            "requires": ("LAYER_NORM-1",),
        },
        "small": {"inputs": rows(5, 7, std=1e-3), "requires": ("LAYER_NORM-1",)},
        "tiny": {"inputs": rows(5, 7, std=1e-18), "requires": ("LAYER_NORM-1",)},
        "huge": {"inputs": rows(5, 7, std=1e18), "requires": ("LAYER_NORM-1",)},
        "wide": {"inputs": rows(5, 7, std=30.0), "requires": ("LAYER_NORM-1",)},
        "large-eps": {"inputs": rows(5, 7), "options": {"eps": 10.0}, "requires": ("LAYER_NORM-1",)},
        "larger-mean": {"inputs": rows(5, 7, mean=1e4), "requires": ("LAYER_NORM-2",)},
        "negative-mean": {"inputs": rows(5, 129, mean=-300.0), "requires": ("LAYER_NORM-2",)},
        "constant": {
            "inputs": {**rows(3, 4), "x": values([[1.0] * 4, [-2.0] * 4, [0.0] * 4])},
            "requires": ("LAYER_NORM-1", "LAYER_NORM-2"),
        },
        "last-axes": {
            "inputs": rows(3, 4, 5, features=(4, 5)),
            "options": {"axis": (1, 2)},
            "requires": ("LAYER_NORM-3",),
        },
        "first-axes": {
            "inputs": rows(3, 4, 5, features=(3, 4)),
            "options": {"axis": (1, 0)},
            "requires": ("LAYER_NORM-3",),
        },
        "middle-axis": {
            "inputs": rows(3, 4, 5, features=(4,)),
            "options": {"axis": -2},
            "requires": ("LAYER_NORM-3",),
        },
        "every-axis": {
            "inputs": rows(3, 4, 5, features=(3, 4, 5)),
            "options": {"axis": (2, 0, 1)},
            "requires": ("LAYER_NORM-3",),
        },
        "three-of-four": {
            "inputs": rows(3, 3, 2, 3, features=(3, 3, 3)),
            "options": {"axis": (3, 0, 1), "eps": 0.1},
            "requires": ("LAYER_NORM-3",),
        },
        "axes-large-mean": {
            "inputs": rows(3, 4, 5, features=(3, 5), mean=1e3),
            "options": {"axis": (0, 2)},
            "requires": ("LAYER_NORM-2", "LAYER_NORM-3"),
        },
        "one-value-axes": {
            "inputs": rows(4, 1, 3, 1, features=(1, 1), mean=-7.0),
            "options": {"axis": (3, 1)},
            "requires": ("LAYER_NORM-4", "LAYER_NORM-3"),
        },
        "one-value-large": {"inputs": rows(4, 1, mean=1e4), "requires": ("LAYER_NORM-4",)},
        "plain-axes": {
            "inputs": {"x": normal(3, 4, 5)},
            "options": {"axis": (2, 0)},
            "requires": ("LAYER_NORM-5", "LAYER_NORM-3"),
        },
        "plain-large-mean": {"inputs": {"x": normal(5, 7, mean=1e3)}, "requires": ("LAYER_NORM-2",)},
        "strided": {
            "inputs": {n: s.laid_out("strided") for n, s in rows(3, 17).items()},
            "requires": ("LAYER_NORM-1",),
        },
        "transposed": {
            "inputs": {n: s.laid_out("transposed") for n, s in rows(2, 3, 5, features=(3, 5)).items()},
            "options": {"axis": (1, 2)},
            "requires": ("LAYER_NORM-3",),
        },
        "nothing": {"inputs": rows(5, 0), "requires": ("LAYER_NORM-3",)},
        "empty-axes": {
            "inputs": rows(3, 0, 5, features=(3, 5)),
            "options": {"axis": (2, 0)},
            "requires": ("LAYER_NORM-3",),
        },
        **{
            f"gradient-{'-'.join(names)}": {
                "inputs": rows(5, 7),
                "requires": ("LAYER_NORM-1",),
                "differentiate": names,
            }
            for names in (("x",), ("weight",), ("bias",), ("x", "bias"), ("weight", "bias"))
        },
    },
    level="full",
)

# -- errors -------------------------------------------------------------------------------------------------


def _bad_layer(name: str, requirement: str, error: type[NnspecError], *words: str, **options: Any) -> Case:
    """Good arrays, bad options; or an array in the place of a good one."""
    arrays = {n: options.pop(n) for n in list(options) if isinstance(options[n], Source)}
    inputs = {**rows(2, 3), **arrays}
    return rejected("layer_norm", name, requirement, error, *words, inputs=inputs, **options)


_AXIS = "axis: expected an integer in [-2, 2), got"

_ERRORS = [
    _bad_layer(
        "weight-size",
        "LAYER_NORM-3",
        ShapeError,
        "weight: expected shape (3,) (the normalized axes of x), got (2,)",
        weight=normal(2),
    ),
    _bad_layer(
        "weight-order",
        "LAYER_NORM-3",
        ShapeError,
        "weight: expected shape (2, 3) (the normalized axes of x), got (3, 2)",
        weight=normal(3, 2),
        axis=(1, 0),
    ),
    _bad_layer(
        "bias-size",
        "LAYER_NORM-3",
        ShapeError,
        "bias: expected shape (3,) (the normalized axes of x), got (1, 3)",
        bias=normal(1, 3),
    ),
    _bad_layer("scalar", "LAYER_NORM-3", ShapeError, "x: expected at least 1 axes, got shape ()", x=normal()),
    _bad_layer("axis", "LAYER_NORM-3", ArgumentError, f"{_AXIS} -3", axis=-3),
    _bad_layer(
        "axis-twice",
        "LAYER_NORM-3",
        ArgumentError,
        "axis: expected distinct axes, got (1, -1)",
        axis=(1, -1),
    ),
    _bad_layer(
        "axis-none",
        "LAYER_NORM-3",
        ArgumentError,
        "axis: expected an axis or a tuple of axes, got ()",
        axis=(),
    ),
    _bad_layer(
        "axis-type",
        "LAYER_NORM-3",
        ArgumentError,
        "axis: expected an axis or a tuple of axes, got 1.0",
        axis=1.0,
    ),
    _bad_layer("eps-zero", "LAYER_NORM-1", ArgumentError, f"{EPS} 0", eps=0),
    _bad_layer("eps-nan", "LAYER_NORM-1", ArgumentError, f"{EPS} nan", eps=NAN),
    _bad_layer("eps-infinite", "LAYER_NORM-1", ArgumentError, f"{EPS} inf", eps=math.inf),
    *(
        _bad_layer(
            f"integer-{name}",
            "LAYER_NORM-1",
            DTypeError,
            f"{name}: expected a floating array",
            **{name: integers(*shape, high=5)},
        )
        for name, shape in (("x", (2, 3)), ("weight", (3,)), ("bias", (3,)))
    ),
    error_case(
        "layer_norm",
        "no-array",
        ("LAYER_NORM-1",),
        lambda backend: backend.layer_norm([[1.0, 2.0]]),
        DTypeError,
        "x: expected a floating array, got list",
    ),
    *(mixed("layer_norm", name, "LAYER_NORM-1", rows(2, 3)) for name in ("weight", "bias")),
]

CASES: list[Case] = [*_LAYER, *_LAYER_FULL, *_ERRORS]
