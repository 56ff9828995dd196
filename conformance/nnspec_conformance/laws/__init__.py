"""Laws that need no oracle, attached to the operations they hold for by declaration.

`families` has a module a family: which laws hold for which operation, with which existing case as base, and for every
option another value that has to change the result. The cases made of it ask a backend for the difference of two ways
to the same numbers: its reference is 0, and what rounding is granted comes from the rounding model as ever.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from nnspec.errors import ArgumentError
from nnspec_conformance.case import Case
from nnspec_conformance.laws._batches import (
    CARRIED_ON,
    FUTURE,
    FUTURE_GRADIENT,
    GRADIENTS_ACCUMULATE,
    LEAF_ALONE,
    PARTS_ADD_UP,
    PREFIX,
    ROW_ALONE,
    ROW_GRADIENT,
    SPLIT,
    SUM_OF_LEAVES,
)
from nnspec_conformance.laws._gradients import ADJOINT, GRADIENT_IS_ORTHOGONAL, GRADIENT_SUMS_TO_ZERO, LINEAR, TRANSPOSE
from nnspec_conformance.laws._ignored import (
    DROPPED_ENTRY,
    IGNORED_LABEL,
    IGNORED_STEPS,
    MASKED_KEY,
    MASKED_LEAF,
    PADDING_ROW,
    UNDECAYED_LEAF,
    WEIGHTLESS_ROW,
    WEIGHTLESS_ROW_GRADIENT,
)
from nnspec_conformance.laws._law import Applied, Law, Tried, law_case, option_case, pairs_of
from nnspec_conformance.laws._symmetries import REORDERED, SCALED, SHIFTED

__all__ = ["LAWS", "WITHOUT", "Applied", "Law", "Tried", "declared", "excused", "law_cases", "pairs_of", "tried"]

#: every law but that of options, in the order of the documentation
LAWS: tuple[Law, ...] = (
    LINEAR,
    ADJOINT,
    TRANSPOSE,
    GRADIENT_SUMS_TO_ZERO,
    GRADIENT_IS_ORTHOGONAL,
    SHIFTED,
    SCALED,
    REORDERED,
    ROW_ALONE,
    ROW_GRADIENT,
    PREFIX,
    LEAF_ALONE,
    SUM_OF_LEAVES,
    WEIGHTLESS_ROW,
    WEIGHTLESS_ROW_GRADIENT,
    IGNORED_LABEL,
    PADDING_ROW,
    MASKED_KEY,
    IGNORED_STEPS,
    DROPPED_ENTRY,
    MASKED_LEAF,
    UNDECAYED_LEAF,
    SPLIT,
    PARTS_ADD_UP,
    GRADIENTS_ACCUMULATE,
    FUTURE,
    FUTURE_GRADIENT,
    CARRIED_ON,
)

#: operations that no law but that of options holds for, and why
WITHOUT: Mapping[str, str] = {
    "init_zeros": "a constant",
    "init_ones": "a constant",
    "init_dirac": "places ones by a formula of the shape alone",
    "loss_scaling_init": "a constant",
    "key": "a number in two words",
    "fold_in": "one block of the cipher, whose law is that of threefry",
}


def declared(family: str) -> Mapping[str, tuple[Applied, ...]]:
    """The laws of a family's operations."""
    laws: Mapping[str, tuple[Applied, ...]] = _declarations(family).LAWS
    return laws


def tried(family: str) -> Mapping[str, tuple[Tried, ...]]:
    """The options of a family's operations, each with another value."""
    options: Mapping[str, Mapping[str, Mapping[str, object]]] = _declarations(family).OPTIONS
    return {
        operation: tuple(Tried(base, option, other) for base, own in bases.items() for option, other in own.items())
        for operation, bases in options.items()
    }


def excused(family: str) -> Mapping[str, Mapping[str, str]]:
    """The options that are not tried: operation -> option -> reason."""
    reasons: Mapping[str, Mapping[str, str]] = _declarations(family).EXCUSED
    return reasons


def _declarations(family: str) -> Any:
    return importlib.import_module(f"nnspec_conformance.laws.families.{family}")


def law_cases(family: str, cases: Iterable[Case]) -> list[Case]:
    """The cases that a family's declarations make of its own cases.

    Raises:
        ArgumentError: a declaration names a case that there is not.
    """
    by_id = {case.id: case for case in cases}

    def base(operation: str, name: str) -> Case:
        if f"{operation}/{name}" not in by_id:
            raise ArgumentError(f"laws of {operation}: there is no case {operation}/{name} to be their base")
        return by_id[f"{operation}/{name}"]

    return [
        *(law_case(law, base(operation, law.base)) for operation, laws in declared(family).items() for law in laws),
        *(option_case(one, base(operation, one.base)) for operation, all_ in tried(family).items() for one in all_),
    ]
