"""Drawn cases: pure data that loads to the same cases everywhere, every one of them valid."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from nnspec import Backend
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import SUITE_VERSION, select
from nnspec_conformance.drawn import FROZEN, drawn_cases, rows
from nnspec_conformance.drawn.__main__ import draw
from nnspec_conformance.regimes import Change
from nnspec_conformance.regimes._validity import rejection

DRAWN = drawn_cases()


def test_the_file_loads_and_its_cases_are_of_level_full() -> None:
    assert FROZEN.name == f"{SUITE_VERSION}.json"
    assert len(DRAWN) == len(rows()) > len(Backend.operations())
    assert len({case.id for case in DRAWN}) == len(DRAWN)
    assert {case.id for case in DRAWN} <= {case.id for case in select(level="full")}
    for case in DRAWN:
        assert case.name.startswith("drawn-")
        assert case.level == "full"
        assert case.plain_only
        assert case.requires
        assert len(case.dtypes) == 1


def test_a_row_is_a_case_id_and_a_change() -> None:
    for row in rows():
        assert set(row) == {"id", "change"}
        assert Change.from_json(row["change"]).to_json() == json.loads(json.dumps(row["change"]), object_hook=_tupled)


def _tupled(told: dict[str, object]) -> dict[str, object]:
    def tupled(x: object) -> object:
        return tuple(map(tupled, x)) if isinstance(x, list) else x

    return {name: tupled(value) for name, value in told.items()}


@pytest.mark.parametrize("case", DRAWN[::11], ids=lambda case: case.id)
def test_drawn_cases_are_valid(case: Case) -> None:
    assert rejection(case) in ("", "it takes too long", "its reference takes too long")


def test_their_digests_are_the_same_in_another_process() -> None:
    script = (
        "from nnspec_conformance.drawn import drawn_cases\nprint(*(c.digest(c.dtypes[0]) for c in drawn_cases()[::17]))"
    )
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert there == [case.digest(case.dtypes[0]) for case in DRAWN[::17]]
    assert len(set(there)) == len(there)


def test_drawing_depends_on_the_seed_alone() -> None:
    first, again, other = (draw("linear", seed, 2) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert len(first) == 2
