"""Planted faults of the gates: gelu, silu, mish, hard_swish and the gated linear units."""

from __future__ import annotations

from nnspec_conformance.faults._fault import Planted

__all__ = ["FAULTS"]

_HALVES = "nnspec.ops.activations._gates:_halves"

FAULTS = Planted()

FAULTS.edit("GELU-1", "ignored option", "tanh-by-default", 'approximate == "tanh"', 'approximate != "erf"')
FAULTS.edit("GELU-1", "wrong constant", "erf-of-x", "x * _SQRT_HALF", "x * 0.7071")
FAULTS.edit("GELU-2", "wrong constant", "coefficient", "0.044715", "0.0447")
FAULTS.edit("GELU-2", "wrong constant", "root-to-ten-digits", "_SQRT_2_OVER_PI", "0.7978845608")
FAULTS.edit(
    "GELU-2",
    "wrong value",
    "of-the-sigmoid",
    "(1.0 + self.tanh(inner))",
    "(2.0 * self.sigmoid(1.702 * x) + 0.0 * inner)",
)
FAULTS.edit("GELU-2", "wrong gradient", "derivative-of-the-cube", "(x * x * x)", "(x * self.stop_gradient(x * x))")

FAULTS.edit(
    "SILU-1",
    "overflow",
    "quotient",
    "x * self.sigmoid(x if beta == 1 else beta * x)",
    "x / (1.0 + self.xp.exp(-beta * x))",
)
FAULTS.edit(
    "SILU-1",
    "wrong gradient",
    "derivative-of-the-sigmoid",
    "self.sigmoid(x if beta == 1 else beta * x)",
    "self.stop_gradient(self.sigmoid(beta * x))",
)
FAULTS.edit("SILU-2", "ignored option", "beta", "x if beta == 1 else beta * x", "x")
FAULTS.edit(
    "SILU-2",
    "swapped argument",
    "beta-outside",
    "x * self.sigmoid(x if beta == 1 else beta * x)",
    "beta * x * self.sigmoid(x)",
)

FAULTS.edit(
    "MISH-1", "precision loss", "logarithm-of-exponential", "self.softplus(x)", "self.xp.log(1.0 + self.xp.exp(x))"
)
FAULTS.edit(
    "MISH-2", "wrong constant", "logarithm-to-base-two", "self.softplus(x)", "(self.softplus(x) / 0.6931471805599453)"
)
FAULTS.edit(
    "MISH-3",
    "special value",
    "nan-at-infinity",
    "x * self.tanh(self.softplus(x))",
    "x - x * (1.0 - self.tanh(self.softplus(x)))",
)

FAULTS.edit("HARD_SWISH-1", "overflow", "six-times-x", "x * self.hard_sigmoid(x)", "x * self.relu6(x + 3.0) / 6.0")
FAULTS.edit(
    "HARD_SWISH-2",
    "wrong kink",
    "slope-at-the-kinks",
    "self.hard_sigmoid(x)",
    "self.xp.where(x < -3, 0.0, self.xp.where(x > 3, 1.0, (x + 3.0) / 6.0))",
)
FAULTS.edit(
    "HARD_SWISH-3",
    "special value",
    "nan-at-infinity",
    "x * self.hard_sigmoid(x)",
    "x - x * (1.0 - self.hard_sigmoid(x))",
)

FAULTS.edit("GLU-1", "swapped argument", "first-half-gates", "a * self.sigmoid(b)", "b * self.sigmoid(a)")
FAULTS.edit("GLU-2", "ignored option", "axis", "position = axis % x.ndim", "position = x.ndim - 1", within=_HALVES)
FAULTS.edit(
    "GLU-2",
    "wrong order",
    "interleaved-halves",
    "x[(*before, slice(None, half), ...)], x[(*before, slice(half, None), ...)]",
    "x[(*before, slice(0, None, 2), ...)], x[(*before, slice(1, None, 2), ...)] if half else x",
    within=_HALVES,
)
FAULTS.edit("GLU-3", "overflow", "exponential-of-minus-b", "self.sigmoid(b)", "(1.0 / (1.0 + self.xp.exp(-b)))")

FAULTS.edit("SWIGLU-1", "swapped argument", "second-half-activated", "self.silu(a) * b", "a * self.silu(b)")
FAULTS.edit("SWIGLU-1", "wrong value", "sigmoid-for-silu", "self.silu(a)", "self.sigmoid(a)")
FAULTS.edit(
    "SWIGLU-2",
    "wrong axis",
    "first-axis",
    "position = axis % x.ndim",
    "position = 0 if x.shape[0] % 2 == 0 else axis % x.ndim",
    within=_HALVES,
)
FAULTS.edit("SWIGLU-3", "overflow", "quotient", "self.silu(a)", "(a / (1.0 + self.xp.exp(-a)))")

FAULTS.edit(
    "GEGLU-1",
    "swapped argument",
    "second-half-activated",
    "self.gelu(a, approximate=approximate) * b",
    "a * self.gelu(b, approximate=approximate)",
)
FAULTS.edit("GEGLU-2", "ignored option", "axis", "position = axis % x.ndim", "position = x.ndim - 1", within=_HALVES)
FAULTS.edit("GEGLU-3", "ignored option", "approximate", "approximate=approximate", 'approximate="none"')
FAULTS.edit("GEGLU-1", "wrong constant", "tanh-by-default", "approximate=approximate", 'approximate="tanh"')
