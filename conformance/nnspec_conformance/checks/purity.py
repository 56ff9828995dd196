"""Purity: no call changes its inputs."""

from __future__ import annotations

import numpy as np

from nnspec._low_precision import is_floating_dtype
from nnspec_conformance.context import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """The inputs after the calls of the other checks, forward and backward, against what they were."""
    context.leaves("purity")
    for name, array in context.inputs.items():
        before, after = context.numpy_inputs[name], context.backend.to_numpy(array)
        if not np.array_equal(before, after.astype(before.dtype), equal_nan=is_floating_dtype(before.dtype)):
            return Outcome("fail", f"{name}: changed by the call")
    return Outcome("pass")
