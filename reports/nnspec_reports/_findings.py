"""What did not pass: failures, waived and undecided checks; and passes that hide needless cancellation."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nnspec.results import Check, Verdict
from nnspec_reports._evidence import Evidence, by, count, order_of_check, worst, worst_first
from nnspec_reports._models import Exceedance, FailureGroup, Finding, Undecided, Waived

__all__ = ["exceedances", "failures", "undecided", "waived"]

_FAILED: tuple[Verdict, ...] = ("fail", "error", "unsupported", "blocked")
_WAIVER = re.compile(r"(?P<kind>[\w-]+):\s+(?P<reason>.*?)(?:\s+\((?P<link>[^()\s]+)\))?", re.DOTALL)


def failures(evidence: Sequence[Evidence]) -> list[FailureGroup]:
    """Every failed, crashed, unsupported or blocked check, by operation."""
    failed = [e for e in evidence if e.check.verdict in _FAILED]
    return [
        FailureGroup(
            family=family,
            operation=operation,
            counts=count(e.check for e in group),
            findings=[_finding(e) for e in group],
        )
        for (family, operation), group in by(failed, lambda e: (e.check.family, e.check.operation)).items()
    ]


def _finding(item: Evidence) -> Finding:
    c = item.check
    return Finding(
        subject=item.label,
        case=c.case,
        check=c.check,
        dtype=c.dtype,
        profile=c.profile,
        verdict=c.verdict,
        margin=c.margin,
        limit=item.limit if c.margin is not None else None,
        implementation=c.implementation,
        requirements=c.requirements,
        message=c.message,
        inputs=c.inputs,
        cause=c.cause,
        deviation=c.waiver,
        repro=c.repro,
    )


def waived(evidence: Sequence[Evidence]) -> list[Waived]:
    """Waived checks, one row a recorded deviation, operation and subject."""
    excused = [e for e in evidence if e.check.verdict == "waived"]
    rows = []
    for (operation, subject, text), group in by(
        excused, lambda e: (e.check.operation, e.subject, e.check.waiver or "")
    ).items():
        kind, reason, link = _parts_of_waiver(text)
        rows.append(
            (
                (operation, subject, text),
                Waived(
                    subject=group[0].label,
                    operation=operation,
                    kind=kind,
                    reason=reason,
                    link=link,
                    checks=[_described(e.check) for e in group],
                    worst=worst(group).check.margin,
                ),
            )
        )
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def _parts_of_waiver(text: str) -> tuple[str, str, str]:
    match = _WAIVER.fullmatch(text.strip())
    if match is None:
        return "", text, ""
    return match["kind"], match["reason"], match["link"] or ""


def undecided(evidence: Sequence[Evidence]) -> list[Undecided]:
    """Undecided checks, one row a subject and reason."""
    open_ones = [e for e in evidence if e.check.verdict == "undecided"]
    groups = by(open_ones, lambda e: (e.subject, e.check.message))
    return [
        Undecided(subject=group[0].label, reason=reason, checks=[_described(e.check) for e in group])
        for (_, reason), group in sorted(groups.items(), key=lambda pair: pair[0])
    ]


def _described(check: Check) -> str:
    return f"{check.case}, {check.check}, {check.dtype}"


def exceedances(evidence: Sequence[Evidence]) -> list[Exceedance]:
    """Passing checks beyond the limit against exact inputs, the worst first."""
    hidden = [e for e in evidence if e.check.verdict == "pass" and _beyond_with_exact_inputs(e)]
    groups = by(hidden, lambda e: (e.label, e.check.operation, e.check.check, e.check.dtype))
    rows = []
    for (label, operation, kind, dtype), group in groups.items():
        top = max(group, key=lambda e: worst_first(e.check.margin_exact_inputs)).check
        margin = top.margin_exact_inputs
        assert margin is not None
        rows.append(
            Exceedance(
                subject=label,
                operation=operation,
                check=kind,
                dtype=dtype,
                checks=len(group),
                worst=margin,
                case=top.case,
            )
        )
    rows.sort(key=lambda r: (r.operation, r.subject, order_of_check(r.check), r.dtype))
    return sorted(rows, key=lambda r: worst_first(r.worst), reverse=True)


def _beyond_with_exact_inputs(item: Evidence) -> bool:
    margin = item.check.margin_exact_inputs
    return margin is not None and item.limit is not None and not margin <= item.limit
