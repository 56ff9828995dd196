"""`nnspec conform`: checks the request, runs the lanes, and puts their records together."""

from __future__ import annotations

import datetime
import os
import platform
import shlex
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nnspec
from nnspec.backend import PROFILES
from nnspec.deviations import read_deviations
from nnspec.errors import ArgumentError, BackendUnavailableError, NnspecError
from nnspec.plugins import get_backend, list_backends, plugin_manager
from nnspec.results import BackendHeader, Check, Header, Note
from nnspec_conformance import cache
from nnspec_conformance.catalogue import SUITE_VERSION, spec_digest
from nnspec_conformance.claims import under_claims
from nnspec_conformance.control import failed_control
from nnspec_conformance.ending import cpu, exit_code, footer_of, write_records
from nnspec_conformance.lanes import Request, described, run_lanes, threads_of
from nnspec_conformance.limits import LIMITS
from nnspec_conformance.overrides import headers_of, load_overrides, told
from nnspec_conformance.report import print_summary
from nnspec_conformance.session import Session
from nnspec_conformance.stale import stale_deviations
from nnspec_conformance.supervise import making, over
from nnspec_conformance.vectors._shipped import VARIABLE
from nnspec_conformance.vectors._store import Vectors

__all__ = ["conform", "header_of"]


def conform(request: Request) -> int:
    """Run the suite; returns the exit code. 0 conformant or partial, 1 not, 2 invalid.

    Raises:
        NnspecError: the request itself is wrong.
    """
    started = time.time()
    _check_outputs(request)
    if not request.cache:
        os.environ[cache.VARIABLE] = "off"  # here and in the workers
    given, notes = _backends(request)
    session = Session(
        given,
        device=request.device,
        profiles=request.profiles,
        level=request.level,
        only=request.only,
        overrides=request.overrides,
    )
    if request.explore is not None:
        return _explored(request, session, header_of(request, given, started), notes, started)
    headers = [] if described(request, session) is not None else [header_of(request, given, started)]

    def prepare() -> list[str]:
        headers[:] = headers or [header_of(request, given, started)]
        return failed_control()

    with tempfile.TemporaryDirectory(prefix="nnspec-") as folder:
        records, complaints = run_lanes(request, session, Path(folder), meanwhile=prepare)
        if records:
            notes += under_claims(request, session, Path(folder))
    checks = _once([r for r in records if isinstance(r, Check)])
    notes += [r for r in records if isinstance(r, Note)]
    notes += [Note(level="suite-error", message=c) for c in complaints]
    checks += stale_deviations(request, session, checks)
    notes += told(session, checks)
    invalid = any(note.level == "suite-error" for note in notes)
    footer = footer_of(session.scope, checks, invalid, time.time() - started)
    rest = [r for r in records if not isinstance(r, (Check, Note))]
    _write(request, [*headers, *checks, *rest, *notes, footer])
    print_summary(footer, checks, notes)
    return over(exit_code(footer))


def _once(checks: Sequence[Check]) -> list[Check]:
    """Every worker finds a broken basic anew: it is one failure."""
    broken = {(c.backend, c.dtype, c.case): c for c in checks if c.family == "basics"}
    return [c for c in checks if c.family != "basics"] + list(broken.values())


def _explored(request: Request, session: Session, header: Header, notes: list[Note], started: float) -> int:
    """Draw live in place of a run; 0 nothing found, 1 something, 2 the exploration itself went wrong."""
    from nnspec_conformance.explore import describe, explore  # asks for Hypothesis

    explored = explore(request, session)
    seconds = time.time() - started
    checks = [record for record in explored.records if isinstance(record, Check)]
    notes = [*notes, *explored.notes]
    invalid = bool(explored.notes)
    footer = footer_of(session.scope, checks, invalid, seconds)
    _write(request, [header, *checks, *notes, footer])
    for line in (*(f"{note.level}: {note.message}" for note in notes), *describe(explored, seconds)):
        print(line)
    return over(2 if invalid else int(bool(explored.failures)))


def _check_outputs(request: Request) -> None:
    for option, path in (("results", request.results), ("report", request.report)):
        if path is not None and not path.parent.is_dir():
            raise ArgumentError(f"{option}: {path.parent} is no directory")
    folder = os.environ.get(VARIABLE) if request.vectors is None else request.vectors
    if folder:
        Vectors(Path(folder))  # says in one line what is wrong with it
    if request.report is not None and request.report.suffix not in (".html", ".md", ".json"):
        raise ArgumentError(f"report: expected a name ending in .html, .md or .json, got {request.report.name!r}")


def _backends(request: Request) -> tuple[list[str], list[Note]]:
    """The backends to judge; the unavailable ones are said, not judged."""
    if request.overrides and not request.backends:
        raise ArgumentError(f"override: name the backend whose arrays {request.overrides[0]!r} takes, such as torch")
    if request.backends:
        if len(set(request.backends)) != len(request.backends):
            raise ArgumentError(f"backend: named twice: {' '.join(request.backends)}")
        for name in request.backends:
            _make(name, request.device)  # fails here and in one line rather than in every test
        return list(request.backends), []
    infos = list_backends()
    notes = [
        Note(level="warning", message=f"{i.name} not judged: {i.unavailable}", backend=i.name)
        for i in infos
        if i.unavailable
    ]
    return [i.name for i in infos if not i.unavailable], notes


def _make(name: str, device: str | None) -> nnspec.Backend:
    with warnings.catch_warnings(), making(name):
        warnings.simplefilter("ignore")
        try:
            backend = get_backend(name, device=device)
        except (NnspecError, KeyboardInterrupt):
            raise
        except BaseException as error:  # whatever its module does
            raise BackendUnavailableError(
                f"backend: {name!r} cannot be made: {type(error).__name__}: {error}"
            ) from error
        read_deviations(backend.deviations_file)
        return backend


def header_of(request: Request, given: Sequence[str], started: float) -> Header:
    overrides = load_overrides(request.overrides)
    made = {name: _make(name, request.device) for name in given}
    return Header(
        nnspec_version=nnspec.__version__,
        spec_version=nnspec.SPEC_VERSION,
        spec_digest=spec_digest(),
        suite_version=SUITE_VERSION,
        backends=[
            BackendHeader(
                name=name,
                device=backend.device,
                versions=backend.versions(),
                profiles=[p for p in PROFILES if p in backend.profiles],
                implementations={
                    op: "override" if op in overrides else backend.implementation(op) for op in backend.operations()
                },
            )
            for name, backend in made.items()
        ],
        level=request.level,
        profiles=list(request.profiles),
        only=request.only,
        overrides=headers_of(overrides),
        limits=LIMITS,
        platform=platform.platform(),
        python=platform.python_version(),
        cpu=cpu(),
        threads=threads_of(request),
        seed=request.seed,
        command=shlex.join(["nnspec", *sys.argv[1:]]),
        started=datetime.datetime.fromtimestamp(started, datetime.UTC).isoformat(timespec="seconds"),
    )


# -- the end of a run --------------------------------------------------------------------------------------


def _write(request: Request, records: Sequence[Any]) -> None:
    if request.results is None and request.report is None:
        return
    with tempfile.TemporaryDirectory(prefix="nnspec-") as folder:
        path = request.results or Path(folder) / "results.jsonl"
        write_records(path, records)
        if request.report is not None and not plugin_manager().hook.nnspec_render(
            results=[path], output=request.report
        ):
            raise ArgumentError(f"report: nothing installed renders {request.report.suffix}")
