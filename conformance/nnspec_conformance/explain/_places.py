"""The rule of places: which entries are wrong, where that has a pattern and the rest is right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec_conformance.explain._evidence import Evidence

__all__ = ["only_there"]

#: axes shorter than this have no pattern
_SHORT = 3


def only_there(e: Evidence) -> str | None:
    """Where it is wrong: one row, the end of an axis, or where an input has certain values."""
    wrong = e.wrong
    if not np.any(wrong) or np.all(wrong):
        return None
    for found in (_by_value(e, wrong), _along_an_axis(e, wrong)):
        if found is not None:
            return found
    return None


def _along_an_axis(e: Evidence, wrong: NDArray[np.bool_]) -> str | None:
    for axis, length in enumerate(wrong.shape):
        others = tuple(i for i in range(wrong.ndim) if i != axis)
        bad = np.flatnonzero(np.any(wrong, axis=others))
        if length < _SHORT or len(bad) > length // 2:
            continue
        zero = ", and is 0" if np.all(np.take(e.result, bad, axis) == 0) else ""
        if len(bad) == 1:
            which = {0: " (the first)", length - 1: " (the last)"}.get(int(bad[0]), "")
            return f"one row is wrong: index {bad[0]}{which} of axis {axis}{zero}; the rest is right"
        if bad[-1] == length - 1 and len(bad) == length - bad[0]:
            return f"the end is wrong: axis {axis} from index {bad[0]}{zero}; the rest is right"
        if bad[0] == 0 and len(bad) == bad[-1] + 1:
            return f"the beginning is wrong: axis {axis} up to index {bad[-1]}{zero}; the rest is right"
    return None


def _by_value(e: Evidence, wrong: NDArray[np.bool_]) -> str | None:
    """Wrong exactly where an input of the same shape has one value, or lies beyond one."""
    for name, given in e.inputs.items():
        if given.shape != wrong.shape or given.dtype.kind == "b":
            continue
        x = given.astype(np.longdouble)
        if (at := _one_value(x, wrong)) is not None:
            return f"wrong exactly where {name} is {at}; right elsewhere"
        if int(wrong.sum()) >= _SHORT and int((~wrong).sum()) >= _SHORT and np.all(np.isfinite(x)):
            for told, size in ((name, x), (f"|{name}|", abs(x))):
                if (side := _one_side(size[wrong], size[~wrong])) is not None:
                    return f"wrong exactly where {told} {side}"
    return None


def _one_side(wrong: Any, right: Any) -> str | None:
    """Whether one number separates them."""
    if np.min(wrong) > np.max(right):
        return f">= {_number(np.min(wrong))}; right where it is <= {_number(np.max(right))}"
    if np.max(wrong) < np.min(right):
        return f"<= {_number(np.max(wrong))}; right where it is >= {_number(np.min(right))}"
    return None


def _one_value(x: Any, wrong: NDArray[np.bool_]) -> str | None:
    first = x[wrong][0]
    same = np.isnan(x) if np.isnan(first) else x == first
    return _number(first) if np.array_equal(same, wrong) else None


def _number(x: Any) -> str:
    return f"{float(x) + 0.0:.6g}"
