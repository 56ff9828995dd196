"""The search for derived cases: of every regime that an operation lacks, the first valid ones of the best bases."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from nnspec import Backend
from nnspec_conformance.case import Case
from nnspec_conformance.regimes._change import Change
from nnspec_conformance.regimes._corpus import bases, written
from nnspec_conformance.regimes._generators import GENERATORS, Regime
from nnspec_conformance.regimes._seen import is_in
from nnspec_conformance.regimes._validity import rejection

__all__ = ["Search", "found"]

#: how many cases of a regime; one where nothing is said
_COUNT = {"subset": 3}
#: how many bases, and how many changes of each, are tried before a regime is given up
_BASES, _CHANGES = 6, 12
#: how many may take too long before it is
_SLOW = 3
#: of one operation in so many a case is tried on backends that trace too
_TRACED = 8


@dataclass
class Search:
    """What was found of one operation."""

    derived: list[dict[str, Any]] = field(default_factory=list)
    by_hand: dict[str, str] = field(default_factory=dict)
    senseless: dict[str, str] = field(default_factory=dict)
    #: what a maintainer has to look at: errors that the trunk's validation does not know
    findings: list[str] = field(default_factory=list)


def found(operation: str) -> Search:
    """Every regime of an operation: the case that has it, cases derived in it, or why it makes no sense."""
    search = Search()
    for regime in GENERATORS.values():
        seen = next((case.id for case in written(operation) if is_in(regime.name, case)), None)
        if seen is not None:
            search.by_hand[regime.name] = seen
            continue
        taken, reasons = _derive(operation, regime, search)
        search.derived += [{"id": case.id, "regime": regime.name, "change": _change(case).to_json()} for case in taken]
        if not taken:
            search.senseless[regime.name] = reasons[0] if reasons else regime.otherwise
    _trace(operation, search)
    return search


def _change(case: Case) -> Change:
    assert case.derivation is not None
    return Change.from_json(json.loads(case.derivation.change))


def _derive(operation: str, regime: Regime, search: Search) -> tuple[list[Case], list[str]]:
    taken: list[Case] = []
    reasons: list[str] = []
    for base in bases(operation)[:_BASES]:
        for case in itertools.islice(regime.generate(base), _CHANGES):
            reason = rejection(case)
            if not reason:
                taken.append(case)
            elif reason.startswith("raises ") and case.program is None:
                search.findings.append(f"{case.id}: {reason} {case.derivation and case.derivation.change}")
            reasons += [reason] if reason else []
            slow = sum("too long" in reason for reason in reasons)
            if len(taken) == _COUNT.get(regime.name, 1) or slow == _SLOW:
                return taken, reasons
        if taken:
            return taken, reasons
    return taken, reasons


def _trace(operation: str, search: Search) -> None:
    """Choose the thin sample for backends that trace: a case with values of its own."""
    if list(Backend.operations()).index(operation) % _TRACED:
        return
    own = [row for row in search.derived if not Change.from_json(row["change"]).same_values]
    if own:
        own[0]["traced"] = True
