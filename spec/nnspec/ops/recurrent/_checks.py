"""What every recurrent network asks of its arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnspec import _validate as check
from nnspec.errors import ArgumentError
from nnspec.operation import Array, Family
from nnspec.ops.recurrent._cells import Cell
from nnspec.ops.recurrent._stack import WAYS, Between, Layers

__all__ = ["network"]


def network(
    self: Family,
    cell: Cell,
    x: Array,
    params: Layers,
    state: Layers | None,
    lengths: Array | None,
    between: Between,
) -> None:
    """Sequences, layers that fit each other, states, lengths, and the dropout between layers."""
    check.floating(self, "x", x)
    check.shape("x", x, ("batch", "time", "features"))
    widths = _params(self, cell, x, params)
    if state is not None:
        _state(self, cell, x, params, state)
    if lengths is not None:
        check.integer(self, "lengths", lengths)
        check.shape("lengths", lengths, (x.shape[0],), "(the first axis of x)")
        check.values_within(self, "lengths", lengths, 0, x.shape[1], what="numbers of steps")
    _between(self, tuple(x.shape[:2]), widths[:-1], between)


def _list(name: str, value: Any, length: int | None, what: str) -> None:
    right = isinstance(value, (list, tuple)) and (len(value) >= 1 if length is None else len(value) == length)
    if not right:
        got = f"{type(value).__name__} of {len(value)}" if isinstance(value, (list, tuple)) else type(value).__name__
        raise ArgumentError(f"{name}: expected a list of {what}, got {got}")


def _entries(name: str, value: Any, names: Sequence[str]) -> None:
    if not isinstance(value, Mapping) or set(value) != set(names):
        got = f"the entries {', '.join(map(str, value))}" if isinstance(value, Mapping) else type(value).__name__
        raise ArgumentError(f"{name}: expected a dict with the entries {', '.join(names)}, got {got}")


def _both(layer: Any) -> bool:
    return isinstance(layer, Mapping) and any(way in layer for way in WAYS)


def _params(self: Family, cell: Cell, x: Array, params: Layers) -> list[int]:
    """The layers fit each other; returns the number of features each puts out."""
    _list("params", params, None, "layers, at least one")
    both = _both(params[0])
    widths = [int(x.shape[-1])]
    for number, layer in enumerate(params):
        name, source = f"params[{number}]", "the last axis of x" if number == 0 else "the outputs of the layer before"
        if both:
            _entries(name, layer, WAYS)
            sizes = {_weights(self, cell, x, f"{name}[{way!r}]", layer[way], widths[-1], source) for way in WAYS}
            if len(sizes) > 1:
                raise ArgumentError(f"{name}: expected as many hidden units in both directions, got {sorted(sizes)}")
            widths.append(2 * sizes.pop())
        else:
            widths.append(_weights(self, cell, x, name, layer, widths[-1], source))
    return widths[1:]


def _weights(self: Family, cell: Cell, x: Array, name: str, weights: Any, features: int, source: str) -> int:
    """The arrays of one direction fit; returns its number of hidden units."""
    _entries(name, weights, ("weight", "recurrent_weight", *cell.biases))
    for entry, array in weights.items():
        check.same_dtype(self, f"{name}[{entry!r}]", array, "x", x)
    rows = "hidden" if cell.gates == 1 else f"{cell.gates} * hidden"
    where = f"{name}['recurrent_weight']"
    check.shape(where, weights["recurrent_weight"], (rows, "hidden"))
    hidden = int(weights["recurrent_weight"].shape[1])
    check.shape(where, weights["recurrent_weight"], (cell.gates * hidden, hidden), f"({rows}, hidden)")
    why = f"({rows}, {source})"
    check.shape(f"{name}['weight']", weights["weight"], (cell.gates * hidden, features), why)
    for bias in cell.biases:
        check.shape(f"{name}[{bias!r}]", weights[bias], (cell.gates * hidden,), f"({rows})")
    return hidden


def _state(self: Family, cell: Cell, x: Array, params: Layers, state: Any) -> None:
    _list("state", state, len(params), f"{len(params)}, one a layer")
    for number, (layer, given) in enumerate(zip(params, state, strict=True)):
        name = f"state[{number}]"
        pairs = [(name, layer, given)]
        if _both(layer):
            _entries(name, given, WAYS)
            pairs = [(f"{name}[{way!r}]", layer[way], given[way]) for way in WAYS]
        for where, weights, start in pairs:
            _entries(where, start, cell.states)
            for entry, array in start.items():
                check.same_dtype(self, f"{where}[{entry!r}]", array, "x", x)
                hidden = weights["recurrent_weight"].shape[1]
                check.shape(f"{where}[{entry!r}]", array, (x.shape[0], hidden), "(batch, hidden)")


def _between(self: Family, steps: tuple[int, ...], widths: Sequence[int], between: Between) -> None:
    rate, key, masks, site, training = between
    check.number("rate", rate, low=0, high=1)
    check.count("site", site)
    if site + max(len(widths), 1) > 1 << 32:
        raise ArgumentError(f"site: expected an integer <= 2**32 - {max(len(widths), 1)}, got {site!r}")
    check.flag("training", training)
    if key is not None:
        check.key(self, "key", key)
    if masks is not None:
        _list("masks", masks, len(widths), f"{len(widths)}, one a layer but the last")
        for number, (mask, width) in enumerate(zip(masks, widths, strict=True)):
            check.boolean(self, f"masks[{number}]", mask)
            why = f"(that of the outputs of layer {number})"
            check.shape(f"masks[{number}]", mask, (*steps, width), why)
    if training and rate > 0 and widths and (key is None) == (masks is None):
        given = "neither" if key is None else "both"
        raise ArgumentError(f"key, masks: expected one of the two in training, got {given}")
