"""Bits: random words, masks and initial weights equal those of the specification to the bit."""

from __future__ import annotations

import numpy as np

from nnspec_conformance import limits
from nnspec_conformance.context import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """Every leaf of the eager result against the reference, rounded once to the dtype under test."""
    leaves = context.leaves("bits")
    expected = [e.value for e in context.analysis.values]
    if len(leaves) != len(expected):
        return Outcome("fail", f"returned {len(leaves)} arrays, expected {len(expected)}")
    for i, (leaf, wanted) in enumerate(zip(leaves, expected, strict=True)):
        got = context.backend.to_numpy(leaf)
        if wanted.dtype.kind == "f":
            wanted = wanted.astype(context.dtype)
        if got.shape != wanted.shape or got.dtype.kind != wanted.dtype.kind:
            return Outcome("fail", f"output {i}: {got.dtype} {got.shape}, expected {wanted.dtype} {wanted.shape}")
        differ = got != wanted
        if np.any(differ):
            index = tuple(int(k) for k in np.argwhere(differ)[0])
            named = [(f"output {n}", context.backend.to_numpy(x)) for n, x in enumerate(leaves)]
            return Outcome(
                "fail",
                f"output {i}: {int(differ.sum())} of {differ.size} entries differ, first at {index}: "
                f"expected {wanted[index]!r}, got {got[index]!r}",
                evidence=context.evidence(f"output {i}", named, context.analysis.values, limits.VALUES),
            )
    return Outcome("pass")
