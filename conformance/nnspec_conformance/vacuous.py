"""Checks that prove nothing where they pass: what ignores its inputs would pass as well. Decided from the reference."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.reference import Expected
from nnspec_conformance import limits
from nnspec_conformance.case import Case
from nnspec_conformance.context import Context

__all__ = ["MEANT", "meant", "vacuous"]

#: patterns of case ids -> why the constant is what the case is about; every one is needed, which a test proves
MEANT: dict[str, str] = {}

#: checks that compare the results with the reference
_OF_VALUES = frozenset({"values", "bits", "compiled", "trajectory"})


def vacuous(context: Context, check: str) -> str | None:
    """Why a check of the case proves nothing though it passes; None if it does prove something.

    Nothing is vacuous about inputs that are a kink, a tie or special, nor about empty ones: there the claim is the
    very constant. Other kinds of check do not compare results with the reference, of which laws expect 0.
    """
    if check != "gradients" and check not in _OF_VALUES:
        return None
    if context.case.sharp or any(x.size == 0 for x in context.numpy_inputs.values()):
        return None
    gradients = list(context.analysis.gradients.values())
    if check == "gradients":
        return "gradients of 0 would pass" if _are_zero(gradients, exact=False) else None
    values = [e for e in context.analysis.values if e.value.size]
    exact = context.exact or check == "bits"
    if not values:
        return None
    if _are_zero(values, exact=exact):
        return f"{_count(values)} of 0 would pass"
    moves = any(e.moves for e in values) and not (gradients and _are_zero(gradients, exact=False))
    if not moves and _are_one(values, exact=exact):
        return f"{_count(values)} of {float(values[0].value.flat[0]):.6g} would pass"
    return None


@functools.lru_cache(maxsize=None)
def meant(case: Case) -> str | None:
    """Why a case is about a constant; None where that would be an accident. Derived cases are like their base."""
    written = case if case.derivation is None else case.derivation.base
    return next((why for pattern, why in MEANT.items() if fnmatchcase(written.id, pattern)), None)


def _count(values: Sequence[Expected]) -> str:
    size = sum(e.value.size for e in values)
    return "one value" if size == 1 else f"{size} values"


def _are_zero(expected: Sequence[Expected], *, exact: bool) -> bool:
    bounds = [_bounds(e, exact) for e in expected]
    return all(bool(np.all((low <= 0) & (0 <= high))) for low, high in bounds)


def _are_one(expected: Sequence[Expected], *, exact: bool) -> bool:
    """Whether one constant would pass for all of them."""
    bounds = [_bounds(e, exact) for e in expected]
    lowest, highest = max(np.max(low) for low, _ in bounds), min(np.min(high) for _, high in bounds)
    return bool(lowest <= highest) or all(bool(np.all(e.value != e.value)) for e in expected)


def _bounds(e: Expected, exact: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """What would pass, from and to."""
    value = np.asarray(e.value)
    if e.unit is None or exact:
        return value, value
    reach = min(limits.VALUES, limits.GRADIENTS) * np.where(np.isfinite(e.unit), e.unit, 0)
    return value - reach, value + reach
