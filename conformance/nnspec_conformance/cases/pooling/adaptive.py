"""Inputs for windows that adapt to the input."""

from __future__ import annotations

import math
from typing import Any

from nnspec_conformance.case import Case, cases, normal, values
from nnspec_conformance.cases.pooling._common import FORWARD, few, layouts, not_images, rejected

__all__ = ["CASES"]

_INF, _NAN = math.inf, math.nan
#: 11 -> 4 overlaps, in windows of two lengths; 3 -> 5 repeats
_PLANE = normal(2, 3, 11, 3)
_BOTH: dict[str, Any] = {"output_size": (4, 5)}
_LINE = normal(2, 3, 7)
_SPECIAL = values(
    [
        [
            [_NAN, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            [1.0, 2.0, _INF, 0.0, -1.0, -_INF, 3.0],
            [1.0, 2.0, 3.0, _NAN, _NAN, _INF, -_INF],
        ]
    ]
)
_OVERLAP: dict[str, Any] = {"output_size": 5}


def _avg_channels_last(backend: Any, x: Any) -> Any:
    """Of images stored with their channels last; the cotangent comes in that layout too."""
    xp = backend.xp
    return xp.permute_dims(
        backend.adaptive_avg_pool(xp.permute_dims(x, (0, 3, 1, 2)), output_size=(3, 4)), (0, 2, 3, 1)
    )


def _max_channels_last(backend: Any, x: Any) -> Any:
    """Of images stored with their channels last; the cotangent comes in that layout too."""
    xp = backend.xp
    return xp.permute_dims(
        backend.adaptive_max_pool(xp.permute_dims(x, (0, 3, 1, 2)), output_size=(3, 4)), (0, 2, 3, 1)
    )


_AVG = cases(
    "adaptive_avg_pool",
    {
        "plane": {
            "inputs": {"x": _PLANE},
            "options": _BOTH,
            "requires": ("ADAPTIVE_AVG_POOL-1", "ADAPTIVE_AVG_POOL-3", "ADAPTIVE_AVG_POOL-4"),
        },
        "large-mean": {
            "inputs": {"x": normal(2, 3, 11, 3, mean=1e3)},
            "options": _BOTH,
            "requires": ("ADAPTIVE_AVG_POOL-2",),
        },
        "line": {
            "inputs": {"x": _LINE},
            "options": _OVERLAP,
            "requires": ("ADAPTIVE_AVG_POOL-1", "ADAPTIVE_AVG_POOL-2"),
        },
        "special": {
            "inputs": {"x": _SPECIAL},
            "options": _OVERLAP,
            "requires": ("ADAPTIVE_AVG_POOL-5",),
            "checks": FORWARD,
        },
    },
)

_MAX = cases(
    "adaptive_max_pool",
    {
        "plane": {
            "inputs": {"x": _PLANE},
            "options": _BOTH,
            "requires": ("ADAPTIVE_MAX_POOL-1", "ADAPTIVE_MAX_POOL-4", "ADAPTIVE_MAX_POOL-5"),
        },
        "negative": {
            "inputs": {"x": normal(2, 3, 11, 3, mean=-1e3)},
            "options": _BOTH,
            "requires": ("ADAPTIVE_MAX_POOL-1",),
        },
        "line": {"inputs": {"x": _LINE}, "options": _OVERLAP, "requires": ("ADAPTIVE_MAX_POOL-1",)},
        # an entry lies in at most two windows: the sum of their gradients is the same in either order
        "tie-line": {
            "inputs": {"x": few(2, 3, 7)},
            "options": _OVERLAP,
            "requires": ("ADAPTIVE_MAX_POOL-2", "ADAPTIVE_MAX_POOL-4"),
        },
        "tie": {
            "inputs": {"x": few(2, 3, 6, 4)},
            "options": {"output_size": (2, 2)},
            "requires": ("ADAPTIVE_MAX_POOL-2",),
        },
        "tie-bottom": {
            "inputs": {"x": few(2, 3, 6, 4, entries=(-_INF, -_INF, -_INF, -1.0))},
            "options": {"output_size": (2, 2)},
            "requires": ("ADAPTIVE_MAX_POOL-2",),
        },
        "special-nan": {
            "inputs": {"x": _SPECIAL},
            "options": _OVERLAP,
            "requires": ("ADAPTIVE_MAX_POOL-3",),
            "checks": FORWARD,
        },
    },
)


def _sizes(operation: str, windows: str, axes: str, program: Any) -> list[Case]:
    """Ratios that divide or not, on one to three axes, and layouts."""

    def of(*shape: int, output_size: Any, requirement: str = windows) -> dict[str, Any]:
        return {
            "inputs": {"x": normal(*shape)},
            "options": {"output_size": output_size},
            "requires": (requirement,),
        }

    return cases(
        operation,
        {
            "divides": of(2, 3, 8, 6, output_size=(4, 2)),
            "one": {**of(2, 3, 7, 5, output_size=1), "level": "quick"},
            "same": of(2, 3, 7, 5, output_size=(7, 5)),
            "prime": of(2, 3, 17, output_size=4),
            "up": of(2, 3, 3, output_size=7),
            "doubled": of(2, 3, 4, output_size=8),
            "spread": of(2, 3, 1, 2, output_size=(3, 5)),
            "down-and-up": of(2, 3, 9, 2, output_size=(4, 3), requirement=axes),
            "volume": of(2, 2, 5, 3, 7, output_size=(2, 4, 3), requirement=axes),
            "volume-one-size": of(2, 2, 5, 3, 7, output_size=2, requirement=axes),
            "long": of(1, 2, 4099, output_size=3),
            "channels-last": {
                "inputs": {"x": normal(2, 7, 5, 3)},
                "program": program,
                "requires": (axes,),
            },
            **layouts((windows, axes), {"output_size": (3, 4)}),
        },
        level="full",
    )


_FULL = [
    *_sizes("adaptive_avg_pool", "ADAPTIVE_AVG_POOL-1", "ADAPTIVE_AVG_POOL-4", _avg_channels_last),
    *_sizes("adaptive_max_pool", "ADAPTIVE_MAX_POOL-1", "ADAPTIVE_MAX_POOL-5", _max_channels_last),
    *cases(
        "adaptive_max_pool",
        {
            "tie-volume": {"inputs": {"x": few(1, 2, 4, 6, 2)}, "options": {"output_size": (2, 3, 1)}},
            "tie-one": {"inputs": {"x": few(2, 3, 5, 7)}, "options": {"output_size": 1}},
            "tie-zeros": {"inputs": {"x": few(2, 3, 6, 4, entries=(0.0, -0.0))}, "options": {"output_size": 2}},
        },
        requires=("ADAPTIVE_MAX_POOL-2",),
        level="full",
    ),
    *cases(
        "adaptive_max_pool",
        {
            "special-nan-plane": {
                "inputs": {"x": few(2, 3, 6, 5, entries=(_NAN, 1.0, 2.0, -_INF, _INF, 0.0))},
                "options": {"output_size": (4, 3)},
                "requires": ("ADAPTIVE_MAX_POOL-3",),
            },
        },
        checks=FORWARD,
        level="full",
    ),
]


def _errors(operation: str, requirement: str) -> list[Case]:
    counts = "output_size: expected an integer >= 1, or 1 of them, got"
    bad = {"zero": 0, "negative": -2, "type": 2.0, "none": None, "axes": (2, 2), "flag": True}
    return [
        *not_images(operation, requirement, output_size=2),
        *(
            rejected(operation, f"size-{name}", requirement, f"{counts} {value!r}", output_size=value)
            for name, value in bad.items()
        ),
    ]


CASES: list[Case] = [
    *_AVG,
    *_MAX,
    *_FULL,
    *_errors("adaptive_avg_pool", "ADAPTIVE_AVG_POOL-4"),
    *_errors("adaptive_max_pool", "ADAPTIVE_MAX_POOL-5"),
]
