"""Laws of recurrent networks."""

from __future__ import annotations

from nnspec_conformance.laws._batches import (
    CARRIED_ON,
    FUTURE,
    FUTURE_GRADIENT,
    GRADIENTS_ACCUMULATE,
    ROW_ALONE,
    ROW_GRADIENT,
)
from nnspec_conformance.laws._ignored import IGNORED_STEPS
from nnspec_conformance.laws._law import Applied, Flipped
from nnspec_conformance.laws._symmetries import REORDERED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]

_ROWS = {"x": 0, "state": 0, "lengths": 0, "masks": 0}
_TIME = {"x": 1}


def _laws(start: int, ends: int, alone: int, *, sampled: bool = False) -> tuple[Applied, ...]:
    """Of a network; the numbers are those of the requirements about states, lengths and rows."""
    return (
        ROW_ALONE("everything", alone, rows=_ROWS),
        ROW_GRADIENT("everything", alone, rows=_ROWS, of=("x",), part=0),
        GRADIENTS_ACCUMULATE("everything", rows=_ROWS, of=("params",), part=0),
        REORDERED("everything", alone, along=_ROWS, result=0),
        FUTURE("plain", over=_TIME, result=1, part=0, sampled=sampled),
        FUTURE_GRADIENT("plain", over=_TIME, result=1, part=0),
        FUTURE("layers", over=_TIME, result=1, part=0, named="layers"),
        CARRIED_ON("plain", start, over=_TIME, state="state"),
        CARRIED_ON("layers", start, over=_TIME, state="state", named="layers"),
        IGNORED_STEPS("plain", ends, over=_TIME, lengths="lengths", rows="x", outputs=1),
        IGNORED_STEPS("both-ways", ends, over=_TIME, lengths="lengths", rows="x", outputs=1, named="both-ways"),
    )


LAWS: dict[str, tuple[Applied, ...]] = {
    "rnn": _laws(5, 6, 10, sampled=True),
    "lstm": _laws(5, 6, 10),
    "gru": _laws(6, 7, 11),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "rnn": {
        "plain": {"nonlinearity": "relu"},
        "everything": {"state": None, "lengths": None, "rate": 0.6, "masks": Flipped(), "training": False},
        "key": {"key": Flipped(), "site": 0},
    },
    "lstm": {
        "everything": {"state": None, "lengths": None, "rate": 0.6, "masks": Flipped(), "training": False},
        "key": {"key": Flipped(), "site": 0},
    },
    "gru": {
        "everything": {"state": None, "lengths": None, "rate": 0.6, "masks": Flipped(), "training": False},
        "key": {"key": Flipped(), "site": 0},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {}
