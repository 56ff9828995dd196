"""Checks that would prove nothing if they passed, decided from the reference alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnspec._low_precision import is_floating_dtype
from nnspec.reference import Expected
from nnspec_conformance.context import Context

__all__ = ["vacuous"]

#: a larger share of zeros than this is as good as nothing but zeros
_MOSTLY = 0.95
#: checks that compare the results with the reference
_OF_VALUES = frozenset({"values", "bits", "compiled", "trajectory"})


def vacuous(context: Context, check: str) -> str | None:
    """Why a check of the case proves nothing though it passes; None if it does prove something.

    Inputs that are a kink, a tie or special speak for themselves, and so does an empty result. Other kinds of check
    do not compare results with the reference; of laws it is 0 by their nature.
    """
    if context.case.sharp:
        return None
    if check in _OF_VALUES:
        return _why(context.analysis.values, "value", _is_fed(context))
    if check == "gradients":
        return _why(list(context.analysis.gradients.values()), "gradient", fed=False)
    return None


def _is_fed(context: Context) -> bool:
    return any(source.floating for source in context.case.inputs.values())


def _why(expected: Sequence[Expected], noun: str, fed: bool) -> str | None:
    arrays = [np.asarray(e.value) for e in expected if e.value.size]
    size = sum(a.size for a in arrays)
    if not size:
        return None
    zeros = sum(a.size - int(np.count_nonzero(a)) for a in arrays)
    if zeros > _MOSTLY * size:
        return f"{zeros} of {size} expected {noun}s are 0"
    first = arrays[0].flat[0]
    if size > 1 and all(bool(np.all((a == first) | ((a != a) & (first != first)))) for a in arrays):
        return f"all {size} expected {noun}s are {first:.6g}"
    floating = [e for e in expected if e.value.size and is_floating_dtype(e.value.dtype)]
    if fed and len(floating) == len(arrays) and not any(e.moves for e in floating):
        return f"no floating input moves any of {size} expected {noun}s"
    return None
