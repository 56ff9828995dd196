"""A graph over the arguments of a call, with donated tensors used up."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import optree
import torch
from torch.fx import GraphModule

from nnspec_backends._plans import is_the_same
from nnspec_backends.torch._modes import ieee_products
from nnspec_backends.torch._plan._capture import Captured, cuda_graph
from nnspec_backends.torch._plan._code import function_of
from nnspec_backends.torch._plan._fuse import fused_function_of
from nnspec_backends.torch._plan._simplify import simplify
from nnspec_backends.torch._plan._trace import Traced

__all__ = ["NothingDoneError", "Plan"]


#: how often a plan is captured anew on a device
_CAPTURES = 4


class NothingDoneError(Exception):
    """A kernel failed before anything was written to: the function may be run as it is."""


class Plan:
    """What is done at every call of one signature.

    Args:
        traced: the function's kernels.
        made: those of its constants that every call makes for itself.
        leaves: those of the call that was traced.
        spec: their structure.
        donated: positions of the leaves whose memory may be used for results.
        fuse: whether torch.compile makes the kernels.
    """

    def __init__(
        self,
        traced: Traced,
        made: frozenset[str],
        leaves: Sequence[Any],
        spec: Any,
        donated: frozenset[int],
        *,
        fuse: bool,
    ) -> None:
        self.spec = spec
        inputs = [i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]
        written = simplify(traced.graph, frozenset(k for k, i in enumerate(inputs) if i in donated), made)
        arrays = [leaves[i] for i in inputs]
        returned = _returned(traced.graph)
        self._kernels = fused_function_of(traced.graph, written, arrays) if fuse else function_of(traced.graph)
        self._inputs = inputs
        self._geometry = {i: _geometry(leaves[i]) for i in inputs}
        self._used_up = [(k, inputs[k], leaves[inputs[k]].new_empty(0)) for k in sorted(written)]
        self._static = [(i, leaf) for i, leaf in enumerate(leaves) if i not in self._geometry]
        self._result, self._result_spec = traced.result, traced.spec
        devices = {x.device for x in arrays}
        self._on_host = all(device.type == "cpu" for device in devices)
        #: how often it may be captured: with every start from other arrays it is captured anew
        self._captures = _CAPTURES if len(devices) == 1 and written.issubset(returned) else 0
        self._capture = cuda_graph
        self._captured: Captured | None = None
        self._result_of = returned
        #: what the last call returned in the place of what it used up, which will be used up next
        self._ours: dict[int, weakref.ref[torch.Tensor]] = {}
        #: and where that lies
        self._addresses: set[int] = set()

    def fits(self, leaves: Sequence[Any]) -> bool:
        """Whether the leaves are such as were traced, and what is used up lies apart from all else."""
        for i, value in self._static:
            if not is_the_same(leaves[i], value):
                return False
        ours: dict[int, Any] = self._ours
        others = []
        for i, geometry in self._geometry.items():
            leaf, reference = leaves[i], ours.get(i)
            if reference is not None and reference() is leaf and leaf.shape == geometry[0]:
                continue
            if not is_plain(leaf) or _geometry(leaf) != geometry:
                return False
            others.append(leaf)
        if not self._used_up:
            return True
        if len(ours) + len(others) == len(self._geometry):
            return all(_address(x) not in self._addresses for x in others)
        return self._lie_apart(leaves)

    def _lie_apart(self, leaves: Sequence[Any]) -> bool:
        used = {i: _address(leaves[i]) for _, i, _ in self._used_up if leaves[i].numel()}
        rest = {_address(leaves[i]) for i in self._inputs if i not in used and leaves[i].numel()}
        self._ours, self._addresses = {}, set(used.values())
        return len(self._addresses) == len(used) and not self._addresses & rest

    def run(self, leaves: Sequence[Any]) -> Any:
        """The function's result.

        Raises:
            NothingDoneError: a kernel refused its arguments; the donated ones are as they were.
        """
        named = [leaves[i] for i in self._inputs]
        given = list(named)
        fresh = self._take(given, leaves)
        versions = [x._version for x in fresh]
        try:
            if self._on_host:
                out = self._kernels(*given)
            else:
                with ieee_products():
                    out = self._launched(given, named)
        except Exception as error:
            self._ours, self._captured = {}, None
            if versions != [x._version for x in fresh]:
                raise
            for (_, i, _), x in zip(self._used_up, fresh, strict=True):
                leaves[i].data = x
            raise NothingDoneError(str(error)) from error
        if fresh:
            self._hand_out(fresh if self._captured is None else [out[self._result_of[k]] for k, _, _ in self._used_up])
        if len(out) < len(self._result):
            tensors = iter(out)
            out = [next(tensors) if x is None else x for x in self._result]
        return optree.tree_unflatten(self._result_spec, out)

    def _launched(self, arrays: list[torch.Tensor], named: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """On a device: at once where the kernels can be captured, for as long as the same arrays come back."""
        if self._captured is not None and not self._captured.takes(named):
            self._captured = None
        if self._captured is None and self._captures:
            self._captures -= 1
            try:
                self._captured = Captured(self._kernels, arrays, [k for k, _, _ in self._used_up], self._capture)
            except RuntimeError:  # a kernel that cannot be
                self._captures = 0
        return self._kernels(*arrays) if self._captured is None else self._captured.run(arrays)

    def _hand_out(self, names: Sequence[torch.Tensor]) -> None:
        self._ours = {i: weakref.ref(x) for (_, i, _), x in zip(self._used_up, names, strict=True)}
        if self._captured is not None:
            self._addresses = {_address(x) for x in names if x.numel()}

    def _take(self, given: list[Any], leaves: Sequence[Any]) -> list[torch.Tensor]:
        """Fresh names for what is used up; the old ones hold nothing any more, so that a later look at them fails."""
        fresh = []
        for k, i, nothing in self._used_up:
            old = leaves[i]
            given[k] = new = old.detach()
            old.data = nothing
            fresh.append(new)
        return fresh


def _returned(graph: GraphModule) -> dict[int, int]:
    """Of each argument that is a result, by their positions, which one it is."""
    nodes = list(graph.graph.nodes)
    at = {node: k for k, node in enumerate(n for n in nodes if n.op == "placeholder")}
    (results,) = nodes[-1].args
    return {at[node]: i for i, node in enumerate(results) if node in at}


def is_plain(x: Any) -> bool:
    """Whether `x` is a tensor of values, such as a kernel takes and no derivative is wanted of."""
    return type(x) is torch.Tensor and not x.requires_grad and x.layout is torch.strided and not x.is_inference()


def _geometry(x: torch.Tensor) -> Any:
    return x.shape, x.dtype, x.device, x.stride()


def _address(x: torch.Tensor) -> int:
    return int(x.untyped_storage().data_ptr())
