"""Inputs for group_norm and instance_norm."""

from __future__ import annotations

import math
from typing import Any

from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec_conformance.case import Case, Source, cases, error_case, integers, normal, values
from nnspec_conformance.cases.normalization._common import EPS, NAN, mixed, rejected

__all__ = ["CASES"]


def _images(*shape: int, mean: float = 0.0, std: float = 1.0, affine: str = "weight bias") -> Any:
    """x, and the affine parameters asked for, which show."""
    more = {"weight": normal(shape[1], mean=1.5), "bias": normal(shape[1], mean=3.0)}
    return {"x": normal(*shape, mean=mean, std=std), **{name: more[name] for name in affine.split()}}


def _laid_out(layout: Any, *shape: int) -> Any:
    return {n: s.laid_out(layout) for n, s in _images(*shape).items()}


def _group_turned(backend: Any, x: Any, weight: Any, bias: Any) -> Any:
    """Of images stored with their channels last; the cotangent comes in that layout too."""
    xp = backend.xp
    y = backend.group_norm(xp.permute_dims(x, (0, 3, 1, 2)), weight, bias, groups=2, eps=0.1)
    return xp.permute_dims(y, (0, 2, 3, 1))


def _instance_turned(backend: Any, x: Any, weight: Any, bias: Any) -> Any:
    """Of images stored with their channels last; the cotangent comes in that layout too."""
    xp = backend.xp
    return xp.permute_dims(backend.instance_norm(xp.permute_dims(x, (0, 3, 1, 2)), weight, bias, eps=0.1), (0, 2, 3, 1))


def _group_residual(backend: Any, x: Any, weight: Any) -> Any:
    """Beside a path that receives the same cotangent, which the gradient may not overwrite."""
    return backend.group_norm(x, weight, groups=2) + x


def _two_eps(backend: Any, **arrays: Any) -> Any:
    """The same call twice with one number changed."""
    return [backend.instance_norm(**arrays, eps=eps) for eps in (0.1, 10.0)]


_TWO: dict[str, Any] = {"groups": 2, "eps": 0.1}

_GROUP = cases(
    "group_norm",
    {
        # batch, channels, groups and positions all differ
        "images": {"inputs": _images(3, 6, 4, 5), "requires": ("GROUP_NORM-1", "GROUP_NORM-3"), "options": _TWO},
        "small": {"inputs": _images(3, 6, 4, 5, std=0.3), "requires": ("GROUP_NORM-2",), "options": _TWO},
        "large-mean": {
            "inputs": _images(3, 6, 4, 5, mean=1e3),
            "requires": ("GROUP_NORM-4",),
            "options": _TWO,
        },
        "rows": {
            "inputs": _images(5, 6, affine=""),
            "requires": ("GROUP_NORM-1", "GROUP_NORM-2"),
            "options": {"groups": 3},
        },
        "one-value": {
            "inputs": _images(3, 4, mean=3.0),
            "requires": ("GROUP_NORM-5",),
            "options": {"groups": 4},
        },
    },
)

_GROUP_FULL = cases(
    "group_norm",
    {
        "one-group": {"inputs": _images(3, 6, 4), "options": {"groups": 1}},
        "channels": {"inputs": _images(3, 6, 4), "options": {"groups": 6}},
        "volume": {"inputs": _images(2, 4, 2, 3, 5), "options": _TWO},
        "one-sample": {"inputs": _images(1, 6, 4, 5), "options": _TWO},
        "two-values": {"inputs": _images(7, 6), "options": {"groups": 3, "eps": 0.1}},
        "many": {"inputs": _images(2, 64, 17, mean=-3.0), "options": {"groups": 32}},
        "long": {"inputs": _images(1, 4, 1025), "options": {"groups": 2}},
        "weight-alone": {"inputs": _images(3, 6, 5, affine="weight"), "options": _TWO},
        "bias-alone": {"inputs": _images(3, 6, 5, affine="bias"), "options": _TWO},
        "tiny": {"inputs": _images(3, 6, 5, std=1e-18), "options": {"groups": 2}},
        "huge": {"inputs": _images(3, 6, 5, std=1e17), "options": {"groups": 2}},
        "wide": {"inputs": _images(3, 6, 5, std=30.0), "options": {"groups": 2}},
        "larger-mean": {"inputs": _images(3, 6, 5, mean=1e4), "options": {"groups": 2}},
        "constant": {
            "inputs": {**_images(2, 4, 3), "x": values([[[2.0] * 3] * 2 + [[-1.0] * 3] * 2] * 2)},
            "options": _TWO,
        },
        "one-position": {"inputs": _images(3, 4, 1, 1, mean=-7.0), "options": {"groups": 4}},
        "empty": {"inputs": _images(0, 6, 4), "options": _TWO, "level": "quick"},
        "no-positions": {"inputs": _images(2, 6, 0), "options": _TWO},
        "strided": {"inputs": _laid_out("strided", 3, 6, 4, 5), "options": _TWO},
        "transposed": {"inputs": _laid_out("transposed", 3, 6, 4, 4), "options": _TWO},
        "channels-last": {"inputs": {**_images(3, 6, 2), "x": normal(3, 4, 5, 6)}, "program": _group_turned},
        "residual": {"inputs": _images(3, 6, 5, affine="weight"), "program": _group_residual},
        **{
            f"gradient-{'-'.join(names)}": {"inputs": _images(3, 6, 5), "options": _TWO, "differentiate": names}
            for names in (("x",), ("weight",), ("bias",), ("x", "bias"), ("weight", "bias"))
        },
    },
    requires=("GROUP_NORM-1", "GROUP_NORM-2"),
    level="full",
)

_TENTH = {"eps": 0.1}

_INSTANCE = cases(
    "instance_norm",
    {
        "images": {
            "inputs": _images(3, 4, 5, 2),
            "requires": ("INSTANCE_NORM-1", "INSTANCE_NORM-3"),
            "options": _TENTH,
        },
        "small": {"inputs": _images(3, 4, 5, 2, std=0.3), "requires": ("INSTANCE_NORM-2",), "options": _TENTH},
        "large-mean": {
            "inputs": _images(3, 4, 5, 2, mean=1e3),
            "requires": ("INSTANCE_NORM-4",),
            "options": _TENTH,
        },
        "lines": {
            "inputs": _images(2, 3, 17, affine=""),
            "requires": ("INSTANCE_NORM-1", "INSTANCE_NORM-2"),
        },
        "one-value": {"inputs": _images(3, 4, 1, mean=3.0), "requires": ("INSTANCE_NORM-5",)},
    },
)

_INSTANCE_FULL = cases(
    "instance_norm",
    {
        "eps": {"inputs": _images(3, 4, 7, std=0.3), "program": _two_eps},
        "volume": {"inputs": _images(2, 3, 2, 4, 3)},
        "one-sample": {"inputs": _images(1, 4, 5, 2)},
        "one-channel": {"inputs": _images(3, 1, 5, 2)},
        "two-values": {"inputs": _images(7, 3, 2), "options": _TENTH},
        "long": {"inputs": _images(1, 2, 1025, mean=-3.0)},
        "weight-alone": {"inputs": _images(3, 4, 5, affine="weight")},
        "bias-alone": {
            "inputs": _images(3, 4, 5, affine="bias"),
            "requires": ("INSTANCE_NORM-1", "INSTANCE_NORM-2", "INSTANCE_NORM-3"),
        },
        "tiny": {"inputs": _images(3, 4, 5, std=1e-18)},
        "huge": {"inputs": _images(3, 4, 5, std=1e17)},
        "wide": {"inputs": _images(3, 4, 5, std=30.0)},
        "larger-mean": {"inputs": _images(3, 4, 5, mean=1e4)},
        "constant": {"inputs": {**_images(2, 2, 3), "x": values([[[2.0] * 3, [-1.0] * 3]] * 2)}},
        "one-pixel": {"inputs": _images(3, 4, 1, 1, mean=-7.0)},
        "empty": {"inputs": _images(0, 4, 5), "level": "quick"},
        "no-positions": {"inputs": _images(2, 4, 0)},
        "strided": {"inputs": _laid_out("strided", 3, 4, 5, 2)},
        "transposed": {"inputs": _laid_out("transposed", 3, 4, 5, 5)},
        "channels-last": {"inputs": {**_images(3, 4, 2), "x": normal(3, 5, 2, 4)}, "program": _instance_turned},
    },
    requires=("INSTANCE_NORM-1", "INSTANCE_NORM-2"),
    level="full",
)

# -- errors -------------------------------------------------------------------------------------------------


def _no_groups(backend: Any, x: Any) -> Any:
    return backend.group_norm(x, groups=None)


def _bad(operation: str, name: str, requirement: str, error: type[NnspecError], *words: str, **options: Any) -> Case:
    """Good arrays, bad options; or an array in the place of a good one."""
    arrays = {n: options.pop(n) for n in list(options) if isinstance(options[n], Source)}
    options = {"groups": 2, **options} if operation == "group_norm" else options
    return rejected(operation, name, requirement, error, *words, inputs={**_images(2, 6, 3), **arrays}, **options)


def _both(operation: str, channels: str, eps: str) -> list[Case]:
    size = "expected shape (6,) (the channels of x), got"
    fewest = 2 if operation == "group_norm" else 3
    needed: dict[str, Any] = {"groups": 2} if operation == "group_norm" else {}
    return [
        _bad(operation, "weight-size", channels, ShapeError, f"weight: {size} (2,)", weight=normal(2)),
        _bad(operation, "bias-size", channels, ShapeError, f"bias: {size} (1, 6)", bias=normal(1, 6)),
        _bad(
            operation,
            "rank",
            channels,
            ShapeError,
            f"x: expected at least {fewest} axes, got shape {(6,) * (fewest - 1)}",
            x=normal(*(6,) * (fewest - 1)),
        ),
        *(
            _bad(
                operation,
                f"integer-{name}",
                channels,
                DTypeError,
                f"{name}: expected a floating array",
                **{name: integers(*shape, high=5)},
            )
            for name, shape in (("x", (2, 6, 3)), ("weight", (6,)), ("bias", (6,)))
        ),
        _bad(operation, "eps-zero", eps, ArgumentError, f"{EPS} 0", eps=0),
        _bad(operation, "eps-nan", eps, ArgumentError, f"{EPS} nan", eps=NAN),
        _bad(operation, "eps-infinite", eps, ArgumentError, f"{EPS} inf", eps=math.inf),
        *(mixed(operation, name, channels, _images(2, 6, 3), **needed) for name in ("weight", "bias")),
    ]


_COUNT = "groups: expected an integer >= 1, got"
_ERRORS = [
    *_both("group_norm", "GROUP_NORM-3", "GROUP_NORM-2"),
    *_both("instance_norm", "INSTANCE_NORM-3", "INSTANCE_NORM-2"),
    _bad(
        "group_norm",
        "groups",
        "GROUP_NORM-6",
        ArgumentError,
        "groups: expected a divisor of the 6 channels of x, got 4",
        groups=4,
    ),
    _bad("group_norm", "groups-zero", "GROUP_NORM-6", ArgumentError, f"{_COUNT} 0", groups=0),
    _bad("group_norm", "groups-negative", "GROUP_NORM-6", ArgumentError, f"{_COUNT} -1", groups=-1),
    error_case(
        "group_norm",
        "groups-none",
        ("GROUP_NORM-6",),
        _no_groups,
        ArgumentError,
        f"{_COUNT} None",
        inputs={"x": normal(2, 6, 3)},
    ),
]

CASES: list[Case] = [*_GROUP, *_GROUP_FULL, *_INSTANCE, *_INSTANCE_FULL, *_ERRORS]
