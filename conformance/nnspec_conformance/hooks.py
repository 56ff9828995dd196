"""The entry point: what this room contributes. Imported whenever a backend is made, so nothing is imported for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnspec.plugins import CaseRecord, hookimpl

if TYPE_CHECKING:
    import click

__all__ = ["nnspec_cases", "nnspec_commands"]


@hookimpl
def nnspec_commands() -> Sequence[click.Command]:
    """The commands of this room."""
    from nnspec_conformance.commands import COMMANDS

    return COMMANDS


@hookimpl
def nnspec_cases() -> Sequence[CaseRecord]:
    """Every case of the suite."""
    from nnspec_conformance.catalogue import all_cases

    return [
        CaseRecord(case.id, case.family, case.operation, case.requires, case.checks, case.dtypes, case.level)
        for case in all_cases()
    ]
