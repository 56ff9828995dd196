"""Inputs for metrics: ties, classes that never occur, nothing at all, and NaN."""

from __future__ import annotations

import math
from typing import Any

from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec_conformance.case import Case, Source, booleans, cases, constant, error_case, integers, normal, values

__all__ = ["CASES"]

_NAN, _INF = math.nan, math.inf
_FORWARD = ("values", "shapes", "compiled", "purity", "repeat")
#: six samples of four classes: ties for the largest, infinities, and a row of zeros of both signs
_TIES = values(
    [
        [1.0, 3.0, 3.0, 2.0],
        [3.0, 3.0, 1.0, 3.0],
        [-_INF, -_INF, -_INF, -_INF],
        [0.0, -0.0, 0.0, 0.0],
        [2.0, _INF, _INF, 1.0],
        [-1.0, -2.0, -1.0, -1.0],
    ]
)
_TIED_TARGET = constant([2, 0, 1, 1, 1, 0], "int32")
_NANS = values([[_NAN, 2.0, 1.0], [1.0, 2.0, _NAN], [_NAN, _NAN, _NAN], [1.0, 3.0, 2.0], [1.0, 3.0, 2.0]])
_NAN_TARGET = constant([0, 1, 2, 1, 2], "int32")
#: at the default threshold, one rounding of float32 to either side of it, and far from it
_BINARY = values([0.5, 0.50000006, 0.49999997, 0.9, 0.1, 0.7, _NAN, 0.3, 0.8])
_BINARY_TARGET = constant([1, 1, 1, 1, 1, 0, 0, 0, 1], "int32")
_EIGHT = {"scores": normal(3, 11, 8), "target": integers(3, 11, high=8)}

_SHARES = [
    *cases(
        "accuracy",
        {
            "scores": {"inputs": {"predicted": normal(3, 11, 4), "target": integers(3, 11, high=4)}},
            "classes": {
                "inputs": {
                    "predicted": integers(37, high=3, dtype="int64"),
                    "target": integers(37, high=3, dtype="int8"),
                }
            },
            "tie": {"inputs": {"predicted": _TIES, "target": _TIED_TARGET}, "requires": ("ACCURACY-2",)},
            "kink": {"inputs": {"predicted": _BINARY, "target": _BINARY_TARGET}, "requires": ("ACCURACY-3",)},
            "threshold": {
                "inputs": {"predicted": normal(33), "target": integers(33, high=2)},
                "options": {"threshold": -0.4},
                "requires": ("ACCURACY-3",),
            },
            "special": {"inputs": {"predicted": _NANS, "target": _NAN_TARGET}, "requires": ("ACCURACY-4",)},
            "empty": {"inputs": {"predicted": normal(0, 3), "target": integers(0, high=3)}},
            "transposed": {
                "inputs": {"predicted": normal(33, 5).laid_out("transposed"), "target": integers(33, high=5)},
                "level": "full",
            },
        },
        requires=("ACCURACY-1",),
        checks=_FORWARD,
    ),
    *cases(
        "top_k_accuracy",
        {
            "eight": {"inputs": _EIGHT},
            "two": {"inputs": _EIGHT, "options": {"k": 2}},
            "tie": {
                "inputs": {"scores": _TIES, "target": _TIED_TARGET},
                "options": {"k": 1},
                "requires": ("TOP_K_ACCURACY-2",),
            },
            "special": {
                "inputs": {"scores": _NANS, "target": _NAN_TARGET},
                "options": {"k": 2},
                "requires": ("TOP_K_ACCURACY-3",),
            },
            "empty": {"inputs": {"scores": normal(0, 3), "target": integers(0, high=3)}, "options": {"k": 2}},
            "one-sample": {
                "inputs": {"scores": normal(3), "target": constant(1, "int32")},
                "options": {"k": 2},
                "level": "full",
            },
        },
        requires=("TOP_K_ACCURACY-1",),
        checks=_FORWARD,
    ),
]

_CLASSES = {"predicted": integers(41, high=4), "target": integers(41, high=3)}
_TWO = {
    "predicted": constant([1, 1, 0, 1, 0, 0, 1, 1, 0, 1], "int32"),
    "target": constant([1, 0, 1, 1, 0, 0, 1, 0, 0, 1], "int32"),
}
#: class 2 is never predicted, class 3 never true, class 4 neither
_ABSENT = {
    "predicted": constant([0, 1, 3, 0, 1, 1, 0, 3], "int32"),
    "target": constant([0, 2, 1, 2, 1, 0, 0, 1], "int32"),
}

_MATRIX = cases(
    "confusion_matrix",
    {
        "classes": {"inputs": _CLASSES, "options": {"num_classes": 4}},
        "absent": {
            "inputs": _ABSENT,
            "options": {"num_classes": 5},
            "requires": ("CONFUSION_MATRIX-3", "CONFUSION_MATRIX-1"),
        },
        "kink": {
            "inputs": {"predicted": _BINARY, "target": _BINARY_TARGET},
            "options": {"num_classes": 2},
            "requires": ("CONFUSION_MATRIX-2",),
        },
        "threshold": {
            "inputs": {"predicted": normal(5, 7), "target": integers(5, 7, high=2)},
            "options": {"num_classes": 2, "threshold": -0.4},
            "requires": ("CONFUSION_MATRIX-2",),
        },
        "tie": {
            "inputs": {"predicted": _TIES, "target": _TIED_TARGET},
            "options": {"num_classes": 4},
            "requires": ("CONFUSION_MATRIX-2",),
        },
        "special": {
            "inputs": {"predicted": _NANS, "target": _NAN_TARGET},
            "options": {"num_classes": 3},
            "requires": ("CONFUSION_MATRIX-2",),
        },
        "empty": {
            "inputs": {"predicted": integers(0, high=3), "target": integers(0, high=3)},
            "options": {"num_classes": 3},
            "level": "full",
        },
        "many": {
            "inputs": {"predicted": normal(513, 33), "target": integers(513, high=33)},
            "options": {"num_classes": 33},
            "level": "full",
        },
        # counts of more than 15 bits
        "large-counts": {
            "inputs": {
                "predicted": integers(150_001, high=2, dtype="int8"),
                "target": integers(150_001, high=2, dtype="int8"),
            },
            "options": {"num_classes": 2},
            "level": "full",
        },
    },
    requires=("CONFUSION_MATRIX-1",),
    checks=_FORWARD,
)


def _rates(operation: str) -> list[Case]:
    first, zero, average = (f"{operation.upper()}-{n}" for n in (1, 2, 3))
    averaged = {
        kind: {
            "inputs": _CLASSES,
            "options": {"num_classes": 4, "average": kind},
            "requires": (average, first),
        }
        for kind in ("macro", "micro", "weighted")
    }
    return cases(
        operation,
        {
            "binary": {"inputs": _TWO},
            "each": {"inputs": _CLASSES, "options": {"num_classes": 4, "average": "none"}},
            "absent": {
                "inputs": _ABSENT,
                "options": {"num_classes": 5, "average": "none"},
                "requires": (zero, first),
            },
            **averaged,
            "absent-macro": {
                "inputs": _ABSENT,
                "options": {"num_classes": 5, "average": "macro"},
                "requires": (average, zero),
            },
            "nothing-weighted": {
                "inputs": {"predicted": integers(0, high=3), "target": integers(0, high=3)},
                "options": {"num_classes": 3, "average": "weighted"},
                "requires": (zero,),
                "level": "full",
            },
            "kink": {
                "inputs": {"predicted": _BINARY, "target": _BINARY_TARGET},
                "options": {"threshold": 0.75},
            },
            "scores": {
                "inputs": {"predicted": normal(33, 4), "target": integers(33, high=4)},
                "options": {"num_classes": 4, "average": "macro"},
                "requires": (average, first),
                "level": "full",
            },
        },
        requires=(first,),
        checks=_FORWARD,
    )


_AREA = cases(
    "roc_auc",
    {
        "distinct": {"inputs": {"scores": normal(33), "target": integers(33, high=2)}},
        "tie": {
            "inputs": {
                "scores": values([0.5, 0.5, 0.5, 0.25, 0.75, 0.75, 0.0, -0.0, _INF, -_INF]),
                "target": constant([1, 0, 1, 0, 1, 0, 0, 1, 1, 0], "int32"),
            },
            "requires": ("ROC_AUC-2", "ROC_AUC-1"),
        },
        "one-class": {
            "inputs": {"scores": normal(5), "target": constant([1, 1, 1, 1, 1], "int64")},
            "requires": ("ROC_AUC-3",),
        },
        "special": {
            "inputs": {
                "scores": values([_NAN, 1.0, 0.5, _NAN, 2.0]),
                "target": constant([1, 0, 1, 0, 1], "int32"),
            },
            "requires": ("ROC_AUC-3",),
        },
        "empty": {
            "inputs": {"scores": normal(0), "target": integers(0, high=2)},
            "requires": ("ROC_AUC-3",),
            "level": "full",
        },
        "many": {"inputs": {"scores": normal(300), "target": integers(300, high=2)}, "level": "full"},
    },
    requires=("ROC_AUC-1",),
    checks=_FORWARD,
)

_MEAN = cases(
    "mean",
    {
        "weights": {
            "inputs": {"values": normal(5, 7, mean=3.0), "weight": values([[0.25, 1.5, 3.0, 0.0, 7.0, 2.0, 1.0]] * 5)},
            # the derivative to a weight is 0 by decree, which no difference quotient finds
            "differentiate": ("values",),
        },
        "plain": {"inputs": {"values": normal(33, mean=1e2)}},
        "special": {
            "inputs": {"values": values([1.0, _NAN, _INF, 3.0]), "weight": values([1.0, 0.0, 0.0, 3.0])},
            "requires": ("MEAN-2",),
        },
        "no-weight-special": {
            "inputs": {"values": values([1.0, _NAN]), "weight": values([0.0, 0.0])},
            "requires": ("MEAN-2",),
        },
        "derivative-kink": {
            "inputs": {"values": normal(9), "weight": values([0.25, 1.5, 3.0, 0.0, 7.0, 2.0, 1.0, 0.5, 0.75])},
            "requires": ("MEAN-3",),
        },
        "empty": {"inputs": {"values": normal(0)}, "requires": ("MEAN-2",), "checks": _FORWARD},
        "strided": {
            "inputs": {"values": normal(17, 3).laid_out("strided"), "weight": normal(17, 3, mean=9.0)},
            "checks": _FORWARD,
            "level": "full",
        },
    },
    requires=("MEAN-1",),
)
# -- errors ----------------------------------------------------------------------------------------------------


def _bad(
    operation: str,
    requirement: str,
    name: str,
    error: type[NnspecError],
    words: str,
    *arrays: Source,
    **options: Any,
) -> Case:
    def program(backend: Any, **given: Any) -> Any:
        return getattr(backend, operation)(*given.values(), **options)

    inputs = {f"array{i}": array for i, array in enumerate(arrays)}
    return error_case(operation, name, (f"{operation.upper()}-{requirement}",), program, error, words, inputs=inputs)


_T = integers(6, high=2)
_ERRORS = [
    _bad("accuracy", "1", "target", DTypeError, "target: expected an integer array", normal(6), normal(6)),
    _bad("accuracy", "1", "bool", DTypeError, "predicted: expected an array of classes or scores", booleans(6), _T),
    _bad("accuracy", "1", "shape", ShapeError, "predicted: expected shape (6,)", normal(5, 2), _T),
    _bad("accuracy", "1", "no-class", ShapeError, "predicted: expected shape (6,)", normal(6, 0), _T),
    _bad("accuracy", "3", "nan", ArgumentError, "threshold: expected a finite number", normal(6), _T, threshold=_NAN),
    _bad("top_k_accuracy", "1", "k", ArgumentError, "k: expected an integer >= 1, got 0", normal(6, 3), _T, k=0),
    _bad("top_k_accuracy", "1", "scores", DTypeError, "scores: expected a floating array", _T, _T),
    _bad("top_k_accuracy", "1", "shape", ShapeError, "target: expected shape (5,)", normal(5, 3), _T),
    _bad(
        "top_k_accuracy",
        "1",
        "class",
        ArgumentError,
        "target: expected classes in [0, 2], got 3",
        normal(2, 3),
        constant([1, 3], "int32"),
    ),
    _bad(
        "confusion_matrix", "1", "count", ArgumentError, "num_classes: expected an integer >= 2", _T, _T, num_classes=1
    ),
    _bad(
        "confusion_matrix",
        "2",
        "scores",
        ShapeError,
        "predicted: expected 3 scores along the last axis, got 4",
        normal(6, 4),
        _T,
        num_classes=3,
    ),
    _bad(
        "confusion_matrix",
        "1",
        "class",
        ArgumentError,
        "predicted: expected classes in [0, 1], got -1",
        constant([0, -1], "int32"),
        constant([0, 1], "int32"),
        num_classes=2,
    ),
    *(
        _bad(operation, "3", name, ArgumentError, words, _T, _T, **options)
        for operation in ("precision", "recall", "f1")
        for name, words, options in (
            ("average", "average: expected one of 'binary', 'macro'", {"average": "mean"}),
            ("binary", "average: expected another than 'binary' for 3 classes", {"num_classes": 3}),
        )
    ),
    _bad("roc_auc", "1", "scores", DTypeError, "scores: expected a floating array", _T, _T),
    _bad("roc_auc", "1", "axes", ShapeError, "scores: expected 1 axes", normal(6, 2), _T),
    _bad(
        "roc_auc",
        "1",
        "class",
        ArgumentError,
        "target: expected classes in [0, 1], got 2",
        normal(2),
        constant([0, 2], "int32"),
    ),
    _bad("mean", "1", "integers", DTypeError, "values: expected a floating array", _T),
    _bad("mean", "1", "shape", ShapeError, "weight: expected shape (3,) (that of values)", normal(3), normal(4)),
    _bad(
        "mean", "2", "negative", ArgumentError, "weight: expected weights in [0, inf)", normal(2), values([1.0, -1.0])
    ),
]

CASES = [
    *_SHARES,
    *_MATRIX,
    *(case for operation in ("precision", "recall", "f1") for case in _rates(operation)),
    *_AREA,
    *_MEAN,
    *_ERRORS,
]
