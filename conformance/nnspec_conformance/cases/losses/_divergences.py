"""Inputs for the divergences."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError
from nnspec_conformance.case import cases, error_case, uniform, values
from nnspec_conformance.cases.losses._inputs import INF, NAN, NONE
from nnspec_conformance.cases.losses._rows import SHAPE, loss_cases

__all__ = ["CASES"]

_LOG_Q, _P = uniform(*SHAPE, low=-5.0, high=-0.1), uniform(*SHAPE, low=0.05, high=0.9)


def _call(backend: Any, **given: Any) -> Any:
    return backend.kl_divergence(**given)


CASES = [
    *cases(
        "kl_divergence",
        {
            "axis": {
                "inputs": {"log_q": uniform(2, 3, 4, low=-5.0), "p": uniform(2, 3, 4, low=0.05)},
                "options": {"axis": 1},
                "requires": ("KL_DIVERGENCE-1",),
            },
            "special-no-probability": {
                "inputs": {
                    "log_q": values([[-1.0, -INF, NAN], [-0.5, INF, -2.0], [-INF, -INF, 0.0]]),
                    "p": values([[1.0, 0.0, -0.0], [0.75, 0.0, 0.25], [0.0, 0.0, 1.0]]),
                },
                "options": NONE,
                "requires": ("KL_DIVERGENCE-2", "KL_DIVERGENCE-3"),
            },
            "special-small": {
                "inputs": {
                    "log_q": values([[-1.0, -80.0, -3.0], [-1e-3, -7.0, -90.0]]),
                    "p": values([[0.5, 1e-30, 1e-8], [1.0, 3e-4, 1e-20]]),
                },
                "options": NONE,
                "requires": ("KL_DIVERGENCE-3",),
            },
            "special-infinite": {
                "inputs": {
                    "log_q": values([[-INF, -1.0, -1.0], [-1.0, -1.0, -1.0], [-1.0, NAN, -1.0]]),
                    "p": values([[0.5, 0.5, 0.0], [NAN, 0.5, 0.5], [0.25, 0.5, 0.25]]),
                },
                "options": NONE,
                "requires": ("KL_DIVERGENCE-4",),
                "checks": ("values", "shapes"),
            },
        },
    ),
    *loss_cases("kl_divergence", {"log_q": _LOG_Q, "p": _P}, main="KL_DIVERGENCE-1", weight="KL_DIVERGENCE-5"),
    error_case(
        "kl_divergence",
        "negative",
        ("KL_DIVERGENCE-1",),
        _call,
        ArgumentError,
        "p: expected probabilities in [0, inf), got -0.5",
        inputs={"log_q": _LOG_Q, "p": values([[0.5, 0.5, 0.0], [-0.5, 1.0, 0.5]] + [[0.0, 0.0, 1.0]] * 3)},
    ),
    error_case(
        "kl_divergence",
        "axis",
        ("KL_DIVERGENCE-1",),
        lambda backend, **given: backend.kl_divergence(**given, axis=2),
        ArgumentError,
        "axis: expected an integer in [-2, 2), got 2",
        inputs={"log_q": _LOG_Q, "p": _P},
    ),
]
