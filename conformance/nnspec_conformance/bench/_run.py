"""`nnspec bench`: checks the request, measures what is asked for, prints, writes, and compares with an earlier run."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnspec.errors import ArgumentError
from nnspec.plugins import backend_class, list_backends, plugin_manager
from nnspec.results import Bench, Header, Note
from nnspec_conformance.bench import _growth, _memory, _operations, _tables
from nnspec_conformance.bench._gate import baseline_of, regressions
from nnspec_conformance.bench._journal import Journal
from nnspec_conformance.bench._measured import Measured
from nnspec_conformance.bench._processes import PATIENCE, Processes, default_threads
from nnspec_conformance.bench._steps import chosen_models, measure_steps
from nnspec_conformance.bench._targets import targets_of
from nnspec_conformance.bench._timing import ROUNDS

__all__ = ["WHAT", "BenchRequest", "bench"]

WHAT = ("steps", "operations", "growth", "memory")


@dataclass(frozen=True)
class BenchRequest:
    """The command line of `nnspec bench`."""

    backends: tuple[str, ...] = ()
    device: str | None = None
    only: str | None = None
    what: tuple[str, ...] = ()
    rounds: int = ROUNDS
    threads: int | None = None
    results: Path | None = None
    report: Path | None = None
    gate: Path | None = None
    #: seconds that one answer of a contestant may take
    timeout: float = PATIENCE


@dataclass(frozen=True)
class _Chosen:
    """What is to be measured."""

    #: name as given -> the backend's own
    backends: Mapping[str, str]
    #: backend's own name (or the given one, where it is none of ours) -> device
    devices: Mapping[str, str]
    models: Sequence[str] = ()
    operations: Sequence[str] = ()
    growing: Sequence[str] = ()
    stacks: Sequence[str] = ()


def bench(request: BenchRequest) -> int:
    """Measure; returns the exit code. 0 done, 1 slower than the results given to `gate`, 2 invalid.

    A contestant that fails is said not to be measured, and the run goes on; it is invalid then, unless the contestant
    is reported only.

    Raises:
        NnspecError: the request itself is wrong.
    """
    started = time.time()
    _check_outputs(request)
    before = None if request.gate is None else baseline_of(request.gate)
    header, notes = _header(request, started)
    chosen = _chosen(request, header)
    with _journal(request, header, started) as (keep, complete):
        measured = Measured(keep)
        measured.say(*notes)
        if interrupted := _interrupted(request, chosen, measured):
            measured.note("suite-error", "interrupted: what is not here was not measured")
        measured.say(*_doubts(request, measured.records))
        slower = [] if before is None or interrupted else regressions(before, measured.records)
        measured.say(*(Note(level="warning", message=f"slower: {line}") for line in slower))
        _print(measured, header.threads, time.time() - started)
        if not interrupted:
            complete()
    if any(note.level == "suite-error" for note in measured.notes):
        return 2
    return 1 if slower else 0


@contextlib.contextmanager
def _journal(
    request: BenchRequest, header: Header, started: float
) -> Iterator[tuple[Callable[[Bench | Note], None], Callable[[], None]]]:
    """Where each record goes, and what to call when there are all; a report is made at the end, of what there is."""
    if request.results is None and request.report is None:
        yield lambda _: None, lambda: None
        return
    with tempfile.TemporaryDirectory(prefix="nnspec-") as folder:
        path = request.results or Path(folder) / "results.jsonl"
        with Journal(path, header, started) as journal:
            yield journal.add, journal.complete
        if request.report is not None and not plugin_manager().hook.nnspec_render(
            results=[path], output=request.report
        ):
            raise ArgumentError(f"report: nothing installed renders {request.report.suffix}")


def _interrupted(request: BenchRequest, chosen: _Chosen, measured: Measured) -> bool:
    """Measure; whether it was interrupted."""
    try:
        _measure(request, chosen, measured)
    except KeyboardInterrupt:
        return True
    return False


def _check_outputs(request: BenchRequest) -> None:
    for option, path in (("results", request.results), ("report", request.report)):
        if path is not None and not path.parent.is_dir():
            raise ArgumentError(f"{option}: {path.parent} is no directory")
    if request.report is not None and request.report.suffix not in (".html", ".md", ".json"):
        raise ArgumentError(f"report: expected a name ending in .html, .md or .json, got {request.report.name!r}")


def _header(request: BenchRequest, started: float) -> tuple[Header, list[Note]]:
    """Of the backends named, or of every one that there is."""
    from nnspec_conformance.lanes import Request
    from nnspec_conformance.runner import header_of

    if len(set(request.backends)) != len(request.backends):
        raise ArgumentError(f"backend: named twice: {' '.join(request.backends)}")
    given, notes = request.backends, []
    if not given:
        infos = list_backends()
        given = tuple(info.name for info in infos if info.unavailable is None)
        absent = [info for info in infos if info.unavailable is not None]
        said = {i.name: f"{i.name} not measured: {i.unavailable}" for i in absent}
        notes = [Note(level="warning", message=text, backend=name) for name, text in said.items()]
    head = header_of(Request(level="quick", device=request.device, only=request.only), given, started)
    threads = default_threads() if request.threads is None else request.threads
    # nothing is judged: the claims would read as if it were
    backends = [b.model_copy(update={"profiles": [], "implementations": {}}) for b in head.backends]
    return head.model_copy(update={"threads": threads, "backends": backends}), notes


def _chosen(request: BenchRequest, header: Header) -> _Chosen:
    """Every pattern has to name something in what is to be measured."""
    own = {given.name: backend_class(given.name).name for given in header.backends}
    devices = {_process_of(given.name, own): given.device for given in header.backends}
    what = request.what or ("steps",)
    finders: dict[str, Callable[[str | None], list[str]]] = {
        "steps": chosen_models,
        "operations": _operations.chosen_operations,
        "growth": _growth.chosen_operations,
        "memory": _memory.chosen_stacks,
    }
    found: dict[str, list[str]] = {kind: [] for kind in WHAT}
    complaints = []
    for kind in what:
        try:
            found[kind] = finders[kind](request.only)
        except ArgumentError as error:
            complaints.append(error)
    if len(complaints) == len(set(what)):
        raise complaints[0]
    return _Chosen(own, devices, *(found[kind] for kind in WHAT))


def _process_of(given: str, own: Mapping[str, str]) -> str:
    return own[given] if own[given] in ("torch", "jax", "numpy") else given


def _measure(request: BenchRequest, chosen: _Chosen, measured: Measured) -> None:
    threads = default_threads() if request.threads is None else request.threads
    backends = {given: _process_of(given, chosen.backends) for given in chosen.backends}
    more: dict[str, Any] = {"devices": chosen.devices, "rounds": request.rounds}
    total = len(chosen.models) + (len(chosen.operations) + len(chosen.growing) + len(chosen.stacks)) * len(backends)
    with Processes(threads, request.timeout) as processes, _progress(total) as done:
        more |= {"measured": measured, "done": done}
        if chosen.models:
            measure_steps(processes, targets_of(chosen.backends), models=chosen.models, **more)
        if chosen.operations:
            _operations.measure_operations(processes, backends, operations=chosen.operations, **more)
        if chosen.growing:
            _growth.measure_growth(processes, backends, operations=chosen.growing, **more)
        if chosen.stacks:
            _memory.measure_memory(processes, backends, stacks=chosen.stacks, **more)


def _doubts(request: BenchRequest, records: Sequence[Bench]) -> list[Note]:
    """Why these figures may say less than they seem to."""
    said = []
    worst = max(records, key=lambda r: r.disturbed, default=None)
    if worst is not None and worst.disturbed:
        kept = max(r.kept for r in records)
        text = f"others took the processors in up to {worst.disturbed} rounds of a comparison, which were repeated"
        more = f"; up to {kept} of them had to be kept all the same: the machine is not free" if kept else ""
        said.append(Note(level="warning" if kept else "info", message=text + more))
    if request.rounds < ROUNDS:
        said.append(Note(level="warning", message=f"{request.rounds} rounds: the bounds ask for {ROUNDS}"))
    if request.threads not in (None, 2) and any(r.bound is not None for r in records):
        said.append(Note(level="warning", message=f"{request.threads} threads: the bounds are of 2"))
    return said


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """Called when one more is done; a bar on a terminal, silence in a pipe."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("measuring", total=total)
        yield lambda: bar.advance(task)


def _print(measured: Measured, threads: int, seconds: float) -> None:
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    if not console.is_terminal:
        console = Console(soft_wrap=True, highlight=False, width=200)
    for what, tables in _TABLES.items():
        records = [r for r in measured.records if r.what == what]
        for table in tables if records else ():
            console.print(table(records))
            console.print()
    for note in measured.notes:
        console.print(f"{note.level}: {note.message}", markup=False)
    for line in _tables.bounds_told(measured.records):
        console.print(line, markup=False)
    rounds = max((r.rounds for r in measured.records), default=0)
    console.print(f"{rounds} rounds, {threads} thread{'s' if threads != 1 else ''}, in {seconds:.0f} s", markup=False)


_TABLES: dict[str, tuple[Callable[[Sequence[Bench]], Any], ...]] = {
    "steps": (_tables.steps_table, _tables.times_table),
    "operations": (_tables.operations_table,),
    "growth": (_tables.growth_table,),
    "memory": (_tables.memory_table,),
}
