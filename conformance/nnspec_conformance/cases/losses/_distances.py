"""Inputs for elementwise distances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnspec.errors import ArgumentError
from nnspec_conformance.case import Case, Source, cases, error_case, normal, uniform, values
from nnspec_conformance.cases.losses._elementwise import elementwise_cases, refused_number
from nnspec_conformance.cases.losses._inputs import INF, NAN, NONE, SUM, with_holes

__all__ = ["CASES"]


def _distance(
    operation: str,
    mean: str,
    weight: str,
    *,
    low: float = -2.0,
    special: Mapping[str, Source] | None = None,
    options: Mapping[str, Any] | None = None,
) -> list[Case]:
    """What every distance is tried on; `low` bounds what it is defined for."""

    def pair(*shape: int) -> dict[str, Source]:
        return {name: uniform(*shape, low=low, high=2.0) for name in ("prediction", "target")}

    holes = {"prediction": with_holes(0.5, -0.75, 1.5), "target": with_holes(0.25, 1.0, -0.5), **(special or {})}
    return elementwise_cases(operation, mean, weight, inputs=pair, holes=holes, options=options)


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
    *_distance("mean_absolute_error", "MEAN_ABSOLUTE_ERROR-1", "MEAN_ABSOLUTE_ERROR-3"),
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
    *_distance("mean_squared_error", "MEAN_SQUARED_ERROR-1", "MEAN_SQUARED_ERROR-3"),
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

#: differences inside and outside of every width below, on both sides
_SPREAD = {
    "prediction": values([0.25, -0.125, 1.75, -2.5, 6.0, -1e3, 0.7, 3.0]),
    "target": values([0.0, 0.5, -0.5, 1.0, 0.5, 1e3, 0.75, 3.5]),
}
#: differences of exactly 0 and of plus and minus 1/2
_AT_ONE_HALF = {
    "prediction": values([1.5, 0.0, -0.0, 0.5, -0.5, 2.0, 1.0, 0.25]),
    "target": values([1.5, -0.0, 0.0, 0.0, 0.0, 1.5, 1.5, 0.0]),
}
#: differences whose squares overflow in float32
_FAR = {
    "prediction": values([1e30, -3e30, 2.5e30, 0.0, 7e30, -1e30, 4e30, 2e30]),
    "target": values([0.0, 1e30, -1e30, -3e30, 1e30, 1e30, 0.5e30, 5e30]),
}
#: differences that are infinite or NaN
_INFINITE = {
    "prediction": values([INF, -INF, 0.0, 1.0, NAN, 2.0, 0.5, 3.0]),
    "target": values([0.0, 1.0, -INF, INF, 0.0, NAN, 0.0, 1.0]),
}

_HUBER = [
    *cases(
        "huber",
        {
            "both-sides": {"inputs": _SPREAD, "options": {"delta": 2.0, **NONE}, "requires": ("HUBER-1",)},
            "kink": {"inputs": _AT_ONE_HALF, "options": {"delta": 0.5, **NONE}, "requires": ("HUBER-1",)},
            "far": {"inputs": _FAR, "options": {"delta": 2.0, **NONE}, "requires": ("HUBER-2",)},
            "narrow": {
                "inputs": {"prediction": normal(4, 5), "target": normal(4, 5)},
                "options": {"delta": 0.01, **NONE},
                "requires": ("HUBER-1",),
                "level": "full",
            },
            "default": {
                "inputs": {"prediction": normal(4, 5), "target": normal(4, 5)},
                "options": SUM,
                "requires": ("HUBER-1",),
            },
            "special-infinite": {
                "inputs": _INFINITE,
                "options": {"delta": 2.0, **NONE},
                "requires": ("HUBER-4", "HUBER-2"),
                "level": "full",
            },
        },
    ),
    *_distance("huber", "HUBER-3", "HUBER-4", options={"delta": 0.75}),
    *refused_number("huber", "HUBER-1", "delta"),
]


def _by_huber(backend: Any, prediction: Any, target: Any) -> Any:
    """Both losses at two widths, the second times its width."""
    return [
        loss
        for width in (0.25, 3.0)
        for loss in (
            backend.huber(prediction, target, delta=width, reduction="none"),
            backend.smooth_l1(prediction, target, beta=width, reduction="none") * width,
        )
    ]


_SMOOTH_L1 = [
    *cases(
        "smooth_l1",
        {
            "huber": {"inputs": _SPREAD, "program": _by_huber, "requires": ("SMOOTH_L1-1",)},
            "both-sides": {"inputs": _SPREAD, "options": {"beta": 2.0, **NONE}, "requires": ("SMOOTH_L1-1",)},
            "kink": {"inputs": _AT_ONE_HALF, "options": {"beta": 0.5, **NONE}, "requires": ("SMOOTH_L1-2",)},
            "narrow": {
                "inputs": {"prediction": normal(4, 5), "target": normal(4, 5)},
                "options": {"beta": 0.01, **NONE},
                "requires": ("SMOOTH_L1-2",),
                "level": "full",
            },
            "default": {
                "inputs": {"prediction": normal(4, 5), "target": normal(4, 5)},
                "options": SUM,
                "requires": ("SMOOTH_L1-1",),
            },
            "special-infinite": {
                "inputs": _INFINITE,
                "options": {"beta": 2.0, **NONE},
                "requires": ("SMOOTH_L1-4",),
                "level": "full",
            },
        },
    ),
    *_distance("smooth_l1", "SMOOTH_L1-3", "SMOOTH_L1-4", options={"beta": 0.75}),
    *refused_number("smooth_l1", "SMOOTH_L1-1", "beta"),
]

_LOG_COSH = [
    *cases(
        "log_cosh",
        {
            "tails": {
                "inputs": {
                    "prediction": values([100.0, -30.0, 20.0, -50.0, 89.0, -12.0, 9.0, 105.0]),
                    "target": values([0.0, 0.0, 0.5, -1.0, 0.0, 0.0, 17.5, 0.0]),
                },
                "requires": ("LOG_COSH-1",),
            },
            "far": {"inputs": _FAR, "requires": ("LOG_COSH-1",)},
            # the definition changes its form at 1
            "around-one": {
                "inputs": {
                    "prediction": values([0.99, -0.875, 1.0, -1.0, 1.0625, 2.0, 0.5, -1.5]),
                    "target": values([0.0] * 8),
                },
                "requires": ("LOG_COSH-3", "LOG_COSH-1"),
            },
            # differences that a constant log(2) would drown
            "near-zero": {
                "inputs": {
                    "prediction": values([1e-3, -3e-4, 2e-5, -1e-6, 7e-9, 1e-12, 0.125, -0.03]),
                    "target": values([0.0, 1e-4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
                },
                "requires": ("LOG_COSH-2", "LOG_COSH-3"),
            },
            "kink": {"inputs": _AT_ONE_HALF, "requires": ("LOG_COSH-3",), "level": "full"},
            "special-infinite": {"inputs": _INFINITE, "requires": ("LOG_COSH-5", "LOG_COSH-1"), "level": "full"},
        },
        options=NONE,
    ),
    *_distance("log_cosh", "LOG_COSH-4", "LOG_COSH-5"),
]

_PERCENTAGE = [
    *cases(
        "mean_absolute_percentage_error",
        {
            "signs": {
                "inputs": {
                    "prediction": values([3.0, -5.0, 0.5, -0.25, 9.0, 2.0, -7.0, 0.25]),
                    "target": values([4.0, 2.5, -0.5, -2.0, 0.75, 1.0, -20.0, 30.0]),
                },
                "requires": ("MEAN_ABSOLUTE_PERCENTAGE_ERROR-1",),
            },
            # targets on both sides of eps, zeros among them
            "floor": {
                "inputs": {
                    "prediction": values([0.5, -0.5, 0.25, 0.3, -0.7, 1.0, 2.0, 0.1]),
                    "target": values([0.0, 0.1, -0.1, 0.15, -0.15, 1e-3, -1e-9, -0.2]),
                },
                "requires": ("MEAN_ABSOLUTE_PERCENTAGE_ERROR-2",),
            },
            # every result is exact: coincident pairs, then targets of magnitude eps and less
            "kink": {
                "inputs": {
                    "prediction": values([0.125, 0.0, -0.0, 2.0, -3.0, 0.5, -1.0, -0.125]),
                    "target": values([0.125, 0.0, 0.0, 2.0, -3.0, 1.0, -1.0, 0.0]),
                },
                "exact": True,
                "requires": ("MEAN_ABSOLUTE_PERCENTAGE_ERROR-3",),
            },
            "kink-floor": {
                "inputs": {
                    "prediction": values([1.0, -1.0, 0.5, -0.5, 1.0, 0.25, -0.25, 2.0]),
                    "target": values([0.125, -0.125, -0.125, 0.125, -0.0, 0.0, 0.125, 0.125]),
                },
                "exact": True,
                "requires": ("MEAN_ABSOLUTE_PERCENTAGE_ERROR-2",),
            },
            "special-infinite": {
                "inputs": _INFINITE,
                "requires": ("MEAN_ABSOLUTE_PERCENTAGE_ERROR-5",),
                "checks": ("values", "shapes", "compiled"),
                "level": "full",
            },
        },
        options={"eps": 0.125, **NONE},
    ),
    *_distance(
        "mean_absolute_percentage_error",
        "MEAN_ABSOLUTE_PERCENTAGE_ERROR-4",
        "MEAN_ABSOLUTE_PERCENTAGE_ERROR-5",
        options={"eps": 0.25},
    ),
    Case(
        operation="mean_absolute_percentage_error",
        name="default",
        requires=("MEAN_ABSOLUTE_PERCENTAGE_ERROR-2",),
        inputs={"prediction": values([1.0, 1.0, 1e-7, 3e-7]), "target": values([0.0, 1e-9, 2e-7, -4e-7])},
        options=SUM,
    ),
    *refused_number("mean_absolute_percentage_error", "MEAN_ABSOLUTE_PERCENTAGE_ERROR-2", "eps"),
]

CASES = [*_ABSOLUTE, *_SQUARED, *_LOGARITHMIC, *_HUBER, *_SMOOTH_L1, *_LOG_COSH, *_PERCENTAGE]
