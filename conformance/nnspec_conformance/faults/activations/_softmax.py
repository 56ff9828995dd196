"""Planted faults of softmax and log_softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec.tape import primitive
from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import stored

__all__ = ["FAULTS"]

FAULTS = Planted()

_MAXIMUM = "x - self.stop_gradient(xp.max(x, axis=axis, keepdims=True))"

FAULTS.edit("SOFTMAX-1", "overflow", "not-shifted", _MAXIMUM, "x")
FAULTS.edit(
    "SOFTMAX-1",
    "wrong reduction",
    "shifted-by-the-largest-of-all",
    "xp.max(x, axis=axis, keepdims=True)",
    "(xp.max(x) if x.size else x)",
)
FAULTS.edit(
    "SOFTMAX-1",
    "missing term",
    "eps-in-the-divisor",
    "xp.sum(e, axis=axis, keepdims=True)",
    "(xp.sum(e, axis=axis, keepdims=True) + 1e-7)",
)
FAULTS.edit("SOFTMAX-2", "wrong axis", "divided-by-sums-of-the-last-axis", "xp.sum(e, axis=axis,", "xp.sum(e, axis=-1,")
FAULTS.edit(
    "SOFTMAX-3",
    "special value",
    "uniform-without-a-finite-entry",
    _MAXIMUM,
    "xp.maximum(x, -1e30) - self.stop_gradient(xp.maximum(xp.max(x, axis=axis, keepdims=True), -1e30))",
)
FAULTS.edit(
    "SOFTMAX-3",
    "special value",
    "zero-without-a-finite-entry",
    "e / xp.sum(e, axis=axis, keepdims=True)",
    "xp.where(x == -float('inf'), 0.0, e / xp.sum(e, axis=axis, keepdims=True))",
)


def _exp_normalized(x: Any, *, axis: int) -> Any:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


_diagonal = primitive(_exp_normalized, lambda g, y, x, *, axis: y * g)


@FAULTS.fault("SOFTMAX-2", "wrong gradient")
def diagonal_of_the_jacobian(backend: Any, sound: Any, x: Any, *, axis: int = -1) -> Any:
    """The gradient is y g, without y times the sum of y g."""
    return _diagonal(x, axis=axis)


@FAULTS.fault("SOFTMAX-2", "layout")
def storage_order(backend: Any, sound: Any, x: Any, *, axis: int = -1) -> Any:
    """The memory of x is read from its begin to its end, whatever the order of its axes."""
    return sound(stored(x), axis=axis)


FAULTS.edit(
    "LOG_SOFTMAX-1",
    "precision loss",
    "of-softmax",
    "z - xp.log(xp.sum(xp.exp(z), axis=axis, keepdims=True))",
    "xp.log(self.softmax(x, axis=axis))",
)
FAULTS.edit(
    "LOG_SOFTMAX-1",
    "special value",
    "of-clipped-softmax",
    "z - xp.log(xp.sum(xp.exp(z), axis=axis, keepdims=True))",
    "xp.log(xp.maximum(self.softmax(x, axis=axis), 1e-7))",
)
FAULTS.edit("LOG_SOFTMAX-2", "overflow", "not-shifted", _MAXIMUM, "x")
FAULTS.edit(
    "LOG_SOFTMAX-2",
    "precision loss",
    "shift-added-again",
    "z - xp.log(xp.sum(xp.exp(z), axis=axis, keepdims=True))",
    "x - (xp.log(xp.sum(xp.exp(z), axis=axis, keepdims=True)) + self.stop_gradient(x - z))",
)
FAULTS.edit(
    "LOG_SOFTMAX-1",
    "wrong gradient",
    "normalizer-constant",
    "- xp.log(xp.sum(xp.exp(z), axis=axis, keepdims=True))",
    "- self.stop_gradient(xp.log(xp.sum(xp.exp(z), axis=axis, keepdims=True)))",
)
