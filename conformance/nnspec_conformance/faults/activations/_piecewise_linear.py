"""Planted faults of identity, the rectifiers, maxout, the bounded and the shrinking functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec.tape import primitive, raw
from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import cached, scaled_gradient, stored

__all__ = ["FAULTS"]

FAULTS = Planted()

# -- identity and the rectifiers -----------------------------------------------------------------------------

FAULTS.edit("IDENTITY-1", "wrong gradient", "no-derivative", "return x", "return self.stop_gradient(x)")
FAULTS.edit(
    "IDENTITY-1",
    "precision loss",
    "through-float32",
    "return x",
    "return self.xp.astype(self.xp.astype(x, self.xp.float32), x.dtype)",
)

FAULTS.edit("RELU-2", "wrong kink", "one-at-zero", "x <= 0", "x < 0")
FAULTS.edit("RELU-2", "wrong kink", "half-at-zero", "self.xp.where(x <= 0, 0.0, x)", "self.xp.maximum(x, 0.0)")
FAULTS.edit("RELU-3", "special value", "loses-nan", "x <= 0, 0.0, x", "x > 0, x, 0.0")


@FAULTS.fault("RELU-1", "in-place write")
def in_place(backend: Any, sound: Any, x: Any) -> Any:
    """The result overwrites x."""
    y = sound(x)
    raw(x)[...] = raw(y)
    return y


@FAULTS.fault("RELU-1", "layout")
def storage_order(backend: Any, sound: Any, x: Any) -> Any:
    """The memory of x is read from its begin to its end, whatever the order of its axes."""
    return sound(stored(x))


FAULTS.edit("RELU6-1", "wrong constant", "bounded-by-one", "xp.where(x >= 6, 6.0, x)", "xp.where(x >= 1, 1.0, x)")
FAULTS.edit("RELU6-2", "wrong kink", "open-at-six", "x >= 6", "x > 6")
FAULTS.edit(
    "RELU6-3",
    "special value",
    "loses-nan",
    "xp.where(x <= 0, 0.0, xp.where(x >= 6, 6.0, x))",
    "xp.where(x < 6, xp.where(x > 0, x, 0.0), 6.0)",
)

FAULTS.edit(
    "LEAKY_RELU-1",
    "rare option",
    "maximum",
    "self.xp.where(x <= 0, negative_slope * x, x)",
    "self.xp.maximum(negative_slope * x, x)",
)
FAULTS.edit(
    "LEAKY_RELU-1",
    "wrong constant",
    "default-slope-of-keras",
    "negative_slope * x",
    "(0.2 if negative_slope == 0.01 else negative_slope) * x",
)
FAULTS.edit("LEAKY_RELU-2", "wrong kink", "one-at-zero", "x <= 0", "x < 0")
FAULTS.edit(
    "LEAKY_RELU-3",
    "special value",
    "loses-nan",
    "x <= 0, negative_slope * x, x",
    "x > 0, x, negative_slope * self.xp.where(x <= 0, x, 0.0)",
)


@FAULTS.fault("LEAKY_RELU-1", "stale cache")
def first_slope(backend: Any, sound: Any, x: Any, *, negative_slope: float = 0.01) -> Any:
    """The function is built once, with the slope of the first call."""
    slope = cached(backend, "slope", "slope", lambda: negative_slope)
    return sound(x, negative_slope=slope)


FAULTS.edit("PRELU-1", "wrong axis", "last-axis", "position = axis % x.ndim", "position = x.ndim - 1")
FAULTS.edit("PRELU-1", "ignored option", "axis-one", "position = axis % x.ndim", "position = 1 % x.ndim")
FAULTS.edit("PRELU-2", "wrong kink", "one-at-zero", "x <= 0", "x < 0")


@FAULTS.fault("PRELU-3", "wrong reduction")
def mean_over_the_batch(backend: Any, sound: Any, x: Any, weight: Any, *, axis: int = 1) -> Any:
    """The gradient of weight is averaged over the batch."""
    return sound(x, scaled_gradient(weight, by=1.0 / max(x.shape[0], 1)), axis=axis)


# -- maxout ----------------------------------------------------------------------------------------------------

FAULTS.edit(
    "MAXOUT-1",
    "wrong order",
    "strided-pieces",
    "units, num_pieces, *x.shape[position + 1 :]))\n    return self.xp.max(pieces, axis=position + 1)",
    "num_pieces, units, *x.shape[position + 1 :]))\n    return self.xp.max(pieces, axis=position)",
)
FAULTS.edit(
    "MAXOUT-3",
    "special value",
    "ignores-nan",
    "self.xp.max(pieces,",
    "self.xp.max(self.xp.where(pieces == pieces, pieces, -float('inf')),",
)


def _to_the_first(g: Any, y: Any, x: Any) -> Any:
    chosen = np.expand_dims(np.argmax(x, axis=-1), -1)
    pulled = np.zeros_like(x)
    np.put_along_axis(pulled, chosen, np.expand_dims(g, -1), axis=-1)
    return pulled


_first_largest = primitive(lambda x: np.max(x, axis=-1), _to_the_first)


@FAULTS.fault("MAXOUT-2", "wrong tie")
def first_piece_takes_all(backend: Any, sound: Any, x: Any, *, num_pieces: int, axis: int = -1) -> Any:
    """Of several largest pieces the first receives the whole gradient."""
    if axis % x.ndim != x.ndim - 1:
        return sound(x, num_pieces=num_pieces, axis=axis)
    return _first_largest(backend.xp.reshape(x, (*x.shape[:-1], x.shape[-1] // num_pieces, num_pieces)))


# -- bounded ---------------------------------------------------------------------------------------------------

FAULTS.edit("HARD_TANH-1", "ignored option", "max-value", "max_value, x)", "1.0, x)")
FAULTS.edit("HARD_TANH-1", "swapped argument", "bounds", "x <= min_value, min_value,", "x <= min_value, max_value,")
FAULTS.edit("HARD_TANH-2", "wrong kink", "open-at-max-value", "x >= max_value", "x > max_value")
FAULTS.edit(
    "HARD_TANH-3",
    "special value",
    "loses-nan",
    "xp.where(x <= min_value, min_value, xp.where(x >= max_value, max_value, x))",
    "xp.where(x > min_value, xp.where(x >= max_value, max_value, x), min_value)",
)

FAULTS.edit("HARD_SIGMOID-1", "wrong constant", "slope-of-onnx", "(x + 3.0) / 6.0", "0.2 * x + 0.5")
FAULTS.edit("HARD_SIGMOID-2", "wrong kink", "open-at-minus-three", "x <= -3", "x < -3")
FAULTS.edit(
    "HARD_SIGMOID-4",
    "special value",
    "loses-nan",
    "xp.where(x <= -3, 0.0, xp.where(x >= 3, 1.0, (x + 3.0) / 6.0))",
    "xp.where(x > -3, xp.where(x < 3, (x + 3.0) / 6.0, 1.0), 0.0)",
)


@FAULTS.fault("HARD_SIGMOID-3", "precision loss")
def slope_in_float32(backend: Any, sound: Any, x: Any) -> Any:
    """The derivative is the float32 nearest to 1/6 (torch, in float64)."""
    return sound(scaled_gradient(x, by=6.0 * float(np.float32(1 / 6))))


# -- shrinking -------------------------------------------------------------------------------------------------

FAULTS.edit("SOFTSHRINK-1", "missing term", "hard", "x - lambd", "x")
FAULTS.edit("SOFTSHRINK-2", "wrong kink", "open-at-minus-lambd", "x >= -lambd", "x > -lambd")
FAULTS.edit(
    "SOFTSHRINK-3",
    "special value",
    "loses-nan",
    "xp.where(x >= -lambd, 0.0, x + lambd)",
    "xp.where(x < -lambd, x + lambd, 0.0)",
)
FAULTS.edit("HARDSHRINK-1", "wrong kink", "lambd-passes", "x <= lambd", "x < lambd")
FAULTS.edit("HARDSHRINK-1", "ignored option", "lambd", "x <= lambd", "x <= 0.5")
FAULTS.edit(
    "HARDSHRINK-3", "special value", "loses-nan", "xp.where(x >= -lambd, 0.0, x)", "xp.where(x < -lambd, x, 0.0)"
)
FAULTS.edit("THRESHOLD-1", "swapped argument", "value-and-threshold", "x <= threshold, value", "x <= value, threshold")
FAULTS.edit("THRESHOLD-2", "wrong kink", "threshold-passes", "x <= threshold", "x < threshold")
FAULTS.edit("THRESHOLD-3", "special value", "loses-nan", "x <= threshold, value, x", "x > threshold, x, value")
FAULTS.edit(
    "HEAVISIDE-1", "wrong kink", "half-at-zero", "xp.where(x >= 0, 1.0,", "xp.where(x >= 0, xp.where(x > 0, 1.0, 0.5),"
)
FAULTS.edit(
    "HEAVISIDE-2",
    "wrong gradient",
    "straight-through",
    "x = self.stop_gradient(x)\n    return ",
    "return (x - self.stop_gradient(x)) + ",
)
FAULTS.edit("HEAVISIDE-3", "special value", "loses-nan", "0.0, x)", "0.0, xp.zeros_like(x))")
