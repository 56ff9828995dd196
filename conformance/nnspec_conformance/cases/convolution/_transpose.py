"""Inputs for `conv_transpose`."""

from __future__ import annotations

import itertools
from typing import Any

from nnspec_conformance.case import Case, Source, cases, normal, uniform
from nnspec_conformance.cases._one_by_one import one_by_one
from nnspec_conformance.cases.convolution._common import misfit, mixed, rejected, wrong_type

__all__ = ["CASES"]

_NAME = "conv_transpose"


def _images(
    spatial: tuple[int, ...],
    kernel: tuple[int, ...],
    *,
    channels: int = 4,
    out: int = 3,
    groups: int = 1,
    batch: int = 2,
    bias: bool = True,
) -> dict[str, Source]:
    """x, weight and a bias that shows; `out` is that of one group."""
    made = {"x": normal(batch, channels, *spatial), "weight": normal(channels, out, *kernel)}
    return {**made, "bias": normal(out * groups, mean=3.0)} if bias else made


def _adjoint(backend: Any, u: Any, v: Any, weight: Any) -> Any:
    """Both inner products, and their difference, which is 0."""
    options: dict[str, Any] = {"stride": (2, 3), "padding": ((1, 0), (0, 2)), "dilation": (1, 2)}
    there = backend.xp.sum(backend.conv(u, weight, **options) * v)
    back = backend.xp.sum(u * backend.conv_transpose(v, weight, output_padding=(1, 2), **options))
    return [there, back, there - back]


def _residual(backend: Any, x: Any, weight: Any) -> Any:
    """Beside a path that receives the same cotangent, which the gradient may not overwrite."""
    return backend.conv_transpose(x, weight, padding=1) + x


def _twice(backend: Any, x: Any, weight: Any) -> Any:
    """Calls that differ in one option alone, and in nothing that shows in the shapes."""
    return [
        backend.conv_transpose(x, weight, stride=2, padding=((1, 0), (0, 0))),
        backend.conv_transpose(x, weight, stride=2, padding=((0, 1), (0, 0))),
        backend.conv_transpose(x, weight, stride=2, padding=((1, 1), (0, 0)), output_padding=(1, 0)),
    ]


def _channels_last(backend: Any, x: Any, weight: Any, bias: Any) -> Any:
    """Of images stored with their channels last; the cotangent comes in that layout too."""
    xp = backend.xp
    y = backend.conv_transpose(xp.permute_dims(x, (0, 3, 1, 2)), weight, bias, stride=(2, 1), padding=1)
    return xp.permute_dims(y, (0, 2, 3, 1))


#: the shapes and options that several cases share, and with them one compilation
_SHARED = _images((3, 4), (3, 2), groups=2)
_OPTIONS = {
    "stride": (2, 3),
    "padding": ((1, 0), (0, 2)),
    "output_padding": (1, 2),
    "dilation": (2, 3),
    "groups": 2,
}

_QUICK = cases(
    _NAME,
    {
        "plane": {
            "inputs": _SHARED,
            "options": _OPTIONS,
            "requires": tuple(f"CONV_TRANSPOSE-{i}" for i in (2, 3, 4, 5)),
        },
        "bias": {
            "inputs": {**_SHARED, "weight": normal(4, 3, 3, 2, std=1e-2), "bias": normal(6, std=30.0)},
            "options": _OPTIONS,
            "requires": ("CONV_TRANSPOSE-6",),
        },
        "tiny": {
            "inputs": {**_SHARED, "x": normal(2, 4, 3, 4, std=1e-20), "bias": normal(6, std=1e-20)},
            "options": _OPTIONS,
            "requires": ("CONV_TRANSPOSE-7",),
        },
        # sums of numbers of one sign show coarse products best
        "products": {
            "inputs": {
                **_SHARED,
                "x": uniform(2, 4, 3, 4, low=0.5, high=1.5),
                "weight": uniform(4, 3, 3, 2, low=0.5, high=1.5),
            },
            "options": _OPTIONS,
            "requires": ("CONV_TRANSPOSE-7",),
        },
        # of a square kernel and equal channels, turning, flipping and swapping all keep the shapes
        "adjoint": {
            "inputs": {"u": normal(2, 3, 7, 8), "v": normal(2, 3, 3, 2), "weight": normal(3, 3, 3, 3)},
            "requires": ("CONV_TRANSPOSE-1",),
            "program": _adjoint,
        },
        "volume": {
            "inputs": _images((2, 4, 3), (2, 3, 1), channels=2),
            "options": {
                "stride": (1, 2, 3),
                "dilation": (3, 1, 1),
                "padding": ((0, 1), 1, 0),
                "output_padding": (0, 1, 2),
            },
            "requires": ("CONV_TRANSPOSE-2", "CONV_TRANSPOSE-3", "CONV_TRANSPOSE-4"),
        },
    },
)

_FULL = cases(
    _NAME,
    {
        "square": {
            "inputs": _images((5, 5), (3, 3), channels=3, bias=False),
            "requires": ("CONV_TRANSPOSE-1",),
        },
        "line": {"inputs": _images((5,), (3,), bias=False), "requires": ("CONV_TRANSPOSE-1",), "level": "quick"},
        "one": {
            "inputs": _images((1,), (1,), channels=1, out=1, batch=1),
            "requires": ("CONV_TRANSPOSE-1",),
        },
        "one-tap": {
            "inputs": _images((4, 3), (1, 1)),
            "options": {"stride": (2, 3), "padding": ((1, 0), (0, 2)), "dilation": (4, 5)},
            "requires": ("CONV_TRANSPOSE-2", "CONV_TRANSPOSE-3"),
        },
        "one-place": {"inputs": _images((1, 1), (3, 2)), "requires": ("CONV_TRANSPOSE-1",)},
        "stride-over-gaps": {
            "inputs": _images((3, 2), (2, 2)),
            "options": {"stride": (4, 5), "output_padding": (3, 4)},
            "requires": ("CONV_TRANSPOSE-2", "CONV_TRANSPOSE-4"),
        },
        "wide-padding": {
            "inputs": _images((6,), (2,)),
            "options": {"stride": 2, "padding": ((3, 4),)},
            "requires": ("CONV_TRANSPOSE-3",),
        },
        "nearly-nothing": {
            "inputs": _images((3,), (2,)),
            "options": {"padding": ((1, 2),)},
            "requires": ("CONV_TRANSPOSE-8", "CONV_TRANSPOSE-3"),
        },
        "longer": {
            "inputs": _images((3, 2), (2, 3)),
            "options": {"stride": 3, "padding": ((0, 1), (1, 0)), "output_padding": (1, 2)},
            "requires": ("CONV_TRANSPOSE-4", "CONV_TRANSPOSE-3"),
        },
        "depthwise": {
            "inputs": _images((3, 4), (3, 2), channels=3, out=1, groups=3),
            "options": {"groups": 3, "stride": 2},
            "requires": ("CONV_TRANSPOSE-5",),
        },
        "groups-line": {
            "inputs": _images((5,), (3,), channels=6, out=2, groups=3),
            "options": {"groups": 3},
            "requires": ("CONV_TRANSPOSE-5",),
        },
        "groups-volume": {
            "inputs": _images((2, 3, 2), (2, 1, 3), groups=2, bias=False),
            "options": {"groups": 2, "stride": (2, 1, 1)},
            "requires": ("CONV_TRANSPOSE-5",),
        },
        "large-mean": {
            "inputs": {**_images((4, 3), (3, 2)), "x": normal(2, 4, 4, 3, mean=1e3)},
            "requires": ("CONV_TRANSPOSE-7",),
        },
        "huge": {
            "inputs": {**_images((4, 3), (3, 2)), "x": normal(2, 4, 4, 3, std=1e18)},
            "requires": ("CONV_TRANSPOSE-7",),
        },
        "many-channels": {
            "inputs": {
                "x": uniform(1, 129, 3, 3, low=0.5, high=1.5),
                "weight": uniform(129, 2, 3, 2, low=0.5, high=1.5),
            },
            "requires": ("CONV_TRANSPOSE-7",),
        },
        "long": {
            "inputs": {"x": normal(1, 2, 343), "weight": normal(2, 1, 33)},
            "options": {"stride": 3, "padding": 16},
            "requires": ("CONV_TRANSPOSE-7",),
        },
        "empty": {
            "inputs": _images((3, 4), (3, 2), batch=0),
            "options": {"stride": 2, "padding": ((1, 0), (0, 1))},
            "requires": ("CONV_TRANSPOSE-9",),
        },
        "empty-groups": {
            "inputs": _images((5,), (3,), groups=2, batch=0),
            "options": {"groups": 2},
            "requires": ("CONV_TRANSPOSE-9",),
        },
        "empty-volume": {"inputs": _images((2, 3, 2), (2, 1, 3), batch=0), "requires": ("CONV_TRANSPOSE-9",)},
        "residual": {
            "inputs": {"x": normal(2, 3, 4, 5), "weight": normal(3, 3, 3, 3)},
            "requires": ("CONV_TRANSPOSE-1",),
            "program": _residual,
        },
        "twice": {
            "inputs": {"x": normal(2, 3, 4, 5), "weight": normal(3, 2, 3, 2)},
            "requires": ("CONV_TRANSPOSE-3",),
            "program": _twice,
        },
        "channels-last": {
            "inputs": {
                "x": normal(2, 4, 3, 3),
                "weight": normal(3, 4, 3, 2).laid_out("transposed"),
                "bias": normal(4).laid_out("strided"),
            },
            "requires": ("CONV_TRANSPOSE-1",),
            "program": _channels_last,
        },
        "strided": {
            "inputs": {name: source.laid_out("strided") for name, source in _images((4, 3), (3, 2)).items()},
            "requires": ("CONV_TRANSPOSE-1", "CONV_TRANSPOSE-6"),
        },
        "transposed": {
            "inputs": {name: source.laid_out("transposed") for name, source in _images((4, 4), (3, 3)).items()},
            "options": {"stride": 2},
            "requires": ("CONV_TRANSPOSE-1",),
        },
        **{
            f"gradient-{'-'.join(names)}": {
                "inputs": _images((4, 3), (3, 2)),
                "options": {"padding": ((1, 0), (0, 2)), "stride": (1, 2)},
                "requires": ("CONV_TRANSPOSE-1", "CONV_TRANSPOSE-2", "CONV_TRANSPOSE-3"),
                "differentiate": names,
            }
            for names in (("x",), ("weight",), ("bias",), ("x", "bias"), ("weight", "bias"))
        },
    },
    level="full",
)

# -- groups x stride x dilation x padding x output padding ---------------------------------------------------


def _grid(**choices: Any) -> list[Case]:
    """Half of all combinations, in which every pair of choices still occurs."""
    found = []
    for at in itertools.product(*(range(len(c)) for c in choices.values())):
        options = {n: c[i] for (n, c), i in zip(choices.items(), at, strict=True)}
        if sum(at) % 2 or (options["output_padding"] and options["stride"] == 1):
            continue
        groups = options["groups"]
        found.append(
            Case(
                operation=_NAME,
                name=f"grid-{'-'.join(map(str, at))}",
                requires=("CONV_TRANSPOSE-2", "CONV_TRANSPOSE-3", "CONV_TRANSPOSE-4", "CONV_TRANSPOSE-5"),
                inputs=_images((3, 4), (3, 2), channels=6, out=2, groups=groups, batch=1),
                options=options,
                level="full",
            )
        )
    return found


_GRID = _grid(
    groups=(1, 2, 6),
    stride=(1, 2, (3, 2)),
    dilation=(1, (1, 2), (2, 3)),
    padding=(0, (2, 1), ((1, 0), (0, 2))),
    output_padding=(0, (1, 1), (0, 1)),
)

# -- errors --------------------------------------------------------------------------------------------------

_ARRAYS = {"x": normal(2, 4, 5), "weight": normal(4, 3, 2)}
_ALL = {**_ARRAYS, "bias": normal(3)}
_STRIDE = "output_padding: expected less than the stride"

_ERRORS = [
    *(
        rejected(_NAME, _ARRAYS, name, f"CONV_TRANSPOSE-{number}", *words, **options)
        for name, number, words, options in (
            ("stride", 2, ("stride: expected an integer >= 1, or 1 of them, got 0",), {"stride": 0}),
            ("stride-axes", 2, ("stride: expected an integer >= 1", "got (1, 2)"), {"stride": (1, 2)}),
            ("dilation", 2, ("dilation: expected an integer >= 1", "got -1"), {"dilation": -1}),
            ("padding", 3, ("padding: expected an integer >= 0", "got -1"), {"padding": -1}),
            ("padding-name", 3, ("padding: expected an integer >= 0", "got 'same'"), {"padding": "same"}),
            ("padding-axes", 3, ("padding: expected an integer >= 0", "got (1, 1)"), {"padding": (1, 1)}),
            ("output-padding", 4, (f"{_STRIDE} (2,), got 2",), {"stride": 2, "output_padding": 2}),
            (
                "output-padding-dilation",
                4,
                (f"{_STRIDE} (1,), got 1",),
                {"dilation": 2, "output_padding": 1},
            ),
            (
                "output-padding-negative",
                4,
                ("output_padding: expected an integer >= 0", "got -1"),
                {"output_padding": -1},
            ),
            ("groups", 5, ("groups: expected a divisor of the 4 channels of x, got 3",), {"groups": 3}),
            ("groups-zero", 5, ("groups: expected an integer >= 1, got 0",), {"groups": 0}),
        )
    ),
    *(
        misfit(_NAME, {**_ARRAYS, **inputs}, name, f"CONV_TRANSPOSE-{number}", word, **options)
        for name, number, word, inputs, options in (
            ("rank", 1, "x: expected 3 to 5 axes, got shape (2, 4)", {"x": normal(2, 4)}, {}),
            (
                "no-channels",
                1,
                "x: expected channel and spatial axes of at least 1, got shape (2, 0, 5)",
                {"x": normal(2, 0, 5), "weight": normal(0, 3, 2)},
                {},
            ),
            (
                "weight-layout",
                1,
                "weight: expected shape (4, out / groups, kernel) (axis 0: the 4 channels of x), got (3, 4, 2)",
                {"weight": normal(3, 4, 2)},
                {},
            ),
            (
                "no-outputs",
                1,
                "weight: expected at least 1 on axis 1, got shape (4, 0, 2)",
                {"weight": normal(4, 0, 2)},
                {},
            ),
            (
                "no-kernel",
                1,
                "weight: expected kernel axes of at least 1, got shape (4, 3, 0)",
                {"weight": normal(4, 3, 0)},
                {},
            ),
            (
                "bias-size",
                6,
                "bias: expected shape (6,) (axis 1 of weight, times groups = 2), got (3,)",
                {"bias": normal(3)},
                {"groups": 2},
            ),
            (
                "nothing-left",
                8,
                "x: expected spatial axes that leave a result of at least 1 along each, got (0,) ((5,) with "
                "kernel (2,), stride (1,), padding ((3, 3),), output_padding (0,) and dilation (1,))",
                {},
                {"padding": 3},
            ),
        )
    ),
    wrong_type(_NAME, _ALL, "x", (2, 4, 5), "CONV_TRANSPOSE-7"),
    wrong_type(_NAME, _ALL, "weight", (4, 3, 2), "CONV_TRANSPOSE-7"),
    wrong_type(_NAME, _ALL, "bias", (3,), "CONV_TRANSPOSE-7"),
    mixed(_NAME, _ALL, "weight", "CONV_TRANSPOSE-7"),
    mixed(_NAME, _ALL, "bias", "CONV_TRANSPOSE-7"),
]

_ONE_BY_ONE = one_by_one(
    _NAME,
    ("CONV_TRANSPOSE-1",),
    _images((3, 4), (2, 3), channels=2, out=2),
    lambda backend, **arrays: backend.conv_transpose(**arrays, stride=(2, 1)),
)

CASES: list[Case] = [*_QUICK, _ONE_BY_ONE, *_FULL, *_GRID, *_ERRORS]
