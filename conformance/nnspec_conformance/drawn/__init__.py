"""Drawn cases: changes that nobody thought of, drawn once a release and frozen, so that runs can be compared.

Each is pure data (see `nnspec_conformance.regimes.Change`); `python -m nnspec_conformance.drawn` makes the file anew.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import SUITE_VERSION
from nnspec_conformance.regimes import loaded

__all__ = ["FROZEN", "drawn_cases", "numbered", "rows"]

FROZEN = Path(__file__).with_name(f"{SUITE_VERSION}.json")


@functools.cache
def rows() -> list[dict[str, Any]]:
    """What is frozen: `id` and `change` of every case."""
    return list(json.loads(FROZEN.read_text(encoding="utf-8"))) if FROZEN.exists() else []


@functools.cache
def drawn_cases() -> tuple[Case, ...]:
    """The drawn cases of this release."""
    return tuple(loaded(rows()))


def numbered(operation: str, number: int) -> str:
    """The id of a drawn case."""
    return f"{operation}/drawn-{number:04d}"
