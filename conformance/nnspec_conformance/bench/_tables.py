"""What is measured, in tables that fit a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnspec.results import Bench

__all__ = [
    "bounds_told",
    "duration",
    "growth_table",
    "memory_table",
    "named",
    "operations_table",
    "steps_table",
    "times_table",
]


def duration(seconds: float) -> str:
    """Three digits and a unit.

    >>> duration(2.84e-5), duration(0.0042), duration(1.5)
    ('28.4 us', '4.20 ms', '1.50 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size or unit == "us":
            value = seconds / size
            return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"
    raise AssertionError


def named(bench: Bench) -> str:
    """The backend, and how it was used."""
    return " ".join(filter(None, [bench.backend, bench.variant]))


def steps_table(records: Sequence[Bench]) -> Any:
    """A row a comparison, a column a model: the ratio, the noise of the run, and below them the bound."""
    cases = list(dict.fromkeys(r.case for r in records))
    table = _table("ours over what is written by hand", cases)
    for key in dict.fromkeys((named(r), r.against) for r in records):
        own = {r.case: r for r in records if (named(r), r.against) == key}
        cells = [_ratio(own[case]) if case in own else "" for case in cases]
        table.add_row(f"{key[0]} / {key[1]}", *cells)
        bounds = [_bound(own[case]) if case in own else "" for case in cases]
        if any(bounds):
            table.add_row("[dim]  at most[/dim]", *bounds)
    return table


def times_table(records: Sequence[Bench]) -> Any:
    """A row a contestant, a column a model: the median time of a step."""
    cases = list(dict.fromkeys(r.case for r in records))
    times: dict[str, dict[str, float]] = {}
    for r in records:
        times.setdefault(named(r), {})[r.case] = r.value
    for r in records:
        if r.reference is not None:
            times.setdefault(r.against, {})[r.case] = r.reference
    table = _table("one step, median", cases)
    for name, own in times.items():
        table.add_row(name, *(duration(own[case]) if case in own else "" for case in cases))
    return table


def _table(first: str, columns: Sequence[str]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _ratio(r: Bench) -> str:
    return f"{r.ratio:.2f} ±{_spread(r.noise or 0.0)}" if r.ratio is not None else ""


def _spread(noise: float) -> str:
    return f"{noise:.2f}".removeprefix("0") if noise < 1 else f"{noise:.1f}"


def _bound(r: Bench) -> str:
    if r.bound is None:
        return ""
    if r.met is None:
        return f"{r.bound:.2f}    ?"
    return f"{r.bound:.2f}  met" if r.met else f"[bold]{r.bound:.2f} MISS[/bold]"


def bounds_told(records: Sequence[Bench]) -> list[str]:
    """How many bounds are met, and by how much each other is not."""
    bound = [r for r in records if r.what == "steps" and r.bound is not None]
    if not bound:
        return []
    told = f"{sum(r.met is True for r in bound)} of {len(bound)} bounds met"
    if undecided := sum(r.met is None for r in bound):
        told += f", {undecided} undecided for noise"
    return [told, *(_missed(r) for r in bound if r.met is False)]


def _missed(r: Bench) -> str:
    return f"  {r.case}: {named(r)} / {r.against} {r.ratio:.3f}, at most {r.bound:.2f} and noise {r.noise:.3f}"


def operations_table(records: Sequence[Bench]) -> Any:
    """A row an operation of a backend: both passes, each with its time, ratio and share of the roofline."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("operation", no_wrap=True)
    table.add_column("backend", no_wrap=True)
    for column in ("forward", "ratio", "roof", "and backward", "ratio", "roof"):
        table.add_column(column, justify="right", no_wrap=True)
    rows: dict[tuple[str, str], dict[str, Bench]] = {}
    for r in records:
        operation, _, way = r.case.partition("/")
        rows.setdefault((operation, r.backend), {})[way] = r
    for (operation, backend), ways in rows.items():
        cells = [cell for way in ("forward", "forward+backward") for cell in _timed(ways.get(way))]
        table.add_row(operation, backend, *cells)
    return table


def _timed(r: Bench | None) -> tuple[str, str, str]:
    if r is None:
        return "", "", ""
    return duration(r.value), _ratio(r), "" if r.roofline is None else f"{r.roofline:.0%}"


def growth_table(records: Sequence[Bench]) -> Any:
    """A row an operation of a backend: the exponents of time and memory; those beyond the definition's are marked."""
    table = _table("growth of", ["backend", "time", "memory"])
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for r in records:
        cell = f"{r.value:.2f}" if r.met is not False else f"[bold]{r.value:.2f} > {r.bound:.2f}[/bold]"
        rows.setdefault((r.case, r.backend), {})[r.variant] = cell
    for (operation, backend), cells in rows.items():
        table.add_row(operation, backend, cells.get("seconds", ""), cells.get("bytes", ""))
    return table


def memory_table(records: Sequence[Bench]) -> Any:
    """A row a backend and what grows: exponents of both peaks, and the ratio of them."""
    table = _table("peak memory over", ["backend", "inference", "training", "training / inference"])
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for r in records:
        stack, _, mode = r.case.partition("/")
        cell = f"{r.ratio:.1f}" if r.ratio is not None else f"{r.value:.2f}{' MISS' if r.met is False else ''}"
        rows.setdefault((stack, r.backend), {})[mode] = cell
    for (stack, backend), cells in rows.items():
        table.add_row(stack, backend, *(cells.get(m, "") for m in ("inference", "training", "training over inference")))
    return table
