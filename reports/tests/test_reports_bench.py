"""Measurements in the report: every ratio with its noise, and no bound that is not met is hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nnspec.results import Bench, Footer, read_results
from nnspec_reports._render import render
from nnspec_reports._summary import summarize


def bench(**changes: Any) -> Bench:
    fields: dict[str, Any] = {
        "what": "steps",
        "backend": "numpy",
        "device": "cpu",
        "case": "tiny",
        "against": "numpy by hand",
        "quantity": "seconds",
        "value": 2.9e-5,
        "reference": 2.64e-5,
        "ratio": 1.098,
        "low": 1.09,
        "high": 1.11,
        "noise": 0.013,
        "bound": 1.20,
        "met": True,
        "rounds": 30,
        "threads": 2,
    }
    return Bench(**{**fields, **changes})


@pytest.fixture
def told(make: Any, tmp_path: Path) -> Any:
    def summary(*benches: Bench) -> Any:
        path = tmp_path / "bench.jsonl"
        head = make.header(backends=[make.backend_header("numpy", profiles=[], implementations={})])
        footer = Footer(counts={}, conclusions={}, seconds=1.0)
        path.write_text("".join(f"{r.model_dump_json()}\n" for r in [head, *benches, footer]), encoding="utf-8")
        return summarize([read_results(path)])

    return summary


def test_a_row_a_comparison_and_a_column_a_model(told: Any) -> None:
    summary = told(bench(), bench(case="mid"), bench(case="mid", against="torch by hand", bound=None, met=None))
    (table,) = summary.benches
    assert table.columns == ["tiny", "mid"]
    assert [(row.name, row.against, [c and c.text for c in row.cells]) for row in table.rows] == [
        ("numpy", "numpy by hand", ["1.1 ± 0.013", "1.1 ± 0.013"]),
        ("numpy", "torch by hand", [None, "1.1 ± 0.013"]),
    ]
    assert (table.met, table.bound) == (2, 2)
    assert summary.answer.verdict == "partial"
    assert summary.answer.sentences == ["All 2 bounds of steps are met."]
    assert summary.runs[0].invalid is None


@pytest.mark.parametrize("suffix", [".html", ".md", ".json"])
def test_a_bound_that_is_not_met_is_shown_in_every_format(told: Any, suffix: str) -> None:
    summary = told(bench(), bench(case="CNN", ratio=7.25, bound=1.05, met=False, disturbed=4, kept=3))
    assert summary.answer.sentences == ["1 of 2 bounds of steps are met, on a machine that others used meanwhile."]
    text = render(summary, suffix)
    assert "7.25" in text
    assert "at most 1.05: not met" in text
    assert suffix == ".json" or "1 of 2 bounds met" in text


def test_every_kind_of_measurement_has_a_table(told: Any) -> None:
    exponents: dict[str, Any] = {"quantity": "exponent", "against": "", "reference": None, "ratio": None, "noise": None}
    summary = told(
        bench(what="operations", case="gelu/forward", bound=None, met=None, roofline=0.4),
        bench(what="growth", case="gelu", variant="seconds", value=1.02, bound=1.35, **exponents),
        bench(what="memory", case="depth/training", value=0.98, bound=1.15, **exponents),
    )
    assert [t.what for t in summary.benches] == ["operations", "growth", "memory"]
    text = render(summary, ".md")
    assert "40% of the roofline" in text
    assert "gelu, numpy" in text
    assert "1.02" in text
    assert "0.98" in text


def test_a_bound_that_noise_would_excuse_is_not_counted_as_met(told: Any) -> None:
    summary = told(bench(), bench(case="mid", noise=5.2, met=None))
    assert summary.answer.sentences == ["1 of 2 bounds of steps are met."]
    assert "at most 1.20: undecided for noise" in render(summary, ".md")
