"""`nnspec conform` as typed: bad input in one line with exit code 2, and what it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nnspec.results import read_results

BAD = {
    "backend": (("nosuch",), "no backend is named 'nosuch'; there are"),
    "import path": (("no_module:Thing",), "cannot import 'no_module:Thing'"),
    "not a backend": (("json:JSONDecoder",), "is no subclass of nnspec.Backend"),
    "twice": (("numpy", "numpy"), "named twice"),
    "device": (("numpy", "--device", "cuda"), "the numpy backend has cpu, got 'cuda'"),
    "profile": (("numpy", "--profile", "speed"), "profile: expected one of inference"),
    "only": (("numpy", "--only", "gleu"), "'gleu' matches no case"),
    "results folder": (("numpy", "--results", "nowhere/results.jsonl"), "nowhere is no directory"),
    "report suffix": (("numpy", "--report", "report.pdf"), "ending in .html, .md or .json"),
    "level": (("numpy", "--level", "deep"), "'deep' is not one of"),
    "workers": (("numpy", "-n", "0"), "0 is not in the range"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_said_in_a_line(nnspec_command, name: str) -> None:
    arguments, words = BAD[name]
    done = nnspec_command("conform", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stderr.strip().splitlines()[-1].startswith(("nnspec: ", "Error: "))


def test_help_has_an_example(nnspec_command) -> None:
    done = nnspec_command("conform", "--help")
    assert done.returncode == 0
    assert "Example: nnspec conform" in " ".join(done.stdout.split())


def test_header_says_who_what_and_where(nnspec_command, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    assert nnspec_command("conform", "numpy", "--only", "relu/unit", "--results", path).returncode == 0
    header = read_results(path).header
    assert header.limits == {"values": 8.0, "gradients": 8.0}
    assert header.backends[0].versions["numpy"]
    assert header.backends[0].implementations["relu"] == "native"
    assert header.backends[0].implementations["gelu"] == "derived"
    assert len(header.spec_digest) == 16
    assert header.only == "relu/unit"
    assert "conform numpy" in header.command


def test_two_runs_differ_in_time_only(nnspec_command, tmp_path: Path) -> None:
    found = []
    for name in ("a.jsonl", "b.jsonl"):
        nnspec_command("conform", "numpy", "--only", "softmax", "--results", tmp_path / name)
        checks = [c.model_dump(exclude={"seconds"}) for c in read_results(tmp_path / name).checks]
        found.append(sorted(map(json.dumps, checks)))
    assert found[0] == found[1]


def test_report_is_written_through_the_hook(nnspec_command, tmp_path: Path) -> None:
    done = nnspec_command("conform", "numpy", "--only", "relu", "--report", tmp_path / "report.html")
    assert done.returncode == 0, done.stderr
    assert "<html" in (tmp_path / "report.html").read_text()


class TestPytestPlugin:
    """`pytest --pyargs nnspec_conformance --nnspec-backend=NAME`, in the author's own project."""

    def run(self, tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--pyargs",
            "nnspec_conformance",
            "-q",
            "-p",
            "no:cacheprovider",
        ]
        return subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False)

    def test_runs_one_test_a_case(self, tmp_path: Path) -> None:
        done = self.run(tmp_path, "--nnspec-backend=numpy", "--nnspec-only=relu/unit")
        assert done.returncode == 0, done.stdout
        assert "4 passed" in done.stdout  # one a dtype

    def test_failure_tells_what_and_how_to_repeat_it(self, tmp_path: Path) -> None:
        (tmp_path / "mine.py").write_text(
            "from nnspec_backends.numpy import NumpyBackend\n"
            "class Mine(NumpyBackend):\n"
            "    def relu(self, x):\n"
            "        return super().relu(x) * 1.001\n"
        )
        done = self.run(tmp_path, "--nnspec-backend=mine:Mine", "--nnspec-only=relu/unit", "-o", "pythonpath=.")
        assert done.returncode == 1, done.stdout + done.stderr
        assert "FAIL relu/unit values on mine:Mine" in done.stdout
        assert "[RELU-1]" in done.stdout
        assert "nnspec conform mine:Mine --only 'relu/unit'" in done.stdout

    def test_without_a_backend_says_how_to_name_one(self, tmp_path: Path) -> None:
        done = self.run(tmp_path)
        assert done.returncode != 0
        assert "--nnspec-backend=NAME" in done.stdout + done.stderr

    def test_unknown_backend_is_a_usage_error(self, tmp_path: Path) -> None:
        done = self.run(tmp_path, "--nnspec-backend=nosuch")
        assert done.returncode == 4
        assert "no backend is named 'nosuch'" in done.stderr
