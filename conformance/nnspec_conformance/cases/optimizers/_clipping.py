"""Inputs for gradient clipping."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError, DTypeError
from nnspec_conformance.case import cases, error_case, integers, normal, only_calls, values
from nnspec_conformance.cases.optimizers._steps import INF, NAN, STEP

__all__ = ["CASES"]


def _tree(operation: str, **options: Any) -> dict[str, Any]:
    @only_calls
    def program(backend: Any, a: Any, b: Any) -> Any:
        return getattr(backend, operation)({"layer": [a], "b": b}, **options)

    return {"program": program, "options": options}


_CLIP = [
    *cases(
        "clip_by_value",
        {
            "limit-kink": {
                "inputs": {
                    "a": values([[0.5, -0.5, 0.50000006], [-0.50000006, 0.49999997, -0.0]]),
                    "b": values([INF, -INF, 3.0, -7.0]),
                },
                **_tree("clip_by_value", max_value=0.5),
                "requires": ("CLIP_BY_VALUE-1",),
            },
            "nan-special": {
                "inputs": {"a": values([[NAN, 3.0]]), "b": values([0.5, NAN])},
                **_tree("clip_by_value", max_value=1.0),
                "requires": ("CLIP_BY_VALUE-2",),
            },
            "inexact-limit": {
                "inputs": {"a": normal(3, 5), "b": normal(7)},
                **_tree("clip_by_value", max_value=0.1),
                "requires": ("CLIP_BY_VALUE-1",),
                "level": "full",
            },
            "default": {
                "inputs": {"a": normal(3, 5, std=2.0), "b": normal()},
                **_tree("clip_by_value"),
                "requires": ("CLIP_BY_VALUE-1",),
            },
        },
        checks=STEP,
    ),
    *cases(
        "clip_by_norm",
        {
            # at the limit, and zeros; no rounding shows
            "within-special": {
                "inputs": {"a": values([[-3.0, 4.0]]), "b": values([0.0, -0.0])},
                **_tree("clip_by_norm", max_norm=5.0),
                "exact": True,
                "requires": ("CLIP_BY_NORM-2",),
            },
            "below-special": {
                "inputs": {"a": values([[-3.0, 3.75]]), "b": values([0.1, 0.7, -0.3])},
                **_tree("clip_by_norm", max_norm=5.0),
                "exact": True,
                "requires": ("CLIP_BY_NORM-2",),
            },
            "zeros-special": {
                "inputs": {"a": values([[0.0, -0.0]]), "b": values([0.0])},
                **_tree("clip_by_norm", max_norm=1e-3),
                "exact": True,
                "requires": ("CLIP_BY_NORM-2",),
                "level": "full",
            },
            # one array is above the limit and one below it
            "above": {
                "inputs": {"a": normal(3, 4, std=0.1), "b": normal(5, std=1e-3)},
                **_tree("clip_by_norm", max_norm=1e-2),
                "requires": ("CLIP_BY_NORM-1",),
            },
            "both-above": {
                "inputs": {"a": normal(3, 4, std=30.0), "b": normal(5)},
                **_tree("clip_by_norm"),
                "requires": ("CLIP_BY_NORM-1",),
            },
            "infinite-special": {
                "inputs": {"a": values([[INF, 1.0]]), "b": values([NAN, 30.0])},
                **_tree("clip_by_norm", max_norm=1.0),
                "exact": True,
                "requires": ("CLIP_BY_NORM-3",),
            },
        },
        checks=STEP,
    ),
    *cases(
        "clip_by_global_norm",
        {
            "within-special": {
                "inputs": {"a": values([[-3.0, 0.0]]), "b": values([4.0, -0.0])},
                **_tree("clip_by_global_norm", max_norm=5.0),
                "exact": True,
                "requires": ("CLIP_BY_GLOBAL_NORM-2",),
            },
            "zeros-special": {
                "inputs": {"a": values([[0.0, -0.0]]), "b": values([0.0])},
                **_tree("clip_by_global_norm", max_norm=1e-3),
                "exact": True,
                "requires": ("CLIP_BY_GLOBAL_NORM-2",),
                "level": "full",
            },
            # 1e-6 beside the norm, or one norm an array, would show
            "above": {
                "inputs": {"a": normal(3, 4, std=1e-2), "b": normal(5, std=1e-3)},
                **_tree("clip_by_global_norm", max_norm=1e-3),
                "requires": ("CLIP_BY_GLOBAL_NORM-1",),
            },
            "default": {
                "inputs": {"a": normal(3, 4, std=30.0), "b": normal(5)},
                **_tree("clip_by_global_norm"),
                "requires": ("CLIP_BY_GLOBAL_NORM-1",),
            },
            "infinite-special": {
                "inputs": {"a": values([[INF, 1.0]]), "b": values([0.5, 30.0])},
                **_tree("clip_by_global_norm", max_norm=1.0),
                "exact": True,
                "requires": ("CLIP_BY_GLOBAL_NORM-3",),
            },
            "nan-special": {
                "inputs": {"a": values([[NAN, 1.0]]), "b": values([-INF, 30.0])},
                **_tree("clip_by_global_norm", max_norm=1.0),
                "exact": True,
                "requires": ("CLIP_BY_GLOBAL_NORM-3",),
                "level": "full",
            },
        },
        checks=STEP,
    ),
    *(
        error_case(
            operation,
            name,
            (f"{operation.upper()}-1",),
            lambda backend, operation=operation, bad=bad, **given: getattr(backend, operation)(given, **bad),
            error,
            words,
            inputs=inputs,
        )
        for operation, limit in (
            ("clip_by_value", "max_value"),
            ("clip_by_norm", "max_norm"),
            ("clip_by_global_norm", "max_norm"),
        )
        for name, inputs, bad, error, words in (
            (
                "limit",
                {"g": normal(3)},
                {limit: 0.0},
                ArgumentError,
                f"{limit}: expected a finite number > 0, got 0.0",
            ),
            (
                "limit-nan",
                {"g": normal(3)},
                {limit: NAN},
                ArgumentError,
                f"{limit}: expected a finite number > 0, got nan",
            ),
            ("integers", {"g": integers(3, high=4)}, {}, DTypeError, "grads['g']: expected a floating array"),
            ("nothing", {}, {}, ArgumentError, "grads: expected a pytree of at least one array, got {}"),
        )
    ),
]

CASES = _CLIP
