"""Inputs for `pad`."""

from __future__ import annotations

import math
from typing import Any

from nnspec.errors import ArgumentError
from nnspec_conformance.case import Case, cases, normal, values
from nnspec_conformance.cases.shape._common import refused

__all__ = ["CASES"]

_SIDES = ((1, 2), (3, 0))
_EDGE_VALUES = values([[[[math.nan, 1.0, -0.0, 1e-45], [-math.inf, 2.0, 3.0, math.inf], [4.0, 5.0, 6.0, 1e30]]]])
#: a gradient that sums is not equal to the bit
_VALUES = ("values", "shapes", "compiled", "purity", "repeat")
_MODES = {"constant": "PAD-1", "reflect": "PAD-2", "replicate": "PAD-3", "circular": "PAD-4"}


def _padding(mode: str, padding: Any, **more: Any) -> dict[str, Any]:
    return {"padding": padding, "mode": mode, **({"value": 0.3} if mode == "constant" else {}), **more}


def _channels_last_padded(backend: Any, x: Any) -> Any:
    """Of images stored with their channels last, padded between two axes that are not."""
    xp = backend.xp
    y = backend.pad(xp.permute_dims(x, (0, 3, 1, 2)), padding=_SIDES, mode="reflect")
    return xp.permute_dims(y, (0, 2, 3, 1))


CASES: list[Case] = [
    *cases(
        "pad",
        {
            mode: {
                "inputs": {"x": normal(2, 3, 4, 5)},
                "options": _padding(mode, _SIDES),
                "requires": (requirement, "PAD-5"),
            }
            for mode, requirement in _MODES.items()
        },
    ),
    *cases(
        "pad",
        {
            **{
                f"special-{mode}": {
                    "inputs": {"x": _EDGE_VALUES},
                    "options": _padding(mode, ((1, 2), (3, 0))),
                    "requires": (requirement,),
                    "checks": _VALUES,
                }
                for mode, requirement in _MODES.items()
            },
            **{
                f"farthest-{mode}": {
                    "inputs": {"x": normal(2, 3)},
                    "options": _padding(mode, (sides,)),
                    "requires": (requirement,),
                }
                for mode, requirement, sides in (
                    ("reflect", "PAD-2", (2, 2)),
                    ("circular", "PAD-4", (3, 3)),
                    ("replicate", "PAD-3", (7, 5)),
                    ("constant", "PAD-1", (7, 5)),
                )
            },
            **{
                f"leading-{mode}": {
                    "inputs": {"x": normal(3, 4, 5)},
                    "options": _padding(mode, ((1, 2), (0, 0), (2, 1))),
                    "requires": ("PAD-5", requirement),
                }
                for mode, requirement in _MODES.items()
            },
            "zeros": {
                "inputs": {"x": normal(2, 3, 4, 5)},
                "options": {"padding": ((2, 1),)},
                "requires": ("PAD-1", "PAD-5"),
                "level": "quick",
            },
            "integer": {
                "inputs": {"x": normal(2, 3, 4, 5)},
                "options": {"padding": 2, "mode": "replicate"},
                "requires": ("PAD-5",),
            },
            "integers": {
                "inputs": {"x": normal(2, 3, 4, 5)},
                "options": {"padding": (2, 1), "value": -1.5},
                "requires": ("PAD-5", "PAD-1"),
            },
            "volume": {
                "inputs": {"x": normal(2, 3, 2, 3, 4)},
                "options": {"padding": ((1, 0), (0, 2), (3, 1)), "mode": "reflect"},
                "requires": ("PAD-5", "PAD-2"),
            },
            "vector": {
                "inputs": {"x": normal(5)},
                "options": {"padding": ((2, 1),), "mode": "circular"},
                "requires": ("PAD-4",),
            },
            "nothing": {
                "inputs": {"x": normal(2, 3, 4)},
                "options": {"padding": 0, "mode": "reflect"},
                "requires": ("PAD-2",),
            },
            "one-entry": {
                "inputs": {"x": normal(2, 1)},
                "options": {"padding": ((2, 1),), "mode": "replicate"},
                "requires": ("PAD-3",),
            },
            "empty-axis": {
                "inputs": {"x": normal(2, 0, 3)},
                "options": {"padding": ((1, 1), (0, 2)), "value": 2.0},
                "requires": ("PAD-1",),
            },
            "empty-batch": {
                "inputs": {"x": normal(0, 3, 4)},
                "options": {"padding": ((2, 1),), "mode": "reflect"},
                "requires": ("PAD-2",),
            },
            "channels-last": {
                "inputs": {"x": normal(2, 4, 5, 3)},
                "requires": ("PAD-2", "PAD-5"),
                "program": _channels_last_padded,
            },
            "transposed": {
                "inputs": {"x": normal(2, 3, 4, 4).laid_out("transposed")},
                "options": {"padding": _SIDES, "value": 1.0},
                "requires": ("PAD-1",),
            },
            "strided": {
                "inputs": {"x": normal(2, 3, 4, 5).laid_out("strided")},
                "options": {"padding": _SIDES, "mode": "circular"},
                "requires": ("PAD-4",),
            },
        },
        level="full",
    ),
    *(
        refused("pad", name, number, error, words, normal(2, 3, 4), options)
        for name, number, error, words, options in (
            (
                "reflect",
                2,
                ArgumentError,
                "padding: expected at most 3 along axis 2 of size 4",
                {"padding": ((0, 4),), "mode": "reflect"},
            ),
            (
                "circular",
                4,
                ArgumentError,
                "padding: expected at most 4 along axis 2 of size 4",
                {"padding": ((5, 0),), "mode": "circular"},
            ),
            ("negative", 5, ArgumentError, "padding: expected an integer >= 0", {"padding": ((1, -1),)}),
            ("axes", 5, ArgumentError, "padding: expected 1 to 3 entries", {"padding": (1, 1, 1, 1)}),
            ("no-axes", 5, ArgumentError, "padding: expected 1 to 3 entries", {"padding": ()}),
            ("mode", 1, ArgumentError, "mode: expected one of 'constant', 'reflect'", {"padding": 1, "mode": "edge"}),
            ("value", 1, ArgumentError, "value: expected a finite number", {"padding": 1, "value": math.nan}),
            (
                "value-unused",
                2,
                ArgumentError,
                "value: expected 0 where the mode is 'reflect', got 1.0",
                {"padding": 1, "mode": "reflect", "value": 1.0},
            ),
        )
    ),
]
