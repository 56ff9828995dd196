"""Inputs for long short-term memory."""

from __future__ import annotations

from nnspec_conformance.case import Case, cases, normal
from nnspec_conformance.cases.recurrent._common import errors, shared
from nnspec_conformance.cases.recurrent._networks import BATCH, FEATURES, TIME, Net, ran

__all__ = ["CASES"]

_NET = Net("lstm")
_X = {"x": normal(BATCH, TIME, FEATURES)}

_CELL = cases(
    "lstm",
    {
        "plain": {
            **ran(_NET),
            "inputs": {**_X, "theta": _NET.theta()},
            "requires": ("LSTM-1",),
        },
        # biases of i, f, g, o: sigmoid(-200) is 0 to float32 and no more than 1e-86 to float64
        "shut": {
            **ran(_NET),
            "inputs": {**_X, "theta": _NET.theta(std=0.5, bias=(-200.0, 200.0, 0.3, 0.5)), "start": _NET.start()},
            "requires": ("LSTM-2",),
        },
        "shut-long": {
            **ran(_NET),
            "inputs": {
                "x": normal(BATCH, 12, FEATURES),
                "theta": _NET.theta(std=0.5, bias=(-200.0, 200.0, 0.3, 0.5)),
                "start": _NET.start(),
            },
            "requires": ("LSTM-2",),
            "level": "full",
        },
        "open": {
            **ran(_NET),
            "inputs": {**_X, "theta": _NET.theta(std=0.5, bias=(200.0, -200.0, 0.3, 0.5)), "start": _NET.start()},
            "requires": ("LSTM-2", "LSTM-1"),
            "level": "full",
        },
        "wide": {
            **ran(_NET),
            "inputs": {"x": normal(BATCH, TIME, FEATURES, std=30.0), "theta": _NET.theta()},
            "requires": ("LSTM-1",),
            "level": "full",
        },
    },
)

CASES: list[Case] = [_CELL[0], *shared("lstm", 3), *_CELL[1:], *errors("lstm", 3, "4 * hidden")]
