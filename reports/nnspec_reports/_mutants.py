"""The suite's own test: which faulty backends it caught."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec.results import Mutant, Results
from nnspec_reports._evidence import by, run_names
from nnspec_reports._models import KillCell, KillMatrix, KillRow, MutantRow

__all__ = ["caught", "kill_matrices"]


def kill_matrices(results: Sequence[Results]) -> list[KillMatrix]:
    """One a run and origin of its faults."""
    names = run_names(len(results))
    return [
        _matrix(name if len(results) > 1 else "", origin, mutants)
        for name, result in zip(names, results, strict=True)
        for origin, mutants in by(result.mutants, lambda m: m.origin).items()
    ]


def _matrix(run: str, origin: str, mutants: Sequence[Mutant]) -> KillMatrix:
    families = list(by(mutants, lambda m: m.family))
    kinds = sorted({m.fault for m in mutants})
    rows = [(kind, [m for m in mutants if m.fault == kind]) for kind in kinds]
    return KillMatrix(
        run=run,
        origin=origin,
        families=families,
        rows=[KillRow(fault=kind, cells=_cells(own, families), all=_cell(own)) for kind, own in rows],
        totals=_cells(mutants, families),
        all=_cell(mutants),
        alive=[_row(m) for m in mutants if m.verdict in ("misattributed", "survived")],
        every={family: [_row(m) for m in mutants if m.family == family] for family in families},
    )


def _cells(mutants: Sequence[Mutant], families: Sequence[str]) -> list[KillCell | None]:
    found = by(mutants, lambda m: m.family)
    return [_cell(found[family]) if family in found else None for family in families]


def _cell(mutants: Sequence[Mutant]) -> KillCell:
    counted = [m for m in mutants if m.verdict != "equivalent"]
    return KillCell(killed=sum(m.verdict == "killed" for m in counted), total=len(counted))


def _row(mutant: Mutant) -> MutantRow:
    return MutantRow(
        id=mutant.id,
        fault=mutant.fault,
        text=mutant.text,
        verdict=mutant.verdict,
        requirement=mutant.requirement or "",
        caught_by=mutant.caught_by,
        by=f"{mutant.case}, {mutant.check}, {mutant.dtype}" if mutant.case else "",
        level=mutant.level,
        message=mutant.message,
    )


def caught(matrices: Sequence[KillMatrix]) -> list[str]:
    """How well the suite is tested, in a sentence a matrix."""
    said = []
    for matrix in matrices:
        which = "planted faults" if matrix.origin == "planted" else "mutants of the backends' sources"
        where = f" (run {matrix.run})" if matrix.run else ""
        number = "all" if matrix.all.killed == matrix.all.total else f"{matrix.all.killed:,} of"
        said.append(f"The suite caught {number} {matrix.all.total:,} {which}{where}.")
    return said
