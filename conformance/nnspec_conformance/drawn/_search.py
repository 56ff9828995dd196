"""The process of an exploration: draw, judge, shrink; everything it finds is in files when it ends, however it ends."""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
import time
import warnings
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings

from nnspec.results import Check
from nnspec_conformance.case import Case, seed_of
from nnspec_conformance.context import Context
from nnspec_conformance.drawn._strategy import changes
from nnspec_conformance.explore import Search, failing, frozen_case
from nnspec_conformance.judge import PROCESS, judge
from nnspec_conformance.regimes import Change
from nnspec_conformance.regimes._validity import rejection
from nnspec_conformance.session import Session

__all__ = ["main"]

#: examples in one call of Hypothesis, between which the clock is looked at, and seconds given to shrinking
_BATCH, _SHRINKING = 200, 30.0


class _OverError(BaseException):
    """Ends Hypothesis' loop at once; it takes an Exception for a failure."""


class _Explorer:
    def __init__(self, search: Search) -> None:
        self.search = search
        self.session = Session(
            search.backends,
            device=search.device,
            profiles=search.profiles,
            level="full",
            only="*",  # a level's thinning is of its own cases
            overrides=search.overrides,
        )
        self.until = time.monotonic() + search.seconds
        self.number = itertools.count(1)
        self.shrinking = False

    def run(self) -> None:
        for batch in itertools.count():
            if self._batch(seed_of("explore", self.search.seed, batch)):
                return

    def _batch(self, seed: int) -> bool:
        """One call of Hypothesis; whether it was the last."""

        @hypothesis.seed(seed)
        @settings(
            max_examples=_BATCH,
            phases=[Phase.generate, Phase.shrink],
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(changes(self.search.operations, self.search.dtypes))
        def look(change: Change) -> None:
            if time.monotonic() > self.until:
                raise _OverError
            assert not self.fails(change)

        try:
            look()
        except (_OverError, AssertionError):
            return True
        return False

    def fails(self, change: Change) -> bool:
        """Judge a change on every backend; the first that fails is kept, until a smaller one does."""
        case = dataclasses.replace(frozen_case(change), plain_only=False)
        self._trying(change, None)
        if rejection(case):
            return False
        checks: list[Check] = []
        for given in self.search.backends:
            if not self.session.in_scope(given, case, case.dtypes[0]):
                continue
            self._trying(change, given)
            checks += self._judged(given, case)
        if not failing(checks):
            if not self.shrinking:
                self._write(checks)
            return False
        if not self.shrinking:
            self.shrinking, self.until = True, time.monotonic() + _SHRINKING
        found = {"change": change.to_json(), "checks": [check.model_dump(mode="json") for check in checks]}
        partial = self.search.found.with_suffix(".part")
        partial.write_text(json.dumps(found), encoding="utf-8")
        partial.replace(self.search.found)
        return True

    def _judged(self, given: str, case: Case) -> list[Check]:
        dtype = case.dtypes[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            subject = self.session.subject(given, dtype)
            context = Context(subject.backend, case, dtype)
            PROCESS.forget()  # Hypothesis seeds the global generators
            records = list(judge(subject, context, profiles=self.session.scope[given], level="full"))
        return [record for record in records if isinstance(record, Check)]

    def _trying(self, change: Change, backend: str | None) -> None:
        told = {"backend": backend, "change": change.to_json()}
        self.search.trying.write_text(json.dumps(told), encoding="utf-8")

    def _write(self, checks: list[Check]) -> None:
        """Under a number: there are many cases of an operation."""
        number = next(self.number)
        with self.search.records.open("a", encoding="utf-8") as file:
            for check in checks:
                here = check.model_copy(update={"case": f"{check.operation}/explored-{number:05d}"})
                file.write(here.model_dump_json() + "\n")


def main(told: dict[str, Any]) -> None:
    """Of a `Search` as a dict."""
    given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    _Explorer(Search(**given)).run()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
