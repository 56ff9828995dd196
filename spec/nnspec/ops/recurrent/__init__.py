"""Recurrent networks: layers over sequences, in one direction or both."""

from __future__ import annotations

from nnspec.ops.recurrent._cells import GRU, LSTM, RNN, Cell
from nnspec.ops.recurrent._gated import Gated
from nnspec.ops.recurrent._simple import Simple
from nnspec.ops.recurrent._stack import WAYS, Between, Layer, Layers, States, both_ways

__all__ = ["GRU", "LSTM", "RNN", "WAYS", "Between", "Cell", "Layer", "Layers", "Recurrent", "States", "both_ways"]


class Recurrent(Simple, Gated):
    """Every recurrent network. `x` is `(batch, time, features)`; outputs and states have its dtype."""
