"""The laws: complete, each broken by a backend that breaks it, and kept by true ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import optree
import pytest
from lawless_backends import LAWLESS

from nnspec import Backend, get_backend
from nnspec.errors import NnspecError
from nnspec_backends.numpy import NumpyBackend
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import FAMILIES, all_cases, select
from nnspec_conformance.checks import CHECKS
from nnspec_conformance.context import Context, Outcome
from nnspec_conformance.laws import LAWS, WITHOUT, Tried, declared, excused, law_cases, pairs_of, tried
from nnspec_conformance.laws._call import Instead, bound
from nnspec_conformance.laws._document import page
from nnspec_conformance.laws._law import Applied

WRITTEN = {case.id: case for case in all_cases()}
OF_FAMILY = {family: law_cases(family, [c for c in all_cases() if c.family == family]) for family in FAMILIES}
CASES = {case.id: case for cases in OF_FAMILY.values() for case in cases}
OPERATIONS = Backend.operations()
DECLARED = [(op, law) for family in FAMILIES for op, laws in declared(family).items() for law in laws]
TRIED = [(op, one) for family in FAMILIES for op, options in tried(family).items() for one in options]
#: of the laws that compare with 0
_OF_ZERO = {"gradient-sums-to-zero", "gradient-is-orthogonal", "future-gradient"}


def _judged(backend: Backend, case: Case) -> Outcome:
    with np.errstate(all="ignore"):
        return CHECKS[case.checks[0]](Context(backend, case, "float32"))


def _broken(backend: Backend, cases: list[Case]) -> list[str]:
    return [f"{case.id}: {outcome.message}" for case in cases if (outcome := _judged(backend, case)).verdict != "pass"]


# -- declarations --------------------------------------------------------------------------------------------


def test_cases_of_laws_are_cases_of_level_full_alone() -> None:
    assert len(CASES) == sum(map(len, OF_FAMILY.values()))
    assert set(CASES) <= {case.id for case in select(level="full")}
    assert not set(CASES) & {case.id for case in select(level="quick")}


@pytest.mark.parametrize("family", FAMILIES)
def test_laws_speak_for_requirements_of_their_operation(family: str) -> None:
    known = {r for op in OPERATIONS.values() for r in op.requirements}
    for case in OF_FAMILY[family]:
        assert case.requires, case.id
        assert set(case.requires) <= known, case.id
        assert any(r in OPERATIONS[case.operation].requirements for r in case.requires), case.id
        assert case.family == family


def test_every_operation_has_laws_or_is_said_to_have_none() -> None:
    with_laws = {operation for operation, _ in DECLARED}
    assert not with_laws & set(WITHOUT)
    assert with_laws | set(WITHOUT) == set(OPERATIONS)


def test_every_law_is_declared_for_something() -> None:
    assert {law.law.name for _, law in DECLARED} == {law.name for law in LAWS}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_option_is_tried_or_excused(operation: str) -> None:
    op = OPERATIONS[operation]
    parameters = list(op.signature.parameters.values())[1:]
    options = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY or p.default is not p.empty]
    changed = [one.option for name, one in TRIED if name == operation]
    excuses = list(excused(op.family).get(operation, {}))
    assert sorted(changed + excuses) == sorted(options)


def _arrays(case: Case, backend: Backend) -> dict[str, Any]:
    return {n: backend.asarray(x, dtype=str(x.dtype)) for n, x in case.arrays("float32").items()}


def _says_something(backend: NumpyBackend, operation: str, applied: Applied) -> bool:
    case = CASES[f"{operation}/{applied.name}"]
    pairs = pairs_of(applied, WRITTEN[f"{operation}/{applied.base}"], backend, _arrays(case, backend))
    return any(np.any(backend.to_numpy(x) != 0) for x in optree.tree_leaves(pairs))  # type: ignore[arg-type]


def test_no_law_compares_nothing_but_zeros() -> None:
    backend = NumpyBackend(dtype="float32")
    found = [(op, law) for op, law in DECLARED if law.law.name not in _OF_ZERO and not op.endswith("_init")]
    assert [f"{op}/{law.name}" for op, law in found if not _says_something(backend, op, law)] == []


# -- every law is broken by something ------------------------------------------------------------------------


def _law_of(case: Case) -> str:
    law = str(case.options["law"])
    return law if law != "option" else case.name.removeprefix("law-")


@pytest.mark.parametrize("law", [law.name for law in LAWS])
def test_a_lawless_backend_breaks_its_law_and_only_that(law: str) -> None:
    backend, operation, others = LAWLESS[law]
    cases = [case for case in CASES.values() if case.operation == operation]
    broken = {_law_of(case) for case in cases if _judged(backend(dtype="float32"), case).verdict == "fail"}
    assert broken == {law, *others}
    assert not _broken(NumpyBackend(dtype="float32"), cases)


def _ignoring(operation: str, one: Tried) -> Any:
    """NumPy's backend, but one option counts as the base case has it."""
    backend = NumpyBackend(dtype="float32")
    base = WRITTEN[f"{operation}/{one.base}"]
    seen: list[Any] = []

    def first(*args: Any, **kwargs: Any) -> Any:
        seen.append(bound(operation, args, kwargs))
        return getattr(backend, operation)(*args, **kwargs)

    arrays = _arrays(CASES[f"{operation}/{one.name}"], backend)
    with np.errstate(all="ignore"):
        base.run(Instead(backend, operation, first), **arrays)  # type: ignore[arg-type]
    as_before = iter(seen * 2)

    def call(*args: Any, **kwargs: Any) -> Any:
        arguments, before = bound(operation, args, kwargs), next(as_before)
        arguments.pop(one.option, None)
        if one.option in before:
            arguments[one.option] = before[one.option]
        return getattr(backend, operation)(**arguments)

    return Instead(backend, operation, call)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_ignored_option_fails(family: str) -> None:
    passed = []
    for operation, one in (pair for pair in TRIED if OPERATIONS[pair[0]].family == family):
        case = CASES[f"{operation}/{one.name}"]
        try:
            outcome = _judged(_ignoring(operation, one), case)
        except NnspecError:  # a state that was made for another value
            continue
        if outcome.verdict != "fail":
            passed.append(case.id)
    assert passed == []


# -- and kept by true backends -------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_numpy_keeps_every_law(family: str) -> None:
    assert _broken(NumpyBackend(dtype="float32"), OF_FAMILY[family]) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_torch_keeps_a_third_of_the_laws(family: str) -> None:
    pytest.importorskip("torch")
    assert _broken(get_backend("torch", dtype="float32"), OF_FAMILY[family][::3]) == []


def test_jax_keeps_a_few_laws() -> None:
    pytest.importorskip("jax")
    chosen = [case for case in CASES.values() if not case.plain_only]
    assert 8 <= len(chosen) < 30
    assert _broken(get_backend("jax", dtype="float32"), chosen[::4]) == []


# -- the document --------------------------------------------------------------------------------------------


def test_the_page_of_laws_is_what_is_declared() -> None:
    written = Path(__file__).parents[2] / "spec" / "docs" / "laws.md"
    assert written.read_text() == page()
