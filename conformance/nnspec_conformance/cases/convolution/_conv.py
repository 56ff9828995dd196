"""Inputs for `conv`."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, Source, cases, error_case, integers, normal, uniform
from nnspec_conformance.cases._one_by_one import one_by_one

__all__ = ["CASES"]


def _images(
    spatial: tuple[int, ...],
    kernel: tuple[int, ...],
    *,
    channels: int = 3,
    out: int = 4,
    groups: int = 1,
    batch: int = 2,
    bias: bool = True,
) -> dict[str, Source]:
    """x, weight and a bias that shows."""
    made = {
        "x": normal(batch, channels, *spatial),
        "weight": normal(out, channels // groups, *kernel),
    }
    return {**made, "bias": normal(out, mean=3.0)} if bias else made


def _channels_last(backend: Any, x: Any, weight: Any, bias: Any) -> Any:
    """Of images stored with their channels last; the cotangent comes in that layout too."""
    xp = backend.xp
    y = backend.conv(xp.permute_dims(x, (0, 3, 1, 2)), weight, bias, stride=(2, 1), padding=1)
    return xp.permute_dims(y, (0, 2, 3, 1))


def _residual(backend: Any, x: Any, weight: Any) -> Any:
    """Beside a path that receives the same cotangent, which the gradient may not overwrite."""
    return backend.conv(x, weight, padding="same") + x


def _twice(backend: Any, x: Any, weight: Any) -> Any:
    """Two calls that differ in one option alone, and in nothing that shows in the shapes."""
    return [
        backend.conv(x, weight, padding=((1, 0), (0, 0))),
        backend.conv(x, weight, padding=((0, 1), (0, 0))),
        backend.conv(x, weight, padding=((0, 1), (0, 0)), groups=1, dilation=(1, 1), stride=(1, 1)),
    ]


_PLANE = _images((11, 13), (3, 2))

_QUICK = cases(
    "conv",
    {
        "line": {"inputs": _images((11,), (3,), bias=False), "requires": ("CONV-1",)},
        # of a square kernel on a square image, turning and flipping both keep the shapes
        "square": {"inputs": _images((5, 5), (3, 3), channels=3, out=3), "requires": ("CONV-1",)},
        "volume": {
            "inputs": _images((4, 6, 5), (2, 3, 1), channels=2, out=3),
            "options": {"stride": (1, 2, 3), "dilation": (2, 1, 1), "padding": (0, 1, 2)},
            "requires": ("CONV-2", "CONV-3", "CONV-1"),
        },
        "stride-dilation": {
            "inputs": _PLANE,
            "options": {"stride": (2, 3), "dilation": (3, 2)},
            "requires": ("CONV-2",),
        },
        "stride": {
            "inputs": _PLANE,
            "options": {"stride": (3, 2), "padding": ((2, 0), (0, 1))},
            "requires": ("CONV-2", "CONV-3"),
        },
        "padding-sides": {
            "inputs": _images((6, 5), (3, 2)),
            "options": {"padding": ((0, 2), (3, 1))},
            "requires": ("CONV-3",),
        },
        "same-stride": {
            "inputs": _images((8, 7), (3, 2)),
            "options": {"padding": "same", "stride": (2, 3)},
            "requires": ("CONV-4",),
        },
        "same-even": {
            "inputs": _images((7, 5), (4, 2)),
            "options": {"padding": "same", "dilation": (1, 3)},
            "requires": ("CONV-4",),
        },
        "groups": {
            "inputs": _images((5, 4), (2, 3), channels=6, out=4, groups=2, bias=False),
            "options": {"groups": 2},
            "requires": ("CONV-5",),
        },
        # two outputs a channel: output 2 c + m reads channel c
        "depthwise": {
            "inputs": _images((7,), (3,), channels=3, out=6, groups=3),
            "options": {"groups": 3, "padding": 1, "stride": 2},
            "requires": ("CONV-5",),
        },
        "bias": {
            "inputs": {
                **_images((5, 4), (2, 3), channels=4, out=6, groups=2),
                "weight": normal(6, 2, 2, 3, std=1e-2),
                "bias": normal(6, std=30.0),
            },
            "options": {"groups": 2},
            # of frozen weights
            "differentiate": ("x", "bias"),
            "requires": ("CONV-6",),
        },
        # a sum of many numbers of one sign shows coarse products, and a term too few, best
        "products": {
            "inputs": {
                "x": uniform(1, 17, 4, 5, low=0.5, high=1.5),
                "weight": uniform(2, 17, 3, 3, low=0.5, high=1.5),
            },
            "requires": ("CONV-7",),
        },
        "tiny": {
            "inputs": {
                "x": normal(2, 3, 5, 4, std=1e-20),
                "weight": normal(4, 3, 3, 2),
                "bias": normal(4, std=1e-20),
            },
            "requires": ("CONV-7",),
        },
        "empty": {
            "inputs": _images((6, 5), (3, 2), batch=0),
            "options": {"padding": 1},
            "requires": ("CONV-9",),
        },
        "channels-last": {
            "inputs": {
                "x": normal(2, 6, 5, 3),
                "weight": normal(4, 3, 3, 2).laid_out("transposed"),
                "bias": normal(4).laid_out("strided"),
            },
            "requires": ("CONV-1",),
            "program": _channels_last,
        },
        "whole": {
            "inputs": _images((4, 3), (5, 4)),
            "options": {"padding": ((1, 0), (0, 1))},
            "requires": ("CONV-8", "CONV-3"),
        },
    },
)

_FULL = cases(
    "conv",
    {
        "one": {
            "inputs": _images((1,), (1,), channels=1, out=1, batch=1),
            "requires": ("CONV-1",),
        },
        "one-tap": {
            "inputs": _images((7, 5), (1, 1)),
            "options": {"stride": (2, 3), "padding": ((1, 0), (0, 2)), "dilation": (4, 5)},
            "requires": ("CONV-2", "CONV-3"),
        },
        "residual": {
            "inputs": {"x": normal(2, 3, 6, 5), "weight": normal(3, 3, 3, 2)},
            "requires": ("CONV-1",),
            "program": _residual,
        },
        "twice": {
            "inputs": {"x": normal(2, 3, 6, 5), "weight": normal(4, 3, 3, 2)},
            "requires": ("CONV-3",),
            "program": _twice,
        },
        "one-channel": {"inputs": _images((6, 5), (3, 2), channels=1, out=1), "requires": ("CONV-1",)},
        "one-image": {"inputs": _images((6, 5), (3, 2), batch=1), "requires": ("CONV-1",)},
        "stride-over-gaps": {
            "inputs": _images((11, 10), (2, 2)),
            "options": {"stride": (4, 5)},
            "requires": ("CONV-2",),
        },
        "unread-end": {
            "inputs": _images((12, 9), (2, 3)),
            "options": {"stride": (5, 4), "padding": ((0, 2), (1, 1))},
            "requires": ("CONV-2", "CONV-3"),
        },
        "wide-padding": {
            "inputs": _images((3,), (2,)),
            "options": {"padding": ((4, 5),)},
            "requires": ("CONV-3",),
        },
        "causal": {
            "inputs": _images((9,), (3,)),
            "options": {"padding": ((4, 0),), "dilation": 2},
            "requires": ("CONV-3", "CONV-2"),
        },
        "valid": {
            "inputs": _images((8, 7), (3, 2)),
            "options": {"padding": "valid"},
            "requires": ("CONV-3",),
        },
        "same-dilation": {
            "inputs": _images((9, 8), (2, 3)),
            "options": {"padding": "same", "dilation": (3, 2)},
            "requires": ("CONV-4", "CONV-2"),
        },
        "same-stride-dilation": {
            "inputs": _images((9, 8), (2, 4)),
            "options": {"padding": "same", "stride": (3, 2), "dilation": (3, 1)},
            "requires": ("CONV-4", "CONV-2"),
        },
        "same-without-need": {
            "inputs": _images((9,), (2,)),
            "options": {"padding": "same", "stride": 4},
            "requires": ("CONV-4",),
        },
        "same-volume": {
            "inputs": _images((3, 4, 5), (2, 3, 2), channels=2, out=3),
            "options": {"padding": "same", "stride": (1, 2, 3)},
            "requires": ("CONV-4",),
        },
        "whole-dilated": {
            "inputs": _images((7, 5), (3, 2)),
            "options": {"dilation": (3, 4)},
            "requires": ("CONV-8", "CONV-2"),
        },
        "depthwise-plane": {
            "inputs": _images((6, 5), (3, 2), channels=3, out=3, groups=3),
            "options": {"groups": 3, "padding": "same", "stride": (2, 1)},
            "requires": ("CONV-5", "CONV-4"),
        },
        "depthwise-volume": {
            "inputs": _images((3, 4, 5), (2, 3, 2), channels=2, out=4, groups=2),
            "options": {"groups": 2, "dilation": (1, 1, 2)},
            "requires": ("CONV-5", "CONV-2"),
        },
        "groups-to-one": {
            "inputs": _images((6,), (3,), channels=6, out=3, groups=3),
            "options": {"groups": 3},
            "requires": ("CONV-5",),
        },
        "empty-groups": {
            "inputs": _images((6,), (3,), channels=6, out=4, groups=2, batch=0),
            "options": {"groups": 2},
            "requires": ("CONV-9",),
        },
        "empty-volume": {
            "inputs": _images((3, 4, 5), (2, 3, 2), channels=2, batch=0),
            "options": {"padding": "same"},
            "requires": ("CONV-9",),
        },
        "large-mean": {
            "inputs": {"x": normal(2, 3, 6, 5, mean=1e3), "weight": normal(4, 3, 3, 2), "bias": normal(4)},
            "options": {"padding": 1},
            "requires": ("CONV-7", "CONV-3"),
        },
        "huge": {
            "inputs": {
                "x": normal(2, 3, 5, 4, std=1e18),
                "weight": normal(4, 3, 3, 2),
                "bias": normal(4, std=1e18),
            },
            "requires": ("CONV-7",),
        },
        "long": {
            "inputs": {"x": normal(1, 1, 1025), "weight": normal(2, 1, 33)},
            "options": {"stride": 3, "padding": 16},
            "requires": ("CONV-7",),
        },
        "many-channels": {
            "inputs": {
                "x": uniform(1, 129, 3, 3, low=0.5, high=1.5),
                "weight": uniform(2, 129, 3, 2, low=0.5, high=1.5),
            },
            "options": {"padding": ((1, 1), (0, 0))},
            "requires": ("CONV-7",),
        },
        "strided": {
            "inputs": {
                "x": normal(2, 3, 6, 5).laid_out("strided"),
                "weight": normal(4, 3, 3, 2).laid_out("strided"),
                "bias": normal(4).laid_out("strided"),
            },
            "requires": ("CONV-1", "CONV-6"),
        },
        "transposed": {
            "inputs": {
                "x": normal(2, 4, 5, 5).laid_out("transposed"),
                "weight": normal(4, 2, 3, 3).laid_out("transposed"),
            },
            "options": {"groups": 2},
            "requires": ("CONV-1", "CONV-5"),
        },
        **{
            f"gradient-{'-'.join(names)}": {
                "inputs": _images((6, 5), (3, 2)),
                "options": {"padding": ((1, 0), (0, 2)), "stride": (1, 2)},
                "requires": ("CONV-1", "CONV-2", "CONV-3"),
                "differentiate": names,
            }
            for names in (("x",), ("weight",), ("bias",), ("x", "bias"), ("weight", "bias"))
        },
    },
    level="full",
)


# -- groups x stride x dilation x padding -------------------------------------------------------------------


def _blame(stride: Any, dilation: Any, padding: Any, groups: int) -> tuple[str, ...]:
    """What a combination is evidence for, the rarest first."""
    found = (
        ("CONV-4", padding == "same"),
        ("CONV-3", padding not in (0, "same")),
        ("CONV-2", stride != 1 or dilation != 1),
        ("CONV-5", groups > 1),
    )
    return tuple(name for name, holds in found if holds) or ("CONV-1",)


def _grid(name: str, spatial: tuple[int, ...], kernel: tuple[int, ...], *, groups: Any, **choices: Any) -> list[Case]:
    """Half of all combinations, in which every pair of choices still occurs."""
    found = []
    for at in itertools.product(*(range(len(c)) for c in (groups, *choices.values()))):
        if sum(at) % 2:
            continue
        blocks = groups[at[0]]
        options = {n: c[i] for (n, c), i in zip(choices.items(), at[1:], strict=True)}
        found.append(
            Case(
                operation="conv",
                name=f"grid-{name}-{'-'.join(map(str, at))}",
                requires=_blame(**options, groups=blocks),
                inputs=_images(spatial, kernel, channels=6, out=12, groups=blocks, batch=1),
                options={**options, "groups": blocks},
                level="full",
            )
        )
    return found


_GRID = [
    *_grid(
        "plane",
        (8, 7),
        (3, 2),
        groups=(1, 2, 6),
        stride=(1, 2, (1, 3)),
        dilation=(1, (1, 2), (2, 3)),
        padding=(0, (2, 1), ((1, 0), (0, 2)), "same"),
    ),
    *_grid(
        "line",
        (10,),
        (4,),
        groups=(1, 3),
        stride=(1, 2),
        dilation=(1, 3),
        padding=(0, ((0, 3),), "same"),
    ),
]

# -- errors -------------------------------------------------------------------------------------------------

_X, _WEIGHT, _BIAS = normal(2, 3, 5), normal(4, 3, 2), normal(4)
_ARRAYS = {"x": _X, "weight": _WEIGHT}
_PADDING = "a tuple of 1 integers or (low, high) pairs of them, 'valid' or 'same', got"


def _rejected(name: str, requirement: str, *words: str, **options: Any) -> Case:
    """Good arrays, bad options."""
    return error_case(
        "conv",
        name,
        (requirement,),
        lambda backend, **arrays: backend.conv(**arrays, **options),
        ArgumentError,
        *words,
        inputs=_ARRAYS,
    )


def _misfit(name: str, requirement: str, word: str, inputs: dict[str, Source], **options: Any) -> Case:
    """Arrays whose shapes do not go together."""
    return error_case(
        "conv",
        name,
        (requirement,),
        lambda backend, **arrays: backend.conv(**arrays, **options),
        ShapeError,
        word,
        inputs=inputs,
    )


def _wrong_type(name: str, argument: str, source: Source) -> Case:
    return error_case(
        "conv",
        name,
        ("CONV-7",),
        lambda backend, **arrays: backend.conv(**arrays),
        DTypeError,
        f"{argument}: expected a floating array",
        inputs={**_ARRAYS, "bias": _BIAS, argument: source},
    )


def _in_float32(argument: str) -> Case:
    """One argument in float32, where the others are in float64."""

    def program(backend: Any, **arrays: Any) -> Any:
        narrow = backend.asarray(backend.to_numpy(arrays[argument]), dtype="float32")
        return backend.conv(**{**arrays, argument: narrow})

    case = error_case(
        "conv",
        f"mixed-{argument}",
        ("CONV-7",),
        program,
        DTypeError,
        f"{argument}: expected the dtype of x",
        "float32",
        inputs={**_ARRAYS, "bias": _BIAS},
    )
    return replace(case, dtypes=("float64",))


_ERRORS = [
    _rejected("stride", "CONV-2", "stride: expected an integer >= 1, or 1 of them, got 0", stride=0),
    _rejected("stride-type", "CONV-2", "stride: expected an integer >= 1", "got 1.5", stride=1.5),
    _rejected("stride-axes", "CONV-2", "stride: expected an integer >= 1", "got (1, 2)", stride=(1, 2)),
    _rejected("dilation", "CONV-2", "dilation: expected an integer >= 1, or 1 of them, got -1", dilation=-1),
    _rejected("dilation-type", "CONV-2", "dilation: expected an integer >= 1", "got True", dilation=True),
    _rejected("padding", "CONV-3", "padding: expected an integer >= 0", f"{_PADDING} -1", padding=-1),
    _rejected("padding-side", "CONV-3", "padding: expected", f"{_PADDING} ((0, -1),)", padding=((0, -1),)),
    _rejected("padding-axes", "CONV-3", "padding: expected", f"{_PADDING} (1, 1)", padding=(1, 1)),
    _rejected(
        "padding-name",
        "CONV-4",
        "padding: expected one of 'valid', 'same', got 'full'",
        padding="full",
    ),
    _rejected("groups", "CONV-5", "groups: expected a divisor of the 3 channels of x, got 2", groups=2),
    _rejected("groups-zero", "CONV-5", "groups: expected an integer >= 1, got 0", groups=0),
    _misfit("rank", "CONV-1", "x: expected 3 to 5 axes, got shape (2, 3)", {**_ARRAYS, "x": normal(2, 3)}),
    _misfit(
        "rank-high",
        "CONV-1",
        "x: expected 3 to 5 axes, got shape (1, 1, 2, 2, 2, 2)",
        {"x": normal(1, 1, 2, 2, 2, 2), "weight": normal(1, 1, 1, 1, 1, 1)},
    ),
    _misfit(
        "no-channels",
        "CONV-1",
        "x: expected channel and spatial axes of at least 1, got shape (2, 0, 5)",
        {"x": normal(2, 0, 5), "weight": normal(4, 0, 2)},
    ),
    _misfit(
        "weight-rank",
        "CONV-1",
        "weight: expected shape (out, 3, kernel) (axis 1: 3 channels of x in groups = 1), got (4, 3, 2, 2)",
        {**_ARRAYS, "weight": normal(4, 3, 2, 2)},
    ),
    _misfit(
        "weight-layout",
        "CONV-1",
        "weight: expected shape (out, 3, kernel) (axis 1: 3 channels of x in groups = 1), got (3, 4, 2)",
        {**_ARRAYS, "weight": normal(3, 4, 2)},
    ),
    _misfit(
        "no-kernel",
        "CONV-8",
        "weight: expected kernel axes of at least 1, got shape (4, 3, 0)",
        {**_ARRAYS, "weight": normal(4, 3, 0)},
    ),
    _misfit(
        "groups-in",
        "CONV-5",
        "weight: expected shape (out, 2, kernel) (axis 1: 4 channels of x in groups = 2), got (4, 4, 2)",
        {"x": normal(2, 4, 5), "weight": normal(4, 4, 2)},
        groups=2,
    ),
    _misfit(
        "groups-out",
        "CONV-5",
        "weight: expected a positive multiple of groups = 2 on axis 0, got (3, 2, 2)",
        {"x": normal(2, 4, 5), "weight": normal(3, 2, 2)},
        groups=2,
    ),
    _misfit(
        "no-outputs",
        "CONV-1",
        "weight: expected a positive multiple of groups = 1 on axis 0, got (0, 3, 2)",
        {**_ARRAYS, "weight": normal(0, 3, 2)},
    ),
    _misfit(
        "bias-size",
        "CONV-6",
        "bias: expected shape (4,) (the first axis of weight), got (3,)",
        {**_ARRAYS, "bias": normal(3)},
    ),
    _misfit(
        "bias-that-broadcasts",
        "CONV-6",
        "bias: expected shape (4,) (the first axis of weight), got (1,)",
        {**_ARRAYS, "bias": normal(1)},
    ),
    _misfit(
        "kernel",
        "CONV-8",
        "x: expected spatial axes of at least (6,) after padding "
        "(the reach of the kernel (6,) with dilation (1,)), got (5,) ((5,) with padding ((0, 0),))",
        {**_ARRAYS, "weight": normal(4, 3, 6)},
    ),
    _misfit(
        "kernel-dilated",
        "CONV-8",
        "x: expected spatial axes of at least (8,) after padding "
        "(the reach of the kernel (2,) with dilation (7,)), got (7,) ((5,) with padding ((0, 2),))",
        _ARRAYS,
        dilation=7,
        padding=((0, 2),),
    ),
    _misfit(
        "kernel-one-axis",
        "CONV-8",
        "x: expected spatial axes of at least (2, 4) after padding",
        {"x": normal(2, 3, 5, 3), "weight": normal(4, 3, 2, 4)},
    ),
    _wrong_type("integer-x", "x", integers(2, 3, 5, high=5)),
    _wrong_type("integer-weight", "weight", integers(4, 3, 2, high=5)),
    _wrong_type("integer-bias", "bias", integers(4, high=5)),
    _in_float32("weight"),
    _in_float32("bias"),
]

_ONE_BY_ONE = one_by_one(
    "conv",
    ("CONV-1", "CONV-6"),
    _images((5, 4), (2, 3), channels=2, out=2),
    lambda backend, **arrays: backend.conv(**arrays, stride=(2, 1)),
)

CASES: list[Case] = [*_QUICK, _ONE_BY_ONE, *_FULL, *_GRID, *_ERRORS]
