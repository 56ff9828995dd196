"""Traceability: from requirement to cases to verdicts, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pluggy
import pytest
from click.testing import CliRunner, Result

from nnspec import Backend, MissingExtraError, ResultsError, cli
from nnspec.plugins import CaseRecord
from nnspec.results import BackendHeader, Check, Footer, Header
from nnspec.trace import Trace, known_cases, trace

RELU = Backend.operations()["relu"]


def case(name: str, *requirements: str, operation: str = "relu") -> CaseRecord:
    return CaseRecord(f"{operation}/{name}", "activations", operation, requirements, ("values",), ("float32",), "quick")


def check(name: str, verdict: str = "pass", **changes: Any) -> Check:
    fields: dict[str, Any] = {
        "backend": "numpy", "device": "cpu", "family": "activations", "operation": "relu", "case": f"relu/{name}",
        "check": "values", "dtype": "float32", "profile": "inference", "level": "quick", "verdict": verdict,
        "margin": 0.5, "definition_digest": RELU.digest,
    }  # fmt: skip
    return Check(**(fields | changes))


def results(path: Path, *checks: Check, started: str = "2026-01-01T00:00:00Z") -> Path:
    header = Header(
        nnspec_version="0", spec_version="1.0", spec_digest="", suite_version="1.0", level="quick", limits={},
        backends=[BackendHeader(name=name, device="cpu") for name in sorted({c.backend for c in checks})],
        platform="", python="", cpu="", threads=1, seed=0, command="", started=started,
    )  # fmt: skip
    counts = {verdict: sum(c.verdict == verdict for c in checks) for verdict in {c.verdict for c in checks}}
    footer = Footer(counts=counts, conclusions={}, seconds=0.0)
    path.write_text("".join(record.model_dump_json() + "\n" for record in (header, *checks, footer)))
    return path


CASES = [case("unit", "RELU-1"), case("kink", "RELU-2", "RELU-1"), case("nan", "RELU-3")]


def test_both_directions() -> None:
    traced = trace(cases=CASES)
    assert traced.tested_by["RELU-1"] == ["relu/unit", "relu/kink"]
    assert traced.tested_by["RELU-2"] == ["relu/kink"]
    for name, cases in traced.tested_by.items():
        assert all(name in traced.cases[c].requirements for c in cases)
    assert traced.verdicts == {}
    assert traced.backends == []


def test_orphans_are_named() -> None:
    traced = trace(cases=[*CASES, case("idle"), case("lost", "RELU-1", "RELU-99")])
    assert traced.unfounded == ["relu/idle", "relu/lost"]
    assert "RELU-1" not in traced.untested
    assert "GELU-1" in traced.untested
    assert trace(cases=CASES[:2]).record("relu")["orphans"] == {"requirements": ["RELU-3"], "cases": []}


def test_verdicts_are_counted_and_never_merged(tmp_path: Path) -> None:
    file = results(
        tmp_path / "r.jsonl",
        check("unit"),
        check("unit", dtype="float64", margin=2.0),
        check("kink", "fail", margin=30.0),
        check("kink", backend="torch", margin=float("nan")),
    )
    traced = trace([file], CASES)
    assert traced.backends == ["numpy", "torch"]
    assert traced.of("RELU-1")["numpy"].counts == {"pass": 2, "fail": 1}
    assert traced.of("RELU-1")["numpy"].margin == 30.0
    margin = traced.of("RELU-2")["torch"].margin
    assert margin is not None
    assert margin != margin
    assert traced.of("RELU-3")["numpy"].counts == {}


def test_the_later_run_counts_whatever_the_order_of_the_files(tmp_path: Path) -> None:
    old = results(tmp_path / "old.jsonl", check("unit", "fail"), check("kink"), started="2026-01-01T00:00:00Z")
    new = results(tmp_path / "new.jsonl", check("unit"), started="2026-02-01T00:00:00Z")
    for files in ([old, new], [new, old]):
        traced = trace(files, CASES)
        assert traced.verdicts["relu/unit"]["numpy"].counts == {"pass": 1}
        assert traced.verdicts["relu/kink"]["numpy"].counts == {"pass": 1}
        assert [run.started[:7] for run in traced.runs] == ["2026-01", "2026-02"]


def test_verdicts_on_an_older_text_are_marked(tmp_path: Path) -> None:
    file = results(tmp_path / "r.jsonl", check("unit", definition_digest="older"), check("kink"))
    traced = trace([file], CASES)
    assert traced.verdicts["relu/unit"]["numpy"].outdated == 1
    assert traced.of("RELU-1")["numpy"].outdated == 1
    assert traced.verdicts["relu/kink"]["numpy"].outdated == 0


def test_cases_that_are_no_more_are_left_out(tmp_path: Path) -> None:
    assert trace([results(tmp_path / "r.jsonl", check("gone"))], CASES).verdicts == {}


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    file = results(tmp_path / "r.jsonl", check("unit"))
    file.write_text("\n".join(file.read_text().splitlines()[:-1]))
    with pytest.raises(ResultsError, match="cut short"):
        trace([file], CASES)


# -- the command ---------------------------------------------------------------------------------------


@pytest.fixture
def offered(registry: Any) -> pluggy.PluginManager:
    """A plugin whose cases cover every requirement."""
    everything = [
        case("all", *op.requirements, operation=op.name) for op in Backend.operations().values() if op.name != "relu"
    ]
    manager: pluggy.PluginManager = registry({"nnspec_cases": lambda: [*CASES, *everything]})
    return manager


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["trace", *arguments], prog_name="nnspec")


@pytest.mark.usefixtures("offered")
def test_one_operation_for_people(tmp_path: Path) -> None:
    file = results(tmp_path / "r.jsonl", check("unit"), check("unit", "fail", check="gradients"))
    lines = run("relu", "--results", str(file)).output.splitlines()
    assert lines[:3] == [
        f"[RELU-1] {RELU.requirements['RELU-1']}",
        "    numpy: 1 pass, 1 fail",
        "    relu/unit, relu/kink",
    ]
    assert "    numpy: not judged" in lines


@pytest.mark.usefixtures("offered")
def test_the_outline_names_what_failed(tmp_path: Path) -> None:
    total = sum(len(op.requirements) for op in Backend.operations().values())
    file = results(tmp_path / "r.jsonl", check("nan", "fail"), check("unit"))
    result = run("--results", str(file))
    assert result.exit_code == 0
    assert result.output.startswith(f"{total} of {total} requirements are tested by ")
    assert result.output.splitlines()[-1] == "RELU-3 on numpy: 1 fail"


@pytest.mark.usefixtures("offered")
def test_json_holds_both_directions(tmp_path: Path) -> None:
    file = results(tmp_path / "r.jsonl", check("kink"))
    record = json.loads(run("relu", "--json", "--results", str(file)).output)
    assert set(record) == {"runs", "requirements", "cases", "orphans"}
    assert record["requirements"]["RELU-2"]["cases"] == ["relu/kink"]
    assert record["requirements"]["RELU-2"]["verdicts"]["numpy"]["counts"] == {"pass": 1}
    assert record["cases"]["relu/kink"]["requirements"] == ["RELU-2", "RELU-1"]
    assert record["cases"]["relu/kink"]["verdicts"]["numpy"]["margin"] == 0.5
    assert record["orphans"] == {"requirements": [], "cases": []}


def test_an_orphan_is_exit_code_1(registry: Any) -> None:
    registry({"nnspec_cases": lambda: CASES[:1]})
    assert run("relu").exit_code == 1
    assert "no case tests it" in run("relu").output
    assert "no case tests GELU-1" in run().output


def test_without_a_suite_the_command_to_install_it(registry: Any) -> None:
    registry()
    with pytest.raises(MissingExtraError):
        known_cases()
    result = run("relu")
    assert result.exit_code == 2
    assert 'pip install "nnspec[conformance]"' in result.stderr


def test_a_wrong_name_gets_a_hint() -> None:
    result = run("geluu")
    assert result.exit_code == 2
    assert "did you mean gelu" in result.stderr


def test_an_empty_trace_has_no_margin() -> None:
    assert Trace({}, {"RELU-1": []}).of("RELU-1") == {}
