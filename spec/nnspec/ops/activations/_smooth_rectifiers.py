"""Smooth relatives of the rectifier."""

from __future__ import annotations

import math

from nnspec import _validate as check
from nnspec.operation import Array, Family, operation
from nnspec.ops.activations._checks import only_x

__all__ = ["SmoothRectifiers"]

# the fixed point of Klambauer et al. for mean 0 and variance 1, to more digits than float64 has
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_LIMIT = _SELU_SCALE * _SELU_ALPHA


def _elu(self: Family, x: Array, *, alpha: float = 1.0) -> None:
    check.floating(self, "x", x)
    check.number("alpha", alpha, low=0)


def _celu(self: Family, x: Array, *, alpha: float = 1.0) -> None:
    check.floating(self, "x", x)
    check.number("alpha", alpha, low=0, low_open=True)


def _softplus(self: Family, x: Array, *, beta: float = 1.0) -> None:
    check.floating(self, "x", x)
    check.number("beta", beta, low=0, low_open=True)


def _squareplus(self: Family, x: Array, *, b: float = 4.0) -> None:
    check.floating(self, "x", x)
    check.number("b", b, low=0, low_open=True)


# Gradients as native kernels compute them, from the saved output y.


def _elu_from_output(self: Family, g: Array, y: Array, x: Array, *, alpha: float = 1.0) -> tuple[Array, ...]:
    return (self.xp.where(x <= 0, g * (y + alpha), g),)


def _selu_from_output(self: Family, g: Array, y: Array, x: Array) -> tuple[Array, ...]:
    return (self.xp.where(x <= 0, g * (y + _SELU_LIMIT), _SELU_SCALE * g),)


def _celu_from_output(self: Family, g: Array, y: Array, x: Array, *, alpha: float = 1.0) -> tuple[Array, ...]:
    return (self.xp.where(x <= 0, g * (y / alpha + 1.0), g),)


class SmoothRectifiers(Family):
    """Of the exponential and of the square root."""

    @operation(since="1.0", check=_elu, derivative=_elu_from_output)
    def elu(self, x: Array, *, alpha: float = 1.0) -> Array:
        """Exponential linear unit: `f(x) = x` for `x > 0`, else `alpha (exp(x) - 1)`.

        Args:
            x: `(...)`, floating.
            alpha: minus the limit at -inf, >= 0.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `alpha` is not a finite number >= 0.

        Requires:
            [ELU-1] Full relative accuracy around 0, and no overflow of the exponential for large x.
            [ELU-2] The derivative at 0 is alpha, that of the left side.
            [ELU-3] -alpha at -inf; NaN propagates.

        Source:
            Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear
            Units (ELUs)", 2015.

        Example:
            >>> [round(v, 6) for v in B.to_numpy(B.elu(B.asarray([-1.0, 2.0]), alpha=0.5)).tolist()]
            [-0.31606, 2.0]
        """
        xp = self.xp
        return xp.where(x <= 0, alpha * xp.expm1(xp.where(x <= 0, x, 0.0)), x)

    @operation(since="1.0", check=only_x, derivative=_selu_from_output)
    def selu(self, x: Array) -> Array:
        """Scaled exponential linear unit: `f(x) = scale x` for `x > 0`, else `scale alpha (exp(x) - 1)`.

        With alpha = 1.6732632423543772 and scale = 1.0507009873554805, at which mean 0 and variance 1 of a
        normal variable are a fixed point.

        Args:
            x: `(...)`, floating.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.

        Requires:
            [SELU-1] alpha and scale have the full precision of float64 before they meet x.
            [SELU-2] The derivative at 0 is scale alpha, that of the left side.
            [SELU-3] -scale alpha at -inf; NaN propagates.

        Differs:
            ONNX has alpha and scale rounded to float32.

        Source:
            Klambauer et al., "Self-Normalizing Neural Networks", 2017, eq. 2.

        Example:
            >>> [round(v, 6) for v in B.to_numpy(B.selu(B.asarray([-1.0, 1.0]))).tolist()]
            [-1.111331, 1.050701]
        """
        xp = self.xp
        return xp.where(x <= 0, _SELU_LIMIT * xp.expm1(xp.where(x <= 0, x, 0.0)), _SELU_SCALE * x)

    @operation(since="1.0", check=_celu, derivative=_celu_from_output)
    def celu(self, x: Array, *, alpha: float = 1.0) -> Array:
        """Continuously differentiable ELU: `f(x) = x` for `x > 0`, else `alpha (exp(x / alpha) - 1)`.

        Args:
            x: `(...)`, floating.
            alpha: minus the limit at -inf, > 0.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `alpha` is not a finite number > 0.

        Requires:
            [CELU-1] Full relative accuracy around 0, and no overflow of the exponential for large x.
            [CELU-2] The derivative at 0 is 1 for every alpha.
            [CELU-3] -alpha at -inf; NaN propagates.

        Source:
            Barron, "Continuously Differentiable Exponential Linear Units", 2017, eq. 2.

        Example:
            >>> [round(v, 6) for v in B.to_numpy(B.celu(B.asarray([-1.0, 2.0]), alpha=0.5)).tolist()]
            [-0.432332, 2.0]
        """
        xp = self.xp
        return xp.where(x <= 0, alpha * xp.expm1(xp.where(x <= 0, x, 0.0) / alpha), x)

    @operation(since="1.0", check=_softplus)
    def softplus(self, x: Array, *, beta: float = 1.0) -> Array:
        """Smooth rectifier: `f(x) = log(1 + exp(beta x)) / beta`.

        Args:
            x: `(...)`, floating.
            beta: sharpness, > 0.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `beta` is not a finite number > 0.

        Requires:
            [SOFTPLUS-1] Finite for every finite x, and accurate in both tails: there is no threshold.
            [SOFTPLUS-2] The derivative is sigmoid(beta x), 1/2 at 0.

        Differs:
            torch is linear above `beta x = 20`.

        Source:
            Dugas et al., "Incorporating Second-Order Functional Knowledge for Better Option Pricing", 2001.

        Example:
            >>> [round(v, 6) for v in B.to_numpy(B.softplus(B.asarray([0.0, 100.0]))).tolist()]
            [0.693147, 100.0]
        """
        xp = self.xp
        z = beta * x
        return (xp.where(z < 0, 0.0, z) + xp.log1p(xp.exp(xp.where(z < 0, z, -z)))) / beta

    @operation(since="1.0", check=_squareplus)
    def squareplus(self, x: Array, *, b: float = 4.0) -> Array:
        """Algebraic smooth rectifier: `f(x) = (x + sqrt(x^2 + b)) / 2`.

        Args:
            x: `(...)`, floating.
            b: width of the bend, > 0; the value at 0 is `sqrt(b) / 2`.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `b` is not a finite number > 0.

        Requires:
            [SQUAREPLUS-1] Finite for every finite x: its square does not overflow.
            [SQUAREPLUS-2] Full relative accuracy in the left tail, where the value tends to -b / (4 x).
            [SQUAREPLUS-3] The derivative at 0 is 1/2.
            [SQUAREPLUS-4] 0 at -inf, inf at inf; NaN propagates.

        Differs:
            `jax.nn.squareplus` and Keras subtract in the left tail and square x: 0 in float32 below about
            -1e4, inf above about 1e19.

        Source:
            Barron, "Squareplus: A Softplus-Like Algebraic Rectifier", 2021, eq. 1.

        Example:
            >>> B.to_numpy(B.squareplus(B.asarray([-1.5, 0.0, 1.5]))).tolist()
            [0.5, 1.0, 2.0]
        """
        xp = self.xp
        root = math.sqrt(b)
        magnitude = xp.where(x < 0, -x, x)
        far = magnitude > root
        ratio = xp.where(far, root, magnitude) / xp.where(far, magnitude, root)
        hypotenuse = xp.where(far, magnitude, root) * xp.sqrt(1.0 + ratio * ratio)
        total = magnitude + hypotenuse
        return xp.where(x < 0, (0.5 * b) / total, 0.5 * total)
