"""`nnspec report` and `nnspec diff`.

Light on purpose: every nnspec command imports this module, so what needs the extra is imported when used.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import click

from nnspec.errors import MissingExtraError

__all__ = ["COMMANDS", "rendering"]

_EXTRA = ("pydantic", "jinja2", "markupsafe", "matplotlib")


@click.command(short_help="Render results files as one HTML, Markdown or JSON report.")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="F.jsonl ...")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="OUT.html, OUT.md or OUT.json.",
)
def report(results: tuple[Path, ...], output: Path) -> None:
    """Render results files of `nnspec conform` as one report.

    The suffix of OUT chooses the format: .html is one self-contained page that opens offline, .md is
    Markdown, .json is a summary for machines. Several files are several runs, shown side by side.

    \b
    Example:
      nnspec conform numpy torch --results results.jsonl
      nnspec report results.jsonl -o report.html
    """
    summary = rendering().write_report(results, output)
    click.echo(f"{output}: {summary.answer.headline}")


@click.command(short_help="Compare two results files: what became worse or better, and why.")
@click.argument("old", type=click.Path(path_type=Path), metavar="OLD.jsonl")
@click.argument("new", type=click.Path(path_type=Path), metavar="NEW.jsonl")
@click.option(
    "-o",
    "--output",
    default=None,
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Write the comparison here too: OUT.html or OUT.md.",
)
def diff(old: Path, new: Path, output: Path | None) -> None:
    """Compare two results files of `nnspec conform`, check by check.

    Says what fails that did not, what was fixed, which verdicts are others, which margins changed by a factor of
    2 or more, and which checks are new or gone; and whether backend, suite, specification or environment made the
    difference, as far as the digests in the records tell. Exit code 0: nothing fails that did not; 1: something
    does; 2: a file or the command is at fault.

    \b
    Example:
      nnspec diff before.jsonl after.jsonl -o what-changed.html
    """
    comparing, writing = _imported("_diff"), _imported("_diff_render")
    renderer = None if output is None else writing.renderer(output, [old, new])
    comparison = comparing.compare_files(old, new)
    if renderer is not None:
        writing.write_comparison(comparison, output, renderer)
    writing.print_comparison(comparison)
    raise SystemExit(1 if comparison.worse else 0)


def rendering() -> ModuleType:
    """What writes reports.

    Raises:
        MissingExtraError: a package that it needs is missing; the message gives the pip command.
    """
    return _imported("_render")


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"nnspec_reports.{name}")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA:
            raise
        raise MissingExtraError(f'reports need {missing}; run: pip install "nnspec[reports]"') from error


COMMANDS = [report, diff]
