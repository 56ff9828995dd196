"""The docstring of an operation, taken apart: summary, text, and its sections by title."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass

from nnspec.operation import Operation

__all__ = ["Docstring", "docstring", "entries"]

_TITLE = re.compile(r"(?m)^(\w+):$")
_ENTRY = re.compile(r"(?m)^(\S[^:\n]*?): ")


@dataclass(frozen=True)
class Docstring:
    """What the docstring of an operation says."""

    #: the first line: what it is, with its formula
    summary: str
    #: the paragraphs between the summary and the first section
    text: str
    #: title -> text without its indentation: Args, Returns, Raises, Requires, Differs, Source, Example
    sections: dict[str, str]

    def entries(self, title: str) -> dict[str, str]:
        """The section as name -> text on one line; empty where there is none."""
        return entries(self.sections.get(title, ""))


def docstring(op: Operation) -> Docstring:
    """The parts of an operation's docstring.

    Example:
        >>> parts = docstring(nnspec.Backend.operations()["softmax"])
        >>> parts.summary
        'Normalized exponential: `f(x)_i = exp(x_i) / sum_j exp(x_j)` along `axis`.'
        >>> parts.entries("Args")["x"]
        '`(..., classes, ...)`, floating.'
    """
    head, *rest = _TITLE.split(inspect.getdoc(op.definition) or "")
    summary, _, text = head.strip("\n").partition("\n")
    sections = {title: inspect.cleandoc("\n" + body) for title, body in zip(rest[::2], rest[1::2], strict=True)}
    return Docstring(summary, text.strip("\n"), sections)


def entries(section: str) -> dict[str, str]:
    """The entries `name: text` of a section, each on one line."""
    _, *rest = _ENTRY.split(section)
    return {name: " ".join(text.split()) for name, text in zip(rest[::2], rest[1::2], strict=True)}
