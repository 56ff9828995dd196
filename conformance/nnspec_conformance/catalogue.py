"""Every case of the suite, from one module a family."""

from __future__ import annotations

import functools
import hashlib
import importlib
from collections.abc import Hashable
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from nnspec import Backend
from nnspec._low_precision import LOW
from nnspec.errors import ArgumentError
from nnspec_conformance.bundles import group_of
from nnspec_conformance.case import Case

__all__ = ["FAMILIES", "SUITE_VERSION", "all_cases", "is_first", "select", "spec_digest", "thinned"]

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


def select(*, only: str | None = None, level: str = "quick") -> list[Case]:
    """The cases of a level whose id matches a shell pattern, or whose operation is named by it.

    Raises:
        ArgumentError: the pattern matches no case.
    """
    chosen = [c for c in all_cases() if level == "full" or c.level == "quick"]
    if only is None:
        return chosen
    matching = [c for c in chosen if fnmatchcase(c.id, only) or c.operation == only or c.family == only]
    if not matching:
        raise ArgumentError(
            f"only: {only!r} matches no case of level {level}; "
            "give an operation (gelu), a family (activations), a case (gelu/wide) or a pattern ('gelu/*')"
        )
    return matching


#: a backend that traces tries float64 for every eighth operation at level quick
_SAMPLE = 8
#: and, of an operation in float32, this many groups of cases that share a compilation, derivatives included,
_MOST_GROUPS = 1
#: and this many of values alone
_MOST_VALUES = 2
#: where none of the latter is tried, because a loop is compiled, which takes a second
_SLOW = frozenset({"recurrent"})


def _sampled() -> set[str]:
    return set(list(Backend.operations())[::_SAMPLE])


@functools.cache
def _firsts() -> frozenset[str]:
    found: dict[str, str] = {}
    for case in all_cases():
        if "compiled" in case.checks:
            found.setdefault(case.family, case.id)
    return frozenset(found.values())


def is_first(case: Case) -> bool:
    """Whether it is the one case of its family that level quick calls both ways, compiled and eagerly."""
    return case.id in _firsts()


@functools.cache
def thinned(dtype: str) -> frozenset[str]:
    """Ids of the cases that a backend that traces tries at level quick, where every compilation costs.

    In float32 the first groups of cases sharing a compilation that prove something new, and what computes nothing;
    in float64 the first group of every eighth operation. Other backends, and level full, try all.
    """
    groups: dict[str, dict[Hashable, list[Case]]] = {}
    kept: set[str] = set()
    for case in select(level="quick"):
        if dtype in LOW and not case.is_tried_in(dtype):
            continue
        if case.expect is None and case.judge is None and case.family != "training":
            groups.setdefault(case.operation, {}).setdefault(group_of(case, "float32"), []).append(case)
        else:
            kept.add(case.id)
    for operation, of_operation in groups.items():
        if dtype == "float32":
            kept |= _first_new(list(of_operation.values()))
        elif dtype in LOW:
            kept |= {next(iter(of_operation.values()))[0].id}
        elif operation in _sampled():
            kept |= {case.id for case in next(iter(of_operation.values()))}
    return frozenset(kept)


def _first_new(groups: list[list[Case]]) -> set[str]:
    """Ids of the first groups that prove something new; derivatives take longer to compile than values alone."""
    kept: set[str] = set()
    proven: set[str] = set()
    left = {True: _MOST_GROUPS, False: 0 if groups[0][0].family in _SLOW else _MOST_VALUES}
    for group in groups:
        new = {case.requires[0] for case in group} - proven
        derived = bool(group[0].differentiated)
        if new and left[derived]:
            left[derived] -= 1
            proven |= new
            kept |= {case.id for case in group}
    return kept


def spec_digest() -> str:
    """Hash over every definition, so that two runs say whether they judged by the same text."""
    state = hashlib.sha256()
    for op in Backend.operations().values():
        state.update(f"{op.name}:{op.digest};".encode())
    for module in ("ensemble", "analysis", "oracle", "special"):
        path = Path(importlib.import_module(f"nnspec.reference.{module}").__file__ or "")
        state.update(path.read_bytes())
    return state.hexdigest()[:16]
