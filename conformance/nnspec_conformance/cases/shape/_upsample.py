"""Inputs for `upsample`."""

from __future__ import annotations

import math

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, cases, integers, normal, values
from nnspec_conformance.cases.shape._common import refused

__all__ = ["CASES"]


def _about(mode: str, size: tuple[int, ...], target: tuple[int, ...]) -> tuple[str, ...]:
    """What a resampling is evidence for."""
    found = ("UPSAMPLE-2",) if mode == "nearest" else ("UPSAMPLE-3", "UPSAMPLE-4")
    shrinks = any(m < n for n, m in zip(size, target, strict=True))
    return (*found, "UPSAMPLE-1", "UPSAMPLE-5", *(("UPSAMPLE-6",) if shrinks else ()))


CASES: list[Case] = [
    *cases(
        "upsample",
        {
            # 7 to 5 reads no two places alike; of 14 to 23 places in float32 miss an entry, as some lie between two;
            # of two axes alone a wrong sign of the derivative would occur twice
            "nearest": {
                "inputs": {"x": normal(2, 2, 7, 14, 4)},
                "options": {"size": (5, 23, 2)},
                "requires": ("UPSAMPLE-2", "UPSAMPLE-1", "UPSAMPLE-5", "UPSAMPLE-6"),
                "exact": True,
            },
            "linear": {
                "inputs": {"x": normal(2, 3, 4, 7)},
                "options": {"size": (9, 5), "mode": "linear"},
                "requires": ("UPSAMPLE-1", "UPSAMPLE-4", "UPSAMPLE-5", "UPSAMPLE-6"),
            },
            # a wide axis shows places computed in float32
            "places": {
                "inputs": {"x": normal(2, 65)},
                "requires": ("UPSAMPLE-3",),
                "program": lambda backend, x: backend.upsample(x[None], size=97, mode="linear"),
            },
        },
    ),
    *cases(
        "upsample",
        {
            **{
                f"{mode}-{'-'.join(map(str, sizes))}-to-{'-'.join(map(str, target))}": {
                    "inputs": {"x": normal(2, 3, *sizes)},
                    "options": {"size": target, "mode": mode},
                    "requires": _about(mode, sizes, target),
                    "exact": mode == "nearest",
                    # sizes whose places native kernels find too, and the smallest
                    "level": "quick" if target in ((6, 8), (1,)) else "full",
                }
                for mode in ("nearest", "linear")
                for sizes, target in (
                    ((1,), (4,)),
                    ((5,), (1,)),
                    ((4,), (2,)),
                    ((4,), (12,)),
                    ((6,), (2,)),
                    ((33,), (64,)),
                    ((3, 4), (6, 8)),
                    ((6, 4), (3, 4)),
                    ((4, 6), (6, 9)),
                    ((2, 3, 4), (4, 3, 2)),
                    ((3, 2, 5), (7, 4, 3)),
                    ((2, 1, 3), (3, 2, 5)),
                )
            },
            "tie": {
                "inputs": {"x": values([[[float(i) for i in range(24)]]])},
                "options": {"size": 12},
                "requires": ("UPSAMPLE-2",),
                "exact": True,
            },
            "special": {
                "inputs": {"x": values([[[math.nan, 1.0, -math.inf, 2.0, math.inf, -0.0, 1e-45]]])},
                "options": {"size": 10},
                "requires": ("UPSAMPLE-2",),
                "exact": True,
            },
            **{
                f"same-size-{mode}": {
                    "inputs": {"x": normal(2, 3, 4, 5, mean=1e3)},
                    "options": {"size": (4, 5), "mode": mode},
                    "requires": ("UPSAMPLE-7",),
                    "exact": True,
                }
                for mode in ("nearest", "linear")
            },
            "one-axis": {
                "inputs": {"x": normal(2, 3, 4, 5)},
                "options": {"size": (4, 8), "mode": "linear"},
                "requires": ("UPSAMPLE-5", "UPSAMPLE-7"),
            },
            "integer": {
                "inputs": {"x": normal(2, 3, 4, 5)},
                "options": {"size": 7, "mode": "linear"},
                "requires": ("UPSAMPLE-5",),
            },
            # a mean over the entries passed would hide the one that is read
            "shrinking": {
                "inputs": {"x": normal(1, 2, 40, std=30.0)},
                "options": {"size": 8, "mode": "linear"},
                "requires": ("UPSAMPLE-6",),
                "exact": True,
            },
            "large-mean": {
                "inputs": {"x": normal(2, 3, 4, 7, mean=1e3)},
                "options": {"size": (9, 5), "mode": "linear"},
                "requires": ("UPSAMPLE-4", "UPSAMPLE-3"),
            },
            "huge": {
                "inputs": {"x": normal(2, 3, 4, 7, std=1e18)},
                "options": {"size": (9, 5), "mode": "linear"},
                "requires": ("UPSAMPLE-3",),
            },
            **{
                f"empty-{mode}": {
                    "inputs": {"x": normal(0, 3, 4, 5)},
                    "options": {"size": (8, 10), "mode": mode},
                    "requires": ("UPSAMPLE-5",),
                }
                for mode in ("nearest", "linear")
            },
            **{
                f"transposed-{mode}": {
                    "inputs": {"x": normal(2, 3, 4, 4).laid_out("transposed")},
                    "options": {"size": (8, 6), "mode": mode},
                    "requires": ("UPSAMPLE-5",),
                }
                for mode in ("nearest", "linear")
            },
        },
        level="full",
    ),
    *(
        refused("upsample", name, number, error, words, normal(2, 3, 4), options)
        for name, number, error, words, options in (
            ("size", 5, ArgumentError, "size: expected an integer >= 1, or 1 of them, got 0", {"size": 0}),
            (
                "size-axes",
                5,
                ArgumentError,
                "size: expected an integer >= 1, or 1 of them, got (4, 4)",
                {"size": (4, 4)},
            ),
            ("size-type", 5, ArgumentError, "size: expected an integer >= 1", {"size": 2.0}),
            (
                "mode",
                3,
                ArgumentError,
                "mode: expected one of 'nearest', 'linear', got 'bilinear'",
                {"size": 4, "mode": "bilinear"},
            ),
        )
    ),
    refused("upsample", "rank", 5, ShapeError, "x: expected 3 to 5 axes", normal(3, 4), {"size": 2}),
    refused("upsample", "no-entry", 5, ShapeError, "x: expected channel", normal(2, 3, 0), {"size": 2}),
    refused("upsample", "integer-x", 5, DTypeError, "x: expected a floating", integers(2, 3, 4, high=5), {"size": 2}),
]
