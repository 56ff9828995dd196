"""Words for the terminal: one failure, and the outcome of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from nnspec import Backend
from nnspec.results import BAD, Check, Footer, Note

__all__ = ["complaint", "print_summary"]


def complaint(check: Check) -> str:
    """Everything a failure has to tell, on a few lines."""
    op = Backend.operations().get(check.operation)
    sentences = [
        f"  [{r}] {op.requirements[r] if op and r in op.requirements else ''}".rstrip() for r in check.requirements
    ]
    return "\n".join(
        [
            f"{check.verdict.upper()} {check.case} {check.check} on {check.backend} "
            f"({', '.join(filter(None, (check.dtype, check.implementation)))})",
            f"  {check.message}",
            *([f"  likely cause: {check.cause}"] if check.cause else []),
            *([f"  inputs: {check.inputs}"] if check.inputs else []),
            *sentences,
            f"  {check.repro}",
        ]
    )


def _table(footer: Footer, checks: Sequence[Check]) -> Any:
    from rich.table import Table

    from nnspec.backend import PROFILES

    counts: dict[str, Counter[str]] = {}
    for check in checks:
        counts.setdefault(check.backend, Counter())[check.verdict] += 1
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("backend", no_wrap=True)
    for profile in PROFILES:
        table.add_column(profile, no_wrap=True)
    table.add_column("checks")
    for backend, conclusions in footer.conclusions.items():
        told = ", ".join(f"{n} {v}" for v, n in sorted(counts.get(backend, Counter()).items(), key=lambda i: -i[1]))
        table.add_row(backend, *(conclusions.get(p, "-") for p in PROFILES), told or "none")
    return table


def _blocked(checks: Sequence[Check], shown: int = 3) -> list[str]:
    """A line for each of the commonest reasons: what is blocked is no failure of its own."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for check in checks:
        reasons.setdefault((check.backend, check.message.partition(":")[0]), []).append(check.message)
    ordered = sorted(reasons.items(), key=lambda reason: -len(reason[1]))
    lines = [f"{len(told)} checks on {backend} blocked by {told[0]}" for (backend, _), told in ordered[:shown]]
    rest = sum(len(told) for _, told in ordered[shown:])
    return [*lines, f"{rest} more checks blocked for {len(ordered) - shown} other reasons"] if rest else lines


def print_summary(footer: Footer, checks: Sequence[Check], notes: Sequence[Note], *, shown: int = 10) -> None:
    """The verdict per backend and profile, the first failures, the notes."""
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    if not console.is_terminal:
        console = Console(soft_wrap=True, highlight=False, width=200)
    blocked = [c for c in checks if c.verdict == "blocked"]
    failures = sorted(
        (c for c in checks if c.verdict in BAD and c.verdict != "blocked"), key=lambda c: c.verdict == "unsupported"
    )
    for check in failures[:shown]:
        console.print(complaint(check), markup=False)
    if len(failures) > shown:
        console.print(f"... and {len(failures) - shown} more; see the results file or a report", markup=False)
    for line in _blocked(blocked):
        console.print(line, markup=False)
    for note in notes:
        console.print(f"{note.level}: {note.message}", markup=False)
    console.print(_table(footer, checks))
    console.print(f"{len(checks)} checks in {footer.seconds:.0f} s", markup=False)
