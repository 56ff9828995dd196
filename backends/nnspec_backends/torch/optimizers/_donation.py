"""Buffers that an update may overwrite, because a compiled step was given them to use up."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import optree
import torch

from nnspec.operation import Array
from nnspec_backends.torch._modes import is_recording

__all__ = ["donation", "writable"]


class _Donated(threading.local):
    """The tensors whose buffers this thread's running step may overwrite, by id."""

    tensors: dict[int, Array]

    def __init__(self) -> None:
        self.tensors = {}


_donated = _Donated()


@contextmanager
def donation(values: Sequence[Any]) -> Iterator[None]:
    """Within it, updates may overwrite the tensors in the pytrees `values`."""
    before = _donated.tensors
    leaves = [leaf for value in values for leaf in optree.tree_leaves(value)]
    _donated.tensors = before | {id(leaf): leaf for leaf in leaves if isinstance(leaf, torch.Tensor)}
    try:
        yield
    finally:
        _donated.tensors = before


def writable(columns: dict[str, list[Array]], grads: list[Array]) -> dict[str, list[Array]]:
    """The tensors to update in place: fresh names of the donated buffers, or copies of what is not donated.

    A donated tensor lets go of its buffer, so that a later look at the old value fails and does not see
    the new one.
    """
    tensors = [x for column in columns.values() for x in column]
    if is_recording() or not all(map(_is_donated, tensors)) or _overlap(tensors, grads):
        layout = torch.contiguous_format
        return {name: [x.detach().clone(memory_format=layout) for x in column] for name, column in columns.items()}
    kept = {name: [x.detach() for x in column] for name, column in columns.items()}
    for x in tensors:
        x.data = x.new_empty(0)
    return kept


def _is_donated(x: Array) -> bool:
    return id(x) in _donated.tensors and x.is_contiguous()


def _overlap(tensors: list[Array], grads: list[Array]) -> bool:
    """Whether a buffer occurs twice among `tensors` (tied weights), or a gradient lies in one of them."""
    addresses = [x.data_ptr() for x in tensors if x.numel()]
    buffers = {x.untyped_storage().data_ptr() for x in tensors if x.numel()}
    return len(set(addresses)) < len(addresses) or any(
        g.untyped_storage().data_ptr() in buffers for g in grads if g.numel()
    )
