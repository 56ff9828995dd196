"""Shapes and dtypes: what the arrays say of themselves, and what they hold once on the host."""

from __future__ import annotations

import numpy as np

from nnspec_conformance.context import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """Every leaf of the eager result."""
    leaves = context.leaves("shapes")
    expected = context.analysis.values
    if len(leaves) != len(expected):
        return Outcome("fail", f"returned {len(leaves)} arrays, expected {len(expected)}")
    for i, (leaf, wanted) in enumerate(zip(leaves, expected, strict=True)):
        host = context.backend.to_numpy(leaf)
        shape, dtype = wanted.value.shape, wanted.value.dtype
        if tuple(leaf.shape) != shape or host.shape != shape:
            return Outcome("fail", f"output {i}: says {tuple(leaf.shape)}, holds {host.shape}, expected {shape}")
        if dtype.kind == "f" and str(host.dtype) != (wanted.dtype or context.dtype):
            return Outcome("fail", f"output {i}: dtype {host.dtype}, expected {wanted.dtype or context.dtype}")
        if dtype.kind != "f" and np.dtype(host.dtype).kind != dtype.kind:
            return Outcome("fail", f"output {i}: dtype {host.dtype}, expected one like {dtype}")
    return Outcome("pass")
