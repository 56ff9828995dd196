"""Activations made of straight pieces; every kink is on the side that CONVENTIONS names."""

from __future__ import annotations

from nnspec import _validate as check
from nnspec.errors import ShapeError
from nnspec.operation import Array, Family, operation
from nnspec.ops.activations._checks import only_x

__all__ = ["PiecewiseLinear"]


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


def _hard_tanh(self: Family, x: Array, *, min_value: float = -1.0, max_value: float = 1.0) -> None:
    check.floating(self, "x", x)
    check.number("min_value", min_value)
    check.number("max_value", max_value, low=min_value, low_open=True)


def _threshold(self: Family, x: Array, *, threshold: float, value: float) -> None:
    check.floating(self, "x", x)
    check.number("threshold", threshold)
    check.number("value", value)


def _shrink(self: Family, x: Array, *, lambd: float = 0.5) -> None:
    check.floating(self, "x", x)
    check.number("lambd", lambd, low=0)


def _maxout(self: Family, x: Array, *, num_pieces: int, axis: int = -1) -> None:
    check.floating(self, "x", x)
    check.count("num_pieces", num_pieces, low=1)
    size = x.shape[check.axis("axis", axis, x.ndim)]
    if size % num_pieces:
        raise ShapeError(
            f"x: expected a multiple of {num_pieces} entries along axis {axis}, got shape {tuple(x.shape)}"
        )


class PiecewiseLinear(Family):
    """Rectifiers, clips, shrinkage and steps."""

    @operation(since="1.0", check=only_x, exact=True)
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

    @operation(since="1.0", check=only_x, exact=True)
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

    @operation(since="1.0", check=only_x, exact=True)
    def relu6(self, x: Array) -> Array:
        """Rectified linear unit capped at 6: `f(x) = min(max(x, 0), 6)`.

        Args:
            x: `(...)`, floating.

        Returns:
            Same shape and dtype as `x`, in [0, 6].

        Raises:
            DTypeError: `x` is no floating array of this backend.

        Requires:
            [RELU6-1] relu6(x) is x for 0 < x < 6, 0 below and 6 above.
            [RELU6-2] The derivative at 0 and at 6 is 0.
            [RELU6-3] NaN propagates.

        Differs:
            `torch.clamp(x, 0, 6)` has derivative 1 at both.

        Source:
            Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010.

        Example:
            >>> B.to_numpy(B.relu6(B.asarray([-1.0, 2.5, 8.0]))).tolist()
            [0.0, 2.5, 6.0]
        """
        xp = self.xp
        return xp.where(x <= 0, 0.0, xp.where(x >= 6, 6.0, x))

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

    @operation(since="1.0", check=_maxout, exact=True)
    def maxout(self, x: Array, *, num_pieces: int, axis: int = -1) -> Array:
        """Largest of every `num_pieces` consecutive entries: `f(x)_i = max_j x_(i num_pieces + j)` along `axis`.

        Args:
            x: `(..., units * num_pieces, ...)`, floating; the pieces of a unit are next to one another.
            num_pieces: how many affine pieces a unit has, >= 1.
            axis: the axis of the units.

        Returns:
            `(..., units, ...)`, the dtype of `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `num_pieces` is no integer >= 1, or `axis` is no axis of `x`.
            ShapeError: the size of `x` along `axis` is no multiple of `num_pieces`.

        Requires:
            [MAXOUT-1] Entry i is the largest of entries i num_pieces to (i + 1) num_pieces - 1 along axis.
            [MAXOUT-2] The gradient goes to the largest piece, in equal parts where several are the largest.
            [MAXOUT-3] NaN propagates.

        Differs:
            `torch.max(x, dim)` gives the whole gradient to one of several largest.

        Source:
            Goodfellow et al., "Maxout Networks", 2013.

        Example:
            >>> B.to_numpy(B.maxout(B.asarray([1.0, 5.0, -2.0, -3.0]), num_pieces=2)).tolist()
            [5.0, -2.0]
        """
        position = axis % x.ndim
        units = x.shape[position] // num_pieces
        pieces = self.xp.reshape(x, (*x.shape[:position], units, num_pieces, *x.shape[position + 1 :]))
        return self.xp.max(pieces, axis=position + 1)

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

    @operation(since="1.0", check=only_x)
    def hard_sigmoid(self, x: Array) -> Array:
        """Piecewise linear sigmoid: `f(x) = min(max(x + 3, 0), 6) / 6`.

        Args:
            x: `(...)`, floating.

        Returns:
            Same shape and dtype as `x`, in [0, 1].

        Raises:
            DTypeError: `x` is no floating array of this backend.

        Requires:
            [HARD_SIGMOID-1] (x + 3) / 6 for -3 < x < 3, exactly 0 below and 1 above, infinities included.
            [HARD_SIGMOID-2] The derivative at -3 and at 3 is 0.
            [HARD_SIGMOID-3] The derivative everywhere between is 1/6, to the precision of the dtype.
            [HARD_SIGMOID-4] NaN propagates.

        Differs:
            The slope of ONNX's HardSigmoid and of Keras 2 is 0.2. The derivative of torch in float64 is 1/6
            rounded to float32. `jax.nn.hard_sigmoid` compares the rounded x + 3, so that its derivative is
            0 already at the last float32 below 3.

        Source:
            Howard et al., "Searching for MobileNetV3", 2019, sec. 5.2.

        Example:
            >>> [round(v, 6) for v in B.to_numpy(B.hard_sigmoid(B.asarray([-4.0, 0.0, 1.0, 4.0]))).tolist()]
            [0.0, 0.5, 0.666667, 1.0]
        """
        xp = self.xp
        return xp.where(x <= -3, 0.0, xp.where(x >= 3, 1.0, (x + 3.0) / 6.0))

    @operation(since="1.0", check=_shrink)
    def softshrink(self, x: Array, *, lambd: float = 0.5) -> Array:
        """Soft thresholding: `f(x) = sign(x) max(|x| - lambd, 0)`.

        Args:
            x: `(...)`, floating.
            lambd: what magnitudes shrink by, >= 0.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `lambd` is not a finite number >= 0.

        Requires:
            [SOFTSHRINK-1] Magnitudes strictly above lambd shrink by lambd, all others become 0.
            [SOFTSHRINK-2] The derivative at -lambd and at lambd is 0.
            [SOFTSHRINK-3] NaN propagates.

        Source:
            Donoho, "De-noising by soft-thresholding", 1995.

        Example:
            >>> B.to_numpy(B.softshrink(B.asarray([-2.0, 0.5, 2.0]))).tolist()
            [-1.5, 0.0, 1.5]
        """
        xp = self.xp
        above = xp.where(x <= lambd, 0.0, x - lambd)
        return xp.where(x > 0, above, xp.where(x >= -lambd, 0.0, x + lambd))

    @operation(since="1.0", check=_shrink, exact=True)
    def hardshrink(self, x: Array, *, lambd: float = 0.5) -> Array:
        """Hard thresholding: `f(x) = x` for `|x| > lambd`, else 0.

        Args:
            x: `(...)`, floating.
            lambd: the largest magnitude that becomes 0, >= 0.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `lambd` is not a finite number >= 0.

        Requires:
            [HARDSHRINK-1] Magnitudes strictly above lambd pass, all others become 0.
            [HARDSHRINK-2] The derivative at -lambd and at lambd is 0.
            [HARDSHRINK-3] NaN propagates.

        Source:
            Donoho and Johnstone, "Ideal spatial adaptation by wavelet shrinkage", 1994.

        Example:
            >>> B.to_numpy(B.hardshrink(B.asarray([-2.0, 0.5, 2.0]))).tolist()
            [-2.0, 0.0, 2.0]
        """
        xp = self.xp
        above = xp.where(x <= lambd, 0.0, x)
        return xp.where(x > 0, above, xp.where(x >= -lambd, 0.0, x))

    @operation(since="1.0", check=_threshold, exact=True)
    def threshold(self, x: Array, *, threshold: float, value: float) -> Array:
        """Replace what is not above a threshold: `f(x) = x` for `x > threshold`, else `value`.

        Args:
            x: `(...)`, floating.
            threshold: the largest number that is replaced.
            value: what it is replaced by.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `threshold` or `value` is not a finite number.

        Requires:
            [THRESHOLD-1] x strictly above threshold passes, everything else becomes value.
            [THRESHOLD-2] The derivative at threshold is 0.
            [THRESHOLD-3] NaN propagates.

        Differs:
            `keras.ops.threshold` maps NaN to value.

        Source:
            Konda, Memisevic and Krueger, "Zero-bias autoencoders and the benefits of co-adapting features",
            2014 (with value 0).

        Example:
            >>> B.to_numpy(B.threshold(B.asarray([0.5, 1.0, 2.0]), threshold=1.0, value=-1.0)).tolist()
            [-1.0, -1.0, 2.0]
        """
        return self.xp.where(x <= threshold, value, x)

    @operation(since="1.0", check=only_x, exact=True)
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
