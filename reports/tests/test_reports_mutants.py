"""The kill matrix in the report: counted by kind and family, and no fault that was missed is hidden."""

from __future__ import annotations

from typing import Any

import pytest

from nnspec.results import Mutant, read_results
from nnspec_reports._render import render
from nnspec_reports._summary import summarize


def mutant(name: str, verdict: str = "killed", **changes: Any) -> Mutant:
    fields: dict[str, Any] = {
        "origin": "planted",
        "id": f"gelu/{name}",
        "family": "activations",
        "operation": "gelu",
        "fault": "wrong constant",
        "text": "0.044715 -> 0.0447",
        "requirement": "GELU-2",
        "verdict": verdict,
        "caught_by": {"killed": ["GELU-2"], "misattributed": ["GELU-1"], "survived": []}[verdict],
        "case": "" if verdict == "survived" else "gelu/unit",
        "check": "" if verdict == "survived" else "values",
        "dtype": "" if verdict == "survived" else "float32",
    }
    return Mutant(**{**fields, **changes})


@pytest.fixture
def made(make: Any, write: Any) -> Any:
    def summary(*mutants: Mutant) -> Any:
        return summarize([read_results(write([], head=make.header(backends=[]), mutants=mutants))])

    return summary


def test_faults_are_counted_by_kind_and_family(made: Any) -> None:
    told = made(
        mutant("a"),
        mutant("b", fault="wrong kink"),
        mutant("c", family="losses", fault="wrong kink"),
    )
    (matrix,) = told.mutants
    assert matrix.families == ["activations", "losses"]
    assert [(row.fault, [c and (c.killed, c.total) for c in row.cells]) for row in matrix.rows] == [
        ("wrong constant", [(1, 1), None]),
        ("wrong kink", [(1, 1), (1, 1)]),
    ]
    assert (matrix.all.killed, matrix.all.total) == (3, 3)
    assert told.answer.verdict == "yes"
    assert told.answer.sentences == ["The suite caught all 3 planted faults."]


@pytest.mark.parametrize("verdict", ["survived", "misattributed"])
@pytest.mark.parametrize("suffix", [".html", ".md", ".json"])
def test_a_fault_that_was_missed_is_shown_in_every_format(made: Any, verdict: str, suffix: str) -> None:
    told = made(mutant("a"), mutant("sly-one", verdict))
    assert told.answer.verdict == "no"
    assert told.answer.sentences == ["The suite caught 1 of 2 planted faults."]
    text = render(told, suffix)
    assert "sly-one" in text
    assert ("1/2" in text) == (suffix != ".json")


def test_a_run_of_checks_says_how_well_the_suite_is_tested(make: Any, write: Any) -> None:
    checks = read_results(write(make.both_profiles("numpy", "torch"), name="checks.jsonl"))
    faults = read_results(write([], name="faults.jsonl", head=make.header(backends=[]), mutants=[mutant("a")]))
    told = summarize([checks, faults])
    assert told.answer.verdict == "yes"
    assert "The suite caught all 1 planted faults (run B)." in told.answer.sentences


def test_a_run_without_checks_and_faults_still_proves_nothing(made: Any) -> None:
    assert made().answer.verdict == "invalid"
