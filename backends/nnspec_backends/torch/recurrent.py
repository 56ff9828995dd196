"""Native recurrent networks: the kernels of PyTorch, which on CUDA are those of cuDNN."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from nnspec.operation import Array
from nnspec.ops.recurrent import WAYS, Cell, Layer
from nnspec_backends._recurrent import NativeRecurrent
from nnspec_backends.torch._modes import ieee_products, traced, under_transform

__all__ = ["TorchRecurrent"]

_KERNELS: Mapping[str, Callable[..., Any]] = {
    "rnn_tanh": torch.rnn_tanh,
    "rnn_relu": torch.rnn_relu,
    "lstm": torch.lstm,
    "gru": torch.gru,
}


@contextmanager
def _on_cuda() -> Iterator[None]:
    """IEEE products, and no advice to call a method of torch.nn.Module on weights that are in no module."""
    with ieee_products(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk")
        yield


def _flat_weights(cell: Cell, ways: Sequence[Mapping[str, Array]]) -> list[Array]:
    """In PyTorch's order; of its two biases a cell with one has none in the recurrent product."""
    flat: list[Array] = []
    for weights in ways:
        biases = [weights[name] for name in cell.biases]
        second = biases[1] if len(biases) > 1 else torch.zeros_like(biases[0])
        flat += [weights["weight"], weights["recurrent_weight"], biases[0], second]
    return flat


def _layer(cell: Cell, x: Array, weights: list[Array], start: list[Array], lengths: Array | None) -> list[Array]:
    """Outputs and states at the end of one layer; states are `(directions, batch, hidden)`."""
    kernel, both = _KERNELS[cell.name], len(weights) > 4
    # layers, dropout, whether a backward pass may follow, directions
    options = (True, 1, 0.0, torch.is_grad_enabled(), both)
    if lengths is None:
        given = tuple(start) if len(start) > 1 else start[0]
        return list(kernel(x, given, weights, *options, True))
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    start = [state.index_select(1, packed.sorted_indices) for state in start]
    given = tuple(start) if len(start) > 1 else start[0]
    outputs, *end = kernel(packed.data, packed.batch_sizes, given, weights, *options)
    padded, _ = pad_packed_sequence(packed._replace(data=outputs), batch_first=True, total_length=x.shape[1])
    return [padded, *(state.index_select(1, packed.unsorted_indices) for state in end)]


class TorchRecurrent(NativeRecurrent):
    """One kernel a layer, both directions together; sequences of different lengths are packed.

    Not under the transforms of torch.func and torch.compile, which these kernels do not bear, and not where a
    sequence or the batch is empty. cuDNN has first derivatives only.
    """

    def _native_layer(self, cell: Cell, x: Array, lengths: Array | None) -> Layer:
        if under_transform() or 0 in x.shape:
            return self._unrolled(cell)
        counts = None
        if lengths is not None:
            if traced(lengths):
                return self._unrolled(cell)
            counts = lengths.cpu().to(torch.int64)
            if bool((counts < 1).any()):
                return self._unrolled(cell)

        def layer(
            x: Array, weights: Mapping[str, Any], state: Mapping[str, Any], present: Array | None
        ) -> tuple[Array, dict[str, Any]]:
            both = "forward" in weights
            ways = [(weights[way], state[way]) for way in WAYS] if both else [(weights, state)]
            flat = _flat_weights(cell, [of_way for of_way, _ in ways])
            start = [torch.stack([of_way[name] for _, of_way in ways]) for name in cell.states]
            if x.is_cuda:
                with _on_cuda():
                    outputs, *end = _layer(cell, x, flat, start, counts)
            else:
                outputs, *end = _layer(cell, x, flat, start, counts)
            ends = [dict(zip(cell.states, (of_name[i] for of_name in end), strict=True)) for i in range(len(ways))]
            return outputs, dict(zip(WAYS, ends, strict=True)) if both else ends[0]

        return layer
