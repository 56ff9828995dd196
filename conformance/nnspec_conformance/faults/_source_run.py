"""`nnspec mutants --source BACKEND`: a sample of the backend's mutants against the quick level, in worker processes.

A mutant may hang, take all memory or bring its process down: then it is caught by that, and another process goes on.
A check catches a mutant where it fails on it and does not fail on the sound backend in the same process.
"""

from __future__ import annotations

import contextlib
import importlib.resources
import itertools
import multiprocessing
import multiprocessing.connection
import os
import time
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnspec import Backend
from nnspec.backend import PROFILES
from nnspec.plugins import backend_class
from nnspec.reference import SuiteError
from nnspec.results import Check, Mutant
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import select
from nnspec_conformance.context import Context
from nnspec_conformance.faults._source import SourceMutant, loaded
from nnspec_conformance.judge import Subject, judge
from nnspec_conformance.session import DTYPES
from nnspec_conformance.watch import default_memory, in_words, resident

__all__ = ["Excuse", "Limits", "excuses", "run_source"]

_EVERYTHING = frozenset(PROFILES)
#: seconds between two looks at the workers' memory
_INTERVAL = 0.1


@dataclass(frozen=True)
class Limits:
    """What a mutant may take before it counts as caught."""

    #: seconds for one case
    patience: float = 120.0
    #: MiB by which its process may grow; None where nothing bounds it
    memory: float | None = None


@dataclass(frozen=True)
class Excuse:
    """A change that changes nothing that can be observed."""

    module: str
    function: str
    old: str
    new: str
    reason: str
    #: which of the changes there that read alike
    number: int = 1

    def covers(self, mutant: SourceMutant) -> bool:
        """Whether that is the change."""
        return all(getattr(mutant, n) == getattr(self, n) for n in ("module", "function", "old", "new", "number"))


def excuses() -> list[Excuse]:
    """The rows of equivalent.toml."""
    text = (importlib.resources.files(__package__) / "equivalent.toml").read_text(encoding="utf-8")
    return [Excuse(**row) for row in tomllib.loads(text).get("mutant", [])]


def run_source(
    mutants: Sequence[SourceMutant],
    workers: int,
    *,
    limits: Limits | None = None,
    known: Sequence[Excuse] | None = None,
) -> Iterator[Mutant]:
    """The record of every mutant, as they are done.

    Args:
        mutants: to be tried.
        workers: processes that try them.
        limits: of one mutant; by default the machine's.
        known: changes that are excused; by default those of equivalent.toml.

    Raises:
        SuiteError: a mutant could not be tried, or is excused and was caught.
    """
    limits = limits or Limits(memory=default_memory(workers))
    known = excuses() if known is None else known
    for mutant, caught in _in_processes(mutants, workers, limits):
        yield _record(mutant, caught, next((e.reason for e in known if e.covers(mutant)), None))


def _record(mutant: SourceMutant, caught: dict[str, Any], reason: str | None) -> Mutant:
    operation = mutant.operations[0]
    killed = bool(caught["by"])
    if killed and reason:
        by = caught["case"] or caught["message"]
        raise SuiteError(f"equivalent.toml: {mutant.text}: excused, and caught by {by}")
    return Mutant(
        origin="source",
        id=f"{mutant.backend}/{mutant.id}",
        family=Backend.operations()[operation].family,
        operation=operation,
        fault=mutant.kind,
        text=mutant.text,
        verdict="killed" if killed else "equivalent" if reason else "survived",
        caught_by=caught["by"],
        case=caught["case"],
        check=caught["check"],
        dtype=caught["dtype"],
        level="quick" if killed else "",
        message=caught["message"] if killed else reason or "",
        seconds=round(caught["seconds"], 3),
    )


def _caught(
    by: Sequence[str] = (), message: str = "", case: str = "", check: str = "", dtype: str = ""
) -> dict[str, Any]:
    return {"by": list(by), "message": message, "case": case, "check": check, "dtype": dtype}


# -- processes ---------------------------------------------------------------------------------------------


class _Worker:
    """A process that tries one mutant at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._start()
        self.mutant: SourceMutant | None = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, far = context.Pipe()
        self._process = context.Process(target=_serve, args=(far,), daemon=True)
        self._process.start()
        far.close()

    def ask(self, mutant: SourceMutant) -> None:
        self.mutant = mutant
        self._asked = self._since = time.monotonic()
        #: the case it is at, and the size of the process when it began
        self._at, self._before = "", 0.0
        self.connection.send(mutant)

    def answer(self) -> dict[str, Any] | None:
        """What came of the mutant, None while that is open; a process that died or hangs is replaced.

        Raises:
            SuiteError: the mutant could not be tried.
        """
        how = ""
        try:
            while self.connection.poll():
                told = self.connection.recv()
                if isinstance(told, dict):
                    return {**told, "seconds": time.monotonic() - self._asked}
                if isinstance(told, SuiteError):
                    raise told
                self._at, self._since, self._before = told, time.monotonic(), self._size
        except (EOFError, OSError):
            self._process.join()
            how = f"the process died with exit code {self._process.exitcode}"
        how = how or self._beyond_limits()
        if not how:
            return None
        self.stop()
        self._start()
        caught = _caught([how.partition(":")[0]], how, self._at)
        return {**caught, "seconds": time.monotonic() - self._asked}

    def _beyond_limits(self) -> str:
        if time.monotonic() - self._since > self._limits.patience:
            return f"hangs: nothing for {self._limits.patience:.0f} s"
        bound = self._limits.memory
        # while it imports what it needs, there is no case to blame
        if bound is not None and self._before and self._size - self._before > bound:
            return f"memory: the process grew by more than {in_words(bound)}"
        return ""

    @property
    def _size(self) -> float:
        return resident(self._process.pid or 0)

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()


def _in_processes(
    mutants: Sequence[SourceMutant], number: int, limits: Limits
) -> Iterator[tuple[SourceMutant, dict[str, Any]]]:
    waiting = iter(mutants)
    workers = [_Worker(limits) for _ in range(min(number, len(mutants)))]
    try:
        for worker, mutant in zip(workers, itertools.islice(waiting, len(workers)), strict=True):
            worker.ask(mutant)
        busy = list(workers)
        while busy:
            multiprocessing.connection.wait([w.connection for w in busy], _INTERVAL)
            for worker in list(busy):
                caught = worker.answer()
                if caught is None:
                    continue
                assert worker.mutant is not None
                yield worker.mutant, caught
                following = next(waiting, None)
                if following is None:
                    busy.remove(worker)
                else:
                    worker.ask(following)
    finally:
        for worker in workers:
            worker.stop()


def _serve(connection: Any) -> None:
    """A worker's side: tells each case as it begins, and at the end what became of the mutant."""
    sound = _Sound()
    while True:
        try:
            mutant = connection.recv()
        except EOFError:
            return
        try:
            connection.send(_tried(mutant, sound, connection.send))
        except SuiteError as error:
            connection.send(error)


# -- one mutant --------------------------------------------------------------------------------------------


@dataclass
class _Sound:
    """What fails without any change: on a backend's own deviations, or in a process that a mutant has left broken."""

    subjects: dict[tuple[str, bool], dict[str, Subject]] = field(default_factory=dict)
    failing: dict[tuple[str, bool, str, str], frozenset[str]] = field(default_factory=dict)

    def fails(self, backend: str, compiled: bool, case: Case, check: Check) -> bool:
        """Whether the check says nothing of the mutant."""
        key = backend, compiled, case.id, check.dtype
        if key not in self.failing:
            if (backend, compiled) not in self.subjects:
                self.subjects[backend, compiled] = _subjects(backend, backend_class(backend))
            found = _failures(self.subjects[backend, compiled][check.dtype], case, check.dtype)
            self.failing[key] = frozenset(c.check for c in found)
        return check.check in self.failing[key]


#: by which a backend whose compiled functions change after some calls compiles them at once, and is judged compiled:
#: its plans are reached in no other way
_AT_ONCE = {"NNSPEC_NUMPY_PLAN": "always", "NNSPEC_TORCH_PLAN": "always"}


def _tried(mutant: SourceMutant, sound: _Sound, tell: Callable[[str], object]) -> dict[str, Any]:
    """The first check that fails, or nothing: of the backend as it is, and then of what it compiles."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            backend = loaded(mutant)
            subjects = _subjects(mutant.backend, backend)
        except SuiteError:
            raise
        except Exception as error:
            return _caught(["loading"], f"{type(error).__name__}: {error}")
        found = _first_failure(mutant, subjects, sound, tell)
        if found is None and not _judged_compiled(subjects):
            with _environment(_AT_ONCE):
                subjects = _subjects(mutant.backend, backend)
                if _judged_compiled(subjects):
                    found = _first_failure(mutant, subjects, sound, tell)
    if found is None:
        return _caught()
    return _caught(found.requirements[:1], found.message, found.case, found.check, found.dtype)


def _first_failure(
    mutant: SourceMutant, subjects: dict[str, Subject], sound: _Sound, tell: Callable[[str], object]
) -> Check | None:
    compiled = _judged_compiled(subjects)
    for dtype, subject in subjects.items():
        for case in _cases(mutant):
            if not case.is_tried_in(dtype) or (case.plain_only and subject.backend.traced):
                continue
            tell(case.id)
            for check in _failures(subject, case, dtype):
                if not sound.fails(mutant.backend, compiled, case, check):
                    return check
    return None


def _judged_compiled(subjects: dict[str, Subject]) -> bool:
    return any(subject.backend.judged_compiled for subject in subjects.values())


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _subjects(name: str, backend: type[Backend]) -> dict[str, Subject]:
    """One a dtype; a process has one switch for float64 where a backend traces."""
    every = [t for t in DTYPES if t in backend.dtypes and (t != "float64" or not backend.traced)]
    return {dtype: Subject.of(name, backend(dtype=dtype)) for dtype in every}


def _failures(subject: Subject, case: Case, dtype: str) -> list[Check]:
    with np.errstate(all="ignore"):
        records = list(judge(subject, Context(subject.backend, case, dtype), profiles=_EVERYTHING, level="quick"))
    return [r for r in records if isinstance(r, Check) and r.verdict in ("fail", "error", "unsupported")]


def _cases(mutant: SourceMutant) -> list[Case]:
    """Of level quick, those that compute before those that are to be refused."""
    found = [c for operation in mutant.operations for c in select(only=operation) if c.operation == operation]
    return sorted(found, key=lambda c: c.expect is not None)
