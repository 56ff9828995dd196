"""Activations that saturate, and what is made of one of them."""

from __future__ import annotations

from nnspec.operation import Array, Family, operation
from nnspec.ops.activations._checks import only_x

__all__ = ["Sigmoids"]


# Gradients as native kernels compute them, from the saved output y.


def _sigmoid_from_output(self: Family, g: Array, y: Array, x: Array) -> tuple[Array, ...]:
    return (g * (y * (1.0 - y)),)


def _tanh_from_output(self: Family, g: Array, y: Array, x: Array) -> tuple[Array, ...]:
    return (g * (1.0 - y * y),)


class Sigmoids(Family):
    """The logistic function, the hyperbolic tangent and their kin."""

    @operation(since="1.0", check=only_x, derivative=_sigmoid_from_output)
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

    @operation(since="1.0", check=only_x)
    def log_sigmoid(self, x: Array) -> Array:
        """Logarithm of the logistic function: `f(x) = -log(1 + exp(-x))`.

        Args:
            x: `(...)`, floating.

        Returns:
            Same shape and dtype as `x`, <= 0.

        Raises:
            DTypeError: `x` is no floating array of this backend.

        Requires:
            [LOG_SIGMOID-1] Finite for every finite x, and accurate in both tails: x itself far left, -exp(-x)
                far right.
            [LOG_SIGMOID-2] The derivative is sigmoid(-x): 1/2 at 0, 1 far left.
            [LOG_SIGMOID-3] -inf at -inf, 0 at inf; NaN propagates.

        Source:
            Cox, "The Regression Analysis of Binary Sequences", 1958 (the log-likelihood of a logit).

        Example:
            >>> B.to_numpy(B.log_sigmoid(B.asarray([-1000.0, 1000.0]))).tolist()
            [-1000.0, 0.0]
            >>> round(float(B.log_sigmoid(B.asarray(0.0))), 6)
            -0.693147
        """
        xp = self.xp
        return xp.where(x < 0, x, 0.0) - xp.log1p(xp.exp(xp.where(x < 0, x, -x)))

    @operation(since="1.0", check=only_x, derivative=_tanh_from_output)
    def tanh(self, x: Array) -> Array:
        """Hyperbolic tangent: `f(x) = tanh(x)`.

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

    @operation(since="1.0", check=only_x)
    def tanhshrink(self, x: Array) -> Array:
        """Rest of the hyperbolic tangent: `f(x) = x - tanh(x)`.

        Around 0, where the difference cancels, it is accurate to the rounding of `x` and not to that of the result.

        Args:
            x: `(...)`, floating.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.

        Requires:
            [TANHSHRINK-1] x - 1 and x + 1 in the tails, without overflow.
            [TANHSHRINK-2] The derivative is tanh(x)^2, 0 at 0.
            [TANHSHRINK-3] NaN propagates.

        Source:
            Collobert, Kavukcuoglu and Farabet, "Torch7: A Matlab-like Environment for Machine Learning", 2011
            (nn.TanhShrink).

        Example:
            >>> [round(v, 6) for v in B.to_numpy(B.tanhshrink(B.asarray([-1.0, 0.0, 20.0]))).tolist()]
            [-0.238406, 0.0, 19.0]
        """
        return x - self.tanh(x)

    @operation(since="1.0", check=only_x)
    def softsign(self, x: Array) -> Array:
        """Algebraic sigmoid: `f(x) = x / (1 + |x|)`.

        Args:
            x: `(...)`, floating.

        Returns:
            Same shape and dtype as `x`, in [-1, 1].

        Raises:
            DTypeError: `x` is no floating array of this backend.

        Requires:
            [SOFTSIGN-1] Full relative accuracy for every finite x.
            [SOFTSIGN-2] The derivative at 0 is 1.
            [SOFTSIGN-3] NaN propagates.

        Source:
            Bergstra et al., "Quadratic Polynomials Learn Better Image Features", 2009; Glorot and Bengio,
            "Understanding the Difficulty of Training Deep Feedforward Neural Networks", 2010, sec. 3.

        Example:
            >>> B.to_numpy(B.softsign(B.asarray([-3.0, 0.0, 1.0]))).tolist()
            [-0.75, 0.0, 0.5]
        """
        return x / (1.0 + self.xp.where(x < 0, -x, x))
