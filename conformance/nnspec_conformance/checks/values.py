"""Values: every element within the limit of the reference, in units of rounding."""

from __future__ import annotations

from typing import Any

from nnspec.reference import Expected
from nnspec_conformance import limits
from nnspec_conformance.context import Context, Outcome, worst_margin

__all__ = ["judge", "run"]


def run(context: Context) -> Outcome:
    """The eager result against the reference."""
    return judge(context, context.leaves("values"))


def judge(context: Context, leaves: list[Any], *, exact: bool | None = None) -> Outcome:
    """Leaves of some run of the case against the reference; `exact` in place of what the case asks."""
    analysis = context.analysis
    expected = analysis.values
    if len(leaves) != len(expected):
        return Outcome("fail", f"returned {len(leaves)} arrays, expected {len(expected)}")
    got = [(f"output {i}" if len(leaves) > 1 else "", context.backend.to_numpy(x)) for i, x in enumerate(leaves)]
    if wrong := _wrong_shape(got, expected):
        name, message = wrong
        return Outcome("fail", message, evidence=context.evidence(name, got, expected, limits.VALUES))
    flushed = analysis.flushed.values if analysis.flushed else None
    name, worst = worst_margin(got, expected, flushed, context.dtype, exact=context.exact if exact is None else exact)
    if worst is None or worst.margin <= limits.VALUES:
        return Outcome("pass", margin=worst)
    evidence = context.evidence(name, got, expected, limits.VALUES)
    return Outcome("fail", f"{name + ': ' if name else ''}{worst}", worst, evidence)


def _wrong_shape(got: list[tuple[str, Any]], expected: list[Expected]) -> tuple[str, str] | None:
    """Name of the first array of another shape, and what to say of it."""
    for (name, array), wanted in zip(got, expected, strict=True):
        if array.shape != wanted.value.shape:
            return name, f"{name or 'result'}: shape {array.shape}, expected {wanted.value.shape}"
    return None
