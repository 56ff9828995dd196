"""What a report says: the machine summary, and what the templates of the other formats read."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nnspec.results import Header, Margin, Verdict

__all__ = [
    "SUMMARY_VERSION",
    "Answer",
    "BenchCell",
    "BenchRow",
    "BenchTable",
    "CellCounts",
    "Counts",
    "CurveGroup",
    "CurveLine",
    "CurveRow",
    "Exceedance",
    "FailureGroup",
    "FamilyRow",
    "Finding",
    "HeatCell",
    "HeatColumn",
    "HeatMap",
    "HeatRow",
    "KillCell",
    "KillMatrix",
    "KillRow",
    "MutantRow",
    "OperationRow",
    "ProfileCell",
    "Remark",
    "Run",
    "Subject",
    "Summary",
    "Undecided",
    "Waived",
]

SUMMARY_VERSION = "1.0"

#: verdict -> number of checks; verdicts that did not occur are left out, none is ever added to another
Counts = dict[Verdict, int]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Run(_Model):
    """One results file."""

    #: "A", "B", ...
    name: str
    path: str
    sha256: str
    header: Header
    seconds: float
    #: cases that were tried: one is of a backend, in a dtype
    cases: int
    counts: Counts
    #: why nothing may be concluded from it, or None
    invalid: str | None


class Subject(_Model):
    """One backend of one run: what a verdict is about, and a column of most tables."""

    run: str
    backend: str
    device: str
    #: unique in the report
    label: str
    versions: dict[str, str]
    profiles: list[str]
    native: int
    derived: int
    counts: Counts


class ProfileCell(_Model):
    """What one subject achieved in one profile."""

    #: "conformant", "conformant (partial)", "not conformant", "invalid", "not claimed" or "not judged"
    conclusion: str
    counts: Counts


class Answer(_Model):
    """The reply to "can I sign this off?"."""

    verdict: Literal["yes", "partial", "no", "invalid"]
    headline: str
    #: what it rests on, and what it leaves open
    sentences: list[str]


class Remark(_Model):
    """A note of a run, or of the report itself."""

    level: Literal["info", "warning", "suite-error"]
    #: the run and backend it is about
    about: str
    message: str


class CellCounts(_Model):
    """The executed checks of one subject for a family or an operation."""

    counts: Counts
    #: "native" or "derived", for an operation
    implementation: str | None = None


class OperationRow(_Model):
    """The checks of one operation, one cell a subject."""

    operation: str
    cells: list[CellCounts]


class FamilyRow(_Model):
    """The checks of one family, one cell a subject."""

    family: str
    cells: list[CellCounts]
    operations: list[OperationRow]

    @property
    def troubled(self) -> list[str]:
        """Operations that have other verdicts than pass."""
        return [row.operation for row in self.operations if any(set(c.counts) - {"pass"} for c in row.cells)]


class HeatColumn(_Model):
    """One subject and dtype."""

    subject: int
    dtype: str
    #: the suite's limit for this kind of check, or None where the header gives none
    limit: Margin | None


class HeatCell(_Model):
    """The worst margin of the checks of one operation on one subject and dtype."""

    margin: Margin
    #: 0 (at most 1/64 of the limit) to 6 (up to the limit), 7 (up to 100 times the limit), 8 (beyond)
    step: int
    #: of the check with that margin
    verdict: Verdict
    case: str
    #: how many checks the worst was taken over
    checks: int


class HeatRow(_Model):
    """One operation, one cell a column; None where no such check was executed."""

    family: str
    operation: str
    cells: list[HeatCell | None]


class HeatMap(_Model):
    """The worst margins of one kind of check."""

    check: str
    columns: list[HeatColumn]
    #: over all operations, waived checks aside
    worst: list[HeatCell | None]
    rows: list[HeatRow]


class Exceedance(_Model):
    """Checks that passed, but lie beyond the limit with exact inputs: needless cancellation."""

    subject: str
    operation: str
    check: str
    dtype: str
    checks: int
    worst: Margin
    case: str


class CurveLine(_Model):
    """One recorded series."""

    subject: str
    seed: int
    dtype: str
    x: list[float] = Field(default=[], exclude=True)
    y: list[Margin] = Field(default=[], exclude=True)
    points: int
    final: Margin | None


class CurveRow(_Model):
    """Final values of one subject, one a seed."""

    subject: str
    dtype: str
    finals: list[Margin | None]
    mean: Margin | None


class CurveGroup(_Model):
    """Every line of one quantity of one case."""

    case: str
    quantity: str
    x_label: str
    seeds: list[int]
    lines: list[CurveLine]
    table: list[CurveRow]


class Finding(_Model):
    """A check that did not pass."""

    subject: str
    case: str
    check: str
    dtype: str
    profile: str
    verdict: Verdict
    margin: Margin | None
    limit: Margin | None
    implementation: str | None
    requirements: list[str]
    message: str
    #: what the inputs were
    inputs: str = ""
    #: what probably makes the array wrong
    cause: str = ""
    #: the recorded deviation that explains it without excusing it
    deviation: str | None
    repro: str


class FailureGroup(_Model):
    """The failed, crashed, unsupported and blocked checks of one operation."""

    family: str
    operation: str
    counts: Counts
    findings: list[Finding]


class Waived(_Model):
    """Checks of one operation that are excused by one recorded deviation."""

    subject: str
    operation: str
    #: not-implemented, upstream or never
    kind: str
    reason: str
    link: str
    #: "case, check, dtype"
    checks: list[str]
    worst: Margin | None


class Undecided(_Model):
    """Checks that could not be decided, for one reason."""

    subject: str
    reason: str
    checks: list[str]


class KillCell(_Model):
    """How many faulty backends were caught, and how many there were."""

    killed: int
    total: int


class KillRow(_Model):
    """One way of being wrong, one cell a family; None where nothing was wrong in that way."""

    fault: str
    cells: list[KillCell | None]
    all: KillCell


class MutantRow(_Model):
    """One faulty backend."""

    id: str
    fault: str
    text: str
    verdict: str
    #: which had to catch it
    requirement: str
    #: first requirements of the checks that failed
    caught_by: list[str]
    #: "case, check, dtype" of the first check that caught it
    by: str
    level: str
    message: str


class KillMatrix(_Model):
    """The faulty backends of one run and origin."""

    #: name of the run where there are several
    run: str
    #: "planted" or "source"
    origin: str
    families: list[str]
    rows: list[KillRow]
    #: over all kinds, one cell a family
    totals: list[KillCell | None]
    all: KillCell
    #: those that were not caught, or by another requirement
    alive: list[MutantRow]
    #: every one, by family
    every: dict[str, list[MutantRow]]


class BenchCell(_Model):
    """One measurement."""

    #: the ratio with its noise where there is one, else what was measured
    text: str
    note: str
    #: whether it is within its bound, where it has one
    met: bool | None
    ratio: Margin | None
    noise: Margin | None
    bound: Margin | None


class BenchRow(_Model):
    """One backend, and what it is compared with, one cell a column; None where nothing was measured."""

    name: str
    against: str
    cells: list[BenchCell | None]


class BenchTable(_Model):
    """The measurements of one kind in one run."""

    #: name of the run where there are several
    run: str
    #: "steps", "operations", "growth" or "memory"
    what: str
    title: str
    columns: list[str]
    rows: list[BenchRow]
    #: how many of the bounds are met
    met: int
    bound: int
    #: of a comparison, the most
    rounds: int
    disturbed: int
    kept: int
    threads: int


class Summary(_Model):
    """The whole report."""

    schema_version: str = SUMMARY_VERSION
    made_by: str
    answer: Answer
    runs: list[Run]
    subjects: list[Subject]
    profiles: list[str]
    #: one row a subject, one cell a profile
    conclusions: list[list[ProfileCell]]
    remarks: list[Remark]
    support: list[FamilyRow]
    #: operations that a header names and no check of that subject executed: label -> names
    not_executed: dict[str, list[str]]
    margins: list[HeatMap]
    exceedances: list[Exceedance]
    curves: list[CurveGroup]
    failures: list[FailureGroup]
    waived: list[Waived]
    undecided: list[Undecided]
    mutants: list[KillMatrix] = []
    benches: list[BenchTable] = []

    @property
    def several_runs(self) -> bool:
        """Whether labels must say which run they belong to."""
        return len(self.runs) > 1
