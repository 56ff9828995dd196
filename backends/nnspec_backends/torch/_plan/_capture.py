"""On CUDA: the kernels of a plan as one graph, launched at once, over arrays that stay where they are."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch

__all__ = ["Captured", "cuda_graph"]

_Kernels: TypeAlias = Callable[..., list[torch.Tensor]]
#: of kernels and arrays: what launches them again, and the results, which each launch writes anew
_Capture: TypeAlias = Callable[[_Kernels, list[torch.Tensor]], tuple[Callable[[], None], list[torch.Tensor]]]

#: runs before the capture, in which libraries make what they work with
_WARM = 2


def cuda_graph(kernels: _Kernels, arrays: list[torch.Tensor]) -> tuple[Callable[[], None], list[torch.Tensor]]:
    """A CUDA graph of the kernels.

    Raises:
        RuntimeError: a kernel cannot be captured, such as one that waits for the device.
    """
    device = arrays[0].device
    spare = [x.clone() for x in arrays]
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(_WARM):
            kernels(*spare)
    torch.cuda.current_stream(device).wait_stream(stream)
    before = [x.clone() for x in arrays]
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = kernels(*arrays)
    for x, value in zip(arrays, before, strict=True):  # capturing runs nothing; this is for whoever relies on it
        x.copy_(value)
    return graph.replay, results


class Captured:
    """Arrays of its own for the arguments, and the kernels captured over them.

    Donated arguments move in, and the results are further names of them: given back, they are not copied. All other
    results are copied out, since the next launch writes over them.

    Args:
        kernels: of a plan.
        arrays: the arguments of a call.
        used_up: positions of those that are written to.
        capture: makes a graph of kernels.
    """

    def __init__(
        self, kernels: _Kernels, arrays: Sequence[torch.Tensor], used_up: Sequence[int], capture: _Capture = cuda_graph
    ) -> None:
        self._arrays = [x.clone() for x in arrays]
        self._used_up = frozenset(used_up)
        self._launch, self._results = capture(kernels, self._arrays)
        at = {id(x): k for k, x in enumerate(self._arrays)}
        #: of each result the argument that it is, or None
        self._home = [at.get(id(x)) for x in self._results]
        #: what was handed out last in the place of each argument that is used up
        self._ours: dict[int, weakref.ref[torch.Tensor]] = {}

    def takes(self, arrays: Sequence[torch.Tensor]) -> bool:
        """Whether what is used up is what was handed out last: other values would spoil what somebody may hold."""
        return not self._ours or all(held() is arrays[k] for k, held in self._ours.items())

    def run(self, arrays: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The kernels' results for the arguments."""
        for k, (mine, given) in enumerate(zip(self._arrays, arrays, strict=True)):
            if k not in self._ours:
                mine.copy_(given)
        self._launch()
        names = {k: self._arrays[k].detach() for k in self._used_up}
        out = []
        for x, home in zip(self._results, self._home, strict=True):
            out.append(x.clone() if home is None else names.get(home, arrays[home]))
        self._ours = {k: weakref.ref(x) for k, x in names.items()}
        return out
