"""Known deviations of a backend: recorded beside it with kind, reason and link, and strict."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path

from nnspec.errors import ArgumentError

__all__ = ["KINDS", "Deviation", "read_deviations"]

#: not implemented here; needs a fix upstream; will never be done
KINDS = ("not-implemented", "upstream", "never")


@dataclass(frozen=True)
class Deviation:
    """One row of deviations.toml; patterns are those of a shell, and "*" where left out."""

    operation: str
    kind: str
    reason: str
    link: str = ""
    case: str = "*"
    check: str = "*"
    dtype: str = "*"
    device: str = "*"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ArgumentError(f"kind: expected one of {', '.join(KINDS)}, got {self.kind!r}")
        if not self.reason.strip():
            raise ArgumentError(f"reason: a deviation of {self.operation} needs one")
        if self.kind == "upstream" and not self.link.startswith("http"):
            raise ArgumentError(f"link: an upstream deviation of {self.operation} needs one, got {self.link!r}")

    def covers(self, *, operation: str, case: str, check: str, dtype: str, device: str) -> bool:
        """Whether the row speaks of this check."""
        return all(
            fnmatchcase(got, pattern)
            for got, pattern in (
                (operation, self.operation),
                (case, self.case),
                (check, self.check),
                (dtype, self.dtype),
                (device, self.device),
            )
        )

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}" + (f" ({self.link})" if self.link else "")


def read_deviations(path: Path | None) -> list[Deviation]:
    """The rows of a deviations.toml ([[deviation]] tables); none where the backend has no file.

    Raises:
        ArgumentError: the file is missing or no TOML, or a row lacks a field, has an unknown one, or a bad value.
    """
    if path is None:
        return []
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ArgumentError(f"{path}: cannot be read: {error}") from error
    rows = table.pop("deviation", [])
    if table or not isinstance(rows, list):
        raise ArgumentError(f"{path}: expected [[deviation]] tables, got {', '.join(table) or 'deviation'}")
    return [_row(row, f"{path}: deviation {number}") for number, row in enumerate(rows, start=1)]


def _row(row: object, where: str) -> Deviation:
    known = {f.name for f in fields(Deviation)}
    if not isinstance(row, dict):
        raise ArgumentError(f"{where}: expected a table, got {row!r}")
    unknown, missing = set(row) - known, {"operation", "kind", "reason"} - set(row)
    if unknown or missing:
        raise ArgumentError(f"{where}: {f'unknown {sorted(unknown)}' if unknown else f'missing {sorted(missing)}'}")
    for name, value in row.items():
        if not isinstance(value, str):
            raise ArgumentError(f"{where}: {name}: expected a text, got {value!r}")
    try:
        return Deviation(**row)
    except ArgumentError as error:
        raise ArgumentError(f"{where}: {error}") from error
