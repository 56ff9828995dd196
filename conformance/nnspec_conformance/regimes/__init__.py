"""Regimes: what recurs as a trigger of real defects, as named generators over the hand-written cases (DESIGN 6).

A generator derives cases from a case; the trunk's validation decides which of them are cases. What came out is kept
in `frozen.json`, made by `python -m nnspec_conformance.regimes`, since looking for it takes minutes.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from nnspec import Backend
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import all_cases
from nnspec_conformance.regimes._change import Change, apply
from nnspec_conformance.regimes._generators import GENERATORS, Regime

__all__ = ["FROZEN", "GENERATORS", "Change", "Coverage", "Regime", "apply", "coverage", "derived_cases", "loaded"]

FROZEN = Path(__file__).with_name("frozen.json")
#: how an operation has a regime, and the case, cases or reason that show it
Coverage = tuple[Literal["by hand", "derived", "makes no sense"], str]


@functools.cache
def _frozen() -> dict[str, Any]:
    return dict(json.loads(FROZEN.read_text(encoding="utf-8"))) if FROZEN.exists() else {}


def loaded(rows: list[dict[str, Any]]) -> Iterator[Case]:
    """Cases from rows of `id`, `change` and perhaps `traced`: whether backends that trace are tried too.

    A row whose base is no case any more is left out; the tests say so.
    """
    written = {case.id: case for case in all_cases()}
    for row in rows:
        change = Change.from_json(row["change"])
        if change.base in written:
            case = apply(change, written[change.base], row["id"].partition("/")[2])
            yield replace(case, plain_only=False) if row.get("traced") else case


@functools.cache
def derived_cases() -> tuple[Case, ...]:
    """The derived cases of this release."""
    return tuple(loaded(_frozen().get("derived", [])))


def coverage() -> dict[tuple[str, str], Coverage]:
    """For every operation and regime, how the operation has it; nothing is left out."""
    derived: dict[tuple[str, str], list[str]] = {}
    for row in _frozen()["derived"]:
        derived.setdefault((row["id"].partition("/")[0], row["regime"]), []).append(row["id"])
    found: dict[tuple[str, str], Coverage] = {}
    for operation in Backend.operations():
        by_hand, senseless = (_frozen()[kind].get(operation, {}) for kind in ("by hand", "makes no sense"))
        for regime in GENERATORS:
            key = (operation, regime)
            if key in derived:
                found[key] = ("derived", ", ".join(derived[key]))
            elif regime in by_hand:
                found[key] = ("by hand", by_hand[regime])
            elif regime in senseless:
                found[key] = ("makes no sense", senseless[regime])
    return found
