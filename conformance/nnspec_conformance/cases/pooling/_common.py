"""What the cases of several poolings share."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, Source, error_case, integers, normal

__all__ = ["FORWARD", "few", "layouts", "not_images", "rejected"]

FORWARD = ("values", "shapes", "compiled", "purity", "repeat")


def few(*shape: int, entries: tuple[float, ...] = (-1.0, 0.0, 1.0)) -> Source:
    """Entries drawn from a few numbers, so that maxima tie."""
    return Source(lambda generator: generator.choice(np.asarray(entries, np.float64), size=shape), floating=True)


def layouts(requires: tuple[str, ...], options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Views with strides of their own, an empty batch, and both ends of the range, for one set of options."""
    inputs = {
        "strided": normal(2, 3, 7, 6).laid_out("strided"),
        "transposed": normal(2, 3, 6, 6).laid_out("transposed"),
        "empty": normal(0, 3, 7, 6),
        "tiny": normal(2, 3, 7, 6, std=1e-18),
        "huge": normal(2, 3, 7, 6, std=1e17),
    }
    return {name: {"inputs": {"x": x}, "options": options, "requires": requires} for name, x in inputs.items()}


def rejected(
    operation: str,
    name: str,
    requirement: str,
    *words: str,
    x: Source = normal(2, 3, 5),  # noqa: B008 - immutable
    error: type[ArgumentError | ShapeError | DTypeError] = ArgumentError,
    **options: Any,
) -> Case:
    """A call with bad options, or with a bad `x`."""
    return error_case(
        operation,
        name,
        (requirement,),
        lambda backend, x: getattr(backend, operation)(x, **options),
        error,
        *words,
        inputs={"x": x},
    )


def not_images(operation: str, requirement: str, **options: Any) -> list[Case]:
    """What is no `(batch, channels, *spatial)`."""
    return [
        rejected(
            operation,
            "rank",
            requirement,
            "x: expected 3 to 5 axes, got shape (3, 5)",
            error=ShapeError,
            x=normal(3, 5),
            **options,
        ),
        rejected(
            operation,
            "no-channels",
            requirement,
            "x: expected channel and spatial axes of at least 1, got shape (2, 0, 5)",
            error=ShapeError,
            x=normal(2, 0, 5),
            **options,
        ),
        rejected(
            operation,
            "integer-x",
            requirement,
            "x: expected a floating array",
            error=DTypeError,
            x=integers(2, 3, 5, high=5),
            **options,
        ),
        error_case(
            operation,
            "no-array",
            (requirement,),
            lambda backend: getattr(backend, operation)([[[1.0, 2.0]]], **options),
            DTypeError,
            "x: expected a floating array, got list",
        ),
    ]
