"""What the pages of a report and of a comparison share: templates, numbers as text, and where a page is written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import jinja2
from markupsafe import Markup

from nnspec.errors import ArgumentError
from nnspec.results import Verdict
from nnspec_reports._models import HeatMap

__all__ = ["markdown", "plain", "renderer_of", "template", "write"]

_T = TypeVar("_T")

#: of each failed operation, how many findings are shown before the rest is folded away
SHOWN = 50
SYMBOLS = {
    "pass": "✓",
    "fail": "✗",
    "error": "‼",
    "unsupported": "∅",
    "waived": "≈",
    "undecided": "?",
    "blocked": "⊘",
    "conformant": "✓",
    "conformant (partial)": "◐",
    "not conformant": "✗",
    "invalid": "⚠",
    "not claimed": "–",
    "not judged": "–",
}
MEANING: dict[Verdict, str] = {
    "pass": "as required",
    "fail": "not as required",
    "error": "crashed or raised the wrong error",
    "unsupported": "not offered",
    "waived": "failed, excused by a recorded deviation",
    "undecided": "cannot be decided here",
    "blocked": "not run because of another failure",
}


def renderer_of(
    renderers: Mapping[str, Callable[[_T], str]], output: Path, inputs: Sequence[Path]
) -> Callable[[_T], str]:
    """What renders to a file, by its suffix.

    Raises:
        ArgumentError: the suffix is unknown, or the file cannot be the output.
    """
    found = renderers.get(output.suffix.lower())
    if found is None:
        *most, last = renderers
        raise ArgumentError(f"output: expected a name that ends in {', '.join(most)} or {last}, got {str(output)!r}")
    if output.is_dir():
        raise ArgumentError(f"output: {str(output)!r} is a directory, expected a file name")
    if any(output.resolve() == path.resolve() for path in inputs):
        raise ArgumentError(f"output: {str(output)!r} is one of the results files")
    return found


def write(output: Path, text: str) -> None:
    """Write a page.

    Raises:
        ArgumentError: it cannot be written.
    """
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ArgumentError(f"output: cannot write {str(output)!r}: {error.strerror}") from error


def markdown(text: str) -> str:
    """What a template of Markdown made, without the gaps that its statements leave."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def template(name: str) -> jinja2.Template:
    """A template of this package, with filters and words."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nnspec_reports"),
        autoescape=name.endswith(".html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "margin": _margin,
        "plain": plain,
        "final": _final,
        "breakable": _breakable,
        "slug": _slug,
        "cell": _markdown_text,
        "code": _markdown_code,
        "web": _is_web_link,
    }
    environment.globals |= {"symbols": SYMBOLS, "meaning": MEANING, "shown": SHOWN, "legend": _legend}
    return environment.get_template(name)


def _margin(value: float | None) -> str:
    """A margin at a width that keeps the columns of a heat map aligned."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf"
    if value == 0:
        return "0"
    if value < 0.01:
        return "<0.01"
    if value < 9999.5:
        return f"{value:.{2 if value < 0.995 else 1 if value < 9.95 else 0}f}"
    return _short_exponent(f"{value:.1e}")


def _short_exponent(text: str) -> str:
    return re.sub(r"e([+-])0*(\d+)$", lambda m: f"e{m[1].strip('+')}{m[2]}", text)


def plain(value: float | None) -> str:
    """A number in at most six digits."""
    return "–" if value is None else _short_exponent(f"{value:.6g}")


def _final(value: float | None) -> str:
    return "–" if value is None else _short_exponent(f"{value:.4g}")


def _breakable(name: str) -> Markup:
    """A name that a narrow column may break after its underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def _slug(verdict: str) -> str:
    return re.sub(r"\W+", "-", verdict).strip("-")


def _is_web_link(link: str) -> bool:
    return re.match(r"https?://[^\s]+$", link) is not None


def _legend(heat_map: HeatMap) -> list[tuple[int, str]]:
    """Steps of colour and what they mean: in units if all columns share a limit, else as parts of theirs."""
    limits = {column.limit for column in heat_map.columns}
    limit = limits.pop() if len(limits) == 1 else None
    scale, unit = (limit, "") if limit else (1.0, " × limit")
    below = [(step, f"≤ {plain(scale * 2.0 ** (step - 6))}{unit}") for step in range(7)]
    return [*below, (7, f"> {plain(scale)}{unit}"), (8, f"> {plain(100 * scale)}{unit}")]


def _markdown_text(value: object) -> str:
    """One line of Markdown that shows a text as it is, in a table cell too."""
    text = re.sub(r"([\\`*_{}\[\]|#~])", r"\\\1", " ".join(str(value).split()))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _markdown_code(value: object) -> str:
    """A code span; its fence is longer than any run of backticks inside."""
    text = " ".join(str(value).split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")
