"""What a traced graph can do without: views that are there already, copies of what is given away, constants."""

from __future__ import annotations

from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node

from nnspec_backends.torch._plan._aliases import Aliases, arguments

__all__ = ["simplify"]

_aten = torch.ops.aten
_SCALARS = (_aten.ones.default, _aten.zeros.default, _aten.full.default, _aten.scalar_tensor.default)


def simplify(traced: GraphModule, donated: frozenset[int], made: frozenset[str]) -> frozenset[int]:
    """Make `traced` shorter without changing what it computes.

    Args:
        traced: its placeholders are the arrays of the call, in their order.
        donated: the placeholders whose memory may be used for results.
        made: the constants that every call makes for itself.

    Returns:
        The placeholders that the graph now writes to because of that.
    """
    graph = traced.graph
    _reuse_views(graph)
    written = _update_in_place(graph, donated)
    _copy_constants(graph, made)
    _keep_scalars(traced)
    graph.lint()
    traced.recompile()
    return written


def _geometry(node: Node) -> Any:
    value = node.meta.get("val")
    if not isinstance(value, torch.Tensor) or value.layout is not torch.strided:
        return None
    return value.dtype, value.device, tuple(value.shape), value.stride(), value.storage_offset()


def _is_view(node: Node) -> bool:
    """Whether the node's result is another look at its first argument, and nothing else."""
    if node.op != "call_function" or not isinstance(node.target, torch._ops.OpOverload):
        return False
    returns = node.target._schema.returns
    if len(returns) != 1 or returns[0].alias_info is None or returns[0].alias_info.is_write:
        return False
    return [a.name for a, _ in arguments(node) if a.alias_info is not None] == [node.target._schema.arguments[0].name]


def _reuse_views(graph: Graph) -> None:
    """Take the array itself, or an earlier view of it, in the place of a view that looks the same."""
    root: dict[Node, Node] = {}
    known: dict[Any, Node] = {}
    for node in list(graph.nodes):
        shape = _geometry(node)
        if shape is None:
            continue
        if not _is_view(node) or not isinstance(node.args[0], Node):
            root[node] = node
            known.setdefault((node, shape), node)
            continue
        origin = root.get(node.args[0])
        if origin is None:
            root[node] = node
            continue
        root[node] = origin
        earlier = known.setdefault((origin, shape), node)
        if earlier is not node:
            node.replace_all_uses_with(earlier)
            graph.erase_node(node)
    for node in reversed(list(graph.nodes)):
        if not node.users and _is_view(node):
            graph.erase_node(node)


def _update_in_place(graph: Graph, donated: frozenset[int]) -> frozenset[int]:
    """Let what is written to a copy of a donated array be written to the array, where nobody looks at it later."""
    aliases = Aliases(graph)
    placeholders = [node for node in graph.nodes if node.op == "placeholder"]
    taken = set()
    for i in sorted(donated):
        array = placeholders[i]
        value = array.meta["val"]
        if aliases.writes(array) or not value.is_contiguous():
            continue
        copies = [n for n in array.users if _is_copy(n) and aliases.writes(n)]
        if len(copies) == 1 and _is_free(array, copies[0], aliases):
            copies[0].replace_all_uses_with(array)
            graph.erase_node(copies[0])
            taken.add(i)
    return frozenset(taken)


def _is_copy(node: Node) -> bool:
    return node.target is _aten.clone.default and _geometry(node) == _geometry(node.args[0])  # type: ignore[arg-type]


def _is_free(array: Node, copy: Node, aliases: Aliases) -> bool:
    """Whether all who look at the array itself have done so when its copy is first written to."""
    first = min(aliases.writes(copy))
    return all(at < first for at, user in aliases.uses(array) if user is not copy)


def _copy_constants(graph: Graph, made: frozenset[str]) -> None:
    """Give every call its own constants where they are written to or returned."""
    aliases = Aliases(graph)
    last = len(aliases.order) - 1
    for node in list(graph.nodes):
        escapes = aliases.writes(node) or any(at == last for at, _ in aliases.uses(node))
        if node.op == "get_attr" and node.target in made and escapes:
            with graph.inserting_after(node):
                copy = graph.call_function(_aten.clone.default, (node,))
            copy.meta["val"] = node.meta.get("val")
            node.replace_all_uses_with(copy, delete_user_cb=lambda user, copy=copy: user is not copy)


def _keep_scalars(traced: GraphModule) -> None:
    """Make constants of rank 0 once, where they are only read."""
    aliases = Aliases(traced.graph)
    last = len(aliases.order) - 1
    for i, node in enumerate([n for n in traced.graph.nodes if n.target in _SCALARS]):
        value = node.meta["val"]
        fixed = not any(isinstance(x, Node) for x in node.all_input_nodes)
        if value.ndim or not fixed or aliases.writes(node) or any(at == last for at, _ in aliases.uses(node)):
            continue
        name = f"_scalar_{i}"
        traced.register_buffer(name, node.target(*node.args, **node.kwargs), persistent=False)
        with traced.graph.inserting_before(node):
            kept = traced.graph.get_attr(name)
        kept.meta["val"] = value
        node.replace_all_uses_with(kept)
        traced.graph.erase_node(node)
