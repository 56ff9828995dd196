"""What a misbehaving backend gets: its case's verdict, while the run goes on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from nnspec._low_precision import LOW
from nnspec.backend import PROFILES
from nnspec.results import Results, read_results
from nnspec_conformance.session import DTYPES


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


def test_a_deviation_that_no_longer_triggers_fails_a_whole_run() -> None:
    from broken_backends import WithKnownDeviation, WithStaleDeviation

    from nnspec.results import Check
    from nnspec_conformance.lanes import Request
    from nnspec_conformance.session import Session
    from nnspec_conformance.stale import stale_deviations

    assert WithKnownDeviation.deviations_file == WithStaleDeviation.deviations_file
    session = Session(["broken_backends:WithStaleDeviation"])
    (check,) = stale_deviations(Request(level="full"), session, [])
    assert isinstance(check, Check)
    assert check.verdict == "fail"
    assert "no longer triggers" in check.message
    assert stale_deviations(Request(only="relu"), session, []) == []


def test_the_margin_is_reported_with_passes_too(outcome) -> None:
    _, _, results = outcome("numpy", only="sigmoid/wide")
    margins = [c.margin for c in results.checks if c.check in ("values", "gradients")]
    assert all(m is not None and 0 <= m <= 8 for m in margins)
    assert any(m for m in margins)
