"""Errors: a bad call raises the specification's own class, and the words name the argument."""

from __future__ import annotations

from nnspec_conformance.context import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """The case's call, which has to raise."""
    expect = context.case.expect
    assert expect is not None, f"{context.case.id}: check 'errors' needs an expectation"
    try:
        context.call()
    except expect.error as error:
        missing = [word for word in expect.words if word not in str(error)]
        if missing:
            return Outcome("fail", f"{type(error).__name__} without {missing[0]!r} in its message: {error}")
        return Outcome("pass")
    except Exception as error:
        return Outcome("fail", f"raised {type(error).__name__} ({error}), expected {expect.error.__name__}")
    return Outcome("fail", f"raised nothing, expected {expect.error.__name__}")
