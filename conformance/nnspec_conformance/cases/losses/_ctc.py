"""Inputs for connectionist temporal classification."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, Source, cases, constant, error_case, integers, normal, uniform, values
from nnspec_conformance.cases.losses._inputs import INF, NAN, NONE

__all__ = ["CASES"]

#: four sequences of five frames and four classes, two labels each at most; in the second they are equal
_SHAPE = (4, 5, 4)
_LOGITS = normal(*_SHAPE, std=1.5)
_TARGET = constant([[1, 2], [3, 3], [2, 1], [1, 3]], "int32")
#: of which these count: an alignment each, in the second just so; no label in the third
_FRAMES, _LABELS = constant([5, 3, 4, 1], "int32"), constant([2, 2, 0, 1], "int32")
_ALIGNED = {"logits": _LOGITS, "target": _TARGET, "input_lengths": _FRAMES, "target_lengths": _LABELS}
#: two labels in one frame, equal ones in two, no frame for a label, none for none
_IMPOSSIBLE = {
    **_ALIGNED,
    "input_lengths": constant([1, 2, 0, 0], "int32"),
    "target_lengths": constant([2, 2, 1, 0], "int32"),
}


def _filled(*entries: tuple[Any, Any]) -> Source:
    """Logits, but with these entries."""

    def made(generator: np.random.Generator) -> Any:
        array = _LOGITS.make(generator)
        for where, entry in entries:
            array[where] = entry
        return array

    return Source(made, floating=True)


#: what must not leak from behind the ends of `_FRAMES`
_BEHIND = ((1, slice(3, None)), NAN), ((2, 4), [INF, -INF, NAN, 1e4]), ((3, slice(1, None)), INF)


def _laws(backend: Any, logits: Any, target: Any, sample_weight: Any) -> Any:
    """A batch as a whole and in two parts; a weighted mean with an absent sequence and without it."""

    def kept(x: Any) -> Any:
        return backend.xp.concat([x[:1], x[2:]], axis=0)

    parts = [backend.ctc(logits[i:j], target[i:j], reduction="sum") for i, j in ((0, 1), (1, 4))]
    return [
        backend.ctc(logits, target, reduction="sum"),
        parts[0] + parts[1],
        backend.ctc(logits, target, sample_weight=sample_weight),
        backend.ctc(kept(logits), kept(target), sample_weight=kept(sample_weight)),
    ]


_FORMULA = [
    # all lengths are what there is, so that the same compilation serves both
    Case(
        operation="ctc",
        name="rows",
        requires=("CTC-1", "CTC-2"),
        inputs={
            **_ALIGNED,
            "input_lengths": constant([5] * 4, "int32"),
            "target_lengths": constant([2] * 4, "int32"),
        },
        options=NONE,
    ),
    *cases(
        "ctc",
        {
            "lengths": {"inputs": _ALIGNED, "requires": ("CTC-1", "CTC-4")},
            "lengths-special": {
                "inputs": {
                    **_ALIGNED,
                    "logits": _filled(*_BEHIND),
                    "target": constant([[1, 2], [3, 3], [99, -7], [1, 0]], "int32"),
                },
                "requires": ("CTC-4",),
            },
            "impossible-special": {"inputs": _IMPOSSIBLE, "requires": ("CTC-5",)},
            # no label in any frame; no blank; one class in each frame; the second blank
            "removed-special": {
                "inputs": {
                    **_ALIGNED,
                    "logits": _filled(
                        ((0, slice(None), 2), -INF),
                        ((1, 1, 0), -INF),
                        ((2, slice(None, 3), 1), -INF),
                        ((3, 0, slice(None, None, 2)), -INF),
                    ),
                },
                "requires": ("CTC-6", "CTC-5"),
            },
            "far-apart": {
                "inputs": {
                    "logits": normal(*_SHAPE, mean=1e3, std=300.0),
                    "target": _TARGET,
                    "target_lengths": _LABELS,
                },
                "requires": ("CTC-6",),
            },
        },
        options=NONE,
    ),
    *cases(
        "ctc",
        {
            "blank-last": {
                "inputs": {
                    "logits": _LOGITS,
                    "target": constant([[1, 2], [0, 0], [2, 1], [1, 0]], "int64"),
                    "input_lengths": constant([5, 4, 3, 5], "int32"),
                },
                "options": {"blank": 3, "reduction": "none"},
                "requires": ("CTC-3",),
            },
            "zeroed-special": {
                "inputs": {**_IMPOSSIBLE, "logits": _filled(((0, slice(None), 3), -INF))},
                "options": {"zero_infinity": True},
                "requires": ("CTC-5", "CTC-7"),
            },
            "blank-between": {
                "inputs": {
                    **_ALIGNED,
                    "logits": normal(*_SHAPE).laid_out("transposed"),
                    "target": constant([[0, 1], [3, 3], [-1, -1], [1, 2]], "int8"),
                    "input_lengths": constant([5, 3, 4, 1], "int64"),
                },
                "options": {"blank": 2, "reduction": "none"},
                "requires": ("CTC-3",),
                "level": "full",
            },
            "strided": {
                "inputs": {"logits": normal(2, 7, 5).laid_out("strided"), "target": integers(2, 3, low=1, high=5)},
                "options": NONE,
                "requires": ("CTC-1",),
                "level": "full",
            },
            "one-frame": {
                "inputs": {"logits": normal(3, 1, 4), "target": constant([[1], [2], [3]], "int32")},
                "options": NONE,
                "requires": ("CTC-1",),
                "level": "full",
            },
            "no-label": {
                "inputs": {"logits": normal(2, 3, 4), "target": constant(np.zeros((2, 0)), "int32")},
                "options": NONE,
                "requires": ("CTC-1",),
                "level": "full",
            },
            "no-frame": {
                "inputs": {"logits": normal(2, 0, 4), "target": constant(np.zeros((2, 0)), "int32")},
                "options": NONE,
                "requires": ("CTC-1",),
                "level": "full",
            },
            "long": {
                "inputs": {"logits": normal(2, 40, 3, std=3.0), "target": integers(2, 12, low=1, high=3)},
                "options": NONE,
                "requires": ("CTC-6", "CTC-2"),
                "level": "full",
            },
        },
    ),
]

_ABSENT = {
    "logits": _filled((1, NAN), ((2, 4), NAN), ((3, slice(1, None)), -INF)),
    "target": constant([[1, 2], [-5, 99], [2, 1], [1, 3]], "int32"),
    "input_lengths": constant([5, 1, 4, 1], "int32"),
    "target_lengths": _LABELS,
}
_REDUCED = [
    *cases(
        "ctc",
        {
            "mean": {"inputs": _ALIGNED, "level": "full"},
            "sum": {"inputs": _ALIGNED, "options": {"reduction": "sum"}, "level": "full"},
            "weighted-special": {"inputs": {**_ABSENT, "sample_weight": values([0.5, 0.0, 3.0, 1.0])}},
            "weighted-special-none": {
                "inputs": {**_ABSENT, "sample_weight": values([0.5, 0.0, 3.0, 1.0])},
                "options": NONE,
                "level": "full",
            },
            "weighted-nothing-special": {
                "inputs": {**_ABSENT, "sample_weight": values([0.0] * 4)},
                "level": "full",
            },
            "laws": {
                "inputs": {"logits": _LOGITS, "target": _TARGET, "sample_weight": values([0.5, 0.0, 3.0, 1.0])},
                "program": _laws,
            },
            "empty-sum": {
                "inputs": {"logits": normal(0, 5, 4), "target": constant(np.zeros((0, 2)), "int32")},
                "options": {"reduction": "sum"},
                "level": "full",
            },
            "empty-none": {
                "inputs": {"logits": normal(0, 5, 4), "target": constant(np.zeros((0, 2)), "int32")},
                "options": NONE,
            },
        },
        requires=("CTC-7",),
        differentiate=("logits",),
    )
]


def _refused(name: str, requirement: str, error: Any, words: str, inputs: dict[str, Source], **options: Any) -> Case:
    return error_case(
        "ctc",
        name,
        (requirement,),
        lambda backend, **given: backend.ctc(**given, **options),
        error,
        words,
        inputs={"logits": _LOGITS, "target": _TARGET, **inputs},
    )


_ERRORS = [
    _refused("rank", "CTC-1", ShapeError, "logits: expected shape (batch, frames, classes)", {"logits": normal(5, 4)}),
    _refused("no-class", "CTC-1", ShapeError, "logits: expected at least one class", {"logits": normal(4, 5, 0)}),
    _refused(
        "integer", "CTC-1", DTypeError, "logits: expected a floating array", {"logits": integers(4, 5, 4, high=3)}
    ),
    _refused("floating-target", "CTC-1", DTypeError, "target: expected an integer array", {"target": uniform(4, 2)}),
    _refused(
        "flat-target",
        "CTC-1",
        ShapeError,
        "target: expected shape (4, labels) (a row of labels a sequence), got (8,)",
        {"target": integers(8, low=1, high=4)},
    ),
    _refused(
        "label",
        "CTC-1",
        ArgumentError,
        "target: expected class indices in [0, 3], got 4",
        {"target": constant([[1, 2], [3, 4], [2, 1], [1, 3]], "int32")},
    ),
    _refused("blank-label", "CTC-3", ArgumentError, "target: expected labels other than blank, got 3", {}, blank=3),
    _refused("blank", "CTC-3", ArgumentError, "blank: expected one of 4 classes, got 4", {}, blank=4),
    _refused("blank-negative", "CTC-3", ArgumentError, "blank: expected an integer >= 0, got -1", {}, blank=-1),
    _refused(
        "input-lengths",
        "CTC-4",
        ArgumentError,
        "input_lengths: expected lengths in [0, 5], got 6",
        {"input_lengths": constant([5, 6, 1, 1], "int32")},
    ),
    _refused(
        "target-lengths",
        "CTC-4",
        ArgumentError,
        "target_lengths: expected lengths in [0, 2], got -1",
        {"target_lengths": constant([2, -1, 1, 1], "int32")},
    ),
    _refused(
        "lengths-shape",
        "CTC-4",
        ShapeError,
        "input_lengths: expected shape (4,) (one a sequence), got (1,)",
        {"input_lengths": constant([5], "int32")},
    ),
    _refused(
        "zero-infinity", "CTC-5", ArgumentError, "zero_infinity: expected True or False, got 0", {}, zero_infinity=0
    ),
    _refused("reduction", "CTC-7", ArgumentError, "reduction: expected one of", {}, reduction="batchmean"),
    _refused(
        "empty-mean",
        "CTC-7",
        ArgumentError,
        "reduction: expected 'sum' or 'none' for no samples (shape (0,)), got 'mean'",
        {"logits": normal(0, 5, 4), "target": constant(np.zeros((0, 2)), "int32")},
    ),
    _refused(
        "weight-shape",
        "CTC-7",
        ShapeError,
        "sample_weight: expected shape (4,) (one a sample), got (4, 5)",
        {"sample_weight": uniform(4, 5)},
    ),
]

CASES = [*_FORMULA, *_REDUCED, *_ERRORS]
