from __future__ import annotations

import builtins
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nnspec.errors import ArgumentError, MissingExtraError, NnspecError, ResultsError
from nnspec_reports.hooks import nnspec_commands, nnspec_render


def run(*args: object) -> Any:
    report, _ = nnspec_commands()
    return CliRunner().invoke(report, [str(arg) for arg in args])


def refused(*args: object) -> NnspecError:
    """The error that `nnspec` turns into one line and exit status 2."""
    error = run(*args).exception
    assert isinstance(error, NnspecError)
    assert "\n" not in str(error)
    return error


@pytest.fixture
def results(make: Any, write: Any) -> Path:
    path = write(make.both_profiles("numpy", "torch"))
    assert isinstance(path, Path)
    return path


@pytest.mark.parametrize(
    ("name", "start"),
    [("r.html", "<!DOCTYPE html>"), ("r.HTM", "<!DOCTYPE html>"), ("r.md", "# "), ("r.json", "{")],
)
def test_the_suffix_chooses_the_format(results: Path, tmp_path: Path, name: str, start: str) -> None:
    done = run(results, "-o", tmp_path / name)
    assert done.exit_code == 0, done.output
    assert "Yes" in done.output
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)


def test_several_files_make_one_report(results: Path, tmp_path: Path) -> None:
    assert run(results, results, "-o", tmp_path / "r.md").exit_code == 0
    assert "B: torch (cpu)" in (tmp_path / "r.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["r.pdf", "r", ".html"])
def test_unknown_suffix_is_refused_before_anything_is_read(tmp_path: Path, name: str) -> None:
    error = refused(tmp_path / "missing.jsonl", "-o", tmp_path / name)
    assert isinstance(error, ArgumentError)
    assert ".html, .htm, .md or .json" in str(error)
    assert name in str(error)


def test_missing_input_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path / "missing.jsonl", "-o", tmp_path / "r.html")
    assert isinstance(error, ResultsError)
    assert "missing.jsonl" in str(error)
    assert not (tmp_path / "r.html").exists()


def test_directory_as_input_is_named(tmp_path: Path) -> None:
    assert str(tmp_path) in str(refused(tmp_path, "-o", tmp_path / "r.html"))


def test_directory_as_output_is_refused(results: Path, tmp_path: Path) -> None:
    (tmp_path / "d.html").mkdir()
    assert "is a directory" in str(refused(results, "-o", tmp_path / "d.html"))


def test_output_in_a_missing_directory_is_refused(results: Path, tmp_path: Path) -> None:
    error = refused(results, "-o", tmp_path / "nowhere" / "r.html")
    assert "nowhere" in str(error)
    assert "No such file or directory" in str(error)


def test_an_input_is_never_overwritten(results: Path, tmp_path: Path) -> None:
    same = tmp_path / "results.json"
    same.write_bytes(results.read_bytes())
    assert "one of the results files" in str(refused(same, "-o", same))
    assert same.read_bytes() == results.read_bytes()


def test_no_input_is_a_usage_error(tmp_path: Path) -> None:
    assert run("-o", tmp_path / "r.html").exit_code == 2


def test_help_has_an_example() -> None:
    done = run("--help")
    assert done.exit_code == 0
    assert "nnspec report results.jsonl -o report.html" in done.output


def test_the_hook_writes_what_it_knows_and_leaves_the_rest_to_others(results: Path, tmp_path: Path) -> None:
    assert nnspec_render([results], tmp_path / "r.html") is True
    assert (tmp_path / "r.html").exists()
    assert nnspec_render([results], tmp_path / "r.pdf") is None


@pytest.mark.parametrize("absent", ["pydantic", "jinja2", "matplotlib"])
def test_a_missing_extra_is_named_with_the_pip_command(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absent: str
) -> None:
    hidden = re.compile(rf"{absent}(\.|$)|nnspec_reports\._|nnspec\.results")
    for name in [n for n in sys.modules if hidden.match(n)]:
        monkeypatch.delitem(sys.modules, name)
    real = builtins.__import__

    def import_without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == absent:
            raise ModuleNotFoundError(f"No module named {absent!r}", name=absent)
        return real(name, *args, **kwargs)

    monkeypatch.delattr("nnspec_reports._render", raising=False)
    monkeypatch.setattr(builtins, "__import__", import_without)
    error = refused(results, "-o", tmp_path / "r.html")
    assert isinstance(error, MissingExtraError)
    assert f'reports need {absent}; run: pip install "nnspec[reports]"' in str(error)


def test_the_entry_point_imports_nothing_heavy() -> None:
    heavy = ("pydantic", "jinja2", "matplotlib")
    code = f"import sys, nnspec_reports.commands, nnspec_reports.hooks; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
