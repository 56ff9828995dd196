"""What a misbehaving backend gets: its case's verdict, while the run goes on."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from nnspec._low_precision import LOW
from nnspec.backend import PROFILES
from nnspec.deviations import read_deviations
from nnspec.errors import ArgumentError
from nnspec.results import Check, Results, read_results
from nnspec_conformance.judge import blank
from nnspec_conformance.lanes import Request
from nnspec_conformance.session import DTYPES, Session
from nnspec_conformance.stale import stale_deviations


@pytest.fixture
def outcome(nnspec_command, tmp_path: Path):
    """Exit code, standard output and results of `nnspec conform` on relu."""

    def run(*backends: str, only: str = "relu", options: tuple[str, ...] = ()) -> tuple[int, str, Results]:
        path = tmp_path / "results.jsonl"
        named = [b if ":" in b or b == "numpy" else f"broken_backends:{b}" for b in backends]
        done = nnspec_command("conform", *named, "--only", only, "--results", path, *options)
        return done.returncode, done.stdout + done.stderr, read_results(path)

    return run


def verdicts(results: Results, **having: str) -> Counter[str]:
    return Counter(c.verdict for c in results.checks if all(getattr(c, k) == v for k, v in having.items()))


def test_a_sound_backend_is_conformant(outcome) -> None:
    code, text, results = outcome("numpy")
    assert code == 0
    assert set(verdicts(results)) == {"pass"}
    assert results.footer.conclusions["numpy"].keys() == set(PROFILES)
    assert set(results.footer.conclusions["numpy"].values()) == {"conformant"}
    assert "conformant" in text


def test_one_that_raises_has_an_error_and_the_rest_is_blocked(outcome) -> None:
    code, text, results = outcome("Raises")
    assert code == 1
    first = next(c for c in results.checks if c.case == "relu/unit")
    assert (first.check, first.verdict) == ("values", "error")
    assert "RuntimeError: out of order" in first.message
    assert verdicts(results, case="relu/unit", check="shapes")["blocked"] == len(DTYPES)
    assert "RELU-1" in text
    shown_first = next(c for c in results.checks if c.verdict != "pass")
    assert shown_first.repro in text


@pytest.mark.parametrize(("backend", "words"), [("Hangs", "Timeout"), ("Dies", "worker process died")])
def test_one_that_hangs_or_dies_loses_that_case_only(outcome, backend: str, words: str) -> None:
    code, _, results = outcome(backend, "numpy", options=("--timeout", "3"))
    assert code == 1
    given = f"broken_backends:{backend}"
    bad = [c for c in results.checks if c.verdict == "error"]
    assert {c.case for c in bad} == {"relu/size-scalar"}
    assert all(words in c.message for c in bad)
    assert verdicts(results, backend="numpy") == Counter(
        c.verdict for c in results.checks if c.backend == "numpy" and c.verdict == "pass"
    )
    assert verdicts(results, backend=given, case="relu/unit").keys() == {"pass"}
    assert results.footer.complete


def test_a_wrong_shape_is_said(outcome) -> None:
    code, _, results = outcome("LiesAboutAShape")
    assert code == 1
    bad = [c for c in results.checks if c.case == "relu/size-scalar" and c.check == "shapes"]
    assert bad
    assert all(c.verdict == "fail" and "(1,)" in c.message for c in bad)


def test_a_wrong_dtype_is_said(outcome) -> None:
    _, _, results = outcome("ReturnsFloat64")
    bad = [c for c in results.checks if c.verdict == "fail"]
    assert {(c.check, c.dtype) for c in bad} == {("shapes", dtype) for dtype in ("float32", *LOW)}
    assert "dtype float64, expected float32" in bad[0].message


def test_a_changed_input_is_said(outcome) -> None:
    _, _, results = outcome("ChangesItsInput")
    bad = {c.check for c in results.checks if c.verdict == "fail"}
    assert "purity" in bad
    assert any(c.message == "x: changed by the call" for c in results.checks)


def test_a_result_that_varies_is_said(outcome) -> None:
    _, _, results = outcome("IsNeverTheSame")
    assert verdicts(results, check="repeat", case="relu/unit")["fail"] >= 1


def test_claimed_and_missing_is_not_conformant(outcome) -> None:
    code, _, results = outcome("DoesNotOffer")
    assert code == 1
    assert verdicts(results, case="relu/unit", check="values") == Counter({"unsupported": len(DTYPES)})


def test_a_claimed_profile_without_its_dtype_is_unsupported(outcome) -> None:
    code, _, results = outcome("ClaimsDoubleWithoutIt", only="relu/unit")
    assert code == 1
    first = next(c for c in results.checks if c.dtype == "float64")
    assert first.verdict == "unsupported"
    assert "offers float32, got 'float64'" in first.message
    assert verdicts(results, dtype="float64").keys() == {"unsupported", "blocked"}


def test_a_dtype_not_offered_nor_claimed_is_not_tried(outcome) -> None:
    code, _, results = outcome("SingleOnly", only="relu/unit")
    assert code == 0
    assert {c.dtype for c in results.checks} == {"float32"}


def test_a_bad_call_let_through_is_said(outcome) -> None:
    _, _, results = outcome("ForgetsToCheck")
    assert verdicts(results, check="errors")["fail"] >= 1


def test_a_profile_not_claimed_is_not_judged(outcome) -> None:
    code, _, results = outcome("Infers", only="*/unit")
    conclusions = results.footer.conclusions["broken_backends:Infers"]
    assert "training" not in conclusions
    assert code == 1  # "double" is claimed, and includes gradients
    assert conclusions["inference"] == "conformant"


def test_a_recorded_deviation_is_waived_and_not_hidden(outcome) -> None:
    code, _, results = outcome("WithKnownDeviation")
    waived = [c for c in results.checks if c.verdict == "waived"]
    assert code == 0
    assert waived
    assert all(c.waiver == "upstream: a test of the suite (https://example.org/1)" for c in waived)


def test_a_profile_that_works_unclaimed_is_said(outcome) -> None:
    code, text, results = outcome("ClaimsTooLittle", "Infers", only="gelu/unit")
    assert code == 1  # Infers claims double, which includes gradients
    assert {n.backend for n in results.notes} == {"broken_backends:ClaimsTooLittle"}  # Infers has no training at all
    assert {n.level for n in results.notes} == {"warning"}
    assert len(results.notes) == 2
    for profile in ("training", "low-precision"):
        assert f"broken_backends:ClaimsTooLittle does not claim profile '{profile}', though all" in text
    assert {c.profile for c in results.checks} == {"inference", "reproducible", "double"}


def passed(given: str) -> list[Check]:
    """What a whole run of a backend without a fault would record of the cases that its file speaks of."""
    name = f"broken_backends:{given}"
    session = Session([name], level="full")
    subject = session.unmade(name)
    return [
        blank(subject, item.case, item.dtype, check, "pass", "")
        for item in session.items
        if item.case.operation in ("relu", "sigmoid")
        for check in session.checks_in_scope(item)
    ]


def test_a_deviation_that_no_longer_triggers_fails_a_whole_run() -> None:
    session = Session(["broken_backends:WithStaleDeviation"])
    checks = passed("WithStaleDeviation")
    (check,) = stale_deviations(Request(level="full"), session, checks)
    assert check.verdict == "fail"
    assert "no longer triggers; delete it: upstream: a test of the suite" in check.message
    assert stale_deviations(Request(level="full"), session, checks[1:]) == []  # one that it speaks of was left out
    assert stale_deviations(Request(level="full", seed=1), session, checks) == []
    triggered = checks[0].model_copy(
        update={"verdict": "waived", "waiver": str(session.unmade(session.given[0]).deviations[0])}
    )
    assert stale_deviations(Request(level="full"), session, [triggered, *checks[1:]]) == []
    elsewhere = triggered.model_copy(update={"case": "sigmoid/unit"})  # another row of the same words
    assert stale_deviations(Request(level="full"), session, [elsewhere, *checks]) != []


def test_what_is_recorded_as_missing_is_unsupported_and_strict(outcome) -> None:
    code, _, results = outcome("NotImplementedThough", only="[rs][ei]*[ud]/unit")
    assert code == 1
    relu = [c for c in results.checks if c.case == "relu/unit" and c.verdict != "blocked"]
    assert {c.verdict for c in relu} == {"unsupported"}
    assert {c.waiver for c in relu} == {"not-implemented: there is no relu"}
    found = {c.operation: c for c in results.checks if c.check == "deviations"}
    assert found.keys() == {"sigmoid", "tanh"}
    assert "no longer triggers; delete it: never: sigmoid is there after all" in found["sigmoid"].message
    assert "matches no case; delete it: never: there is no such case" in found["tanh"].message
    assert {c.verdict for c in found.values()} == {"fail"}
    assert {c.verdict for c in results.checks if c.case == "sigmoid/unit"} == {"pass"}  # a waived check still runs


MALFORMED = {
    "no TOML": ("[[deviation", "cannot be read"),
    "another table": ("[[deviations]]", "expected [[deviation]] tables, got deviations"),
    "no list": ("deviation = 3", "expected [[deviation]] tables, got deviation"),
    "no rows": ("deviation = [3]", "deviation 1: expected a table, got 3"),
    "a missing field": ("[[deviation]]\noperation = 'relu'\nkind = 'never'", "deviation 1: missing ['reason']"),
    "an unknown field": (
        "[[deviation]]\noperation = 'relu'\nkind = 'never'\nreason = 'x'\nwhy = 'x'",
        "deviation 1: unknown ['why']",
    ),
    "a number": ("[[deviation]]\noperation = 'relu'\nkind = 'never'\nreason = 3", "reason: expected a text, got 3"),
    "another kind": ("[[deviation]]\noperation = 'relu'\nkind = 'later'\nreason = 'x'", "kind: expected one of"),
    "no reason": ("[[deviation]]\noperation = 'relu'\nkind = 'never'\nreason = ' '", "reason: a deviation of relu"),
    "no link": ("[[deviation]]\noperation = 'relu'\nkind = 'upstream'\nreason = 'x'", "link: an upstream deviation"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_deviation_names_file_and_row(tmp_path: Path, name: str) -> None:
    text, words = MALFORMED[name]
    path = tmp_path / "deviations.toml"
    path.write_text(text)
    with pytest.raises(ArgumentError, match=re.escape(str(path))) as error:
        read_deviations(path)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_deviations_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="cannot be read"):
        read_deviations(tmp_path / "nowhere.toml")
    assert read_deviations(None) == []


def test_malformed_deviations_end_a_run_in_a_line(nnspec_command, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[[deviation]]\noperation = 'relu'")
    (tmp_path / "mine.py").write_text(
        "from pathlib import Path\n"
        "from nnspec_backends.numpy import NumpyBackend\n"
        "class Mine(NumpyBackend):\n"
        "    deviations_file = Path(__file__).with_name('bad.toml')\n"
    )
    done = nnspec_command("conform", "mine:Mine")
    assert done.returncode == 2
    assert "bad.toml: deviation 1: missing ['kind', 'reason']" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_margin_is_reported_with_passes_too(outcome) -> None:
    _, _, results = outcome("numpy", only="sigmoid/wide")
    margins = [c.margin for c in results.checks if c.check in ("values", "gradients")]
    assert all(m is not None and 0 <= m <= 8 for m in margins)
    assert any(m for m in margins)
