"""In which mode PyTorch runs: traced or eager, and with which precision of products."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch._C import _functorch  # torch.func offers no public way to ask

__all__ = ["ieee_products", "is_recording", "recorded", "traced", "under_transform"]


class _Recording(threading.local):
    """Whether this thread runs a function to see which kernels it comes to."""

    value = False


_recording = _Recording()


def is_recording() -> bool:
    """Whether what this thread runs is recorded by `Backend.compile`: tensors have no values to look at."""
    return _recording.value


@contextmanager
def recorded() -> Iterator[None]:
    """Within it, nothing looks at values."""
    before, _recording.value = _recording.value, True
    try:
        yield
    finally:
        _recording.value = before


def traced(x: torch.Tensor) -> bool:
    """Whether `x` stands for values that are not there to be looked at: torch.compile, vmap, func.grad."""
    return torch.compiler.is_compiling() or _functorch.is_functorch_wrapped_tensor(x)


def under_transform() -> bool:
    """Whether this code is being traced by torch.compile or runs inside a transform of torch.func."""
    return torch.compiler.is_compiling() or _functorch.peek_interpreter_stack() is not None


@contextmanager
def ieee_products() -> Iterator[None]:
    """float32 products of CUDA in IEEE float32; the user's settings are back afterwards."""
    cudnn: Any = torch.backends.cudnn
    matmul, conv, rnn = torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn
    before = matmul.fp32_precision, conv.fp32_precision, rnn.fp32_precision
    matmul.fp32_precision = conv.fp32_precision = rnn.fp32_precision = "ieee"
    try:
        yield
    finally:
        matmul.fp32_precision, conv.fp32_precision, rnn.fp32_precision = before
