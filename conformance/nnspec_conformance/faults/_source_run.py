"""`nnspec mutants --source BACKEND`: a sample of the backend's mutants against the quick level, in worker processes.

A mutant may hang or bring its process down: then it is caught by that, and another process goes on.
"""

from __future__ import annotations

import importlib.resources
import itertools
import multiprocessing
import multiprocessing.connection
import time
import tomllib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnspec import Backend
from nnspec.backend import PROFILES
from nnspec.plugins import backend_class
from nnspec.results import Check, Mutant
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import select
from nnspec_conformance.context import Context
from nnspec_conformance.faults._source import SourceMutant, loaded
from nnspec_conformance.judge import Subject, judge
from nnspec_conformance.session import DTYPES

__all__ = ["run_source"]

#: seconds after which a mutant counts as hung
_PATIENCE = 120.0
_EVERYTHING = frozenset(PROFILES)


def run_source(mutants: Sequence[SourceMutant], workers: int) -> Iterator[Mutant]:
    """The record of every mutant, as they are done."""
    excused = _excused()
    for mutant, caught in _in_processes(mutants, workers):
        yield _record(mutant, caught, excused.get((mutant.module, mutant.old, mutant.new)))


def _record(mutant: SourceMutant, caught: dict[str, Any], reason: str | None) -> Mutant:
    operation = mutant.operations[0]
    killed = bool(caught["by"])
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


def _excused() -> dict[tuple[str, str, str], str]:
    """Changes that change nothing that can be observed, each with the reason."""
    text = (importlib.resources.files(__package__) / "equivalent.toml").read_text(encoding="utf-8")
    return {(r["module"], r["old"], r["new"]): r["reason"] for r in tomllib.loads(text).get("mutant", [])}


# -- processes ---------------------------------------------------------------------------------------------


class _Worker:
    """A process that tries one mutant at a time."""

    def __init__(self) -> None:
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
        self._since = time.monotonic()
        self.connection.send(mutant)

    def answer(self) -> dict[str, Any]:
        """What came of the mutant; if the process died or hangs, that, and another takes its place."""
        try:
            if self.connection.poll():
                return self.connection.recv()  # type: ignore[no-any-return]
            how = f"nothing after {_PATIENCE:.0f} s"
        except (EOFError, OSError):
            how = "the process died"
        seconds = time.monotonic() - self._since
        self.stop()
        self._start()
        return {"by": [how], "case": "", "check": "", "dtype": "", "message": how, "seconds": seconds}

    @property
    def due(self) -> float:
        """Seconds until it counts as hung."""
        return _PATIENCE - (time.monotonic() - self._since)

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()


def _in_processes(mutants: Sequence[SourceMutant], number: int) -> Iterator[tuple[SourceMutant, dict[str, Any]]]:
    waiting = iter(mutants)
    workers = [_Worker() for _ in range(min(number, len(mutants)))]
    for worker, mutant in zip(workers, itertools.islice(waiting, len(workers)), strict=True):
        worker.ask(mutant)
    busy = list(workers)
    while busy:
        ready = multiprocessing.connection.wait([w.connection for w in busy], max(0.0, min(w.due for w in busy)))
        for worker in [w for w in busy if w.connection in ready or w.due <= 0]:
            assert worker.mutant is not None
            yield worker.mutant, worker.answer()
            following = next(waiting, None)
            if following is None:
                busy.remove(worker)
            else:
                worker.ask(following)
    for worker in workers:
        worker.stop()


def _serve(connection: Any) -> None:
    while True:
        try:
            mutant = connection.recv()
        except EOFError:
            return
        connection.send(_tried(mutant))


# -- one mutant --------------------------------------------------------------------------------------------


def _tried(mutant: SourceMutant) -> dict[str, Any]:
    """The first check that fails, or nothing."""
    started = time.perf_counter()
    caught: dict[str, Any] = {"by": [], "case": "", "check": "", "dtype": "", "message": ""}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = loaded(mutant)
            subjects = {dtype: Subject.of(mutant.backend, made(dtype=dtype)) for dtype in _dtypes(mutant)}
            first = next((c for check in _checks(mutant, subjects) if (c := _failed(check))), None)
    except Exception as error:  # of the backend itself, on loading
        caught |= {"by": ["loading"], "message": f"{type(error).__name__}: {error}"}
    else:
        if first is not None:
            caught = {"by": first.requirements[:1], "case": first.case, "check": first.check, "dtype": first.dtype}
            caught["message"] = first.message
    return {**caught, "seconds": time.perf_counter() - started}


def _dtypes(mutant: SourceMutant) -> tuple[str, ...]:
    """A process has one switch for float64 where a backend traces."""
    every = [t for t in DTYPES if t in backend_class(mutant.backend).dtypes]
    return tuple(t for t in every if t != "float64" or not backend_class(mutant.backend).traced)


def _failed(check: Check) -> Check | None:
    return check if check.verdict in ("fail", "error", "unsupported") else None


def _checks(mutant: SourceMutant, subjects: dict[str, Subject]) -> Iterator[Check]:
    for dtype in subjects:
        for case in _cases(mutant):
            if case.is_tried_in(dtype):
                context = Context(subjects[dtype].backend, case, dtype)
                with np.errstate(all="ignore"):
                    records = list(judge(subjects[dtype], context, profiles=_EVERYTHING, level="quick"))
                yield from (r for r in records if isinstance(r, Check))


def _cases(mutant: SourceMutant) -> list[Case]:
    """Of level quick, those that compute before those that are to be refused."""
    found = [c for operation in mutant.operations for c in select(only=operation) if c.operation == operation]
    return sorted(found, key=lambda c: c.expect is not None)
