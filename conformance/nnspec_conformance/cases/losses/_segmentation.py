"""Inputs for the losses of detection and segmentation."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError
from nnspec_conformance.case import Case, cases, error_case, normal, uniform, values
from nnspec_conformance.cases.losses._inputs import NONE
from nnspec_conformance.cases.losses._rows import SHAPE, loss_cases

__all__ = ["CASES"]

#: each logit with both labels, and with one between
_POINTS = [-1e4, -100.0, -40.0, -20.0, -6.0, -1.0, -1e-3, 0.0, 0.5, 3.0, 15.0, 30.0, 100.0, 1e4]
_TAILS = {
    "logits": values([_POINTS] * 3),
    "target": values([[0.0] * len(_POINTS), [1.0] * len(_POINTS), [0.3] * len(_POINTS)]),
}
_SOFT = {"logits": normal(*SHAPE, std=3.0), "target": uniform(*SHAPE, low=0.05, high=0.95)}


def _refused(operation: str, name: str, requirement: str, words: str, inputs: Any, **options: Any) -> Case:
    return error_case(
        operation,
        name,
        (requirement,),
        lambda backend, **given: getattr(backend, operation)(**given, **options),
        ArgumentError,
        words,
        inputs=inputs,
    )


def _unfocused(backend: Any, logits: Any, target: Any) -> Any:
    """Without a focus, beside the cross-entropy that it then is."""
    return [
        backend.focal(logits, target, gamma=0.0, reduction="none"),
        backend.binary_cross_entropy_with_logits(logits, target, reduction="none"),
    ]


_FOCAL = [
    *cases(
        "focal",
        {
            "tails": {
                "inputs": _TAILS,
                "options": NONE,
                "differentiate": ("logits",),
                "requires": ("FOCAL-3", "FOCAL-1"),
            },
            "gamma": {
                "inputs": _TAILS,
                "options": {"gamma": 5.0},
                "differentiate": ("logits",),
                "requires": ("FOCAL-1",),
            },
            "alpha": {
                "inputs": _SOFT,
                "options": {"alpha": 0.3, "gamma": 0.5, "reduction": "none"},
                "requires": ("FOCAL-2",),
            },
            "unfocused": {"inputs": _SOFT, "program": _unfocused, "requires": ("FOCAL-1",)},
            "alpha-bounds": {
                "inputs": _SOFT,
                "options": {"alpha": 1, "gamma": 3, "reduction": "none"},
                "requires": ("FOCAL-2",),
                "level": "full",
            },
        },
    ),
    *loss_cases("focal", _SOFT, main="FOCAL-1", weight="FOCAL-4", samples=SHAPE),
    _refused("focal", "gamma", "FOCAL-1", "gamma: expected a finite number >= 0, got -1", _SOFT, gamma=-1),
    _refused("focal", "alpha", "FOCAL-2", "alpha: expected a finite number >= 0 and <= 1, got 1.5", _SOFT, alpha=1.5),
    _refused(
        "focal",
        "target",
        "FOCAL-1",
        "target: expected probabilities in [0, 1], got 2",
        {"logits": normal(3), "target": values([0.0, 2.0, 1.0])},
    ),
]

_AREAS = {"prediction": uniform(*SHAPE, low=0.05, high=0.95), "target": uniform(*SHAPE, low=0.05, high=0.95)}
_IMAGES = {"prediction": uniform(2, 3, 4, 2, low=0.05, high=0.95), "target": uniform(2, 3, 4, 2, low=0.05, high=0.95)}
_DICE = [
    *cases(
        "dice",
        {
            # nothing predicted of nothing, something of nothing, nothing of something, no overlap
            "special-empty": {
                "inputs": {
                    "prediction": values([[0.0, 0.0, 0.0], [1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]),
                    "target": values([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 1.0]]),
                },
                "options": {"axis": 1, "eps": 0.5, "reduction": "none"},
                "requires": ("DICE-2",),
            },
            "special-default-eps": {
                "inputs": {
                    "prediction": values([[1e-7, 0.0, 0.0], [0.0, 0.0, 0.0], [3e-8, 0.0, 0.0], [0.0, 0.0, 1e-6]]),
                    "target": values([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1e-6]]),
                },
                "options": {"axis": 1, "reduction": "none"},
                "requires": ("DICE-2",),
            },
            "images": {
                "inputs": _IMAGES,
                "options": {"axis": (2, 3), "eps": 0.25, "reduction": "none"},
                "requires": ("DICE-1",),
            },
            "everything": {"inputs": _IMAGES, "requires": ("DICE-1",)},
            "axes": {
                "inputs": _IMAGES,
                "options": {"axis": (-1, 0)},
                "requires": ("DICE-1", "DICE-4"),
                "level": "full",
            },
            # inputs known to the last digit: a difference from 1 would be 0, or off by a roundoff of 1
            "special-tiny": {
                "inputs": {
                    "prediction": values([[1.0, 1.0, 2.0**-60], [1.0, 1.0, 2.0**-40], [0.0, 2.0**-50, 0.0]]),
                    "target": values([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]),
                },
                "options": {"axis": 1, "eps": 4.0, "reduction": "none"},
                "requires": ("DICE-3",),
                "checks": ("values", "shapes"),
                "exact": True,
            },
            "special-near-perfect": {
                "inputs": {
                    "prediction": values(
                        [[1.0, 1 - 1e-6, 1e-9], [1.0, 1.0, 1e-20], [1.0, 0.0, 1.0], [1 - 2e-7, 0.0, 1.0]]
                    ),
                    "target": values([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, 0.0, 1.0], [1.0, 0.0, 1.0]]),
                },
                "options": {"axis": 1, "reduction": "none"},
                "requires": ("DICE-3",),
            },
        },
    ),
    *loss_cases("dice", _AREAS, main="DICE-4", weight="DICE-4", options={"axis": 1}),
    _refused("dice", "eps", "DICE-2", "eps: expected a finite number > 0, got 0.0", _AREAS, eps=0.0),
    _refused("dice", "axis", "DICE-1", "axis: expected distinct axes, got (0, -2)", _AREAS, axis=(0, -2)),
    _refused(
        "dice",
        "target",
        "DICE-1",
        "target: expected probabilities in [0, 1], got -1",
        {"prediction": uniform(3), "target": values([0.0, -1.0, 1.0])},
    ),
]

CASES = [*_FOCAL, *_DICE]
