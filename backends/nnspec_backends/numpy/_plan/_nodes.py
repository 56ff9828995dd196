"""What a plan is made of: arrays that are kept, and calls over them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["Call", "Node", "Section", "View", "nodes_in", "part", "replaced"]


class View:
    """How an array that owns no memory is made of another: `function(*operands, **options)`."""

    __slots__ = ("function", "operands", "options", "source")

    def __init__(self, source: Node, function: Callable[..., Any], operands: Any, options: Any) -> None:
        self.source = source
        self.function = function
        self.operands = operands
        self.options = options


class Node:
    """An array of a plan: a buffer of its own, a part of a longer one, or a view."""

    __slots__ = ("dtype", "flat", "is_work", "order", "shape", "view")

    def __init__(self, like: Any, view: View | None = None) -> None:
        self.shape: tuple[int, ...] = like.shape
        self.dtype: np.dtype[Any] = like.dtype
        #: its axes from the longest stride to the shortest, as sums add up in that order
        in_order = tuple(range(like.ndim))
        by_stride = sorted(in_order, key=lambda i: (-abs(like.strides[i]), i))
        self.order = in_order if like.flags.c_contiguous else tuple(by_stride)
        self.view = view
        #: the buffer that it is a part of, and where it begins
        self.flat: tuple[Node, int] | None = None
        #: whether nothing in it outlives the block of a section
        self.is_work = False

    @property
    def owner(self) -> Node:
        """The buffer that holds its elements."""
        node = self
        while True:
            if node.view is not None:
                node = node.view.source
            elif node.flat is not None:
                node = node.flat[0]
            else:
                return node

    @property
    def size(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)

    @property
    def lies_in_order(self) -> bool:
        """Whether a buffer for it is C-contiguous."""
        return self.order == tuple(range(len(self.shape)))

    def buffer(self) -> Any:
        """A new array for it, laid out as the one that was recorded."""
        return self.placed(np.empty(math.prod(self.shape) * self.dtype.itemsize, np.uint8))

    def placed(self, memory: Any) -> Any:
        """An array for it in these bytes."""
        made = memory.view(self.dtype).reshape([self.shape[i] for i in self.order])
        return made.transpose(np.argsort(self.order)) if self.order else made


class Section:
    """Calls, element by element, over arrays of one axis, which are made a block at a time."""

    __slots__ = ("block", "pairs")

    def __init__(self, block: int, pairs: list[tuple[Node, Node]]) -> None:
        self.block = block
        #: an old array and the new one that may take its place
        self.pairs = pairs


class Call:
    """`function(*operands, **options)`, where nodes stand for their arrays."""

    __slots__ = ("errors", "function", "operands", "options", "section", "writes")

    def __init__(
        self,
        function: Callable[..., Any],
        operands: tuple[Any, ...],
        options: dict[str, Any],
        writes: tuple[Node, ...],
        section: Section | None,
        errors: Any,
    ) -> None:
        self.function = function
        self.operands = operands
        self.options = options
        #: those of the operands that it overwrites; none where it only checks
        self.writes = writes
        self.section = section
        #: np.errstate around it; None for the caller's
        self.errors = errors

    @property
    def reads(self) -> Iterator[Node]:
        """The operands that are not overwritten; one that is read and overwritten is given twice."""
        left = list(self.writes)
        for node in nodes_in((self.operands, self.options)):
            if any(node is w for w in left):
                left = [w for w in left if w is not node]
            else:
                yield node


def nodes_in(tree: Any) -> Iterator[Node]:
    """The nodes in nested tuples, lists and dictionaries."""
    if isinstance(tree, Node):
        yield tree
    elif isinstance(tree, (tuple, list)):
        for item in tree:
            yield from nodes_in(item)
    elif isinstance(tree, dict):
        yield from nodes_in(tuple(tree.values()))


def replaced(tree: Any, kind: type, put: Callable[[Any], Any]) -> Any:
    """`tree` of tuples, lists and dictionaries with `put(x)` for every x of that kind."""
    if isinstance(tree, kind):
        return put(tree)
    if type(tree) in (tuple, list):
        return type(tree)(replaced(item, kind, put) for item in tree)
    if type(tree) is dict:
        return {name: replaced(item, kind, put) for name, item in tree.items()}
    return tree


def part(flat: Any, start: int, shape: tuple[int, ...]) -> Any:
    """The array of a shape that begins at `start` of a buffer."""
    return flat[start : start + math.prod(shape)].reshape(shape)
