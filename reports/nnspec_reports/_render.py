"""Results files to a report file, its format by its suffix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from markupsafe import Markup

from nnspec.results import read_results
from nnspec_reports._figures import curve_svg
from nnspec_reports._models import Run, Summary
from nnspec_reports._output import markdown, plain, renderer_of, template, write
from nnspec_reports._summary import summarize

__all__ = ["SUFFIXES", "render", "write_report"]


def write_report(inputs: Sequence[Path], output: Path) -> Summary:
    """Read the results, write the report, return what it says.

    Raises:
        ResultsError: an input is missing or no complete results file.
        ArgumentError: the output's suffix is unknown, or it cannot be written.
    """
    renderer = renderer_of(_RENDERERS, output, inputs)
    summary = summarize([read_results(path) for path in inputs])
    write(output, renderer(summary))
    return summary


def render(summary: Summary, suffix: str) -> str:
    """The text of a report in the format of a suffix."""
    return _RENDERERS[suffix](summary)


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
        "limits": lambda r: ", ".join(f"{k} {plain(v)}" for k, v in sorted(r.header.limits.items())) or "none",
        "platform": lambda r: r.header.platform,
        "CPU": lambda r: f"{r.header.cpu}, {r.header.threads} thread{'' if r.header.threads == 1 else 's'}",
        "Python": lambda r: r.header.python,
        "seed": lambda r: str(r.header.seed),
        "command": lambda r: r.header.command,
        "started": lambda r: r.header.started,
        "took": lambda r: _duration(r.seconds) + _rate(r.cases, r.seconds),
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
    return template("report.html.j2").render(
        s=summary,
        provenance=_provenance(summary.runs),
        failed=sum(len(group.findings) for group in summary.failures),
        figures=figures,
    )


def _markdown(summary: Summary) -> str:
    return markdown(template("report.md.j2").render(s=summary, provenance=_provenance(summary.runs)))


def _rate(cases: int, seconds: float) -> str:
    return f", {cases / seconds:.3g} cases a second" if cases and seconds > 0 else ""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{seconds:.1f} s" if seconds < 60 else f"{minutes} min {rest} s"


_RENDERERS: dict[str, Callable[[Summary], str]] = {
    ".html": _html,
    ".htm": _html,
    ".md": _markdown,
    ".json": _json,
}
SUFFIXES = tuple(_RENDERERS)
