"""Inputs for softmax and its logarithm."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError
from nnspec_conformance.case import Case, cases, error_case, normal, regimes, values
from nnspec_conformance.cases.activations._elementwise import FORWARD, INF, NAN, SHAPE, repeated

__all__ = ["CASES"]

_ROWS: dict[str, dict[str, Any]] = {
    "axis-0": {"inputs": {"x": normal(17, 3)}, "options": {"axis": 0}},
    "axis-middle": {"inputs": {"x": normal(2, 7, 3)}, "options": {"axis": 1}},
    "one-class": {"inputs": {"x": normal(5, 1)}, "level": "full"},
    "long": {"inputs": {"x": normal(2, 1025)}, "level": "full"},
    "shifted": {"inputs": {"x": normal(*SHAPE, mean=1e4)}},
    "far-apart": {"inputs": {"x": normal(*SHAPE, std=1e3)}},
    "ties": {"inputs": {"x": repeated([2.0, 2.0, 1.0, 0.0])}},
    "strided": {"inputs": {"x": normal(*SHAPE).laid_out("strided")}},
    "transposed": {"inputs": {"x": normal(*SHAPE).laid_out("transposed")}},
    "vector": {"inputs": {"x": normal(9)}, "level": "full"},
}


def _normalized(operation: str, shift: str, gradient: str) -> list[Case]:
    found = regimes(operation, (shift, gradient))
    found += cases(operation, _ROWS, requires=(shift, gradient))
    for name, axis in (("axis", 2), ("axis-type", 0.0)):
        found.append(
            error_case(
                operation,
                name,
                (shift,),
                lambda backend, x, axis=axis: getattr(backend, operation)(x, axis=axis),
                ArgumentError,
                f"axis: expected an integer in [-2, 2), got {axis!r}",
                inputs={"x": normal(2, 3)},
            )
        )
    return found


CASES = [
    *_normalized("softmax", "SOFTMAX-1", "SOFTMAX-2"),
    *_normalized("log_softmax", "LOG_SOFTMAX-1", "LOG_SOFTMAX-2"),
    Case(
        operation="softmax",
        name="gradient",
        requires=("SOFTMAX-2",),
        inputs={"x": normal(*SHAPE, std=3.0)},
    ),
    Case(
        operation="softmax",
        name="special",
        requires=("SOFTMAX-3",),
        inputs={"x": values([[-INF] * 33, [-INF] + [0.0] * 32, [NAN] + [1.0] * 32, *[[0.5] * 33] * 4])},
        checks=FORWARD,
    ),
]
