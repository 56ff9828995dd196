"""Purity: no call changes its inputs or what lies around them, nor anything that belongs to the whole process."""

from __future__ import annotations

from nnspec_conformance.context import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """After all other checks of the case, forward and backward: inputs and cotangents to the bit, and the process."""
    context.leaves("purity")
    complaint = context.canaries.complaint()
    return Outcome("pass") if complaint is None else Outcome("fail", complaint)
