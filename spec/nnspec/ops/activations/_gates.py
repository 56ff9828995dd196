"""Activations that multiply: by a function of the same input, or one half of the input by that of the other."""

from __future__ import annotations

import math
from collections.abc import Callable

from nnspec import _validate as check
from nnspec.errors import ShapeError
from nnspec.operation import Array, Family, operation
from nnspec.ops.activations._checks import only_x

__all__ = ["Gates"]

_SQRT_HALF = math.sqrt(0.5)
_SQRT_2_OVER_PI = math.sqrt(2 / math.pi)


def _gelu(self: Family, x: Array, *, approximate: str = "none") -> None:
    check.floating(self, "x", x)
    check.choice("approximate", approximate, ("none", "tanh"))


def _silu(self: Family, x: Array, *, beta: float = 1.0) -> None:
    check.floating(self, "x", x)
    check.number("beta", beta)


def _halves_of(self: Family, x: Array, *, axis: int = -1) -> None:
    check.floating(self, "x", x)
    if x.shape[check.axis("axis", axis, x.ndim)] % 2:
        raise ShapeError(f"x: expected an even number of entries along axis {axis}, got shape {tuple(x.shape)}")


def _geglu(self: Family, x: Array, *, axis: int = -1, approximate: str = "none") -> None:
    _halves_of(self, x, axis=axis)
    check.choice("approximate", approximate, ("none", "tanh"))


def _halves(x: Array, axis: int) -> tuple[Array, Array]:
    """The first and the second half of `x` along `axis`."""
    position = axis % x.ndim
    half = x.shape[position] // 2
    before = (slice(None),) * position
    return x[(*before, slice(None, half), ...)], x[(*before, slice(half, None), ...)]


class Gates(Family):
    """Self-gated units, and gated linear units."""

    sigmoid: Callable[..., Array]
    tanh: Callable[..., Array]
    softplus: Callable[..., Array]
    hard_sigmoid: Callable[..., Array]

    @operation(since="1.0", check=_gelu)
    def gelu(self, x: Array, *, approximate: str = "none") -> Array:
        """Gaussian error linear unit: `f(x) = x Phi(x) = x (1 + erf(x / sqrt 2)) / 2`.

        With `approximate="tanh"`: `f(x) = x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`.

        Args:
            x: `(...)`, floating.
            approximate: "none" (exact) or "tanh".

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `approximate` is another value.

        Requires:
            [GELU-1] By default the exact form with erf.
            [GELU-2] With approximate="tanh" the cubic coefficient is 0.044715 and the factor sqrt(2 / pi).

        Differs:
            `jax.nn.gelu` and `keras.ops.gelu` approximate by default.

        Source:
            Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, sec. 2.

        Example:
            >>> [round(v, 6) for v in B.to_numpy(B.gelu(B.asarray([-1.0, 1.0]))).tolist()]
            [-0.158655, 0.841345]
        """
        if approximate == "tanh":
            inner = _SQRT_2_OVER_PI * (x + 0.044715 * (x * x * x))
            return 0.5 * x * (1.0 + self.tanh(inner))
        return 0.5 * x * (1.0 + self.erf(x * _SQRT_HALF))

    @operation(since="1.0", check=_silu)
    def silu(self, x: Array, *, beta: float = 1.0) -> Array:
        """Sigmoid linear unit (swish): `f(x) = x sigmoid(beta x)`.

        Args:
            x: `(...)`, floating.
            beta: factor in the sigmoid, any finite number.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `beta` is not a finite number.

        Requires:
            [SILU-1] Finite, with a finite derivative, for every finite x.
            [SILU-2] beta multiplies the argument of the sigmoid and nothing else, whatever its size and sign.

        Differs:
            `torch.nn.functional.silu` and `jax.nn.silu` have no beta.

        Source:
            Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units", 2017, eq. 4; beta: Ramachandran, Zoph
            and Le, "Searching for Activation Functions", 2017, sec. 4.

        Example:
            >>> [round(v, 6) for v in B.to_numpy(B.silu(B.asarray([-1.0, 1.0]))).tolist()]
            [-0.268941, 0.731059]
            >>> B.to_numpy(B.silu(B.asarray([-1.0, 3.0]), beta=0.0)).tolist()
            [-0.5, 1.5]
        """
        return x * self.sigmoid(x if beta == 1 else beta * x)

    @operation(since="1.0", check=only_x)
    def mish(self, x: Array) -> Array:
        """Mish: `f(x) = x tanh(log(1 + exp(x)))`.

        Args:
            x: `(...)`, floating.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.

        Requires:
            [MISH-1] Finite, with a finite derivative, for every finite x, and accurate in both tails: x exp(x)
                far left, x far right.
            [MISH-2] The derivative at 0 is 3/5.
            [MISH-3] inf at inf; NaN propagates.

        Source:
            Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019.

        Example:
            >>> [round(v, 6) for v in B.to_numpy(B.mish(B.asarray([-1.0, 1.0]))).tolist()]
            [-0.303401, 0.865098]
        """
        return x * self.tanh(self.softplus(x))

    @operation(since="1.0", check=only_x)
    def hard_swish(self, x: Array) -> Array:
        """Piecewise quadratic swish: `f(x) = x hard_sigmoid(x)`.

        Args:
            x: `(...)`, floating.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.

        Requires:
            [HARD_SWISH-1] x (x + 3) / 6 for -3 < x < 3, 0 below and x above, for every finite x.
            [HARD_SWISH-2] The derivative of the hard sigmoid at its kinks counts as 0, so that this one's is 0
                at -3 and 1 at 3: the side of the constant slope.
            [HARD_SWISH-3] inf at inf; NaN propagates.

        Differs:
            `jax.nn.hard_swish` compares the rounded x + 3, as `jax.nn.hard_sigmoid`.

        Source:
            Howard et al., "Searching for MobileNetV3", 2019, sec. 5.2.

        Example:
            >>> [round(v, 6) for v in B.to_numpy(B.hard_swish(B.asarray([-4.0, 1.0, 4.0]))).tolist()]
            [-0.0, 0.666667, 4.0]
        """
        return x * self.hard_sigmoid(x)

    @operation(since="1.0", check=_halves_of)
    def glu(self, x: Array, *, axis: int = -1) -> Array:
        """Gated linear unit: `f(a, b) = a sigmoid(b)`.

        Args:
            x: `(..., 2 * features, ...)`, floating; a is its first half along `axis`, b its second.
            axis: the axis that is halved.

        Returns:
            `(..., features, ...)`, the dtype of `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `axis` is no axis of `x`.
            ShapeError: the size of `x` along `axis` is odd.

        Requires:
            [GLU-1] The first half is multiplied by the sigmoid of the second.
            [GLU-2] axis is halved and no other, into contiguous halves.
            [GLU-3] Finite, with finite gradients, for every finite x whose half b is large.

        Differs:
            Shazeer, "GLU Variants Improve Transformer", 2020, writes the activated half first, as swiglu and
            geglu have it; torch, JAX and Dauphin et al. gate by the second.

        Source:
            Dauphin et al., "Language Modeling with Gated Convolutional Networks", 2016, eq. 1.

        Example:
            >>> B.to_numpy(B.glu(B.asarray([2.0, -4.0, 0.0, 1000.0]))).tolist()
            [1.0, -4.0]
        """
        a, b = _halves(x, axis)
        return a * self.sigmoid(b)

    @operation(since="1.0", check=_halves_of)
    def swiglu(self, x: Array, *, axis: int = -1) -> Array:
        """Gated linear unit with swish: `f(a, b) = silu(a) b`.

        Args:
            x: `(..., 2 * features, ...)`, floating; a is its first half along `axis`, b its second.
            axis: the axis that is halved.

        Returns:
            `(..., features, ...)`, the dtype of `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `axis` is no axis of `x`.
            ShapeError: the size of `x` along `axis` is odd.

        Requires:
            [SWIGLU-1] The first half is activated, by silu with beta = 1, and multiplied by the second.
            [SWIGLU-2] axis is halved and no other, into contiguous halves.
            [SWIGLU-3] Finite, with finite gradients, for every finite x whose half a is large.

        Differs:
            Implementations are found that activate the second half; swapping the halves of the weight converts.

        Source:
            Shazeer, "GLU Variants Improve Transformer", 2020, eq. 5: `Swish_1(x W) * (x V)`, with x W the first
            half.

        Example:
            >>> [round(v, 6) for v in B.to_numpy(B.swiglu(B.asarray([1.0, -1.0, 2.0, 10.0]))).tolist()]
            [1.462117, -2.689414]
        """
        a, b = _halves(x, axis)
        return self.silu(a) * b

    @operation(since="1.0", check=_geglu)
    def geglu(self, x: Array, *, axis: int = -1, approximate: str = "none") -> Array:
        """Gated linear unit with GELU: `f(a, b) = gelu(a) b`.

        Args:
            x: `(..., 2 * features, ...)`, floating; a is its first half along `axis`, b its second.
            axis: the axis that is halved.
            approximate: "none" (exact) or "tanh", as of gelu.

        Returns:
            `(..., features, ...)`, the dtype of `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `axis` is no axis of `x`, or `approximate` is another value.
            ShapeError: the size of `x` along `axis` is odd.

        Requires:
            [GEGLU-1] The first half is activated, by gelu, and multiplied by the second.
            [GEGLU-2] axis is halved and no other, into contiguous halves.
            [GEGLU-3] approximate is that of gelu, exact by default.

        Differs:
            The GEGLU of diffusion models in PyTorch (`x, gate = chunk(2)`, `x * gelu(gate)`) activates the second
            half; swapping the halves of the weight converts.

        Source:
            Shazeer, "GLU Variants Improve Transformer", 2020, eq. 5: `GELU(x W) * (x V)`, with x W the first
            half.

        Example:
            >>> [round(v, 6) for v in B.to_numpy(B.geglu(B.asarray([1.0, -1.0, 2.0, 10.0]))).tolist()]
            [1.682689, -1.586553]
        """
        a, b = _halves(x, axis)
        return self.gelu(a, approximate=approximate) * b
