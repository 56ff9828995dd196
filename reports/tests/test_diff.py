"""`nnspec diff`: what changed between two runs, and what it is attributed to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from click.testing import CliRunner

from nnspec.errors import ArgumentError, NnspecError, ResultsError
from nnspec.results import Note, OverrideHeader
from nnspec_reports._diff import Comparison, compare_files
from nnspec_reports._diff_render import turn_of
from nnspec_reports.hooks import nnspec_commands

NASTY = '<script>alert("x")</script> |a| `b` *c*'


def diff(*args: object) -> Any:
    _, command = nnspec_commands()
    return CliRunner().invoke(command, [str(arg) for arg in args])


def refused(*args: object) -> NnspecError:
    error = diff(*args).exception
    assert isinstance(error, NnspecError)
    assert "\n" not in str(error)
    return error


@pytest.fixture
def both(make: Any, write: Any) -> Callable[..., Comparison]:
    """Compare runs of one check each; what differs between them is given as pairs."""

    def compared(old: dict[str, Any], new: dict[str, Any], **headers: tuple[Any, Any]) -> Comparison:
        paths = []
        for side, changes in enumerate((old, new)):
            own = {name: pair[side] for name, pair in headers.items()}
            backends = own.pop("backends", [make.backend_header("numpy")])
            checks = [make.check(**changes)] if changes is not None else []
            paths.append(write(checks, name=f"{side}.jsonl", head=make.header(backends=backends, **own)))
        return compare_files(*paths)

    return compared


def causes(comparison: Comparison) -> list[str]:
    groups = ("failures", "fixed", "verdicts", "larger", "smaller", "added", "removed")
    (change,) = (change for name in groups for change in getattr(comparison, name))
    return [str(cause) for cause in change.causes]


# -- what changed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "group"),
    [
        ("pass", "fail", "failures"),
        ("pass", "unsupported", "failures"),
        ("waived", "error", "failures"),
        ("undecided", "blocked", "failures"),
        ("fail", "pass", "fixed"),
        ("unsupported", "pass", "fixed"),
        ("fail", "error", "verdicts"),
        ("fail", "waived", "verdicts"),
        ("pass", "undecided", "verdicts"),
        ("waived", "pass", "verdicts"),
    ],
)
def test_verdicts(both: Any, old: str, new: str, group: str) -> None:
    found = both({"verdict": old}, {"verdict": new})
    (change,) = getattr(found, group)
    assert turn_of(change) == f"{old} → {new}"
    assert found.worse == (group == "failures")
    assert found.unchanged == 0


@pytest.mark.parametrize(
    ("old", "new", "group"),
    [
        (1.0, 2.0, "larger"),
        (1.0, 1.9, None),
        (3.0, 1.0, "smaller"),
        (0.001, 0.4, None),
        (0.0, 1.0, "larger"),
        (float("inf"), 1.0, "smaller"),
        (float("inf"), float("nan"), None),
        (float("nan"), float("nan"), None),
        (None, 2.0, None),
    ],
)
def test_margins_that_change_by_two_or_more(both: Any, old: float | None, new: float | None, group: str | None) -> None:
    found = both({"margin": old}, {"margin": new})
    assert (len(found.larger), len(found.smaller)) == (group == "larger", group == "smaller")
    assert found.unchanged == (group is None)
    assert not found.worse


def test_margins_come_with_the_largest_change_first(make: Any, write: Any) -> None:
    margins = {"a": (1.0, 2.5), "b": (1.0, 7.0), "c": (4.0, 2.0), "d": (7.0, 1.0)}
    paths = [
        write([make.check(case=f"gelu/{n}", margin=m[side]) for n, m in margins.items()], name=f"{side}.jsonl")
        for side in (0, 1)
    ]
    found = compare_files(*paths)
    assert [change.check.case for change in found.larger] == ["gelu/b", "gelu/a"]
    assert [change.check.case for change in found.smaller] == ["gelu/d", "gelu/c"]


def test_added_and_removed(make: Any, write: Any) -> None:
    old = write([make.check(case="gelu/old"), make.check()], name="old.jsonl")
    new = write([make.check(), make.check(case="gelu/a"), make.check(case="gelu/b", verdict="fail")], name="new.jsonl")
    found = compare_files(old, new)
    assert [change.check.case for change in found.removed] == ["gelu/old"]
    assert [change.check.case for change in found.added] == ["gelu/a"]
    assert [change.check.case for change in found.failures] == ["gelu/b"]  # it fails, and did not
    assert found.unchanged == 1


def test_checks_alike_are_told_apart_by_their_order(make: Any, write: Any) -> None:
    old = write([make.check(), make.check(verdict="fail")], name="old.jsonl")
    new = write([make.check(), make.check()], name="new.jsonl")
    assert len(compare_files(old, new).fixed) == 1


def test_a_backend_that_one_run_has_is_counted_and_its_checks_are_not_listed(make: Any, write: Any) -> None:
    old = write([make.check()], name="old.jsonl", head=make.header(backends=[make.backend_header("numpy")]))
    new = write([make.check(), make.check(backend="torch", verdict="fail")], name="new.jsonl")
    found = compare_files(old, new)
    assert (found.backends_added, found.backends_removed, found.worse) == ({"torch": 1}, {}, False)
    assert compare_files(new, old).backends_removed == {"torch": 1}


def test_the_only_backends_are_compared_whatever_their_names(both: Any, make: Any) -> None:
    backends = [make.backend_header("numpy")], [make.backend_header("torch", device="cuda:0")]
    found = both({}, {"backend": "torch", "device": "cuda:0", "verdict": "fail"}, backends=backends)
    assert len(found.failures) == 1
    assert {(d.kind, d.name, d.old, d.new) for d in found.differences} >= {
        ("backend", "backend", "numpy", "torch"),
        ("environment", "device of torch", "cpu", "cuda:0"),
    }


def test_conclusions_of_both_runs(both: Any) -> None:
    found = both({}, {"verdict": "fail"})
    by_profile = {c.profile: (c.old, c.new) for c in found.conclusions}
    assert by_profile["inference"] == ("conformant", "not conformant")


# -- what it is attributed to ------------------------------------------------------------------------------------


def test_nothing_that_is_recorded(both: Any) -> None:
    found = both({}, {"verdict": "fail"})
    assert causes(found) == ["unknown (nothing recorded differs: not reproducible, or a local change)"]
    assert found.differences == []


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"nnspec_version": ("0.1", "0.2")}, ["backend"]),
        ({"suite_version": ("1.0", "1.1")}, ["suite"]),
        ({"spec_version": ("1.0", "1.1")}, ["specification"]),
        ({"spec_digest": ("a", "b")}, ["specification (the reference, or another definition)"]),
        ({"python": ("3.11", "3.12")}, ["environment"]),
        ({"cpu": ("old", "new"), "threads": (1, 2), "platform": ("a", "b")}, ["environment"]),
        ({"suite_version": ("1", "2"), "python": ("3.11", "3.12")}, ["suite", "environment"]),
        ({"command": ("a", "b"), "started": ("a", "b")}, ["unknown (nothing recorded differs: not reproducible, or a"]),
    ],
)
def test_what_differs_between_the_runs(both: Any, headers: dict[str, Any], expected: list[str]) -> None:
    found = causes(both({"margin": 1.0}, {"margin": 5.0}, **headers))
    assert [given[: len(wanted)] for given, wanted in zip(found, expected, strict=True)] == expected


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (({"torch": "2.12", "numpy": "2.4"}, {"torch": "2.13", "numpy": "2.4"}), "backend"),
        (({"torch": "2.13", "numpy": "2.3"}, {"torch": "2.13", "numpy": "2.4"}), "environment"),
        (({"numpy": "2.3", "scipy": "1.17"}, {"numpy": "2.4", "scipy": "1.17"}), "backend"),
    ],
)
def test_numpy_is_the_environment_of_all_backends_but_its_own(
    both: Any, make: Any, versions: tuple[dict[str, str], dict[str, str]], expected: str
) -> None:
    backends = tuple([make.backend_header("numpy", versions=v)] for v in versions)
    assert causes(both({}, {"verdict": "fail"}, backends=backends)) == [expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"case_digest": "a"}, {"case_digest": "b"}, "suite (the case is another)"),
        ({"implementation": "native"}, {"implementation": "derived"}, "backend (native → derived)"),
        (
            {"definition_digest": "a"},
            {"definition_digest": "b"},
            "specification (the text of gelu or its family is another)",
        ),
    ],
)
def test_what_shows_on_the_check_itself(both: Any, old: Any, new: Any, expected: str) -> None:
    found = both(old, {**new, "verdict": "fail"})
    assert causes(found) == [expected]


def test_what_shows_on_the_check_comes_before_what_differs_elsewhere(both: Any) -> None:
    found = both({"case_digest": "a"}, {"case_digest": "b", "verdict": "fail"}, python=("3.11", "3.12"))
    assert causes(found) == ["suite (the case is another)"]
    found = both({"definition_digest": "a"}, {"definition_digest": "b", "verdict": "fail"}, python=("3.11", "3.12"))
    assert causes(found) == ["specification (the text of gelu or its family is another)", "environment"]


def test_another_limit_for_the_same_margin(both: Any) -> None:
    limits = {"values": 8.0}, {"values": 4.0}
    found = both({"margin": 6.0}, {"margin": 6.0, "verdict": "fail"}, limits=limits, python=("3.11", "3.12"))
    assert causes(found) == ["suite (limit 8 → 4)"]


def test_another_seed(both: Any) -> None:
    found = both({"case_digest": "a"}, {"case_digest": "b", "verdict": "fail"}, seed=(0, 1))
    assert causes(found) == ["run (another seed)"]


def test_a_deviation_that_is_recorded_now(both: Any) -> None:
    found = both({"verdict": "fail"}, {"verdict": "waived", "waiver": "upstream: wrong (https://x)"})
    assert causes(found) == ["backend (a deviation was recorded)"]


def test_another_text_of_an_override(both: Any) -> None:
    overrides = tuple({"gelu": OverrideHeader(function="mine:gelu", digest=digest)} for digest in ("a", "b"))
    found = both({}, {"verdict": "fail"}, overrides=overrides)
    assert causes(found) == ["backend (the text of mine:gelu is another)"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "suite (its cases are others)"),
        ({"level": ("quick", "full")}, "run (level quick → full)"),
        ({"only": ("gelu", None)}, "run (cases gelu → all)"),
    ],
)
def test_why_a_check_is_new(make: Any, write: Any, headers: dict[str, Any], expected: str) -> None:
    heads = [
        make.header(backends=[make.backend_header("numpy")], **{name: pair[side] for name, pair in headers.items()})
        for side in (0, 1)
    ]
    old = write([make.check()], name="old.jsonl", head=heads[0])
    new = write([make.check(), make.check(case="gelu/new")], name="new.jsonl", head=heads[1])
    assert causes(compare_files(old, new)) == [expected]


def test_a_check_of_a_new_operation_or_of_a_new_claim(make: Any, write: Any) -> None:
    known = make.backend_header("numpy")
    old = write([make.check()], name="old.jsonl", head=make.header(backends=[known]))
    more = known.model_copy(update={"implementations": known.implementations | {"mish": "derived"}})
    checks = [make.check(), make.check(operation="mish", case="mish/unit")]
    found = compare_files(old, write(checks, name="new.jsonl", head=make.header(backends=[more])))
    assert causes(found) == ["specification (mish is new)"]
    claims = known.model_copy(update={"profiles": [*known.profiles, "double"]})
    checks = [make.check(), make.check(dtype="float64", profile="double")]
    found = compare_files(old, write(checks, name="new.jsonl", head=make.header(backends=[claims])))
    assert causes(found) == ["backend (its claim of double)"]


# -- the command -------------------------------------------------------------------------------------------------


@pytest.fixture
def runs(make: Any, write: Any) -> tuple[Path, Path]:
    known = [make.backend_header("numpy")]
    old = [make.check(margin=1.0), make.check(case="gelu/two", verdict="fail"), make.check(case="gelu/gone")]
    new = [
        make.check(margin=9.0, verdict="fail", message=NASTY, repro="nnspec conform numpy --only gelu/plain"),
        make.check(case="gelu/two"),
        make.check(case="gelu/come"),
    ]
    return (
        write(old, name="old.jsonl", head=make.header(backends=known)),
        write(new, name="new.jsonl", head=make.header(backends=known, suite_version="1.1")),
    )


def test_the_terminal_says_what_and_why(runs: tuple[Path, Path]) -> None:
    done = diff(*runs)
    assert done.exit_code == 1, done.output
    assert "gelu/plain values on numpy (float32): pass → fail, margin 1 → 9 [suite]" in done.output
    assert "nnspec conform numpy --only gelu/plain" in done.output
    assert re.search(r"suite +suite +1\.0 +1\.1", done.output)
    assert "Worse: 1 new failure, 1 check fixed, 1 check added, 1 check removed." in done.output


def test_nothing_worse_is_exit_code_0(runs: tuple[Path, Path]) -> None:
    done = diff(runs[0], runs[0])
    assert done.exit_code == 0
    assert "Nothing worse: no change in 3 checks." in done.output


@pytest.mark.parametrize("suffix", [".html", ".md"])
def test_pages_say_the_same(runs: tuple[Path, Path], tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"d{suffix}"
    assert diff(*runs, "-o", path).exit_code == 1
    text = path.read_text(encoding="utf-8")
    for words in ("Worse: 1 new failure", "gelu/plain", "gelu/two", "margin 1 → 9", "1 to suite", "Removed"):
        assert words in text
    assert "<script>" not in text
    if suffix == ".html":
        assert not re.search(r'(?:src|href)="(?!#|data:)', text)
        for tag in ("section", "table", "details", "article", "tbody", "div"):
            assert len(re.findall(rf"<{tag}\b", text)) == text.count(f"</{tag}>"), tag


def test_long_lists_end_with_a_count(make: Any, write: Any, tmp_path: Path) -> None:
    old = write([make.check(case=f"gelu/{i}") for i in range(1200)], name="old.jsonl")
    new = write([make.check(case=f"gelu/{i}", verdict="fail") for i in range(1200)], name="new.jsonl")
    done = diff(old, new, "-o", tmp_path / "d.html")
    assert "... and 1,190 more checks; -o OUT.html lists them" in done.output
    assert "200 more are in the results files." in (tmp_path / "d.html").read_text(encoding="utf-8")


def test_large_files_are_compared_quickly(make: Any, write: Any) -> None:
    checks = make.many_checks(27_000)
    old = write(checks, name="old.jsonl")
    new = write([c.model_copy(update={"margin": 3 * c.margin}) if c.margin else c for c in checks], name="new.jsonl")
    started = perf_counter()
    found = compare_files(old, new)
    assert perf_counter() - started < 10  # 1.2 s on an idle core
    assert found.larger
    assert not found.worse


# -- bad input -----------------------------------------------------------------------------------------------------


def test_bad_files_are_named(runs: tuple[Path, Path], tmp_path: Path) -> None:
    assert "absent.jsonl: no such file" in str(refused(runs[0], tmp_path / "absent.jsonl"))
    (tmp_path / "text.jsonl").write_text("hello\n")
    assert "text.jsonl: line 1" in str(refused(tmp_path / "text.jsonl", runs[1]))
    short = tmp_path / "short.jsonl"
    short.write_text("".join(runs[0].read_text().splitlines(keepends=True)[:-1]))
    assert "short.jsonl: cut short" in str(refused(short, runs[1]))


def test_an_invalid_run_is_refused(runs: tuple[Path, Path], make: Any, write: Any) -> None:
    invalid = write([make.check()], name="invalid.jsonl", notes=[Note(level="suite-error", message="broken")])
    error = refused(runs[0], invalid)
    assert isinstance(error, ResultsError)
    assert "invalid.jsonl: an invalid run proves nothing: the suite itself failed" in str(error)
    assert "empty.jsonl: an invalid run" in str(refused(write([], name="empty.jsonl"), runs[1]))


def test_bad_outputs_are_refused(runs: tuple[Path, Path], tmp_path: Path) -> None:
    error = refused(*runs, "-o", tmp_path / "d.pdf")
    assert isinstance(error, ArgumentError)
    assert ".html, .htm or .md" in str(error)
    assert "No such file" in str(refused(*runs, "-o", tmp_path / "nowhere" / "d.md"))


def test_one_file_is_a_usage_error(runs: tuple[Path, Path]) -> None:
    assert diff(runs[0]).exit_code == 2


# -- real runs -----------------------------------------------------------------------------------------------------

SOUND = "from nnspec_backends.numpy import NumpyBackend\nclass Mine(NumpyBackend):\n    pass\n"
FAULTY = SOUND.replace("pass", "def relu(self, x):\n        return super().relu(x) * 1.001")
SILU = "def silu(self, x, *, beta=1.0):\n        return super().silu(x, beta=beta) * (1 + 3e-7)"
SLOPPY = SOUND.replace("pass", SILU)


def test_real_runs(tmp_path: Path) -> None:
    """A backend that breaks, and is repaired, with nothing in the headers that says so."""
    found = {}
    for name, text in {"sound": SOUND, "faulty": FAULTY, "sloppy": SLOPPY}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(text)
        found[name] = tmp_path / f"{name}.jsonl"
        command = [sys.executable, "-m", "nnspec", "conform", "mine:Mine", "--only", "[rs][ei]lu/unit", "-n", "1"]
        command += ["--profile", "inference", "--profile", "training", "--results", str(found[name])]
        done = subprocess.run(
            command,
            cwd=tmp_path / name,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == (name == "faulty"), done.stdout + done.stderr
    worse = compare_files(found["sound"], found["faulty"])
    assert worse.worse
    assert {change.check.operation for change in worse.failures} == {"relu"}
    assert {change.kinds for change in worse.failures} == {"unknown"}
    assert worse.unchanged > 0
    better = compare_files(found["faulty"], found["sound"])
    assert len(better.fixed) == len(worse.failures)
    assert not better.worse
    sloppy = compare_files(found["sound"], found["sloppy"])
    assert not sloppy.worse
    assert {change.kinds for change in sloppy.larger} == {"backend"}
    assert {str(change.causes[0]) for change in sloppy.larger} == {"backend (derived → native)"}
