"""The plugin: `nnspec report`, and the rendering that `nnspec conform --report` asks for.

Light on purpose: every nnspec command imports this module, so what needs the extra is imported when used.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import click

from nnspec.errors import MissingExtraError
from nnspec.plugins import hookimpl

__all__ = ["nnspec_commands", "nnspec_render"]

_EXTRA = ("pydantic", "jinja2", "markupsafe", "matplotlib")


@hookimpl
def nnspec_commands() -> Sequence[click.Command]:
    """Contribute `nnspec report`."""
    return [report]


@hookimpl
def nnspec_render(results: Sequence[Path], output: Path) -> bool | None:
    """Write the report, or leave a suffix that is not ours to other plugins."""
    rendering = _rendering()
    if output.suffix.lower() not in rendering.SUFFIXES:
        return None
    rendering.write_report(results, output)
    return True


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
    summary = _rendering().write_report(results, output)
    click.echo(f"{output}: {summary.answer.headline}")


def _rendering() -> ModuleType:
    try:
        from nnspec_reports import _render
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA:
            raise
        raise MissingExtraError(f'reports need {missing}; run: pip install "nnspec[reports]"') from error
    return _render
