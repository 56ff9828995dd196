"""Compiled: a case gives the reference's values eagerly and through `Backend.compile` alike."""

from __future__ import annotations

import numpy as np
import optree

from nnspec_conformance.checks import values
from nnspec_conformance.context import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """The way of calling that the other checks did not take, against the reference (fusing may round differently)."""
    backend = context.backend
    if context.traces:
        return values.judge(context, optree.tree_leaves(context.eager()))
    compiled = context.compiled()
    with np.errstate(all="ignore"):
        first = optree.tree_leaves(compiled(context.inputs))
        again = optree.tree_leaves(compiled(context.inputs))
    outcome = values.judge(context, first)
    if outcome.verdict != "pass":
        return outcome
    for a, b in zip(first, again, strict=True):
        if not np.array_equal(backend.to_numpy(a), backend.to_numpy(b), equal_nan=True):
            return Outcome("fail", "the second call of the compiled function differs from the first")
    if hasattr(context.case.program, "uses_up"):
        with np.errstate(all="ignore"):
            used_up = values.judge(context, optree.tree_leaves(context.donated()))
        if used_up.verdict != "pass":
            return Outcome(used_up.verdict, f"with donated inputs: {used_up.message}", used_up.margin, used_up.evidence)
    return outcome
