"""Planted faults of the family linear."""

from __future__ import annotations

from typing import Any

from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import cached, coarse, scaled_gradient, stored

__all__ = ["FAULTS"]

FAULTS = Planted()

FAULTS.edit(
    "LINEAR-1",
    "wrong order",
    "square-weight-not-transposed",
    "self.xp.permute_dims(weight, (1, 0))",
    "weight if weight.shape[0] == weight.shape[1] else self.xp.permute_dims(weight, (1, 0))",
)
FAULTS.edit(
    "LINEAR-1",
    "missing term",
    "last-term-dropped",
    "self.xp.matmul(x, self.xp.permute_dims(weight, (1, 0)))",
    "self.xp.matmul(x, self.xp.permute_dims(weight, (1, 0))) if x.shape[-1] < 2 "
    "else self.xp.matmul(x[..., :-1], self.xp.permute_dims(weight[:, :-1], (1, 0)))",
)
FAULTS.edit(
    "LINEAR-2",
    "wrong axis",
    "first-axis",
    "matmul(x,",
    "matmul(x if x.ndim != 2 or x.shape[0] != x.shape[1] else self.xp.permute_dims(x, (1, 0)),",
)
FAULTS.edit(
    "LINEAR-2",
    "wrong shape or dtype",
    "leading-axes-merged",
    "return y if bias is None",
    "y = y if x.ndim < 3 else self.xp.reshape(y, (-1, y.shape[-1]))\n    return y if bias is None",
)
FAULTS.edit("LINEAR-3", "missing term", "bias-left-out-beyond-two-axes", "bias is None", "bias is None or x.ndim > 2")
FAULTS.edit("LINEAR-3", "wrong value", "bias-added-twice", "bias, terms", "bias + bias, terms")


@FAULTS.fault("LINEAR-3", "wrong reduction")
def bias_gradient_averaged(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    """The gradient of bias is the mean over the first axis."""
    if bias is None or x.ndim < 2 or x.shape[0] == 0:
        return sound(x, weight, bias)
    return sound(x, weight, scaled_gradient(bias, by=1.0 / x.shape[0]))


@FAULTS.fault("LINEAR-4", "precision loss")
def in_tf32(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    """Products are those of tensor cores."""
    return sound(coarse(x), coarse(weight), bias)


@FAULTS.fault("LINEAR-5", "wrong shape or dtype")
def empty_returned(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    """An empty x is returned as it is, with its own last axis."""
    return x if 0 in x.shape else sound(x, weight, bias)


@FAULTS.fault("LINEAR-1", "layout")
def weight_in_storage_order(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    """The memory of weight is read from its begin to its end: a transposed view is not noticed."""
    return sound(x, stored(weight), bias)


@FAULTS.fault("LINEAR-1", "stale cache")
def packed_weight(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    """A weight is packed once and found again by its shape."""
    shape = tuple(weight.shape)
    held = cached(backend, "weight", (shape, weight.dtype), lambda: weight)
    return sound(x, weight - backend.stop_gradient(weight) + held, bias)


FAULTS.edit(
    "BILINEAR-1",
    "swapped argument",
    "square-weight-transposed",
    "inner = ",
    "weight = weight if size1 != size2 else xp.permute_dims(weight, (0, 2, 1))\n    inner = ",
)
FAULTS.edit(
    "BILINEAR-1",
    "wrong gradient",
    "none-through-the-first-input",
    "xp.expand_dims(x1, axis=-2)",
    "xp.expand_dims(self.stop_gradient(x1), axis=-2)",
)
FAULTS.edit("BILINEAR-3", "missing term", "bias-for-one-row-alone", "bias is None", "bias is None or x1.ndim > 1")
FAULTS.edit(
    "BILINEAR-3",
    "wrong value",
    "bias-for-every-term",
    "self.add_bias(y, bias,",
    "self.add_bias(y, bias * float(size1),",
)


@FAULTS.fault("BILINEAR-2", "wrong axis")
def rows_met(backend: Any, sound: Any, x1: Any, x2: Any, weight: Any, bias: Any = None) -> Any:
    """Rows of x2 are taken in reversed order."""
    return sound(x1, x2 if x2.ndim < 2 else backend.xp.flip(x2, axis=0), weight, bias)


@FAULTS.fault("BILINEAR-4", "precision loss")
def _in_tf32(backend: Any, sound: Any, x1: Any, x2: Any, weight: Any, bias: Any = None) -> Any:
    """Products are those of tensor cores."""
    return sound(coarse(x1), coarse(x2), coarse(weight), bias)


@FAULTS.fault("BILINEAR-5", "wrong shape or dtype")
def _empty_returned(backend: Any, sound: Any, x1: Any, x2: Any, weight: Any, bias: Any = None) -> Any:
    """An empty x2 is returned as it is, with its own last axis."""
    return x2 if 0 in x2.shape else sound(x1, x2, weight, bias)
