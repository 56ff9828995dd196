"""Inputs for hinges."""

from __future__ import annotations

import numpy as np

from nnspec.errors import ArgumentError, DTypeError
from nnspec_conformance.case import Case, Source, cases, constant, error_case, normal, uniform, values
from nnspec_conformance.cases.losses._classes import class_cases, label_errors
from nnspec_conformance.cases.losses._elementwise import elementwise_cases
from nnspec_conformance.cases.losses._inputs import INF, NAN, NONE, SUM, signs, with_holes

__all__ = ["CASES"]


def _scored(*shape: int) -> dict[str, Source]:
    return {"prediction": uniform(*shape, low=-2.0, high=2.0), "target": signs(*shape)}


def _hinge(operation: str, formula: str, kink: str, mean: str, weight: str) -> list[Case]:
    """What a hinge is tried on; its labels are constants."""
    labels = values([1.0, -1.0, 1.0, -1.0, 1.0, -1.0, -1.0, 1.0])
    return [
        *cases(
            operation,
            {
                "both-sides": {
                    "inputs": {
                        "prediction": values([0.25, 0.25, -3.0, -0.75, 1.5, 20.0, -4.0, 1e4]),
                        "target": labels,
                    },
                    "requires": (formula,),
                },
                # margins of exactly 1, and others of which every result is exact
                "kink": {
                    "inputs": {
                        "prediction": values([1.0, -1.0, 0.0, -0.0, -1.0, 1.0, -0.5, 0.5]),
                        "target": labels,
                    },
                    "exact": True,
                    "requires": (kink, formula),
                },
                "special-infinite": {
                    "inputs": {
                        "prediction": values([INF, INF, -INF, -INF, NAN, 0.5, 0.0, 2.0]),
                        "target": values([1.0, -1.0, 1.0, -1.0, 1.0, NAN, -1.0, 1.0]),
                    },
                    "checks": ("values", "shapes", "compiled"),
                    "requires": (weight, formula),
                    "level": "full",
                },
            },
            options=NONE,
            differentiate=("prediction",),
        ),
        Case(
            operation=operation,
            name="sum",
            requires=(formula,),
            inputs={"prediction": normal(4, 5), "target": signs(4, 5)},
            options=SUM,
            differentiate=("prediction",),
            level="full",
        ),
        *elementwise_cases(
            operation,
            mean,
            weight,
            inputs=_scored,
            # labels of weight 0 are not judged
            holes={
                "prediction": with_holes(0.5, -0.75, 1.5),
                "target": values([[1.0, 0.0, -1.0], [7.0, -1.0, NAN]]),
            },
            differentiate=("prediction",),
        ),
        *(
            error_case(
                operation,
                f"label-{name}",
                (formula,),
                lambda backend, **x: getattr(backend, operation)(**x),
                ArgumentError,
                f"target: expected labels -1 or 1, got {bad:g}",
                inputs={"prediction": uniform(3), "target": values([1.0, bad, 1.0])},
            )
            for name, bad in (("zero", 0.0), ("half", -0.5), ("two", 2.0))
        ),
    ]


_MULTICLASS = [
    *cases(
        "multiclass_hinge",
        {
            # the target class trails, leads by less than 1, and leads by more
            "leads": {
                "inputs": {
                    "scores": values([[0.5, 3.0, -1.0, 2.0], [2.0, 1.5, 1.75, -9.0], [0.25, 4.0, 1.0, 2.75]]),
                    "target": constant([0, 0, 1], "int32"),
                },
                "requires": ("MULTICLASS_HINGE-1",),
            },
            # others tie: two; one with the target, a lead of exactly 1; three with the target; two again
            "ties": {
                "inputs": {
                    "scores": values(
                        [[0.5, 3.0, 3.0, 2.0], [2.0, 1.0, 0.0, -1.0], [0.25, 1.25, 0.25, 0.25], [1.5, -1.5, 1.5, 1.5]]
                    ),
                    "target": constant([0, 0, 1, 2], "int32"),
                },
                "exact": True,
                "requires": ("MULTICLASS_HINGE-2",),
            },
            "ties-axis": {
                "inputs": {
                    "scores": values([[[2.0, 1.0], [1.0, 1.0], [1.0, 3.0]], [[0.0, 5.0], [0.0, 5.0], [0.0, 5.0]]]),
                    "target": constant([[0, 1], [2, 0]], "int32"),
                },
                "options": {"axis": 1, **NONE},
                "requires": ("MULTICLASS_HINGE-2",),
                "level": "full",
            },
            # differences are exact here, and s + 1 is s in float32
            "offset": {
                "inputs": {
                    "scores": values(2.0**18 * np.asarray([[192, 193, 191], [189, 194, 192], [191, 188, 190]])),
                    "target": constant([1, 2, 1], "int32"),
                },
                "requires": ("MULTICLASS_HINGE-1",),
                "exact": True,
            },
            "special-minus-infinity": {
                "inputs": {
                    "scores": values([[0.5, -INF, 1.0, -INF], [-INF, 2.0, 1.0, 0.0], [0.0, 1.0, 2.5, -INF]]),
                    "target": constant([2, 1, 0], "int32"),
                },
                "requires": ("MULTICLASS_HINGE-5",),
            },
            "special-nan": {
                "inputs": {
                    "scores": values([[0.5, NAN, 1.0, 0.0], [NAN, 2.0, 1.0, 0.0], [0.0, 1.0, 2.5, -1.0]]),
                    "target": constant([2, 0, 2], "int32"),
                },
                "checks": ("values", "shapes", "compiled"),
                "requires": ("MULTICLASS_HINGE-5",),
                "level": "full",
            },
            "special-target-at-minus-infinity": {
                "inputs": {
                    "scores": values([[0.5, -INF, 1.0, 2.0], [-INF, 2.0, 1.0, 0.0]]),
                    "target": constant([1, 0], "int32"),
                },
                "requires": ("MULTICLASS_HINGE-5",),
                "level": "full",
            },
        },
        options=NONE,
    ),
    *class_cases(
        "multiclass_hinge",
        "scores",
        "MULTICLASS_HINGE-1",
        "MULTICLASS_HINGE-3",
        "MULTICLASS_HINGE-4",
        "MULTICLASS_HINGE-4",
        level="full",
    ),
    *label_errors("multiclass_hinge", "scores", "MULTICLASS_HINGE-1"),
    error_case(
        "multiclass_hinge",
        "score-target",
        ("MULTICLASS_HINGE-1",),
        lambda backend, **given: backend.multiclass_hinge(**given),
        DTypeError,
        "target: expected an integer array",
        inputs={"scores": normal(3, 4), "target": signs(3)},
    ),
]

CASES = [
    *_hinge("hinge", "HINGE-1", "HINGE-2", "HINGE-3", "HINGE-4"),
    *_hinge("squared_hinge", "SQUARED_HINGE-1", "SQUARED_HINGE-2", "SQUARED_HINGE-3", "SQUARED_HINGE-4"),
    *_MULTICLASS,
]
