"""What was concluded, and the reply to "can I sign this off?"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from nnspec.backend import PROFILES
from nnspec.results import VERDICTS, Results, Verdict, conclusion
from nnspec_reports._bench import speed_told
from nnspec_reports._evidence import Evidence, by, count, joined
from nnspec_reports._models import Answer, BenchTable, Counts, KillMatrix, ProfileCell, Remark, Run, Subject
from nnspec_reports._mutants import caught

__all__ = ["WORDS", "answer", "conclude", "profiles_of", "why_invalid"]

#: a verdict after a number, in prose
WORDS: dict[Verdict, str] = {
    "pass": "passed",
    "fail": "failed",
    "error": "crashed or raised the wrong error",
    "unsupported": "unsupported",
    "waived": "waived as recorded deviations",
    "undecided": "undecided",
    "blocked": "blocked by another failure",
}
_FROM_BEST = ("conformant", "conformant (partial)", "not conformant", "invalid")
_SHOWN = 4


def why_invalid(result: Results) -> str | None:
    """Why a run proves nothing, or None."""
    if not result.footer.complete:
        return "the run did not complete"
    errors = sum(note.level == "suite-error" for note in result.notes)
    if errors:
        return f"the suite itself failed ({errors} suite error{'s' if errors > 1 else ''}, see the notes)"
    return None if result.checks or result.mutants or result.benches else "no check was executed"


def profiles_of(results: Sequence[Results]) -> list[str]:
    """The specification's profiles, then any other that a run mentions."""
    mentioned = {
        profile
        for result in results
        for profile in (
            *(p for backend in result.header.backends for p in backend.profiles),
            *(p for concluded in result.footer.conclusions.values() for p in concluded),
        )
    }
    return [*PROFILES, *sorted(mentioned - set(PROFILES))]


def conclude(
    results: Sequence[Results], runs: Sequence[Run], subjects: Sequence[Subject], evidence: Sequence[Evidence]
) -> tuple[list[list[ProfileCell]], list[Remark]]:
    """One row a subject, one cell a profile, and a remark where a footer claims more than its records."""
    found = by(evidence, lambda e: (e.subject, e.check.profile))
    by_run = {run.name: (run, result) for run, result in zip(runs, results, strict=True)}
    rows: list[list[ProfileCell]] = []
    remarks: list[Remark] = []
    for number, subject in enumerate(subjects):
        run, result = by_run[subject.run]
        concluded = result.footer.conclusions.get(subject.backend, {})
        row: list[ProfileCell] = []
        for profile in profiles_of(results):
            counts = count(e.check for e in found.get((number, profile), []))
            if profile not in concluded:
                said = "not judged" if profile in subject.profiles else "not claimed"
            else:
                said = _no_better_than(concluded[profile], conclusion(list(counts)))
                if said != concluded[profile]:
                    message = f"the footer concludes {concluded[profile]!r} in {profile}, its records {said!r}"
                    remarks.append(Remark(level="warning", about=subject.label, message=message))
                said = "invalid" if run.invalid else said
            row.append(ProfileCell(conclusion=said, counts=counts))
        rows.append(row)
    return rows, remarks


def _no_better_than(said: str, shown: str) -> str:
    if said not in _FROM_BEST:
        return "invalid"
    return max(said, shown, key=_FROM_BEST.index)


def answer(
    runs: Sequence[Run],
    subjects: Sequence[Subject],
    rows: Sequence[Sequence[ProfileCell]],
    profiles: Sequence[str],
    mutants: Sequence[KillMatrix] = (),
    benches: Sequence[BenchTable] = (),
) -> Answer:
    """Whether this can be signed off, in words."""
    where: dict[str, list[str]] = {}
    for subject, row in zip(subjects, rows, strict=True):
        concluded = by(zip(profiles, row, strict=True), lambda pair: pair[1].conclusion)
        for name, cells in concluded.items():
            judged = joined([profile for profile, _ in cells])
            where.setdefault(name, []).append(f"{subject.label} in {judged}")
    total: Counter[Verdict] = Counter()
    for run in runs:
        total.update(run.counts)
    counts: Counts = {verdict: total[verdict] for verdict in VERDICTS if total[verdict]}
    if mutants and not subjects and not any(run.invalid for run in runs):
        alive = any(matrix.alive for matrix in mutants)
        headline = f"{'No' if alive else 'Yes'}, as far as the suite is concerned; no backend was judged."
        return Answer(verdict="no" if alive else "yes", headline=headline, sentences=caught(mutants))
    if benches and not counts and not any(run.invalid for run in runs):
        headline = "Not by this: speed was measured, and no backend was judged."
        return Answer(verdict="partial", headline=headline, sentences=[*speed_told(benches), *caught(mutants)])
    verdict, headline = _headline(runs, where, counts)
    sentences = [_basis(runs, counts), *_restrictions(runs), *_gaps(where), *caught(mutants), *speed_told(benches)]
    return Answer(verdict=verdict, headline=headline, sentences=sentences)


def _headline(
    runs: Sequence[Run], where: dict[str, list[str]], counts: Counts
) -> tuple[Literal["yes", "partial", "no", "invalid"], str]:
    invalid = [f"{_named(run, runs)} is invalid: {run.invalid}" for run in runs if run.invalid]
    if invalid:
        return "invalid", f"No verdict. {joined(invalid)}. An invalid run proves nothing."
    if "invalid" in where:
        return "invalid", f"No verdict: nothing valid was concluded about {_some(where['invalid'])}."
    if "not conformant" in where:
        return "no", f"No. Not conformant: {_some(where['not conformant'])}."
    if not {"conformant", "conformant (partial)"} & set(where):
        return "invalid", "No verdict: no claimed profile was judged."
    if "conformant (partial)" in where:
        number = counts.get("undecided", 0)
        return "partial", f"Not completely: nothing failed, but {_checks(number)} could not be decided."
    if any(run.header.only or run.header.overrides for run in runs):
        return "partial", "Not completely: nothing failed, but only selected cases were run."
    return "yes", "Yes: every backend is conformant in every profile it was judged in."


def _basis(runs: Sequence[Run], counts: Counts) -> str:
    levels = joined(sorted({run.header.level for run in runs}))
    parts = [f"{number:,} {WORDS[verdict]}" for verdict, number in counts.items()]
    if not parts:
        return f"No check was executed at level {levels}."
    return f"Of {_checks(sum(counts.values()))} executed at level {levels}, {joined(parts)}."


def _restrictions(runs: Sequence[Run]) -> list[str]:
    said = []
    for run in runs:
        name = _named(run, runs)
        for operation, override in run.header.overrides.items():
            said.append(f"{name} judged {override.function} as {operation}, and not the backend's own.")
        if run.header.overrides and not run.header.only:
            alone = joined(list(run.header.overrides))
            said.append(f"{name} executed only cases of {alone}, and says nothing about other operations.")
        if run.header.only:
            said.append(f"{name} executed only cases that match “{run.header.only}”, and says nothing about others.")
        if run.header.profiles:
            said.append(f"{name} judged only {joined(run.header.profiles)}.")
    return said


def _gaps(where: dict[str, list[str]]) -> list[str]:
    said = {"not judged": "Claimed, but not judged", "not claimed": "Not claimed, so not judged"}
    return [f"{words}: {_some(where[name])}." for name, words in said.items() if name in where]


def _named(run: Run, runs: Sequence[Run]) -> str:
    return f"Run {run.name}" if len(runs) > 1 else "The run"


def _checks(number: int) -> str:
    return f"{number:,} check{'' if number == 1 else 's'}"


def _some(items: Sequence[str]) -> str:
    shown = list(items[:_SHOWN])
    return "; ".join([*shown, f"and {len(items) - _SHOWN} more"] if len(items) > _SHOWN else shown)
