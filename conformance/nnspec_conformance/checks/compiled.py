"""Compiled: a case gives the reference's values eagerly and through `Backend.compile` alike."""

from __future__ import annotations

import numpy as np
import optree

from nnspec_conformance.checks import values
from nnspec_conformance.context import Context, Outcome
from nnspec_conformance.thinning import is_sample

__all__ = ["run"]

#: so many calls of a function that a backend which records what it does, to repeat that, repeats it
_OFTEN = 8


def _calls(context: Context) -> int:
    """How often the function is called: recording takes time, and one operation in sixteen stands for the others."""
    return _OFTEN if is_sample(context.case, context.dtype) else 2


def run(context: Context) -> Outcome:
    """The way of calling that the other checks did not take, against the reference (fusing may round differently)."""
    backend = context.backend
    if context.traces:
        return values.judge(context, optree.tree_leaves(context.eager()))
    compiled = context.compiled()
    with np.errstate(all="ignore"):
        first, *more = (optree.tree_leaves(compiled(context.inputs)) for _ in range(_calls(context)))
    outcome = values.judge(context, first)
    if outcome.verdict != "pass":
        return outcome
    for i, again in enumerate(more):
        for a, b in zip(first, again, strict=True):
            if not np.array_equal(backend.to_numpy(a), backend.to_numpy(b), equal_nan=True):
                return Outcome("fail", f"call {i + 2} of the compiled function differs from the first")
    if hasattr(context.case.program, "uses_up"):
        with np.errstate(all="ignore"):
            used_up = values.judge(context, optree.tree_leaves(context.donated()))
        if used_up.verdict != "pass":
            return Outcome(used_up.verdict, f"with donated inputs: {used_up.message}", used_up.margin, used_up.evidence)
    return outcome
