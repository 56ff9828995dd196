"""Every check of the report beside the subject it is about."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from nnspec.results import VERDICTS, BackendHeader, Check, Results
from nnspec_reports._models import Counts, Subject

__all__ = [
    "Evidence",
    "backends_of",
    "by",
    "count",
    "gather",
    "joined",
    "order_of_check",
    "run_names",
    "worst",
    "worst_first",
]

_K = TypeVar("_K", bound=Hashable)
_T = TypeVar("_T")


@dataclass(frozen=True)
class Evidence:
    """One check and where it comes from."""

    subject: int
    label: str
    #: the suite's limit for this kind of check
    limit: float | None
    check: Check


def by(items: Iterable[_T], key: Callable[[_T], _K]) -> dict[_K, list[_T]]:
    """The items grouped by a key, in their order."""
    groups: dict[_K, list[_T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return dict(groups)


def count(checks: Iterable[Check]) -> Counts:
    """How many checks had each verdict, in the order of VERDICTS; none is merged with another."""
    counted = Counter(check.verdict for check in checks)
    return {verdict: counted[verdict] for verdict in VERDICTS if counted[verdict]}


def worst_first(margin: float | None) -> tuple[bool, float]:
    """Sorting key under which not-a-number is the worst margin of all, then infinity."""
    if margin is None:
        return False, -1.0
    return (True, 0.0) if math.isnan(margin) else (False, margin)


def worst(items: Sequence[Evidence]) -> Evidence:
    """The check with the worst margin; the first of equals."""
    return max(items, key=lambda e: worst_first(e.check.margin))


def order_of_check(name: str) -> tuple[int, str]:
    """Values first, then gradients, then the other kinds by name."""
    first = ("values", "gradients")
    return (first.index(name) if name in first else len(first)), name


def joined(words: Sequence[str]) -> str:
    """The words as prose: a, b and c."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def gather(results: Sequence[Results]) -> tuple[list[Subject], list[Evidence]]:
    """The subjects in the order of the files, and all checks in an order that does not depend on workers."""
    subjects: list[Subject] = []
    evidence: list[Evidence] = []
    for run, result in zip(run_names(len(results)), results, strict=True):
        checks = by(result.checks, lambda c: c.backend)
        for backend in backends_of(result):
            own = checks.get(backend.name, [])
            judged = result.header.judged(backend.name)
            subject = _subject(run, backend, own, label=f"{run}: {judged}" if len(results) > 1 else judged)
            evidence += [Evidence(len(subjects), subject.label, result.header.limits.get(c.check), c) for c in own]
            subjects.append(subject)
    return subjects, sorted(evidence, key=_order)


def run_names(number: int) -> list[str]:
    """A, B, ... Z, then R27, R28, ..."""
    return [chr(ord("A") + i) if i < 26 else f"R{i + 1}" for i in range(number)]


def _order(item: Evidence) -> tuple[object, ...]:
    c = item.check
    return c.family, c.operation, c.case, order_of_check(c.check), c.dtype, item.subject, c.profile


def backends_of(result: Results) -> list[BackendHeader]:
    """The backends of a run, those too that only its checks speak of."""
    known = {backend.name: backend for backend in result.header.backends}
    for check in result.checks:  # evidence about a backend that the header forgot is shown all the same
        known.setdefault(check.backend, BackendHeader(name=check.backend, device=check.device))
    return list(known.values())


def _subject(run: str, backend: BackendHeader, checks: Sequence[Check], *, label: str) -> Subject:
    how = Counter(backend.implementations.values())
    return Subject(
        run=run,
        backend=backend.name,
        device=backend.device,
        label=f"{label} ({backend.device})",
        versions=backend.versions,
        profiles=backend.profiles,
        native=how["native"],
        derived=how["derived"],
        counts=count(checks),
    )
