"""Portions: every case is run by one of the processes that share a run, whichever comes first."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnspec_conformance.portions import Claims, portion_of, portions
from nnspec_conformance.session import Session

ITEMS = Session(["numpy", "torch"]).items


def test_every_item_is_in_one_portion() -> None:
    found = [item.id for portion in portions(ITEMS).values() for item in portion]
    assert sorted(found) == sorted(item.id for item in ITEMS)


def test_the_backends_have_a_case_s_reference_in_common() -> None:
    of: dict[tuple[str, str], set[str]] = {}
    for item in ITEMS:
        of.setdefault((item.case.id, item.dtype), set()).add(portion_of(item))
    assert all(len(names) == 1 for names in of.values())


def test_what_makes_compilers_load_comes_first_and_together() -> None:
    first, *_ = portions(ITEMS).items()
    assert first[0] == "compiled"
    assert all(item in first[1] for item in ITEMS if item.case.family == "training")


@pytest.fixture
def both(tmp_path: Path) -> tuple[Claims, Claims]:
    return Claims.made(tmp_path / "lanes", "lane0"), Claims.made(tmp_path / "lanes", "lane1")


def test_a_portion_is_the_first_one_s_who_takes_it(both: tuple[Claims, Claims]) -> None:
    first, second = both
    assert first.take("float32-gelu")
    assert not second.take("float32-gelu")
    assert second.take("float64-gelu")
    assert first.take("float32-gelu")
    assert [claims.has("float64-gelu") for claims in both] == [False, True]


def test_what_a_process_took_is_known_when_it_is_gone(both: tuple[Claims, Claims]) -> None:
    first, second = both
    first.take("float32-gelu")
    assert Claims(first.signature).has("float32-gelu")
    assert Claims(first.signature).take("float32-gelu")
    assert not Claims(second.signature).has("float32-gelu")


def test_a_session_runs_what_it_takes_and_leaves_the_rest(both: tuple[Claims, Claims]) -> None:
    sessions = [Session(["numpy"], only="relu", claims=claims) for claims in both]
    taken = [[item.id for item in session.items if session.takes(item)] for session in sessions]
    assert taken[0]
    assert not taken[1]


def test_what_a_dead_process_had_taken_and_not_finished_is_left(both: tuple[Claims, Claims], tmp_path: Path) -> None:
    of_relu = portions(Session(["numpy"], only="relu").items)
    name, items = next((name, items) for name, items in of_relu.items() if len(items) > 1)
    both[0].take(name)
    done = tmp_path / "lane0.left"
    done.write_text(items[0].id + "\n", encoding="utf-8")
    left = Session(["numpy"], only="relu", claims=both[0], done=done).items
    assert [item.id for item in left] == [item.id for item in items[1:]]
