"""Results files to a report file, its format by its suffix."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from nnspec.errors import ArgumentError
from nnspec.results import Verdict, read_results
from nnspec_reports._figures import curve_svg
from nnspec_reports._models import HeatMap, Run, Summary
from nnspec_reports._summary import summarize

__all__ = ["SUFFIXES", "render", "write_report"]

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


def write_report(inputs: Sequence[Path], output: Path) -> Summary:
    """Read the results, write the report, return what it says.

    Raises:
        ResultsError: an input is missing or no complete results file.
        ArgumentError: the output's suffix is unknown, or it cannot be written.
    """
    renderer = _renderer(output)
    if output.is_dir():
        raise ArgumentError(f"output: {str(output)!r} is a directory, expected a file name")
    if any(output.resolve() == path.resolve() for path in inputs):
        raise ArgumentError(f"output: {str(output)!r} is one of the results files")
    summary = summarize([read_results(path) for path in inputs])
    try:
        output.write_text(renderer(summary), encoding="utf-8", newline="\n")
    except OSError as error:
        raise ArgumentError(f"output: cannot write {str(output)!r}: {error.strerror}") from error
    return summary


def render(summary: Summary, suffix: str) -> str:
    """The text of a report in the format of a suffix."""
    return _renderer(Path("report" + suffix))(summary)


def _renderer(output: Path) -> Callable[[Summary], str]:
    found = _RENDERERS.get(output.suffix.lower())
    if found is None:
        endings = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        raise ArgumentError(f"output: expected a name that ends in {endings}, got {str(output)!r}")
    return found


def _provenance(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """What identifies each run: the name of a fact, and one value a run."""
    facts: dict[str, Callable[[Run], str]] = {
        "file": lambda r: r.path,
        "sha256": lambda r: r.sha256,
        "nnspec": lambda r: r.header.nnspec_version,
        "specification": lambda r: r.header.spec_version,
        "spec digest": lambda r: r.header.spec_digest,
        "suite": lambda r: r.header.suite_version,
        "level": lambda r: r.header.level,
        "profiles": lambda r: ", ".join(r.header.profiles) or "every claimed one",
        "cases": _cases,
        "overrides": lambda r: (
            ", ".join(f"{name} is {o.function} ({o.digest or 'no source'})" for name, o in r.header.overrides.items())
            or "none"
        ),
        "limits": lambda r: ", ".join(f"{k} {_plain(v)}" for k, v in sorted(r.header.limits.items())) or "none",
        "platform": lambda r: r.header.platform,
        "CPU": lambda r: f"{r.header.cpu}, {r.header.threads} thread{'' if r.header.threads == 1 else 's'}",
        "Python": lambda r: r.header.python,
        "seed": lambda r: str(r.header.seed),
        "command": lambda r: r.header.command,
        "started": lambda r: r.header.started,
        "took": lambda r: _duration(r.seconds),
    }
    return [(name, [fact(run) for run in runs]) for name, fact in facts.items()]


def _cases(run: Run) -> str:
    if run.header.only:
        return f"only those that match {run.header.only}"
    return f"only those of {', '.join(run.header.overrides)}" if run.header.overrides else "all of the level"


def _json(summary: Summary) -> str:
    return summary.model_dump_json(indent=1) + "\n"


def _html(summary: Summary) -> str:
    figures = [Markup(svg) if (svg := curve_svg(group)) else None for group in summary.curves]
    return _template("report.html.j2").render(
        s=summary,
        provenance=_provenance(summary.runs),
        failed=sum(len(group.findings) for group in summary.failures),
        figures=figures,
    )


def _markdown(summary: Summary) -> str:
    text = _template("report.md.j2").render(s=summary, provenance=_provenance(summary.runs))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


_RENDERERS: dict[str, Callable[[Summary], str]] = {
    ".html": _html,
    ".htm": _html,
    ".md": _markdown,
    ".json": _json,
}
SUFFIXES = tuple(_RENDERERS)


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nnspec_reports"),
        autoescape=name.endswith(".html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "margin": _margin,
        "plain": _plain,
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


def _plain(value: float | None) -> str:
    return "–" if value is None else _short_exponent(f"{value:.6g}")


def _final(value: float | None) -> str:
    return "–" if value is None else _short_exponent(f"{value:.4g}")


def _breakable(name: str) -> Markup:
    """A name that a narrow column may break after its underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{seconds:.1f} s" if seconds < 60 else f"{minutes} min {rest} s"


def _slug(verdict: str) -> str:
    return re.sub(r"\W+", "-", verdict).strip("-")


def _is_web_link(link: str) -> bool:
    return re.match(r"https?://[^\s]+$", link) is not None


def _legend(heat_map: HeatMap) -> list[tuple[int, str]]:
    """Steps of colour and what they mean: in units if all columns share a limit, else as parts of theirs."""
    limits = {column.limit for column in heat_map.columns}
    limit = limits.pop() if len(limits) == 1 else None
    scale, unit = (limit, "") if limit else (1.0, " × limit")
    below = [(step, f"≤ {_plain(scale * 2.0 ** (step - 6))}{unit}") for step in range(7)]
    return [*below, (7, f"> {_plain(scale)}{unit}"), (8, f"> {_plain(100 * scale)}{unit}")]


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
