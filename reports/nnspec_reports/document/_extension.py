"""Formulas in the pages written by hand: `$x^2 / 2$` in a line, `$$ ... $$` on lines of its own."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor

from nnspec_reports.document._formula import mathml
from nnspec_reports.document._prose import names_of_all

__all__ = ["makeExtension"]


class _Formula(InlineProcessor):
    """What stands between dollar signs, hidden from the rest of Markdown."""

    def __init__(self, pattern: str, md: Markdown, *, display: bool) -> None:
        super().__init__(pattern, md)
        self._display = display

    def handleMatch(  # type: ignore[override]  # noqa: N802 - Markdown's name, and the signature of its processors
        self, m: Any, data: str
    ) -> tuple[Element | str, int, int]:
        text = mathml(m[1], names=names_of_all(), display=self._display)
        return self.md.htmlStash.store(text), m.start(0), m.end(0)


class _Formulas(Extension):
    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - Markdown's name
        md.inlinePatterns.register(_Formula(r"\$\$([^$]+)\$\$", md, display=True), "formula-display", 186)
        md.inlinePatterns.register(_Formula(r"\$([^$\n]+)\$", md, display=False), "formula", 185)


def makeExtension(**_: Any) -> Extension:  # noqa: N802 - Markdown's name
    """Called by Markdown."""
    return _Formulas()
