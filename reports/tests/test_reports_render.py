from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from nnspec.results import Note, read_results
from nnspec_reports._render import render, write_report
from nnspec_reports._summary import summarize

NASTY = '<script>alert("x")</script> & it\'s |a| `b` *c* _d_ ∂é\n{{ 7 * 7 }}'
VOID = {"meta", "link", "br", "wbr"}


class Page(HTMLParser):
    """The text, links and resources of a page; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self._attributes(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._attributes(tag, attrs)

    def _attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [
            (tag, v or "") for k, v in attrs if k in ("src", "href", "xlink:href", "data", "action", "srcset")
        ]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def rendered(suffix: str, *paths: Path) -> str:
    return render(summarize([read_results(path) for path in paths]), suffix)


@pytest.fixture
def troubled(make: Any, write: Any) -> Path:
    """A run with one of everything."""
    checks = [
        *make.both_profiles("numpy", "torch"),
        make.check(
            verdict="fail",
            margin=45.25,
            case="gelu/tail",
            requirements=["GELU-1", "GELU-3"],
            message=NASTY,
            repro="nnspec conform numpy --only 'gelu/tail'",
        ),
        make.check(
            backend="torch",
            operation="softplus",
            case="softplus/tail",
            verdict="waived",
            margin=3.6e5,
            waiver="upstream: cut at 20 | *or* so (https://github.com/pytorch/pytorch/issues/1)",
        ),
        make.check(operation="relu", verdict="waived", waiver="upstream: odd link (javascript:alert(1))"),
        make.check(operation="elu", verdict="waived", waiver="upstream: odd link (javascript:alert)"),
        make.check(operation="silu", case="silu/open", verdict="undecided", margin=None, message="no wider float"),
        make.check(operation="silu", margin=1.0, margin_exact_inputs=77.0),
    ]
    curves = [make.curve(backend=b, seed=s) for b in ("numpy", "torch") for s in (0, 1)]
    curves += [make.curve(quantity="drift <of> $x^2$", y=[1e-7, 1e-5, 1e-2])]
    curves += [make.curve(quantity="test accuracy", x=[60.0], y=[0.9722])]
    return write(checks, curves=curves, notes=[Note(level="warning", message=NASTY, backend="torch")])  # type: ignore[no-any-return]


@pytest.mark.parametrize("suffix", [".html", ".md"])
def test_a_failure_appears_with_everything_needed_to_act(troubled: Path, suffix: str) -> None:
    text = rendered(suffix, troubled)
    shown = Page(text).text if suffix == ".html" else text.replace("\\", "")
    for expected in (
        "gelu/tail",
        "45.25",
        "limit 8",
        "GELU-1",
        "GELU-3",
        "float32",
        "numpy (cpu)",
        "it's",
        "∂é",
    ):
        assert expected in shown
    assert "nnspec conform numpy --only 'gelu/tail'" in shown
    assert "No. Not conformant: numpy (cpu) in inference." in shown


@pytest.mark.parametrize("suffix", [".html", ".md"])
def test_waived_undecided_exceedances_and_curves_appear(troubled: Path, suffix: str) -> None:
    text = rendered(suffix, troubled)
    shown = Page(text).text if suffix == ".html" else text.replace("\\", "")
    expected = (
        "≈ 3.6e5",
        "cut at 20",
        "no wider float",
        "silu/open",
        "77",
        "0.9722",
        "not claimed",
        "5f2d9c0a7b1e4433",
    )
    for word in expected:
        assert word in shown, word


def test_html_escapes_what_it_is_given(troubled: Path) -> None:
    text = rendered(".html", troubled)
    page = Page(text)
    assert "script" not in page.tags
    assert '<script>alert("x")</script> & it\'s |a| `b` *c* _d_ ∂é {{ 7 * 7 }}' in page.text
    assert "drift <of> $x^2$" in page.text


def test_only_web_links_are_clickable(troubled: Path) -> None:
    links = [target for tag, target in Page(rendered(".html", troubled)).links if tag == "a"]
    assert [t for t in links if not t.startswith("#")] == ["https://github.com/pytorch/pytorch/issues/1"]


def test_html_is_self_contained_and_its_ids_are_unique(troubled: Path) -> None:
    text = rendered(".html", troubled, troubled)
    page = Page(text)
    loaded = [target for tag, target in page.links if tag != "a"]
    assert all(target.startswith(("#", "data:")) for target in loaded)
    assert not re.search(r"@import|url\((?!#)", text)
    assert len(page.ids) == len(set(page.ids))
    targets = [target[1:] for _, target in page.links if target.startswith("#")]
    targets += re.findall(r"url\(#([^)]+)\)", text)
    assert set(targets) <= set(page.ids)


def test_plots_are_well_formed_and_name_their_quantity(troubled: Path) -> None:
    plots = [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", rendered(".html", troubled), re.DOTALL)]
    words = [{"".join(t.itertext()) for t in plot.iter("{http://www.w3.org/2000/svg}text")} for plot in plots]
    assert len(plots) == 2  # a single point is no curve
    assert {"step", "loss", "numpy (cpu), float32", "torch (cpu), float32", "seed 0", "seed 1"} <= words[0]
    assert {"drift <of> $x^2$", "0.01", "1e-07"} <= words[1]
    assert plots[0].attrib["aria-label"] == "loss over step, training/digits"


@pytest.mark.parametrize("values", [["nan", "inf", 1.0], ["nan", "nan", "nan"], [0.0, -1.0, 1e9], [2.0, 2.0, 2.0]])
def test_plots_survive_diverged_and_degenerate_training(make: Any, write: Any, values: list[Any]) -> None:
    curves = [make.curve(y=[float(v) for v in values])]
    assert Page(rendered(".html", write([make.check()], curves=curves))).tags.count("svg") == 1


@pytest.mark.parametrize("suffix", [".html", ".md", ".json"])
def test_rendering_twice_gives_the_same_text(troubled: Path, suffix: str) -> None:
    assert rendered(suffix, troubled) == rendered(suffix, troubled)


def test_markdown_tables_keep_their_columns(troubled: Path) -> None:
    widths: list[int] = []
    for line in rendered(".md", troubled, troubled).splitlines():
        if not line.startswith("|"):
            widths = []
            continue
        widths.append(len(re.findall(r"(?<!\\)\|", line)))
        assert widths[-1] == widths[0], line


def test_markdown_code_spans_hold_backticks(make: Any, write: Any) -> None:
    text = rendered(".md", write([make.check(verdict="fail", case="gelu/`odd`", repro="run ``x``")]))
    assert "`` gelu/`odd` ``" in text
    assert "``` run ``x`` ```" in text


def test_long_lists_are_folded_and_complete(make: Any, write: Any) -> None:
    checks = [make.check(verdict="fail", case=f"gelu/case-{i:03}") for i in range(120)]
    checks += [make.check(verdict="fail", operation="relu", case="relu/one")]
    text = rendered(".html", write(checks))
    assert "70 more of gelu" in text
    assert all(f"gelu/case-{i:03}</code>" in text for i in range(120))
    assert re.findall(r'<details class="group"( open)?>\n<summary><strong>(\w+)', text)[:2] == [
        (" open", "gelu"),
        ("", "relu"),
    ]


def test_two_runs_show_where_they_differ(make: Any, write: Any) -> None:
    one = write(make.both_profiles("numpy", "torch"), name="one.jsonl")
    two = write(make.both_profiles("numpy", "torch"), name="two.jsonl", head=make.header(threads=8))
    text = Page(rendered(".html", one, two)).text
    assert "A: numpy (cpu)" in text
    assert "B: numpy (cpu)" in text
    assert "CPU ≠ Example CPU, 2 threads Example CPU, 8 threads" in text
    assert "seed ≠" not in text


def test_large_results_stay_small_and_quick(make: Any, write: Any, tmp_path: Path) -> None:
    path = write(make.many_checks(20_000))
    started = perf_counter()
    write_report([path], tmp_path / "report.html")
    assert perf_counter() - started < 20  # a few seconds; quadratic work would take minutes
    assert (tmp_path / "report.html").stat().st_size < 300_000


def test_json_report_has_the_counts_and_leaves_the_points_out(troubled: Path) -> None:
    data = json.loads(rendered(".json", troubled))
    assert data["runs"][0]["counts"] == {"pass": 5, "fail": 1, "waived": 3, "undecided": 1}
    assert data["runs"][0]["header"]["command"].startswith("nnspec conform")
    assert "x" not in data["curves"][0]["lines"][0]
