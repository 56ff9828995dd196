"""What is expected of a program, and how far a result is from it, in units of rounding.

Apart from `nnspec.reference`, which computes what is expected, since that can be read from a file as well.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec._low_precision import is_floating_dtype, limits

__all__ = ["Analysis", "Expected", "Margin", "margin", "worst_margin"]


@dataclass(frozen=True)
class Expected:
    """One array that a backend should return."""

    #: extended precision where it is floating
    value: NDArray[Any]
    #: the size of one rounding; None where the result has to be equal to the bit
    unit: NDArray[Any] | None = None
    #: the same with exact inputs only: shows needless cancellation that inexact inputs would excuse
    unit_exact_inputs: NDArray[Any] | None = None
    #: where a finite value's intermediate results leave the dtype's range, so that a non-finite result is excused
    escaped: NDArray[np.bool_] | None = None
    #: its dtype where that is not the one under test
    dtype: str | None = None
    #: whether any rounding, be it of the inputs, moves any of it; integers and booleans are taken to move
    moves: bool = True
    #: what `value` lacks of the reference, where that is kept as the sum of two narrower numbers
    remainder: NDArray[Any] | None = None

    @functools.cached_property
    def _scales(self) -> dict[str, _Scale]:
        """By dtype: several backends and checks ask for the same."""
        return {}

    def scale(self, dtype: str) -> _Scale:
        """What distances are measured by in a dtype."""
        if dtype not in self._scales:
            self._scales[dtype] = _Scale.of(self, dtype)
        return self._scales[dtype]


@dataclass(frozen=True)
class _Scale:
    """What does not depend on a result of what is expected of it."""

    #: the reference rounded, where that is infinite or NaN; None where it is nowhere
    beyond: NDArray[Any] | None
    #: where the reference is NaN; None where it is nowhere
    undefined: NDArray[np.bool_] | None
    #: where a non-finite result is excused; None where it is nowhere
    excused: NDArray[np.bool_] | None
    #: the size of one rounding, and with exact inputs
    units: tuple[NDArray[Any], ...]

    @classmethod
    def of(cls, expected: Expected, dtype: str) -> _Scale:
        wanted, escaped = expected.value, expected.escaped
        rounded = np.asarray(wanted).astype(dtype).astype(wanted.dtype)
        strict = limits(dtype).eps / 2 * abs(wanted) + limits(dtype).smallest_normal
        units = [u for u in (expected.unit, expected.unit_exact_inputs) if u is not None]
        undefined = np.isnan(wanted)
        return cls(
            beyond=None if np.isfinite(rounded).all() else np.where(np.isfinite(rounded), np.nan, rounded),
            undefined=undefined if undefined.any() else None,
            excused=escaped if escaped is not None and escaped.any() else None,
            units=tuple(np.where(np.isfinite(unit), unit, strict) for unit in units),
        )


@dataclass(frozen=True)
class Analysis:
    """Everything expected of a program at given inputs."""

    #: one a leaf of the result
    values: list[Expected]
    #: one a differentiated input, by name
    gradients: dict[str, Expected]
    #: the random cotangents the gradients belong to, one a leaf; None where the leaf is not floating
    cotangents: list[NDArray[Any] | None]
    #: the same at inputs whose subnormal entries count as 0, where there are any
    flushed: Analysis | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Margin:
    """How far a result is from what was expected, at its worst element."""

    margin: float
    margin_exact_inputs: float
    unit: float
    #: index of the worst element
    index: tuple[int, ...]
    expected: float
    got: float

    def __str__(self) -> str:
        where = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        return (
            f"worst element{where}: expected {self.expected:.9g}, got {self.got:.9g}, "
            f"{self.margin:.3g} units of {self.unit:.3g}"
        )


def margin(got: NDArray[Any], expected: Expected, dtype: str, *, exact: bool = False) -> Margin:
    """The worst |got - expected| in units of rounding.

    Args:
        got: same shape as expected (the caller has checked).
        expected: the reference.
        dtype: the dtype under test; a reference beyond its range is expected as infinity.
        exact: equality of the rounded reference is asked, NaN equal to NaN; a difference counts as infinite.
    """
    dtype = expected.dtype or dtype
    if expected.unit is None or exact:
        return _equality(got, expected, dtype)
    with np.errstate(all="ignore"):
        wanted, scale = expected.value, expected.scale(dtype)
        result = got.astype(wanted.dtype)
        distance = abs(result - wanted)
        same = result == wanted
        if expected.remainder is not None:
            distance = abs(result - wanted - expected.remainder)
            same &= expected.remainder == 0
        if scale.undefined is not None:
            same |= np.isnan(result) & scale.undefined
        if scale.beyond is not None:
            same |= result == scale.beyond
        if scale.excused is not None:
            same |= ~np.isfinite(result) & scale.excused
        distance = np.where(same, 0.0, distance)
        ratios = [_ratio(distance, unit) for unit in scale.units]
    return _worst(ratios[0], ratios[-1], expected.unit, wanted, got)


def worst_margin(
    got: Sequence[tuple[str, NDArray[Any]]],
    expected: Sequence[Expected],
    flushed: Sequence[Expected] | None,
    dtype: str,
    *,
    exact: bool,
) -> tuple[str, Margin | None]:
    """The worst margin of several arrays, and the name of the array it is in.

    A subnormal input may count as 0: where there are any, the better of two references decides.
    """
    found: tuple[str, Margin | None] = ("", None)
    for i, ((name, array), wanted) in enumerate(zip(got, expected, strict=True)):
        here = margin(array, wanted, dtype, exact=exact)
        if flushed is not None:
            here = min(here, margin(array, flushed[i], dtype, exact=exact), key=lambda m: m.margin)
        if found[1] is None or here.margin > found[1].margin:
            found = (name, here)
    return found


def _ratio(distance: NDArray[Any], unit: NDArray[Any]) -> NDArray[Any]:
    ratio = distance / unit
    unknown = np.isnan(ratio)
    return np.where(distance == 0, 0.0, np.where(unknown, np.inf, ratio)) if unknown.any() else ratio


def _equality(got: NDArray[Any], expected: Expected, dtype: str) -> Margin:
    wanted = expected.value
    if is_floating_dtype(wanted.dtype):
        with np.errstate(all="ignore"):
            wanted = wanted.astype(dtype)
        equal = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    else:
        equal = got == wanted
    ratio = np.where(equal, 0.0, np.inf)
    return _worst(ratio, ratio, np.zeros(wanted.shape), wanted, got)


def _worst(ratio: Any, ratio_exact: Any, unit: Any, wanted: Any, got: Any) -> Margin:
    if ratio.size == 0:
        return Margin(0.0, 0.0, 0.0, (), 0.0, 0.0)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(ratio)), ratio.shape))
    return Margin(
        margin=float(ratio[index]),
        margin_exact_inputs=float(np.max(ratio_exact)),
        unit=float(unit[index]),
        index=index,
        expected=float(wanted[index]),
        got=float(got[index]),
    )
