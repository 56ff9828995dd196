"""Results files in, the summary of the report out; pure, and equal for equal files."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import nnspec
from nnspec.results import BackendHeader, Check, Curve, Results
from nnspec_reports._answer import answer, conclude, profiles_of, why_invalid
from nnspec_reports._bench import bench_tables
from nnspec_reports._evidence import Evidence, by, count, gather, order_of_check, run_names, worst
from nnspec_reports._findings import exceedances, failures, undecided, waived
from nnspec_reports._models import (
    CellCounts,
    CurveGroup,
    CurveLine,
    CurveRow,
    FamilyRow,
    HeatCell,
    HeatColumn,
    HeatMap,
    HeatRow,
    OperationRow,
    Remark,
    Run,
    Subject,
    Summary,
)
from nnspec_reports._mutants import kill_matrices

__all__ = ["summarize"]

_LEVELS = ("suite-error", "warning", "info")


def summarize(results: Sequence[Results]) -> Summary:
    """Everything a report says about these runs, side by side."""
    subjects, evidence = gather(results)
    runs = [_run(name, result) for name, result in zip(run_names(len(results)), results, strict=True)]
    profiles = profiles_of(results)
    rows, doubts = conclude(results, runs, subjects, evidence)
    remarks = [*doubts, *_notes(runs, results)]
    mutants = kill_matrices(results)
    benches = bench_tables(results)
    return Summary(
        made_by=f"nnspec {nnspec.__version__}",
        answer=answer(runs, subjects, rows, profiles, mutants, benches),
        runs=runs,
        subjects=subjects,
        profiles=profiles,
        conclusions=rows,
        remarks=sorted(remarks, key=lambda r: _LEVELS.index(r.level)),
        support=_support(results, subjects, evidence),
        not_executed=_not_executed(results, subjects, evidence),
        margins=_heat_maps(subjects, evidence),
        exceedances=exceedances(evidence),
        curves=_curves(results, runs, subjects),
        failures=failures(evidence),
        waived=waived(evidence),
        undecided=undecided(evidence),
        mutants=mutants,
        benches=benches,
    )


def _run(name: str, result: Results) -> Run:
    return Run(
        name=name,
        path=result.path,
        sha256=hashlib.sha256(Path(result.path).read_bytes()).hexdigest(),
        header=result.header,
        seconds=result.footer.seconds,
        cases=len({(check.backend, check.case, check.dtype) for check in result.checks}),
        counts=count(result.checks),
        invalid=why_invalid(result),
    )


def _notes(runs: Sequence[Run], results: Sequence[Results]) -> list[Remark]:
    return [
        Remark(
            level=note.level,
            about=": ".join(filter(None, [run.name if len(runs) > 1 else "", note.backend])),
            message=note.message,
        )
        for run, result in zip(runs, results, strict=True)
        for note in result.notes
    ]


# -- support ---------------------------------------------------------------------------------------------


def _support(results: Sequence[Results], subjects: Sequence[Subject], evidence: Sequence[Evidence]) -> list[FamilyRow]:
    headers = _headers(results)
    declared = [
        header.implementations if (header := headers.get((subject.run, subject.backend))) else {}
        for subject in subjects
    ]
    return [
        FamilyRow(
            family=family,
            cells=_cells(group, len(subjects)),
            operations=[
                OperationRow(operation=operation, cells=_cells(own, len(subjects), declared))
                for operation, own in by(group, lambda e: e.check.operation).items()
            ],
        )
        for family, group in by(evidence, lambda e: e.check.family).items()
    ]


def _headers(results: Sequence[Results]) -> dict[tuple[str, str], BackendHeader]:
    return {
        (name, backend.name): backend
        for name, result in zip(run_names(len(results)), results, strict=True)
        for backend in result.header.backends
    }


def _cells(
    evidence: Sequence[Evidence], subjects: int, declared: Sequence[dict[str, str]] | None = None
) -> list[CellCounts]:
    found = by(evidence, lambda e: e.subject)
    return [
        CellCounts(
            counts=count(e.check for e in found.get(number, [])),
            implementation=None if declared is None else _how(number, found.get(number, []), declared),
        )
        for number in range(subjects)
    ]


def _how(number: int, evidence: Sequence[Evidence], declared: Sequence[dict[str, str]]) -> str | None:
    if not evidence:
        return None
    by_check = next((e.check.implementation for e in evidence if e.check.implementation), None)
    return by_check or declared[number].get(evidence[0].check.operation)


def _not_executed(
    results: Sequence[Results], subjects: Sequence[Subject], evidence: Sequence[Evidence]
) -> dict[str, list[str]]:
    executed = {(e.subject, e.check.operation) for e in evidence}
    headers = _headers(results)
    missing = {}
    for number, subject in enumerate(subjects):
        header = headers.get((subject.run, subject.backend))
        absent = sorted(op for op in header.implementations if (number, op) not in executed) if header else []
        if absent:
            missing[subject.label] = absent
    return missing


# -- margins ---------------------------------------------------------------------------------------------


def _heat_maps(subjects: Sequence[Subject], evidence: Sequence[Evidence]) -> list[HeatMap]:
    measured = by((e for e in evidence if e.check.margin is not None), lambda e: e.check.check)
    return [_heat_map(check, measured[check]) for check in sorted(measured, key=order_of_check)]


def _heat_map(check: str, evidence: Sequence[Evidence]) -> HeatMap:
    columns = by(evidence, _column)
    keys = sorted(columns)
    operations = by(evidence, lambda e: (e.check.family, e.check.operation))
    return HeatMap(
        check=check,
        columns=[HeatColumn(subject=key[0], dtype=key[1], limit=columns[key][0].limit) for key in keys],
        worst=[_heat_cell([e for e in columns[key] if e.check.verdict != "waived"]) for key in keys],
        rows=[
            HeatRow(family=family, operation=operation, cells=[_heat_cell(found.get(k, [])) for k in keys])
            for (family, operation), group in operations.items()
            for found in [by(group, _column)]
        ],
    )


def _column(item: Evidence) -> tuple[int, str]:
    return item.subject, item.check.dtype


def _heat_cell(evidence: Sequence[Evidence]) -> HeatCell | None:
    if not evidence:
        return None
    top = worst(evidence)
    check: Check = top.check
    assert check.margin is not None
    return HeatCell(
        margin=check.margin,
        step=_step(check.margin, top.limit),
        verdict=check.verdict,
        case=check.case,
        checks=len(evidence),
    )


def _step(margin: float, limit: float | None) -> int:
    """Steps of a factor 2 below the limit, two above it."""
    fraction = margin / (limit or 8.0)  # without a limit the colour has none to be relative to
    if math.isnan(fraction) or fraction > 100:
        return 8
    if fraction > 1:
        return 7
    return 0 if fraction <= 2**-6 else 6 + math.ceil(math.log2(fraction))


# -- curves ----------------------------------------------------------------------------------------------


def _curves(results: Sequence[Results], runs: Sequence[Run], subjects: Sequence[Subject]) -> list[CurveGroup]:
    labels = {(subject.run, subject.backend): subject.label for subject in subjects}
    order = {subject.label: number for number, subject in enumerate(subjects)}
    found: list[tuple[str, Curve]] = []
    for run, result in zip(runs, results, strict=True):
        for curve in result.curves:
            # a curve may be of no backend under test, such as the reference
            found.append((labels.get((run.name, curve.backend), curve.backend), curve))
    found.sort(key=lambda pair: (order.get(pair[0], len(order)), pair[0], pair[1].dtype, pair[1].seed))
    # cases by name, the quantities of one in the order the suite recorded them: what matters most first
    groups = by(found, lambda pair: (pair[1].case, pair[1].quantity, pair[1].x_label))
    return [_curve_group(*key, group) for key, group in sorted(groups.items(), key=lambda pair: pair[0][0])]


def _curve_group(case: str, quantity: str, x_label: str, group: Sequence[tuple[str, Curve]]) -> CurveGroup:
    seeds = sorted({curve.seed for _, curve in group})
    table = []
    for (label, dtype), own in by(group, lambda pair: (pair[0], pair[1].dtype)).items():
        final = {curve.seed: curve.y[-1] for _, curve in own if curve.y}
        table.append(
            CurveRow(
                subject=label,
                dtype=dtype,
                finals=[final.get(seed) for seed in seeds],
                mean=sum(final.values()) / len(final) if final else None,
            )
        )
    lines = [_curve_line(label, curve) for label, curve in group]
    return CurveGroup(case=case, quantity=quantity, x_label=x_label, seeds=seeds, lines=lines, table=table)


def _curve_line(label: str, curve: Curve) -> CurveLine:
    return CurveLine(
        subject=label,
        seed=curve.seed,
        dtype=curve.dtype,
        x=curve.x,
        y=curve.y,
        points=len(curve.y),
        final=curve.y[-1] if curve.y else None,
    )
