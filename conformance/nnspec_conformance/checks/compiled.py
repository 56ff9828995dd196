"""Compiled: `Backend.compile` of the case gives the reference's values too."""

from __future__ import annotations

from typing import Any

import numpy as np
import optree

from nnspec_conformance.checks import values
from nnspec_conformance.context import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """The compiled result against the reference (not against eager: fusing may round differently)."""
    backend, case = context.backend, context.case
    if backend.traced and case.differentiated and len(context.pulled[0]) == len(context.analysis.values):
        return values.judge(context, context.pulled[0])  # compiled there already

    def program(arrays: dict[str, Any]) -> Any:
        return case.run(backend, **arrays)

    compiled = backend.compile(program)
    with np.errstate(all="ignore"):
        first = optree.tree_leaves(compiled(context.inputs))
        again = optree.tree_leaves(compiled(context.inputs))
    outcome = values.judge(context, first)
    if outcome.verdict != "pass":
        return outcome
    for a, b in zip(first, again, strict=True):
        if not np.array_equal(backend.to_numpy(a), backend.to_numpy(b), equal_nan=True):
            return Outcome("fail", "the second call of the compiled function differs from the first")
    return outcome
