"""What the cases of several normalizations share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nnspec.errors import DTypeError, NnspecError
from nnspec_conformance.case import Case, Source, error_case, normal

__all__ = ["EPS", "FORWARD", "NAN", "mixed", "rejected", "rows"]

NAN = math.nan
FORWARD = ("values", "shapes", "compiled", "purity", "repeat")
EPS = "eps: expected a finite number > 0, got"


def rows(*shape: int, features: tuple[int, ...] | None = None, mean: float = 0.0, std: float = 1.0) -> Any:
    """x, and a weight and a bias that show."""
    features = shape[-1:] if features is None else features
    return {
        "x": normal(*shape, mean=mean, std=std),
        "weight": normal(*features, mean=1.5),
        "bias": normal(*features, mean=3.0),
    }


def rejected(
    operation: str,
    name: str,
    requirement: str,
    error: type[NnspecError],
    *words: str,
    inputs: Mapping[str, Source],
    **options: Any,
) -> Case:
    return error_case(
        operation,
        name,
        (requirement,),
        lambda backend, **arrays: getattr(backend, operation)(**arrays, **options),
        error,
        *words,
        inputs=inputs,
    )


def mixed(
    operation: str, argument: str, requirement: str, inputs: Mapping[str, Source], like: str = "x", **options: Any
) -> Case:
    """One argument in float32, where the others are in float64; messages compare it with `like`."""

    def program(backend: Any, **arrays: Any) -> Any:
        narrow = backend.asarray(backend.to_numpy(arrays[argument]), dtype="float32")
        return getattr(backend, operation)(**{**arrays, argument: narrow}, **options)

    case = error_case(
        operation,
        f"mixed-{argument}",
        (requirement,),
        program,
        DTypeError,
        f"{argument}: expected the dtype of {like}",
        "float32",
        inputs=inputs,
    )
    return replace(case, dtypes=("float64",))
