"""What a rule gets to see of a wrong result, and the one way in which it may compare: in units of rounding."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec._low_precision import is_floating_dtype, limits
from nnspec.margins import Analysis, Expected

__all__ = ["Evidence"]

Array = NDArray[Any]
#: the case with something changed: words for the change, and what would then be expected of the same array
Hypothesis = tuple[str, Callable[[], Expected]]


@dataclass(frozen=True, eq=False)
class Evidence:
    """One array that came out wrong.

    Rules take a result for explained only where every entry lies within the suite's limit of what the explanation
    predicts, in units of rounding.
    """

    #: "", "output 1", "gradient of x"
    name: str
    got: Array
    expected: Expected
    #: under test
    dtype: str
    #: units that are granted
    limit: float
    inputs: Mapping[str, Array]
    #: what else was expected, by what it is called
    others: Mapping[str, Array] = field(default_factory=dict)
    hypotheses: tuple[Hypothesis, ...] = ()

    @functools.cached_property
    def roundoff(self) -> float:
        return float(limits(self.expected.dtype or self.dtype).eps) / 2

    @functools.cached_property
    def is_floating(self) -> bool:
        return is_floating_dtype(self.expected.value.dtype)

    @functools.cached_property
    def value(self) -> Array:
        """What was expected, at extended precision."""
        return self.expected.value.astype(np.longdouble)

    @functools.cached_property
    def result(self) -> Array:
        """What came, at extended precision."""
        with np.errstate(all="ignore"):
            return np.asarray(self.got).astype(np.longdouble)

    @functools.cached_property
    def unit(self) -> Array:
        return self.unit_of(self.expected)

    def unit_of(self, expected: Expected) -> Array:
        """The size of one rounding, entry by entry; one of the value where equality is asked."""
        if not self.is_floating:
            return np.zeros(expected.value.shape, np.longdouble)
        strict = self.roundoff * abs(expected.value.astype(np.longdouble))
        if expected.unit is None:
            return strict
        unit = expected.unit.astype(np.longdouble)
        return np.where(np.isfinite(unit), unit, strict)

    def close(self, candidate: Array, unit: Array) -> NDArray[np.bool_]:
        """Where the result is what a candidate says."""
        with np.errstate(all="ignore"):
            same = (self.result == candidate) | (np.isnan(self.result) & np.isnan(candidate))
            return np.asarray(same | (abs(self.result - candidate) <= self.limit * unit))

    def explained_by(self, candidate: Array, unit: Array) -> bool:
        """Whether a candidate, which is not what was expected, says all of the result."""
        if candidate.shape != self.result.shape or not np.all(self.close(candidate, unit)):
            return False
        return bool(np.any(self.apart(candidate, unit)))

    def apart(self, candidate: Array, unit: Array) -> NDArray[np.bool_]:
        """Where a candidate says clearly something else than what was expected."""
        with np.errstate(all="ignore"):
            both = abs(candidate - self.value) > self.limit * (unit + self.unit)
            return np.asarray(both | (np.isnan(candidate) != np.isnan(self.value)))

    @functools.cached_property
    def wrong(self) -> NDArray[np.bool_]:
        """Where it is not what was expected."""
        if self.expected.unit is None:  # equality is asked, of what is rounded once
            with np.errstate(all="ignore"):
                wanted = (
                    self.expected.value.astype(self.expected.dtype or self.dtype) if self.is_floating else self.value
                )
                wanted = wanted.astype(np.longdouble)
            return np.asarray(~((self.result == wanted) | (np.isnan(self.result) & np.isnan(wanted))))
        return ~self.close(self.value, self.unit)

    @functools.cached_property
    def called(self) -> str:
        """The array as a sentence begins with it."""
        return self.name or "the result"

    @classmethod
    def of(
        cls,
        name: str,
        got: list[tuple[str, Array]],
        wanted: Mapping[str, Expected],
        **known: Any,
    ) -> Evidence:
        """Of the array of that name among several."""
        others = {n: e.value for n, e in wanted.items() if n != name}
        return cls(name, dict(got)[name], wanted[name], others=others, **known)


def picked(analysis: Analysis, name: str) -> Expected:
    """The same array of another analysis."""
    if name.startswith("gradient of "):
        return analysis.gradients[name.removeprefix("gradient of ")]
    return analysis.values[int(name.removeprefix("output ") or 0)]
