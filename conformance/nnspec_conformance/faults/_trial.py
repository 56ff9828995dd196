"""One operation's faults tried: the cases of the operation on every faulty backend, until the fault is caught."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from nnspec.backend import PROFILES
from nnspec.plugins import backend_class
from nnspec.reference import SuiteError
from nnspec.results import Check, Mutant
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import select
from nnspec_conformance.context import Context
from nnspec_conformance.faults._fault import Fault
from nnspec_conformance.judge import Subject, judge
from nnspec_conformance.session import DTYPES

__all__ = ["tried"]

_EVERYTHING = frozenset(PROFILES)


@dataclasses.dataclass
class _Trial:
    """A fault, and what has caught it so far."""

    fault: Fault
    subjects: dict[str, Subject]
    caught: list[Check] = dataclasses.field(default_factory=list)
    level: str = ""
    seconds: float = 0.0

    @property
    def settled(self) -> bool:
        """Caught by the requirement that is named."""
        return any(self.fault.requirement in check.requirements for check in self.caught)

    def put(self, case: Case, dtype: str) -> None:
        """The fault to one case."""
        started = time.perf_counter()
        checks = _judged(self.subjects[dtype], case, dtype)
        self.caught += [check for check in checks if check.verdict in ("fail", "error")]
        self.seconds += time.perf_counter() - started

    def record(self) -> Mutant:
        right = [c for c in self.caught if self.fault.requirement in c.requirements]
        by = next(iter(right or self.caught), None)
        return Mutant(
            origin="planted",
            id=self.fault.id,
            family=self.fault.family,
            operation=self.fault.operation,
            fault=self.fault.kind,
            text=self.fault.text,
            requirement=self.fault.requirement,
            verdict="killed" if right else "misattributed" if self.caught else "survived",
            caught_by=sorted({c.requirements[0] for c in self.caught}),
            case="" if by is None else by.case,
            check="" if by is None else by.check,
            dtype="" if by is None else by.dtype,
            level=self.level,
            message="" if by is None else by.message,
            seconds=round(self.seconds, 4),
        )


def tried(operation: str, faults: Sequence[Fault]) -> list[Mutant]:
    """What becomes of faults of one operation.

    Raises:
        SuiteError: the backend they are planted in fails a case itself, so that nothing it catches means anything.
    """
    sound = backend_class("numpy")
    control = {dtype: Subject.of("numpy", sound(dtype=dtype)) for dtype in DTYPES}
    trials = [_Trial(f, _subjects(f)) for f in faults]
    for level in ("quick", "full"):
        for case, dtype in _in_order(operation, level, {f.requirement for f in faults}):
            open_trials = [t for t in trials if not t.settled]
            if not open_trials:
                break
            _control(control[dtype], case, dtype)
            for trial in open_trials:
                trial.put(case, dtype)
                trial.level = trial.level or (level if trial.settled else "")
    return [trial.record() for trial in trials]


def _subjects(fault: Fault) -> dict[str, Subject]:
    planted = fault.planted()
    return {dtype: Subject.of(fault.id, planted(dtype=dtype)) for dtype in DTYPES}


def _in_order(operation: str, level: str, wanted: Iterable[str]) -> Iterator[tuple[Case, str]]:
    """The cases of one level, those first that speak for what has to catch the faults."""
    cases = [c for c in select(only=operation, level=level) if c.operation == operation and c.level == level]
    cases.sort(key=lambda c: not set(wanted) & set(c.requires))
    for dtype in DTYPES:
        for case in cases:
            if case.is_tried_in(dtype):
                yield case, dtype


def _control(subject: Subject, case: Case, dtype: str) -> None:
    for check in _judged(subject, case, dtype):
        if check.verdict in ("fail", "error"):
            raise SuiteError(f"{case.id} {check.check} {dtype}: fails without a fault: {check.message}")


def _judged(subject: Subject, case: Case, dtype: str) -> list[Check]:
    context = Context(subject.backend, case, dtype)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        records = list(judge(subject, context, profiles=_EVERYTHING, level="full"))
    return [r for r in records if isinstance(r, Check)]
