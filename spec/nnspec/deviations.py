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
        ArgumentError: a row lacks a field, has an unknown one, or a bad value.
    """
    if path is None:
        return []
    rows = tomllib.loads(path.read_text(encoding="utf-8")).get("deviation", [])
    known = {f.name for f in fields(Deviation)}
    for number, row in enumerate(rows, start=1):
        unknown, missing = set(row) - known, {"operation", "kind", "reason"} - set(row)
        if unknown or missing:
            problem = f"unknown {sorted(unknown)}" if unknown else f"missing {sorted(missing)}"
            raise ArgumentError(f"{path}: deviation {number}: {problem}")
    return [Deviation(**row) for row in rows]
