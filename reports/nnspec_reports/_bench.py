"""What was measured: a table a run and kind of measurement."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec.results import Bench, Results
from nnspec_reports._evidence import by, run_names
from nnspec_reports._models import BenchCell, BenchRow, BenchTable

__all__ = ["bench_tables", "speed_told"]

_TITLES = {
    "steps": "Training steps, ours over what is written by hand",
    "operations": "Single operations",
    "growth": "Growth with the size of the input: fitted exponents",
    "memory": "Peak memory: fitted exponents",
}


def bench_tables(results: Sequence[Results]) -> list[BenchTable]:
    """One a run and kind of measurement."""
    names = run_names(len(results))
    return [
        _table(name if len(results) > 1 else "", what, records)
        for name, result in zip(names, results, strict=True)
        for what, records in by(result.benches, lambda b: b.what).items()
    ]


def _table(run: str, what: str, records: Sequence[Bench]) -> BenchTable:
    columns = list(dict.fromkeys(_column(r) for r in records))
    rows = by(records, _row)
    return BenchTable(
        run=run,
        what=what,
        title=_TITLES[what],
        columns=columns,
        rows=[
            BenchRow(name=name, against=against, cells=[_cells(own).get(column) for column in columns])
            for (name, against), own in rows.items()
        ],
        met=sum(r.met is True for r in records),
        bound=sum(r.bound is not None for r in records),
        rounds=max(r.rounds for r in records),
        disturbed=max(r.disturbed for r in records),
        kept=max(r.kept for r in records),
        threads=max(r.threads for r in records),
    )


def _column(r: Bench) -> str:
    if r.what == "steps":
        return r.case
    return r.variant if r.what == "growth" else r.case.partition("/")[2]


def _row(r: Bench) -> tuple[str, str]:
    backend = " ".join(filter(None, [r.backend, r.variant if r.what == "steps" else ""]))
    if r.what == "steps":
        return backend, r.against
    return f"{r.case.partition('/')[0]}, {backend}", r.against if r.what == "operations" else ""


def _cells(records: Sequence[Bench]) -> dict[str, BenchCell]:
    return {_column(r): _cell(r) for r in records}


def _cell(r: Bench) -> BenchCell:
    noise = "" if r.noise is None else f" ± {r.noise:.2g}"
    if r.ratio is not None:
        text = f"{r.ratio:.3g}{noise}"
    else:
        text = f"{r.value:.2f}" if r.quantity == "exponent" else _amount(r)
    verdict = {True: "met", False: "not met", None: "undecided for noise"}[r.met]
    said = [] if r.bound is None else [f"at most {r.bound:.2f}: {verdict}"]
    if r.ratio is not None:
        said.append(_amount(r))
    if r.roofline is not None:
        said.append(f"{r.roofline:.0%} of the roofline")
    return BenchCell(text=text, note="; ".join(said), met=r.met, ratio=r.ratio, noise=r.noise, bound=r.bound)


def _amount(r: Bench) -> str:
    if r.quantity == "seconds":
        unit, size = next(((u, s) for u, s in (("s", 1.0), ("ms", 1e-3)) if r.value >= s), ("µs", 1e-6))
        return f"{r.value / size:.3g} {unit}"
    return f"{r.value / 2**20:.3g} MiB" if r.quantity == "bytes" else f"{r.value:.3g}"


def speed_told(tables: Sequence[BenchTable]) -> list[str]:
    """How many bounds are met, in a sentence a table that has any."""
    said = []
    for table in tables:
        if table.bound:
            where = f" (run {table.run})" if table.run else ""
            doubt = ", on a machine that others used meanwhile" if table.kept else ""
            number = "All" if table.met == table.bound else f"{table.met} of"
            said.append(f"{number} {table.bound} bounds of {table.what} are met{where}{doubt}.")
    return said
