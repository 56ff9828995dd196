"""`nnspec mutants`: planted faults or mutants of sources tried in parallel, and the kill matrix."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from nnspec.errors import ArgumentError
from nnspec.reference import SuiteError
from nnspec.results import Footer, Mutant, Note
from nnspec_conformance.faults import Fault, choose
from nnspec_conformance.faults._source import sampled, source_mutants
from nnspec_conformance.faults._source_run import run_source
from nnspec_conformance.faults._trial import tried

__all__ = ["MutantsRequest", "mutants"]


@dataclass(frozen=True)
class MutantsRequest:
    """The command line of `nnspec mutants`."""

    only: str | None = None
    workers: int | None = None
    results: Path | None = None
    #: backends whose own source is changed, in place of the planted faults
    source: tuple[str, ...] = ()
    #: of how many changes a backend
    sample: int = 100
    #: of the sample
    seed: int = 0


def mutants(request: MutantsRequest) -> int:
    """Try the faults; returns the exit code. 0 all caught by the right requirement, 1 not, 2 invalid.

    Raises:
        ArgumentError: the pattern matches no fault, or the results' folder does not exist.
    """
    started = time.time()
    if request.results is not None and not request.results.parent.is_dir():
        raise ArgumentError(f"results: {request.results.parent} is no directory")
    workers = request.workers or os.cpu_count() or 1
    # a worker's libraries do not compete for the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    records, complaints = _of_sources(request, workers) if request.source else _planted(choose(request.only), workers)
    seconds = time.time() - started
    if request.results is not None:
        _write(request, records, complaints, started, seconds)
    _print(records, complaints, seconds)
    if complaints:
        return 2
    return 0 if all(r.verdict in ("killed", "equivalent") for r in records) else 1


def _of_sources(request: MutantsRequest, workers: int) -> tuple[list[Mutant], list[str]]:
    if request.only is not None:
        raise ArgumentError("only: names planted faults, and --source tries none of them")
    chosen = [m for name in request.source for m in sampled(source_mutants(name), request.sample, request.seed)]
    found = []
    complaints = []
    with _progress(len(chosen)) as advance:
        try:
            for record in run_source(chosen, workers):
                found.append(record)
                advance(1)
        except SuiteError as error:
            complaints.append(str(error))
    return sorted(found, key=lambda record: record.id), complaints


def _planted(faults: Sequence[Fault], workers: int) -> tuple[list[Mutant], list[str]]:
    """Records in the faults' order, and what went wrong with the run itself."""
    by_operation: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        by_operation[fault.operation].append(fault)
    found: dict[str, Mutant] = {}
    complaints = []
    # a fresh process a worker: a forked one would share the threads' state of libraries already loaded
    pool_of = functools.partial(ProcessPoolExecutor, mp_context=get_context("spawn"))
    with pool_of(min(workers, len(by_operation))) as pool, _progress(len(faults)) as advance:
        asked: dict[Future[list[Mutant]], str] = {
            pool.submit(_try_operation, operation, [f.id for f in mine]): operation
            for operation, mine in sorted(by_operation.items(), key=lambda item: -len(item[1]))
        }
        for future in as_completed(asked):
            try:
                found |= {record.id: record for record in future.result()}
            except Exception as error:
                complaints.append(f"{asked[future]}: {type(error).__name__}: {error}")
            advance(len(by_operation[asked[future]]))
    return [found[f.id] for f in faults if f.id in found], complaints


def _try_operation(operation: str, ids: Sequence[str]) -> list[Mutant]:
    return tried(operation, [f for f in choose(operation) if f.id in ids])


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Called with how many more are done; a bar on a terminal, silence in a pipe."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("trying faults", total=total)
        yield lambda more: bar.advance(task, more)


def _write(
    request: MutantsRequest, records: Sequence[Mutant], complaints: Sequence[str], started: float, seconds: float
) -> None:
    from nnspec_conformance.lanes import Request
    from nnspec_conformance.runner import header_of

    notes = [Note(level="suite-error", message=c) for c in complaints]
    footer = Footer(counts={}, conclusions={}, seconds=round(seconds, 1))
    head = header_of(Request(level="full", only=request.only, seed=request.seed), [], started)
    all_of_it = [head, *records, *notes, footer]
    lines = (json.dumps(r.model_dump(mode="json"), ensure_ascii=False) + "\n" for r in all_of_it)
    assert request.results is not None
    request.results.write_text("".join(lines), encoding="utf-8")


# -- words -----------------------------------------------------------------------------------------------------


def _print(records: Sequence[Mutant], complaints: Sequence[str], seconds: float) -> None:
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    if not console.is_terminal:
        console = Console(soft_wrap=True, highlight=False, width=260)
    for record in records:
        if record.verdict in ("misattributed", "survived"):
            console.print(_complaint(record), markup=False)
    for complaint in complaints:
        console.print(f"suite-error: {complaint}", markup=False)
    console.print(_table(records))
    console.print(f"{_told(records)}, in {seconds:.0f} s", markup=False)


def _told(records: Sequence[Mutant]) -> str:
    verdicts = Counter(r.verdict for r in records)
    killed, equivalent = verdicts["killed"], verdicts["equivalent"]
    total = len(records) - equivalent
    if any(r.origin == "source" for r in records):
        rate = f" ({killed / total:.1%})" if total else ""
        more = f", and {equivalent} that change nothing" if equivalent else ""
        return f"{killed} of {total} mutants of sources killed{rate}{more}"
    at_full = sum(r.verdict == "killed" and r.level == "full" for r in records)
    later = f", {at_full} of them at level full only" if at_full else ""
    return f"{killed} of {total} planted faults killed{later}"


def _complaint(record: Mutant) -> str:
    head = f"{record.verdict.upper()} {record.id} ({record.fault}): {record.text}"
    if record.origin == "source":
        return f"{head}\n  no check of level quick fails"
    if record.verdict == "survived":
        return f"{head}\n  {record.requirement} was to catch it, and no check of {record.operation} fails"
    return f"{head}\n  {record.requirement} was to catch it; caught by {', '.join(record.caught_by)}: {record.message}"


def _table(records: Sequence[Mutant]) -> Any:
    """Killed of planted: a row a family, a column a kind."""
    from rich.table import Table

    planted = Counter((r.family, r.fault) for r in records if r.verdict != "equivalent")
    killed = Counter((r.family, r.fault) for r in records if r.verdict == "killed")
    families = list(dict.fromkeys(r.family for r in records))
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("kind of fault", no_wrap=True)
    for family in [*families, "all"]:
        table.add_column(family, justify="right")
    for kind in [*sorted({r.fault for r in records}), "all"]:
        row = []
        for family in [*families, "all"]:
            here = [k for k in planted if kind in ("all", k[1]) and family in ("all", k[0])]
            total = sum(planted[k] for k in here)
            row.append(f"{sum(killed[k] for k in here)}/{total}" if total else "")
        table.add_row(kind, *row)
    return table
