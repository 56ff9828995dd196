"""Every planted fault fails, by the right requirement; and the backend it was planted in does not."""

from __future__ import annotations

import planted_faults
import pytest

from nnspec_backends.numpy import NumpyBackend
from nnspec_conformance.catalogue import select
from nnspec_conformance.context import Context
from nnspec_conformance.judge import Subject, judge

EVERYTHING = frozenset({"inference", "training", "reproducible", "double"})


def blamed(backend: type[NumpyBackend], operation: str) -> set[str]:
    """The first requirement of every failing check of the operation, at level quick."""
    found = set()
    for case in select(only=operation):
        for dtype in case.dtypes:
            subject = Subject.of("planted", backend(dtype=dtype))
            for record in judge(subject, Context(subject.backend, case, dtype), profiles=EVERYTHING):
                if record.verdict != "pass":
                    assert record.verdict == "fail", record.message
                    found.add(record.requirements[0])
    return found


def operation_of(requirement: str) -> str:
    return requirement.rpartition("-")[0].lower()


@pytest.mark.parametrize("name", planted_faults.EXPECTED)
def test_fault_is_caught_by_the_right_requirement(name: str) -> None:
    requirement = planted_faults.EXPECTED[name]
    assert requirement in blamed(getattr(planted_faults, name), operation_of(requirement))


@pytest.mark.parametrize("operation", sorted({operation_of(r) for r in planted_faults.EXPECTED.values()}))
def test_the_sound_backend_passes(operation: str) -> None:
    assert blamed(NumpyBackend, operation) == set()
