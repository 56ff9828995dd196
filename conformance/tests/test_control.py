"""A check that would pass anything is noticed before it says anything of a backend."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnspec.results import read_results
from nnspec_conformance import runner
from nnspec_conformance.checks import CHECKS
from nnspec_conformance.context import Outcome
from nnspec_conformance.control import failed_control
from nnspec_conformance.lanes import Request


def test_every_check_fails_what_is_wrong_on_purpose() -> None:
    assert failed_control() == []


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_that_passes_a_liar_is_named(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKS, check, lambda context: Outcome("pass"))
    found = failed_control()
    assert found
    assert all(told.startswith(f"negative control: check {check!r} says 'pass' of a backend ") for told in found)


def test_a_check_without_a_liar_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKS, "beauty", lambda context: Outcome("pass"))
    assert failed_control() == ["negative control: no backend lies to check 'beauty'"]


def test_the_run_is_invalid_and_judges_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(CHECKS, "gradients", lambda context: Outcome("pass"))
    path = tmp_path / "results.jsonl"
    assert runner.conform(Request(backends=("numpy",), only="relu", results=path)) == 2
    results = read_results(path)
    assert results.checks == []
    assert {note.level for note in results.notes} == {"suite-error"}
    assert "check 'gradients' says 'pass' of a backend with wrong gradients" in capsys.readouterr().out
