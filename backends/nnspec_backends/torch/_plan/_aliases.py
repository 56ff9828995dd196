"""Which nodes of a traced graph share memory, and which write to it."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import torch
from torch.fx import Graph, Node

from nnspec_backends.torch._plan._errors import UnplannableError

__all__ = ["Aliases", "arguments"]

#: kernels that write to arguments which their schema does not mark: the running statistics
_UNMARKED = {
    "native_batch_norm": ("running_mean", "running_var"),
    "cudnn_batch_norm": ("running_mean", "running_var"),
    "miopen_batch_norm": ("running_mean", "running_var"),
}


def arguments(node: Node) -> Iterator[tuple[Any, Any]]:
    """The arguments of a kernel's schema with what is given for each."""
    assert isinstance(node.target, torch._ops.OpOverload)
    for i, argument in enumerate(node.target._schema.arguments):
        if i < len(node.args):
            yield argument, node.args[i]
        elif argument.name in node.kwargs:
            yield argument, node.kwargs[argument.name]


def _nodes(value: Any) -> list[Node]:
    if isinstance(value, Node):
        return [value]
    return [x for x in value if isinstance(x, Node)] if isinstance(value, (list, tuple)) else []


class Aliases:
    """Families of nodes that share memory, by what the kernels' schemas say.

    Raises:
        UnplannableError: a node that is no kernel, or one that changes the shape of its argument in place.
    """

    def __init__(self, graph: Graph) -> None:
        self.order = {node: i for i, node in enumerate(graph.nodes)}
        self._parent: dict[Node, Node] = {}
        self._written: list[tuple[int, Node]] = []
        for node in graph.nodes:
            if node.op == "call_function":
                self._see(node)
        self._writes: dict[Node, list[int]] = defaultdict(list)
        for at, node in self._written:
            self._writes[self.family(node)].append(at)
        self._members: dict[Node, list[Node]] = defaultdict(list)
        for node in graph.nodes:
            self._members[self.family(node)].append(node)

    def family(self, node: Node) -> Node:
        """The node that stands for all that share memory with `node`."""
        while (parent := self._parent.get(node)) is not None:
            node = parent
        return node

    def writes(self, node: Node) -> list[int]:
        """Where in the graph the memory of `node` is written to after it was made."""
        return self._writes[self.family(node)]

    def uses(self, node: Node) -> Iterator[tuple[int, Node]]:
        """Where in the graph the memory of `node` is looked at, and by which node."""
        for member in self._members[self.family(node)]:
            for user in member.users:
                yield self.order[user], user

    def _see(self, node: Node) -> None:
        if node.target is operator.getitem:
            self._join(node, node.args[0])
            return
        kernel = node.target
        if not isinstance(kernel, torch._ops.OpOverload):
            raise UnplannableError(f"{node.target} is no kernel of torch's")
        if torch.Tag.inplace_view in kernel.tags:
            raise UnplannableError(f"{kernel} changes the shape of its argument in place")
        returned = [r.alias_info for r in kernel._schema.returns if r.alias_info is not None]
        unmarked = _UNMARKED.get(kernel._schema.name.removeprefix("aten::"), ())
        for argument, given in arguments(node):
            info = argument.alias_info
            if argument.name in unmarked or (info is not None and info.is_write):
                self._written += [(self.order[node], x) for x in _nodes(given)]
            if info is not None and returned:
                for x in _nodes(given):
                    self._join(node, x)

    def _join(self, node: Node, other: Any) -> None:
        mine, its = self.family(node), self.family(other)
        if mine is not its:
            self._parent[mine] = its
