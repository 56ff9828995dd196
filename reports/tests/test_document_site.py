"""The built site: every link, every formula, every requirement; in a browser where there is one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from nnspec import Backend, ResultsError
from nnspec.trace import known_cases
from nnspec_reports.document._chromium import find_chromium
from nnspec_reports.document._pages import Site, check_example
from nnspec_reports.document._plots import operation_figure
from nnspec_reports.document.check import Contents, in_browser, read, without_browser

ROOT = Path(__file__).parents[2]
OPERATIONS = Backend.operations()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built here unless NNSPEC_SITE says where it is."""
    if given := os.environ.get("NNSPEC_SITE"):
        return Path(given)
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-f", "spec/mkdocs.yml", "-d", str(folder)]
    environment = {name: value for name, value in os.environ.items() if name != "NNSPEC_RESULTS"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Contents]:
    return read(site)


def page(pages: dict[Path, Contents], name: str) -> Contents:
    (found,) = (contents for path, contents in pages.items() if str(path).endswith(f"/{name}.html"))
    return found


def test_links_lead_somewhere_and_formulas_are_drawn(pages: dict[Path, Contents]) -> None:
    assert list(without_browser(pages)) == []


@pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium")
@pytest.mark.timeout(600)
def test_a_browser_has_nothing_to_complain_of(pages: dict[Path, Contents]) -> None:
    """Every eighth page; `python -m nnspec_reports.document.check` opens all."""
    assert list(in_browser(dict(list(pages.items())[::8]), str(find_chromium()))) == []


def test_every_operation_has_its_page(pages: dict[Path, Contents]) -> None:
    for op in OPERATIONS.values():
        contents = page(pages, f"operations/{op.name}")
        sections = {"signature", "arguments", "returns", "errors", "requirements", "example", "source", "cases"}
        assert sections | set(op.requirements) <= contents.anchors, op.name


def test_requirements_and_cases_lead_to_one_another(pages: dict[Path, Contents]) -> None:
    for case in known_cases():
        contents = page(pages, f"operations/{case.operation if case.operation in OPERATIONS else 'training'}")
        anchor = f"case-{case.id.replace('/', '-')}"
        assert anchor in contents.anchors
        for requirement in case.requirements:
            owner = next(op.name for op in OPERATIONS.values() if requirement in op.requirements)
            assert f"{owner}.html#{requirement}" in contents.links
            assert any(link.endswith(f"#{anchor}") for link in page(pages, f"operations/{owner}").links)


def test_activations_schedules_and_distributions_are_drawn(pages: dict[Path, Contents]) -> None:
    for op in OPERATIONS.values():
        drawn = op.family in ("activations", "schedules") or (
            op.family == "initializers" and "key" in op.signature.parameters
        )
        if drawn:
            assert page(pages, f"operations/{op.name}").figures == 1, op.name


def test_the_indexes_name_everything(pages: dict[Path, Contents]) -> None:
    listed = set(page(pages, "requirements").links)
    assert {f"operations/{op.name}.html#{r}" for op in OPERATIONS.values() for r in op.requirements} <= listed
    listed = {link for contents in pages.values() if contents.path.stem == "operations" for link in contents.links}
    assert {f"operations/{name}.html" for name in OPERATIONS} <= listed


def test_figures_have_the_colours_of_the_page(site: Path) -> None:
    text = (site / "operations" / "gelu.html").read_text(encoding="utf-8")
    figure = text[text.index("<svg") : text.index("</svg>")]
    assert "var(--line-1)" in figure
    assert "currentColor" in figure
    assert not re.search(r"(?:stroke|fill): #(?!f{6}|000000)", figure)


def test_without_results_the_page_says_so(site: Path) -> None:
    assert "without a results file" in (site / "operations" / "gelu.html").read_text(encoding="utf-8")


# -- what the checks find ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ('<a href="absent.html">x</a>', "no such file"),
        ('<a href="#absent">x</a>', "no such place"),
        ('<script src="https://cdn.example/x.js"></script>', "loads https://cdn.example/x.js from elsewhere"),
        ("<p>so $x^2$ is</p>", "not rendered"),
        ("<p>so `x` is</p>", "not rendered"),
        ("<p>{{ cases }}</p>", "not rendered"),
        ("<p><b>x</p></b>", "not closed in order"),
    ],
)
def test_a_fault_is_found(tmp_path: Path, body: str, complaint: str) -> None:
    (tmp_path / "page.html").write_text(f"<!doctype html><title>x</title>{body}")
    assert any(complaint in found for found in without_browser(read(tmp_path)))


@pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium")
def test_a_fault_is_found_by_the_browser(tmp_path: Path) -> None:
    bodies = {
        "console": "<script>console.error('lost')</script>",
        "thrown": "<script>absent()</script>",
        "file": "<img src='absent.png'>",
        "wide": "<div style='width: 3000px'>x</div>",
        "formula": "<math style='display: none'><mi>x</mi></math>",
    }
    for name, body in bodies.items():
        (tmp_path / f"{name}.html").write_text(f"<!doctype html><title>x</title>{body}")
    found = list(in_browser(read(tmp_path), str(find_chromium())))
    assert {complaint.partition(".")[0] for complaint in found} == set(bodies)


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run mkdocs build"):
        read(tmp_path)


# -- verdicts ------------------------------------------------------------------------------------------


def test_verdicts_stand_beside_requirements_and_cases(write: Callable[..., Path], make: ModuleType) -> None:
    """Counted by verdict and never merged; one on an older text is marked."""
    digest = OPERATIONS["gelu"].digest
    file = write(
        [
            make.check(case="gelu/unit", definition_digest=digest),
            make.check(case="gelu/unit", verdict="fail", dtype="float64", margin=30.0, definition_digest=digest),
            make.check(case="gelu/tanh-unit", definition_digest="older"),
        ]
    )
    text = Site([file]).operation(OPERATIONS["gelu"])
    first, second = (text[text.index(f'id="GELU-{i}"') :].partition("</section>")[0] for i in (1, 2))
    assert 'class="verdict fail" title="worst margin 30">numpy: 1 pass, 1 fail' in first
    assert 'class="verdict pass outdated"' in second
    row = text[text.index('id="case-gelu-unit"') :].partition("</tr>")[0]
    assert "1 pass, 1 fail" in row
    assert "the run of 2025-11-20 at level quick on numpy, torch" in text


def test_an_example_that_prints_something_else_ends_the_build() -> None:
    """What the page shows is what happened."""

    def definition(self: object) -> None:
        """One.

        Example:
            >>> 1 + 1
            3
        """

    with pytest.raises(ResultsError, match="gelu: the example prints something else"):
        check_example(replace(OPERATIONS["gelu"], definition=definition))


def test_a_new_operation_is_described_without_a_line_for_it() -> None:
    """Of a family that is drawn, with arguments that the figures know nothing of."""
    for family, known in (("activations", "gelu"), ("schedules", "step_schedule"), ("initializers", "init_normal")):

        def call(self: object, key: object, shape: object, step: object, x: object, *, novel: float) -> None: ...

        novel = replace(OPERATIONS[known], name="novel", family=family, definition=call)
        assert operation_figure(novel) is None
