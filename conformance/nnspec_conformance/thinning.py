"""What a level leaves out: what takes long to compile, and what another dtype hardly makes different.

At level quick a plain backend is tried on every case of that level in float32, in float64 on the first case that speaks
for a requirement, in bfloat16 on one case of every operation and in float16 on one of every sixteenth. At level full it
is tried on everything, in float16 on the cases of level quick: the other dtype is computed in the same float32.

What a check looks at decides on how many of those cases it is worth its time, at level quick on a plain backend. Values
and gradients are checked on all. That a result has the shape and dtype of the definition, and that inputs stay as they
were, depends on which code runs: on the options. In float32 one case for each is checked, and every case whose values
are not. That a second call gives the same bits, and a compiled call what an eager one gives, is checked in float32 on
one case of every operation; at level full in float32 on all, and in float64 on one case for each set of options. In the
low dtypes, of which few cases are tried, everything is.

A backend that traces takes some 100 ms to compile anything at all (decision 0003). At level quick it is tried on one
group of cases of every operation in float32, and on every sixteenth operation in float64 and bfloat16. At level full it
is tried on everything that it computes by code of its own: all cases in float32, those of level quick in float64. Of an
operation that runs by its definition, which is proven elsewhere, it is tried on the cases of level quick in float32,
and of every fourth operation on one group in float64. In float16 and bfloat16 it is tried on one case of every fourth
operation, and on long trajectories. Where a profile is asked for by name, all of its cases are tried at level full, and
one of every operation in each low dtype at level quick; where cases are asked for (`--only`), all of them.
"""

from __future__ import annotations

import functools
from typing import Any

from nnspec import Backend
from nnspec._low_precision import LOW
from nnspec_conformance.bundles import group_of
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import FAMILIES, all_cases, select

__all__ = ["is_checked", "is_sample", "is_tried"]

#: every sixteenth operation, and at level full every fourth
_SAMPLE, _FOURTH = 16, 4
#: checks of which a plain backend is asked for one case an operation, and for one case of all options it has
_PER_OPERATION, _PER_OPTIONS = frozenset({"repeat", "compiled"}), frozenset({"shapes", "purity"})


def is_tried(case: Case, dtype: str, *, level: str, traced: bool, asked: bool, native: bool = True) -> bool:
    """Whether a case of a level is tried there in a dtype.

    Args:
        case: of the level.
        dtype: one of its dtypes.
        level: quick or full.
        traced: whether the backend traces.
        asked: whether the profile that the dtype belongs to was asked for by name.
        native: whether the backend computes the operation by code of its own.
    """
    if traced and case.plain_only:
        return False
    if level == "full":
        if asked or not traced:
            return asked or dtype != "float16" or case.level == "quick"
        return _is_tried_traced_at_full(case, dtype, native)
    if dtype in LOW:
        if asked:
            return case.id in _one_each(dtype, 1)
        if traced and dtype == "float16":
            return False
        return case.id in _one_each(dtype, 1 if dtype == "bfloat16" and not traced else _SAMPLE)
    if traced:
        return case.id in _thinned(dtype, _SAMPLE)
    return dtype != "float64" or case.id in _evidence()


def _is_tried_traced_at_full(case: Case, dtype: str, native: bool) -> bool:
    long = "trajectory" in case.checks or case.family == "training"
    if dtype == "float32":
        return native or long or case.level == "quick"
    if dtype == "float64":
        return case.level == "quick" if native else case.id in _thinned(dtype, _FOURTH)
    return dtype == "bfloat16" if long else case.id in _one_each(dtype, _FOURTH)


def is_checked(case: Case, dtype: str, check: str, *, level: str, traced: bool) -> bool:
    """Whether a check of a case that is tried is run. Level "everything" leaves nothing out."""
    if level == "everything":
        return True
    if traced:  # is called eagerly too in one case of every fourth family, or operation
        return check != "compiled" or (dtype == "float32" and case.id in _firsts(level))
    if dtype in LOW or "values" not in case.checks:
        return True
    if level == "full":
        return dtype == "float32" or check not in _PER_OPERATION or _speaks(case, check, level, dtype, by_options=True)
    if check not in _PER_OPERATION | _PER_OPTIONS:
        return True
    if dtype != "float32" and case.is_tried_in("float32"):
        return False
    return _speaks(case, check, level, "float32", by_options=check in _PER_OPTIONS)


def _speaks(case: Case, check: str, level: str, dtype: str, *, by_options: bool) -> bool:
    """Whether no other case stands for this one; for one that is not of the suite none does."""
    if id(case) not in _catalogued():
        return True
    first = _representative(check, level, dtype, by_options=by_options)
    return first.get(_alike(case, by_options=by_options), case.id) == case.id


def is_sample(case: Case, dtype: str) -> bool:
    """Whether the case stands for every sixteenth operation in what takes long."""
    if dtype != "float32" or case.operation not in _every(_SAMPLE):
        return False
    first = _representative("compiled", "quick", "float32", by_options=False)
    return first.get(_alike(case, by_options=False)) == case.id


@functools.cache
def _catalogued() -> frozenset[int]:
    return frozenset(map(id, all_cases()))


@functools.cache
def _representative(check: str, level: str, dtype: str, *, by_options: bool) -> dict[Any, str]:
    """Ids of the first case of every operation that has the check, or of every set of its options and layouts."""
    found: dict[Any, str] = {}
    for case in select(level=level):
        if check in case.checks and "values" in case.checks and case.is_tried_in(dtype):
            found.setdefault(_alike(case, by_options=by_options), case.id)
    return found


def _alike(case: Case, *, by_options: bool) -> Any:
    if not by_options:
        return case.operation
    layouts = *(repr(source.layout) for source in case.inputs.values()), repr(case.cotangent_layout)
    return case.operation, repr(sorted(case.options.items())), case.program, layouts


@functools.cache
def _firsts(level: str) -> frozenset[str]:
    found: dict[str, str] = {}
    for case in all_cases():
        among = case.operation in _every(_FOURTH) if level == "full" else case.family in FAMILIES[::_FOURTH]
        if "compiled" in case.checks and among:
            found.setdefault(case.family if level == "quick" else case.operation, case.id)
    return frozenset(found.values())


@functools.cache
def _every(number: int) -> frozenset[str]:
    """Names of every so many-th operation."""
    return frozenset(list(Backend.operations())[::number])


@functools.cache
def _one_each(dtype: str, every: int) -> frozenset[str]:
    """Ids of one case of every so many-th operation; one with derivatives where there is one."""
    found: dict[str, Case] = {}
    for case in select(level="quick"):
        first = found.get(case.operation)
        better = first is None or (case.differentiated and not first.differentiated)
        if better and case.operation in _every(every) and case.is_tried_in(dtype):
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
def _thinned(dtype: str, every: int) -> frozenset[str]:
    """Ids of the cases that a backend that traces tries at level quick, in float32 or of every so many-th operation.

    Arguments are looked at before a backend is asked, by the same text for all: one error of each operation is tried,
    to see that it is. Statistics are left to the sample: the bits of what is drawn are proven of every operation.
    """
    computing: dict[str, list[Case]] = {}
    kept: set[str] = set()
    refused: dict[str, str] = {}
    for case in select(level="quick"):
        if case.plain_only:
            continue
        if case.family == "training":
            kept.add(case.id)
        elif case.expect is not None:
            refused.setdefault(case.operation, case.id)
        elif case.judge is not None:
            if case.operation in _every(_SAMPLE):
                kept.add(case.id)
        elif dtype == "float32" or case.operation in _every(every):
            computing.setdefault(case.operation, []).append(case)
    for of_operation in computing.values():
        kept |= {case.id for case in _group(of_operation)}
    return frozenset(kept.union(refused.values()))


def _group(of_operation: list[Case]) -> list[Case]:
    """The first case, one with derivatives where there is one, and those that share its compilation."""
    first = next((case for case in of_operation if case.differentiated), of_operation[0])
    alike = [case for case in of_operation if case.options == first.options and case.program is first.program]
    group = group_of(first, "float32")
    return [case for case in alike if group_of(case, "float32") == group]
