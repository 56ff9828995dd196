"""Inputs for the likelihoods of classes."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, Level, Source, cases, constant, error_case, integers, normal, uniform, values
from nnspec_conformance.cases.losses._inputs import INF, NAN, NONE, SUM

__all__ = ["CASES", "class_cases", "label_errors"]

#: labels of five samples among four classes, whose weights do not add up to the number of samples
_LABELS = [1, 3, 0, 3, 1]
_CLASS_WEIGHT = values([0.5, 3.0, 7.0, 1.0])
#: rows that add up to 1, strictly inside (0, 1), so that they can be differentiated
_PROBABILITIES = [
    [0.1, 0.2, 0.3, 0.4],
    [0.7, 0.1, 0.15, 0.05],
    [0.25, 0.25, 0.25, 0.25],
    [0.05, 0.85, 0.06, 0.04],
    [0.4, 0.1, 0.4, 0.1],
]
_ONE_HOT = [[float(c == label) for c in range(4)] for label in _LABELS]
#: some and all of five labels ignored; the ignored label is no class, or one
_SOME_IGNORED, _ALL_IGNORED = [1, -100, 0, 3, -100], [-100] * 5
#: what must not leak out of rows that count as absent
_ROWS_WITH_HOLES = [
    [0.5, -1.0, 2.0, 0.0],
    [NAN, 0.0, 1.0, 2.0],
    [1.0, 1.5, -0.5, 0.25],
    [-2.0, 0.125, 1.0, 3.0],
    [INF, -INF, 0.0, 1.0],
]
_SKIPPING = values([0.5, 0.0, 3.0, 1.5, 0.0])


def _labels(entries: Any, dtype: str = "int32") -> Source:
    return constant(entries, dtype)


def class_cases(
    operation: str, x: str, main: str, weighted: str, ignored: str, absent: str, *, level: Level = "quick"
) -> list[Case]:
    """What all class losses are tried on: axes, labels, weights and ignored samples.

    `x` is the name of the first argument, `absent` the requirement about samples of weight 0, `level` that of the
    cases which others of level quick come close to.
    """
    logits = normal(5, 4)
    holes = values(_ROWS_WITH_HOLES)
    return [
        *cases(
            operation,
            {
                "rows": {"inputs": {x: logits, "target": _labels(_LABELS)}, "options": NONE},
                "mean": {"inputs": {x: logits, "target": _labels(_LABELS, "int64")}, "level": level},
                "axis": {
                    "inputs": {x: normal(3, 4, 2, 2), "target": integers(3, 2, 2, high=4)},
                    "options": {"axis": 1},
                },
                "sum": {
                    "inputs": {x: logits, "target": _labels(_LABELS, "int8")},
                    "options": SUM,
                    "level": "full",
                },
                "axis-first": {
                    "inputs": {x: normal(4, 3, 3), "target": integers(3, 3, high=4)},
                    "options": {"axis": 0, "reduction": "none"},
                    "level": "full",
                },
                "one-sample": {
                    "inputs": {x: normal(4), "target": _labels(2)},
                    "level": "full",
                },
                "one-class": {
                    "inputs": {x: normal(3, 1), "target": _labels([0, 0, 0])},
                    "level": "full",
                },
                "odd": {
                    "inputs": {x: normal(33, 17).laid_out("strided"), "target": integers(33, high=17)},
                    "level": "full",
                },
                "transposed": {
                    "inputs": {x: normal(3, 4).laid_out("transposed"), "target": integers(3, high=4)},
                    "level": "full",
                },
                "empty-sum": {
                    "inputs": {x: normal(0, 4), "target": integers(0, high=4)},
                    "options": SUM,
                    "level": "full",
                },
                "empty-none": {
                    "inputs": {x: normal(0, 4), "target": integers(0, high=4)},
                    "options": NONE,
                    "level": "full",
                },
            },
            requires=(main,),
        ),
        *cases(
            operation,
            {
                "class-weight": {
                    "inputs": {x: logits, "target": _labels(_LABELS), "weight": _CLASS_WEIGHT},
                    "requires": (weighted,),
                },
                "class-weight-axis": {
                    "inputs": {
                        x: normal(2, 4, 3),
                        "target": integers(2, 3, high=4),
                        "weight": _CLASS_WEIGHT,
                    },
                    "options": {"axis": -2},
                    "requires": (weighted,),
                    "level": "full",
                },
                "class-weight-none": {
                    "inputs": {x: logits, "target": _labels(_LABELS), "weight": _CLASS_WEIGHT},
                    "options": NONE,
                    "requires": (weighted,),
                    "level": "full",
                },
                "class-weight-zero": {
                    "inputs": {
                        x: logits,
                        "target": _labels([2] * 5),
                        "weight": values([1.0, 2.0, 0.0, 1.0]),
                    },
                    "requires": (weighted,),
                },
                # native kernels have no derivative with respect to the weights
                "class-weight-moving": {
                    "inputs": {x: normal(2, 4, 3), "target": integers(2, 3, high=4), "weight": _CLASS_WEIGHT},
                    "options": {"axis": 1, "ignore_index": 2, "reduction": "sum"},
                    "differentiate": (x, "weight"),
                    "requires": (weighted, ignored),
                    "dtypes": ("float32",),
                    "plain_only": True,
                },
                "ignore-special": {
                    "inputs": {x: holes, "target": _labels(_SOME_IGNORED, "int64")},
                    "options": {"ignore_index": -100},
                    "requires": (ignored,),
                },
                "ignore-all": {
                    "inputs": {x: logits, "target": _labels(_ALL_IGNORED)},
                    "options": {"ignore_index": -100},
                    "requires": (ignored,),
                    "level": level,
                },
                "ignore-class": {
                    "inputs": {x: logits, "target": _labels(_LABELS, "int8"), "weight": _CLASS_WEIGHT},
                    "options": {"ignore_index": 3},
                    "requires": (ignored, weighted),
                    "level": "full",
                },
                "ignore-special-none": {
                    "inputs": {x: holes, "target": _labels(_SOME_IGNORED)},
                    "options": {"ignore_index": -100, "reduction": "none"},
                    "requires": (ignored,),
                    "level": "full",
                },
                "sample-weight": {
                    "inputs": {
                        x: logits,
                        "target": _labels(_LABELS),
                        "sample_weight": uniform(5, low=0.1, high=3.0),
                    },
                    "requires": (absent,),
                    "level": level,
                },
                "sample-weight-special": {
                    "inputs": {x: holes, "target": _labels(_LABELS), "sample_weight": _SKIPPING},
                    "requires": (absent,),
                },
                "sample-weight-zero": {
                    "inputs": {x: holes, "target": _labels(_LABELS), "sample_weight": values([0.0] * 5)},
                    "requires": (absent,),
                    "level": "full",
                },
                "all-weights": {
                    "inputs": {
                        x: holes,
                        "target": _labels(_SOME_IGNORED),
                        "weight": _CLASS_WEIGHT,
                        "sample_weight": values([0.5, 2.0, 3.0, 0.0, 1.0]),
                    },
                    "options": {"ignore_index": -100},
                    "requires": (weighted, ignored, absent),
                    "level": "full",
                },
            },
            differentiate=(x,),
        ),
        *_class_errors(operation, x, main, weighted, absent),
    ]


def _class_errors(operation: str, x: str, main: str, weighted: str, absent: str) -> list[Case]:
    rows = {x: normal(3, 4), "target": integers(3, high=4)}

    def refused(name: str, requirement: str, error: Any, words: str, inputs: dict[str, Source], **options: Any) -> Case:
        return error_case(
            operation,
            name,
            (requirement,),
            lambda backend, **given: getattr(backend, operation)(**given, **options),
            error,
            words,
            inputs={**rows, **inputs},
        )

    return [
        refused(
            "target-column",
            main,
            ShapeError,
            "target: expected shape (3,) (one class index a sample), got (3, 1)",
            {"target": integers(3, 1, high=4)},
        ),
        refused(
            "no-class",
            main,
            ShapeError,
            f"{x}: expected at least one class along axis -1, got shape (3, 0)",
            {x: normal(3, 0)},
        ),
        refused("integer", main, DTypeError, f"{x}: expected a floating array", {x: integers(3, 4, high=9)}),
        refused("axis", main, ArgumentError, "axis: expected an integer in [-2, 2), got 2", {}, axis=2),
        refused("reduction", main, ArgumentError, "reduction: expected one of", {}, reduction="batchmean"),
        refused(
            "empty-mean",
            main,
            ArgumentError,
            "reduction: expected 'sum' or 'none' for no samples (shape (0,)), got 'mean'",
            {x: normal(0, 4), "target": integers(0, high=4)},
        ),
        refused(
            "weight-shape",
            weighted,
            ShapeError,
            "weight: expected shape (4,) (one a class), got (3,)",
            {"weight": uniform(3)},
        ),
        refused(
            "weight-negative",
            weighted,
            ArgumentError,
            "weight: expected weights in [0, inf), got -1",
            {"weight": values([1.0, -1.0, 0.0, 1.0])},
        ),
        refused(
            "sample-weight-shape",
            absent,
            ShapeError,
            "sample_weight: expected shape (3,) (one a sample), got (3, 4)",
            {"sample_weight": uniform(3, 4)},
        ),
        refused(
            "ignore-index",
            main,
            ArgumentError,
            "ignore_index: expected None or an integer of 32 bits, got -100.0",
            {},
            ignore_index=-100.0,
        ),
    ]


def label_errors(operation: str, x: str, requirement: str) -> list[Case]:
    """Labels that are no class."""
    return [
        error_case(
            operation,
            f"label-{name}",
            (requirement,),
            lambda backend, options=options, **given: getattr(backend, operation)(**given, **options),
            ArgumentError,
            f"target: expected class indices in [0, 3], got {bad}",
            inputs={x: normal(3, 4), "target": _labels(labels, dtype)},
        )
        for name, labels, dtype, bad, options in (
            ("too-large", [0, 4, 1], "int32", 4, {}),
            ("negative", [0, -1, 1], "int64", -1, {}),
            ("negative-small", [0, -100, 1], "int8", -100, {}),
            ("beside-ignored", [-100, 7, 1], "int32", 7, {"ignore_index": -100}),
        )
    ]


def _both_targets(backend: Any, logits: Any, index: Any, one_hot: Any, weight: Any) -> Any:
    """The loss by class indices and by the same labels one-hot, with class weights and without."""
    return [backend.cross_entropy(logits, target, weight=w) for w in (None, weight) for target in (index, one_hot)]


_CROSS_ENTROPY = [
    *class_cases(
        "cross_entropy",
        "logits",
        "CROSS_ENTROPY-1",
        "CROSS_ENTROPY-2",
        "CROSS_ENTROPY-3",
        "CROSS_ENTROPY-6",
    ),
    *label_errors("cross_entropy", "logits", "CROSS_ENTROPY-8"),
    *cases(
        "cross_entropy",
        {
            "far-apart": {
                "inputs": {
                    "logits": values([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4], [88.0, -104.0, 3e4], [0.0, 0.0, 0.0]]),
                    "target": _labels([1, 0, 2, 1]),
                },
                "options": NONE,
                "requires": ("CROSS_ENTROPY-1",),
            },
            "shifted": {
                "inputs": {"logits": normal(5, 4, mean=1e4), "target": _labels(_LABELS)},
                "requires": ("CROSS_ENTROPY-1",),
                "level": "full",
            },
            "probabilities": {
                "inputs": {"logits": normal(5, 4), "target": values(_PROBABILITIES)},
                "requires": ("CROSS_ENTROPY-1",),
            },
            "probabilities-axis": {
                "inputs": {"logits": normal(2, 4, 3), "target": uniform(2, 4, 3, low=0.1, high=0.9)},
                "options": {"axis": 1, "reduction": "none"},
                "requires": ("CROSS_ENTROPY-1",),
                "level": "full",
            },
            "probabilities-weight": {
                "inputs": {
                    "logits": normal(5, 4),
                    "target": values(_PROBABILITIES),
                    "weight": _CLASS_WEIGHT,
                },
                "differentiate": ("logits", "target"),
                "requires": ("CROSS_ENTROPY-2",),
            },
            # rows of weight 0: neither NaN logits nor NaN probabilities may reach anything
            "probabilities-special-weights": {
                "inputs": {
                    "logits": values(_ROWS_WITH_HOLES),
                    "target": values([r if i not in (1, 4) else [NAN] * 4 for i, r in enumerate(_PROBABILITIES)]),
                    "sample_weight": _SKIPPING,
                },
                "differentiate": ("logits", "target"),
                "requires": ("CROSS_ENTROPY-6",),
                "level": "full",
            },
            "one-hot": {
                "inputs": {
                    "logits": normal(5, 4),
                    "index": _labels(_LABELS),
                    "one_hot": values(_ONE_HOT),
                    "weight": _CLASS_WEIGHT,
                },
                "program": _both_targets,
                "differentiate": ("logits",),
                "requires": ("CROSS_ENTROPY-7", "CROSS_ENTROPY-2"),
            },
            # zeros among the probabilities: the derivative with respect to them is there all the same
            "special-zero-probability": {
                "inputs": {"logits": normal(5, 4), "target": values(_ONE_HOT)},
                "options": NONE,
                "requires": ("CROSS_ENTROPY-7",),
                "level": "full",
            },
            "smoothing": {
                "inputs": {"logits": normal(5, 4), "target": _labels(_LABELS)},
                "options": {"label_smoothing": 0.3, "reduction": "none"},
                "requires": ("CROSS_ENTROPY-4",),
            },
            "smoothing-weight": {
                "inputs": {"logits": normal(5, 4), "target": _labels(_LABELS), "weight": _CLASS_WEIGHT},
                "options": {"label_smoothing": 0.3},
                "differentiate": ("logits",),
                "requires": ("CROSS_ENTROPY-4", "CROSS_ENTROPY-2"),
                "level": "full",
            },
            # a class of weight 0 as the target still leaves the smoothed terms of the others
            "smoothing-weight-zero": {
                "inputs": {
                    "logits": normal(5, 4),
                    "target": _labels(_LABELS),
                    "weight": values([1.0, 0.0, 2.0, 0.5]),
                },
                "options": {"label_smoothing": 0.3},
                "differentiate": ("logits",),
                "requires": ("CROSS_ENTROPY-4", "CROSS_ENTROPY-2"),
            },
            "smoothing-full": {
                "inputs": {"logits": normal(5, 4), "target": _labels(_LABELS)},
                "options": {"label_smoothing": 1.0},
                "requires": ("CROSS_ENTROPY-4",),
            },
            # more classes than the numbers by which native kernels mark what they skip
            "many-classes": {
                "inputs": {"logits": normal(2, 103), "target": _labels([100, 7])},
                "requires": ("CROSS_ENTROPY-1",),
                "dtypes": ("float32",),
                "plain_only": True,
            },
            "smoothing-ignore-special": {
                "inputs": {
                    "logits": values(_ROWS_WITH_HOLES),
                    "target": _labels(_SOME_IGNORED),
                    "weight": _CLASS_WEIGHT,
                },
                "options": {"label_smoothing": 0.3, "ignore_index": -100},
                "differentiate": ("logits",),
                "requires": ("CROSS_ENTROPY-3", "CROSS_ENTROPY-4"),
            },
            "smoothing-probabilities": {
                "inputs": {
                    "logits": normal(5, 4),
                    "target": values(_PROBABILITIES),
                    "weight": _CLASS_WEIGHT,
                },
                "options": {"label_smoothing": 0.1},
                "differentiate": ("logits", "target"),
                "requires": ("CROSS_ENTROPY-4", "CROSS_ENTROPY-2"),
                "level": "full",
            },
            "special-minus-infinity": {
                "inputs": {
                    "logits": values([[0.5, -INF, 1.0, -INF], [-INF, 2.0, 1.0, 0.0], [0.0, 1.0, 2.0, -INF]]),
                    "target": _labels([2, 1, 0]),
                },
                "options": NONE,
                "requires": ("CROSS_ENTROPY-5",),
            },
            "special-minus-infinity-probabilities": {
                "inputs": {
                    "logits": values([[0.5, -INF, 1.0, -INF], [-INF, 2.0, 1.0, 0.0]]),
                    "target": values([[0.25, 0.0, 0.75, 0.0], [0.0, 0.125, 0.5, 0.375]]),
                    "weight": _CLASS_WEIGHT,
                },
                "differentiate": ("logits",),
                "requires": ("CROSS_ENTROPY-5", "CROSS_ENTROPY-2"),
                "level": "full",
            },
        },
    ),
    *(
        error_case(
            "cross_entropy",
            name,
            (requirement,),
            lambda backend, options=options, **given: backend.cross_entropy(**given, **options),
            error,
            words,
            inputs={"logits": normal(2, 3), "target": target},
        )
        for name, requirement, target, options, error, words in (
            (
                "probability-range",
                "CROSS_ENTROPY-1",
                values([[0.5, 0.5, 0.0], [1.5, 0.0, 0.0]]),
                {},
                ArgumentError,
                "target: expected probabilities in [0, 1], got 1.5",
            ),
            (
                "probability-negative",
                "CROSS_ENTROPY-1",
                values([[0.5, 0.5, 0.0], [1.0, -0.25, 0.0]]),
                {},
                ArgumentError,
                "target: expected probabilities in [0, 1], got -0.25",
            ),
            (
                "probability-shape",
                "CROSS_ENTROPY-1",
                uniform(2),
                {},
                ShapeError,
                "target: expected shape (2, 3) (probabilities in the shape of logits), got (2,)",
            ),
            (
                "probability-ignore",
                "CROSS_ENTROPY-3",
                uniform(2, 3),
                {"ignore_index": 0},
                ArgumentError,
                "ignore_index: expected None with probability targets, got 0",
            ),
            (
                "boolean-target",
                "CROSS_ENTROPY-1",
                constant([True, False], "bool"),
                {},
                DTypeError,
                "target: expected integer class indices or probabilities in the dtype of logits, got bool",
            ),
            (
                "smoothing-nan",
                "CROSS_ENTROPY-4",
                integers(2, high=3),
                {"label_smoothing": NAN},
                ArgumentError,
                "label_smoothing: expected a finite number >= 0 and <= 1, got nan",
            ),
        )
    ),
]


def _two_ways(backend: Any, logits: Any, target: Any, weight: Any) -> Any:
    log_prob = backend.log_softmax(logits)
    return [
        loss(x, target, weight=w)
        for w in (None, weight)
        for loss, x in ((backend.cross_entropy, logits), (backend.nll, log_prob))
    ]


_NLL = [
    *cases(
        "nll",
        {
            "square": {
                "inputs": {"log_prob": normal(4, 4), "target": _labels([2, 0, 3, 1])},
                "requires": ("NLL-1",),
                "level": "full",
            },
            "class-alone": {
                "inputs": {"log_prob": normal(2, 1), "target": _labels([0, -100]), "weight": values([3.0])},
                "options": {"ignore_index": -100},
                "differentiate": ("log_prob",),
                "requires": ("NLL-2", "NLL-3"),
                "dtypes": ("float32",),
                "plain_only": True,
            },
            "special-others": {
                "inputs": {
                    "log_prob": values([[-1.0, -INF, NAN], [INF, -0.5, -INF], [NAN, NAN, -3.0]]),
                    "target": _labels([0, 1, 2]),
                },
                "requires": ("NLL-1",),
            },
            "special-others-weighted": {
                "inputs": {
                    "log_prob": values([[-1.0, -INF, NAN], [INF, -0.5, -INF], [NAN, NAN, -3.0]]),
                    "target": _labels([0, 1, 2]),
                    "weight": values([0.5, 2.0, 3.0]),
                },
                "options": NONE,
                "differentiate": ("log_prob",),
                "requires": ("NLL-1", "NLL-2"),
                "level": "full",
            },
        },
    ),
    *class_cases("nll", "log_prob", "NLL-1", "NLL-2", "NLL-3", "NLL-3", level="full"),
    *label_errors("nll", "log_prob", "NLL-1"),
    Case(
        operation="nll",
        name="cross-entropy",
        requires=("NLL-4",),
        inputs={"logits": normal(5, 4), "target": _labels(_LABELS), "weight": _CLASS_WEIGHT},
        program=_two_ways,
        differentiate=("logits",),
    ),
    error_case(
        "nll",
        "probability-target",
        ("NLL-1",),
        lambda backend, **given: backend.nll(**given),
        DTypeError,
        "target: expected an integer array",
        inputs={"log_prob": normal(3, 4), "target": uniform(3)},
    ),
]

CASES = [*_CROSS_ENTROPY, *_NLL]
