"""What every elementwise activation is tried on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnspec.errors import ArgumentError, DTypeError
from nnspec_conformance.case import (
    Case,
    Level,
    Source,
    cases,
    error_case,
    integers,
    normal,
    regimes,
    values,
)

__all__ = [
    "FORWARD",
    "INF",
    "KINK",
    "NAN",
    "SHAPE",
    "TAILS",
    "beside",
    "elementwise",
    "no_floating_array",
    "refused_options",
    "repeated",
]

INF, NAN = math.inf, math.nan
#: one shape for most cases: JAX compiles once a shape
SHAPE = (7, 33)
FORWARD = ("values", "shapes", "purity", "repeat")


def repeated(entries: list[float], shape: tuple[int, ...] = SHAPE) -> Source:
    """These numbers over and over."""
    return values(np.resize(entries, shape))


def beside(*points: float) -> list[float]:
    """Each point with its neighbours in float32: which side the point is on, and that nothing else is."""
    near = (np.nextafter(np.float32(p), np.float32(side)) for p in points for side in (-INF, p, INF))
    return [float(x) for x in near]


#: around zero, of both signs, and the tails
KINK = [-2.0, -1e-30, -0.0, 0.0, 1e-30, 2.0, -1.0, 1.0]
_SPECIAL = [NAN, INF, -INF, 0.0, -0.0, 1.0]
_SUBNORMAL = repeated([1e-39, -1e-39, 1e-310, 3e-38, 1e-45])
_MAGNITUDES = (4.0, 6.5, 9.0, 14.0, 20.0, 80.0, 100.0, 1e3, 1e4)
TAILS = repeated([sign * x for x in _MAGNITUDES for sign in (-1, 1)])


def elementwise(
    operation: str,
    main: str,
    *,
    kink: tuple[str, ...],
    kinks: list[float] = KINK,
    special: tuple[str, ...] = (),
    specials: list[float] = _SPECIAL,
    options: Mapping[str, Any] | None = None,
    scalar: Level = "full",
) -> list[Case]:
    """Cases of one operation of an array `x`.

    Args:
        operation: its name.
        main: the requirement its formula is in.
        kink: requirements about single points, in the order of blame; none where there is nothing to say.
        kinks: those points.
        special: requirements about NaN and infinities.
        specials: the inputs those are about.
        options: keyword arguments of the call.
        scalar: at which level an array of rank 0 is tried.
    """
    given = options or {}
    found = regimes(operation, (main,), options=given)
    found += cases(
        operation,
        {
            "tails": {"inputs": {"x": TAILS}},
            "size-scalar": {"inputs": {"x": normal(mean=0.7, std=0.05)}, "level": scalar},  # no function is flat there
            "size-empty": {
                "inputs": {"x": normal(0, 3)},
                "checks": ("values", "shapes", "compiled"),
                "level": "full",
            },
            "size-cube": {"inputs": {"x": normal(5, 3, 4)}, "level": "full"},
            "size-long": {"inputs": {"x": normal(4099)}, "level": "full"},
            "transposed": {"inputs": {"x": normal(*SHAPE).laid_out("transposed")}},
            "strided": {"inputs": {"x": normal(*SHAPE).laid_out("strided")}},
            "subnormal": {"inputs": {"x": _SUBNORMAL}},
        },
        requires=(main,),
        options=given,
    )
    points: dict[str, tuple[tuple[str, ...], list[float], dict[str, Any]]] = {
        "kink": (kink, kinks, {}),
        "special": (special, specials, {"checks": FORWARD}),
    }
    for name, (requires, entries, more) in points.items():
        if requires:
            inputs = {"x": repeated(entries)}
            found.append(Case(operation=operation, name=name, requires=requires, inputs=inputs, options=given, **more))
    return found + no_floating_array(operation, main, given)


def no_floating_array(operation: str, requirement: str, options: Mapping[str, Any]) -> list[Case]:
    """Inputs that are no floating arrays are refused."""
    return [
        error_case(
            operation,
            "integer-input",
            (requirement,),
            lambda backend, x: getattr(backend, operation)(x, **options),
            DTypeError,
            "x: expected a floating array",
            inputs={"x": integers(3, high=5)},
        ),
        error_case(
            operation,
            "no-array",
            (requirement,),
            lambda backend: getattr(backend, operation)([1.0, 2.0], **options),
            DTypeError,
            "x: expected a floating array, got list",
        ),
    ]


def refused_options(
    operation: str, requirement: str, refused: Mapping[str, tuple[Mapping[str, Any], str]], *shape: int
) -> list[Case]:
    """Options outside of their range are refused: name -> the options and what the message says."""
    return [
        error_case(
            operation,
            name,
            (requirement,),
            lambda backend, x, options=options: getattr(backend, operation)(x, **options),
            ArgumentError,
            message,
            inputs={"x": normal(*(shape or (3,)))},
        )
        for name, (options, message) in refused.items()
    ]
