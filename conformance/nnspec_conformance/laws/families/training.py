"""Whole training runs have no laws of their own: those of their operations hold."""

from __future__ import annotations

from nnspec_conformance.laws._law import Applied

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]

LAWS: dict[str, tuple[Applied, ...]] = {}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {}
