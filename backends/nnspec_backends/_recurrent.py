"""What the frameworks' recurrent networks share: the three operations, over a layer that each computes its own way."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from nnspec.operation import Array
from nnspec.ops.recurrent import GRU, LSTM, RNN, Between, Cell, Layer, Layers, Recurrent, States

__all__ = ["NativeRecurrent"]


class NativeRecurrent(Recurrent):
    """The definitions' stack of layers, with a layer of the backend in it."""

    @abstractmethod
    def _native_layer(self, cell: Cell, x: Array, lengths: Array | None) -> Layer:
        """One layer in all its directions, for a stack that is given `x` and `lengths`."""

    def rnn(
        self,
        x: Array,
        params: Layers,
        state: Layers | None = None,
        *,
        nonlinearity: str = "tanh",
        lengths: Array | None = None,
        rate: float = 0.0,
        key: Array | None = None,
        masks: Sequence[Array] | None = None,
        site: int = 0,
        training: bool = True,
    ) -> tuple[Array, States]:
        between = Between(rate, key, masks, site, training)
        cell = RNN[nonlinearity]
        return self._stacked(cell, self._native_layer(cell, x, lengths), x, params, state, lengths, between)

    def lstm(
        self,
        x: Array,
        params: Layers,
        state: Layers | None = None,
        *,
        lengths: Array | None = None,
        rate: float = 0.0,
        key: Array | None = None,
        masks: Sequence[Array] | None = None,
        site: int = 0,
        training: bool = True,
    ) -> tuple[Array, States]:
        between = Between(rate, key, masks, site, training)
        return self._stacked(LSTM, self._native_layer(LSTM, x, lengths), x, params, state, lengths, between)

    def gru(
        self,
        x: Array,
        params: Layers,
        state: Layers | None = None,
        *,
        lengths: Array | None = None,
        rate: float = 0.0,
        key: Array | None = None,
        masks: Sequence[Array] | None = None,
        site: int = 0,
        training: bool = True,
    ) -> tuple[Array, States]:
        between = Between(rate, key, masks, site, training)
        return self._stacked(GRU, self._native_layer(GRU, x, lengths), x, params, state, lengths, between)
