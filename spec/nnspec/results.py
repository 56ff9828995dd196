"""The record types that conformance writes and reports read: one JSON object a line, a header first, a footer last."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from numbers import Real
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from nnspec.errors import ResultsError

__all__ = [
    "BAD",
    "SCHEMA_VERSION",
    "VERDICTS",
    "Bench",
    "Check",
    "Curve",
    "Footer",
    "Header",
    "Margin",
    "Mutant",
    "Note",
    "OverrideHeader",
    "Record",
    "Results",
    "conclusion",
    "read_results",
]

SCHEMA_VERSION = "1.1"
Verdict = Literal["pass", "fail", "error", "unsupported", "waived", "undecided", "blocked"]
VERDICTS: tuple[Verdict, ...] = ("pass", "fail", "error", "unsupported", "waived", "undecided", "blocked")
#: verdicts that no conformant backend has
BAD: tuple[Verdict, ...] = ("fail", "error", "unsupported", "blocked")


def _read_margin(value: Any) -> float:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number and value not in ("inf", "nan"):
        raise ValueError(f"expected a number, 'inf' or 'nan', got {value!r}")
    return float(value)


def _write_margin(value: float) -> float | str:
    return value if math.isfinite(value) else "nan" if math.isnan(value) else "inf"


#: a number, written as the string "inf" or "nan" where JSON has none
Margin = Annotated[float, PlainValidator(_read_margin), PlainSerializer(_write_margin)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BackendHeader(_Model):
    """One backend of a run."""

    #: as given on the command line
    name: str
    device: str
    #: package -> version
    versions: dict[str, str] = {}
    #: what it claims
    profiles: list[str] = []
    #: operation -> "native", "derived" or "override"
    implementations: dict[str, str] = {}


class OverrideHeader(_Model):
    """A function that was judged in place of an operation of every backend of the run."""

    #: "module:function"
    function: str
    #: hash of its module's text
    digest: str = ""
    #: the dtypes it was judged in; None where it declares none
    dtypes: list[str] | None = None


class Header(_Model):
    """Who ran what, where."""

    kind: Literal["header"] = "header"
    schema_version: str = SCHEMA_VERSION
    nnspec_version: str
    spec_version: str
    spec_digest: str
    suite_version: str
    backends: list[BackendHeader]
    level: str
    #: the profiles judged; empty means every claimed one
    profiles: list[str] = []
    only: str | None = None
    #: operation -> what was judged in place of the backends' own
    overrides: dict[str, OverrideHeader] = {}
    limits: dict[str, float]
    platform: str
    python: str
    cpu: str
    threads: int
    seed: int
    command: str
    #: ISO 8601, UTC
    started: str

    def judged(self, backend: str) -> str:
        """What the verdicts on a backend are about: the backend, or that with functions in place of its own."""
        return " with ".join([backend, *sorted({o.function for o in self.overrides.values()})])


class Check(_Model):
    """The verdict of one check of one case on one backend."""

    kind: Literal["check"] = "check"
    backend: str
    device: str
    family: str
    operation: str
    #: "operation/name": the filter of --only and the key of a repro
    case: str
    #: values, gradients, shapes, errors, purity, compiled, bits, statistics, trajectory, training
    check: str
    dtype: str
    profile: str
    level: str
    requirements: list[str] = []
    verdict: Verdict
    #: |result - reference| / unit, the worst element
    margin: Margin | None = None
    #: the same against the unit with exact inputs alone: shows needless cancellation that inexact inputs would excuse
    margin_exact_inputs: Margin | None = None
    #: the unit at the worst element
    unit: Margin | None = None
    implementation: Literal["native", "derived", "override"] | None = None
    case_digest: str = ""
    definition_digest: str = ""
    #: "kind: reason (link)" of the recorded deviation, for a waived check
    waiver: str | None = None
    message: str = ""
    #: of a failure: what the inputs were, in a few words
    inputs: str = ""
    #: of a wrong array: what probably makes it so, or "not known"
    cause: str = ""
    seconds: float = 0.0
    #: the command line that runs this one again
    repro: str = ""


class Curve(_Model):
    """A series of numbers over a step, such as a training loss."""

    kind: Literal["curve"] = "curve"
    backend: str
    device: str
    case: str
    #: what the numbers are, such as "loss" or "test accuracy"
    quantity: str
    seed: int
    dtype: str
    x_label: str
    x: list[float]
    y: list[Margin]

    @model_validator(mode="after")
    def _same_length(self) -> Curve:
        if len(self.x) != len(self.y):
            raise ValueError(f"x has {len(self.x)} points, y has {len(self.y)}")
        return self


class Mutant(_Model):
    """A faulty backend, and whether the suite caught it."""

    kind: Literal["mutant"] = "mutant"
    #: planted by hand for one requirement, or made from a backend's source
    origin: Literal["planted", "source"]
    #: "operation/name"
    id: str
    family: str
    operation: str
    #: the way of being wrong, such as "wrong axis"
    fault: str
    #: what is wrong
    text: str
    #: which has to catch it; None where any may
    requirement: str | None = None
    #: killed; caught, but not by the requirement named; not caught; or not to be caught, since nothing changes
    verdict: Literal["killed", "misattributed", "survived", "equivalent"]
    #: first requirements of the checks that failed
    caught_by: list[str] = []
    #: the first check that caught it
    case: str = ""
    check: str = ""
    dtype: str = ""
    level: str = ""
    message: str = ""
    seconds: float = 0.0


class Bench(_Model):
    """Something measured, and what it is compared with in the same run."""

    kind: Literal["bench"] = "bench"
    #: training steps, operations, growth with size, or memory
    what: Literal["steps", "operations", "growth", "memory"]
    backend: str
    device: str
    #: a model, or "operation/pass"
    case: str
    #: how the backend was used where there are several ways, such as "compiled whole"
    variant: str = ""
    #: what it is compared with, such as "torch by hand"; empty where there is nothing
    against: str = ""
    #: "seconds", "bytes", or of growth the "exponent"
    quantity: str
    #: of the backend: the median over the rounds
    value: Margin
    #: of what it is compared with
    reference: Margin | None = None
    #: median over the rounds of value / reference, each of one round, and its 95 % interval
    ratio: Margin | None = None
    low: Margin | None = None
    high: Margin | None = None
    #: half-width of the 95 % interval of that ratio for the reference against itself, in the same rounds
    noise: Margin | None = None
    #: what the ratio may be, and whether it is within that and the noise; None where there is too much noise to tell
    bound: Margin | None = None
    met: bool | None = None
    #: share of what the machine can do at most, by its product of matrices and its copying of memory in the same run
    roofline: Margin | None = None
    rounds: int = 0
    #: rounds in which other processes took the processors: repeated, and of those how many had to be kept
    disturbed: int = 0
    kept: int = 0
    threads: int = 0
    message: str = ""


class Note(_Model):
    """Something the reader should know: a suite error, an unavailable backend, an under-claim."""

    kind: Literal["note"] = "note"
    level: Literal["info", "warning", "suite-error"]
    message: str
    backend: str | None = None


class Footer(_Model):
    """The end of a run; a file without it was cut short."""

    kind: Literal["footer"] = "footer"
    #: verdict -> number of checks, over all backends
    counts: dict[str, int]
    #: backend -> profile -> "conformant", "conformant (partial)", "not conformant" or "invalid"
    conclusions: dict[str, dict[str, str]]
    seconds: float
    #: False where the run was interrupted, and what it had measured by then was kept
    complete: bool = True


Record = Annotated[Header | Check | Curve | Mutant | Bench | Note | Footer, Field(discriminator="kind")]
_RECORD: TypeAdapter[Header | Check | Curve | Mutant | Bench | Note | Footer] = TypeAdapter(Record)


class Results(_Model):
    """One complete results file."""

    path: str
    header: Header
    checks: list[Check]
    curves: list[Curve]
    mutants: list[Mutant] = []
    benches: list[Bench] = []
    notes: list[Note]
    footer: Footer


def conclusion(verdicts: Sequence[str]) -> str:
    """What the verdicts of a profile's required checks add up to.

    >>> conclusion(["pass", "waived"]), conclusion(["pass", "undecided"]), conclusion(["pass", "fail"]), conclusion([])
    ('conformant', 'conformant (partial)', 'not conformant', 'invalid')
    """
    if not verdicts:
        return "invalid"
    if any(v in BAD for v in verdicts):
        return "not conformant"
    return "conformant (partial)" if "undecided" in verdicts else "conformant"


def _records(path: Path) -> Iterator[tuple[int, Header | Check | Curve | Mutant | Bench | Note | Footer]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ResultsError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path}: cannot be read: {error}") from error
    if not text.strip():
        raise ResultsError(f"{path}: empty; expected a results file of nnspec conform")
    # not splitlines: JSON strings may hold U+2028 and U+0085, which that takes for line ends
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        if number == 1:
            _check_schema(path, line)
        try:
            yield number, _RECORD.validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ResultsError(f"{path}: line {number} is no record ({where}: {first['msg']})") from None


def _check_schema(path: Path, line: str) -> None:
    try:
        version = TypeAdapter(dict[str, Any]).validate_json(line).get("schema_version")
    except ValidationError:
        raise ResultsError(f"{path}: line 1 is no JSON object; expected the header of a results file") from None
    if version is None:
        raise ResultsError(f"{path}: line 1 is no header; expected a results file of nnspec conform")
    if str(version).partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
        raise ResultsError(f"{path}: schema version {version}, this nnspec reads {SCHEMA_VERSION}")


def read_results(path: Path) -> Results:
    """Read a results file.

    Raises:
        ResultsError: the file is missing, empty, cut short, not a results file, or of another schema version.
    """
    records = [record for _, record in _records(path)]
    header, footer = records[0], records[-1]
    if not isinstance(header, Header):
        raise ResultsError(f"{path}: line 1 is no header; expected a results file of nnspec conform")
    if not isinstance(footer, Footer):
        raise ResultsError(f"{path}: cut short, the last record is no footer; run nnspec conform again")
    if sum(isinstance(r, Header | Footer) for r in records) != 2:
        raise ResultsError(f"{path}: more than one header or footer; every run needs a file of its own")
    checks = [r for r in records if isinstance(r, Check)]
    counted = Counter(check.verdict for check in checks)
    if {v: n for v, n in footer.counts.items() if n} != dict(counted):
        raise ResultsError(
            f"{path}: the footer counts {footer.counts}, the file holds {dict(counted)}; records are missing"
        )
    return Results(
        path=str(path),
        header=header,
        checks=checks,
        curves=[r for r in records if isinstance(r, Curve)],
        mutants=[r for r in records if isinstance(r, Mutant)],
        benches=[r for r in records if isinstance(r, Bench)],
        notes=[r for r in records if isinstance(r, Note)],
        footer=footer,
    )
