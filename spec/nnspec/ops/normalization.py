"""Normalization: subtract the mean, divide by the standard deviation, over a batch or over features."""

from __future__ import annotations

import math

from nnspec import _validate as check
from nnspec.operation import Array, Family, operation

__all__ = ["Normalization"]


def _batch_norm(
    self: Family,
    x: Array,
    running_mean: Array,
    running_var: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    training: bool,
    decay: float = 0.9,
    eps: float = 1e-5,
    axis: int = 1,
) -> None:
    check.floating(self, "x", x)
    check.rank("x", x, 1)
    channels = (x.shape[check.axis("axis", axis, x.ndim)],)
    running = (("running_mean", running_mean), ("running_var", running_var))
    affine = [(name, p) for name, p in (("weight", weight), ("bias", bias)) if p is not None]
    for name, array in (*running, *affine):
        check.same_dtype(self, name, array, "x", x)
        check.shape(name, array, channels, "(the channels of x)")
    check.flag("training", training)
    check.number("decay", decay, low=0, high=1)
    check.number("eps", eps, low=0, low_open=True)


def _layer_norm(
    self: Family,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    axis: int | tuple[int, ...] = -1,
    eps: float = 1e-5,
) -> None:
    check.floating(self, "x", x)
    check.rank("x", x, 1)
    expected = tuple(x.shape[a] for a in sorted(check.axes("axis", axis, x.ndim)))
    for name, array in (("weight", weight), ("bias", bias)):
        if array is not None:
            check.same_dtype(self, name, array, "x", x)
            check.shape(name, array, expected, "(the normalized axes of x)")
    check.number("eps", eps, low=0, low_open=True)


def _moments(self: Family, x: Array, axes: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Mean, deviations from it, and their biased variance, in two passes; reduced axes are kept."""
    n = max(1, math.prod([x.shape[a] for a in axes]))  # of nothing the mean is not needed either
    mean = self.xp.sum(x, axis=axes, keepdims=True) / n
    deviation = x - mean
    return mean, deviation, self.xp.sum(deviation * deviation, axis=axes, keepdims=True) / n


def _kept(x: Array, axes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of `axes` of `x`, with a 1 for each other axis."""
    return tuple(x.shape[i] if i in axes else 1 for i in range(x.ndim))


def _affine(self: Family, x: Array, weight: Array | None, bias: Array | None, axes: tuple[int, ...]) -> Array:
    """`x * weight + bias`, where the parameters have the shape of `axes`."""
    shape = _kept(x, axes)
    if weight is not None:
        x = x * self.xp.reshape(weight, shape)
    return x if bias is None else x + self.xp.reshape(bias, shape)


class Normalization(Family):
    """Normalization over a batch or over features."""

    @operation(since="1.0", check=_batch_norm)
    def batch_norm(
        self,
        x: Array,
        running_mean: Array,
        running_var: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        *,
        training: bool,
        decay: float = 0.9,
        eps: float = 1e-5,
        axis: int = 1,
    ) -> tuple[Array, Array, Array]:
        """Normalize each channel: `y = (x - mean) / sqrt(var + eps) * weight + bias`.

        In training the mean and the biased variance are those of the batch, over every axis but `axis`, and
        `running = decay * running + (1 - decay) * batch`; otherwise they are the running ones.

        Args:
            x: `(batch, channels, ...)` with the channels at `axis`, floating.
            running_mean: `(channels,)`, of the dtype of `x`.
            running_var: `(channels,)`, of the dtype of `x`, biased.
            weight: `(channels,)`, of the dtype of `x`, or None for 1.
            bias: `(channels,)`, of the dtype of `x`, or None for 0.
            training: whether the batch's own statistics are used.
            decay: what the running statistics keep of themselves, in [0, 1].
            eps: added to the variance, > 0.
            axis: the channel axis of `x`.

        Returns:
            The result, of the shape and dtype of `x`, and the new running mean and variance, `(channels,)`.

        Raises:
            DTypeError: an array is no floating array of this backend, or the dtypes differ.
            ShapeError: `x` has no axis, or another array has not one entry a channel.
            ArgumentError: `axis` is no axis of `x`, or `training`, `decay` or `eps` is outside its domain.

        Requires:
            [BATCH_NORM-1] In training the batch's mean and biased variance are used, over all axes but axis.
            [BATCH_NORM-2] The running statistics keep decay of themselves and take 1 - decay of the batch's.
            [BATCH_NORM-3] The variance that runs is biased too.
            [BATCH_NORM-4] The variance is that of deviations from the mean: a large mean costs no accuracy.
            [BATCH_NORM-5] Without training the running statistics are used, and returned unchanged.
            [BATCH_NORM-6] In training the gradient flows through the batch's statistics into x.
            [BATCH_NORM-7] Running statistics carry no gradient, neither the given nor the returned ones.
            [BATCH_NORM-8] One value a channel gives the bias, gradient 0 for x, and batch variance 0.
            [BATCH_NORM-9] An empty batch leaves the running statistics as they are.

        Differs:
            torch's momentum is 1 - decay, its running variance is unbiased, and one value a channel raises.
            Keras has eps 1e-3, Keras and Flax decay .99. Flax computes E[x^2] - E[x]^2 by default.

        Source:
            Ioffe and Szegedy, "Batch Normalization", 2015, alg. 1.

        Example:
            >>> x, zero, one = B.asarray([[1.0], [3.0]]), B.asarray([0.0]), B.asarray([1.0])
            >>> y, mean, var = B.batch_norm(x, zero, one, training=True, decay=0.5, eps=3.0)
            >>> B.to_numpy(y).tolist(), B.to_numpy(mean).tolist(), B.to_numpy(var).tolist()
            ([[-0.5], [0.5]], [1.0], [1.0])
        """
        xp = self.xp
        channel = axis % x.ndim
        others = tuple(i for i in range(x.ndim) if i != channel)
        old_mean, old_var = self.stop_gradient(running_mean), self.stop_gradient(running_var)
        if not training or 0 in (x.shape[i] for i in others):
            shape = _kept(x, (channel,))
            y = (x - xp.reshape(old_mean, shape)) / xp.sqrt(xp.reshape(old_var, shape) + eps)
            return _affine(self, y, weight, bias, (channel,)), old_mean, old_var
        mean, deviation, var = _moments(self, x, others)
        y = _affine(self, deviation / xp.sqrt(var + eps), weight, bias, (channel,))
        batch_mean, batch_var = (self.stop_gradient(xp.reshape(m, running_mean.shape)) for m in (mean, var))
        new_mean = decay * old_mean + (1 - decay) * batch_mean
        new_var = decay * old_var + (1 - decay) * batch_var
        return y, new_mean, new_var

    @operation(since="1.0", check=_layer_norm)
    def layer_norm(
        self,
        x: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        *,
        axis: int | tuple[int, ...] = -1,
        eps: float = 1e-5,
    ) -> Array:
        """Normalize over `axis`: `y = (x - mean) / sqrt(var + eps) * weight + bias`.

        Args:
            x: at least one axis, floating.
            weight: of the normalized axes' shape in increasing order, of the dtype of `x`, or None for 1.
            bias: as `weight`, or None for 0.
            axis: the axis, or a tuple of the axes, that the mean and the biased variance are taken over.
            eps: added to the variance, > 0.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: an array is no floating array of this backend, or the dtypes differ.
            ShapeError: `x` has no axis, or `weight` or `bias` has not the shape of the normalized axes.
            ArgumentError: `axis` is no axis of `x` or names one twice, or `eps` is not a finite number > 0.

        Requires:
            [LAYER_NORM-1] The variance is biased, and eps is added to it inside the square root.
            [LAYER_NORM-2] The variance is that of deviations from the mean: a large mean costs no accuracy.
            [LAYER_NORM-3] Any set of axes can be normalized; weight and bias follow them in increasing order.
            [LAYER_NORM-4] One value along the axes gives the bias, and gradient 0 for x.
            [LAYER_NORM-5] Without weight and bias the gradient of x sums to 0 over the axes.

        Differs:
            Keras has eps 1e-3, Flax 1e-6; torch normalizes trailing axes only, given by their shape. Flax
            computes E[x^2] - E[x]^2 by default.

        Source:
            Ba, Kiros and Hinton, "Layer Normalization", 2016, eq. 4.

        Example:
            >>> x = B.asarray([[1.0, 3.0], [5.0, 5.0]])
            >>> B.to_numpy(B.layer_norm(x, eps=3.0)).tolist()
            [[-0.5, 0.5], [0.0, 0.0]]
        """
        axes = check.axes("axis", axis, x.ndim)
        _, deviation, var = _moments(self, x, axes)
        return _affine(self, deviation / self.xp.sqrt(var + eps), weight, bias, axes)
