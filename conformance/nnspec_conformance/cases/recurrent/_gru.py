"""Inputs for the gated recurrent unit."""

from __future__ import annotations

from nnspec_conformance.case import Case, cases, normal
from nnspec_conformance.cases.recurrent._common import errors, shared
from nnspec_conformance.cases.recurrent._networks import BATCH, FEATURES, TIME, Net, ran

__all__ = ["CASES"]

_NET = Net("gru")
_X = {"x": normal(BATCH, TIME, FEATURES)}
_HALF = (0.2, 0.0, 0.1)

_CELL = cases(
    "gru",
    {
        "plain": {
            **ran(_NET),
            "inputs": {**_X, "theta": _NET.theta()},
            "requires": ("GRU-1", "GRU-2"),
        },
        # the bias of the recurrent product alone shows whether the reset gate multiplies it
        "reset": {
            **ran(_NET),
            "inputs": {**_X, "theta": _NET.theta(std=0.3, bias=(-1.0, 0.5, 0.1), recurrent_bias=(0.0, 0.2, 2.0))},
            "requires": ("GRU-2",),
            "dtypes": ("float32",),
        },
        "carried": {
            **ran(_NET),
            "inputs": {
                **_X,
                "theta": _NET.theta(std=0.5, bias=(0.1, 200.0, 0.3), recurrent_bias=_HALF),
                "start": _NET.start(),
            },
            "requires": ("GRU-3",),
            "dtypes": ("float32",),
        },
        "replaced": {
            **ran(_NET),
            "inputs": {
                **_X,
                "theta": _NET.theta(std=0.5, bias=(0.1, -200.0, 0.3), recurrent_bias=_HALF),
                "start": _NET.start(),
            },
            "requires": ("GRU-3",),
            "level": "full",
        },
        "wide": {
            **ran(_NET),
            "inputs": {"x": normal(BATCH, TIME, FEATURES, std=30.0), "theta": _NET.theta()},
            "requires": ("GRU-1",),
            "level": "full",
        },
    },
)

CASES: list[Case] = [_CELL[0], *shared("gru", 4), *_CELL[1:], *errors("gru", 4, "3 * hidden")]
