"""Faults in float16 and bfloat16 alone fail there; the backends that they were planted in do not."""

from __future__ import annotations

import low_precision_faults as faults
import pytest

import nnspec
from nnspec_conformance.catalogue import select
from nnspec_conformance.context import Context
from nnspec_conformance.judge import Subject, judge

SOUND = ("numpy", "torch", "jax")
PROFILE = frozenset({"low-precision"})


def level_of(operation: str) -> str:
    """Sums of many terms and trajectories are at level full."""
    return "full" if operation == "mean_squared_error" or operation.endswith("_update") else "quick"


def failing(
    backend: nnspec.Backend, operation: str, dtype: str, level: str | None = None
) -> dict[str, float | str | None]:
    """Check -> the margin it failed with."""
    found = {}
    level = level or level_of(operation)
    subject = Subject.of("planted", backend)
    for case in select(only=operation, level=level):
        if case.is_tried_in(dtype):
            for record in judge(subject, Context(backend, case, dtype), profiles=PROFILE, level=level):
                if record.verdict != "pass":
                    assert record.verdict == "fail", record.message
                    found[f"{case.name}/{record.check}"] = record.margin
    return found


@pytest.mark.parametrize("name", faults.EXPECTED)
def test_a_fault_in_low_precision_fails(name: str) -> None:
    operation, dtype = faults.EXPECTED[name]
    assert failing(getattr(faults, name)(dtype=dtype), operation, dtype)


@pytest.mark.parametrize("name", faults.WITHIN)
def test_two_roundings_of_a_result_are_within_the_limit(name: str) -> None:
    operation, dtype = faults.WITHIN[name]
    assert not failing(getattr(faults, name)(dtype=dtype), operation, dtype)


@pytest.mark.parametrize(("operation", "dtype"), sorted({*faults.EXPECTED.values(), *faults.WITHIN.values()}))
@pytest.mark.parametrize("name", SOUND)
def test_the_sound_backends_pass(name: str, operation: str, dtype: str) -> None:
    if name == "jax" and operation == "cross_entropy":
        pytest.skip("its cases take JAX a minute to compile, and are tried by nnspec conform")
    assert not failing(nnspec.get_backend(name, dtype=dtype), operation, dtype, "quick")
