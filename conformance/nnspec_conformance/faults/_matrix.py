"""`nnspec mutants`: every planted fault tried, operations in parallel, and the kill matrix."""

from __future__ import annotations

import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from nnspec.errors import ArgumentError
from nnspec.results import Footer, Mutant, Note
from nnspec_conformance.faults import Fault, choose
from nnspec_conformance.faults._trial import tried

__all__ = ["MutantsRequest", "mutants"]


@dataclass(frozen=True)
class MutantsRequest:
    """The command line of `nnspec mutants`."""

    only: str | None = None
    workers: int | None = None
    results: Path | None = None


def mutants(request: MutantsRequest) -> int:
    """Try the faults; returns the exit code. 0 all caught by the right requirement, 1 not, 2 invalid.

    Raises:
        ArgumentError: the pattern matches no fault, or the results' folder does not exist.
    """
    started = time.time()
    faults = choose(request.only)
    if request.results is not None and not request.results.parent.is_dir():
        raise ArgumentError(f"results: {request.results.parent} is no directory")
    records, complaints = _tried(faults, request.workers or os.cpu_count() or 1)
    seconds = time.time() - started
    if request.results is not None:
        _write(request.results, request.only, records, complaints, started, seconds)
    _print(records, complaints, seconds)
    if complaints:
        return 2
    return 0 if all(r.verdict == "killed" for r in records) else 1


def _tried(faults: Sequence[Fault], workers: int) -> tuple[list[Mutant], list[str]]:
    """Records in the faults' order, and what went wrong with the run itself."""
    by_operation: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        by_operation[fault.operation].append(fault)
    found: dict[str, Mutant] = {}
    complaints = []
    # a fresh process a worker: a forked one would share the threads' state of libraries already loaded
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with ProcessPoolExecutor(min(workers, len(by_operation)), mp_context=get_context("spawn")) as pool:
        asked: dict[Future[list[Mutant]], str] = {
            pool.submit(_try_operation, operation, [f.id for f in mine]): operation
            for operation, mine in sorted(by_operation.items(), key=lambda item: -len(item[1]))
        }
        for future in _shown(asked, len(faults), by_operation):
            try:
                found |= {record.id: record for record in future.result()}
            except Exception as error:
                complaints.append(f"{asked[future]}: {type(error).__name__}: {error}")
    return [found[f.id] for f in faults if f.id in found], complaints


def _try_operation(operation: str, ids: Sequence[str]) -> list[Mutant]:
    return tried(operation, [f for f in choose(operation) if f.id in ids])


def _shown(asked: dict[Future[Any], str], total: int, sizes: dict[str, list[Fault]]) -> Iterator[Future[Any]]:
    """The futures as they are done, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("trying faults", total=total)
        for future in as_completed(asked):
            yield future
            bar.advance(task, len(sizes[asked[future]]))


def _write(
    path: Path, only: str | None, records: Sequence[Mutant], complaints: Sequence[str], started: float, seconds: float
) -> None:
    from nnspec_conformance.lanes import Request
    from nnspec_conformance.runner import header_of

    notes = [Note(level="suite-error", message=c) for c in complaints]
    footer = Footer(counts={}, conclusions={}, seconds=round(seconds, 1))
    all_of_it = [header_of(Request(level="full", only=only), [], started), *records, *notes, footer]
    lines = (json.dumps(r.model_dump(mode="json"), ensure_ascii=False) + "\n" for r in all_of_it)
    path.write_text("".join(lines), encoding="utf-8")


# -- words -----------------------------------------------------------------------------------------------------


def _print(records: Sequence[Mutant], complaints: Sequence[str], seconds: float) -> None:
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    if not console.is_terminal:
        console = Console(soft_wrap=True, highlight=False, width=200)
    for record in records:
        if record.verdict != "killed":
            console.print(_complaint(record), markup=False)
    for complaint in complaints:
        console.print(f"suite-error: {complaint}", markup=False)
    console.print(_table(records))
    killed = sum(r.verdict == "killed" for r in records)
    at_full = sum(r.verdict == "killed" and r.level == "full" for r in records)
    later = f", {at_full} of them at level full only" if at_full else ""
    console.print(f"{killed} of {len(records)} planted faults killed{later}, in {seconds:.0f} s", markup=False)


def _complaint(record: Mutant) -> str:
    head = f"{record.verdict.upper()} {record.id} ({record.fault}): {record.text}"
    if record.verdict == "survived":
        return f"{head}\n  {record.requirement} was to catch it, and no check of {record.operation} fails"
    return f"{head}\n  {record.requirement} was to catch it; caught by {', '.join(record.caught_by)}: {record.message}"


def _table(records: Sequence[Mutant]) -> Any:
    """Killed of planted: a row a family, a column a kind."""
    from rich.table import Table

    planted = Counter((r.family, r.fault) for r in records)
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
