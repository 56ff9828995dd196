"""Text of docstrings as HTML: paragraphs, code, and formulas as MathML."""

from __future__ import annotations

import re
from collections.abc import Collection
from html import escape

from nnspec.backend import Backend
from nnspec.docstring import Docstring
from nnspec.operation import Operation
from nnspec_reports.document._formula import is_code, mathml, spans

__all__ = ["display", "inline", "names_of", "names_of_all", "paragraphs", "says_more", "summary_line", "unquoted"]


def names_of(op: Operation) -> frozenset[str]:
    """The words that are one name in the formulas of an operation: its parameters, and operations."""
    return frozenset(op.signature.parameters) | {name for name in Backend.operations() if "_" in name}


def inline(text: str, names: Collection[str] = (), *, formulas: bool = True, folder: str = "") -> str:
    """One paragraph as HTML.

    Args:
        text: of a docstring.
        names: words that are one name in formulas.
        formulas: what stands in backticks is a formula where it is one; otherwise it is always code.
        folder: where the pages of operations are, from the page that this is for.
    """
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(
        _span(part[1:-1], names, formulas, folder) if part.startswith("`") else escape(part) for part in parts
    )


def _span(text: str, names: Collection[str], formulas: bool, folder: str) -> str:
    text = " ".join(text.split())
    if not formulas or is_code(text, names):
        return _code(text, names, folder)
    return mathml(text, names=names)


def _code(text: str, names: Collection[str] = (), folder: str = "") -> str:
    """An operation's name leads to its page, unless it is the name of a parameter, such as `key`."""
    if text in Backend.operations() and ("_" in text or text not in names):
        return f'<a href="{folder}{text}.html"><code>{text}</code></a>'
    return f"<code>{escape(text)}</code>"


def paragraphs(text: str, names: Collection[str] = (), *, formulas: bool = True) -> str:
    """Paragraphs as HTML."""
    found = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]
    return "\n".join(f"<p>{inline(part, names, formulas=formulas)}</p>" for part in found)


def unquoted(text: str) -> str:
    """The text without its backticks, for titles and lists."""
    return spans(text, lambda inner: inner)


_SPAN = r"`([^`]+)`"
#: a formula with its condition and what holds otherwise: "`a = b` for `c`, else `d`"
_CASES = re.compile(rf"{_SPAN} (?:for|where) ((?:(?!, else ).)+?),? else ({_SPAN}|\w+)")


def summary_line(summary: str) -> str:
    """What comes before the formula, "Rectified linear unit"; without a colon the whole sentence."""
    return unquoted(summary.partition(": ")[0]).rstrip(".")


def display(parts: Docstring, names: Collection[str]) -> list[str]:
    """The formulas of summary and text, each for a line of its own: equations, or else what the summary holds."""
    text = " ".join(f"{parts.summary} {parts.text}".split())
    by_cases = [found for found in _CASES.finditer(text) if not is_code(found[1], names)]
    found: dict[str, str] = {}
    for match in by_cases:
        found[match[1]] = _by_cases(match, names)
    covered = {span for match in by_cases for span in re.findall(_SPAN, match[0])}
    for span in re.findall(_SPAN, text):
        if "=" in re.sub(r"[<>!]=", "", span) and span not in covered and not is_code(span, names):
            found.setdefault(span, mathml(span, names=names, display=True))
    if not found:
        for span in re.findall(_SPAN, " ".join(parts.summary.split())):
            if re.search(r"[-+*/^(|]", span) and not is_code(span, names):
                found.setdefault(span, mathml(span, names=names, display=True))
    if not found:  # of the generator, whose formulas are shifts and sums of words
        found = {span: _code(span) for span in re.findall(_SPAN, text) if " " in span and is_code(span, names)}
    order = sorted(found, key=text.index)
    return [found[span] for span in order]


def _by_cases(match: re.Match[str], names: Collection[str]) -> str:
    """`f(x) = x` for `x > 0`, else `0` as a brace with two lines."""
    left, equals, first = match[1].rpartition(" = ")
    other = match[4] or match[3]
    rows = [(_body(first, names), _condition(match[2], names)), (_body(other, names), "<mtext>else</mtext>")]
    table = "".join(f"<mtr><mtd>{value}</mtd><mtd>{condition}</mtd></mtr>" for value, condition in rows)
    head = _body(left, names) + "<mo>=</mo>" if equals else ""
    alternatives = escape(" ".join(match[0].replace("`", "").split()))
    brace = '<mo fence="true" form="prefix" stretchy="true">{</mo>'
    return (
        f'<math alttext="{alternatives}" display="block">{head}<mrow>{brace}'
        f'<mtable columnalign="left left">{table}</mtable></mrow></math>'
    )


def says_more(parts: Docstring) -> bool:
    """Whether the summary holds words beside its title and its formulas."""
    _, colon, rest = " ".join(parts.summary.split()).partition(": ")
    words = re.sub(_SPAN, "", rest)
    return bool(colon) and (
        re.sub(r"\b(for|where|else|and|with|that is|0)\b|[\s.,;]", "", words) != "" or "`" not in rest
    )


def _body(text: str, names: Collection[str]) -> str:
    whole = mathml(text, names=names, display=True)
    return whole[whole.index(">") + 1 : -len("</math>")]


def _condition(text: str, names: Collection[str]) -> str:
    """Formulas and words in turn."""
    parts = re.split(r"(`[^`]+`)", f"where {text}" if not text.startswith("`") else text)
    return "".join(
        _body(part[1:-1], names) if part.startswith("`") else f"<mtext>{escape(part)}</mtext>" for part in parts if part
    )


def names_of_all() -> frozenset[str]:
    """The words that are one name on pages that are about no single operation."""
    return frozenset(name for name in Backend.operations() if "_" in name)
