"""Steps in a direction, directions in a layer, layers in a stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from nnspec.operation import Array, Family
from nnspec.ops.recurrent._cells import Cell, State, Weights

__all__ = ["WAYS", "Between", "Layer", "Layers", "Stack", "States", "both_ways"]

#: the directions of a bidirectional layer, in the order of their outputs
WAYS = ("forward", "backward")
#: params and states: an entry a layer, by name, or by direction and name
Layers: TypeAlias = Sequence[Mapping[str, Any]]
States: TypeAlias = list[dict[str, Any]]
#: one layer in one direction, of (x, weights, state, present, backward), or in all its directions, of (x, weights,
#: state, present): outputs `(batch, time, ...)` and the state at the end. `present` is `(batch, time)`, True where
#: there is a step, or None for everywhere
Direction: TypeAlias = Callable[[Array, Weights, State, Array | None, bool], tuple[Array, dict[str, Any]]]
Layer: TypeAlias = Callable[[Array, Mapping[str, Any], Mapping[str, Any], Array | None], tuple[Array, dict[str, Any]]]


class Between(NamedTuple):
    """The dropout between layers."""

    rate: float
    key: Array | None
    masks: Sequence[Array] | None
    site: int
    training: bool


def both_ways(backend: Family, direction: Direction) -> Layer:
    """A layer out of what does one direction of it."""

    def layer(
        x: Array, weights: Mapping[str, Any], state: Mapping[str, Any], present: Array | None
    ) -> tuple[Array, dict[str, Any]]:
        if "forward" not in weights:
            return direction(x, weights, state, present, False)
        done = [direction(x, weights[way], state[way], present, way == "backward") for way in WAYS]
        outputs = backend.xp.concat([outputs for outputs, _ in done], axis=-1)
        return outputs, {way: end for way, (_, end) in zip(WAYS, done, strict=True)}

    return layer


class Stack(Family):
    """What the recurrent networks share; the steps of a layer are a loop in Python."""

    linear: Callable[..., Array]
    dropout: Callable[..., Array]

    def _stacked(
        self,
        cell: Cell,
        layer: Layer,
        x: Array,
        params: Layers,
        state: Layers | None,
        lengths: Array | None,
        between: Between,
    ) -> tuple[Array, States]:
        """The layers of `params`, one after another; `layer` does one of them."""
        xp = self.xp
        present = None
        if lengths is not None:
            steps = xp.arange(x.shape[1], dtype=lengths.dtype, **self.placement(x))
            present = steps < xp.expand_dims(lengths, axis=-1)
            # what stands beyond the end must not meet a derivative of 0 later on: it may be infinite or NaN
            x = xp.where(xp.expand_dims(present, axis=-1), x, 0.0)
        rate, key, masks, site, training = between
        ends: States = []
        for number, weights in enumerate(params):
            if number > 0 and training and rate > 0:
                mask = None if masks is None else masks[number - 1]
                x = self.dropout(x, rate=rate, key=key, mask=mask, site=site + number - 1)
            start = self._zeros(cell, x, weights) if state is None else state[number]
            x, end = layer(x, weights, start, present)
            ends.append(end)
        return x, ends

    def _zeros(self, cell: Cell, x: Array, weights: Mapping[str, Any]) -> dict[str, Any]:
        if "forward" in weights:
            return {way: self._zeros(cell, x, weights[way]) for way in WAYS}
        shape = x.shape[0], weights["recurrent_weight"].shape[1]
        return {name: self.xp.zeros(shape, dtype=x.dtype, **self.placement(x)) for name in cell.states}

    def _unrolled(self, cell: Cell) -> Layer:
        """The layer whose steps are taken one by one."""
        xp = self.xp

        def direction(
            x: Array, weights: Weights, state: State, present: Array | None, backward: bool
        ) -> tuple[Array, dict[str, Any]]:
            batch, time = x.shape[:2]
            if time == 0:
                hidden = state["hidden"].shape[1]
                return xp.zeros((batch, 0, hidden), dtype=x.dtype, **self.placement(x)), dict(state)
            projected = self.linear(x, weights["weight"], weights["bias"])
            outputs = [None] * time
            for t in reversed(range(time)) if backward else range(time):
                after = cell.step(self, projected[:, t, :], weights, state)
                outputs[t] = after["hidden"]
                if present is not None:
                    here = xp.expand_dims(present[:, t], axis=-1)
                    outputs[t] = xp.where(here, after["hidden"], 0.0)
                    # before its own end, a sequence that is read backward keeps the state it starts from
                    after = {name: xp.where(here, after[name], state[name]) for name in cell.states}
                state = after
            return xp.stack(outputs, axis=1), dict(state)

        return both_ways(self, direction)
