"""Inputs for elementwise distances."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, Source, cases, error_case, integers, normal, uniform, values
from nnspec_conformance.cases.losses._inputs import INF, NAN, NONE, SUM, WEIGHTS, with_holes

__all__ = ["CASES"]


def _distance_errors(operation: str, mean: str, weight: str) -> list[Case]:
    """What every elementwise loss refuses."""
    pair = {"prediction": uniform(2, 3), "target": uniform(2, 3)}

    def call(backend: Any, prediction: Any, target: Any, **options: Any) -> Any:
        return getattr(backend, operation)(prediction, target, **options)

    return [
        error_case(
            operation,
            "column",
            (mean,),
            call,
            ShapeError,
            "target: expected shape (3, 1) (that of prediction), got (3,)",
            inputs={"prediction": uniform(3, 1), "target": uniform(3)},
        ),
        error_case(
            operation,
            "integer-target",
            (mean,),
            call,
            DTypeError,
            "target: expected a floating array",
            inputs={"prediction": uniform(3), "target": integers(3, high=2)},
        ),
        error_case(
            operation,
            "reduction",
            (mean,),
            lambda backend, **x: call(backend, **x, reduction="average"),
            ArgumentError,
            "reduction: expected one of 'mean', 'sum', 'none', got 'average'",
            inputs=pair,
        ),
        error_case(
            operation,
            "empty-mean",
            (mean,),
            call,
            ArgumentError,
            "reduction: expected 'sum' or 'none' for no samples (shape (0, 3)), got 'mean'",
            inputs={"prediction": uniform(0, 3), "target": uniform(0, 3)},
        ),
        error_case(
            operation,
            "weight-shape",
            (weight,),
            lambda backend, sample_weight, **x: call(backend, **x, sample_weight=sample_weight),
            ShapeError,
            "sample_weight: expected shape (2, 3) (one a sample), got (2,)",
            inputs={**pair, "sample_weight": uniform(2)},
        ),
        error_case(
            operation,
            "weight-negative",
            (weight,),
            lambda backend, sample_weight, **x: call(backend, **x, sample_weight=sample_weight),
            ArgumentError,
            "sample_weight: expected weights in [0, inf), got -1",
            inputs={**pair, "sample_weight": values([[1.0, 0.0, 2.0], [-1.0, 1.0, 1.0]])},
        ),
    ]


def _distance(operation: str, mean: str, weight: str, *, low: float, special: dict[str, Any]) -> list[Case]:
    """What every elementwise loss is tried on; `low` bounds what it is defined for."""

    def numbers(*shape: int) -> Source:
        return uniform(*shape, low=low, high=2.0)

    pair = {"prediction": numbers(3, 4, 5), "target": numbers(3, 4, 5)}
    both = ("prediction", "target")
    holes = {
        "prediction": with_holes(0.5, -0.75, 1.5),
        "target": with_holes(0.25, 1.0, -0.5),
        "sample_weight": WEIGHTS,
    }
    found = cases(
        operation,
        {
            "mean": {"inputs": pair},
            "one": {"inputs": {"prediction": numbers(), "target": numbers()}, "level": "full"},
            "odd": {
                "inputs": {
                    "prediction": numbers(17, 33).laid_out("strided"),
                    "target": numbers(17, 33).laid_out("transposed"),
                },
                "level": "full",
            },
            "empty-sum": {
                "inputs": {"prediction": numbers(0, 3), "target": numbers(0, 3)},
                "options": SUM,
                "level": "full",
            },
            "empty-none": {
                "inputs": {"prediction": numbers(0, 3), "target": numbers(0, 3)},
                "options": NONE,
                "level": "full",
            },
            "all-weights-zero": {
                "inputs": {**holes, "sample_weight": values([[0.0] * 3] * 2)},
                "differentiate": both,
                "level": "full",
            },
        },
        requires=(mean,),
    )
    found += cases(
        operation,
        {
            "weighted": {
                "inputs": {**pair, "sample_weight": uniform(3, 4, 5, low=0.1, high=3.0)},
                "requires": (mean,),
            },
            "weighted-special": {"inputs": {**holes, **special}, "requires": (weight, mean)},
            "weighted-special-none": {
                "inputs": {**holes, **special},
                "options": NONE,
                "requires": (weight,),
                "level": "full",
            },
            "weighted-special-sum": {
                "inputs": {**holes, **special},
                "options": SUM,
                "requires": (weight,),
                "level": "full",
            },
        },
        differentiate=both,
    )
    return found + _distance_errors(operation, mean, weight)


_ABSOLUTE = [
    *cases(
        "mean_absolute_error",
        {
            # coincident pairs beside far ones, zeros of both signs among them
            "kink": {
                "inputs": {
                    "prediction": values([[0.0, -0.0, 1.5], [-2.0, 3.0, 1e-30]]),
                    "target": values([[0.0, 0.0, 1.5], [-2.0, -1.0, 0.0]]),
                },
                "requires": ("MEAN_ABSOLUTE_ERROR-2",),
            },
            "special-nan": {
                "inputs": {"prediction": values([NAN, 1.0, INF]), "target": values([1.0, NAN, 0.0])},
                "requires": ("MEAN_ABSOLUTE_ERROR-4",),
                "checks": ("values", "shapes", "compiled"),
            },
            "special-nan-weighted": {
                "inputs": {
                    "prediction": values([NAN, 1.0, 2.0]),
                    "target": values([1.0, 2.0, 0.0]),
                    "sample_weight": values([1.0, 0.0, 1.0]),
                },
                "requires": ("MEAN_ABSOLUTE_ERROR-4",),
                "checks": ("values", "shapes", "compiled"),
                "level": "full",
            },
            "large-mean": {
                "inputs": {"prediction": normal(5, 7, mean=1e3), "target": normal(5, 7, mean=1e3)},
                "requires": ("MEAN_ABSOLUTE_ERROR-1",),
                "level": "full",
            },
        },
        options=NONE,
    ),
    *_distance("mean_absolute_error", "MEAN_ABSOLUTE_ERROR-1", "MEAN_ABSOLUTE_ERROR-3", low=-2.0, special={}),
    Case(
        operation="mean_absolute_error",
        name="sum",
        requires=("MEAN_ABSOLUTE_ERROR-1",),
        inputs={"prediction": normal(4, 5), "target": normal(4, 5)},
        options=SUM,
        level="full",
    ),
]

_SQUARED = [
    *cases(
        "mean_squared_error",
        {
            "sum": {"inputs": {"prediction": normal(4, 5), "target": normal(4, 5)}, "options": SUM},
            "none": {
                "inputs": {"prediction": normal(4, 5, std=30.0), "target": normal(4, 5, std=30.0)},
                "options": NONE,
                "level": "full",
            },
            "kink": {
                "inputs": {"prediction": values([1.0, 0.0, 2.0]), "target": values([1.0, -0.0, -2.0])},
                "level": "full",
            },
        },
        requires=("MEAN_SQUARED_ERROR-2",),
    ),
    *_distance("mean_squared_error", "MEAN_SQUARED_ERROR-1", "MEAN_SQUARED_ERROR-3", low=-2.0, special={}),
]

_LOGARITHMIC = [
    *cases(
        "mean_squared_logarithmic_error",
        {
            # log(1 + x) keeps no digit of these in float32, and a clip at 1e-7 changes half of them
            "near-zero": {
                "inputs": {
                    "prediction": values([1e-3, 3e-5, -2e-6, 1e-7, 4e-9, -0.5]),
                    "target": values([2e-3, -1e-5, 5e-6, 3e-8, -7e-9, 3.0]),
                },
                "options": NONE,
            },
            "wide": {
                "inputs": {
                    "prediction": uniform(4, 5, low=-0.9, high=1e4),
                    "target": uniform(4, 5, low=-0.9, high=1.0),
                },
                "options": NONE,
                "level": "full",
            },
        },
        requires=("MEAN_SQUARED_LOGARITHMIC_ERROR-2",),
    ),
    *_distance(
        "mean_squared_logarithmic_error",
        "MEAN_SQUARED_LOGARITHMIC_ERROR-1",
        "MEAN_SQUARED_LOGARITHMIC_ERROR-3",
        low=-0.75,
        special={"target": values([[0.25, -1.0, 1.0], [-7.0, -0.5, -1.0]])},
    ),
    *(
        error_case(
            "mean_squared_logarithmic_error",
            f"{name}-range",
            ("MEAN_SQUARED_LOGARITHMIC_ERROR-2",),
            lambda backend, **x: backend.mean_squared_logarithmic_error(**x),
            ArgumentError,
            f"{name}: expected values in (-1, inf), got {bad:g}",
            inputs={"prediction": uniform(2), "target": uniform(2), name: values([0.5, bad])},
        )
        for name, bad in (("prediction", -1.0), ("target", -3.0))
    ),
    error_case(
        "mean_squared_logarithmic_error",
        "weighted-range",
        ("MEAN_SQUARED_LOGARITHMIC_ERROR-3",),
        lambda backend, **x: backend.mean_squared_logarithmic_error(**x),
        ArgumentError,
        "prediction: expected values in (-1, inf), got -2",
        inputs={
            "prediction": values([-2.0, -5.0]),
            "target": uniform(2),
            "sample_weight": values([1.0, 0.0]),
        },
    ),
]

CASES = [*_ABSOLUTE, *_SQUARED, *_LOGARITHMIC]
