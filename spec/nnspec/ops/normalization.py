"""Normalization: of activations by their mean and spread or by their size, and of weights by their norm."""

from __future__ import annotations

import math
from collections.abc import Callable

from nnspec import _validate as check
from nnspec.operation import Array, Family, operation
from nnspec.ops import _normalization_checks as checks
from nnspec.ops._common import root

__all__ = ["Normalization"]


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


def _norm(self: Family, x: Array, axes: tuple[int, ...]) -> Array:
    """The Euclidean norm over `axes`, which are kept; its derivative at 0 is 0."""
    return root(self, self.xp.sum(x * x, axis=axes, keepdims=True))


class Normalization(Family):
    """Normalization of activations over a batch, over features or over channels, and of weights."""

    linear: Callable[..., Array]
    avg_pool: Callable[..., Array]

    @operation(
        since="1.0",
        check=checks.batch_norm,
        wide_results=(1, 2),
        wide_arguments=("running_mean", "running_var"),
    )
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
            running_mean: `(channels,)`, of the dtype of `x`; float32 where that is float16 or bfloat16.
            running_var: `(channels,)`, of the dtype of `running_mean`, biased.
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

    @operation(since="1.0", check=checks.layer_norm)
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

    @operation(since="1.0", check=checks.group_norm)
    def group_norm(
        self,
        x: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        *,
        groups: int,
        eps: float = 1e-5,
    ) -> Array:
        """Normalize each group of channels: `y = (x - mean) / sqrt(var + eps) * weight + bias`.

        Mean and biased variance are those of one sample, over the channels of a group and all positions.

        Args:
            x: `(batch, channels, ...)`, floating.
            weight: `(channels,)`, of the dtype of `x`, or None for 1.
            bias: `(channels,)`, of the dtype of `x`, or None for 0.
            groups: how many groups of consecutive channels, a divisor of their number; there is no default.
            eps: added to the variance, > 0.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: an array is no floating array of this backend, or the dtypes differ.
            ShapeError: `x` has fewer than 2 axes, or `weight` or `bias` has not one entry a channel.
            ArgumentError: `groups` is no divisor of the channels, or `eps` is not a finite number > 0.

        Requires:
            [GROUP_NORM-1] A group is channels / groups consecutive channels of one sample, at all positions.
            [GROUP_NORM-2] The variance is biased, and eps is added to it inside the square root.
            [GROUP_NORM-3] weight and bias have one entry a channel, not a group.
            [GROUP_NORM-4] The variance is that of deviations from the mean: a large mean costs no accuracy.
            [GROUP_NORM-5] One value a group gives the bias, and gradient 0 for x.
            [GROUP_NORM-6] groups divides the number of channels and has to be given.

        Differs:
            Flax and Keras have 32 groups by default and eps 1e-6 and 1e-3; ONNX's opset 18 had one scale a
            group. torch's layer refuses one value a group. Flax computes E[x^2] - E[x]^2 by default.

        Source:
            Wu and He, "Group Normalization", 2018, eq. 1 and 7.

        Example:
            >>> x = B.asarray([[1.0, 3.0, 5.0, 5.0]])
            >>> B.to_numpy(B.group_norm(x, groups=2, eps=3.0)).tolist()
            [[-0.5, 0.5, 0.0, 0.0]]
        """
        xp = self.xp
        parted = xp.reshape(x, (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))
        _, deviation, var = _moments(self, parted, tuple(range(2, parted.ndim)))
        return _affine(self, xp.reshape(deviation / xp.sqrt(var + eps), x.shape), weight, bias, (1,))

    @operation(since="1.0", check=checks.instance_norm)
    def instance_norm(
        self, x: Array, weight: Array | None = None, bias: Array | None = None, *, eps: float = 1e-5
    ) -> Array:
        """Normalize each channel of each sample: `y = (x - mean) / sqrt(var + eps) * weight + bias`.

        Mean and biased variance are those over the positions; there are no running statistics.

        Args:
            x: `(batch, channels, *spatial)` with at least 1 spatial axis, floating.
            weight: `(channels,)`, of the dtype of `x`, or None for 1.
            bias: `(channels,)`, of the dtype of `x`, or None for 0.
            eps: added to the variance, > 0.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: an array is no floating array of this backend, or the dtypes differ.
            ShapeError: `x` has fewer than 3 axes, or `weight` or `bias` has not one entry a channel.
            ArgumentError: `eps` is not a finite number > 0.

        Requires:
            [INSTANCE_NORM-1] Statistics are those of one channel of one sample, over every spatial axis.
            [INSTANCE_NORM-2] The variance is biased, and eps is added to it inside the square root.
            [INSTANCE_NORM-3] weight and bias have one entry a channel.
            [INSTANCE_NORM-4] A large mean costs no accuracy: the variance is that of deviations from it.
            [INSTANCE_NORM-5] One value a channel gives the bias, and gradient 0 for x.

        Differs:
            torch's layer can track running statistics, and refuses one value a channel. Flax's has weight
            and bias unless told otherwise, and eps 1e-6.

        Source:
            Ulyanov, Vedaldi and Lempitsky, "Instance Normalization", 2016, eq. 3.

        Example:
            >>> x = B.asarray([[[1.0, 3.0], [5.0, 5.0]]])
            >>> B.to_numpy(B.instance_norm(x, eps=3.0)).tolist()
            [[[-0.5, 0.5], [0.0, 0.0]]]
        """
        _, deviation, var = _moments(self, x, tuple(range(2, x.ndim)))
        return _affine(self, deviation / self.xp.sqrt(var + eps), weight, bias, (1,))

    @operation(since="1.0", check=checks.rms_norm)
    def rms_norm(
        self,
        x: Array,
        weight: Array | None = None,
        *,
        axis: int | tuple[int, ...] = -1,
        eps: float = 1e-5,
    ) -> Array:
        """Divide by the root mean square over `axis`: `y = x / sqrt(mean(x^2) + eps) * weight`.

        Args:
            x: at least one axis, floating.
            weight: of the normalized axes' shape in increasing order, of the dtype of `x`, or None for 1.
            axis: the axis, or a tuple of the axes, that the mean of the squares is taken over.
            eps: added to the mean of the squares, > 0.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: an array is no floating array of this backend, or the dtypes differ.
            ShapeError: `x` has no axis, or `weight` has not the shape of the normalized axes.
            ArgumentError: `axis` is no axis of `x` or names one twice, or `eps` is not a finite number > 0.

        Requires:
            [RMS_NORM-1] eps is added to the mean of the squares, inside the square root.
            [RMS_NORM-2] The mean of x is not subtracted, neither from x nor in the statistic.
            [RMS_NORM-3] Any set of axes can be normalized; weight follows them in increasing order.
            [RMS_NORM-4] Zeros along the axes give zeros, and the derivative weight / sqrt(eps).

        Differs:
            torch's eps is by default the dtype's, and its axes are trailing ones, given by their shape. Flax
            has eps 1e-6. Keras' `LayerNormalization(rms_scaling=True)` divides by the standard deviation.

        Source:
            Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019, eq. 4.

        Example:
            >>> x = B.asarray([[0.0, 4.0], [0.0, 0.0]])
            >>> B.to_numpy(B.rms_norm(x, eps=8.0)).tolist()
            [[0.0, 1.0], [0.0, 0.0]]
        """
        axes = check.axes("axis", axis, x.ndim)
        n = max(1, math.prod([x.shape[a] for a in axes]))
        square = self.xp.sum(x * x, axis=axes, keepdims=True) / n
        return _affine(self, x / self.xp.sqrt(square + eps), weight, None, axes)

    @operation(since="1.0", check=checks.local_response_norm)
    def local_response_norm(
        self, x: Array, *, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
    ) -> Array:
        """Damp by neighbouring channels: `y[c] = x[c] / (k + alpha / size * sum_j x[j]^2)^beta`.

        The sum runs over the channels from `c - size // 2` to `c + (size - 1) // 2`, as far as they exist.

        Args:
            x: `(batch, channels, *spatial)` with 1 to 3 spatial axes, floating.
            size: how many channels a window has, >= 1.
            alpha: weight of the mean of the squares, >= 0.
            beta: the exponent, >= 0.
            k: added to it, > 0.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ShapeError: `x` has not 3 to 5 axes, or one is empty that is not the batch.
            ArgumentError: `size`, `alpha`, `beta` or `k` is outside its domain.

        Requires:
            [LOCAL_RESPONSE_NORM-1] alpha is divided by size; k is added before the power beta is taken.
            [LOCAL_RESPONSE_NORM-2] The window lies around c; an even one has one channel more below c.
            [LOCAL_RESPONSE_NORM-3] Channels that do not exist count as 0, and the divisor stays size.
            [LOCAL_RESPONSE_NORM-4] Other positions and samples have no influence.

        Differs:
            The paper and TensorFlow do not divide alpha by size; TensorFlow has windows of 2 depth_radius + 1
            and other defaults. ONNX's even windows have their extra channel above c. torch as here.

        Source:
            Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural
            Networks", 2012, sec. 3.3.

        Example:
            >>> x = B.asarray([[[1.0], [2.0]]])
            >>> B.to_numpy(B.local_response_norm(x, size=2, alpha=2.0, beta=1.0, k=3.0)).round(4).tolist()
            [[[0.25], [0.25]]]
        """
        xp = self.xp
        planes = (x.shape[0], 1, x.shape[1], math.prod(x.shape[2:]))
        mean = self.avg_pool(
            xp.reshape(x * x, planes),
            kernel_size=(size, 1),
            stride=1,
            padding=((size // 2, (size - 1) // 2), (0, 0)),
            count_include_pad=True,
        )
        return x * xp.reshape(xp.exp(-beta * xp.log(k + alpha * mean)), x.shape)

    @operation(since="1.0", check=checks.weight_norm)
    def weight_norm(self, v: Array, g: Array, *, axis: int = 0) -> Array:
        """A weight by direction and length: `w = g v / ||v||`, for each output unit.

        Args:
            v: at least two axes, the output units at `axis`, floating.
            g: `(units,)`, the length of each unit's weights, of the dtype of `v`.
            axis: the axis of the output units; norms are taken over all others.

        Returns:
            The weight, same shape and dtype as `v`.

        Raises:
            DTypeError: an array is no floating array of this backend, or the dtypes differ.
            ShapeError: `v` has fewer than two axes, or `g` has not one entry a unit.
            ArgumentError: `axis` is no axis of `v`.

        Requires:
            [WEIGHT_NORM-1] Each unit's weights are those of v divided by their Euclidean norm, times g.
            [WEIGHT_NORM-2] The length of v does not matter; the gradient of v is orthogonal to v.
            [WEIGHT_NORM-3] Units lie along axis; norms are over every other axis.
            [WEIGHT_NORM-4] A unit of zeros has no direction: its weights are NaN, and no other unit's.

        Differs:
            torch keeps g with the axes of v, and takes one norm over everything with `dim=None`; its unit of
            zeros is NaN too. Flax has a floor of 1e-12 under the norm, its units are on the last axis.

        Source:
            Salimans and Kingma, "Weight Normalization", 2016, eq. 2 and 3.

        Example:
            >>> v, g = B.asarray([[3.0, 4.0], [0.0, -2.0]]), B.asarray([10.0, 1.0])
            >>> B.to_numpy(B.weight_norm(v, g)).round(4).tolist()
            [[6.0, 8.0], [0.0, -1.0]]
        """
        unit = axis % v.ndim
        norm = _norm(self, v, tuple(i for i in range(v.ndim) if i != unit))
        return _affine(self, v / norm, g, None, (unit,))

    @operation(since="1.0", check=checks.spectral_norm)
    def spectral_norm(
        self, weight: Array, u: Array, *, n_power_iterations: int = 1, eps: float = 1e-12
    ) -> tuple[Array, Array]:
        """Divide a weight by its largest singular value, as power iteration from `u` estimates it.

        Of `W`, the weight as a matrix `(out, rest)`: `v = W^T u` and `u = W v`, each divided by its norm, are
        computed n_power_iterations times; the result is `weight / sigma` with `sigma = u^T W v`.

        Args:
            weight: `(out, ...)`, at least two axes, floating.
            u: `(out,)`, the estimate of the left singular vector that the call before returned, at first any
                direction (normal random numbers), of the dtype of `weight`.
            n_power_iterations: how often, >= 0; with 0, for evaluation, u stays and only v is computed.
            eps: floor of the norms of u and v, > 0, as in `l2_normalize`.

        Returns:
            The normalized weight, same shape and dtype as `weight`, and the new u, `(out,)`.

        Raises:
            DTypeError: an array is no floating array of this backend, or the dtypes differ.
            ShapeError: `weight` has fewer than two axes, or `u` has not its first axis.
            ArgumentError: `n_power_iterations` or `eps` is outside its domain.

        Requires:
            [SPECTRAL_NORM-1] Each iteration computes v from u, then u from v, both divided by their norms.
            [SPECTRAL_NORM-2] sigma is u^T W v with the last u and v, and the whole weight is divided by it.
            [SPECTRAL_NORM-3] u and v are constants to the gradient; none flows to or from u.
            [SPECTRAL_NORM-4] All axes but the first are one, in row-major order.
            [SPECTRAL_NORM-5] Without iterations u is returned as it is, and v is computed from it.
            [SPECTRAL_NORM-6] A weight of zeros gives NaN.

        Differs:
            torch keeps v beside u, computes u before v, iterates 15 times when a layer is made, and evaluates
            with both as stored. In Keras and Flax the units are on the weight's last axis.

        Source:
            Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018, alg. 1.

        Example:
            >>> weight, u = B.asarray([[3.0, 0.0], [0.0, 4.0]]), B.asarray([0.0, 1.0])
            >>> normalized, u = B.spectral_norm(weight, u)
            >>> B.to_numpy(normalized).tolist(), B.to_numpy(u).tolist()
            ([[0.75, 0.0], [0.0, 1.0]], [0.0, 1.0])
        """
        xp = self.xp
        matrix = xp.reshape(weight, (weight.shape[0], math.prod(weight.shape[1:])))
        fixed = self.stop_gradient(matrix)
        turned = xp.permute_dims(fixed, (1, 0))
        left = self.stop_gradient(u)
        right = self.l2_normalize(self.linear(left, turned), eps=eps)
        for i in range(n_power_iterations):
            if i:
                right = self.l2_normalize(self.linear(left, turned), eps=eps)
            left = self.l2_normalize(self.linear(right, fixed), eps=eps)
        return weight / xp.sum(left * self.linear(right, matrix)), left

    @operation(since="1.0", check=checks.l2_normalize)
    def l2_normalize(self, x: Array, *, axis: int | tuple[int, ...] = -1, eps: float = 1e-12) -> Array:
        """Divide by the Euclidean norm over `axis`: `y = x / max(||x||, eps)`.

        Args:
            x: at least one axis, floating; its squares have to be in range.
            axis: the axis, or a tuple of the axes, that the norm is taken over.
            eps: floor of the norm, > 0.

        Returns:
            Same shape and dtype as `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ShapeError: `x` has no axis.
            ArgumentError: `axis` is no axis of `x` or names one twice, or `eps` is not a finite number > 0.

        Requires:
            [L2_NORMALIZE-1] Where the norm is above eps, eps has no influence and the result's norm is 1.
            [L2_NORMALIZE-2] Where the norm is below eps, x is divided by eps: slope 1 / eps, also at 0.
            [L2_NORMALIZE-3] Any set of axes can be normalized together.

        Differs:
            Flax and JAX examples divide by sqrt(sum + eps), Keras by sqrt(max(sum, eps)), where eps is the
            square of the one here. The axis of `torch.nn.functional.normalize` is 1 by default.

        Source:
            The projection onto the unit sphere; as an operation in Schroff, Kalenichenko and Philbin,
            "FaceNet", 2015, sec. 3.

        Example:
            >>> B.to_numpy(B.l2_normalize(B.asarray([[0.0, -4.0], [0.0, 0.0]]))).tolist()
            [[0.0, -1.0], [0.0, 0.0]]
        """
        norm = _norm(self, x, check.axes("axis", axis, x.ndim))
        return x / self.xp.where(norm < eps, eps, norm)
