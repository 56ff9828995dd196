"""Inputs for the activations that saturate."""

from __future__ import annotations

from nnspec_conformance.case import Case, normal
from nnspec_conformance.cases.activations._elementwise import NAN, SHAPE, elementwise

__all__ = ["CASES"]

CASES = [
    *elementwise("sigmoid", "SIGMOID-1", kink=("SIGMOID-2",), special=("SIGMOID-1",), scalar="quick"),
    *elementwise("log_sigmoid", "LOG_SIGMOID-1", kink=("LOG_SIGMOID-2",), special=("LOG_SIGMOID-3",)),
    *elementwise("tanh", "TANH-1", kink=("TANH-1",), special=("TANH-1",), scalar="quick"),
    *elementwise("tanhshrink", "TANHSHRINK-1", kink=("TANHSHRINK-2",), special=("TANHSHRINK-3",)),
    Case(
        operation="tanhshrink",
        name="cancelling",
        requires=("TANHSHRINK-2",),
        inputs={"x": normal(*SHAPE, std=0.1)},
    ),
    *elementwise(
        "softsign",
        "SOFTSIGN-1",
        kink=("SOFTSIGN-2",),
        special=("SOFTSIGN-3",),
        specials=[NAN, 0.0, -0.0, 1.0, -1e30, 1e30],
    ),
]
