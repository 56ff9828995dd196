"""A graph as one Python function of kernels, without the detour through torch's lookup of their names."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch.fx import GraphModule, Node

__all__ = ["function_of"]


class _Writer:
    """Lines of code, and the objects that they name."""

    def __init__(self, traced: GraphModule) -> None:
        self.objects: dict[str, Any] = {}
        self.lines: list[str] = []
        self._names: dict[Node, str] = {}
        self._traced = traced
        self._kernels: dict[Any, str] = {}

    def write(self) -> None:
        nodes = list(self._traced.graph.nodes)
        done = _last_uses(nodes)
        for i, node in enumerate(nodes):
            if node.op in ("placeholder", "get_attr"):
                self._names[node] = f"x{i}"
                if node.op == "get_attr":
                    self.objects[f"x{i}"] = getattr(self._traced, str(node.target))
            elif node.op == "output":
                self.lines.append(f"return {self._value(list(node.args[0]))}")
            else:
                self._names[node] = f"x{i}"
                self.lines.append(f"x{i} = {self._call(node)}")
                if gone := [self._names[n] for n in done[node] if n.op == "call_function"]:
                    self.lines.append(f"del {', '.join(gone)}")  # memory for the kernels to come
        inputs = ", ".join(self._names[n] for n in nodes if n.op == "placeholder")
        self.lines = [f"def run({inputs}):", *(f"    {line}" for line in self.lines)]

    def _call(self, node: Node) -> str:
        if node.target is operator.getitem:
            return f"{self._value(node.args[0])}[{node.args[1]}]"
        given = [self._value(x) for x in node.args]
        given += [f"{name}={self._value(x)}" for name, x in node.kwargs.items()]
        return f"{self._kernel(node.target)}({', '.join(given)})"

    def _kernel(self, target: Any) -> str:
        if target not in self._kernels:
            assert isinstance(target, torch._ops.OpOverload)
            name = f"kernel_{target._schema.name.partition('::')[2]}_{len(self._kernels)}"
            self._kernels[target] = name
            self.objects[name] = getattr(target, "_op", target)
        return self._kernels[target]

    def _value(self, x: Any) -> str:
        if isinstance(x, Node):
            return self._names[x]
        if isinstance(x, (list, tuple)):
            return f"[{', '.join(map(self._value, x))}]"
        name = f"c{len(self.objects)}"
        self.objects[name] = x
        return name


def _last_uses(nodes: list[Node]) -> dict[Node, list[Node]]:
    """For every node those that nobody needs after it."""
    seen, done = set(), defaultdict(list)
    for node in reversed(nodes):
        for other in (node, *node.all_input_nodes):
            if other not in seen:
                seen.add(other)
                done[node].append(other)
    return done


def function_of(traced: GraphModule) -> Callable[..., list[torch.Tensor]]:
    """What `traced` does, as a function of its placeholders."""
    writer = _Writer(traced)
    writer.write()
    space = writer.objects
    exec(compile("\n".join(writer.lines), "<plan>", "exec"), space)
    run: Callable[..., list[torch.Tensor]] = space["run"]
    return run
