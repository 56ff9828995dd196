"""Softmax and its logarithm."""

from __future__ import annotations

from nnspec import _validate as check
from nnspec.operation import Array, Family, operation

__all__ = ["Softmax"]


def _along(self: Family, x: Array, *, axis: int = -1) -> None:
    check.floating(self, "x", x)
    check.axis("axis", axis, x.ndim)


# Gradients as native kernels compute them, from the saved output y.


def _softmax_from_output(self: Family, g: Array, y: Array, x: Array, *, axis: int = -1) -> tuple[Array, ...]:
    return (y * (g - self.xp.sum(g * y, axis=axis, keepdims=True)),)


def _log_softmax_from_output(self: Family, g: Array, y: Array, x: Array, *, axis: int = -1) -> tuple[Array, ...]:
    return (g - self.xp.exp(y) * self.xp.sum(g, axis=axis, keepdims=True),)


class Softmax(Family):
    """Normalized exponentials along one axis."""

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
