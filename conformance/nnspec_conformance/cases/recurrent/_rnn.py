"""Inputs for the plain recurrent network."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError
from nnspec_conformance.case import Case, cases, error_case, normal
from nnspec_conformance.cases._one_by_one import one_by_one
from nnspec_conformance.cases.recurrent._common import errors, lengths, shared
from nnspec_conformance.cases.recurrent._networks import BATCH, FEATURES, TIME, Net, ran

__all__ = ["CASES"]

_NET, _DEEP = Net("rnn"), Net("rnn", (5, 2), both=True)


_CELL = cases(
    "rnn",
    {
        "plain": {
            **ran(_NET),
            "inputs": {"x": normal(BATCH, TIME, FEATURES), "theta": _NET.theta()},
            "requires": ("RNN-1", "RNN-2"),
        },
        "relu": {
            **ran(_NET, nonlinearity="relu"),
            "inputs": {"x": normal(BATCH, TIME, FEATURES, mean=0.5), "theta": _NET.theta()},
            "requires": ("RNN-2", "RNN-1"),
        },
        "relu-lengths": {
            **ran(_DEEP, nonlinearity="relu"),
            "inputs": {
                "x": normal(BATCH, TIME, FEATURES),
                "theta": _DEEP.theta(),
                "start": _DEEP.start(),
                "lengths": lengths(2, 3, 1, 3),
            },
            "requires": ("RNN-2", "RNN-6"),
            "level": "full",
        },
        "wide": {
            **ran(_NET),
            "inputs": {"x": normal(BATCH, TIME, FEATURES, std=30.0), "theta": _NET.theta()},
            "requires": ("RNN-1",),
            "level": "full",
        },
    },
)

_NONLINEARITY = error_case(
    "rnn",
    "nonlinearity",
    ("RNN-2",),
    lambda backend, x, theta: backend.rnn(x, _NET.params(backend, theta), nonlinearity="sigmoid"),
    ArgumentError,
    "nonlinearity: expected one of 'tanh', 'relu', got 'sigmoid'",
    inputs={"x": normal(BATCH, TIME, FEATURES), "theta": _NET.theta()},
)


def _run(backend: Any, x: Any, hidden: Any, **layer: Any) -> Any:
    return backend.rnn(x, [layer], [{"hidden": hidden}])[0]


_ONE_BY_ONE = one_by_one(
    "rnn",
    ("RNN-1",),
    {
        "x": normal(2, 3, FEATURES),
        "weight": normal(4, FEATURES),
        "recurrent_weight": normal(4, 4),
        "bias": normal(4),
        "hidden": normal(2, 4),
    },
    _run,
)

CASES: list[Case] = [_CELL[0], *shared("rnn", 3), *_CELL[1:], _ONE_BY_ONE, *errors("rnn", 3, "hidden"), _NONLINEARITY]
