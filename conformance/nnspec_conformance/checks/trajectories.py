"""Trajectories: parameters after many optimizer steps against the reference carrying its rounding all the way."""

from __future__ import annotations

from nnspec_conformance.checks import values
from nnspec_conformance.context import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """As values; a kind of its own because what it proves is the state, not the step."""
    return values.judge(context, context.leaves("trajectory"))
