"""Which buffers of a program can lie in the same memory, since nothing needs the one when the other is written.

What is used again soon stays in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnspec_backends.numpy._plan._nodes import Call, Node, nodes_in
from nnspec_backends.numpy._plan._traced import method

__all__ = ["Slab", "shared_memory"]

#: bytes, and a number among the slabs of that size
Slab = tuple[int, int]


def shared_memory(calls: Sequence[Call], kept: set[int]) -> dict[int, Slab]:
    """The slab of each buffer, by the id of its node, that lives between two of the calls.

    Args:
        calls: in their order.
        kept: ids of buffers whose values are needed before or after the calls.
    """
    first: dict[int, tuple[int, Node]] = {}
    last: dict[int, int] = {}
    fixed = set(kept)
    for i, call in enumerate(calls):
        for node in call.reads:
            if id(node.owner) not in first:
                fixed.add(id(node.owner))  # from elsewhere
        for node in nodes_in((call.operands, call.options)):
            first.setdefault(id(node.owner), (i, node.owner))
            last[id(node.owner)] = i
            if call.section is not None or node.owner is not _whole(node):
                fixed.add(id(node.owner))
    born: dict[int, list[Node]] = {}
    for key, (i, node) in first.items():
        if key not in fixed and node.shape and node.size:
            born.setdefault(i, []).append(node)
    return _assigned(calls, born, last)


def _whole(node: Node) -> Node:
    """The buffer that a node is a view of; a part of a flat buffer is none."""
    while node.view is not None:
        node = node.view.source
    return node


def _assigned(calls: Sequence[Call], born: dict[int, list[Node]], last: dict[int, int]) -> dict[int, Slab]:
    slabs: dict[int, Slab] = {}
    free: dict[int, list[Slab]] = {}
    made: dict[int, int] = {}
    dying: dict[int, list[int]] = {}
    for i, call in enumerate(calls):
        for key in dying.pop(i - 1, []):
            _release(free, slabs[key])
        for node in born.get(i, []):
            size = node.size * node.dtype.itemsize
            taken = _overwritten(call, node, dying.get(i, []), slabs)
            if taken is not None:
                dying[i].remove(taken)
                slabs[id(node)] = slabs[taken]
            elif free.get(size):
                slabs[id(node)] = free[size].pop()
            else:
                made[size] = made.get(size, 0) + 1
                slabs[id(node)] = size, made[size]
            dying.setdefault(last[id(node)], []).append(id(node))
    return slabs


def _release(free: dict[int, list[Slab]], slab: Slab) -> None:
    free.setdefault(slab[0], []).append(slab)


def _overwritten(call: Call, out: Node, dying: Sequence[int], slabs: dict[int, Slab]) -> int | None:
    """A buffer that the call is the last to read, element by element as it writes: its result can take its place."""
    if not isinstance(call.function, np.ufunc) or call.function.signature is not None or call.options:
        return None
    size = out.size * out.dtype.itemsize
    for node in call.reads:
        key = id(node.owner)
        if (
            key in dying
            and slabs[key][0] == size
            and all(_lies_as(x, out) for x in call.reads if x.owner is node.owner)
        ):
            return key
    return None


def _lies_as(node: Node, out: Node) -> bool:
    """Whether every element has the place of the same element of `out`."""
    same = node.shape == out.shape and node.order == out.order and node.dtype.itemsize == out.dtype.itemsize
    return same and _is_bits(node)


def _is_bits(node: Node) -> bool:
    """Whether a node is a buffer, or its bits as another dtype."""
    while node.view is not None:
        if node.view.function is not method or node.view.operands[1] != "view":
            return False
        node = node.view.source
    return True
