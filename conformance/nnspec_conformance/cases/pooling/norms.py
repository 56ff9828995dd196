"""Inputs for norms over sliding windows."""

from __future__ import annotations

import math
from typing import Any

from nnspec.errors import ShapeError
from nnspec_conformance.case import Case, cases, normal, values
from nnspec_conformance.cases.pooling._common import FORWARD, few, layouts, not_images, rejected

__all__ = ["CASES"]

_INF, _NAN = math.inf, math.nan
_PLANE = normal(2, 3, 7, 5)
#: 7 x 5 leaves a row and a column over
_SQUARES: dict[str, Any] = {"kernel_size": (3, 2)}
_CUBES: dict[str, Any] = {"kernel_size": (2, 3), "stride": (3, 1), "p": 3.0}
_MAGNITUDES: dict[str, Any] = {"kernel_size": 2, "stride": (1, 2), "p": 1.0}
#: some windows are all zeros, others have zeros in them
_HOLES = few(2, 3, 7, 5, entries=(0.0, 0.0, 0.0, 0.0, -0.0, 1.5, -2.0))
_NANS = values([[[[_NAN, 1.0], [2.0, 3.0]], [[_INF, 1.0], [-_INF, 3.0]], [[-1.0, 0.0], [0.0, _NAN]]]])

_QUICK = cases(
    "lp_pool",
    {
        "squares": {"inputs": {"x": _PLANE}, "options": _SQUARES, "requires": ("LP_POOL-1", "LP_POOL-4")},
        "large": {
            "inputs": {"x": normal(2, 3, 7, 5, mean=1e3, std=30.0)},
            "options": _SQUARES,
            "requires": ("LP_POOL-1",),
        },
        "kink": {"inputs": {"x": _HOLES}, "options": _SQUARES, "requires": ("LP_POOL-3",)},
        "cubes": {
            "inputs": {"x": _PLANE},
            "options": _CUBES,
            "requires": ("LP_POOL-2", "LP_POOL-1", "LP_POOL-5"),
        },
        "kink-cubes": {"inputs": {"x": _HOLES}, "options": _CUBES, "requires": ("LP_POOL-3",)},
        "magnitudes": {"inputs": {"x": _PLANE}, "options": _MAGNITUDES, "requires": ("LP_POOL-2", "LP_POOL-5")},
        "kink-magnitudes": {"inputs": {"x": _HOLES}, "options": _MAGNITUDES, "requires": ("LP_POOL-3",)},
        "special-nan": {
            "inputs": {"x": _NANS},
            "options": {"kernel_size": 2},
            "requires": ("LP_POOL-6",),
            "checks": FORWARD,
        },
    },
)

_FULL = cases(
    "lp_pool",
    {
        "fraction": {
            "inputs": {"x": _PLANE},
            "options": {"kernel_size": 2, "p": 2.5},
            "requires": ("LP_POOL-1", "LP_POOL-2"),
        },
        "kink-fraction": {
            "inputs": {"x": _HOLES},
            "options": {"kernel_size": 2, "p": 2.5},
            "requires": ("LP_POOL-3",),
        },
        "nearly-one": {
            "inputs": {"x": _PLANE},
            "options": {"kernel_size": 3, "p": 1.25},
            "requires": ("LP_POOL-1",),
        },
        "high": {
            "inputs": {"x": normal(2, 3, 7, 5, mean=2.0)},
            "options": {"kernel_size": 3, "stride": 1, "p": 12},
            "requires": ("LP_POOL-1",),
        },
        "special-nan-cubes": {
            "inputs": {"x": _NANS},
            "options": {"kernel_size": 2, "p": 3.0},
            "requires": ("LP_POOL-6",),
            "checks": FORWARD,
        },
        "line": {
            "inputs": {"x": normal(2, 3, 11)},
            "options": {"kernel_size": 4, "stride": 3},
            "requires": ("LP_POOL-5",),
        },
        "volume": {
            "inputs": {"x": normal(2, 2, 4, 6, 5)},
            "options": {"kernel_size": (2, 3, 1), "stride": (1, 2, 3), "p": 3},
            "requires": ("LP_POOL-5",),
        },
        "one-tap": {"inputs": {"x": _PLANE}, "options": {"kernel_size": 1}, "requires": ("LP_POOL-1",)},
        "whole": {"inputs": {"x": _PLANE}, "options": {"kernel_size": (7, 5)}, "requires": ("LP_POOL-1",)},
        "small": {
            "inputs": {"x": normal(2, 3, 7, 5, std=1e-3)},
            "options": _CUBES,
            "requires": ("LP_POOL-1",),
        },
        **layouts(("LP_POOL-1", "LP_POOL-4"), _SQUARES),
    },
    level="full",
)

_ERRORS = [
    *not_images("lp_pool", "LP_POOL-5", kernel_size=2),
    rejected("lp_pool", "kernel", "LP_POOL-5", "kernel_size: expected an integer >= 1", "got 0", kernel_size=0),
    rejected(
        "lp_pool",
        "kernel-beyond",
        "LP_POOL-5",
        "x: expected spatial axes of at least (6,) after padding",
        kernel_size=6,
        error=ShapeError,
    ),
    rejected("lp_pool", "stride", "LP_POOL-4", "stride: expected an integer >= 1", kernel_size=2, stride=0),
    rejected("lp_pool", "p-low", "LP_POOL-1", "p: expected a finite number >= 1, got 0.5", kernel_size=2, p=0.5),
    rejected("lp_pool", "p-infinite", "LP_POOL-1", "p: expected a finite number >= 1, got inf", kernel_size=2, p=_INF),
    rejected("lp_pool", "p-nan", "LP_POOL-1", "p: expected a finite number >= 1, got nan", kernel_size=2, p=_NAN),
]

CASES: list[Case] = [*_QUICK, *_FULL, *_ERRORS]
