"""Native recurrent networks: one product for all inputs of a layer, and a backward pass through time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnspec.operation import Array
from nnspec.ops.recurrent import Cell, Layer, both_ways
from nnspec.tape import kernel
from nnspec.tape import namespace as xp
from nnspec_backends._recurrent import NativeRecurrent
from nnspec_backends.numpy.activations import sigmoid

__all__ = ["NumpyRecurrent"]


class _Steps:
    """The steps of one direction, in both passes; arrays are `(time, batch, ...)`.

    `rows` holds W x + b of every step, and the gates once a step is done; `grads` takes their cotangents, and
    `recurrent_grads` those of R h. `before` are the states that each step starts from.
    """

    def __init__(self, rows: Any, weight: Any, biases: Sequence[Any], before: Sequence[Any]) -> None:
        self.rows, self.weight, self.biases, self.before = rows, weight, biases, before
        self.size = before[0].shape[-1]

    def start_backward(self) -> None:
        self.grads = self.recurrent_grads = np.empty_like(self.rows)

    def gates(self, rows: Any) -> list[Any]:
        """Views of the gates in `rows`."""
        return [rows[..., start : start + self.size] for start in range(0, rows.shape[-1], self.size)]

    def recurrent(self, t: int) -> Any:
        return self.before[0][t] @ self.weight.T

    def forward(self, t: int) -> list[Any]:
        """The states after step t."""
        raise NotImplementedError

    def backward(self, t: int, grads: list[Any]) -> list[Any]:
        """From the cotangents of the states after step t to those of the states before it, but for R h."""
        raise NotImplementedError


class _Tanh(_Steps):
    def forward(self, t: int) -> list[Any]:
        h = self.rows[t]
        h += self.recurrent(t)
        return [np.tanh(h, out=h)]

    def backward(self, t: int, grads: list[Any]) -> list[Any]:
        h = self.rows[t]
        np.multiply(grads[0], 1 - h * h, out=self.grads[t])
        return [np.zeros_like(grads[0])]


class _Relu(_Steps):
    def forward(self, t: int) -> list[Any]:
        h = self.rows[t]
        h += self.recurrent(t)
        h[h <= 0] = 0
        return [h]

    def backward(self, t: int, grads: list[Any]) -> list[Any]:
        self.grads[t] = np.where(self.rows[t] == 0, 0, grads[0])
        return [np.zeros_like(grads[0])]


class _Lstm(_Steps):
    def __init__(self, rows: Any, weight: Any, biases: Sequence[Any], before: Sequence[Any]) -> None:
        super().__init__(rows, weight, biases, before)
        self.squashed = np.empty_like(before[1])

    def forward(self, t: int) -> list[Any]:
        rows, size = self.rows[t], self.size
        rows += self.recurrent(t)
        rows[:, : 2 * size] = sigmoid(rows[:, : 2 * size])
        rows[:, 3 * size :] = sigmoid(rows[:, 3 * size :])
        i, f, g, o = self.gates(rows)
        np.tanh(g, out=g)
        cell = f * self.before[1][t] + i * g
        np.tanh(cell, out=self.squashed[t])
        return [o * self.squashed[t], cell]

    def backward(self, t: int, grads: list[Any]) -> list[Any]:
        i, f, g, o = self.gates(self.rows[t])
        di, df, dg, do = self.gates(self.grads[t])
        squashed = self.squashed[t]
        cell = grads[1] + grads[0] * o * (1 - squashed * squashed)
        np.multiply(cell * g, i * (1 - i), out=di)
        np.multiply(cell * self.before[1][t], f * (1 - f), out=df)
        np.multiply(cell * i, 1 - g * g, out=dg)
        np.multiply(grads[0] * squashed, o * (1 - o), out=do)
        return [np.zeros_like(grads[0]), cell * f]


class _Gru(_Steps):
    def __init__(self, rows: Any, weight: Any, biases: Sequence[Any], before: Sequence[Any]) -> None:
        super().__init__(rows, weight, biases, before)
        self.reset = np.empty_like(before[0])  # what the reset gate multiplies

    def start_backward(self) -> None:
        self.grads = np.empty_like(self.rows)
        self.recurrent_grads = np.empty_like(self.rows)

    def forward(self, t: int) -> list[Any]:
        size, before = self.size, self.before[0][t]
        rows = self.rows[t]
        recurrent = self.recurrent(t)
        recurrent += self.biases[1]
        rows[:, : 2 * size] = sigmoid(rows[:, : 2 * size] + recurrent[:, : 2 * size])
        self.reset[t] = recurrent[:, 2 * size :]
        r, z, n = self.gates(rows)
        n += r * self.reset[t]
        np.tanh(n, out=n)
        return [(1 - z) * n + z * before]

    def backward(self, t: int, grads: list[Any]) -> list[Any]:
        size, before, h = self.size, self.before[0][t], grads[0]
        r, z, n = self.gates(self.rows[t])
        dr, dz, dn = self.gates(self.grads[t])
        np.multiply(h * (1 - z), 1 - n * n, out=dn)
        np.multiply(h * (before - n), z * (1 - z), out=dz)
        np.multiply(dn * self.reset[t], r * (1 - r), out=dr)
        self.recurrent_grads[t, :, : 2 * size] = self.grads[t, :, : 2 * size]
        np.multiply(dn, r, out=self.recurrent_grads[t, :, 2 * size :])
        return [h * z]


_STEPS: Mapping[str, type[_Steps]] = {"rnn_tanh": _Tanh, "rnn_relu": _Relu, "lstm": _Lstm, "gru": _Gru}


def _forward(
    x: Any, weight: Any, recurrent_weight: Any, *more: Any, cell: Cell, present: Any, backward: bool
) -> tuple[Any, Any]:
    """One direction of a layer: outputs, then the states at the end, as entries of one array over time."""
    biases, start = more[: len(cell.biases)], more[len(cell.biases) :]
    batch, time, features = x.shape
    inputs = np.ascontiguousarray(x.transpose(1, 0, 2)).reshape(time * batch, features)
    rows = inputs @ weight.T
    rows += biases[0]
    before = [np.empty((time, *state.shape), x.dtype) for state in start]
    steps = _STEPS[cell.name](rows.reshape(time, batch, weight.shape[0]), recurrent_weight, biases, before)
    block = np.empty((time + len(start), *start[0].shape), x.dtype)
    order = range(time)[::-1] if backward else range(time)
    here = None if present is None else present.T[..., None]
    states = list(start)
    for t in order:
        for at, state in zip(before, states, strict=True):
            at[t] = state
        after = steps.forward(t)
        if here is None:
            block[t], states = after[0], after
        else:
            block[t] = np.where(here[t], after[0], 0)
            states = [np.where(here[t], new, old) for new, old in zip(after, states, strict=True)]
    for number, state in enumerate(states):
        block[time + number] = state
    return block, (inputs, weight, steps, order, here)


def _backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    inputs, weight, steps, order, here = saved
    time, batch, width = steps.rows.shape
    steps.start_backward()
    states = [g[time + number] for number in range(len(steps.before))]
    for t in reversed(order):
        arriving = list(states)
        if here is not None:
            arriving = [np.where(here[t], state, 0) for state in states]
            arriving[0] = arriving[0] + np.where(here[t], g[t], 0)
        else:
            arriving[0] = arriving[0] + g[t]
        leaving = steps.backward(t, arriving)
        leaving[0] += steps.recurrent_grads[t] @ steps.weight
        if here is not None:
            leaving = [np.where(here[t], new, old) for new, old in zip(leaving, states, strict=True)]
        states = leaving
    grads = steps.grads.reshape(time * batch, width)
    recurrent_grads = steps.recurrent_grads.reshape(time * batch, width)
    before = steps.before[0].reshape(time * batch, steps.size)
    of_biases = [np.add.reduce(rows, axis=0) for rows in (grads, recurrent_grads)[: len(steps.biases)]]
    return [
        (grads @ weight).reshape(time, batch, weight.shape[1]).transpose(1, 0, 2) if needed[0] else None,
        grads.T @ inputs if needed[1] else None,
        recurrent_grads.T @ before if needed[2] else None,
        *of_biases,
        *states,
    ]


direction = kernel(_forward, _backward)


class NumpyRecurrent(NativeRecurrent):
    """What a step leaves for its derivative are its gates, in place of the chain of the definition."""

    def _native_layer(self, cell: Cell, x: Array, lengths: Array | None) -> Layer:
        def run(
            x: Array, weights: Mapping[str, Any], state: Mapping[str, Any], present: Array | None, backward: bool
        ) -> tuple[Array, dict[str, Any]]:
            arrays = [weights[name] for name in ("weight", "recurrent_weight", *cell.biases)]
            start = [state[name] for name in cell.states]
            block = direction(x, *arrays, *start, cell=cell, present=present, backward=backward)
            time = x.shape[1]
            end = {name: block[time + number] for number, name in enumerate(cell.states)}
            return xp.permute_dims(block[:time], (1, 0, 2)), end

        return both_ways(self, run)
