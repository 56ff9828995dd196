"""Inputs for the losses of embeddings."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError, ShapeError
from nnspec_conformance.case import Case, cases, error_case, normal, uniform, values
from nnspec_conformance.cases.losses._inputs import NAN, NONE
from nnspec_conformance.cases.losses._rows import SHAPE, loss_cases

__all__ = ["CASES"]

_BATCH = normal(*SHAPE)


def _refused(operation: str, requirement: str, error: Any, words: str, inputs: Any, **options: Any) -> Case:
    (option, _), *_ = [*options.items(), ("shape", None)]
    return error_case(
        operation,
        f"bad-{option}",
        (requirement,),
        lambda backend, **given: getattr(backend, operation)(**given, **options),
        error,
        words,
        inputs=inputs,
    )


_COSINE = [
    *cases(
        "cosine_similarity",
        {
            # of one direction, opposite, at right angles, and of lengths far apart
            "special-directions": {
                "inputs": {
                    "x": values([[3.0, 4.0, 0.0], [1e-3, 2e-3, -1e-3], [1.0, 0.0, 2.0], [3e7, 1e8, -2e8]]),
                    "y": values([[6.0, 8.0, 0.0], [-7.0, -14.0, 7.0], [0.0, 5.0, 0.0], [1e-4, 0.0, 3e-4]]),
                },
                "options": NONE,
                "requires": ("COSINE_SIMILARITY-1",),
            },
            "kink-short": {
                "inputs": {
                    "x": values([[0.0, -0.0, 0.0], [3e-10, 4e-10, 0.0], [0.0, 0.0, 0.0], [1.0, 2.0, 2.0]]),
                    "y": values([[1.0, 2.0, 2.0], [0.0, 3.0, 4.0], [0.0, 0.0, 0.0], [2e-9, 0.0, 1e-9]]),
                },
                "options": NONE,
                "requires": ("COSINE_SIMILARITY-2",),
            },
            "floor": {
                "inputs": {"x": normal(4, 3, std=0.5), "y": normal(4, 3, std=0.5)},
                "options": {"eps": 0.75, "reduction": "none"},
                "requires": ("COSINE_SIMILARITY-2",),
            },
            "axis": {
                "inputs": {"x": normal(2, 3, 4), "y": normal(2, 3, 4)},
                "options": {"axis": 1},
                "requires": ("COSINE_SIMILARITY-1",),
            },
        },
    ),
    *loss_cases(
        "cosine_similarity", {"x": _BATCH, "y": _BATCH}, main="COSINE_SIMILARITY-1", weight="COSINE_SIMILARITY-3"
    ),
    *(
        _refused("cosine_similarity", requirement, ArgumentError, words, {"x": _BATCH, "y": _BATCH}, **options)
        for requirement, words, options in (
            ("COSINE_SIMILARITY-2", "eps: expected a finite number > 0, got 0", {"eps": 0}),
            ("COSINE_SIMILARITY-1", "axis: expected an integer in [-2, 2), got 2", {"axis": 2}),
        )
    ),
]

_TRIPLET = {"anchor": _BATCH, "positive": _BATCH, "negative": _BATCH}
_TRIPLETS = [
    *cases(
        "triplet_margin",
        {
            "kink-coincident": {
                "inputs": {
                    "anchor": values([[1.0, 2.0], [0.5, -1.0], [3.0, 3.0], [1.0, 0.0]]),
                    "positive": values([[1.0, 2.0], [2.5, -1.0], [3.0, 3.0], [1.0, 0.0]]),
                    "negative": values([[1.0, 2.25], [0.5, -1.0], [3.0, 3.0], [9.0, 0.0]]),
                },
                "options": NONE,
                "requires": ("TRIPLET_MARGIN-2", "TRIPLET_MARGIN-1"),
            },
            # the difference is exactly the margin, just beyond it, just short of it
            "kink-margin": {
                "inputs": {
                    "anchor": values([[0.0, 0.0]] * 4),
                    "positive": values([[3.0, 4.0], [0.0, 1.0], [0.0, 1.0], [6.0, 8.0]]),
                    "negative": values([[6.0, 0.0], [2.25, 0.0], [0.0, 1.75], [0.0, 11.0]]),
                },
                "options": NONE,
                "requires": ("TRIPLET_MARGIN-3",),
            },
            # nothing here is rounded, so that the derivative has to be exactly 0
            "kink-margin-exact": {
                "inputs": {
                    "anchor": values([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0], [0.0, 0.0]]),
                    "positive": values([[3.0, 4.0], [1.0, 0.0], [2.0, 0.0], [6.0, 8.0]]),
                    "negative": values([[6.0, 0.0], [3.0, 1.0], [2.0, -1.0], [0.0, 11.0]]),
                },
                "options": NONE,
                "requires": ("TRIPLET_MARGIN-3",),
                "exact": True,
            },
            "margin": {
                "inputs": {"anchor": normal(4, 2), "positive": normal(4, 2), "negative": normal(4, 2)},
                "options": {"margin": 2.5, "reduction": "none"},
                "requires": ("TRIPLET_MARGIN-1",),
            },
            "axis": {
                "inputs": {"anchor": normal(2, 3, 4), "positive": normal(2, 3, 4), "negative": normal(2, 3, 4)},
                "options": {"axis": 1, "margin": 0.0},
                "requires": ("TRIPLET_MARGIN-1",),
                "level": "full",
            },
            "special-nan": {
                "inputs": {
                    "anchor": values([[NAN, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]),
                    "positive": values([[1.0, 0.0], [0.0, NAN], [1.0, 0.0], [0.0, 1.0]]),
                    "negative": values([[1.0, 0.0], [0.0, 0.0], [NAN, 0.0], [0.0, 0.5]]),
                },
                "options": NONE,
                "requires": ("TRIPLET_MARGIN-5",),
                "checks": ("values", "shapes"),
            },
        },
    ),
    *loss_cases("triplet_margin", _TRIPLET, main="TRIPLET_MARGIN-1", weight="TRIPLET_MARGIN-4"),
    _refused(
        "triplet_margin",
        "TRIPLET_MARGIN-1",
        ArgumentError,
        "margin: expected a finite number >= 0, got -1.0",
        _TRIPLET,
        margin=-1.0,
    ),
    _refused(
        "triplet_margin",
        "TRIPLET_MARGIN-1",
        ShapeError,
        "positive: expected shape (5, 3) (that of anchor), got (1, 3)",
        {**_TRIPLET, "positive": normal(1, 3)},
    ),
]


def _exchanged(backend: Any, query: Any, key: Any) -> Any:
    """Both orders of the arguments, in the symmetric form and in the other."""
    return [
        backend.info_nce(*pair, temperature=0.5, symmetric=symmetric, reduction="none")
        for symmetric in (True, False)
        for pair in ((query, key), (key, query))
    ]


_PAIR = {"query": _BATCH, "key": _BATCH}
_CONTRASTS = [
    *cases(
        "info_nce",
        {
            "temperature": {
                "inputs": _PAIR,
                "options": {"temperature": 2.0, "reduction": "none"},
                "requires": ("INFO_NCE-2", "INFO_NCE-1"),
            },
            "symmetric": {"inputs": _PAIR, "program": _exchanged, "requires": ("INFO_NCE-3",)},
            "far-apart": {
                "inputs": {"query": normal(*SHAPE, std=100.0), "key": normal(*SHAPE, std=100.0)},
                "options": NONE,
                "requires": ("INFO_NCE-4",),
            },
            "one": {
                "inputs": {"query": normal(1, 3), "key": normal(1, 3)},
                "options": {"symmetric": True},
                "requires": ("INFO_NCE-4",),
                "level": "full",
            },
        },
    ),
    *loss_cases("info_nce", _PAIR, main="INFO_NCE-1", weight="INFO_NCE-5", splits=False),
    *(
        # unlike those of the default, whose temperature leaves one negative
        Case(
            operation="info_nce",
            name=f"weighted-warm-special{'-symmetric' if symmetric else ''}",
            requires=("INFO_NCE-5", "INFO_NCE-3") if symmetric else ("INFO_NCE-5",),
            inputs={
                "query": values([[0.5, 1.0], [NAN, 0.0], [1.0, -1.0], [0.25, 0.5]]),
                "key": values([[1.0, 0.5], [0.0, NAN], [0.5, 0.5], [-1.0, 2.0]]),
                "sample_weight": values([1.0, 0.0, 0.5, 3.0]),
            },
            options={"temperature": 1.5, "symmetric": symmetric},
            differentiate=("query", "key"),
        )
        for symmetric in (False, True)
    ),
    *(
        _refused("info_nce", requirement, ArgumentError, words, _PAIR, **options)
        for requirement, words, options in (
            ("INFO_NCE-2", "temperature: expected a finite number > 0, got 0.0", {"temperature": 0.0}),
            ("INFO_NCE-3", "symmetric: expected True or False, got 1", {"symmetric": 1}),
        )
    ),
    _refused(
        "info_nce",
        "INFO_NCE-1",
        ShapeError,
        "query: expected shape (batch, features), got (2, 5, 3)",
        {"query": uniform(2, 5, 3), "key": uniform(2, 5, 3)},
    ),
]

CASES = [*_COSINE, *_TRIPLETS, *_CONTRASTS]
