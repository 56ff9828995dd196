"""Mutants of a backend's source: what is changed, the verdicts, and what is excused."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from nnspec.errors import ArgumentError
from nnspec.plugins import backend_class
from nnspec.reference import SuiteError
from nnspec.results import Mutant, read_results
from nnspec_conformance.faults import _matrix, _source_run
from nnspec_conformance.faults._matrix import MutantsRequest, mutants
from nnspec_conformance.faults._source import SourceMutant, loaded, sampled, source_mutants
from nnspec_conformance.faults._source_run import Excuse, Limits, excuses, run_source

BACKEND = "mutable_backend.backend:MutableBackend"
MODULE = "mutable_backend.activations"


@pytest.fixture(scope="module")
def every() -> list[SourceMutant]:
    return source_mutants(BACKEND)


def only(mutants: Sequence[SourceMutant], function: str, text: str) -> SourceMutant:
    (found,) = [m for m in mutants if m.text == f"{function}: {text}"]
    return found


#: what is tried, in one run: where, what, and whether it is excused
TRIED = {
    "wrong": ("_Halves.count", "self.whole - self.rest -> self.whole + self.rest"),
    "unseen": ("MutableActivations.hard_sigmoid", "2.0 -> 2.02"),
    "excused": ("_spare", "1 -> 2"),
    "hangs": ("_down", "count -= 1 -> count += 1"),
    "leaves": ("MutableActivations.relu6", "False -> True"),
    "grows": ("MutableActivations.relu6", "4096 // 4096 -> 4096 * 4096"),
    "unloadable": ("_THREE", "3 -> 4"),
    "wrong-after": ("_PER_UNIT", "6 // 3 -> 6 * 3"),
}
#: and of NumPy's own source: what only the plan of a derivative runs, and what only one over bad labels does
PLANNED = {
    "planned-gradient": ("_relu_back", "0.0 -> 1.0 (2)"),
    "planned-refusal": (
        "_labels_within",
        "check.host_values_within('target', target, 0, classes - 1, what='class indices') -> with target, 'target'",
    ),
}
#: an excuse holds for one change in one function
EXCUSES = [
    Excuse(MODULE, "_spare", "1", "2", "nobody looks at it"),
    Excuse(MODULE, "_spare", "2.0", "2.02", "nobody looks at it"),
]


@pytest.fixture(scope="module")
def records(every: list[SourceMutant]) -> dict[str, Mutant]:
    of_numpy = source_mutants("numpy")
    chosen = [only(every, *told) for told in TRIED.values()] + [only(of_numpy, *told) for told in PLANNED.values()]
    found = run_source(chosen, 1, limits=Limits(patience=25.0, memory=500.0), known=EXCUSES)
    return dict(zip([*TRIED, *PLANNED], found, strict=True))


# -- what is changed -------------------------------------------------------------------------------------------


def test_functions_classes_and_constants_belong_to_the_operations_that_reach_them(every: list[SourceMutant]) -> None:
    reached = {m.function: m.operations for m in every}
    assert reached == {
        "_PER_UNIT": ("selu",),
        "_Halves.__init__": ("selu",),
        "_Halves.count": ("selu",),
        "_down": ("relu6",),
        "_leave": ("relu6",),
        "_spare": ("selu",),
        "_hold": ("relu6",),
        "_checked": ("relu6",),
        "_THREE": ("relu6",),
        "MutableActivations.relu6": ("relu6",),
        "MutableActivations.selu": ("selu",),
        "MutableActivations.hard_sigmoid": ("hard_sigmoid",),
        "MutableActivations._bounded": ("hard_sigmoid",),
    }


def test_a_change_says_where_it_is_and_what_it_does(every: list[SourceMutant]) -> None:
    mutant = only(every, *TRIED["wrong"])
    assert (mutant.module, mutant.kind, mutant.operations) == (MODULE, "arithmetic", ("selu",))
    assert mutant.id.startswith(f"activations:{mutant.line}/arithmetic-")
    assert len({m.id for m in every}) == len(every)


def test_an_array_of_another_library_keeps_its_own_class(every: list[SourceMutant]) -> None:
    changed = loaded(only(every, *TRIED["wrong"]))
    sound = backend_class(BACKEND)
    x = sound().asarray([-1.0, 2.0])
    assert changed is not sound
    assert changed().selu(x).tolist() == x.tolist() != sound().selu(x).tolist()


def test_every_change_of_the_three_backends_changes_the_text() -> None:
    for name in ("numpy", "torch", "jax"):
        found = source_mutants(name)
        assert len({m.id for m in found}) == len(found) > 100
        assert [m for m in found if m.old == m.new] == []


def test_the_sample_is_drawn_by_the_seed() -> None:
    found = source_mutants("numpy")
    ids = [[m.id for m in sampled(found, 20, seed)] for seed in (1, 1, 2)]
    assert len(ids[0]) == 20
    assert ids[0] == ids[1] != ids[2]
    assert sampled(found, len(found) + 1, 1) == found


# -- verdicts --------------------------------------------------------------------------------------------------


def test_one_that_a_check_fails_on_is_killed(records: dict[str, Mutant]) -> None:
    record = records["wrong"]
    assert (record.verdict, record.origin, record.operation, record.level) == ("killed", "source", "selu", "quick")
    assert record.caught_by == ["SELU-1"]
    assert record.case.startswith("selu/")


def test_one_that_no_check_fails_on_survives(records: dict[str, Mutant]) -> None:
    record = records["unseen"]
    assert (record.verdict, record.caught_by, record.level) == ("survived", [], "")


def test_one_that_changes_nothing_is_excused_with_the_reason(records: dict[str, Mutant]) -> None:
    record = records["excused"]
    assert (record.verdict, record.message) == ("equivalent", "nobody looks at it")


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("hangs", "hangs"),
        ("leaves", "the process died with exit code 7"),
        ("grows", "memory"),
        ("unloadable", "loading"),
    ],
)
def test_one_that_does_not_come_back_is_caught_by_that(records: dict[str, Mutant], name: str, how: str) -> None:
    record = records[name]
    assert (record.verdict, record.caught_by) == ("killed", [how])
    assert record.case.partition("/")[0] == ("" if how == "loading" else "relu6")


def test_another_process_goes_on(records: dict[str, Mutant]) -> None:
    assert records["wrong-after"].caught_by == ["SELU-1"]


@pytest.mark.parametrize(
    ("name", "case", "check"),
    [
        ("planned-gradient", "relu/unit", "gradients"),
        ("planned-refusal", "cross_entropy/error-label-too-large", "errors"),
    ],
)
def test_what_only_a_plan_runs_is_reached_by_plans_made_at_once(
    records: dict[str, Mutant], name: str, case: str, check: str
) -> None:
    record = records[name]
    assert (record.verdict, record.case, record.check) == ("killed", case, check)


def test_plans_are_made_at_once_for_as_long_as_they_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNSPEC_NUMPY_PLAN", raising=False)
    mutant, sound = only(source_mutants("numpy"), *PLANNED["planned-gradient"]), _source_run._Sound()
    assert _source_run._tried(mutant, sound, lambda _: None)["check"] == "gradients"
    assert "NNSPEC_NUMPY_PLAN" not in os.environ
    assert set(sound.subjects) == {("numpy", True)}  # what fails by a plan is compared with a plan


def test_an_excuse_of_what_is_caught_is_an_error(every: list[SourceMutant]) -> None:
    mutant = only(every, *TRIED["wrong"])
    wrong = Excuse(MODULE, mutant.function, mutant.old, mutant.new, "who knows")
    with pytest.raises(SuiteError, match=r"equivalent\.toml: _Halves\.count: .*: excused, and caught by selu/"):
        list(run_source([mutant], 1, known=[wrong]))


@pytest.mark.parametrize("changes", [{"module": "elsewhere"}, {"function": "other"}, {"old": "3"}, {"number": 2}])
def test_an_excuse_is_for_one_place(every: list[SourceMutant], changes: dict[str, Any]) -> None:
    mutant = only(every, *TRIED["excused"])
    assert EXCUSES[0].covers(mutant)
    assert not dataclasses.replace(EXCUSES[0], **changes).covers(mutant)


def test_a_check_that_the_sound_backend_fails_says_nothing(
    every: list[SourceMutant], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant = only(every, *TRIED["wrong"])
    told: list[str] = []
    found = _source_run._tried(mutant, _source_run._Sound(), told.append)
    assert found["case"] == told[-1]
    monkeypatch.setattr(_source_run._Sound, "fails", lambda *_: True)
    assert _source_run._tried(mutant, _source_run._Sound(), told.append)["by"] == []


def test_a_source_that_was_edited_meanwhile_is_an_error(every: list[SourceMutant]) -> None:
    with pytest.raises(SuiteError, match="was edited while its mutants were tried"):
        list(run_source([dataclasses.replace(every[0], old="something else")], 1))


# -- the command -----------------------------------------------------------------------------------------------


def fake(records: list[Mutant]) -> object:
    def run(chosen: Sequence[SourceMutant], workers: int) -> Iterator[Mutant]:
        assert len(chosen) == 2
        yield from records

    return run


def record(name: str, verdict: str) -> Mutant:
    return Mutant.model_validate(
        {
            "origin": "source",
            "id": f"numpy/{name}",
            "family": "pooling",
            "operation": "max_pool",
            "fault": "constant",
            "text": "1 -> 2",
            "verdict": verdict,
            "message": "of no account",
        }
    )


def asked(monkeypatch: pytest.MonkeyPatch, path: Path, *verdicts: str) -> int:
    made = [record(f"m{i}", verdict) for i, verdict in enumerate(verdicts)]
    monkeypatch.setattr(_matrix, "run_source", fake(made))
    return mutants(MutantsRequest(source=("numpy",), sample=2, seed=3, workers=1, results=path))


def test_records_are_written_and_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.jsonl"
    assert asked(monkeypatch, path, "killed", "equivalent") == 0
    found = read_results(path)
    assert [(m.kind, m.origin, m.verdict) for m in found.mutants] == [
        ("mutant", "source", "killed"),
        ("mutant", "source", "equivalent"),
    ]
    assert json.loads(path.read_text().splitlines()[0])["seed"] == 3
    assert "1 of 1 mutants of sources killed (100.0%), and 1 that change nothing" in capsys.readouterr().out


def test_a_survivor_is_told_and_fails_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(monkeypatch, tmp_path / "m.jsonl", "killed", "survived") == 1
    out = capsys.readouterr().out
    assert "SURVIVED numpy/m1 (constant): 1 -> 2\n  no check of level quick fails" in out
    assert "1 of 2 mutants of sources killed (50.0%)" in out


def test_what_could_not_be_tried_makes_the_run_invalid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(chosen: Sequence[SourceMutant], workers: int) -> Iterator[Mutant]:
        yield record("m0", "killed")
        raise SuiteError("edited")

    monkeypatch.setattr(_matrix, "run_source", broken)
    assert mutants(MutantsRequest(source=("numpy",), sample=2, results=tmp_path / "m.jsonl")) == 2


def test_a_pattern_does_not_go_with_sources() -> None:
    with pytest.raises(ArgumentError, match="only: names planted faults"):
        mutants(MutantsRequest(source=("numpy",), only="softmax"))


def test_the_report_shows_them(nnspec_command: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked(monkeypatch, tmp_path / "m.jsonl", "killed", "survived")
    done = nnspec_command("report", tmp_path / "m.jsonl", "-o", tmp_path / "r.md")  # type: ignore[operator]
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "r.md").read_text()
    assert "The suite caught 1 of 2 mutants of the backends' sources." in text
    assert "numpy/m1" in text


# -- equivalent.toml -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_all_backends() -> list[SourceMutant]:
    return [m for name in ("numpy", "torch", "jax") for m in source_mutants(name)]


@pytest.mark.parametrize("excuse", excuses(), ids=lambda e: f"{e.function}: {e.old} -> {e.new}")
def test_an_excuse_is_for_one_change_of_today_s_sources(excuse: Excuse, of_all_backends: list[SourceMutant]) -> None:
    covered = [m for m in of_all_backends if excuse.covers(m)]
    assert covered, "stale: there is no such change any more"
    assert len({(m.module, m.node, m.change) for m in covered}) == 1, "it covers several changes"


def test_no_excuse_is_given_twice() -> None:
    found = [(e.module, e.function, e.old, e.new, e.number) for e in excuses()]
    assert len(found) == len(set(found))


def test_every_excuse_has_a_reason() -> None:
    assert [e for e in excuses() if len(e.reason) < 20] == []
