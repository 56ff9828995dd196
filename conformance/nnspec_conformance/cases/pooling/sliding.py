"""Inputs for maximum and mean over sliding windows."""

from __future__ import annotations

import itertools
import math
from typing import Any

from nnspec.errors import ShapeError
from nnspec_conformance.case import Case, cases, normal, values
from nnspec_conformance.cases.pooling._common import FORWARD, not_images, rejected

__all__ = ["CASES"]

_INF, _NAN = math.inf, math.nan
_PLANE, _LINE, _VOLUME = normal(2, 3, 7, 5), normal(2, 3, 10), normal(2, 2, 4, 6, 5)
#: odd and even kernels, wider padding than half the kernel, all different
_COMBINED = {"kernel_size": (3, 2), "stride": (2, 1), "padding": ((2, 0), (0, 1))}


def _max_channels_last(backend: Any, x: Any) -> Any:
    """Of images stored with their channels last; the cotangent comes in that layout too."""
    xp = backend.xp
    y = backend.max_pool(xp.permute_dims(x, (0, 3, 1, 2)), kernel_size=(3, 2), stride=(2, 1), padding=1)
    return xp.permute_dims(y, (0, 2, 3, 1))


def _avg_channels_last(backend: Any, x: Any) -> Any:
    """Of images stored with their channels last; the cotangent comes in that layout too."""
    xp = backend.xp
    y = backend.avg_pool(xp.permute_dims(x, (0, 3, 1, 2)), kernel_size=(3, 2), stride=(2, 1), padding=1)
    return xp.permute_dims(y, (0, 2, 3, 1))


#: windows that native kernels do not have, or only with others behind them: the size of a line, and the options
_SIDES: tuple[tuple[int, dict[str, Any]], ...] = (
    (7, {"kernel_size": 2, "stride": 1, "padding": ((2, 1),), "dilation": 3}),
    (7, {"kernel_size": 2, "stride": 2, "padding": ((0, 1),)}),
    (7, {"kernel_size": 3, "stride": 2, "padding": ((1, 0),), "dilation": 3}),
    (7, {"kernel_size": 3, "stride": 2, "padding": ((1, 3),), "dilation": 3}),
    (7, {"kernel_size": 4, "stride": 1, "padding": ((1, 2),), "dilation": 3}),
    (2, {"kernel_size": 4, "stride": 2, "padding": ((1, 3),)}),
    (7, {"kernel_size": 1, "stride": 3}),
)


def _sides(backend: Any, x: Any) -> Any:
    return [backend.max_pool(x[:, :, :size], **options) for size, options in _SIDES]


#: two windows of 2 x 3, the maximum 3 times in each: down a column and along a row, twice the two zeros
_TIES = [
    [[1.0, 3.0, 0.0, 2.0, 5.0, 5.0], [3.0, 3.0, 2.0, 5.0, 1.0, 5.0]],
    [[-0.0, 0.0, -1.0, 0.0, -2.0, -0.0], [0.0, -0.0, 0.0, -0.0, 0.0, 0.0]],
]
#: NaN first, in the middle and last, beside both infinities and alone
_NANS = [
    [_NAN, 1.0, 2.0, 1.0, _NAN, 2.0, 1.0, 2.0, _NAN],
    [_INF, _NAN, -_INF, -_INF, -_INF, _NAN, _NAN, _INF, _INF],
    [_NAN, _NAN, _NAN, -1.0, -3.0, -2.0, _INF, 1.0, -_INF],
]
_BOTTOM = [
    [[-_INF, -_INF, -_INF], [-_INF, -_INF, -_INF], [-_INF, -_INF, -_INF]],
    [[-_INF, -_INF, -1.0], [-2.0, -_INF, -_INF], [-_INF, 3.0, -_INF]],
]

_MAX = cases(
    "max_pool",
    {
        "negative": {
            "inputs": {"x": normal(2, 3, 10, mean=-5.0)},
            "options": {"kernel_size": 3, "stride": 2, "padding": 1},
            "requires": ("MAX_POOL-1",),
        },
        "tie": {
            "inputs": {"x": values([_TIES])},
            "options": {"kernel_size": (2, 3)},
            "requires": ("MAX_POOL-2",),
        },
        # zeros that would tie with padding by zeros
        "tie-padding": {
            "inputs": {"x": values([[[[0.0] * 3] * 3, [[-0.0] * 3] * 3]])},
            "options": {"kernel_size": 2, "padding": ((1, 0), (0, 1))},
            "requires": ("MAX_POOL-4", "MAX_POOL-2"),
        },
        "special-nan": {
            "inputs": {"x": values([_NANS])},
            "options": {"kernel_size": 3},
            "requires": ("MAX_POOL-3",),
            "checks": FORWARD,
        },
        "special-bottom": {
            "inputs": {"x": values([_BOTTOM])},
            "options": {"kernel_size": 2, "padding": ((0, 1), (1, 0))},
            "requires": ("MAX_POOL-4",),
        },
        "default-stride": {
            "inputs": {"x": _PLANE},
            "options": {"kernel_size": (2, 3)},
            "requires": ("MAX_POOL-6",),
        },
        "combined": {
            "inputs": {"x": _PLANE},
            "options": {**_COMBINED, "dilation": (1, 2)},
            "requires": ("MAX_POOL-7",),
        },
        "sides": {
            "inputs": {"x": normal(1, 2, 7)},
            "options": {"sides": _SIDES},
            "program": _sides,
            "requires": ("MAX_POOL-7", "MAX_POOL-4"),
            "plain_only": True,
        },
        "same": {
            "inputs": {"x": normal(2, 3, 8, 5)},
            "options": {"kernel_size": (3, 2), "stride": (2, 3), "padding": "same", "dilation": (1, 3)},
            "requires": ("MAX_POOL-7",),
        },
        "volume": {
            "inputs": {"x": _VOLUME},
            "options": {
                "kernel_size": (2, 3, 1),
                "stride": (1, 2, 3),
                "padding": (0, 1, 0),
                "dilation": (2, 1, 1),
            },
            "requires": ("MAX_POOL-7",),
        },
        "channels-last": {
            "inputs": {"x": normal(2, 7, 5, 3)},
            "requires": ("MAX_POOL-7",),
            "program": _max_channels_last,
        },
        "empty": {
            "inputs": {"x": normal(0, 3, 7, 5)},
            "options": {"kernel_size": (2, 3)},
            "requires": ("MAX_POOL-6",),
        },
    },
)

_MAX_FULL = cases(
    "max_pool",
    {
        "lowest": {
            "inputs": {"x": values([[[-3e38, -2e38, -3.2e38, -1e38]]])},
            "options": {"kernel_size": 3, "stride": 1, "padding": 1},
            "requires": ("MAX_POOL-1",),
        },
        "tie-everywhere": {
            "inputs": {"x": values([[[[2.0] * 5] * 4, [[-2.0] * 5] * 4]])},
            "options": {"kernel_size": (3, 2), "padding": 1},
            "requires": ("MAX_POOL-2", "MAX_POOL-4"),
        },
        "tie-overlap": {
            "inputs": {"x": values([[[1.0, 1.0, 0.0, 1.0, 1.0, 1.0, -1.0, -1.0]]])},
            "options": {"kernel_size": 2, "stride": 1},
            "requires": ("MAX_POOL-2",),
        },
        "tie-dilated": {
            "inputs": {"x": values([[[1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 3.0, 0.0]]])},
            "options": {"kernel_size": 3, "stride": 3, "dilation": 2, "padding": ((0, 2),)},
            "requires": ("MAX_POOL-2", "MAX_POOL-7"),
        },
        "tie-volume": {
            "inputs": {"x": values([[[[[1.0, 4.0], [4.0, 2.0]], [[4.0, 4.0], [0.0, 4.0]]]]])},
            "options": {"kernel_size": 2},
            "requires": ("MAX_POOL-2",),
        },
        "special-nan-padding": {
            "inputs": {"x": values([[[[_NAN, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, _NAN]]]])},
            "options": {"kernel_size": 2, "stride": 1, "padding": 1},
            "requires": ("MAX_POOL-3",),
            "checks": FORWARD,
        },
        "special-bottom-line": {
            "inputs": {"x": values([[[-_INF, -_INF, -_INF, -_INF, -_INF]]])},
            "options": {"kernel_size": 3, "padding": ((2, 2),)},
            "requires": ("MAX_POOL-4",),
        },
        "special-bottom-dilated": {
            "inputs": {"x": values([[[-_INF, -_INF, -_INF, 1.0, -_INF, -_INF]]])},
            "options": {"kernel_size": 2, "stride": 4, "dilation": 2, "padding": 2},
            "requires": ("MAX_POOL-4",),
        },
        "special-top": {
            "inputs": {"x": values([[[_INF, 1.0, -_INF, _INF, _INF, _INF]]])},
            "options": {"kernel_size": 2},
            "requires": ("MAX_POOL-2",),
        },
        "line": {
            "inputs": {"x": _LINE},
            "options": {"kernel_size": 4, "stride": 1, "padding": ((3, 1),)},
            "requires": ("MAX_POOL-7",),
        },
        "line-dilated": {
            "inputs": {"x": _LINE},
            "options": {"kernel_size": 2, "stride": 3, "dilation": 4, "padding": 3},
            "requires": ("MAX_POOL-7",),
        },
        "one-tap": {
            "inputs": {"x": _PLANE},
            "options": {"kernel_size": 1, "stride": (3, 2)},
            "requires": ("MAX_POOL-7",),
        },
        "whole": {"inputs": {"x": _PLANE}, "options": {"kernel_size": (7, 5)}, "requires": ("MAX_POOL-6",)},
        "unread-end": {
            "inputs": {"x": normal(2, 3, 8, 7)},
            "options": {"kernel_size": 3},
            "requires": ("MAX_POOL-6",),
        },
        "volume-default-stride": {
            "inputs": {"x": _VOLUME},
            "options": {"kernel_size": (1, 3, 2), "padding": "same"},
            "requires": ("MAX_POOL-6", "MAX_POOL-7"),
        },
        "strided": {
            "inputs": {"x": normal(2, 3, 7, 5).laid_out("strided")},
            "options": _COMBINED,
            "requires": ("MAX_POOL-7",),
        },
        "transposed": {
            "inputs": {"x": normal(2, 3, 6, 6).laid_out("transposed")},
            "options": {"kernel_size": (3, 2)},
            "requires": ("MAX_POOL-7",),
        },
        "tiny": {
            "inputs": {"x": normal(2, 3, 7, 5, std=1e-20)},
            "options": {"kernel_size": 2, "padding": 1},
            "requires": ("MAX_POOL-1",),
        },
        "huge": {
            "inputs": {"x": normal(2, 3, 7, 5, std=1e18)},
            "options": {"kernel_size": 2, "padding": 1},
            "requires": ("MAX_POOL-1",),
        },
    },
    level="full",
)

_AVG = cases(
    "avg_pool",
    {
        "padding": {
            "inputs": {"x": normal(2, 3, 7, 5, mean=1e2)},
            "options": {"kernel_size": 3, "stride": 2, "padding": 1},
            "requires": ("AVG_POOL-1",),
        },
        "counted": {
            "inputs": {"x": normal(2, 3, 7, 5, mean=1e2)},
            "options": {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": True},
            "requires": ("AVG_POOL-2",),
        },
        "default-stride": {
            "inputs": {"x": _PLANE},
            "options": {"kernel_size": (2, 3)},
            "requires": ("AVG_POOL-3",),
        },
        # windows of nothing but padding, on both sides
        "beyond": {
            "inputs": {"x": _LINE},
            "options": {"kernel_size": 2, "stride": 3, "padding": 4, "count_include_pad": True},
            "requires": ("AVG_POOL-4", "AVG_POOL-2"),
        },
        "combined": {"inputs": {"x": _PLANE}, "options": _COMBINED, "requires": ("AVG_POOL-5",)},
        "same": {
            "inputs": {"x": normal(2, 3, 8, 5)},
            "options": {"kernel_size": (3, 4), "stride": (2, 3), "padding": "same"},
            "requires": ("AVG_POOL-5", "AVG_POOL-1"),
        },
        "volume": {
            "inputs": {"x": _VOLUME},
            "options": {"kernel_size": (2, 3, 1), "stride": (1, 2, 3), "padding": (0, 1, 0)},
            "requires": ("AVG_POOL-5",),
        },
        "channels-last": {
            "inputs": {"x": normal(2, 7, 5, 3)},
            "requires": ("AVG_POOL-5",),
            "program": _avg_channels_last,
        },
        "empty": {
            "inputs": {"x": normal(0, 3, 7, 5)},
            "options": {"kernel_size": (2, 3), "padding": 1},
            "requires": ("AVG_POOL-3", "AVG_POOL-5"),
        },
    },
)

_AVG_FULL = cases(
    "avg_pool",
    {
        "line": {
            "inputs": {"x": _LINE},
            "options": {"kernel_size": 4, "stride": 1, "padding": ((3, 1),)},
            "requires": ("AVG_POOL-5", "AVG_POOL-1"),
        },
        "counted-sides": {
            "inputs": {"x": _PLANE},
            "options": {**_COMBINED, "count_include_pad": True},
            "requires": ("AVG_POOL-2", "AVG_POOL-5"),
        },
        "counted-same": {
            "inputs": {"x": normal(2, 3, 8, 5)},
            "options": {
                "kernel_size": (3, 4),
                "stride": (2, 3),
                "padding": "same",
                "count_include_pad": True,
            },
            "requires": ("AVG_POOL-2", "AVG_POOL-5"),
        },
        "counted-volume": {
            "inputs": {"x": _VOLUME},
            "options": {"kernel_size": 2, "padding": ((1, 0), (0, 1), (1, 1)), "count_include_pad": True},
            "requires": ("AVG_POOL-2", "AVG_POOL-5"),
        },
        "beyond-plane": {
            "inputs": {"x": _PLANE},
            "options": {"kernel_size": 2, "padding": ((3, 0), (0, 5)), "count_include_pad": True},
            "requires": ("AVG_POOL-4", "AVG_POOL-2"),
        },
        "wide-padding": {
            "inputs": {"x": normal(2, 3, 4)},
            "options": {"kernel_size": 6, "stride": 1, "padding": 5},
            "requires": ("AVG_POOL-1",),
        },
        "one-tap": {
            "inputs": {"x": _PLANE},
            "options": {"kernel_size": 1, "stride": (3, 2)},
            "requires": ("AVG_POOL-5",),
        },
        "whole": {"inputs": {"x": _PLANE}, "options": {"kernel_size": (7, 5)}, "requires": ("AVG_POOL-3",)},
        "unread-end": {
            "inputs": {"x": normal(2, 3, 8, 7)},
            "options": {"kernel_size": 3},
            "requires": ("AVG_POOL-3",),
        },
        "volume-default-stride": {
            "inputs": {"x": _VOLUME},
            "options": {"kernel_size": (1, 3, 2), "padding": "same"},
            "requires": ("AVG_POOL-3", "AVG_POOL-5"),
        },
        "strided": {
            "inputs": {"x": normal(2, 3, 7, 5).laid_out("strided")},
            "options": _COMBINED,
            "requires": ("AVG_POOL-5",),
        },
        "transposed": {
            "inputs": {"x": normal(2, 3, 6, 6).laid_out("transposed")},
            "options": {"kernel_size": (3, 2)},
            "requires": ("AVG_POOL-5",),
        },
        "long": {
            "inputs": {"x": normal(1, 2, 257, mean=1e3)},
            "options": {"kernel_size": 33, "padding": 17},
            "requires": ("AVG_POOL-1",),
        },
        "tiny": {
            "inputs": {"x": normal(2, 3, 7, 5, std=1e-20)},
            "options": {"kernel_size": 2, "padding": 1},
            "requires": ("AVG_POOL-1",),
        },
        "huge": {
            "inputs": {"x": normal(2, 3, 7, 5, std=1e18)},
            "options": {"kernel_size": 2, "padding": 1},
            "requires": ("AVG_POOL-1",),
        },
    },
    level="full",
)


def _grid(operation: str, requirement: str, **choices: Any) -> list[Case]:
    """Half of all combinations, in which every pair of choices still occurs."""
    found = []
    for at in itertools.product(*(range(len(c)) for c in choices.values())):
        if sum(at) % 2:
            continue
        found.append(
            Case(
                operation=operation,
                name=f"grid-{'-'.join(map(str, at))}",
                requires=(requirement,),
                inputs={"x": normal(1, 2, 9, 8, mean=-1.0)},
                options={n: c[i] for (n, c), i in zip(choices.items(), at, strict=True)},
                level="full",
            )
        )
    return found


_GRID = [
    *_grid(
        "max_pool",
        "MAX_POOL-7",
        kernel_size=(2, (3, 2)),
        stride=(None, 1, (1, 3)),
        dilation=(1, (2, 1), (2, 3)),
        padding=(0, ((1, 0), (0, 1)), "same"),
    ),
    *_grid(
        "avg_pool",
        "AVG_POOL-5",
        kernel_size=(2, (3, 2)),
        stride=(None, 1, (1, 3)),
        padding=(0, 1, ((1, 0), (0, 1)), "same"),
        count_include_pad=(False, True),
    ),
]

# -- errors -------------------------------------------------------------------------------------------------


def _rejected(operation: str, name: str, requirement: str, *words: str, **options: Any) -> Case:
    return rejected(operation, name, requirement, *words, **{"kernel_size": 2, **options})


def _both(operation: str, beyond: str, grid: str, stride: str) -> list[Case]:
    """What both refuse; the requirements are those on windows beyond the input, their grid, the stride."""
    line = "x: expected every window to have a tap inside the input, got none in window"
    counts = ("an integer >= 1, or 1 of them, got",)
    return [
        _rejected(
            operation,
            "nothing-low",
            beyond,
            f"{line} 0 along spatial axis 0 (size 5, kernel_size 2, stride 2, padding (2, 2), dilation 1)",
            error=ShapeError,
            padding=2,
        ),
        _rejected(
            operation,
            "nothing-high",
            beyond,
            f"{line} 2 along spatial axis 1 (size 4, kernel_size 2, stride 2, padding (0, 2), dilation 1)",
            error=ShapeError,
            x=normal(2, 3, 5, 4),
            padding=(0, (0, 2)),
        ),
        _rejected(
            operation,
            "kernel-beyond",
            beyond,
            "x: expected spatial axes of at least (8,) after padding (the reach of the kernel (8,) "
            "with dilation (1,)), got (7,) ((5,) with padding ((1, 1),))",
            error=ShapeError,
            kernel_size=8,
            padding=1,
        ),
        _rejected(operation, "kernel-negative", grid, f"kernel_size: expected {counts[0]} -1", kernel_size=-1),
        _rejected(operation, "kernel-zero", grid, f"kernel_size: expected {counts[0]} 0", kernel_size=0),
        _rejected(operation, "kernel-type", grid, f"kernel_size: expected {counts[0]} 2.0", kernel_size=2.0),
        _rejected(operation, "kernel-axes", grid, f"kernel_size: expected {counts[0]} (2, 2)", kernel_size=(2, 2)),
        _rejected(operation, "stride", stride, f"stride: expected {counts[0]} 0", stride=0),
        _rejected(operation, "stride-type", stride, f"stride: expected {counts[0]} '2'", stride="2"),
        _rejected(operation, "padding", grid, "padding: expected an integer >= 0", "got -1", padding=-1),
        _rejected(
            operation,
            "padding-side",
            grid,
            "padding: expected an integer >= 0, a tuple of 1 integers or (low, high) pairs of them",
            "got ((-1, 0),)",
            padding=((-1, 0),),
        ),
        _rejected(
            operation,
            "padding-name",
            grid,
            "padding: expected one of 'valid', 'same', got 'SAME'",
            padding="SAME",
        ),
        *not_images(operation, grid, kernel_size=2),
    ]


_ERRORS = [
    *_both("max_pool", "MAX_POOL-5", "MAX_POOL-7", "MAX_POOL-6"),
    *_both("avg_pool", "AVG_POOL-4", "AVG_POOL-5", "AVG_POOL-3"),
    _rejected(
        "max_pool",
        "nothing-in-a-gap",
        "MAX_POOL-5",
        "x: expected every window to have a tap inside the input, got none in window 1 along spatial axis 0",
        "(size 2, kernel_size 2, stride 1, padding (2, 2), dilation 3)",
        error=ShapeError,
        x=normal(2, 3, 2),
        stride=1,
        dilation=3,
        padding=2,
    ),
    _rejected("max_pool", "dilation", "MAX_POOL-7", "dilation: expected an integer >= 1", "got 0", dilation=0),
    _rejected(
        "avg_pool",
        "count",
        "AVG_POOL-2",
        "count_include_pad: expected True or False, got 1",
        count_include_pad=1,
    ),
]

CASES: list[Case] = [*_MAX, *_MAX_FULL, *_AVG, *_AVG_FULL, *_GRID, *_ERRORS]
