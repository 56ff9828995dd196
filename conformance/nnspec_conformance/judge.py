"""From a check to its record: which profile, which verdict, waived or not."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nnspec import Backend
from nnspec.deviations import Deviation, read_deviations
from nnspec.errors import UnsupportedOperationError
from nnspec.reference import Margin, SuiteError
from nnspec.results import Check, Verdict
from nnspec_conformance.case import Case
from nnspec_conformance.checks import CHECKS, profile_of
from nnspec_conformance.context import BlockedError, Context, Outcome
from nnspec_conformance.explain import UNKNOWN, cause_of, described
from nnspec_conformance.overrides import Override, options_of
from nnspec_conformance.process_state import ProcessState
from nnspec_conformance.references import unfounded
from nnspec_conformance.thinning import is_checked
from nnspec_conformance.vacuous import meant, vacuous

__all__ = ["PROCESS", "Subject", "blank", "broken_record", "judge", "profiles_in_scope"]


@dataclass(frozen=True)
class Subject:
    """A backend under test, as the user named it."""

    #: "numpy", or "package.module:Class"
    given: str
    backend: Backend
    deviations: tuple[Deviation, ...] = field(default=())
    #: what stands in place of its own operations
    overrides: Mapping[str, Override] = field(default_factory=dict)

    @classmethod
    def of(cls, given: str, backend: Backend, overrides: Mapping[str, Override] | None = None) -> Subject:
        return cls(given, backend, tuple(read_deviations(backend.deviations_file)), overrides or {})


def profiles_in_scope(backend: type[Backend], asked: tuple[str, ...]) -> frozenset[str]:
    """The profiles to judge: those asked for, else every claimed one."""
    return frozenset(asked) if asked else backend.profiles


def _attempt(context: Context, check: str) -> Outcome:
    if check not in ("errors", "bits", "statistics"):
        why = unfounded(context.case.source, context.dtype, context.seed)
        if why is not None:
            return Outcome("undecided", why)
    try:
        return _that_proves(context, check, CHECKS[check](context))
    except SuiteError:
        raise
    except BlockedError as blocked:
        return Outcome("blocked", str(blocked))
    except UnsupportedOperationError as error:
        return Outcome("unsupported", str(error))
    except Exception as error:
        return Outcome("error", f"{type(error).__name__}: {error}"[:2000])


def _that_proves(context: Context, check: str, outcome: Outcome) -> Outcome:
    """The outcome, or where a pass would prove nothing, that it is undecided."""
    if outcome.verdict != "pass" or meant(context.case, context.dtype) is not None:
        return outcome
    why = vacuous(context, check)
    return outcome if why is None else Outcome("undecided", f"vacuous: {why}", outcome.margin)


#: one for all backends of this process: most of it is Python's and NumPy's
PROCESS = ProcessState()


def judge(subject: Subject, context: Context, *, profiles: frozenset[str], level: str = "quick") -> Iterator[Any]:
    """Run the checks of a case that are in scope; yields each check's record and what else it recorded.

    Purity comes last, since it speaks of all calls. That the process is left as it was is asked of every case, whether
    it has this check or not. Level "everything" leaves nothing out that level full leaves out of a whole run.
    """
    case, dtype = context.case, context.dtype
    wanted = [
        check
        for check in case.checks_in(dtype)
        if profile_of(check, case.family, dtype) in profiles
        and is_checked(case, dtype, check, level=level, traced=subject.backend.traced)
    ]
    PROCESS.begin(subject.backend)
    try:
        for check in wanted:
            if check != "purity":
                yield from _judged(subject, context, check)
        pure = list(_judged(subject, context, "purity")) if "purity" in wanted else []
    finally:  # also where a hang was interrupted
        changes = PROCESS.changes(subject.backend)
    if changes and wanted:
        pure = [_left_changed(subject, context, wanted, changes)]
    yield from pure


def _judged(subject: Subject, context: Context, check: str) -> Iterator[Any]:
    started = time.perf_counter()
    outcome = _attempt(context, check)
    yield _record(subject, context.case, context.dtype, check, outcome, context.seed, time.perf_counter() - started)
    yield from outcome.records


def _left_changed(subject: Subject, context: Context, wanted: Sequence[str], changes: Sequence[str]) -> Check:
    """The failure of purity, in a profile that is judged."""
    case, dtype = context.case, context.dtype
    outcome = Outcome("fail", f"the process was left changed: {'; '.join(changes)}")
    record = _record(subject, case, dtype, "purity", outcome, context.seed, 0.0)
    check = "purity" if "purity" in wanted else wanted[0]
    return record.model_copy(update={"profile": profile_of(check, case.family, dtype)})


def blank(
    subject: Subject, case: Case, dtype: str, check: str, verdict: Verdict, message: str, *, seed: int = 0
) -> Check:
    """The record of a check that could not be run to its end: crashed, hung."""
    return _record(subject, case, dtype, check, Outcome(verdict, message), seed, 0.0)


def broken_record(subject: Subject, dtype: str, broken: str) -> Check:
    """The one failure where a basic that all cases build on is broken, which is told as "name: how"."""
    name = broken.partition(":")[0]
    return Check(
        backend=subject.given,
        device=subject.backend.device,
        family="basics",
        operation=name,
        case=f"{name}/basics",
        check="basics",
        dtype=dtype,
        profile=profile_of("basics", "basics", dtype),
        level="quick",
        verdict="fail",
        message=broken,
        repro=f"nnspec conform {subject.given}",
    )


def _record(subject: Subject, case: Case, dtype: str, check: str, outcome: Outcome, seed: int, seconds: float) -> Check:
    backend = subject.backend
    op = backend.operations().get(case.operation)
    verdict, waiver = _waived(subject, case, dtype, check, outcome.verdict)
    margin: Margin | None = outcome.margin
    return Check(
        backend=subject.given,
        device=backend.device,
        family=case.family,
        operation=case.operation,
        case=case.id,
        check=check,
        dtype=dtype,
        profile=profile_of(check, case.family, dtype),
        level=case.level,
        requirements=list(case.requires),
        verdict=verdict,
        margin=None if margin is None else margin.margin,
        margin_exact_inputs=None if margin is None else margin.margin_exact_inputs,
        unit=None if margin is None else margin.unit,
        implementation=None if op is None else backend.implementation(op.name),  # type: ignore[arg-type]
        case_digest=case.digest(dtype, seed),
        definition_digest="" if op is None else op.digest,
        waiver=waiver,
        message=outcome.message,
        inputs=described(case, dtype, seed) if verdict in ("fail", "error") else "",
        cause=_cause(verdict, outcome),
        seconds=round(seconds, 6),
        repro=_repro(subject, case, seed),
    )


def _cause(verdict: Verdict, outcome: Outcome) -> str:
    """Of a failure that is not excused: what probably makes the array wrong."""
    if verdict != "fail" or outcome.evidence is None:
        return ""
    try:
        return cause_of(outcome.evidence())
    except Exception:  # the verdict stands, whatever is wrong with what explains it
        return UNKNOWN


def _waived(subject: Subject, case: Case, dtype: str, check: str, verdict: Verdict) -> tuple[Verdict, str | None]:
    """A failure that a recorded deviation covers; only upstream's are waived, the others are honestly unsupported."""
    if verdict not in ("fail", "error", "unsupported") or case.operation in subject.overrides:
        return verdict, None  # what is known of the backend's own excuses no other function
    for row in subject.deviations:
        if row.covers(operation=case.operation, case=case.id, check=check, dtype=dtype, device=subject.backend.device):
            return ("waived" if row.kind == "upstream" else "unsupported"), str(row)
    return verdict, None


def _repro(subject: Subject, case: Case, seed: int) -> str:
    device = "" if subject.backend.device == "cpu" else f" --device {subject.backend.device}"
    more = (" --level full" if case.level == "full" else "") + (f" --seed {seed}" if seed else "")
    device += options_of(subject.overrides)
    return f"nnspec conform {subject.given}{device} --only '{case.id}'{more}"
