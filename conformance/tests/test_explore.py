"""`nnspec conform --explore`: finds what no case tries, and says how to keep it."""

from __future__ import annotations

import json
from pathlib import Path

from nnspec.results import read_results
from nnspec_conformance.regimes import Change


def explored(nnspec_command, *arguments: object):
    return nnspec_command("conform", *arguments, "--explore", 20)


def test_nothing_found_says_how_much_was_tried(nnspec_command, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    done = nnspec_command("conform", "numpy", "--only", "softmax", "--explore", 5, "--results", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "explored 0 drawn" not in done.stdout
    assert "found 0" in done.stdout
    results = read_results(path)
    assert results.checks
    assert results.footer.conclusions["numpy"]["inference"] == "conformant"


def test_a_failure_is_shrunk_and_told_as_a_case_to_keep(nnspec_command, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    backend = "regime_faults:ConvWrongForGroupsAndStride"
    done = explored(nnspec_command, backend, "--only", "conv", "--results", path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"on {backend}" in done.stdout
    assert "[CONV-" in done.stdout
    row = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    assert row["id"].startswith("conv/drawn-")
    assert len(Change.from_json(row["change"]).to_json()) <= 4  # base, dtype and what matters
    results = read_results(path)
    assert any(check.verdict == "fail" and check.case == row["id"] for check in results.checks)
    assert results.footer.conclusions[backend]["inference"] == "not conformant"


def test_a_crash_is_a_finding(nnspec_command, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    done = explored(nnspec_command, "regime_faults:SoftplusDiesOfNaN", "--only", "softplus", "--results", path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the process died (exit code 7)" in done.stdout
    assert '{"id": "softplus/drawn-' in done.stdout
    assert any(check.verdict == "error" for check in read_results(path).checks)


def test_a_hang_is_a_finding(nnspec_command) -> None:
    done = explored(nnspec_command, "regime_faults:SoftplusHangsOnNan", "--only", "softplus", "--timeout", 3)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the process died (hung)" in done.stdout


def test_a_backend_that_traces_is_explored_too(nnspec_command) -> None:
    done = explored(nnspec_command, "jax", "--only", "relu")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "explored 0 drawn" not in done.stdout


def test_what_cannot_be_drawn_is_said_in_a_line(nnspec_command) -> None:
    done = nnspec_command("conform", "numpy", "--only", "training", "--explore", 5)
    assert done.returncode == 2
    assert "nothing can be drawn for 'training'" in done.stderr
