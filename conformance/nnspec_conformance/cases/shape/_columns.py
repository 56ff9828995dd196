"""Inputs for `unfold` and `fold`."""

from __future__ import annotations

import math
from typing import Any

from nnspec._windows import resolve
from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, Source, cases, integers, normal, values
from nnspec_conformance.cases.shape._common import refused

__all__ = ["CASES"]

_WINDOWS = {"kernel_size": (3, 2), "stride": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (1, 2)}
_APART = {"kernel_size": (2, 3), "stride": (3, 4), "padding": ((1, 0), (0, 2))}


def _whole(*shape: int) -> Source:
    """Small whole numbers, of which sums of products are exact."""
    return Source(lambda generator: generator.integers(-8, 9, shape).astype(float), floating=True)


def _adjoint(backend: Any, u: Any, v: Any) -> Any:
    """Both inner products, and their difference, which is 0."""
    there = backend.xp.sum(backend.unfold(u, **_WINDOWS) * v)
    back = backend.xp.sum(u * backend.fold(v, output_size=(6, 5), **_WINDOWS))
    return [there, back, there - back]


def _as_conv(backend: Any, x: Any, weight: Any) -> Any:
    """A convolution by its columns, and beside it."""
    xp = backend.xp
    rows = xp.reshape(weight, (weight.shape[0], -1))
    y = backend.conv(x, weight, **{name: value for name, value in _WINDOWS.items() if name != "kernel_size"})
    return [y, xp.reshape(xp.matmul(rows, backend.unfold(x, **_WINDOWS)), y.shape)]


_GRID: tuple[tuple[str, tuple[int, ...], dict[str, Any]], ...] = (
    ("line", (7,), {"kernel_size": 3, "stride": 2, "padding": ((2, 0),)}),
    ("line-dilated", (7,), {"kernel_size": 2, "dilation": 3, "padding": 1}),
    ("line-same", (8,), {"kernel_size": 3, "stride": 2, "padding": "same"}),
    ("plane-plain", (6, 5), {"kernel_size": (2, 3)}),
    ("plane-square", (5, 5), {"kernel_size": 2, "padding": 1}),
    ("plane-unread", (9, 8), {"kernel_size": 2, "stride": (4, 5)}),
    ("plane-same", (6, 5), {"kernel_size": (2, 3), "padding": "same"}),
    ("volume", (3, 4, 5), {"kernel_size": (2, 3, 2), "stride": (1, 1, 2), "padding": (1, 0, 0)}),
    ("one", (1,), {"kernel_size": 1}),
)


def _grid() -> list[Case]:
    """unfold and fold of lines, planes and volumes."""
    made = []
    for name, size, options in _GRID:
        given = {"stride": 1, **options}
        w = resolve(size, given.pop("kernel_size"), **given)
        taps, count = math.prod(w.kernel), math.prod(w.out)
        level = "quick" if name == "plane-plain" else "full"
        made += cases(
            "unfold",
            {name: {"inputs": {"x": normal(2, 3, *size)}, "options": options}},
            requires=("UNFOLD-3", "UNFOLD-2"),
            level=level,
        )
        made += cases(
            "fold",
            {
                name: {
                    "inputs": {"x": normal(2, 3 * taps, count)},
                    "options": {"output_size": size, **options},
                    "requires": ("FOLD-1", "FOLD-2"),
                }
            },
            level=level,
        )
    return made


_UNFOLD = [
    *cases(
        "unfold",
        {
            "plane": {
                "inputs": {"x": normal(2, 3, 6, 5)},
                "options": _WINDOWS,
                "requires": ("UNFOLD-2", "UNFOLD-3"),
            },
            "conv": {
                "inputs": {"x": _whole(2, 3, 6, 5), "weight": _whole(4, 3, 3, 2)},
                "requires": ("UNFOLD-1",),
                "program": _as_conv,
            },
        },
    ),
    *cases(
        "unfold",
        {
            "special": {
                "inputs": {"x": values([[[[math.nan, 1.0, -0.0], [-math.inf, 2.0, 1e-45]]]])},
                "options": {"kernel_size": 2, "padding": 1},
                "requires": ("UNFOLD-3",),
                "checks": ("values", "shapes", "compiled", "purity", "repeat"),
            },
            "empty": {"inputs": {"x": normal(0, 3, 6, 5)}, "options": _WINDOWS, "requires": ("UNFOLD-2",)},
            "transposed": {
                "inputs": {"x": normal(2, 3, 5, 5).laid_out("transposed")},
                "options": _WINDOWS,
                "requires": ("UNFOLD-2",),
            },
            "strided": {
                "inputs": {"x": normal(2, 3, 6, 5).laid_out("strided")},
                "options": _WINDOWS,
                "requires": ("UNFOLD-2",),
            },
        },
        level="full",
    ),
    *(
        refused("unfold", name, number, error, words, normal(2, 3, 5), options)
        for name, number, error, words, options in (
            ("kernel", 3, ShapeError, "x: expected spatial axes of at least (6,) after padding", {"kernel_size": 6}),
            ("kernel-size", 3, ArgumentError, "kernel_size: expected an integer >= 1", {"kernel_size": 0}),
            ("stride", 3, ArgumentError, "stride: expected an integer >= 1", {"kernel_size": 2, "stride": 0}),
            ("padding", 3, ArgumentError, "padding: expected one of", {"kernel_size": 2, "padding": "full"}),
        )
    ),
    refused("unfold", "rank", 3, ShapeError, "x: expected 3 to 5 axes", normal(3, 4), {"kernel_size": 2}),
]

_FOLD = [
    *cases(
        "fold",
        {
            "plane": {
                "inputs": {"x": normal(2, 18, 15)},
                "options": {"output_size": (6, 5), **_WINDOWS},
                "requires": ("FOLD-2", "FOLD-1"),
            },
            "adjoint": {
                "inputs": {"u": normal(2, 3, 6, 5), "v": normal(2, 18, 15)},
                "requires": ("FOLD-1",),
                "program": _adjoint,
            },
            "apart": {
                "inputs": {"x": normal(2, 18, 4, mean=1e3)},
                "options": {"output_size": (5, 6), **_APART},
                "requires": ("FOLD-3",),
                "exact": True,
            },
        },
    ),
    *cases(
        "fold",
        {
            "special": {
                "inputs": {"x": values([[[math.nan, 1.0], [-math.inf, math.inf]]])},
                "options": {"output_size": (4,), "kernel_size": 2, "stride": 2},
                "requires": ("FOLD-3",),
                "exact": True,
                "level": "quick",
            },
            "large-mean": {
                "inputs": {"x": normal(2, 18, 15, mean=1e3)},
                "options": {"output_size": (6, 5), **_WINDOWS},
                "requires": ("FOLD-2",),
            },
            "empty": {
                "inputs": {"x": normal(0, 18, 15)},
                "options": {"output_size": (6, 5), **_WINDOWS},
                "requires": ("FOLD-1",),
                "level": "quick",
            },
            "transposed": {
                "inputs": {"x": normal(2, 18, 15).laid_out("transposed")},
                "options": {"output_size": (6, 5), **_WINDOWS},
                "requires": ("FOLD-1",),
            },
        },
        level="full",
    ),
    *(
        refused("fold", name, number, error, words, normal(2, 6, 4), {"kernel_size": 2, **options})
        for name, number, error, words, options in (
            (
                "windows",
                1,
                ShapeError,
                "x: expected shape (batch, channels * 2, 5) (windows (5,) of kernel (2,)), got (2, 6, 4)",
                {"output_size": (6,)},
            ),
            (
                "taps",
                1,
                ShapeError,
                "x: expected a positive multiple of 4 taps on axis 1, got shape (2, 6, 4)",
                {"output_size": (3, 3)},
            ),
            ("size", 1, ArgumentError, "output_size: expected a tuple of 1 to 3 integers >= 1", {"output_size": 5}),
            ("size-zero", 1, ArgumentError, "output_size: expected an integer >= 1", {"output_size": (0,)}),
            (
                "kernel",
                1,
                ShapeError,
                "output_size: expected spatial axes of at least (2,) after padding",
                {"output_size": (1,)},
            ),
        )
    ),
    refused(
        "fold",
        "integer-x",
        1,
        DTypeError,
        "x: expected a floating array",
        integers(2, 6, 4, high=5),
        {"output_size": (5,), "kernel_size": 2},
    ),
]

CASES: list[Case] = [*_UNFOLD, *_FOLD, *_grid()]
