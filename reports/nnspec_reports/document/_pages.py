"""The pages that are made: one an operation, the families, the indexes, the training cases."""

from __future__ import annotations

import doctest
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonConsoleLexer, PythonLexer

import nnspec
from nnspec._specification import signature
from nnspec.backend import Backend
from nnspec.docstring import docstring
from nnspec.errors import ResultsError
from nnspec.operation import Operation
from nnspec.plugins import CaseRecord, list_backends
from nnspec.trace import Trace, Verdicts, trace
from nnspec_reports.document._plots import operation_figure
from nnspec_reports.document._prose import display, inline, names_of, paragraphs, says_more, summary_line

__all__ = ["Site", "check_example"]

_TEMPLATES = Path(__file__).parent / "templates"
#: what most cases are checked for
_USUAL = ("values", "shapes", "gradients", "compiled", "purity", "repeat")


@dataclass(frozen=True)
class Cell:
    """Verdicts in a table: a class for the colour, and words."""

    kind: str
    text: str
    title: str


class Site:
    """Everything that the pages are made from.

    Args:
        results: files of `nnspec conform` that verdicts are taken from.
    """

    def __init__(self, results: list[Path]) -> None:
        self.operations = Backend.operations()
        self.trace: Trace = trace(results)
        loader = jinja2.FileSystemLoader(_TEMPLATES)
        self._environment = jinja2.Environment(
            loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
        )
        self._environment.filters |= {
            "cell": cell,
            "sentence": sentence,
            "summary": lambda op: summary_line(op.summary),
        }
        self._environment.globals |= {"site": self, "usual": _USUAL}

    @cached_property
    def families(self) -> dict[str, list[Operation]]:
        """The operations by family."""
        found: dict[str, list[Operation]] = {}
        for op in self.operations.values():
            found.setdefault(op.family, []).append(op)
        return found

    @cached_property
    def backends(self) -> list[Backend]:
        """The backends that can be used here."""
        return [nnspec.get_backend(info.name) for info in list_backends() if info.unavailable is None]

    @cached_property
    def cases_of(self) -> dict[str, list[CaseRecord]]:
        """The cases by the operation that they are filed under."""
        found: dict[str, list[CaseRecord]] = {}
        for case in self.trace.cases.values():
            found.setdefault(case.operation, []).append(case)
        return found

    @cached_property
    def owner(self) -> dict[str, str]:
        """Requirement -> operation."""
        return {name: op.name for op in self.operations.values() for name in op.requirements}

    @cached_property
    def other_cases(self) -> dict[str, list[CaseRecord]]:
        """Cases that belong to no operation: whole training runs."""
        return {name: cases for name, cases in self.cases_of.items() if name not in self.operations}

    def page_of_case(self, case: str) -> str:
        """Where a case is shown, from a page of the folder of operations."""
        operation = self.trace.cases[case].operation
        return f"{operation if operation in self.operations else 'training'}.html#case-{_slug(case)}"

    # -- pages -----------------------------------------------------------------------------------------

    def pages(self) -> Iterator[tuple[str, str, str]]:
        """Path in the site's sources, title, and HTML."""
        for op in self.operations.values():
            yield f"operations/{op.name}.md", op.name, self.operation(op)
        yield "operations/training.md", "Training runs", self._render("training")
        for family, operations in self.families.items():
            html = self._render("family", family=family, operations=operations)
            yield f"families/{family}.md", family.capitalize(), html
        yield "operations.md", "All operations", self._render("operations")
        yield "requirements.md", "All requirements", self._render("requirements")

    def _render(self, template: str, **context: Any) -> str:
        return self._environment.get_template(f"{template}.html.j2").render(**context)

    def operation(self, op: Operation) -> str:
        """The page of an operation.

        Raises:
            ResultsError: its example prints something else.
        """
        parts = docstring(op)
        names = names_of(op)
        sections = {title: Markup(paragraphs(text, names, formulas=False)) for title, text in parts.sections.items()}
        check_example(op)
        return self._render(
            "operation",
            op=op,
            title=Markup(inline(parts.summary.partition(": ")[0].rstrip("."), names)),
            lead=Markup(inline(parts.summary, names)) if says_more(parts) else "",
            formulas=[Markup(text) for text in display(parts, names)],
            text=Markup(paragraphs(parts.text, names)),
            figure=self._figure(op),
            signature=_python(_folded(signature(op))),
            arguments=_definitions(parts.entries("Args"), names),
            errors=_definitions(parts.entries("Raises"), names),
            sections=sections,
            example=_console(parts.sections.get("Example", "")),
            implementations={b.name: b.implementation(op.name) for b in self.backends},
            cases=self.cases_of.get(op.name, []),
            source_file=f"spec/{op.definition.__module__.replace('.', '/')}.py",
        )

    def _figure(self, op: Operation) -> dict[str, Any] | None:
        drawn = operation_figure(op)
        return drawn and {"svg": Markup(drawn[0]), "caption": drawn[1]}

    # -- for the pages written by hand -----------------------------------------------------------------

    def differences(self, family: str) -> str:
        """What frameworks do otherwise, of every operation of a family."""
        rows = [
            (op, Markup(inline(" ".join(text.split()), names_of(op), formulas=False, folder="../operations/")))
            for op in self.families[family]
            if (text := docstring(op).sections.get("Differs"))
        ]
        return self._render("differences", rows=rows)

    def versions(self) -> str:
        """The operations by the version of the specification that introduced them."""
        since: dict[str, list[Operation]] = {}
        for op in self.operations.values():
            since.setdefault(op.since, []).append(op)
        return self._render("versions", since=since)

    def figures_told(self) -> dict[str, str]:
        """Numbers that texts mention, so that they are never typed."""
        return {
            "operations": f"{len(self.operations)}",
            "families": f"{len(self.families)}",
            "requirements": f"{len(self.trace.tested_by)}",
            "tested": f"{len(self.trace.tested_by) - len(self.trace.untested)}",
            "cases": f"{len(self.trace.cases)}",
            "version": nnspec.SPEC_VERSION,
        }


def _slug(case: str) -> str:
    return case.replace("/", "-")


def sentence(op: Operation, requirement: str, folder: str = "") -> Markup:
    """A requirement of an operation."""
    return Markup(inline(op.requirements[requirement], names_of(op), folder=folder))


def cell(verdicts: Verdicts | None) -> Cell:
    """How verdicts are shown: never merged, the worst gives the colour."""
    if verdicts is None or not verdicts.counts:
        return Cell("none", "not judged", "")
    counts = verdicts.counts
    kind = next((k for k in ("fail", "error", "blocked", "unsupported", "undecided", "waived") if k in counts), "pass")
    margin = "" if verdicts.margin is None else f"worst margin {verdicts.margin:.2g}"
    outdated = f"{verdicts.outdated} of an older text of the definition" if verdicts.outdated else ""
    told = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
    return Cell(kind + (" outdated" if outdated else ""), told, ", ".join(filter(None, (margin, outdated))))


def check_example(op: Operation) -> None:
    """Run the example of an operation: what the page shows is what happened.

    Raises:
        ResultsError: it prints something else.
    """
    for test in doctest.DocTestFinder(exclude_empty=True).find(op.definition, op.name):
        test.globs.update({"B": nnspec.get_backend("numpy"), "nnspec": nnspec, "np": np})
        said: list[str] = []
        if doctest.DocTestRunner(verbose=False).run(test, out=said.append).failed:
            raise ResultsError(f"{op.name}: the example prints something else: {' '.join(''.join(said).split())}")


def _definitions(entries: dict[str, str], names: Collection[str]) -> list[tuple[str, Markup]]:
    return [(name, Markup(inline(text, names, formulas=False))) for name, text in entries.items()]


def _folded(call: str) -> str:
    """A signature longer than a line with one parameter a line."""
    if len(call) <= 72:
        return call
    name, _, rest = call.partition("(")
    inside, _, returns = rest.rpartition(") -> ")
    lines: list[str] = []
    depth = start = 0
    for at, sign in enumerate(inside):
        depth += (sign in "[(") - (sign in "])")
        if sign == "," and depth == 0:
            lines.append(inside[start:at].strip())
            start = at + 1
    lines.append(inside[start:].strip())
    return f"{name}(\n" + "".join(f"    {line},\n" for line in lines) + f") -> {returns}"


def _python(text: str) -> Markup:
    return Markup(highlight(text, PythonLexer(), HtmlFormatter(nowrap=False)))


def _console(text: str) -> Markup:
    return Markup(highlight(text, PythonConsoleLexer(), HtmlFormatter(nowrap=False)))
