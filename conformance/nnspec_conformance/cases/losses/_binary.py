"""Inputs for the likelihood of one class of two."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Source, cases, error_case, integers, normal, uniform, values
from nnspec_conformance.cases.losses._elementwise import elementwise_cases
from nnspec_conformance.cases.losses._inputs import INF, NAN, NONE, SUM, WEIGHTS, with_holes

__all__ = ["CASES"]

_BINARY_TARGET = uniform(5, 3, low=0.1, high=0.9)
_BINARY = [
    *cases(
        "binary_cross_entropy_with_logits",
        {
            "tails": {
                "inputs": {
                    "logits": values([50.0, -50.0, 50.0, -50.0, 1e4, -1e4, 1e3, -1e3, 17.0, -17.0]),
                    "target": values([0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.25, 0.75]),
                },
                "differentiate": ("logits",),
                "options": NONE,
                "requires": ("BINARY_CROSS_ENTROPY_WITH_LOGITS-1",),
            },
            "unit": {
                "inputs": {"logits": normal(5, 3, std=3.0), "target": _BINARY_TARGET},
                "requires": ("BINARY_CROSS_ENTROPY_WITH_LOGITS-1",),
            },
            "sum": {
                "inputs": {"logits": normal(5, 3).laid_out("transposed"), "target": _BINARY_TARGET},
                "options": SUM,
                "requires": ("BINARY_CROSS_ENTROPY_WITH_LOGITS-1",),
                "level": "full",
            },
            "empty-none": {
                "inputs": {"logits": normal(0, 3), "target": uniform(0, 3)},
                "options": NONE,
                "requires": ("BINARY_CROSS_ENTROPY_WITH_LOGITS-1",),
                "level": "full",
            },
            "kink": {
                "inputs": {
                    "logits": values([[0.0, -0.0, 0.0], [-0.0, 0.0, 1.0]]),
                    "target": values([[0.0, 1.0, 0.25], [0.75, 0.5, 1.0]]),
                },
                "options": NONE,
                "requires": ("BINARY_CROSS_ENTROPY_WITH_LOGITS-3",),
            },
            "kink-pos-weight": {
                "inputs": {
                    "logits": values([[0.0, -0.0, 0.0], [-0.0, 0.0, 1.0]]),
                    "target": values([[0.0, 1.0, 0.25], [0.75, 0.5, 1.0]]),
                    "pos_weight": values([3.0, 0.5, 7.0]),
                },
                "options": NONE,
                "differentiate": ("logits", "target"),
                "requires": ("BINARY_CROSS_ENTROPY_WITH_LOGITS-3", "BINARY_CROSS_ENTROPY_WITH_LOGITS-2"),
                "level": "full",
            },
            "pos-weight": {
                "inputs": {
                    "logits": normal(4, 3, std=3.0),
                    "target": values([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 0.0, 0.5], [1.0, 1.0, 0.25]]),
                    "pos_weight": values([2.0, 0.25, 5.0]),
                },
                "options": NONE,
                "differentiate": ("logits",),
                "requires": ("BINARY_CROSS_ENTROPY_WITH_LOGITS-2",),
            },
            "pos-weight-scalar": {
                "inputs": {"logits": normal(5, 3), "target": _BINARY_TARGET, "pos_weight": values(2.5)},
                "differentiate": ("logits", "target"),
                "requires": ("BINARY_CROSS_ENTROPY_WITH_LOGITS-2",),
                "level": "full",
            },
            "smoothing": {
                "inputs": {"logits": normal(5, 3, std=3.0), "target": _BINARY_TARGET},
                "options": {"label_smoothing": 0.3},
                "requires": ("BINARY_CROSS_ENTROPY_WITH_LOGITS-4",),
            },
            "smoothing-pos-weight": {
                "inputs": {
                    "logits": normal(5, 3),
                    "target": _BINARY_TARGET,
                    "pos_weight": values([2.0, 0.25, 5.0]),
                },
                "options": {"label_smoothing": 1.0},
                "differentiate": ("logits",),
                "requires": ("BINARY_CROSS_ENTROPY_WITH_LOGITS-4", "BINARY_CROSS_ENTROPY_WITH_LOGITS-2"),
                "level": "full",
            },
            "sample-weight": {
                "inputs": {
                    "logits": normal(5, 3),
                    "target": _BINARY_TARGET,
                    "sample_weight": uniform(5, 3, low=0.1, high=3.0),
                },
                "differentiate": ("logits", "target"),
                "requires": ("BINARY_CROSS_ENTROPY_WITH_LOGITS-5",),
            },
            "sample-weight-special": {
                "inputs": {
                    "logits": with_holes(0.5, -1.0, 3.0),
                    "target": values([[1.0, NAN, 0.25], [0.5, 0.0, 1.0]]),
                    "sample_weight": WEIGHTS,
                    "pos_weight": values([3.0, 0.5, 2.0]),
                },
                "differentiate": ("logits", "target"),
                "requires": ("BINARY_CROSS_ENTROPY_WITH_LOGITS-5",),
            },
            "sample-weight-zero": {
                "inputs": {
                    "logits": with_holes(0.5, -1.0, 3.0),
                    "target": uniform(2, 3),
                    "sample_weight": values([[0.0] * 3] * 2),
                },
                "differentiate": ("logits",),
                "requires": ("BINARY_CROSS_ENTROPY_WITH_LOGITS-5",),
                "level": "full",
            },
        },
    ),
    *(
        error_case(
            "binary_cross_entropy_with_logits",
            name,
            (f"BINARY_CROSS_ENTROPY_WITH_LOGITS-{requirement}",),
            lambda backend, options=options, **given: backend.binary_cross_entropy_with_logits(**given, **options),
            error,
            words,
            inputs={"logits": normal(3, 1), "target": uniform(3, 1), **inputs},
        )
        for name, requirement, inputs, options, error, words in (
            (
                "target-vector",
                1,
                {"target": uniform(3)},
                {},
                ShapeError,
                "target: expected shape (3, 1) (that of logits), got (3,)",
            ),
            (
                "target-range",
                1,
                {"target": values([[0.5], [2.0], [0.0]])},
                {},
                ArgumentError,
                "target: expected probabilities in [0, 1], got 2",
            ),
            (
                "target-integer",
                1,
                {"target": integers(3, 1, high=2)},
                {},
                DTypeError,
                "target: expected a floating array",
            ),
            (
                "pos-weight-shape",
                2,
                {"pos_weight": uniform(3)},
                {},
                ShapeError,
                "pos_weight: expected shape (1,) (the last axis of logits) or (), got (3,)",
            ),
            (
                "pos-weight-negative",
                2,
                {"pos_weight": values(-1.0)},
                {},
                ArgumentError,
                "pos_weight: expected weights in [0, inf), got -1",
            ),
            (
                "smoothing",
                4,
                {},
                {"label_smoothing": 1.5},
                ArgumentError,
                "label_smoothing: expected a finite number >= 0 and <= 1, got 1.5",
            ),
            (
                "sample-weight-shape",
                5,
                {"sample_weight": uniform(3)},
                {},
                ShapeError,
                "sample_weight: expected shape (3, 1) (one a sample), got (3,)",
            ),
        )
    ),
]


def _pairs(*shape: int) -> dict[str, Source]:
    return {name: uniform(*shape, low=0.1, high=0.9) for name in ("prediction", "target")}


def _by_logits(backend: Any, logits: Any, target: Any) -> Any:
    """The same loss from probabilities and from logits."""
    return [
        backend.binary_cross_entropy(backend.sigmoid(logits), target, reduction="none"),
        backend.binary_cross_entropy_with_logits(logits, target, reduction="none"),
    ]


_PROBABILITIES = [
    *cases(
        "binary_cross_entropy",
        {
            # clips at 1e-7 and at logarithms of -100, and a rounded 1 - p, show here
            "special-tails": {
                "inputs": {
                    "prediction": values([1e-30, 1e-30, 1e-9, 1e-5, 1 - 2.0**-20, 1 - 2.0**-20, 0.5, 1e-12]),
                    "target": values([1.0, 0.0, 0.0, 0.25, 0.0, 1.0, 1.0, 0.75]),
                },
                "differentiate": ("prediction",),
                "requires": ("BINARY_CROSS_ENTROPY-1",),
            },
            "unit": {
                "inputs": {"prediction": uniform(4, 5, low=0.01, high=0.99), "target": uniform(4, 5)},
                "requires": ("BINARY_CROSS_ENTROPY-1",),
                "level": "full",
            },
            "special-certain": {
                "inputs": {
                    "prediction": values([0.0, 1.0, -0.0, 0.5, 0.0, 1.0, 0.25, 1.0]),
                    "target": values([0.0, 1.0, 0.0, 0.5, -0.0, 1.0, 0.0, 1.0]),
                },
                "differentiate": ("prediction",),
                "requires": ("BINARY_CROSS_ENTROPY-2",),
            },
            "special-impossible": {
                "inputs": {
                    "prediction": values([0.0, 1.0, 0.0, 1.0, 0.5, NAN, 0.5, 0.0]),
                    "target": values([1.0, 0.0, 0.25, 0.75, 1.0, 0.5, NAN, 0.0]),
                },
                "differentiate": ("prediction",),
                "requires": ("BINARY_CROSS_ENTROPY-3", "BINARY_CROSS_ENTROPY-6"),
            },
            "sum": {"inputs": _pairs(4, 5), "options": SUM, "requires": ("BINARY_CROSS_ENTROPY-1",), "level": "full"},
            "logits": {
                "inputs": {"logits": normal(4, 5, std=3.0), "target": uniform(4, 5, low=0.1, high=0.9)},
                "program": _by_logits,
                "requires": ("BINARY_CROSS_ENTROPY-4",),
            },
        },
        options=NONE,
    ),
    *elementwise_cases(
        "binary_cross_entropy",
        "BINARY_CROSS_ENTROPY-5",
        "BINARY_CROSS_ENTROPY-6",
        inputs=_pairs,
        # what has weight 0 is not judged
        holes={
            "prediction": values([[0.5, NAN, 0.25], [-3.0, 0.75, INF]]),
            "target": values([[0.25, 2.0, 0.5], [NAN, 0.9, -1.0]]),
        },
    ),
    *(
        error_case(
            "binary_cross_entropy",
            f"{name}-range",
            ("BINARY_CROSS_ENTROPY-1",),
            lambda backend, **x: backend.binary_cross_entropy(**x),
            ArgumentError,
            f"{name}: expected probabilities in [0, 1], got {bad:g}",
            inputs={"prediction": uniform(2), "target": uniform(2), name: values([0.5, bad])},
        )
        for name, bad in (("prediction", 1.5), ("target", -3.0))
    ),
]

CASES = [*_BINARY, *_PROBABILITIES]
