"""What every loss of pairs of arrays is tried on: reductions, weights, laws of batches, and refusals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, Source, cases, error_case, integers, uniform, values
from nnspec_conformance.cases.losses._inputs import NONE, SUM

__all__ = ["SHAPE", "loss_cases", "with_absent_rows"]

#: of every input here: five samples, or rows of samples
SHAPE = (5, 3)
#: their weights; those of weight 0 hold nothing that is a number
_WEIGHTS = np.array([0.5, 0.0, 2.0, 0.0, 1.5])
_KEPT = (0, 2, 4)


def with_absent_rows(source: Source) -> Source:
    """The same numbers, but NaN and infinities in the samples that weigh nothing."""

    def made(generator: np.random.Generator) -> Any:
        array = source.make(generator)
        array[1], array[3] = math.nan, [math.inf, -math.inf, math.nan]
        return array

    return Source(made, floating=True)


def _weights(samples: tuple[int, ...], numbers: Any = _WEIGHTS) -> Source:
    """One weight a row, whatever has to be the shape."""
    return values(np.broadcast_to(np.reshape(numbers, (-1, *(1,) * (len(samples) - 1))), samples))


def _laws(operation: str, options: Mapping[str, Any], splits: bool) -> Any:
    """A program: a weighted mean with absent samples and without them; a batch as a whole and in two parts."""

    def program(backend: Any, sample_weight: Any, **arrays: Any) -> Any:
        loss = getattr(backend, operation)
        xp = backend.xp

        def rows(x: Any) -> Any:
            return xp.concat([x[i : i + 1] for i in _KEPT], axis=0)

        kept = {name: rows(x) for name, x in arrays.items()}
        found = [
            loss(**arrays, sample_weight=sample_weight, **options),
            loss(**kept, sample_weight=rows(sample_weight), **options),
        ]
        if splits:
            parts = [{name: x[start:end] for name, x in arrays.items()} for start, end in ((0, 2), (2, 5))]
            first, rest = (loss(**part, reduction="sum", **options) for part in parts)
            found += [loss(**arrays, reduction="sum", **options), first + rest]
        return found

    return program


def loss_cases(
    operation: str,
    inputs: Mapping[str, Source],
    *,
    main: str,
    weight: str,
    samples: tuple[int, ...] = SHAPE[:1],
    options: Mapping[str, Any] | None = None,
    differentiate: tuple[str, ...] | None = None,
    splits: bool = True,
) -> list[Case]:
    """Cases of one loss.

    Args:
        operation: its name.
        inputs: by argument, all of SHAPE.
        main: the requirement about its value.
        weight: the requirement about weights.
        samples: the shape of its losses.
        options: what it needs besides.
        differentiate: names of inputs, None for all.
        splits: whether its sum over a batch is the sum over parts of it.
    """
    given = dict(options or {})
    names = tuple(inputs) if differentiate is None else differentiate
    holes = {name: with_absent_rows(source) for name, source in inputs.items()}
    empty = {name: uniform(0, *SHAPE[1:]) for name in inputs}
    return [
        *cases(
            operation,
            {
                "rows": {"inputs": inputs, "options": {**given, **NONE}},
                "mean": {"inputs": inputs, "options": given},
                "sum": {"inputs": inputs, "options": {**given, **SUM}, "level": "full"},
                "layouts": {
                    "inputs": {
                        name: source.laid_out("strided" if i else "transposed")
                        for i, (name, source) in enumerate(inputs.items())
                    },
                    "options": given,
                    "level": "full",
                },
                "empty-sum": {"inputs": empty, "options": {**given, **SUM}, "level": "full"},
                "empty-none": {"inputs": empty, "options": {**given, **NONE}, "level": "full"},
            },
            requires=(main,),
            differentiate=differentiate,
        ),
        *cases(
            operation,
            {
                "weighted-special": {"inputs": {**holes, "sample_weight": _weights(samples)}, "options": given},
                "weighted-special-none": {
                    "inputs": {**holes, "sample_weight": _weights(samples)},
                    "options": {**given, **NONE},
                    "level": "full",
                },
                "weighted-nothing-special": {
                    "inputs": {**holes, "sample_weight": _weights(samples, [0.0] * 5)},
                    "options": given,
                    "level": "full",
                },
                "laws": {
                    "inputs": {**inputs, "sample_weight": _weights(samples)},
                    "program": _laws(operation, given, splits),
                },
            },
            requires=(weight, main),
            differentiate=names,
        ),
        *_refusals(operation, inputs, main, weight, samples, given),
    ]


def _refusals(
    operation: str,
    inputs: Mapping[str, Source],
    main: str,
    weight: str,
    samples: tuple[int, ...],
    options: Mapping[str, Any],
) -> list[Case]:
    first, *others = inputs
    last = others[-1]

    def refused(name: str, requirement: str, error: Any, words: str, changed: Any, **more: Any) -> Case:
        return error_case(
            operation,
            name,
            (requirement,),
            lambda backend, **given: getattr(backend, operation)(**given, **{**options, **more}),
            error,
            words,
            inputs={**inputs, **changed},
        )

    return [
        refused(
            "shape", main, ShapeError, f"{last}: expected shape (5, 3) (that of {first}), got (5,)", {last: uniform(5)}
        ),
        refused("integer", main, DTypeError, f"{first}: expected a floating array", {first: integers(*SHAPE, high=2)}),
        refused(
            "integer-other", main, DTypeError, f"{last}: expected a floating array", {last: integers(*SHAPE, high=2)}
        ),
        refused("reduction", main, ArgumentError, "reduction: expected one of", {}, reduction="average"),
        refused(
            "empty-mean",
            main,
            ArgumentError,
            "reduction: expected 'sum' or 'none' for no samples",
            {name: uniform(0, 3) for name in inputs},
        ),
        refused(
            "weight-shape",
            weight,
            ShapeError,
            f"sample_weight: expected shape ({', '.join(map(str, samples))}{',' if len(samples) == 1 else ''})",
            {"sample_weight": uniform(4)},
        ),
        refused(
            "weight-negative",
            weight,
            ArgumentError,
            "sample_weight: expected weights in [0, inf), got -1",
            {"sample_weight": _weights(samples, [1.0, 0.0, -1.0, 2.0, 1.0])},
        ),
    ]
