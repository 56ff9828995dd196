"""Cases compiled together give what they give alone, and one that cannot be compiled spoils nobody else's verdict."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from nnspec_backends.numpy import NumpyBackend
from nnspec_conformance.bundles import bundled
from nnspec_conformance.catalogue import select
from nnspec_conformance.context import Context
from nnspec_conformance.judge import Subject, judge

PROFILES = frozenset({"inference", "training", "reproducible", "double"})


class Traced(NumpyBackend):
    """NumPy as if it traced; counts its compilations and the calls of what they made."""

    traced = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.compiled = self.called = 0

    def compile(
        self, function: Callable[..., Any], *, donate: Sequence[int] = (), fuse: bool = False
    ) -> Callable[..., Any]:
        self.compiled += 1

        def run(*args: Any) -> Any:
            self.called += 1
            return function(*args)

        return run


class RefusesLargeMeans(Traced):
    """Raises for the inputs of one case."""

    def softplus(self, x: Any, *, beta: float = 1.0) -> Any:
        if float(np.mean(np.asarray(getattr(x, "value", x)))) > 100:
            raise RuntimeError("refused")
        return super().softplus(x, beta=beta)


class Unsteady(Traced):
    """Every call a little different."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._noise = itertools.count()

    def softplus(self, x: Any, *, beta: float = 1.0) -> Any:
        return super().softplus(x, beta=beta) * (1.0 + next(self._noise) * 2.0**-23)


def verdicts(backend: NumpyBackend) -> dict[tuple[str, str], str]:
    """Of the cases of softplus, by case and check."""
    contexts = bundled(backend, [Context(backend, case, "float32") for case in select(only="softplus")])
    subject = Subject.of("traced", backend)
    records = [r for c in contexts.values() for r in judge(subject, c, profiles=PROFILES, level="everything")]
    return {(r.case, r.check): r.verdict for r in records}


def test_an_operation_compiles_once_for_eight_groups() -> None:
    backend = Traced()
    found = verdicts(backend)
    assert set(found.values()) == {"pass"}
    assert backend.compiled * 3 < len({case for case, _ in found})


def test_a_case_that_raises_fails_alone() -> None:
    found = verdicts(RefusesLargeMeans())
    bad = {case for (case, _), verdict in found.items() if verdict != "pass"}
    assert bad == {"softplus/large-mean"}


def test_repeat_calls_again() -> None:
    found = verdicts(Unsteady())
    assert {verdict for (_, check), verdict in found.items() if check == "repeat"} == {"fail"}


@pytest.mark.parametrize("name", ["softplus", "adam_update"])
def test_a_traced_backend_gives_the_verdicts_of_a_plain_one(name: str) -> None:
    plain, traced = NumpyBackend(), Traced()
    for case in select(only=name):
        alone, (together,) = (
            Context(plain, case, "float32"),
            bundled(traced, [Context(traced, case, "float32")]).values(),
        )
        first = [r.verdict for r in judge(Subject.of("plain", plain), alone, profiles=PROFILES, level="everything")]
        assert [
            r.verdict for r in judge(Subject.of("t", traced), together, profiles=PROFILES, level="everything")
        ] == first
