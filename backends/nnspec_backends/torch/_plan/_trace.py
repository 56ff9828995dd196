"""From a function to the graph of the kernels it runs, gradients included."""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import optree
import torch
from torch.fx import GraphModule

from nnspec_backends.torch._modes import recorded
from nnspec_backends.torch._plan._errors import UnplannableError

__all__ = ["Traced", "trace"]


@dataclass(frozen=True)
class Traced:
    """A graph over the tensors of a call.

    Attributes:
        graph: takes the tensors among the call's leaves, returns the tensors among the result's.
        result: the result's leaves that are no tensors, None in the place of those.
        spec: the result's structure.
    """

    graph: GraphModule
    result: tuple[Any, ...]
    spec: Any

    def made(self, other: Traced) -> frozenset[str]:
        """The constants that are new in each trace, and so belong to the call."""
        mine, its = dict(self.graph.named_buffers()), dict(other.graph.named_buffers())
        return frozenset(name for name in mine if mine[name] is not its[name])

    def does_the_same(self, other: Traced) -> bool:
        """Whether both traces have the same kernels, options and constants."""
        mine, its = dict(self.graph.named_buffers()), dict(other.graph.named_buffers())
        return (
            self.spec == other.spec
            and repr(self.result) == repr(other.result)
            and self.graph.code == other.graph.code
            and mine.keys() == its.keys()
            and all(_equal(mine[name], its[name]) for name in mine)
        )


def _equal(x: torch.Tensor, y: torch.Tensor) -> bool:
    return x is y or (x.dtype == y.dtype and x.shape == y.shape and _bytes(x) == _bytes(y))


def _bytes(x: torch.Tensor) -> bytes:
    held = io.BytesIO()
    torch.save(x.detach().contiguous(), held)
    return held.getvalue()


@functools.cache
def _make_fx() -> Callable[..., Any]:
    """The tracer: two seconds of imports, for which only those wait who have something to trace."""
    from torch.fx.experimental.proxy_tensor import make_fx

    name = "TORCHINDUCTOR_CACHE_DIR"  # which these imports set, for whatever process is started later
    before = os.environ.get(name)
    make_fx(lambda x: x + 1, tracing_mode="fake")(torch.ones(1))
    if before is None:
        os.environ.pop(name, None)
    return make_fx


def trace(function: Callable[..., Any], leaves: Sequence[Any], spec: Any) -> Traced:
    """The graph of `function`, called with arrays that have shapes and dtypes but no values.

    Raises:
        UnplannableError: the result is not made of tensors and Python numbers.
        Exception: whatever `function` raises where it looks at a value.
    """
    found: list[Any] = []

    def flat(*tensors: torch.Tensor) -> list[torch.Tensor]:
        given = iter(tensors)
        full = [next(given) if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        call: Any = optree.tree_unflatten(spec, full)
        args, kwargs = call
        out, structure = optree.tree_flatten(function(*args, **kwargs))
        found[:] = [structure, tuple(None if isinstance(x, torch.Tensor) else x for x in out)]
        return [x for x in out if isinstance(x, torch.Tensor)]

    inputs = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    with recorded():
        graph = _make_fx()(flat, tracing_mode="fake", _allow_non_fake_inputs=True)(*inputs)
    structure, result = found
    if any(x.requires_grad for x in graph.buffers()) or any(True for _ in graph.parameters()):
        raise UnplannableError("it closes over a tensor that wants a gradient")
    for x in result:
        if not isinstance(x, (int, float, bool, str, type(None))):
            raise UnplannableError(f"it returns a {type(x).__name__}")
    return Traced(graph, result, structure)
