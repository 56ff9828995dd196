"""Shapes and dtypes: what the arrays say of themselves, and what they hold once on the host."""

from __future__ import annotations

import numpy as np

from nnspec_conformance.context import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """Every leaf of the eager result."""
    leaves = context.leaves("shapes")
    expected = [e.value for e in context.analysis.values]
    if len(leaves) != len(expected):
        return Outcome("fail", f"returned {len(leaves)} arrays, expected {len(expected)}")
    for i, (leaf, wanted) in enumerate(zip(leaves, expected, strict=True)):
        host = context.backend.to_numpy(leaf)
        if tuple(leaf.shape) != wanted.shape or host.shape != wanted.shape:
            return Outcome("fail", f"output {i}: says {tuple(leaf.shape)}, holds {host.shape}, expected {wanted.shape}")
        kind = wanted.dtype.kind
        if kind == "f" and str(host.dtype) != context.dtype:
            return Outcome("fail", f"output {i}: dtype {host.dtype}, expected {context.dtype}")
        if kind != "f" and np.dtype(host.dtype).kind != kind:
            return Outcome("fail", f"output {i}: dtype {host.dtype}, expected one like {wanted.dtype}")
    return Outcome("pass")
