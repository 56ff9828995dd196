"""What level quick leaves for level full: what takes long to compile, and what another dtype hardly makes different.

A plain backend is tried on every case of level quick in float32, in float64 on the first case that speaks for a
requirement, in bfloat16 on one case of every operation and in float16 on one of every sixteenth. A backend that
traces takes some 100 ms to compile anything at all (decision 0003): it is tried on few groups of cases in float32, and
on every sixteenth operation in float64 and bfloat16; on every operation in both low dtypes where the profile is asked
for.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable

from nnspec import Backend
from nnspec._low_precision import LOW
from nnspec_conformance.bundles import group_of
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import all_cases, select

__all__ = ["is_first", "is_tried"]

#: every sixteenth operation
_SAMPLE = 16
#: how many groups of cases that share a compilation, derivatives included, a backend that traces tries in float32,
_MOST_GROUPS = 1
#: and how many of values alone
_MOST_VALUES = 1
#: where none of the latter is tried, because a loop is compiled, which takes a second
_SLOW = frozenset({"recurrent"})


def is_tried(case: Case, dtype: str, *, traced: bool, asked: bool) -> bool:
    """Whether a case of level quick is tried there in a dtype.

    Args:
        case: of level quick.
        dtype: one of its dtypes.
        traced: whether the backend traces.
        asked: whether the profile that the dtype belongs to was asked for by name.
    """
    if dtype in LOW:
        every = dtype == "bfloat16" and (asked or not traced)
        return case.id in _one_each(dtype, every=every or asked) and not (traced and dtype == "float16" and not asked)
    if traced:
        return case.id in _thinned(dtype)
    return dtype != "float64" or case.id in _evidence()


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
def _sampled() -> frozenset[str]:
    return frozenset(list(Backend.operations())[::_SAMPLE])


@functools.cache
def _one_each(dtype: str, *, every: bool) -> frozenset[str]:
    """Ids of one case of every operation, or of every sixteenth; one with derivatives where there is one."""
    found: dict[str, Case] = {}
    for case in select(level="quick"):
        if case.is_tried_in(dtype) and (every or case.operation in _sampled()):
            first = found.setdefault(case.operation, case)
            if case.differentiated and not first.differentiated:
                found[case.operation] = case
    return frozenset(case.id for case in found.values())


@functools.cache
def _evidence() -> frozenset[str]:
    """Ids of the cases that are the first to speak for a requirement in float64."""
    found: set[str] = set()
    proven: set[str] = set()
    for case in select(level="quick"):
        if case.is_tried_in("float64") and not proven.issuperset(case.requires):
            proven.update(case.requires)
            found.add(case.id)
    return frozenset(found)


@functools.cache
def _thinned(dtype: str) -> frozenset[str]:
    """Ids of the cases that a backend that traces tries in float32 or float64, and of what computes nothing."""
    groups: dict[str, dict[Hashable, list[Case]]] = {}
    kept: set[str] = set()
    for case in select(level="quick"):
        if case.expect is None and case.judge is None and case.family != "training":
            groups.setdefault(case.operation, {}).setdefault(group_of(case, "float32"), []).append(case)
        else:
            kept.add(case.id)
    for operation, of_operation in groups.items():
        if dtype == "float32":
            kept |= _first_new(list(of_operation.values()))
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
