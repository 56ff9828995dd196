"""`TorchBackend`: what it owes besides the kernels of its families."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import array_api_compat.torch
import numpy as np
import optree
import torch

from nnspec._low_precision import LOW
from nnspec.backend import PROFILES, Backend, Flat, _check_donate
from nnspec.errors import DeviceUnavailableError, UnsupportedOperationError
from nnspec.operation import Array
from nnspec_backends._host import checked_dtype, fresh_host_array
from nnspec_backends.torch import _process
from nnspec_backends.torch._arrays import from_host, to_host
from nnspec_backends.torch._modes import ieee_products, is_recording, traced, under_transform
from nnspec_backends.torch._plan import Compiled, compiles_at_once
from nnspec_backends.torch.activations import TorchActivations
from nnspec_backends.torch.attention import TorchAttention
from nnspec_backends.torch.convolution import TorchConvolution
from nnspec_backends.torch.embedding import TorchEmbedding
from nnspec_backends.torch.linear import TorchLinear
from nnspec_backends.torch.losses import TorchLosses
from nnspec_backends.torch.normalization import TorchNormalization
from nnspec_backends.torch.optimizers import TorchOptimizers
from nnspec_backends.torch.pooling import TorchPooling
from nnspec_backends.torch.random import TorchRandom
from nnspec_backends.torch.recurrent import TorchRecurrent
from nnspec_backends.torch.shape import TorchShape

__all__ = ["TorchBackend"]

_LOW = frozenset({torch.float16, torch.bfloat16})
_FLOATING = frozenset({torch.float32, torch.float64, *_LOW})
_INTEGER = frozenset({torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8})


class _Depth(threading.local):
    """How many differentiated functions of this thread are being run inside one another."""

    value = 0


_depth = _Depth()


class TorchBackend(
    TorchActivations,
    TorchLinear,
    TorchConvolution,
    TorchPooling,
    TorchNormalization,
    TorchEmbedding,
    TorchAttention,
    TorchRecurrent,
    TorchLosses,
    TorchOptimizers,
    TorchRandom,
    TorchShape,
    Backend,
):
    """PyTorch tensors on the CPU or a CUDA device; derivatives by its autograd.

    Products of float32 are IEEE float32 in its own operations and in the derivatives that `vjp` and
    `value_and_grad` take, whatever the user's TF32 settings, which stay as they are.
    """

    name = "torch"
    xp = array_api_compat.torch
    dtypes = ("float32", "float64", *LOW)
    profiles = frozenset(PROFILES)
    low_dtypes = _LOW
    array_types = frozenset({torch.Tensor, torch.nn.Parameter})
    is_tracing = staticmethod(torch.compiler.is_dynamo_compiling)
    native_low = frozenset({"relu", "silu"})  # decision 0011: what else conforms or not, and at which cost

    @classmethod
    def devices(cls) -> tuple[str, ...]:
        return ("cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count())))

    @classmethod
    def versions(cls) -> dict[str, str]:
        found = {"torch": str(torch.__version__), "numpy": np.__version__}
        if torch.version.cuda is not None:
            found["cuda"] = torch.version.cuda
        return found

    def resolve_device(self, device: str | None) -> str:
        wanted = {None: "cpu", "cuda": "cuda:0"}.get(device, device)
        if wanted not in self.devices():
            raise DeviceUnavailableError(f"device: the torch backend has {', '.join(self.devices())}, got {device!r}")
        return str(wanted)

    def asarray(self, x: Any, *, dtype: str | None = None) -> Array:
        if dtype is not None:
            checked_dtype(self.name, self.dtypes, dtype)
        if isinstance(x, torch.Tensor):
            wanted = self.dtype if dtype is None and x.is_floating_point() else dtype
            return x.to(self.device, None if wanted is None else getattr(torch, wanted))
        return from_host(fresh_host_array(x, dtype=dtype, default=self.dtype)).to(self.device)

    def to_numpy(self, x: Array) -> Any:
        return to_host(x)

    def is_floating(self, x: Array) -> bool:
        return isinstance(x, torch.Tensor) and x.dtype in _FLOATING

    def is_integer(self, x: Array) -> bool:
        return isinstance(x, torch.Tensor) and x.dtype in _INTEGER

    def is_concrete(self, x: Array) -> bool:
        # inside a transform not even an array from outside it can be handed to NumPy
        return not (under_transform() or is_recording() or traced(x)) and bool(x.is_cpu)

    def placement(self, x: Array) -> dict[str, Any]:
        return {"device": x.device}

    def erf(self, x: Array) -> Array:
        return torch.erf(x)

    def stop_gradient(self, x: Array) -> Array:
        return x.detach()

    @property
    def judged_compiled(self) -> bool:
        return compiles_at_once()

    def synchronize(self) -> None:
        if self.device != "cpu":
            torch.cuda.synchronize(self.device)

    def process_state(self) -> dict[str, Any]:
        return _process.process_state()

    def restore_process_state(self, state: Mapping[str, Any]) -> None:
        _process.restore_process_state(state)

    def flat_vjp(self, function: Callable[[Flat], Flat], leaves: Flat) -> tuple[Flat, Callable[[Flat], Flat]]:
        if under_transform():  # torch.autograd neither composes with torch.func nor is it traced
            outputs, pull = torch.func.vjp(function, list(leaves))[:2]
            return outputs, lambda cotangents: pull(list(cotangents))[0]
        nested = _depth.value > 0
        inputs, outputs = self._recorded(function, leaves)

        def pullback(cotangents: Flat) -> Flat:
            return self._gradients(outputs, inputs, cotangents, retain_graph=True, create_graph=nested)

        return [self._released(o, nested) for o in outputs], pullback

    def flat_value_and_grad(
        self, function: Callable[[Flat], tuple[Array, Any]], leaves: Flat
    ) -> tuple[Array, Any, Flat]:
        if under_transform():
            return super().flat_value_and_grad(function, leaves)
        nested = _depth.value > 0
        inputs, (value, aux) = self._recorded(function, leaves)
        one = torch.ones((), dtype=value.dtype, device=value.device)
        grads = self._gradients([value], inputs, [one], retain_graph=nested, create_graph=nested)
        return self._released(value, nested), optree.tree_map(lambda x: self._released(x, nested), aux), grads

    def _recorded(self, function: Callable[[Flat], Any], leaves: Flat) -> tuple[Flat, Any]:
        """Inputs of their own for one differentiation, and what `function` makes of them."""
        with torch.enable_grad():
            if _depth.value:  # inside another differentiation, which has to see what happens to the leaves
                inputs = [x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in leaves]
            else:
                inputs = [x.detach().requires_grad_() for x in leaves]
            _depth.value += 1
            try:
                return inputs, function(list(inputs))
            finally:
                _depth.value -= 1

    def _gradients(
        self, outputs: Flat, inputs: Flat, cotangents: Flat, *, retain_graph: bool, create_graph: bool
    ) -> Flat:
        pairs = [(y, g) for y, g in zip(outputs, cotangents, strict=True) if y.requires_grad]
        if not pairs or not inputs:
            return [torch.zeros_like(x) for x in inputs]
        with self._precision():
            return list(
                torch.autograd.grad(
                    [y for y, _ in pairs],
                    inputs,
                    [g for _, g in pairs],
                    retain_graph=retain_graph,
                    create_graph=create_graph,
                    allow_unused=True,
                    materialize_grads=True,
                )
            )

    def _released(self, x: Any, nested: bool) -> Any:
        return x if nested or not isinstance(x, torch.Tensor) else x.detach()

    def _precision(self) -> AbstractContextManager[None]:
        # torch.compile cannot trace a change of settings; `compile` makes it around the whole function
        return nullcontext() if self.device == "cpu" or torch.compiler.is_compiling() else ieee_products()

    def compile(
        self, function: Callable[..., Any], *, donate: Sequence[int] = (), fuse: bool = False
    ) -> Callable[..., Any]:
        """`Backend.compile`: a traced list of kernels, or with `fuse` kernels made by torch.compile.

        The first calls with given structures, shapes, strides, dtypes and Python values run the function as it is;
        then it is traced, gradients included, and later calls run the kernels that were found. What Python does
        besides (values of attributes and globals, printing) is that of the trace. Optimizers write into donated
        arrays, which let go of their buffers at that moment: a later look at the old value fails. A function that
        cannot be traced, since it looks at values, runs as it is at every call.

        With `fuse` the first call is traced already and torch.compile makes kernels of all but the optimizer's,
        which takes seconds; a function that cannot be traced is an error then.

        Raises:
            UnsupportedOperationError: `fuse` on the CPU without a C++ compiler; at a call, what cannot be traced,
                and more than eight signatures.
            ArgumentError: at a call with `fuse`, donated arrays that share memory.
        """
        _check_donate(donate)
        if fuse and self.device == "cpu" and not _has_cxx_compiler():
            raise UnsupportedOperationError(
                "compile: fuse=True on the CPU needs a C++ compiler, and there is none; install g++ or "
                "clang++, or name one in the environment variable CXX"
            )
        return Compiled(function, donate, fuse=fuse)


def _has_cxx_compiler() -> bool:
    default = "clang++" if sys.platform == "darwin" else "cl" if sys.platform == "win32" else "g++"
    return shutil.which(os.environ.get("CXX", default)) is not None
