"""Native linear layer: one GEMM forward, one for each gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec.operation import Array
from nnspec.ops.linear import Linear
from nnspec.tape import kernel

__all__ = ["NumpyLinear"]


def _forward(x: Any, weight: Any, bias: Any) -> tuple[Any, Any]:
    rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])  # not -1: there may be no terms at all
    y = rows @ weight.T
    if bias is not None:
        y += bias
    return y.reshape(*x.shape[:-1], weight.shape[0]), (x.shape, rows, weight)


def _backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    shape, rows, weight = saved
    flat = g.reshape(rows.shape[0], weight.shape[0])
    return [
        (flat @ weight).reshape(shape) if needed[0] else None,
        flat.T @ rows if needed[1] else None,
        np.add.reduce(flat, axis=0) if needed[2] else None,
    ]


linear = kernel(_forward, _backward)


class NumpyLinear(Linear):
    """Leading axes are rows of one matrix."""

    def linear(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        return linear(x, weight, bias)
