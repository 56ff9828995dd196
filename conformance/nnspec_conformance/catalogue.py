"""Every case of the suite, from one module a family."""

from __future__ import annotations

import functools
import hashlib
import importlib
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from nnspec import Backend
from nnspec.errors import ArgumentError
from nnspec_conformance.case import Case

__all__ = ["FAMILIES", "SUITE_VERSION", "all_cases", "select", "spec_digest"]

SUITE_VERSION = "1.0"
#: names of the modules in nnspec_conformance.cases: the specification's families, and whole training runs
FAMILIES: tuple[str, ...] = (
    "activations",
    "linear",
    "convolution",
    "pooling",
    "normalization",
    "dropout",
    "embedding",
    "attention",
    "recurrent",
    "losses",
    "initializers",
    "regularizers",
    "optimizers",
    "schedules",
    "metrics",
    "random",
    "shape",
    "training",
)


@functools.cache
def all_cases() -> tuple[Case, ...]:
    """Every case, in the order of the families; ids are unique."""
    found: dict[str, Case] = {}
    for family in FAMILIES:
        for case in importlib.import_module(f"nnspec_conformance.cases.{family}").CASES:
            if case.id in found:
                raise ArgumentError(f"case: {case.id!r} is defined twice")
            found[case.id] = replace(case, family=family)
    return tuple(found.values())


@functools.cache
def _with_derived() -> list[Case]:
    """Every case, those written by hand each followed by those derived from it, which may share its reference.

    After those of a family come its laws.
    """
    from nnspec_conformance.drawn import drawn_cases  # all build on this module
    from nnspec_conformance.laws import law_cases
    from nnspec_conformance.regimes import derived_cases

    derived: dict[str, list[Case]] = {}
    for case in (*derived_cases(), *drawn_cases()):
        assert case.derivation is not None
        derived.setdefault(case.derivation.base.id, []).append(case)
    found: list[Case] = []
    for family in FAMILIES:
        of_family = [case for case in all_cases() if case.family == family]
        found += [case for written in of_family for case in (written, *derived.get(written.id, []))]
        found += law_cases(family, of_family)
    return found


def select(*, only: str | None = None, level: str = "quick") -> list[Case]:
    """The cases of a level whose id matches a shell pattern, or whose operation is named by it.

    Raises:
        ArgumentError: the pattern matches no case.
    """
    chosen = _with_derived() if level == "full" else [c for c in all_cases() if c.level == "quick"]
    if only is None:
        return list(chosen)
    matching = [c for c in chosen if fnmatchcase(c.id, only) or c.operation == only or c.family == only]
    if not matching:
        raise ArgumentError(
            f"only: {only!r} matches no case of level {level}; "
            "give an operation (gelu), a family (activations), a case (gelu/wide) or a pattern ('gelu/*')"
        )
    return matching


def spec_digest() -> str:
    """Hash over every definition, so that two runs say whether they judged by the same text."""
    state = hashlib.sha256()
    for op in Backend.operations().values():
        state.update(f"{op.name}:{op.digest};".encode())
    reference = (f"reference.{name}" for name in ("ensemble", "_noise", "_sums", "analysis", "oracle", "special"))
    for module in (*reference, "margins"):
        path = Path(importlib.import_module(f"nnspec.{module}").__file__ or "")
        state.update(path.read_bytes())
    return state.hexdigest()[:16]
