"""Repeat: a second call returns the same bits."""

from __future__ import annotations

import numpy as np
import optree

from nnspec_conformance.context import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """The same arrays through the operation once more."""
    first = context.leaves("repeat")
    again = optree.tree_leaves(context.call())
    for i, (a, b) in enumerate(zip(first, again, strict=True)):
        x, y = context.backend.to_numpy(a), context.backend.to_numpy(b)
        if x.tobytes() != y.tobytes() and not np.array_equal(x, y, equal_nan=True):
            return Outcome("fail", f"output {i}: the second call differs from the first")
    return Outcome("pass")
