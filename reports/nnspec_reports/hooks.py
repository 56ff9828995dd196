"""The plugin: commands, and the rendering that `nnspec conform --report` asks for.

Imported whenever a backend is made, so nothing is imported for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.plugins import hookimpl

if TYPE_CHECKING:
    import click

__all__ = ["nnspec_commands", "nnspec_render"]


@hookimpl
def nnspec_commands() -> Sequence[click.Command]:
    """Contribute `nnspec report` and `nnspec diff`."""
    from nnspec_reports.commands import COMMANDS

    return COMMANDS


@hookimpl
def nnspec_render(results: Sequence[Path], output: Path) -> bool | None:
    """Write the report, or leave a suffix that is not ours to other plugins."""
    from nnspec_reports.commands import rendering

    chosen = rendering()
    if output.suffix.lower() not in chosen.SUFFIXES:
        return None
    chosen.write_report(results, output)
    return True
