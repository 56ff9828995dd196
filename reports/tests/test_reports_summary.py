from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from nnspec.results import Footer, Note, OverrideHeader, read_results
from nnspec_reports._models import Summary
from nnspec_reports._summary import summarize


def summary(*paths: Path) -> Summary:
    return summarize([read_results(path) for path in paths])


def cells(made: Summary) -> dict[tuple[str, str], str]:
    return {
        (subject.label, profile): cell.conclusion
        for subject, row in zip(made.subjects, made.conclusions, strict=True)
        for profile, cell in zip(made.profiles, row, strict=True)
    }


def test_all_passed_is_yes(make: Any, write: Any) -> None:
    made = summary(write(make.both_profiles("numpy", "torch")))
    assert made.answer.verdict == "yes"
    assert made.answer.headline.startswith("Yes")
    assert "4 checks" in made.answer.sentences[0]
    assert "4 passed" in made.answer.sentences[0]
    assert cells(made)["numpy (cpu)", "inference"] == "conformant"


def test_profile_that_is_not_claimed_is_not_judged_and_said(make: Any, write: Any) -> None:
    made = summary(write(make.both_profiles("numpy", "torch")))
    assert cells(made)["torch (cpu)", "double"] == "not claimed"
    assert any("double" in sentence and "Not claimed" in sentence for sentence in made.answer.sentences)


def test_claimed_profile_that_was_not_asked_for_is_not_judged(make: Any, write: Any) -> None:
    checks = [make.check(backend=b) for b in ("numpy", "torch")]
    head = make.header(profiles=["inference"])
    conclusions = {b: {"inference": "conformant"} for b in ("numpy", "torch")}
    footer = Footer(counts={"pass": 2}, conclusions=conclusions, seconds=1.0)
    made = summary(write(checks, head=head, footer=footer))
    assert cells(made)["numpy (cpu)", "training"] == "not judged"
    assert any("Claimed, but not judged: numpy (cpu) in training" in s for s in made.answer.sentences)
    assert any("judged only inference" in sentence for sentence in made.answer.sentences)


def test_a_function_in_place_of_the_backends_own_is_said(make: Any, write: Any) -> None:
    override = OverrideHeader(function="my_kernels:fast_gelu", digest="0123456789abcdef")
    head = make.header(backends=[make.backend_header("torch")], overrides={"gelu": override})
    made = summary(write(make.both_profiles("torch", implementation="override"), head=head))
    assert made.subjects[0].label == "torch with my_kernels:fast_gelu (cpu)"
    assert made.answer.verdict == "partial"
    assert "The run judged my_kernels:fast_gelu as gelu, and not the backend's own." in made.answer.sentences
    assert "The run executed only cases of gelu, and says nothing about other operations." in made.answer.sentences
    assert made.support[0].operations[0].cells[0].implementation == "override"


@pytest.mark.parametrize("verdict", ["fail", "error", "unsupported", "blocked"])
def test_one_failure_is_no_and_names_backend_and_profile(make: Any, write: Any, verdict: str) -> None:
    checks = [
        *make.both_profiles("numpy", "torch"),
        make.check(backend="torch", profile="training", verdict=verdict),
    ]
    made = summary(write(checks))
    assert made.answer.verdict == "no"
    assert "torch (cpu) in training" in made.answer.headline
    assert "numpy" not in made.answer.headline
    assert [f.verdict for group in made.failures for f in group.findings] == [verdict]


def test_undecided_is_partial_and_never_a_pass(make: Any, write: Any) -> None:
    open_one = make.check(verdict="undecided", margin=None, message="longdouble is no wider than float64")
    made = summary(write([*make.both_profiles("numpy", "torch"), open_one]))
    assert made.answer.verdict == "partial"
    assert cells(made)["numpy (cpu)", "inference"] == "conformant (partial)"
    assert made.subjects[0].counts == {"pass": 2, "undecided": 1}
    assert [(u.subject, u.reason) for u in made.undecided] == [("numpy (cpu)", "longdouble is no wider than float64")]


def test_waived_is_counted_apart_and_split_into_kind_reason_and_link(make: Any, write: Any) -> None:
    link = "https://github.com/pytorch/pytorch/issues/1"
    waiver = f"upstream: cut at 20 (see docs): wrong tail ({link})"
    excused = [
        make.check(backend="torch", case=f"gelu/{i}", verdict="waived", margin=9.0 + i, waiver=waiver) for i in range(2)
    ]
    made = summary(write([*make.both_profiles("numpy", "torch"), *excused]))
    assert made.answer.verdict == "yes"
    assert made.subjects[1].counts == {"pass": 2, "waived": 2}
    assert made.support[0].cells[1].counts == {"pass": 2, "waived": 2}
    (row,) = made.waived
    assert (row.kind, row.reason, row.link) == ("upstream", "cut at 20 (see docs): wrong tail", link)
    assert (row.worst, len(row.checks)) == (10.0, 2)


@pytest.mark.parametrize(
    ("waiver", "expected"),
    [
        ("never: by design", ("never", "by design", "")),
        ("upstream: the tail (of erf)", ("upstream", "the tail (of erf)", "")),
        ("no structure at all", ("", "no structure at all", "")),
        (None, ("", "", "")),
    ],
)
def test_waivers_of_other_shapes_lose_nothing(
    make: Any, write: Any, waiver: str | None, expected: tuple[str, str, str]
) -> None:
    made = summary(write([*make.both_profiles("numpy", "torch"), make.check(verdict="waived", waiver=waiver)]))
    assert [(w.kind, w.reason, w.link) for w in made.waived] == [expected]


def test_a_deviation_that_does_not_excuse_is_shown_with_its_failure(make: Any, write: Any) -> None:
    never = make.check(verdict="unsupported", margin=None, waiver="never: has no gradient transform")
    made = summary(write([*make.both_profiles("numpy", "torch"), never]))
    assert made.answer.verdict == "no"
    assert made.waived == []
    assert [f.deviation for group in made.failures for f in group.findings] == ["never: has no gradient transform"]


def test_verdicts_are_never_merged(make: Any, write: Any) -> None:
    verdicts = (
        "pass",
        "pass",
        "fail",
        "error",
        "error",
        "error",
        "unsupported",
        "waived",
        "undecided",
        "blocked",
    )
    made = summary(write([make.check(case=f"gelu/{i}", verdict=v) for i, v in enumerate(verdicts)]))
    expected = {"pass": 2, "fail": 1, "error": 3, "unsupported": 1, "waived": 1, "undecided": 1, "blocked": 1}
    assert made.runs[0].counts == expected
    assert made.support[0].operations[0].cells[0].counts == expected
    assert made.support[0].operations[0].cells[1].counts == {}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"notes": [Note(level="suite-error", message="the reference disagrees")]}, "suite error"),
        ({"complete": False}, "did not complete"),
        ({"checks": []}, "no check was executed"),
    ],
)
def test_invalid_run_proves_nothing(make: Any, write: Any, changes: dict[str, Any], why: str) -> None:
    checks = changes.get("checks", make.both_profiles("numpy", "torch"))
    conclusions = {b: {"inference": "conformant"} for b in ("numpy", "torch")}
    footer = Footer(
        counts={"pass": len(checks)},
        conclusions=conclusions,
        seconds=1.0,
        complete=changes.get("complete", True),
    )
    made = summary(write(checks, notes=changes.get("notes", ()), footer=footer))
    assert made.answer.verdict == "invalid"
    assert why in made.answer.headline
    assert cells(made)["numpy (cpu)", "inference"] == "invalid"


def test_footer_that_says_more_than_its_records_is_not_believed(make: Any, write: Any) -> None:
    checks = [*make.both_profiles("numpy", "torch"), make.check(verdict="fail")]
    footer = Footer(counts={"pass": 4, "fail": 1}, conclusions=make.concluded(make.header(), checks[:4]), seconds=1.0)
    made = summary(write(checks, footer=footer))
    assert made.answer.verdict == "no"
    assert cells(made)["numpy (cpu)", "inference"] == "not conformant"
    assert [(r.level, r.about) for r in made.remarks] == [("warning", "numpy (cpu)")]


def test_stricter_footer_is_believed(make: Any, write: Any) -> None:
    checks = make.both_profiles("numpy", "torch")
    conclusions = make.concluded(make.header(), checks) | {
        "torch": {"inference": "not conformant", "training": "conformant"}
    }
    footer = Footer(counts={"pass": 4}, conclusions=conclusions, seconds=1.0)
    assert cells(summary(write(checks, footer=footer)))["torch (cpu)", "inference"] == "not conformant"


def test_selected_cases_are_no_sign_off(make: Any, write: Any) -> None:
    made = summary(write(make.both_profiles("numpy", "torch"), head=make.header(only="gelu/*")))
    assert made.answer.verdict == "partial"
    assert any("gelu/*" in sentence for sentence in made.answer.sentences)


def test_two_files_stand_side_by_side(make: Any, write: Any) -> None:
    one = write(make.both_profiles("numpy", "torch"), name="one.jsonl")
    failing = [*make.both_profiles("numpy", "torch"), make.check(verdict="fail", margin=99.0)]
    two = write(failing, name="two.jsonl", head=make.header(threads=8))
    made = summary(one, two)
    labels = ["A: numpy (cpu)", "A: torch (cpu)", "B: numpy (cpu)", "B: torch (cpu)"]
    assert [subject.label for subject in made.subjects] == labels
    assert [run.path for run in made.runs] == [str(one), str(two)]
    assert cells(made)["A: numpy (cpu)", "inference"] == "conformant"
    assert cells(made)["B: numpy (cpu)", "inference"] == "not conformant"
    assert [f.subject for group in made.failures for f in group.findings] == ["B: numpy (cpu)"]
    (row,) = made.support
    assert [cell.counts.get("fail", 0) for cell in row.cells] == [0, 0, 1, 0]


def test_heat_map_holds_the_worst_margin_of_each_operation_backend_and_dtype(make: Any, write: Any) -> None:
    checks = [
        *make.both_profiles("numpy", "torch", margin=0.5),
        make.check(case="gelu/worst", margin=7.5),
        make.check(case="gelu/worst", margin=2.0, dtype="float64"),
        make.check(check="gradients", margin=3.0),
        make.check(check="shapes", margin=None),
    ]
    made = summary(write(checks))
    assert [heat.check for heat in made.margins] == ["values", "gradients"]
    values = made.margins[0]
    columns = [(made.subjects[c.subject].label, c.dtype, c.limit) for c in values.columns]
    assert columns == [
        ("numpy (cpu)", "float32", 8.0),
        ("numpy (cpu)", "float64", 8.0),
        ("torch (cpu)", "float32", 8.0),
    ]
    (row,) = values.rows
    assert [cell and cell.margin for cell in row.cells] == [7.5, 2.0, 0.5]
    assert [cell and cell.case for cell in row.cells] == ["gelu/worst", "gelu/worst", "gelu/plain"]


STEPS = {
    0.0: 0,
    0.125: 0,
    0.126: 1,
    1.0: 3,
    1.01: 4,
    8.0: 6,
    8.01: 7,
    800.0: 7,
    801.0: 8,
    math.inf: 8,
    math.nan: 8,
}


@pytest.mark.parametrize(("margin", "step"), STEPS.items())
def test_colour_steps_are_logarithmic_and_change_at_the_limit(make: Any, write: Any, margin: float, step: int) -> None:
    made = summary(write([make.check(margin=margin)]))
    cell = made.margins[0].rows[0].cells[0]
    assert cell is not None
    assert cell.step == step


def test_nan_is_worse_than_infinity(make: Any, write: Any) -> None:
    checks = [make.check(case=f"gelu/{i}", margin=m, verdict="fail") for i, m in enumerate((math.inf, math.nan, 1e9))]
    cell = summary(write(checks)).margins[0].rows[0].cells[0]
    assert cell is not None
    assert math.isnan(cell.margin)


def test_overall_worst_margin_leaves_waived_checks_aside(make: Any, write: Any) -> None:
    checks = [
        make.check(margin=2.0),
        make.check(case="gelu/tail", margin=1e6, verdict="waived", waiver="upstream: x"),
    ]
    values = summary(write(checks)).margins[0]
    assert [cell and cell.margin for cell in values.rows[0].cells] == [1e6]
    assert [cell and cell.margin for cell in values.worst] == [2.0]


def test_passes_that_only_inexact_inputs_excuse_are_listed(make: Any, write: Any) -> None:
    checks = [
        make.check(case="gelu/mean", margin=1.0, margin_exact_inputs=40.0),
        make.check(case="gelu/more", margin=1.0, margin_exact_inputs=math.inf),
        make.check(case="gelu/fine", margin=1.0, margin_exact_inputs=8.0),
        make.check(case="gelu/failed", margin=50.0, margin_exact_inputs=60.0, verdict="fail"),
    ]
    (row,) = summary(write(checks)).exceedances
    assert (row.operation, row.checks, row.worst, row.case) == ("gelu", 2, math.inf, "gelu/more")


def test_native_or_derived_comes_from_executed_checks_then_from_the_header(make: Any, write: Any) -> None:
    checks = [
        make.check(implementation="derived"),
        make.check(backend="torch", implementation=None),
    ]
    (row,) = summary(write(checks)).support[0].operations
    assert [cell.implementation for cell in row.cells] == ["derived", "native"]


def test_operations_that_never_ran_are_named(make: Any, write: Any) -> None:
    made = summary(write([make.check()]))
    assert made.not_executed == {"numpy (cpu)": ["relu"], "torch (cpu)": ["gelu", "relu"]}


def test_evidence_about_a_backend_missing_from_the_header_is_shown(make: Any, write: Any) -> None:
    made = summary(write([make.check(), make.check(backend="stranger", verdict="fail")]))
    assert [subject.backend for subject in made.subjects] == ["numpy", "torch", "stranger"]
    assert [f.subject for group in made.failures for f in group.findings] == ["stranger (cpu)"]


def test_curves_are_grouped_and_their_final_values_tabulated(make: Any, write: Any) -> None:
    curves = [
        make.curve(seed=1, y=[2.0, 1.0, 0.5]),
        make.curve(seed=0),
        make.curve(backend="torch", seed=0),
        make.curve(backend="reference", dtype="float64"),
        make.curve(quantity="test accuracy", x=[60.0], y=[0.97]),
    ]
    made = summary(write(make.both_profiles("numpy", "torch"), curves=curves))
    assert [(g.quantity, g.seeds, len(g.lines)) for g in made.curves] == [
        ("loss", [0, 1], 4),
        ("test accuracy", [0], 1),
    ]
    loss = made.curves[0]
    assert [(row.subject, row.finals, row.mean) for row in loss.table] == [
        ("numpy (cpu)", [0.25, 0.5], 0.375),
        ("torch (cpu)", [0.25, None], 0.25),
        ("reference", [0.25, None], 0.25),
    ]


def test_order_of_records_does_not_matter(make: Any, write: Any) -> None:
    checks = [
        make.check(backend=b, operation=o, case=f"{o}/{i}", verdict="fail", margin=9.0)
        for b in ("numpy", "torch")
        for o in ("relu", "gelu")
        for i in range(3)
    ]
    first, second = summary(write(checks, name="a.jsonl")), summary(write(checks[::-1], name="a.jsonl"))
    assert first.model_dump(exclude={"runs"}) == second.model_dump(exclude={"runs"})


def test_machine_summary_is_json_that_reads_back(make: Any, write: Any) -> None:
    checks = [*make.both_profiles("numpy", "torch"), make.check(verdict="fail", margin=math.inf)]
    made = summary(
        write(checks, head=make.header(backends=[make.backend_header("numpy"), make.backend_header("torch")]))
    )
    data = json.loads(made.model_dump_json())
    assert data["answer"]["verdict"] == "no"
    assert data["failures"][0]["findings"][0]["margin"] == "inf"
    assert Summary.model_validate(data) == made
