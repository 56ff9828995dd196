"""Inputs for likelihoods of numbers."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, Source, cases, error_case, uniform, values
from nnspec_conformance.cases.losses._elementwise import elementwise_cases, refused_number
from nnspec_conformance.cases.losses._inputs import INF, NAN, NONE, SUM, with_holes

__all__ = ["CASES"]


def _counts(*shape: int) -> dict[str, Source]:
    return {"prediction": uniform(*shape, low=0.1, high=2.0), "target": uniform(*shape, low=0.1, high=5.0)}


def _rates_and_logarithms(backend: Any, rate: Any, target: Any) -> Any:
    """The same loss from rates and from their logarithms."""
    logarithm = backend.xp.log(rate)
    return [
        backend.poisson_nll(x, target, log_input=log_input, reduction="none")
        for x, log_input in ((rate, False), (logarithm, True))
    ]


_COUNT_HOLES = {"prediction": with_holes(0.5, 0.75, 1.5), "target": values([[2.0, -1.0, 0.5], [NAN, 3.0, INF]])}
_RATE, _LOGARITHM = {"log_input": False}, {"log_input": True}

_POISSON = [
    *cases(
        "poisson_nll",
        {
            "rates": {
                "inputs": {
                    "prediction": values([0.5, 3.0, 1.75, 2.0, 0.75, 1.0, 2.5, 4.0]),
                    "target": values([2.0, 1.0, 9.0, 5.0, 0.75, 1.5, 7.0, 3.0]),
                },
                "options": {**_RATE, **NONE},
                "requires": ("POISSON_NLL-1",),
            },
            "logarithms": {
                "inputs": {
                    "prediction": values([0.5, 3.0, -7.0, 6.0, -0.1, 1.0, -2.5, 9.0]),
                    "target": values([2.0, 1.0, 9.0, 5.0, 0.75, 1.5, 7.0, 3.0]),
                },
                "options": {**_LOGARITHM, **NONE},
                "requires": ("POISSON_NLL-1",),
            },
            "both": {
                "inputs": {
                    "rate": uniform(4, 5, low=0.1, high=20.0),
                    "target": uniform(4, 5, low=0.1, high=20.0),
                },
                "program": _rates_and_logarithms,
                "requires": ("POISSON_NLL-1",),
                "level": "full",
            },
            # what is added to a rate hides these
            "special-rare": {
                "inputs": {
                    "prediction": values([1e-20, 3e-9, 1e-6, 1e-12, 2e-8, 1e-30, 1e-3, 5e-10]),
                    "target": values([1.0, 2.0, 0.5, 3.0, 1.0, 1.0, 1.0, 7.0]),
                },
                "options": {**_RATE, **NONE},
                "requires": ("POISSON_NLL-2",),
            },
            "special-rate-zero": {
                "inputs": {
                    "prediction": values([0.0, 0.0, -0.0, 2.0, 0.0, NAN, 1.0, 3.0]),
                    "target": values([0.0, 1.0, 0.0, 0.0, 3.0, 0.0, NAN, 1.0]),
                },
                "differentiate": ("prediction",),
                "options": {**_RATE, **NONE},
                "requires": ("POISSON_NLL-3", "POISSON_NLL-5"),
            },
            "special-logarithm-infinite": {
                "inputs": {
                    "prediction": values([-INF, -INF, 0.0, -0.0, -INF, NAN, 0.0, INF]),
                    "target": values([0.0, 1.0, 0.0, 2.0, 3.0, 0.0, NAN, 0.0]),
                },
                "differentiate": ("prediction",),
                "options": {**_LOGARITHM, **NONE},
                "requires": ("POISSON_NLL-3", "POISSON_NLL-5"),
            },
            "sum": {
                "inputs": _counts(4, 5),
                "options": {**_RATE, **SUM},
                "requires": ("POISSON_NLL-1",),
                "level": "full",
            },
            "weighted-special-logarithm": {
                "inputs": {**_COUNT_HOLES, "sample_weight": values([[0.5, 0.0, 2.0], [0.0, 3.0, 0.0]])},
                "options": _LOGARITHM,
                "differentiate": ("prediction", "target"),
                "requires": ("POISSON_NLL-5",),
                "level": "full",
            },
        },
    ),
    *elementwise_cases(
        "poisson_nll",
        "POISSON_NLL-4",
        "POISSON_NLL-5",
        inputs=_counts,
        holes=_COUNT_HOLES,
        options=_RATE,
    ),
    *(
        error_case(
            "poisson_nll",
            name,
            ("POISSON_NLL-1",),
            lambda backend, log_input=log_input, **x: backend.poisson_nll(**x, log_input=log_input),
            ArgumentError,
            words,
            inputs={"prediction": values(prediction), "target": values(target)},
        )
        for name, log_input, prediction, target, words in (
            ("rate", False, [0.5, -2.0], [1.0, 1.0], "prediction: expected rates in [0, inf), got -2"),
            ("count", True, [0.5, -2.0], [1.0, -1.0], "target: expected counts in [0, inf), got -1"),
            ("log-input", 1, [0.5, 2.0], [1.0, 1.0], "log_input: expected True or False, got 1"),
        )
    ),
]


def _measured(*shape: int) -> dict[str, Source]:
    return {
        "prediction": uniform(*shape, low=-2.0, high=2.0),
        "target": uniform(*shape, low=-2.0, high=2.0),
        "variance": uniform(*shape, low=0.25, high=3.0),
    }


_ALL = ("prediction", "target", "variance")
_GAUSSIAN = [
    *cases(
        "gaussian_nll",
        {
            "none": {
                "inputs": {
                    "prediction": values([0.5, -3.0, 5.0, 0.0, 4.0, 2.0, -0.25, 7.0]),
                    "target": values([1.5, 2.0, -2.0, 0.5, -4.0, 2.5, 0.25, 6.0]),
                    "variance": values([2.0, 0.5, 4.0, 0.25, 1.0, 0.75, 3.0, 1.5]),
                },
                "options": NONE,
                "requires": ("GAUSSIAN_NLL-1",),
            },
            # the squares of these differences overflow in float32
            "special-far": {
                "inputs": {
                    "prediction": values([1e20, -3e25, 1e22, 0.0]),
                    "target": values([0.0, 1e20, 0.0, -1e19]),
                    "variance": values([1e10, 1e35, 1e20, 1e3]),
                },
                "options": NONE,
                "requires": ("GAUSSIAN_NLL-1",),
            },
            # variances below eps, and above
            "floor": {
                "inputs": {
                    "prediction": values([0.5, -3.0, 1.0, 0.0, 0.75, 2.0, -0.25, 7.0]),
                    "target": values([1.5, 2.0, -2.0, 0.5, -1.0, 2.5, 0.25, 6.0]),
                    "variance": values([0.06, 0.05, 0.1, 0.08, 0.2, 0.15, 0.3, 0.25]),
                },
                "options": {"eps": 0.125, **NONE},
                "requires": ("GAUSSIAN_NLL-2",),
            },
            "kink": {
                "inputs": {
                    "prediction": values([0.5, -3.0, 1.0, 0.0, 0.75, 2.0, -0.25, 7.0]),
                    "target": values([1.5, 2.0, 1.0, 0.5, -1.0, 2.5, 0.25, 6.0]),
                    "variance": values([0.125, 0.0, 0.125, -0.0, 0.125, 0.0, 1.0, 0.125]),
                },
                "options": {"eps": 0.125, **NONE},
                "requires": ("GAUSSIAN_NLL-2",),
            },
            "special-default": {
                "inputs": {
                    "prediction": values([0.5, -3.0, 1.0, 0.25]),
                    "target": values([0.51, -3.0, 1.001, 0.5]),
                    "variance": values([1e-7, 1e-9, 2e-6, 1e-5]),
                },
                "options": SUM,
                "requires": ("GAUSSIAN_NLL-2",),
            },
            "full": {
                "inputs": {**_measured(3, 4, 5), "sample_weight": uniform(3, 4, 5, low=0.1, high=3.0)},
                "options": {"full": True, **NONE},
                "requires": ("GAUSSIAN_NLL-3",),
            },
            "special": {
                "inputs": {
                    "prediction": values([INF, 0.0, NAN, 1.0, 0.0, 2.0]),
                    "target": values([0.0, -INF, 0.0, NAN, 1.0, 2.0]),
                    "variance": values([1.0, 2.0, 1.0, 1.0, NAN, 0.5]),
                },
                "options": NONE,
                "checks": ("values", "shapes", "compiled"),
                "requires": ("GAUSSIAN_NLL-5",),
                "level": "full",
            },
        },
        differentiate=_ALL,
    ),
    *elementwise_cases(
        "gaussian_nll",
        "GAUSSIAN_NLL-4",
        "GAUSSIAN_NLL-5",
        inputs=_measured,
        holes={
            "prediction": with_holes(0.5, -0.75, 1.5),
            "target": with_holes(0.25, 1.0, -0.5),
            "variance": values([[0.5, 0.0, 2.0], [-1.0, 0.25, NAN]]),
        },
        options={"eps": 0.01},
        differentiate=_ALL,
    ),
    *refused_number("gaussian_nll", "GAUSSIAN_NLL-2", "eps", _measured(3)),
    *(
        error_case(
            "gaussian_nll",
            name,
            (requirement,),
            lambda backend, options=options, **x: backend.gaussian_nll(**x, **options),
            error,
            words,
            inputs={**_measured(2, 3), **inputs},
        )
        for name, requirement, inputs, options, error, words in (
            (
                "variance-row",
                "GAUSSIAN_NLL-1",
                {"variance": uniform(3)},
                {},
                ShapeError,
                "variance: expected shape (2, 3) (that of prediction), got (3,)",
            ),
            (
                "variance-negative",
                "GAUSSIAN_NLL-2",
                {"variance": values([[1.0, 1.0, 1.0], [1.0, -0.5, 1.0]])},
                {},
                ArgumentError,
                "variance: expected variances in [0, inf), got -0.5",
            ),
            (
                "full",
                "GAUSSIAN_NLL-3",
                {},
                {"full": 1},
                ArgumentError,
                "full: expected True or False, got 1",
            ),
        )
    ),
    error_case(
        "gaussian_nll",
        "variance-number",
        ("GAUSSIAN_NLL-1",),
        lambda backend, **x: backend.gaussian_nll(**x, variance=1.0),
        DTypeError,
        "variance: expected a floating array",
        inputs={"prediction": uniform(3), "target": uniform(3)},
    ),
]

CASES: list[Case] = [*_POISSON, *_GAUSSIAN]
