"""Statistics: drawn arrays have the distribution they promise; the draws are keyed, so the outcome never varies."""

from __future__ import annotations

from nnspec_conformance.context import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """The case's own test, which returns a complaint or None."""
    judge = context.case.judge
    assert judge is not None, f"{context.case.id}: check 'statistics' needs a judge"
    complaint = judge(context.backend, context.dtype, context.seed)
    return Outcome("pass") if complaint is None else Outcome("fail", complaint)
