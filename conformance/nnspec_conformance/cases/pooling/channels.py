"""Inputs for pooling of whole channels."""

from __future__ import annotations

import math
from typing import Any

from nnspec_conformance.case import Case, cases, normal, values
from nnspec_conformance.cases.pooling._common import FORWARD, few, layouts, not_images, rejected

__all__ = ["CASES"]

_INF, _NAN = math.inf, math.nan
_PLANE = normal(2, 3, 7, 5)
_KEEP = {"keepdims": True}


def _avg_channels_last(backend: Any, x: Any) -> Any:
    """Of images stored with their channels last."""
    return backend.global_avg_pool(backend.xp.permute_dims(x, (0, 3, 1, 2)))


def _max_channels_last(backend: Any, x: Any) -> Any:
    """Of images stored with their channels last: the order of positions is that of the axes, not of memory."""
    return backend.global_max_pool(backend.xp.permute_dims(x, (0, 3, 2, 1)))


def _shapes(operation: str, all_of_it: str, axes: str) -> list[Case]:
    """One to three spatial axes, one position, and layouts."""

    def of(*shape: int, mean: float = 0.0) -> dict[str, Any]:
        return {"inputs": {"x": normal(*shape, mean=mean)}, "requires": (all_of_it, axes)}

    return cases(
        operation,
        {
            "line": of(2, 3, 17),
            "volume": of(2, 2, 3, 5, 2),
            "one-position": of(2, 3, 1, 1),
            "long": of(1, 2, 4099),
            "larger-mean": of(2, 3, 33, mean=1e4),
            "line-kept": {**of(2, 3, 17), "options": _KEEP},
            "plane-dropped": {**of(2, 3, 4, 5), "options": {"keepdims": False}},
            **layouts((all_of_it,), {}),
        },
        level="full",
    )


_AVG = cases(
    "global_avg_pool",
    {
        "plane": {"inputs": {"x": _PLANE}},
        "large-mean": {"inputs": {"x": normal(2, 3, 7, 5, mean=1e3)}},
        "kept": {"inputs": {"x": normal(2, 3, 2, 4, 3)}, "options": _KEEP},
        "channels-last": {"inputs": {"x": normal(2, 7, 5, 3)}, "program": _avg_channels_last, "level": "full"},
    },
    requires=("GLOBAL_AVG_POOL-1", "GLOBAL_AVG_POOL-2"),
)

_TIES: tuple[str, ...] = ("GLOBAL_MAX_POOL-2",)
_MAX = cases(
    "global_max_pool",
    {
        "plane": {"inputs": {"x": _PLANE}, "requires": ("GLOBAL_MAX_POOL-1", "GLOBAL_MAX_POOL-4")},
        "negative": {"inputs": {"x": normal(2, 3, 7, 5, mean=-1e3)}, "requires": ("GLOBAL_MAX_POOL-1",)},
        "tie": {"inputs": {"x": few(2, 3, 7, 5)}, "requires": _TIES},
        "tie-bottom": {"inputs": {"x": values([[[[-_INF] * 5] * 7] * 3] * 2)}, "requires": _TIES},
        "kept": {
            "inputs": {"x": normal(2, 3, 2, 4, 3)},
            "options": _KEEP,
            "requires": ("GLOBAL_MAX_POOL-4",),
        },
        "special-nan": {
            "inputs": {"x": values([[[_NAN, 1.0, 2.0], [1.0, _NAN, _INF], [-_INF, 1.0, _NAN], [1.0, 2.0, 3.0]]])},
            "requires": ("GLOBAL_MAX_POOL-3",),
            "checks": FORWARD,
        },
    },
)

_MAX_FULL = cases(
    "global_max_pool",
    {
        "tie-line": {"inputs": {"x": few(2, 3, 17)}},
        "tie-volume": {"inputs": {"x": few(2, 3, 3, 2, 5)}, "options": _KEEP},
        "tie-long": {"inputs": {"x": few(2, 2, 1025)}},
        "tie-zeros": {"inputs": {"x": few(2, 3, 33, entries=(0.0, -0.0))}},
        "tie-strided": {"inputs": {"x": few(2, 3, 7, 5).laid_out("strided")}},
        "tie-transposed": {"inputs": {"x": few(2, 3, 6, 6).laid_out("transposed")}},
        "tie-channels-last": {"inputs": {"x": few(2, 7, 5, 3)}, "program": _max_channels_last},
    },
    requires=_TIES,
    level="full",
)


def _errors(operation: str, requirement: str) -> list[Case]:
    flag = "keepdims: expected True or False, got"
    return [
        *not_images(operation, requirement),
        rejected(operation, "flag", requirement, f"{flag} 1", keepdims=1),
        rejected(operation, "flag-none", requirement, f"{flag} None", keepdims=None),
    ]


CASES: list[Case] = [
    *_AVG,
    *_shapes("global_avg_pool", "GLOBAL_AVG_POOL-1", "GLOBAL_AVG_POOL-2"),
    *_MAX,
    *_shapes("global_max_pool", "GLOBAL_MAX_POOL-1", "GLOBAL_MAX_POOL-4"),
    *_MAX_FULL,
    *_errors("global_avg_pool", "GLOBAL_AVG_POOL-2"),
    *_errors("global_max_pool", "GLOBAL_MAX_POOL-4"),
]
