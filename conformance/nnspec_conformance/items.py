"""What stands between pytest and a case: an item without fixtures, run in one phase.

pytest's own test function costs 3 ms a case, for fixtures and for reports of a setup and a teardown in which nothing
happens: a quarter of a run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nnspec_conformance.session import Item, Session

__all__ = ["ConformanceItem"]


class ConformanceItem(pytest.Item):
    """One case on one backend in one dtype."""

    def __init__(self, *, function: Callable[..., None], conforms: Session, case: Item, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._function = function
        self._conforms = conforms
        self._case = case

    @classmethod
    def all_of(cls, parent: pytest.Collector, name: str, function: Callable[..., None], conforms: Session) -> list[Any]:
        """An item for everything the session judges."""
        return [
            cls.from_parent(parent, name=f"{name}[{case.id}]", function=function, conforms=conforms, case=case)
            for case in conforms.items
        ]

    def runtest(self) -> None:
        self._function(self._conforms, self._case, self.user_properties)

    def reportinfo(self) -> tuple[Any, None, str]:
        return self.path, None, self.name

    def run_alone(self) -> None:
        """The whole protocol of the item: its call, reported once. What it prints shows with `pytest -s`.

        Nothing where another process has taken it.
        """
        if not self._conforms.takes(self._case):
            return
        hook, alone = self.ihook, not hasattr(self.config, "workerinput")
        if alone:  # a worker would send it to a controller that does not look at it
            hook.pytest_runtest_logstart(nodeid=self.nodeid, location=self.location)
        call = pytest.CallInfo.from_call(self.runtest, "call", reraise=(pytest.exit.Exception, KeyboardInterrupt))
        report = hook.pytest_runtest_makereport(item=self, call=call)
        hook.pytest_runtest_logreport(report=report)
        if alone:
            hook.pytest_runtest_logfinish(nodeid=self.nodeid, location=self.location)
