"""Recorded deviations are strict: one that no longer triggers, or matches nothing, fails the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnspec.deviations import Deviation
from nnspec.results import Check
from nnspec_conformance.catalogue import select
from nnspec_conformance.session import Session

if TYPE_CHECKING:
    from nnspec_conformance.lanes import Request

__all__ = ["stale_deviations"]


def stale_deviations(request: Request, session: Session, checks: Sequence[Check]) -> list[Check]:
    """A failing check for every recorded deviation that was looked for everywhere it could be, and not found."""
    if request.only is not None or request.profiles or request.seed or request.overrides:
        return []  # a narrowed or redrawn run has not looked everywhere
    found = []
    for given in session.scope:
        subject = session.subject(given, "float32")
        mine = [c for c in checks if c.backend == given]
        for row in subject.deviations:
            if row.device not in ("*", subject.backend.device) or _triggered(row, mine):
                continue
            if request.level == "quick" and _only_at_full(row):
                continue
            found.append(_stale(given, subject.backend.device, row))
    return found


def _triggered(row: Deviation, checks: Sequence[Check]) -> bool:
    return any(c.waiver == str(row) for c in checks)


def _only_at_full(row: Deviation) -> bool:
    """Whether the row may speak of cases that a quick run leaves out."""
    return any(
        c.level == "full" and row.covers(operation=c.operation, case=c.id, check=k, dtype=t, device=row.device)
        for c in select(level="full")
        for k in c.checks
        for t in c.dtypes
    )


def _stale(given: str, device: str, row: Deviation) -> Check:
    return Check(
        backend=given,
        device=device,
        family="deviations",
        operation=row.operation,
        case=f"{row.operation}/deviation",
        check="deviations",
        dtype=row.dtype if row.dtype != "*" else "float32",
        profile="double" if row.dtype == "float64" else "inference",
        level="quick",
        verdict="fail",
        message=f"the recorded deviation no longer triggers; delete it: {row} (case {row.case}, check {row.check})",
        repro=f"nnspec conform {given}",
    )
