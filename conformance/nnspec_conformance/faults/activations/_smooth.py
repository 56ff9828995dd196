"""Planted faults of the exponential rectifiers and the sigmoids."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec.tape import primitive
from nnspec_conformance.faults._fault import Planted

__all__ = ["FAULTS"]

FAULTS = Planted()

# -- exponential rectifiers ------------------------------------------------------------------------------------

FAULTS.edit(
    "ELU-1",
    "precision loss",
    "exp-minus-one",
    "xp.expm1(xp.where(x <= 0, x, 0.0))",
    "(xp.exp(xp.where(x <= 0, x, 0.0)) - 1.0)",
)
FAULTS.edit("ELU-1", "overflow", "exponential-of-large-x", "xp.where(x <= 0, x, 0.0)", "x")
FAULTS.edit("ELU-2", "wrong kink", "one-at-zero", "xp.where(x <= 0, alpha", "xp.where(x < 0, alpha")
FAULTS.edit("ELU-2", "ignored option", "alpha", "alpha * xp.expm1", "xp.expm1")

FAULTS.edit("SELU-1", "precision loss", "constants-in-float32", "_SELU_SCALE * x", "1.0507010221481323 * x")
FAULTS.edit("SELU-2", "wrong kink", "right-side-at-zero", "xp.where(x <= 0, _SELU", "xp.where(x < 0, _SELU")
FAULTS.edit("SELU-3", "missing term", "scale-left-out", "_SELU_LIMIT * xp.expm1", "_SELU_ALPHA * xp.expm1")

FAULTS.edit(
    "CELU-1",
    "precision loss",
    "exp-minus-one",
    "xp.expm1(xp.where(x <= 0, x, 0.0) / alpha)",
    "(xp.exp(xp.where(x <= 0, x, 0.0) / alpha) - 1.0)",
)
FAULTS.edit("CELU-2", "missing term", "elu", " / alpha", "")
FAULTS.edit(
    "CELU-3",
    "special value",
    "bounded-below",
    "xp.where(x <= 0, x, 0.0)",
    "xp.where(x <= 0, xp.where(x < -2.0, -2.0, x), 0.0)",
)

FAULTS.edit(
    "SOFTPLUS-1",
    "overflow",
    "logarithm-of-exponential",
    "(xp.where(z < 0, 0.0, z) + xp.log1p(xp.exp(xp.where(z < 0, z, -z))))",
    "xp.log(1.0 + xp.exp(z))",
)
FAULTS.edit(
    "SOFTPLUS-1",
    "precision loss",
    "linear-above-twenty",
    "xp.where(z < 0, z, -z)",
    "xp.where(z < 0, z, xp.where(z > 20, -1e9, -z))",
)
FAULTS.edit("SOFTPLUS-2", "wrong kink", "one-at-zero", "xp.where(z < 0, z, -z)", "-xp.abs(z)")
FAULTS.edit("SOFTPLUS-2", "ignored option", "beta-of-the-divisor", ") / beta", ")")

FAULTS.edit(
    "SQUAREPLUS-1",
    "overflow",
    "square-of-x",
    "xp.where(far, magnitude, root) * xp.sqrt(1.0 + ratio * ratio)",
    "xp.sqrt(x * x + b)",
)
FAULTS.edit(
    "SQUAREPLUS-2",
    "precision loss",
    "cancels-in-the-left-tail",
    "xp.where(x < 0, (0.5 * b) / total, 0.5 * total)",
    "0.5 * (x + hypotenuse)",
)
FAULTS.edit("SQUAREPLUS-3", "wrong kink", "none-at-zero", "xp.where(x < 0, -x, x)", "xp.abs(x)")
FAULTS.edit("SQUAREPLUS-2", "wrong constant", "twice-b", "(0.5 * b) / total", "b / total")

# -- sigmoids --------------------------------------------------------------------------------------------------

FAULTS.edit(
    "SIGMOID-1",
    "precision loss",
    "half-a-tanh",
    "xp.where(x < 0, z, 1.0) / (1.0 + z)",
    "0.5 * (1.0 + xp.tanh(0.5 * x)) + 0.0 * z",
)
FAULTS.edit(
    "SIGMOID-1",
    "special value",
    "clipped-at-twenty",
    "xp.exp(xp.where(x < 0, x, -x))",
    "xp.exp(xp.where(x < 0, xp.where(x < -20.0, -20.0, x), -x))",
)
FAULTS.edit(
    "SIGMOID-1", "overflow", "exponential-of-minus-x", "xp.where(x < 0, z, 1.0) / (1.0 + z)", "1.0 / (1.0 + xp.exp(-x))"
)

_from_rounded_output = primitive(
    lambda x: 1.0 / (1.0 + np.exp(-np.abs(x))) * np.where(x < 0, np.exp(-np.abs(x)), 1.0).astype(x.dtype),
    lambda g, y, x: g * y,
)


@FAULTS.fault("SIGMOID-2", "wrong gradient")
def derivative_of_exp(backend: Any, sound: Any, x: Any) -> Any:
    """The derivative is y, not y (1 - y)."""
    return _from_rounded_output(x)


FAULTS.edit(
    "LOG_SIGMOID-1",
    "overflow",
    "logarithm-of-sigmoid",
    "xp.where(x < 0, x, 0.0) - xp.log1p(xp.exp(xp.where(x < 0, x, -x)))",
    "xp.log(self.sigmoid(x))",
)
FAULTS.edit("LOG_SIGMOID-2", "wrong kink", "none-at-zero", "xp.exp(xp.where(x < 0, x, -x))", "xp.exp(-xp.abs(x))")
FAULTS.edit(
    "LOG_SIGMOID-3",
    "special value",
    "infinity-less-infinity",
    "xp.where(x < 0, x, 0.0) - xp.log1p(xp.exp(xp.where(x < 0, x, -x)))",
    "x - self.softplus(x)",
)

FAULTS.edit(
    "TANH-1", "precision loss", "of-the-exponential", "self.xp.tanh(x)", "1.0 - 2.0 / (self.xp.exp(2.0 * x) + 1.0)"
)
FAULTS.edit(
    "TANH-1",
    "overflow",
    "quotient-of-exponentials",
    "self.xp.tanh(x)",
    "(self.xp.exp(x) - self.xp.exp(-x)) / (self.xp.exp(x) + self.xp.exp(-x))",
)

FAULTS.edit(
    "TANHSHRINK-1",
    "overflow",
    "quotient-of-exponentials",
    "self.tanh(x)",
    "(self.xp.exp(2.0 * x) - 1.0) / (self.xp.exp(2.0 * x) + 1.0)",
)

_tanhshrink = primitive(lambda x: x - np.tanh(x), lambda g, y, x: g * (1.0 - np.tanh(x) ** 2))


@FAULTS.fault("TANHSHRINK-2", "wrong gradient")
def derivative_of_tanh(backend: Any, sound: Any, x: Any) -> Any:
    """The derivative is 1 - tanh(x)^2, that of tanh."""
    return _tanhshrink(x)


FAULTS.edit(
    "TANHSHRINK-3",
    "special value",
    "loses-nan",
    "x - self.tanh(x)",
    "self.xp.where(x == x, x - self.tanh(x), self.xp.zeros_like(x))",
)

FAULTS.edit("SOFTSIGN-1", "overflow", "root-of-the-square", "self.xp.where(x < 0, -x, x)", "self.xp.sqrt(x * x)")
FAULTS.edit(
    "SOFTSIGN-1",
    "wrong gradient",
    "one-power-short",
    "(1.0 + self.xp.where(x < 0, -x, x))",
    "self.stop_gradient(1.0 + self.xp.where(x < 0, -x, x))",
)
FAULTS.edit(
    "SOFTSIGN-2",
    "special value",
    "nan-at-zero",
    "x / (1.0 + self.xp.where(x < 0, -x, x))",
    "x / (1.0 + self.xp.exp(0.5 * self.xp.log(x * x)))",
)
