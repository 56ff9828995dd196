"""`nnspec conform`: runs pytest once a dtype, in parallel, and puts the records together.

float32 and float64 run in processes of their own, because JAX has one switch for both in a process.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

import nnspec
from nnspec.backend import PROFILES
from nnspec.errors import ArgumentError
from nnspec.plugins import get_backend, list_backends, plugin_manager
from nnspec.results import BackendHeader, Check, Footer, Header, Note, Record, conclusion
from nnspec_conformance.catalogue import SUITE_VERSION, spec_digest
from nnspec_conformance.limits import LIMITS
from nnspec_conformance.report import print_summary
from nnspec_conformance.session import Session
from nnspec_conformance.stale import stale_deviations

__all__ = ["Request", "conform"]

_HERE = Path(__file__).parent
_DTYPES = ("float32", "float64")
_RECORD: TypeAdapter[Any] = TypeAdapter(Record)


@dataclass(frozen=True)
class Request:
    """The command line of `nnspec conform`."""

    backends: tuple[str, ...] = ()
    device: str | None = None
    profiles: tuple[str, ...] = ()
    level: str = "quick"
    only: str | None = None
    workers: int | None = None
    timeout: int = 120
    seed: int = 0
    results: Path | None = None
    report: Path | None = None


def conform(request: Request) -> int:
    """Run the suite; returns the exit code. 0 conformant or partial, 1 not, 2 invalid.

    Raises:
        NnspecError: the request itself is wrong.
    """
    started = time.time()
    _check_outputs(request)
    given, notes = _backends(request)
    header = _header(request, given, started)
    session = Session(given, device=request.device, profiles=request.profiles, level=request.level, only=request.only)
    with tempfile.TemporaryDirectory(prefix="nnspec-") as folder:
        records, complaints = _run_lanes(request, given, session, Path(folder))
    checks = [r for r in records if isinstance(r, Check)]
    notes += [r for r in records if isinstance(r, Note)]
    notes += [Note(level="suite-error", message=c) for c in complaints]
    checks += stale_deviations(request, session, checks)
    invalid = any(note.level == "suite-error" for note in notes)
    footer = _footer(session, checks, invalid, time.time() - started)
    rest = [r for r in records if not isinstance(r, (Check, Note))]
    _write(request, [header, *checks, *rest, *notes, footer])
    print_summary(footer, checks, notes)
    return _exit_code(footer)


def _check_outputs(request: Request) -> None:
    for option, path in (("results", request.results), ("report", request.report)):
        if path is not None and not path.parent.is_dir():
            raise ArgumentError(f"{option}: {path.parent} is no directory")
    if request.report is not None and request.report.suffix not in (".html", ".md", ".json"):
        raise ArgumentError(f"report: expected a name ending in .html, .md or .json, got {request.report.name!r}")


def _backends(request: Request) -> tuple[list[str], list[Note]]:
    """The backends to judge; the unavailable ones are said, not judged."""
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return get_backend(name, device=device)


def _header(request: Request, given: Sequence[str], started: float) -> Header:
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
                implementations={op: backend.implementation(op) for op in backend.operations()},
            )
            for name, backend in made.items()
        ],
        level=request.level,
        profiles=list(request.profiles),
        only=request.only,
        limits=LIMITS,
        platform=platform.platform(),
        python=platform.python_version(),
        cpu=_cpu(),
        threads=os.cpu_count() or 1,
        seed=request.seed,
        command=shlex.join(["nnspec", *sys.argv[1:]]),
        started=datetime.datetime.fromtimestamp(started, datetime.UTC).isoformat(timespec="seconds"),
    )


def _cpu() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


# -- running pytest ----------------------------------------------------------------------------------------


@dataclass
class _Lane:
    dtype: str
    results: Path
    log: Path
    process: subprocess.Popen[bytes]


def _run_lanes(request: Request, given: Sequence[str], session: Session, folder: Path) -> tuple[list[Any], list[str]]:
    """Records of all lanes, and what went wrong with the runs themselves."""
    dtypes = [d for d in _DTYPES if any(item.dtype == d for item in session.items)]
    workers = request.workers or os.cpu_count() or 1
    share = max(1, workers // max(1, len(dtypes)))
    total = len(session.items)
    lanes: list[_Lane] = []
    with _progress(total) as advance:
        for batch in [dtypes] if workers > 1 else [[d] for d in dtypes]:
            running = [_start(request, given, dtype, share, workers, folder) for dtype in batch]
            lanes += running
            while any(lane.process.poll() is None for lane in running):
                time.sleep(0.1)
                advance(sum(_count_lines(lane.results.with_suffix(".done")) for lane in lanes))
    complaints = [c for lane in lanes if (c := _complaint(lane, session))]
    return [r for lane in lanes for r in _read(lane.results)], complaints


def _start(request: Request, given: Sequence[str], dtype: str, share: int, workers: int, folder: Path) -> _Lane:
    results, log = folder / f"{dtype}.jsonl", folder / f"{dtype}.log"
    results.touch()
    options = [f"--nnspec-backend={name}" for name in given] + [f"--nnspec-profile={p}" for p in request.profiles]
    options += [f"--nnspec-level={request.level}", f"--nnspec-dtype={dtype}", f"--nnspec-seed={request.seed}"]
    options += [f"--nnspec-results={results}"]
    options += [f"--nnspec-device={request.device}"] if request.device else []
    options += [f"--nnspec-only={request.only}"] if request.only else []
    command = [sys.executable, "-m", "pytest", str(_HERE / "test_conformance.py"), "-q", "--tb=short"]
    command += [
        "-c",
        str(_HERE / "pytest.ini"),
        "--rootdir",
        str(_HERE),
        "-p",
        "xdist",
        "-p",
        "pytest_timeout",
    ]
    command += [
        "-p",
        "nnspec_conformance.plugin",
        "-n",
        str(share),
        "--dist=load",
        "--max-worker-restart=1000",
    ]
    command += [f"--timeout={request.timeout}", "--timeout-method=signal", *options]
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": os.pathsep.join([os.getcwd(), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", threads),
        "OPENBLAS_NUM_THREADS": os.environ.get("OPENBLAS_NUM_THREADS", threads),
    }
    environment.pop("PYTEST_ADDOPTS", None)
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    return _Lane(dtype, results, log, process)


def _complaint(lane: _Lane, session: Session) -> str | None:
    """Why the lane's records cannot be trusted; None if pytest ran to its end and every test has its record."""
    if lane.process.returncode not in (0, 1):
        tail = " | ".join(lane.log.read_text(errors="replace").strip().splitlines()[-3:])
        return f"the {lane.dtype} run ended with pytest's exit code {lane.process.returncode}: {tail}"
    expected = sum(item.dtype == lane.dtype for item in session.items)
    finished = _count_lines(lane.results.with_suffix(".done"))
    if finished != expected:
        return f"the {lane.dtype} run finished {finished} of {expected} cases"
    return None


def _count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _read(path: Path) -> Iterator[Any]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield _RECORD.validate_json(line)


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Any]:
    """A progress bar on a terminal, silence in a pipe."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("judging", total=total)
        yield lambda done: bar.update(task, completed=done)


# -- the end of a run --------------------------------------------------------------------------------------


def _footer(session: Session, checks: Sequence[Check], invalid: bool, seconds: float) -> Footer:
    counts = Counter(str(check.verdict) for check in checks)
    conclusions: dict[str, dict[str, str]] = {}
    for name, scope in session.scope.items():
        by_profile = {
            p: [c.verdict for c in checks if c.backend == name and c.profile == p] for p in PROFILES if p in scope
        }
        conclusions[name] = {
            p: "invalid" if invalid else conclusion(verdicts) for p, verdicts in by_profile.items() if verdicts
        }
    return Footer(counts=dict(counts), conclusions=conclusions, seconds=round(seconds, 1))


def _exit_code(footer: Footer) -> int:
    found = {c for profiles in footer.conclusions.values() for c in profiles.values()}
    if not found or "invalid" in found or not all(footer.conclusions.values()):
        return 2
    return 1 if "not conformant" in found else 0


def _write(request: Request, records: Sequence[Any]) -> None:
    if request.results is None and request.report is None:
        return
    with tempfile.TemporaryDirectory(prefix="nnspec-") as folder:
        path = request.results or Path(folder) / "results.jsonl"
        path.write_text(
            "".join(json.dumps(r.model_dump(mode="json"), ensure_ascii=False) + "\n" for r in records),
            encoding="utf-8",
        )
        if request.report is not None and not plugin_manager().hook.nnspec_render(
            results=[path], output=request.report
        ):
            raise ArgumentError(f"report: nothing installed renders {request.report.suffix}")
