"""The suite as others see it: every requirement has a case, every case a requirement."""

from __future__ import annotations

from nnspec.trace import known_cases, trace
from nnspec_conformance.catalogue import all_cases


def test_the_hook_offers_every_case() -> None:
    assert [case.id for case in known_cases()] == [case.id for case in all_cases()]


def test_there_is_no_orphan() -> None:
    traced = trace()
    assert traced.untested == []
    assert traced.unfounded == []
    assert {name for case in traced.cases.values() for name in case.requirements} == set(traced.tested_by)
