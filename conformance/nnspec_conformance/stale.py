"""Recorded deviations are strict: one that no longer triggers, or matches nothing, fails the run."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from nnspec import backend_class
from nnspec.deviations import Deviation
from nnspec.results import Check
from nnspec_conformance.session import Session

if TYPE_CHECKING:
    from nnspec_conformance.lanes import Request

__all__ = ["stale_deviations"]


def stale_deviations(request: Request, session: Session, checks: Sequence[Check]) -> list[Check]:
    """A failing check for every recorded deviation that speaks of no case, or of cases that were all judged and passed.

    What a run leaves out, since it was narrowed or is of level quick, says nothing of a row that speaks of it.
    """
    if request.overrides:
        return []  # nothing of the backend's own is excused there
    found = []
    for given in session.scope:
        subject = session.unmade(given)
        device = subject.backend.device
        mine = [c for c in checks if c.backend == given]
        rows = [row for row in subject.deviations if fnmatchcase(device, row.device)]
        everything = _everything(given, session.device) if rows else set()
        for row in rows:
            reason = _reason(row, mine, everything, device)
            if reason and not (request.seed and reason is _TRIGGERS):
                found.append(_stale(given, device, row, reason, session.scope[given]))
    return found


_TRIGGERS = "no longer triggers"
_MATCHES = "matches no case"


def _reason(row: Deviation, mine: Sequence[Check], everything: set[tuple[str, ...]], device: str) -> str | None:
    """Why a row is stale, if it is."""
    covered = {
        (case, check, dtype)
        for operation, case, check, dtype in everything
        if row.covers(operation=operation, case=case, check=check, dtype=dtype, device=device)
    }
    if not covered:
        return _MATCHES
    if any(c.waiver == str(row) and (c.case, c.check, c.dtype) in covered for c in mine):
        return None
    return _TRIGGERS if covered <= {(c.case, c.check, c.dtype) for c in mine} else None


def _everything(given: str, device: str | None) -> set[tuple[str, ...]]:
    """All that a whole run at level full judges: operation, case, check and dtype."""
    whole = Session([given], device=device, level="full")
    traced = backend_class(given).traced
    return {
        (item.case.operation, item.case.id, check, item.dtype)
        for item in whole.items
        if item.dtype in backend_class(given).dtypes
        for check in whole.checks_in_scope(item)
        if not (traced and check == "compiled")  # of most cases level full leaves it out
    }


def _stale(given: str, device: str, row: Deviation, reason: str, scope: frozenset[str]) -> Check:
    profile = "double" if row.dtype == "float64" else "inference"
    return Check(
        backend=given,
        device=device,
        family="deviations",
        operation=row.operation,
        case=f"{row.operation}/deviation",
        check="deviations",
        dtype=row.dtype if row.dtype != "*" else "float32",
        profile=profile if profile in scope else min(scope),
        level="quick",
        verdict="fail",
        message=f"the recorded deviation {reason}; delete it: {row} "
        f"(operation {row.operation}, case {row.case}, check {row.check})",
        repro=f"nnspec conform {given}",
    )
