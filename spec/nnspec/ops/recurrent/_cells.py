"""What one step of each recurrence computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from nnspec.operation import Array

__all__ = ["GRU", "LSTM", "RNN", "Cell", "State", "Weights"]

#: of one layer in one direction, by name
Weights: TypeAlias = Mapping[str, Array]
State: TypeAlias = Mapping[str, Array]


@dataclass(frozen=True)
class Cell:
    """A recurrence: the names and sizes of its arrays, and one step."""

    name: str
    #: rows of the weights and biases, in multiples of the number of hidden units
    gates: int
    biases: tuple[str, ...]
    states: tuple[str, ...]
    #: of (backend, W x_t + b, weights, state before), the state after
    step: Callable[[Any, Array, Weights, State], dict[str, Array]]


def _rnn(nonlinearity: str) -> Cell:
    def step(backend: Any, projected: Array, weights: Weights, state: State) -> dict[str, Array]:
        recurrent = backend.linear(state["hidden"], weights["recurrent_weight"])
        return {"hidden": getattr(backend, nonlinearity)(projected + recurrent)}

    return Cell(f"rnn_{nonlinearity}", 1, ("bias",), ("hidden",), step)


def _gate(rows: Array, number: int, hidden: int) -> Array:
    return rows[:, number * hidden : (number + 1) * hidden]


def _lstm(backend: Any, projected: Array, weights: Weights, state: State) -> dict[str, Array]:
    hidden = state["hidden"].shape[1]
    rows = projected + backend.linear(state["hidden"], weights["recurrent_weight"])
    i, f, o = (backend.sigmoid(_gate(rows, number, hidden)) for number in (0, 1, 3))
    cell = f * state["cell"] + i * backend.tanh(_gate(rows, 2, hidden))
    return {"hidden": o * backend.tanh(cell), "cell": cell}


def _gru(backend: Any, projected: Array, weights: Weights, state: State) -> dict[str, Array]:
    before = state["hidden"]
    hidden = before.shape[1]
    recurrent = backend.linear(before, weights["recurrent_weight"], weights["recurrent_bias"])
    r, z = (backend.sigmoid(_gate(projected, n, hidden) + _gate(recurrent, n, hidden)) for n in (0, 1))
    new = backend.tanh(_gate(projected, 2, hidden) + r * _gate(recurrent, 2, hidden))
    return {"hidden": (1.0 - z) * new + z * before}


#: by nonlinearity
RNN: Mapping[str, Cell] = {name: _rnn(name) for name in ("tanh", "relu")}
LSTM = Cell("lstm", 4, ("bias",), ("hidden", "cell"), _lstm)
GRU = Cell("gru", 3, ("bias", "recurrent_bias"), ("hidden",), _gru)
