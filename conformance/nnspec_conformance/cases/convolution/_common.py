"""Bad calls of an operation of this family, each a good one but for one thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, Source, error_case, integers

__all__ = ["misfit", "mixed", "rejected", "wrong_type"]

Inputs = Mapping[str, Source]


def _bad(operation: str, error: Any, name: str, requirement: str, words: Any, inputs: Inputs, options: Any) -> Case:
    return error_case(
        operation,
        name,
        (requirement,),
        lambda backend, **arrays: getattr(backend, operation)(**arrays, **options),
        error,
        *words,
        inputs=inputs,
    )


def rejected(operation: str, inputs: Inputs, name: str, requirement: str, *words: str, **options: Any) -> Case:
    """Good arrays, bad options."""
    return _bad(operation, ArgumentError, name, requirement, words, inputs, options)


def misfit(operation: str, inputs: Inputs, name: str, requirement: str, *words: str, **options: Any) -> Case:
    """Arrays whose shapes do not go together."""
    return _bad(operation, ShapeError, name, requirement, words, inputs, options)


def wrong_type(operation: str, inputs: Inputs, argument: str, shape: tuple[int, ...], requirement: str) -> Case:
    """One argument of integers."""
    words = (f"{argument}: expected a floating array",)
    given = {**inputs, argument: integers(*shape, high=5)}
    return _bad(operation, DTypeError, f"integer-{argument}", requirement, words, given, {})


def mixed(operation: str, inputs: Inputs, argument: str, requirement: str) -> Case:
    """One argument in float32, where the others are in float64."""

    def program(backend: Any, **arrays: Any) -> Any:
        narrow = backend.asarray(backend.to_numpy(arrays[argument]), dtype="float32")
        return getattr(backend, operation)(**{**arrays, argument: narrow})

    case = error_case(
        operation,
        f"mixed-{argument}",
        (requirement,),
        program,
        DTypeError,
        f"{argument}: expected the dtype of x",
        "float32",
        inputs=inputs,
    )
    return replace(case, dtypes=("float64",))
