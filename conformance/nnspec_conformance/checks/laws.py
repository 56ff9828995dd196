"""Laws: two ways to the same numbers agree within rounding; an option changes what it has to."""

from __future__ import annotations

from typing import Any

import numpy as np
import optree
from numpy.typing import NDArray

from nnspec.reference import Expected, SuiteError
from nnspec_conformance import limits
from nnspec_conformance.checks import values
from nnspec_conformance.context import Context, Outcome

__all__ = ["run", "shown"]

#: an option's effect is clear where it is so many times what rounding is granted in both results together
_CLEARLY = 8 * limits.VALUES


def run(context: Context) -> Outcome:
    """The case's differences against the reference's, which are 0; of an option, that there is a difference."""
    if context.case.options.get("law") == "option":
        return _changes(context)
    leaves = _results(context)
    return values.judge(context, optree.tree_leaves(leaves), exact=False)


def _results(context: Context) -> Any:
    """Compiled where the backend traces and there is something to trace: a law calls an operation several times."""
    return context.compiled()(context.inputs) if context.backend.traced and context.inputs else context.outputs


def _changes(context: Context) -> Outcome:
    before, after = (optree.tree_leaves(tree) for tree in _results(context))
    expected = context.analysis.values
    if len(before) + len(after) != len(expected):
        return Outcome("fail", f"returned {len(before)} and {len(after)} arrays, expected {len(expected)} together")
    first, second = expected[: len(before)], expected[len(before) :]
    found = shown(first, second)
    if found is None:
        got = [tuple(x.shape) for x in (*before, *after)]
        wanted = [x.value.shape for x in expected]
        return Outcome("pass") if got == wanted else Outcome("fail", f"shapes {got}, expected {wanted}")
    if not found:
        raise SuiteError(f"{context.case.id}: the reference does not show the option")
    for leaf, index in found:
        old, new = (context.backend.to_numpy(x[leaf]) for x in (before, after))
        if old.shape != new.shape or old.shape != first[leaf].value.shape:
            return Outcome("fail", f"output {leaf}: shapes {old.shape} and {new.shape}, expected {new.shape}")
        if not _apart(old, new, first[leaf], second[leaf], limits.VALUES)[index]:
            return Outcome("fail", f"output {leaf}{list(index)}: {old[index]} with either value of the option")
    return Outcome("pass")


def shown(first: list[Expected], second: list[Expected]) -> list[tuple[int, tuple[int, ...]]] | None:
    """Where two references differ most clearly, leaf by leaf; None where they differ in their shapes."""
    if [x.value.shape for x in first] != [x.value.shape for x in second]:
        return None
    found = []
    for leaf, (a, b) in enumerate(zip(first, second, strict=True)):
        clear = _apart(a.value, b.value, a, b, _CLEARLY)
        if np.any(clear):
            with np.errstate(all="ignore"):
                size = np.where(clear, np.nan_to_num(abs(a.value * 1.0 - b.value * 1.0), nan=np.inf), -1.0)
            found.append((leaf, tuple(int(i) for i in np.unravel_index(int(np.argmax(size)), size.shape))))
    return found


def _apart(x: Any, y: Any, a: Expected, b: Expected, times: float) -> NDArray[np.bool_]:
    """Where two results are further apart than so many units of both."""
    if a.unit is None or b.unit is None:
        return np.asarray(x != y)
    with np.errstate(all="ignore"):
        distance = abs(x.astype(np.longdouble) - y.astype(np.longdouble))
        apart = (
            (np.isnan(x) != np.isnan(y)) | (np.isfinite(x) != np.isfinite(y)) | (distance > times * (a.unit + b.unit))
        )
    return np.asarray(apart)
