"""`nnspec conform --explore SECONDS`: draw cases live, judge each, and shrink what fails to a case that can be frozen.

The drawing runs in processes of its own, one for all plain backends and one for each that traces, so that a crash or
a hang is a finding like any other: the last case that was tried.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from nnspec.errors import ArgumentError
from nnspec.plugins import backend_class
from nnspec.results import Check, Note, Record
from nnspec_conformance.cache import VARIABLE
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import all_cases, select
from nnspec_conformance.drawn import FROZEN, numbered, rows
from nnspec_conformance.lanes import Request, threads_of
from nnspec_conformance.regimes import Change, apply
from nnspec_conformance.report import complaint
from nnspec_conformance.session import BAD, Session

__all__ = ["Explored", "Search", "describe", "explore", "failing", "frozen_case", "operations_of"]

_RECORD: TypeAdapter[Any] = TypeAdapter(Record)
#: seconds that a process may take to begin, in which it imports frameworks
_START = 60


@dataclass(frozen=True)
class Search:
    """What one process is asked for."""

    backends: tuple[str, ...]
    dtypes: tuple[str, ...]
    operations: tuple[str, ...]
    profiles: tuple[str, ...]
    overrides: tuple[str, ...]
    device: str | None
    seed: int
    seconds: float
    folder: str

    @property
    def records(self) -> Path:
        """The records of every case tried."""
        return Path(self.folder) / "records.jsonl"

    @property
    def trying(self) -> Path:
        """The case that is being tried, so that it is known if the process dies of it."""
        return Path(self.folder) / "trying.json"

    @property
    def found(self) -> Path:
        """The smallest case that failed, and its records."""
        return Path(self.folder) / "found.json"

    @property
    def log(self) -> Path:
        """What the process printed."""
        return Path(self.folder) / "log"


@dataclass
class Explored:
    """What came of an exploration."""

    records: list[Any]
    notes: list[Note]
    tried: int
    #: a failing change, and the checks of it
    failures: list[tuple[Change, list[Check]]]


def operations_of(only: str | None) -> tuple[str, ...]:
    """The operations that the cases of a pattern are of, and that something can be drawn for."""
    from nnspec_conformance.regimes._corpus import bases

    found = dict.fromkeys(case.operation for case in select(only=only, level="full"))
    drawable = tuple(name for name in found if bases(name))
    if not drawable:
        raise ArgumentError(f"explore: nothing can be drawn for {only!r}: its cases are errors or statistics alone")
    return drawable


def explore(request: Request, session: Session) -> Explored:
    """Draw and judge for `request.explore` seconds, or until every process has found something."""
    assert request.explore is not None
    operations = operations_of(request.only)
    groups = list(_groups(session))
    explored = Explored([], [], 0, [])
    for backends, dtypes in groups:
        with tempfile.TemporaryDirectory(prefix="nnspec-") as folder:
            search = Search(
                backends,
                dtypes,
                operations,
                request.profiles,
                request.overrides,
                request.device,
                request.seed,
                request.explore / len(groups),
                folder,
            )
            _run(request, search, session, explored)
    return explored


def _groups(session: Session) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Backends and dtypes that can share a process: JAX has one switch for float64."""
    plain = tuple(name for name in session.scope if not backend_class(name).traced)
    if plain:
        yield plain, ("float32", "float64")
    for name in session.scope:
        if name not in plain:
            yield (name,), ("float32",)


def _run(request: Request, search: Search, session: Session, explored: Explored) -> None:
    for path in (search.records, search.trying):
        path.touch()
    with search.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "nnspec_conformance.drawn._search", json.dumps(dataclasses.asdict(search))],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(request),
        )
        hung = _wait(process, search, request.timeout)
    records = [_RECORD.validate_json(line) for line in _complete_lines(search.records)]
    explored.records += records
    explored.tried += len({r.case for r in records if isinstance(r, Check)})
    if search.found.exists():
        told = json.loads(search.found.read_text(encoding="utf-8"))
        checks = [Check.model_validate(check) for check in told["checks"]]
        explored.failures.append((Change.from_json(told["change"]), checks))
        explored.records += [check for check in checks if check not in records]
    elif process.returncode != 0 or hung:
        _note_death(search, session, explored, "hung" if hung else f"exit code {process.returncode}")


def _environment(request: Request) -> dict[str, str]:
    """The user's, with the folder that modules are found in; references of cases tried once are not worth keeping."""
    threads = str(threads_of(request))
    path = os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))
    found = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, **os.environ}
    return found | {"PYTHONPATH": path, VARIABLE: "off"}


def _complete_lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return text[: text.rfind("\n") + 1].splitlines()


def _wait(process: subprocess.Popen[bytes], search: Search, timeout: int) -> bool:
    """Wait for the end; returns whether one case took longer than the time for one, and the process was killed."""
    changed, stamp = time.monotonic() + _START, search.trying.stat().st_mtime_ns
    while process.poll() is None:
        time.sleep(0.05)
        now = search.trying.stat().st_mtime_ns
        if now != stamp:
            changed, stamp = time.monotonic(), now
        if time.monotonic() > changed + timeout:
            process.kill()
            process.wait()
            return True
    return False


def _note_death(search: Search, session: Session, explored: Explored, how: str) -> None:
    """The case that a process died of, as a failure; without one, the exploration itself is at fault."""
    from nnspec_conformance.judge import blank

    trying = search.trying.read_text(encoding="utf-8").strip()
    tail = " | ".join(search.log.read_text(errors="replace").strip().splitlines()[-3:])
    if not trying:
        explored.notes.append(Note(level="suite-error", message=f"explore: {how}: {tail}"))
        return
    told = json.loads(trying)
    if told["backend"] is None:  # the reference was at work, no backend
        explored.notes.append(Note(level="suite-error", message=f"explore: {how} at {told['change']}: {tail}"))
        return
    change = Change.from_json(told["change"])
    case = frozen_case(change)
    subject = session.subject(told["backend"], search.dtypes[0])
    check = blank(subject, case, case.dtypes[0], case.checks[0], "error", f"the process died ({how}): {tail}"[:2000])
    explored.failures.append((change, [check]))
    explored.records.append(check)


def frozen_case(change: Change) -> Case:
    """The case as it would be frozen, under the next free number."""
    base = next(case for case in all_cases() if case.id == change.base)
    taken = {row["id"] for row in rows()}
    number = next(n for n in range(1, 10_000) if numbered(base.operation, n) not in taken)
    return apply(change, base, numbered(base.operation, number).partition("/")[2])


def describe(explored: Explored, seconds: float) -> Iterator[str]:
    """What to print: every failure with the line that freezes it, and how much was tried."""
    for change, checks in explored.failures:
        yield from (complaint(check) for check in checks if check.verdict in BAD)
        row = {"id": frozen_case(change).id, "change": change.to_json()}
        yield f"to keep this case, add it to {FROZEN.name} in {FROZEN.parent}:"
        yield json.dumps(row)
    yield f"explored {explored.tried} drawn cases in {seconds:.0f} s, found {len(explored.failures)}"


def failing(checks: Sequence[Check]) -> bool:
    """Whether a case is a finding."""
    return any(check.verdict in BAD for check in checks)
