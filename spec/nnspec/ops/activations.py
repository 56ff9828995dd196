"""Activations: elementwise nonlinearities and the softmax pair."""

from __future__ import annotations

import math

from nnspec import _validate as check
from nnspec.operation import Array, Family, operation

__all__ = ["Activations"]

_SQRT_HALF = math.sqrt(0.5)
_SQRT_2_OVER_PI = math.sqrt(2 / math.pi)


def _x(self: Family, x: Array) -> None:
    check.floating(self, "x", x)


def _leaky_relu(self: Family, x: Array, *, negative_slope: float = 0.01) -> None:
    check.floating(self, "x", x)
    check.number("negative_slope", negative_slope)


def _prelu(self: Family, x: Array, weight: Array, *, axis: int = 1) -> None:
    check.floating(self, "x", x)
    check.same_dtype(self, "weight", weight, "x", x)
    check.rank("weight", weight, 1, 1)
    if weight.shape[0] != 1:
        channels = x.shape[check.axis("axis", axis, x.ndim)]
        check.shape("weight", weight, (channels,), "(the channels of x) or (1,)")


def _gelu(self: Family, x: Array, *, approximate: str = "none") -> None:
    check.floating(self, "x", x)
    check.choice("approximate", approximate, ("none", "tanh"))


def _hard_tanh(self: Family, x: Array, *, min_value: float = -1.0, max_value: float = 1.0) -> None:
    check.floating(self, "x", x)
    check.number("min_value", min_value)
    check.number("max_value", max_value, low=min_value, low_open=True)


def _softplus(self: Family, x: Array, *, beta: float = 1.0) -> None:
    check.floating(self, "x", x)
    check.number("beta", beta, low=0, low_open=True)


def _along(self: Family, x: Array, *, axis: int = -1) -> None:
    check.floating(self, "x", x)
    check.axis("axis", axis, x.ndim)


# Gradients as native kernels compute them, from the saved output y.


def _sigmoid_from_output(self: Family, g: Array, y: Array, x: Array) -> tuple[Array, ...]:
    return (g * (y * (1.0 - y)),)


def _tanh_from_output(self: Family, g: Array, y: Array, x: Array) -> tuple[Array, ...]:
    return (g * (1.0 - y * y),)


def _softmax_from_output(self: Family, g: Array, y: Array, x: Array, *, axis: int = -1) -> tuple[Array, ...]:
    return (y * (g - self.xp.sum(g * y, axis=axis, keepdims=True)),)


def _log_softmax_from_output(self: Family, g: Array, y: Array, x: Array, *, axis: int = -1) -> tuple[Array, ...]:
    return (g - self.xp.exp(y) * self.xp.sum(g, axis=axis, keepdims=True),)


class Activations(Family):
    """Elementwise nonlinearities and softmax. Every result has the shape and dtype of `x`."""

    @operation(since="1.0", check=_x, exact=True)
    def identity(self, x: Array) -> Array:
        """Identity: `f(x) = x`.

        Args:
            x: `(...)`, floating.

        Returns:
            `x`, same shape and dtype.

        Raises:
            DTypeError: `x` is no floating array of this backend.

        Requires:
            [IDENTITY-1] The result equals x to the bit, and the derivative is 1.

        Source:
            Rosenblatt-style networks; the neutral element of composition.

        Example:
            >>> B.to_numpy(B.identity(B.asarray([1.5, -2.0]))).tolist()
            [1.5, -2.0]
        """
        return x

    @operation(since="1.0", check=_x, exact=True)
    def relu(self, x: Array) -> Array:
        """Rectified linear unit: `f(x) = max(x, 0)`.

        Args:
            x: `(...)`, floating.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.

        Requires:
            [RELU-1] relu(x) is x for x > 0 and 0 for x <= 0.
            [RELU-2] The derivative at 0 is 0.
            [RELU-3] NaN propagates.

        Differs:
            `jnp.maximum(x, 0)` and `torch.maximum` give 1/2 at 0, `torch.clamp(min=0)` gives 1.

        Source:
            Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", 2010.

        Example:
            >>> B.to_numpy(B.relu(B.asarray([-1.0, 0.0, 2.0]))).tolist()
            [0.0, 0.0, 2.0]
        """
        return self.xp.where(x <= 0, 0.0, x)

    @operation(since="1.0", check=_leaky_relu)
    def leaky_relu(self, x: Array, *, negative_slope: float = 0.01) -> Array:
        """Leaky rectifier: `f(x) = x` for `x > 0`, else `negative_slope * x`.

        Args:
            x: `(...)`, floating.
            negative_slope: slope for `x <= 0`, any finite number.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `negative_slope` is not a finite number.

        Requires:
            [LEAKY_RELU-1] Negative inputs are multiplied by negative_slope, whatever its size and sign.
            [LEAKY_RELU-2] The derivative at 0 is negative_slope.
            [LEAKY_RELU-3] NaN propagates.

        Differs:
            Keras' layer has slope 0.3, `keras.ops` 0.2; `jax.nn.leaky_relu` has derivative 1 at 0.

        Source:
            Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.

        Example:
            >>> B.to_numpy(B.leaky_relu(B.asarray([-4.0, 3.0]), negative_slope=0.25)).tolist()
            [-1.0, 3.0]
        """
        return self.xp.where(x <= 0, negative_slope * x, x)

    @operation(since="1.0", check=_prelu)
    def prelu(self, x: Array, weight: Array, *, axis: int = 1) -> Array:
        """Parametric rectifier: `f(x) = x` for `x > 0`, else `weight[c] * x`.

        Args:
            x: `(batch, channels, ...)` with the channels at `axis`, floating.
            weight: `(channels,)` or `(1,)`, the slopes for `x <= 0`, of the dtype of `x`.
            axis: the channel axis of `x`; not used where `weight` has one entry.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` or `weight` is no floating array, or their dtypes differ.
            ShapeError: `weight` has neither one entry nor one a channel.
            ArgumentError: `axis` is no axis of `x`.

        Requires:
            [PRELU-1] weight has one entry a channel, or one in all, and is applied along axis.
            [PRELU-2] The derivative at 0 is the slope, with respect to weight it is 0.
            [PRELU-3] The gradient of weight sums x g over all x <= 0 of its channel.

        Differs:
            Keras has one slope an element, starting at 0; torch starts at 0.25.

        Source:
            He et al., "Delving Deep into Rectifiers", 2015, eq. 1.

        Example:
            >>> x = B.asarray([[-1.0, -1.0], [2.0, -4.0]])
            >>> B.to_numpy(B.prelu(x, B.asarray([0.5, 0.25]))).tolist()
            [[-0.5, -0.25], [2.0, -1.0]]
        """
        if weight.shape[0] != 1:
            position = axis % x.ndim
            weight = self.xp.reshape(weight, tuple(-1 if i == position else 1 for i in range(x.ndim)))
        return self.xp.where(x <= 0, weight * x, x)

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

    @operation(since="1.0", check=_x)
    def silu(self, x: Array) -> Array:
        """Sigmoid linear unit (swish): `f(x) = x sigmoid(x)`.

        Args:
            x: `(...)`, floating.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.

        Requires:
            [SILU-1] Finite, with a finite derivative, for every finite x.

        Source:
            Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units", 2017, eq. 4.

        Example:
            >>> [round(v, 6) for v in B.to_numpy(B.silu(B.asarray([-1.0, 1.0]))).tolist()]
            [-0.268941, 0.731059]
        """
        return x * self.sigmoid(x)

    @operation(since="1.0", check=_x, derivative=_sigmoid_from_output)
    def sigmoid(self, x: Array) -> Array:
        """Logistic function: `f(x) = 1 / (1 + exp(-x))`.

        Args:
            x: `(...)`, floating.

        Returns:
            Same shape and dtype as `x`, in [0, 1].

        Raises:
            DTypeError: `x` is no floating array of this backend.

        Requires:
            [SIGMOID-1] No overflow and full relative accuracy in the left tail, down to underflow.
            [SIGMOID-2] The derivative is finite everywhere and 1/4 at 0.

        Source:
            Cybenko, "Approximation by Superpositions of a Sigmoidal Function", 1989.

        Example:
            >>> B.to_numpy(B.sigmoid(B.asarray([-1000.0, 0.0, 1000.0]))).tolist()
            [0.0, 0.5, 1.0]
        """
        xp = self.xp
        z = xp.exp(xp.where(x < 0, x, -x))  # exp(-|x|): both branches below are finite, so are their gradients
        return xp.where(x < 0, z, 1.0) / (1.0 + z)

    @operation(since="1.0", check=_x, derivative=_tanh_from_output)
    def tanh(self, x: Array) -> Array:
        """Hyperbolic tangent.

        Args:
            x: `(...)`, floating.

        Returns:
            Same shape and dtype as `x`, in [-1, 1].

        Raises:
            DTypeError: `x` is no floating array of this backend.

        Requires:
            [TANH-1] Full relative accuracy around 0, and 1 in magnitude without overflow in the tails.

        Source:
            LeCun et al., "Efficient BackProp", 1998, sec. 4.4.

        Example:
            >>> B.to_numpy(B.tanh(B.asarray([-100.0, 0.0, 100.0]))).tolist()
            [-1.0, 0.0, 1.0]
        """
        return self.xp.tanh(x)

    @operation(since="1.0", check=_hard_tanh, exact=True)
    def hard_tanh(self, x: Array, *, min_value: float = -1.0, max_value: float = 1.0) -> Array:
        """Clipped identity: `f(x) = min(max(x, min_value), max_value)`.

        Args:
            x: `(...)`, floating.
            min_value: lower bound.
            max_value: upper bound, above `min_value`.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: a bound is not finite, or `max_value <= min_value`.

        Requires:
            [HARD_TANH-1] The result is x within the bounds, and the nearer bound outside.
            [HARD_TANH-2] The derivative at both bounds is 0.
            [HARD_TANH-3] NaN propagates.

        Differs:
            `jax.nn.hard_tanh` has derivative 1 at the bounds.

        Source:
            Collobert, "Large Scale Machine Learning", 2004.

        Example:
            >>> B.to_numpy(B.hard_tanh(B.asarray([-3.0, 0.5, 3.0]))).tolist()
            [-1.0, 0.5, 1.0]
        """
        xp = self.xp
        return xp.where(x <= min_value, min_value, xp.where(x >= max_value, max_value, x))

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

    @operation(since="1.0", check=_along, derivative=_softmax_from_output)
    def softmax(self, x: Array, *, axis: int = -1) -> Array:
        """Normalized exponential: `f(x)_i = exp(x_i) / sum_j exp(x_j)` along `axis`.

        Args:
            x: `(..., classes, ...)`, floating.
            axis: the axis that is normalized.

        Returns:
            Same shape and dtype as `x`; sums to 1 along `axis`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `axis` is no axis of `x`.

        Requires:
            [SOFTMAX-1] Invariant to a shift of x along axis, so large inputs do not overflow.
            [SOFTMAX-2] The gradient sums to 0 along axis.
            [SOFTMAX-3] A row of -inf alone gives NaN; a single -inf gives 0.

        Source:
            Bridle, "Probabilistic Interpretation of Feedforward Classification Network Outputs", 1990, eq. 6.

        Example:
            >>> B.to_numpy(B.softmax(B.asarray([[7.0, 7.0], [1000.0, 0.0]]))).tolist()
            [[0.5, 0.5], [1.0, 0.0]]
        """
        xp = self.xp
        e = xp.exp(x - self.stop_gradient(xp.max(x, axis=axis, keepdims=True)))
        return e / xp.sum(e, axis=axis, keepdims=True)

    @operation(since="1.0", check=_along, derivative=_log_softmax_from_output)
    def log_softmax(self, x: Array, *, axis: int = -1) -> Array:
        """Logarithm of softmax: `f(x)_i = x_i - log sum_j exp(x_j)` along `axis`.

        Args:
            x: `(..., classes, ...)`, floating.
            axis: the axis that is normalized.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `axis` is no axis of `x`.

        Requires:
            [LOG_SOFTMAX-1] Finite for finite x however far apart: never the logarithm of an underflowed softmax.
            [LOG_SOFTMAX-2] Invariant to a shift: the largest input is subtracted first.

        Source:
            Bridle 1990, as for softmax; the shift is folklore (log-sum-exp).

        Example:
            >>> B.to_numpy(B.log_softmax(B.asarray([1000.0, 0.0]))).tolist()
            [0.0, -1000.0]
        """
        xp = self.xp
        z = x - self.stop_gradient(xp.max(x, axis=axis, keepdims=True))
        return z - xp.log(xp.sum(xp.exp(z), axis=axis, keepdims=True))

    @operation(since="1.0", check=_x, exact=True)
    def heaviside(self, x: Array) -> Array:
        """Unit step, the perceptron's threshold: `f(x) = 1` for `x >= 0`, else 0.

        Args:
            x: `(...)`, floating.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.

        Requires:
            [HEAVISIDE-1] The value at 0, of either sign, is 1.
            [HEAVISIDE-2] The derivative is 0 everywhere.
            [HEAVISIDE-3] NaN propagates.

        Differs:
            `torch.heaviside` takes the value at 0 as an argument and maps NaN to 0.

        Source:
            Rosenblatt, "The Perceptron", 1958.

        Example:
            >>> B.to_numpy(B.heaviside(B.asarray([-0.5, 0.0, 2.0]))).tolist()
            [0.0, 1.0, 1.0]
        """
        xp = self.xp
        x = self.stop_gradient(x)
        return xp.where(x >= 0, 1.0, xp.where(x < 0, 0.0, x))
