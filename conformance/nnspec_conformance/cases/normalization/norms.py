"""Inputs for rms_norm and l2_normalize."""

from __future__ import annotations

import math
from typing import Any

from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec_conformance.case import Case, Source, cases, integers, normal, values
from nnspec_conformance.cases.normalization._common import EPS, NAN, mixed, rejected

__all__ = ["CASES"]


def _rows(*shape: int, features: tuple[int, ...] | None = None, mean: float = 0.0, std: float = 1.0) -> Any:
    """x, and a weight that shows."""
    features = shape[-1:] if features is None else features
    return {"x": normal(*shape, mean=mean, std=std), "weight": normal(*features, mean=1.5)}


def _two_eps(backend: Any, **arrays: Any) -> Any:
    """The same call twice with one number changed."""
    return [backend.rms_norm(**arrays, eps=eps) for eps in (0.1, 10.0)]


def _residual(backend: Any, x: Any, weight: Any) -> Any:
    """Beside a path that receives the same cotangent, which the gradient may not overwrite."""
    return backend.rms_norm(x, weight) + x


def _turned(backend: Any, x: Any, weight: Any) -> Any:
    """Of columns seen as rows; the cotangent comes in that layout too."""
    xp = backend.xp
    return xp.permute_dims(backend.rms_norm(xp.permute_dims(x, (1, 0)), weight, eps=0.1), (1, 0))


_RMS = cases(
    "rms_norm",
    {
        "rows": {"inputs": _rows(5, 33), "requires": ("RMS_NORM-1",)},
        "small": {"inputs": _rows(5, 33, std=3e-3), "requires": ("RMS_NORM-1",)},
        "large-mean": {"inputs": _rows(5, 33, mean=1e3), "requires": ("RMS_NORM-2",)},
        "zeros": {"inputs": {**_rows(5, 33), "x": values([[0.0] * 33] * 5)}, "requires": ("RMS_NORM-4",)},
        "unsorted-axes": {
            "inputs": _rows(3, 4, 5, features=(3, 5)),
            "options": {"axis": (2, 0), "eps": 0.1},
            "requires": ("RMS_NORM-3", "RMS_NORM-1"),
        },
        # both orders of the weight's axes have the same shape
        "square-axes": {
            "inputs": _rows(2, 3, 3, features=(3, 3), mean=1.0),
            "options": {"axis": (-1, 1)},
            "requires": ("RMS_NORM-3", "RMS_NORM-2"),
        },
    },
)

_RMS_FULL = cases(
    "rms_norm",
    {
        "eps": {"inputs": _rows(4, 7, std=0.3), "program": _two_eps, "requires": ("RMS_NORM-1",)},
        "vector": {"inputs": _rows(17), "requires": ("RMS_NORM-1",)},
        "cube": {"inputs": _rows(2, 3, 17), "requires": ("RMS_NORM-1",)},
        "long": {"inputs": _rows(2, 1025, mean=-3.0), "requires": ("RMS_NORM-2",)},
        "plain": {"inputs": {"x": normal(5, 7, mean=1.0)}, "requires": ("RMS_NORM-1", "RMS_NORM-2"), "level": "quick"},
        "tiny": {"inputs": _rows(5, 7, std=1e-18), "requires": ("RMS_NORM-1",)},
        "huge": {"inputs": _rows(5, 7, std=1e17), "requires": ("RMS_NORM-1",)},
        "wide": {"inputs": _rows(5, 7, std=30.0), "requires": ("RMS_NORM-1",)},
        "larger-mean": {"inputs": _rows(5, 7, mean=-1e4), "requires": ("RMS_NORM-2",)},
        "constant": {
            "inputs": {**_rows(3, 4), "x": values([[1.0] * 4, [-2.0] * 4, [0.0] * 4])},
            "requires": ("RMS_NORM-2", "RMS_NORM-4"),
        },
        "one-value": {"inputs": _rows(5, 1), "options": {"eps": 0.1}, "requires": ("RMS_NORM-2",), "level": "quick"},
        "first-axis": {"inputs": _rows(7, 3, features=(7,)), "options": {"axis": 0}, "requires": ("RMS_NORM-3",)},
        "last-axes": {
            "inputs": _rows(3, 4, 5, features=(4, 5)),
            "options": {"axis": (2, 1)},
            "requires": ("RMS_NORM-3",),
        },
        "every-axis": {
            "inputs": _rows(3, 4, 5, features=(3, 4, 5)),
            "options": {"axis": (2, 0, 1)},
            "requires": ("RMS_NORM-3",),
        },
        "empty": {"inputs": _rows(0, 7), "requires": ("RMS_NORM-3",)},
        "nothing": {"inputs": _rows(5, 0), "requires": ("RMS_NORM-3",)},
        "strided": {
            "inputs": {n: s.laid_out("strided") for n, s in _rows(3, 17).items()},
            "requires": ("RMS_NORM-1",),
        },
        "transposed": {
            "inputs": {n: s.laid_out("transposed") for n, s in _rows(2, 5, 5, features=(5, 5)).items()},
            "options": {"axis": (1, 2)},
            "requires": ("RMS_NORM-3",),
        },
        "turned": {
            "inputs": {"x": normal(7, 5), "weight": normal(7).laid_out("strided")},
            "program": _turned,
            "requires": ("RMS_NORM-1",),
        },
        "residual": {"inputs": _rows(4, 7), "program": _residual, "requires": ("RMS_NORM-1",)},
        **{
            f"gradient-{name}": {"inputs": _rows(5, 7), "requires": ("RMS_NORM-1",), "differentiate": (name,)}
            for name in ("x", "weight")
        },
    },
    level="full",
)

_L2 = cases(
    "l2_normalize",
    {
        "rows": {"inputs": {"x": normal(5, 7)}, "requires": ("L2_NORMALIZE-1",)},
        "large-mean": {"inputs": {"x": normal(5, 7, mean=1e3)}, "requires": ("L2_NORMALIZE-1",)},
        "small": {"inputs": {"x": normal(5, 7, std=1e-10)}, "requires": ("L2_NORMALIZE-1",)},
        "below": {"inputs": {"x": normal(5, 7, std=1e-13)}, "requires": ("L2_NORMALIZE-2",)},
        # a difference quotient leaves the floor
        "kink": {"inputs": {"x": values([[0.0] * 7] * 4 + [[1.0] * 7])}, "requires": ("L2_NORMALIZE-2",)},
        "floor": {
            "inputs": {"x": normal(3, 4, 2)},
            "options": {"axis": (1, 2), "eps": 3.0},
            "requires": ("L2_NORMALIZE-2", "L2_NORMALIZE-3"),
        },
        "axes": {
            "inputs": {"x": normal(3, 4, 5, std=30.0)},
            "options": {"axis": (-1, 0)},
            "requires": ("L2_NORMALIZE-3",),
        },
    },
)

_L2_FULL = cases(
    "l2_normalize",
    {
        "vector": {"inputs": {"x": normal(17)}},
        "first-axis": {"inputs": {"x": normal(7, 3)}, "options": {"axis": 0}},
        "every-axis": {"inputs": {"x": normal(3, 4, 5)}, "options": {"axis": (0, 2, 1)}},
        "one-value": {"inputs": {"x": normal(5, 1)}},
        "long": {"inputs": {"x": normal(2, 1025)}},
        "huge": {"inputs": {"x": normal(5, 7, std=1e17)}},
        "tiny": {"inputs": {"x": normal(5, 7, std=1e-18)}},
        "large-eps": {"inputs": {"x": normal(5, 7)}, "options": {"eps": 100.0}},
        "kink-axes": {"inputs": {"x": values([[[0.0] * 3] * 2, [[1.0] * 3] * 2])}, "options": {"axis": (1, 2)}},
        "empty": {"inputs": {"x": normal(0, 7)}},
        "nothing": {"inputs": {"x": normal(5, 0)}},
        "strided": {"inputs": {"x": normal(3, 17).laid_out("strided")}},
        "transposed": {"inputs": {"x": normal(5, 5).laid_out("transposed")}},
    },
    requires=("L2_NORMALIZE-1", "L2_NORMALIZE-2", "L2_NORMALIZE-3"),
    level="full",
)

# -- errors -------------------------------------------------------------------------------------------------


def _bad(operation: str, name: str, requirement: str, error: type[NnspecError], *words: str, **options: Any) -> Case:
    """Good arrays, bad options; or an array in the place of a good one."""
    arrays = {n: options.pop(n) for n in list(options) if isinstance(options[n], Source)}
    good = _rows(2, 3) if operation == "rms_norm" else {"x": normal(2, 3)}
    return rejected(operation, name, requirement, error, *words, inputs={**good, **arrays}, **options)


def _both(operation: str, axes: str, eps: str) -> list[Case]:
    axis = "axis: expected"
    return [
        _bad(operation, "scalar", axes, ShapeError, "x: expected at least 1 axes, got shape ()", x=normal()),
        _bad(operation, "integer-x", eps, DTypeError, "x: expected a floating array", x=integers(2, 3, high=5)),
        _bad(operation, "axis", axes, ArgumentError, f"{axis} an integer in [-2, 2), got -3", axis=-3),
        _bad(operation, "axis-twice", axes, ArgumentError, f"{axis} distinct axes, got (1, -1)", axis=(1, -1)),
        _bad(operation, "axis-none", axes, ArgumentError, f"{axis} an axis or a tuple of axes, got ()", axis=()),
        _bad(operation, "axis-type", axes, ArgumentError, f"{axis} an axis or a tuple of axes", axis=1.0),
        _bad(operation, "eps-zero", eps, ArgumentError, f"{EPS} 0", eps=0),
        _bad(operation, "eps-nan", eps, ArgumentError, f"{EPS} nan", eps=NAN),
        _bad(operation, "eps-infinite", eps, ArgumentError, f"{EPS} inf", eps=math.inf),
    ]


_ERRORS = [
    *_both("rms_norm", "RMS_NORM-3", "RMS_NORM-1"),
    *_both("l2_normalize", "L2_NORMALIZE-3", "L2_NORMALIZE-2"),
    _bad(
        "rms_norm",
        "weight-size",
        "RMS_NORM-3",
        ShapeError,
        "weight: expected shape (3,) (the normalized axes of x), got (2,)",
        weight=normal(2),
    ),
    _bad(
        "rms_norm",
        "weight-order",
        "RMS_NORM-3",
        ShapeError,
        "weight: expected shape (2, 3) (the normalized axes of x), got (3, 2)",
        weight=normal(3, 2),
        axis=(1, 0),
    ),
    _bad(
        "rms_norm",
        "integer-weight",
        "RMS_NORM-1",
        DTypeError,
        "weight: expected a floating array",
        weight=integers(3, high=5),
    ),
    mixed("rms_norm", "weight", "RMS_NORM-1", _rows(2, 3)),
]

CASES: list[Case] = [*_RMS, *_RMS_FULL, *_L2, *_L2_FULL, *_ERRORS]
