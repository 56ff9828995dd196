"""What level quick leaves for level full: what takes long to compile, and what another dtype hardly makes different.

A plain backend is tried on every case of level quick in float32, in float64 on the first case that speaks for a
requirement, in bfloat16 on one case of every operation and in float16 on one of every sixteenth. A backend that
traces takes some 100 ms to compile anything at all (decision 0003): it is tried on one group of cases of every
operation in float32, and on every sixteenth operation in float64 and bfloat16; on every operation in both low dtypes
where the profile is asked for.
"""

from __future__ import annotations

import functools

from nnspec import Backend
from nnspec._low_precision import LOW
from nnspec_conformance.bundles import group_of
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import FAMILIES, all_cases, select

__all__ = ["is_first", "is_tried"]

#: every sixteenth operation
_SAMPLE = 16


def is_tried(case: Case, dtype: str, *, traced: bool, asked: bool) -> bool:
    """Whether a case of level quick is tried there in a dtype.

    Args:
        case: of level quick.
        dtype: one of its dtypes.
        traced: whether the backend traces.
        asked: whether the profile that the dtype belongs to was asked for by name.
    """
    if dtype in LOW:
        if asked:
            return case.id in _one_each(dtype, every=True)
        if traced and dtype == "float16":
            return False
        return case.id in _one_each(dtype, every=dtype == "bfloat16" and not traced)
    if traced:
        return case.id in _thinned(dtype)
    return dtype != "float64" or case.id in _evidence()


@functools.cache
def _firsts() -> frozenset[str]:
    found: dict[str, str] = {}
    for case in all_cases():
        if "compiled" in case.checks and case.family in FAMILIES[::4]:
            found.setdefault(case.family, case.id)
    return frozenset(found.values())


def is_first(case: Case) -> bool:
    """Whether level quick calls it both ways, compiled and eagerly: one case of every fourth family."""
    return case.id in _firsts()


@functools.cache
def _sampled() -> frozenset[str]:
    return frozenset(list(Backend.operations())[::_SAMPLE])


@functools.cache
def _one_each(dtype: str, *, every: bool) -> frozenset[str]:
    """Ids of one case of every operation, or of every sixteenth; one with derivatives where there is one."""
    found: dict[str, Case] = {}
    for case in select(level="quick"):
        first = found.get(case.operation)
        better = first is None or (case.differentiated and not first.differentiated)
        if better and (every or case.operation in _sampled()) and case.is_tried_in(dtype):
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
    """Ids of the cases that a backend that traces tries in float32 or float64.

    Errors compute nothing. Statistics are left to the sample: the bits of what is drawn are proven of every operation.
    """
    computing: dict[str, list[Case]] = {}
    kept: set[str] = set()
    for case in select(level="quick"):
        if case.expect is not None or case.family == "training":
            kept.add(case.id)
        elif case.judge is not None:
            if case.operation in _sampled():
                kept.add(case.id)
        elif dtype == "float32" or case.operation in _sampled():
            computing.setdefault(case.operation, []).append(case)
    for of_operation in computing.values():
        kept |= {case.id for case in _group(of_operation)}
    return frozenset(kept)


def _group(of_operation: list[Case]) -> list[Case]:
    """The first case, one with derivatives where there is one, and those that share its compilation."""
    first = next((case for case in of_operation if case.differentiated), of_operation[0])
    alike = [case for case in of_operation if case.options == first.options and case.program is first.program]
    group = group_of(first, "float32")
    return [case for case in alike if group_of(case, "float32") == group]
