"""A graph whose kernels are made by torch.compile's compiler, but for what writes to donated arrays."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

import torch
from torch.fx import Graph, GraphModule, Node

from nnspec_backends.torch._plan._aliases import Aliases
from nnspec_backends.torch._plan._code import function_of

__all__ = ["fused_function_of"]

#: float16 and bfloat16 are rounded where the graph rounds them
_OPTIONS = {"emulate_precision_casts": True}


def fused_function_of(
    traced: GraphModule, written: frozenset[int], arrays: Sequence[torch.Tensor]
) -> Callable[..., list[torch.Tensor]]:
    """What `traced` does, as `function_of` has it, in kernels of its own.

    The optimizer's kernels update in place what the compiler would copy first: what comes before them is compiled.
    What torch.compile itself would add, another trace and checks at every call, is done here already.

    Args:
        traced: a simplified graph.
        written: the placeholders that it writes to.
        arrays: the arguments of a call.
    """
    from torch._inductor import compile as compiled  # takes seconds to import

    nodes = list(traced.graph.nodes)
    aliases = Aliases(traced.graph)
    inputs = [node for node in nodes if node.op == "placeholder"]
    start = min((at for i in written for at in aliases.writes(inputs[i])), default=len(nodes))
    if start == len(nodes):
        whole: Callable[..., list[torch.Tensor]] = compiled(traced, list(arrays), options=_OPTIONS)
        return whole
    before = _before(nodes, start)
    handed = [n for n in nodes if n in before and n.op == "call_function" and not before.issuperset(n.users)]
    head = compiled(_head(traced, before, handed), list(arrays), options=_OPTIONS)
    tail = function_of(_tail(traced, before, inputs, handed))

    def run(*arrays: torch.Tensor) -> list[torch.Tensor]:
        return tail(*arrays, *head(*arrays))

    return run


def _before(nodes: Sequence[Node], start: int) -> set[Node]:
    """The nodes before `start`, and the parts of their results."""
    before = set(nodes[:start])
    before.update(n for n in nodes[start:] if n.target is operator.getitem and n.args[0] in before)
    return before


def _head(traced: GraphModule, nodes: set[Node], handed: Sequence[Node]) -> GraphModule:
    graph, copies = Graph(), dict[Node, Node]()
    for node in traced.graph.nodes:
        if node in nodes:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output([copies[node] for node in handed])
    return GraphModule(traced, graph)


def _tail(traced: GraphModule, before: set[Node], inputs: Sequence[Node], handed: Sequence[Node]) -> GraphModule:
    graph, copies = Graph(), dict[Node, Node]()
    for node in (*inputs, *handed):
        copies[node] = graph.placeholder(node.name)
    for node in traced.graph.nodes:
        if node.op == "get_attr" or node not in before:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    return GraphModule(traced, graph)
