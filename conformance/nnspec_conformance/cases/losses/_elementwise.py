"""What every loss of single elements is tried on, whatever its formula: reductions, weights, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, Source, cases, error_case, integers, uniform, values
from nnspec_conformance.cases.losses._inputs import NAN, NONE, SUM, WEIGHTS

__all__ = ["elementwise_cases", "refused_number"]


def elementwise_cases(
    operation: str,
    mean: str,
    weight: str,
    *,
    inputs: Callable[..., dict[str, Source]],
    holes: Mapping[str, Source],
    options: Mapping[str, Any] | None = None,
    differentiate: tuple[str, ...] = ("prediction", "target"),
) -> list[Case]:
    """Cases of an operation whose inputs have one shape.

    Args:
        operation: its name.
        mean: the requirement about reductions.
        weight: the requirement about elements of weight 0.
        inputs: makes the inputs of a shape.
        holes: the inputs of shape (2, 3), with anything where WEIGHTS is 0.
        options: hyper-parameters.
        differentiate: what there are derivatives with respect to.
    """
    options = options or {}
    common: dict[str, Any] = {"options": options, "differentiate": differentiate}
    full: dict[str, Any] = {"level": "full"}
    weighted = {**holes, "sample_weight": WEIGHTS}
    layouts = {n: x.laid_out("strided" if n == "prediction" else "transposed") for n, x in inputs(17, 33).items()}
    found = cases(
        operation,
        {
            "mean": {"inputs": inputs(3, 4, 5)},
            "one": {"inputs": inputs(), **full},
            "odd": {"inputs": layouts, **full},
            "empty-sum": {"inputs": inputs(0, 3), "options": {**options, **SUM}, **full},
            "empty-none": {"inputs": inputs(0, 3), "options": {**options, **NONE}, **full},
            "all-weights-zero": {"inputs": {**holes, "sample_weight": values([[0.0] * 3] * 2)}, **full},
        },
        **{**common, "requires": (mean,)},
    )
    found += cases(
        operation,
        {
            "weighted": {
                "inputs": {**inputs(3, 4, 5), "sample_weight": uniform(3, 4, 5, low=0.1, high=3.0)},
                "options": {**options, **SUM},
                "requires": (mean,),
            },
            "weighted-special": {"inputs": weighted, "requires": (weight, mean)},
            "weighted-special-none": {
                "inputs": weighted,
                "options": {**options, **NONE},
                "requires": (weight,),
                **full,
            },
            "weighted-special-sum": {
                "inputs": weighted,
                "options": {**options, **SUM},
                "requires": (weight,),
                **full,
            },
        },
        **common,
    )
    return [*found, *_errors(operation, mean, weight, inputs, options)]


def _errors(
    operation: str, mean: str, weight: str, inputs: Callable[..., dict[str, Source]], options: Mapping[str, Any]
) -> list[Case]:
    def refused(
        name: str, requirement: str, error: Any, words: str, x: Mapping[str, Source], reduction: str = "mean"
    ) -> Case:
        return error_case(
            operation,
            name,
            (requirement,),
            lambda backend, **given: getattr(backend, operation)(**given, reduction=reduction, **options),
            error,
            words,
            inputs=x,
        )

    vector, matrix = inputs(3), inputs(2, 3)
    return [
        refused(
            "column",
            mean,
            ShapeError,
            "target: expected shape (3, 1) (that of prediction), got (3,)",
            {**inputs(3, 1), "target": vector["target"]},
        ),
        refused(
            "integer-target",
            mean,
            DTypeError,
            "target: expected a floating array",
            {**vector, "target": integers(3, high=2)},
        ),
        refused(
            "reduction",
            mean,
            ArgumentError,
            "reduction: expected one of 'mean', 'sum', 'none', got 'average'",
            matrix,
            "average",
        ),
        refused(
            "empty-mean",
            mean,
            ArgumentError,
            "reduction: expected 'sum' or 'none' for no samples (shape (0, 3)), got 'mean'",
            inputs(0, 3),
        ),
        refused(
            "weight-shape",
            weight,
            ShapeError,
            "sample_weight: expected shape (2, 3) (one a sample), got (2,)",
            {**matrix, "sample_weight": uniform(2)},
        ),
        refused(
            "weight-negative",
            weight,
            ArgumentError,
            "sample_weight: expected weights in [0, inf), got -1",
            {**matrix, "sample_weight": values([[1.0, 0.0, 2.0], [-1.0, 1.0, 1.0]])},
        ),
    ]


def refused_number(
    operation: str, requirement: str, option: str, inputs: Mapping[str, Source] | None = None
) -> list[Case]:
    """A hyper-parameter has to be a finite number > 0."""
    given = inputs or {"prediction": uniform(3), "target": uniform(3)}
    return [
        error_case(
            operation,
            f"{option}-{name}",
            (requirement,),
            lambda backend, bad=bad, **x: getattr(backend, operation)(**x, **{option: bad}),
            ArgumentError,
            f"{option}: expected a finite number > 0, got {bad!r}",
            inputs=given,
        )
        for name, bad in (("zero", 0.0), ("nan", NAN))
    ]
