"""Networks out of flat inputs: one array of all parameters and one of all states, so that each has one gradient."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnspec_conformance.case import Source, normal, only_calls, values

__all__ = ["BATCH", "FEATURES", "TIME", "Net", "ran", "split"]

#: no two alike, and none like the number of hidden units
BATCH, TIME, FEATURES = 4, 3, 2

_GATES = {"rnn": 1, "lstm": 4, "gru": 3}
_STATES = {"rnn": ("hidden",), "lstm": ("hidden", "cell"), "gru": ("hidden",)}
_WAYS = ("forward", "backward")


@dataclass(frozen=True)
class Net:
    """The sizes of a network, and its parameters as one array."""

    operation: str
    #: hidden units of each layer
    hidden: tuple[int, ...] = (5,)
    both: bool = False
    features: int = FEATURES

    @property
    def ways(self) -> tuple[str, ...]:
        return _WAYS if self.both else ("",)

    def _shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        hidden = self.hidden[layer]
        rows = _GATES[self.operation] * hidden
        features = len(self.ways) * self.hidden[layer - 1] if layer else self.features
        shapes: dict[str, tuple[int, ...]] = {
            "weight": (rows, features),
            "recurrent_weight": (rows, hidden),
            "bias": (rows,),
        }
        return shapes | ({"recurrent_bias": (rows,)} if self.operation == "gru" else {})

    def theta(self, *, std: float = 0.8, **biases: tuple[float, ...]) -> Source:
        """All parameters; `biases` are those of every unit, gate by gate, by name."""
        size = len(self.ways) * sum(math.prod(s) for i in range(len(self.hidden)) for s in self._shapes(i).values())
        if not biases:
            return normal(size, std=std)
        entries = std * np.random.Generator(np.random.Philox(7)).standard_normal(size)
        at = 0
        for layer, hidden in enumerate(self.hidden):
            for name, shape in list(self._shapes(layer).items()) * len(self.ways):
                if name in biases:
                    entries[at : at + shape[0]] = np.repeat(biases[name], hidden)
                at += math.prod(shape)
        return values(entries)

    def start(self, *, batch: int = BATCH) -> Source:
        """All states that the layers start from."""
        count = batch * len(self.ways) * len(_STATES[self.operation]) * sum(self.hidden)
        return normal(count)

    def outputs(self, layer: int) -> tuple[int, int, int]:
        """The shape of the outputs of a layer."""
        return BATCH, TIME, len(self.ways) * self.hidden[layer]

    def params(self, backend: Any, theta: Any) -> list[Any]:
        """The layers out of `theta`."""
        take = _taker(backend, theta)
        made = []
        for layer in range(len(self.hidden)):
            ways = {way: {n: take(shape) for n, shape in self._shapes(layer).items()} for way in self.ways}
            made.append(ways if self.both else ways[""])
        return made

    def state(self, backend: Any, start: Any, batch: int) -> list[Any]:
        """The states out of `start`."""
        take = _taker(backend, start)
        made = []
        for hidden in self.hidden:
            ways = {way: {n: take((batch, hidden)) for n in _STATES[self.operation]} for way in self.ways}
            made.append(ways if self.both else ways[""])
        return made


def _taker(backend: Any, flat: Any) -> Callable[[tuple[int, ...]], Any]:
    at = 0

    def take(shape: tuple[int, ...]) -> Any:
        nonlocal at
        begin, at = at, at + math.prod(shape)
        return backend.xp.reshape(flat[begin:at], shape)

    return take


# Cases of one net and the same options share the program, and with it its compilation.


@functools.cache
def _run(net: Net, options: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
    @only_calls
    def program(
        backend: Any, x: Any, theta: Any, start: Any = None, mask: Any = None, more_mask: Any = None, **given: Any
    ) -> Any:
        if start is not None:
            given["state"] = net.state(backend, start, x.shape[0])
        if mask is not None:
            given["masks"] = [mask] if more_mask is None else [mask, more_mask]
        return getattr(backend, net.operation)(x, net.params(backend, theta), **given, **dict(options))

    return program


def ran(net: Net, **options: Any) -> dict[str, Any]:
    """The program that runs the net, and for its digest the options that it closes over."""
    return {"program": _run(net, tuple(options.items())), "options": {"net": net, **options}}


@functools.cache
def _split(net: Net, at: int) -> Callable[..., Any]:
    def program(backend: Any, x: Any, theta: Any) -> Any:
        params = net.params(backend, theta)
        call = getattr(backend, net.operation)
        first, state = call(x[:, :at, :], params)
        second, end = call(x[:, at:, :], params, state)
        return backend.xp.concat([first, second], axis=1), end

    return program


def split(net: Net, at: int) -> dict[str, Any]:
    """Two runs, one from the state that the other ends with."""
    return {"program": _split(net, at), "options": {"net": net, "at": at}}
