"""Calls of one operation, as contestants: ours, the framework's own, and the machine's ceilings. Runs in a worker."""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import optree

import nnspec
from nnspec import Backend
from nnspec_conformance.bench._idioms import idioms_of
from nnspec_conformance.bench._inputs import WORK, Work, arrays_of

__all__ = ["Call", "make_ceiling", "make_idiom", "make_ours", "offered"]


class Call:
    """One call, over and over."""

    def __init__(self, run: Callable[[], Any], synchronize: Callable[[], None], moved: float, on_cuda: bool) -> None:
        self.run, self.synchronize = run, synchronize
        self.on_cuda = on_cuda
        self.given = moved
        self.result: Any = None

    def step(self) -> None:
        self.result = self.run()

    def wait(self) -> None:
        ready = [x.block_until_ready() for x in optree.tree_leaves(self.result) if hasattr(x, "block_until_ready")]
        if not ready:
            self.synchronize()

    def amount(self) -> float:
        """Bytes of the arguments; of a ceiling, what it moves or computes."""
        return self.given

    def facts(self) -> dict[str, Any]:
        """Of one call: the bytes of its arguments and results, and the mean and spread of its first result."""
        self.step()
        self.wait()
        results = [x for x in optree.tree_leaves(self.result) if hasattr(x, "dtype")]
        first = np.asarray(_on_host(results[0])).astype(np.float64) if results else np.zeros(1)
        return {
            "bytes": self.given + _bytes(results),
            "mean": float(first.mean()),
            "spread": float(first.std()),
        }

    def peak(self) -> float:
        """Bytes that NumPy has at most at once during one call, beside the arguments."""
        self.step()
        self.result = None
        tracemalloc.start()
        with contextlib.suppress(RuntimeError):
            tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        self.step()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return float(peak - before)


def _on_host(x: Any) -> Any:
    return x.detach().cpu() if hasattr(x, "detach") else x


def _bytes(tree: Any) -> float:
    return float(sum(x.nbytes for x in optree.tree_leaves(tree) if hasattr(x, "nbytes")))


def _first(result: Any) -> Any:
    """What a derivative is taken of: the result, without the states beside it."""
    return result[0] if isinstance(result, tuple) else result


def make_ours(operation: str, backend: str, device: str | None, backward: bool, scale: float = 1.0) -> Call:
    """A backend's operation, forward or with the gradients of the arguments that have one."""
    B = nnspec.get_backend(backend, device=device)
    work = WORK[operation]
    arguments = {
        name: optree.tree_map(lambda x: B.asarray(x, dtype=str(x.dtype)), tree)
        for name, tree in arrays_of(work, scale).items()
    }
    if operation.endswith("_update"):
        arguments["state"] = getattr(B, operation.removesuffix("update") + "init")(arguments["params"])
    method, moved = getattr(B, operation), _bytes(arguments)
    run = _both(B, method, arguments, work) if backward else _forward(B, operation, method, arguments, work)
    return Call(run, B.synchronize, moved, B.name == "torch" and B.device.startswith("cuda"))


def _forward(
    backend: Backend, operation: str, method: Callable[..., Any], arguments: dict[str, Any], work: Work
) -> Callable[[], Any]:
    if backend.traced and arguments and not operation.startswith("init_"):  # those draw on the host
        compiled = backend.compile(lambda given: method(**given, **work.options))
        return lambda: compiled(arguments)
    return lambda: method(**arguments, **work.options)


def _both(backend: Backend, method: Callable[..., Any], arguments: dict[str, Any], work: Work) -> Callable[[], Any]:
    primals = tuple(arguments.pop(name) for name in work.wrt)

    def call(*given: Any) -> Any:
        return _first(method(**dict(zip(work.wrt, given, strict=True)), **arguments, **work.options))

    def forward_and_back(given: Any, cotangent: Any) -> Any:
        _, pull = backend.vjp(call, *given)
        return pull(cotangent)

    cotangent = backend.asarray(_cotangent(tuple(call(*primals).shape)))
    run = backend.compile(forward_and_back) if backend.traced else forward_and_back
    return lambda: run(primals, cotangent)


def _cotangent(shape: tuple[int, ...]) -> Any:
    return np.asarray(np.random.default_rng(1).standard_normal(shape), np.float32)


def offered(framework: str) -> list[str]:
    """Operations that the framework has a call of its own for."""
    return sorted(idioms_of(framework))


def make_idiom(operation: str, framework: str, device: str | None, backward: bool) -> Call:
    """The framework's own call for an operation."""
    function, work = idioms_of(framework)[operation], WORK[operation]
    arrays = arrays_of(work)
    if framework == "torch":
        return _torch_call(function, work, arrays, device or "cpu", backward)
    if framework == "jax":
        return _jax_call(function, work, arrays, backward)
    if backward:
        raise NotImplementedError("NumPy has no derivatives")
    return Call(lambda: function(**arrays), lambda: None, _bytes(arrays), on_cuda=False)


def _torch_call(function: Callable[..., Any], work: Work, arrays: Any, device: str, backward: bool) -> Call:
    import torch

    tensors = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
    on_cuda = device.startswith("cuda")
    moved = _bytes(tensors)
    if not backward:
        return Call(lambda: function(**tensors), lambda: torch.cuda.synchronize() if on_cuda else None, moved, on_cuda)
    leaves = [tensors[name].requires_grad_() for name in work.wrt]
    shape = tuple(_first(function(**tensors)).shape)
    cotangent = torch.from_numpy(_cotangent(shape)).to(device)

    def run() -> Any:
        return torch.autograd.grad(_first(function(**tensors)), leaves, cotangent)

    return Call(run, lambda: torch.cuda.synchronize() if on_cuda else None, moved, on_cuda)


def _jax_call(function: Callable[..., Any], work: Work, arrays: Any, backward: bool) -> Call:
    import jax

    given = {name: jax.device_put(a.astype(np.int32) if a.dtype == np.int64 else a) for name, a in arrays.items()}
    moved = _bytes(given)
    if not backward:
        compiled = jax.jit(lambda a: function(**a))
        return Call(lambda: compiled(given), lambda: None, moved, on_cuda=False)
    primals = [given.pop(name) for name in work.wrt]

    def call(*leaves: Any) -> Any:
        return _first(function(**dict(zip(work.wrt, leaves, strict=True)), **given))

    cotangent = jax.device_put(_cotangent(tuple(call(*primals).shape)))
    both = jax.jit(lambda leaves, g: jax.vjp(call, *leaves)[1](g))
    return Call(lambda: both(primals, cotangent), lambda: None, moved, on_cuda=False)


#: side of the matrices, and elements that are copied
_SIDE, _COPIED = 1024, 8 * 1024 * 1024


def make_ceiling(kind: str, device: str) -> Call:
    """What the machine can do at most: "gemm" of float32, or "copy" of memory."""
    if device.startswith("cuda"):
        return _cuda_ceiling(kind, device)
    if kind == "copy":
        a, b = np.ones(_COPIED, np.float32), np.ones(_COPIED, np.float32)
        return Call(lambda: np.copyto(b, a), lambda: None, 2.0 * a.nbytes, on_cuda=False)
    x = np.random.default_rng(0).standard_normal((_SIDE, _SIDE), dtype=np.float32)
    y = np.empty_like(x)
    return Call(lambda: np.matmul(x, x, out=y), lambda: None, 2.0 * _SIDE**3, on_cuda=False)


def _cuda_ceiling(kind: str, device: str) -> Call:
    import torch

    if kind == "copy":
        a, b = torch.ones(16 * _COPIED, device=device), torch.ones(16 * _COPIED, device=device)
        return Call(lambda: b.copy_(a), torch.cuda.synchronize, 2.0 * a.nbytes, on_cuda=True)
    x = torch.randn(4 * _SIDE, 4 * _SIDE, device=device)
    return Call(lambda: torch.mm(x, x), torch.cuda.synchronize, 2.0 * (4 * _SIDE) ** 3, on_cuda=True)
