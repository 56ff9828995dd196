"""Errors: a bad call raises the specification's own class, and the words name the argument."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nnspec_conformance.case import Expectation
from nnspec_conformance.context import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """The case's call, which has to raise."""
    expect = context.case.expect
    assert expect is not None, f"{context.case.id}: check 'errors' needs an expectation"
    outcome = _refusal(expect, context.call)
    if outcome is None:
        return Outcome("fail", f"raised nothing, expected {expect.error.__name__}")
    if outcome.verdict == "pass" and context.backend.judged_compiled and not context.backend.traced:
        # which need not look at values; what it refuses has to be refused alike
        return _refusal(expect, lambda: context.compiled()(context.inputs)) or outcome
    return outcome


def _refusal(expect: Expectation, call: Callable[[], object]) -> Outcome | None:
    """What there is to say of what a call raises; None where it raises nothing."""
    try:
        with np.errstate(all="ignore"):
            call()
    except expect.error as error:
        missing = [word for word in expect.words if word not in str(error)]
        if missing:
            return Outcome("fail", f"{type(error).__name__} without {missing[0]!r} in its message: {error}")
        return Outcome("pass")
    except Exception as error:
        return Outcome("fail", f"raised {type(error).__name__} ({error}), expected {expect.error.__name__}")
    return None
