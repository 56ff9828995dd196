"""No case proves nothing by accident, and none is excused that need not be."""

from __future__ import annotations

from fnmatch import fnmatchcase

import numpy as np
import pytest

from nnspec_backends.numpy import NumpyBackend
from nnspec_conformance.case import Case, normal, values
from nnspec_conformance.catalogue import FAMILIES, all_cases
from nnspec_conformance.context import Context
from nnspec_conformance.judge import Subject, judge
from nnspec_conformance.vacuous import MEANT, MEANT_LOW, meant, vacuous

COMPARED = ("values", "bits", "compiled", "trajectory", "gradients")
TRIED = [c for c in all_cases() if not c.expect and not c.judge and c.family != "training"]


def why(case: Case, dtype: str | None = None) -> dict[str, str]:
    dtype = dtype or case.dtypes[0]
    context = Context(NumpyBackend(dtype=dtype), case, dtype)
    found = {check: vacuous(context, check) for check in case.checks if check in COMPARED}
    return {check: told for check, told in found.items() if told is not None}


@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "training"])
def test_no_case_of_level_quick_is_vacuous_by_accident(family: str) -> None:
    tried = [c for c in TRIED if c.family == family and c.level == "quick" and meant(c, "float32") is None]
    assert {case.id: told for case in tried if (told := why(case))} == {}


@pytest.mark.parametrize("pattern", MEANT)
def test_what_is_declared_is_vacuous(pattern: str) -> None:
    matching = [c for c in TRIED if fnmatchcase(c.id, pattern) and set(c.checks) & set(COMPARED)]
    assert matching
    judged = [c for c in matching if not c.sharp and all(x.size for x in c.arrays("float32").values())]
    assert [c.id for c in judged[:8] if not why(c)] == []


@pytest.mark.parametrize("pattern", MEANT_LOW)
def test_what_is_declared_of_low_precision_is_vacuous_there_and_not_in_float32(pattern: str) -> None:
    matching = [c for c in TRIED if fnmatchcase(c.id, pattern) and c.is_tried_in("float16") and c.derivation is None]
    found = [c for c in matching if why(c, "float16") or why(c, "bfloat16")]
    assert found
    assert not any(why(c) for c in found)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            Case(operation="relu", name="negative", requires=("RELU-1",), inputs={"x": values([-1.0, -2.0])}),
            {
                "values": "2 values of 0 would pass",
                "compiled": "2 values of 0 would pass",
                "gradients": "gradients of 0 would pass",
            },
        ),
        (
            Case(operation="hard_tanh", name="far", requires=("HARD_TANH-1",), inputs={"x": values([5.0, 7.0, 9.0])}),
            {
                "values": "3 values of 1 would pass",
                "compiled": "3 values of 1 would pass",
                "gradients": "gradients of 0 would pass",
            },
        ),
        (Case(operation="relu", name="lively", requires=("RELU-1",), inputs={"x": normal(3)}), {}),
        (Case(operation="relu", name="kink", requires=("RELU-1",), inputs={"x": values([0.0])}), {}),
        (Case(operation="relu", name="empty", requires=("RELU-1",), inputs={"x": normal(0, 3)}), {}),
    ],
    ids=lambda x: x.name if isinstance(x, Case) else "",
)
def test_what_a_constant_would_pass_is_vacuous(case: Case, expected: dict[str, str]) -> None:
    assert why(case) == expected


def test_a_vacuous_pass_is_undecided_and_a_failure_stays_one() -> None:
    case = Case(operation="relu", name="negative", requires=("RELU-1",), inputs={"x": values([-1.0, -2.0])})
    wrong = type("Wrong", (NumpyBackend,), {"relu": lambda self, x: NumpyBackend.relu(self, x) + np.float32(1)})
    found = {}
    for name, backend in (("sound", NumpyBackend), ("wrong", wrong)):
        context = Context(backend(), case, "float32")
        records = judge(Subject.of(name, context.backend), context, profiles=frozenset(["inference", "training"]))
        found[name] = {c.check: c for c in records}
    assert found["sound"]["values"].verdict == "undecided"
    assert found["sound"]["values"].message == "vacuous: 2 values of 0 would pass"
    assert found["sound"]["shapes"].verdict == "pass"
    assert found["wrong"]["values"].verdict == "fail"
