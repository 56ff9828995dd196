"""The cases as a whole: complete, deterministic, and each tied to the specification."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from nnspec import Backend
from nnspec.errors import ArgumentError
from nnspec_backends.numpy import NumpyBackend
from nnspec_conformance.case import Case, normal
from nnspec_conformance.catalogue import FAMILIES, all_cases, select
from nnspec_conformance.checks import CHECKS

CASES = all_cases()
REQUIREMENTS = {r: op for op in Backend.operations().values() for r in op.requirements}


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_every_requirement_has_a_case(requirement: str) -> None:
    assert any(requirement in case.requires for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_case_is_evidence_for_something(case: Case) -> None:
    assert case.requires
    assert set(case.requires) <= set(REQUIREMENTS)
    assert case.checks
    assert set(case.checks) <= set(CHECKS)
    if case.family != "training":
        operation = Backend.operations()[case.operation]
        assert case.family == operation.family
        assert any(REQUIREMENTS[r].name == case.operation for r in case.requires)


def test_families_are_those_of_the_specification() -> None:
    assert {op.family for op in Backend.operations().values()} | {"training"} == set(FAMILIES)


def test_every_operation_is_tried_at_level_quick() -> None:
    tried = {case.operation for case in select(level="quick")}
    assert set(Backend.operations()) <= tried


@pytest.mark.parametrize("case", [c for c in CASES if c.inputs][::7], ids=lambda case: case.id)
def test_inputs_derive_from_the_id_and_the_seed_alone(case: Case) -> None:
    first = case.arrays(case.dtypes[0])
    Case._drawn.cache_clear()
    again, other = (case.arrays(case.dtypes[0], seed) for seed in (0, 1))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    drawn = [n for n, s in case.inputs.items() if s.floating and first[n].size > 8]
    assert all(str(first[n].dtype) == case.dtypes[0] for n in drawn)
    assert first.keys() == other.keys()


def test_digests_are_the_same_in_another_process() -> None:
    names = ["gelu/wide", "linear/unit", "prelu/channels"]
    chosen = [c for c in CASES if c.id in names]
    assert chosen
    script = (
        "from nnspec_conformance.catalogue import all_cases\n"
        f"print(*(c.digest('float32') for c in all_cases() if c.id in {names!r}))"
    )
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert there == [c.digest("float32") for c in chosen]
    assert len(set(there)) == len(there)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("gelu/wide", {"gelu/wide"}), ("gelu", None), ("activations", None), ("*/kink", None)],
)
def test_a_case_is_selected_by_id_operation_family_or_pattern(pattern: str, found: set[str] | None) -> None:
    chosen = {c.id for c in select(only=pattern)}
    assert chosen == found if found else len(chosen) > 3


def test_a_pattern_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(ArgumentError, match="'gleu' matches no case"):
        select(only="gleu")


def _left_at_default(tried: list[Case]) -> dict[str, set[str]]:
    """For every operation the parameters that some case leaves out."""
    found: dict[str, set[str]] = {name: set() for name in Backend.operations()}
    backend = NumpyBackend()
    inside: list[str] = []

    def watch(name: str, inner: Any) -> Any:
        signature = inspect.signature(inner)

        def call(*args: Any, **kwargs: Any) -> Any:
            if not inside:  # what one operation passes to another says nothing of the case
                found[name] |= set(signature.parameters) - set(signature.bind(*args, **kwargs).arguments)
            inside.append(name)
            try:
                return inner(*args, **kwargs)
            finally:
                inside.pop()

        return call

    for name in Backend.operations():
        setattr(backend, name, watch(name, getattr(backend, name)))
    for case in tried:
        arrays = {n: backend.asarray(x, dtype=str(x.dtype)) for n, x in case.arrays("float32").items()}
        with np.errstate(all="ignore"):
            case.run(backend, **arrays)
    return found


def test_every_default_is_tried_at_level_quick() -> None:
    """A wrong default of an override shows only where a case leaves the parameter out."""
    called = [c for c in select(level="quick") if not c.expect and not c.judge and c.family != "training"]
    left = _left_at_default(called)
    untried = {
        name: missing
        for name in left
        if (missing := {p.name for p in _parameters(name) if p.default is not p.empty} - left[name])
    }
    assert untried == {}


def _parameters(operation: str) -> list[inspect.Parameter]:
    return list(inspect.signature(getattr(NumpyBackend, operation)).parameters.values())


def test_a_program_gets_its_inputs_in_the_order_in_which_the_case_names_them() -> None:
    order: list[str] = []
    case = Case(
        operation="conv",
        name="order",
        requires=("CONV-1",),
        inputs={"x": normal(1), "bias": normal(1)},
        program=lambda backend, **arrays: order.extend(arrays),
    )
    case.run(NumpyBackend(), bias=0, x=0)  # as jax.jit hands a dict on
    assert order == ["x", "bias"]
