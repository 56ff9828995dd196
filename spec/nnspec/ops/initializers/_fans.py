"""Initial weights whose variance follows from the number of connections of a unit."""

from __future__ import annotations

import math

from nnspec.operation import Array, operation
from nnspec.ops.initializers import _checks as checks
from nnspec.ops.initializers._drawing import Drawing

__all__ = ["VarianceScaling"]


#: standard deviation of the standard normal truncated at two standard deviations
_TRUNCATED = 0.8796256610342398


def _fan(shape: tuple[int, ...], groups: int, mode: str) -> float:
    """The number of connections into a unit, out of it, or their mean; each at least 1."""
    field = math.prod(shape[2:])
    fan_in, fan_out = max(1, shape[1] * field), max(1, shape[0] // groups * field)
    return {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]


class VarianceScaling(Drawing):
    """Fans are counted by one rule: output units along axis 0, the inputs of a group along axis 1, then the field."""

    @operation(since="1.0", check=checks.xavier, exact=True)
    def init_xavier_uniform(
        self,
        key: Array,
        shape: tuple[int, ...],
        *,
        scale: float = 1.0,
        groups: int = 1,
        dtype: str | None = None,
    ) -> Array:
        """Glorot's uniform: in [-l, l) with `l = sqrt(3 v)`, `v = scale / ((fan_in + fan_out) / 2)`.

        Args:
            key: `(2,)`, int32, not traced.
            shape: `(out, in / groups, *receptive field)`.
            scale: of the variance, > 0.
            groups: of a grouped convolution: fan_out is receptive field * out / groups.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            DTypeError: `key` is not int32, or the backend offers no such dtype.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: `shape` has fewer than 2 axes, `scale <= 0`, `groups` does not divide `out`, or
                `key` is traced.

        Requires:
            [INIT_XAVIER_UNIFORM-1] The same bits on every backend, from the uniform stream of the key.
            [INIT_XAVIER_UNIFORM-2] Uniform of variance scale over the mean of fan_in and fan_out, and never
                beyond l in magnitude.
            [INIT_XAVIER_UNIFORM-3] fan_in is the product of all axes but the first, fan_out the first divided
                by groups times the receptive field, each at least 1.

        Differs:
            Keras and JAX read fans off the last two axes; torch's fan_out does not divide by groups.

        Source:
            Glorot and Bengio, "Understanding the Difficulty of Training Deep Feedforward Neural Networks",
            2010, eq. 16.

        Example:
            >>> x = B.to_numpy(B.init_xavier_uniform(B.key(0), (20, 10)))
            >>> bool(abs(x).max() <= (3 / 15) ** 0.5)
            True
        """
        limit = math.sqrt(3 * scale / _fan(shape, groups, "fan_avg"))
        return self._uniform(key, shape, -limit, limit, dtype)

    @operation(since="1.0", check=checks.xavier, exact=True)
    def init_xavier_normal(
        self,
        key: Array,
        shape: tuple[int, ...],
        *,
        scale: float = 1.0,
        groups: int = 1,
        dtype: str | None = None,
    ) -> Array:
        """Glorot's normal: of mean 0 and variance `scale / ((fan_in + fan_out) / 2)`.

        Args:
            key: `(2,)`, int32, not traced.
            shape: `(out, in / groups, *receptive field)`.
            scale: of the variance, > 0.
            groups: of a grouped convolution: fan_out is receptive field * out / groups.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            DTypeError: `key` is not int32, or the backend offers no such dtype.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: `shape` has fewer than 2 axes, `scale <= 0`, `groups` does not divide `out`, or
                `key` is traced.

        Requires:
            [INIT_XAVIER_NORMAL-1] The same bits on every backend, from the stream of the key.
            [INIT_XAVIER_NORMAL-2] Normal, not truncated, of variance scale over the mean of fan_in and
                fan_out.

        Differs:
            JAX and Keras truncate at two standard deviations.

        Source:
            Glorot and Bengio 2010, eq. 12.

        Example:
            >>> x = B.to_numpy(B.init_xavier_normal(B.key(0), (100, 100)))
            >>> round(float(x.std()), 2)
            0.1
        """
        return self._normal(key, shape, 0.0, math.sqrt(scale / _fan(shape, groups, "fan_avg")), dtype)

    @operation(since="1.0", check=checks.he, exact=True)
    def init_he_uniform(
        self,
        key: Array,
        shape: tuple[int, ...],
        *,
        scale: float = 2.0,
        groups: int = 1,
        dtype: str | None = None,
    ) -> Array:
        """He's uniform: in [-l, l) with `l = sqrt(3 v)`, `v = scale / fan_in`.

        Args:
            key: `(2,)`, int32, not traced.
            shape: `(out, in / groups, *receptive field)`.
            scale: of the variance, > 0; 2 suits relu, 1 is LeCun's.
            groups: of a grouped convolution; fan_in does not depend on it, since axis 1 is divided already.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            DTypeError: `key` is not int32, or the backend offers no such dtype.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: `shape` has fewer than 2 axes, `scale <= 0`, `groups` does not divide `out`, or
                `key` is traced.

        Requires:
            [INIT_HE_UNIFORM-1] The same bits on every backend, from the uniform stream of the key.
            [INIT_HE_UNIFORM-2] Uniform of variance scale over fan_in, and never beyond l in magnitude.

        Differs:
            torch's `kaiming_uniform_` has the slope of a leaky rectifier as its argument in place of scale.

        Source:
            He et al., "Delving Deep into Rectifiers", 2015, eq. 10.

        Example:
            >>> x = B.to_numpy(B.init_he_uniform(B.key(0), (20, 6)))
            >>> bool(abs(x).max() <= 1)
            True
        """
        limit = math.sqrt(3 * scale / _fan(shape, groups, "fan_in"))
        return self._uniform(key, shape, -limit, limit, dtype)

    @operation(since="1.0", check=checks.he, exact=True)
    def init_he_normal(
        self,
        key: Array,
        shape: tuple[int, ...],
        *,
        scale: float = 2.0,
        groups: int = 1,
        dtype: str | None = None,
    ) -> Array:
        """He's normal: of mean 0 and variance `scale / fan_in`.

        Args:
            key: `(2,)`, int32, not traced.
            shape: `(out, in / groups, *receptive field)`.
            scale: of the variance, > 0; 2 suits relu, 1 is LeCun's.
            groups: of a grouped convolution; fan_in does not depend on it, since axis 1 is divided already.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            DTypeError: `key` is not int32, or the backend offers no such dtype.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: `shape` has fewer than 2 axes, `scale <= 0`, `groups` does not divide `out`, or
                `key` is traced.

        Requires:
            [INIT_HE_NORMAL-1] The same bits on every backend, from the stream of the key.
            [INIT_HE_NORMAL-2] Normal, not truncated, of variance scale over fan_in.
            [INIT_HE_NORMAL-3] Through a stack of relu layers of n units each the mean square of a signal neither
                vanishes nor explodes: its ratio from layer to layer has mean 1 and variance 5 / n.

        Differs:
            JAX and Keras truncate at two standard deviations.

        Source:
            He et al. 2015, eq. 10.

        Example:
            >>> x = B.to_numpy(B.init_he_normal(B.key(0), (100, 200)))
            >>> round(float(x.std()), 2)
            0.1
        """
        return self._normal(key, shape, 0.0, math.sqrt(scale / _fan(shape, groups, "fan_in")), dtype)

    @operation(since="1.0", check=checks.xavier, exact=True)
    def init_lecun_uniform(
        self,
        key: Array,
        shape: tuple[int, ...],
        *,
        scale: float = 1.0,
        groups: int = 1,
        dtype: str | None = None,
    ) -> Array:
        """LeCun's uniform: in [-l, l) with `l = sqrt(3 v)`, `v = scale / fan_in`.

        Args:
            key: `(2,)`, int32, not traced.
            shape: `(out, in / groups, *receptive field)`.
            scale: of the variance, > 0; 1 suits linear layers and selu.
            groups: of a grouped convolution; fan_in does not depend on it, since axis 1 is divided already.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            DTypeError: `key` is not int32, or the backend offers no such dtype.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: `shape` has fewer than 2 axes, `scale <= 0`, `groups` does not divide `out`, or
                `key` is traced.

        Requires:
            [INIT_LECUN_UNIFORM-1] The same bits on every backend, from the uniform stream of the key.
            [INIT_LECUN_UNIFORM-2] Uniform of variance scale over fan_in, and never beyond l in magnitude.

        Differs:
            torch has no function of this name; its default for Linear and Conv is the uniform of variance
            1 / (3 fan_in).

        Source:
            LeCun et al., "Efficient BackProp", 1998, eq. 16.

        Example:
            >>> x = B.to_numpy(B.init_lecun_uniform(B.key(0), (20, 3)))
            >>> bool(abs(x).max() <= 1)
            True
        """
        limit = math.sqrt(3 * scale / _fan(shape, groups, "fan_in"))
        return self._uniform(key, shape, -limit, limit, dtype)

    @operation(since="1.0", check=checks.xavier, exact=True)
    def init_lecun_normal(
        self,
        key: Array,
        shape: tuple[int, ...],
        *,
        scale: float = 1.0,
        groups: int = 1,
        dtype: str | None = None,
    ) -> Array:
        """LeCun's normal: of mean 0 and variance `scale / fan_in`.

        Args:
            key: `(2,)`, int32, not traced.
            shape: `(out, in / groups, *receptive field)`.
            scale: of the variance, > 0; 1 suits linear layers and selu.
            groups: of a grouped convolution; fan_in does not depend on it, since axis 1 is divided already.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            DTypeError: `key` is not int32, or the backend offers no such dtype.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: `shape` has fewer than 2 axes, `scale <= 0`, `groups` does not divide `out`, or
                `key` is traced.

        Requires:
            [INIT_LECUN_NORMAL-1] The same bits on every backend, from the stream of the key.
            [INIT_LECUN_NORMAL-2] Normal, not truncated, of variance scale over fan_in.
            [INIT_LECUN_NORMAL-3] Through a stack of linear layers of n units each the mean square of a signal neither
                vanishes nor explodes: its ratio from layer to layer has mean 1 and variance 2 / n.

        Differs:
            JAX and Keras truncate at two standard deviations. torch has no function of this name; its default for
            Linear and Conv is the uniform of variance 1 / (3 fan_in).

        Source:
            LeCun et al., "Efficient BackProp", 1998, eq. 16.

        Example:
            >>> x = B.to_numpy(B.init_lecun_normal(B.key(0), (200, 100)))
            >>> round(float(x.std()), 2)
            0.1
        """
        return self._normal(key, shape, 0.0, math.sqrt(scale / _fan(shape, groups, "fan_in")), dtype)

    @operation(since="1.0", check=checks.variance_scaling, exact=True)
    def init_variance_scaling(
        self,
        key: Array,
        shape: tuple[int, ...],
        *,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        groups: int = 1,
        dtype: str | None = None,
    ) -> Array:
        """Mean 0 and variance `v = scale / fan`, of a chosen fan and distribution.

        "uniform" is in [-l, l) with `l = sqrt(3 v)`, "normal" is not truncated, and "truncated_normal" is
        `init_truncated_normal` of `std = sqrt(v) / 0.8796256610342398`, within two of those standard deviations.

        Args:
            key: `(2,)`, int32, not traced.
            shape: `(out, in / groups, *receptive field)`.
            scale: of the variance, > 0.
            mode: "fan_in"; "fan_out"; or "fan_avg", the mean of both.
            distribution: "truncated_normal", "normal" or "uniform".
            groups: of a grouped convolution: fan_out is receptive field * out / groups.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            DTypeError: `key` is not int32, or the backend offers no such dtype.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: `shape` has fewer than 2 axes, `scale <= 0`, `mode` or `distribution` is another, `groups`
                does not divide `out`, or `key` is traced.

        Requires:
            [INIT_VARIANCE_SCALING-1] The same bits on every backend, from the stream of the key.
            [INIT_VARIANCE_SCALING-2] The variance is scale over the fan, after truncation too.
            [INIT_VARIANCE_SCALING-3] The distribution is the one asked for; the truncated normal is never beyond two
                standard deviations of what it is truncated from, the uniform never beyond l.
            [INIT_VARIANCE_SCALING-4] With the scales, fans and distributions of init_lecun, init_he and init_xavier
                it equals them to the bit.

        Differs:
            Keras and JAX read fans off the last two axes, and call the plain normal "untruncated_normal" (Keras).

        Source:
            He et al. 2015 and Glorot and Bengio 2010 with the fan as an argument, as TensorFlow and Keras have it.

        Example:
            >>> x = B.to_numpy(B.init_variance_scaling(B.key(0), (100, 200), scale=2.0, mode="fan_out"))
            >>> round(float(x.std()), 2), bool(abs(x).max() <= 2 * 0.02**0.5 / 0.8796)
            (0.14, True)
        """
        fan = _fan(shape, groups, mode)
        if distribution == "uniform":
            limit = math.sqrt(3 * scale / fan)
            return self._uniform(key, shape, -limit, limit, dtype)
        if distribution == "normal":
            return self._normal(key, shape, 0.0, math.sqrt(scale / fan), dtype)
        return self._truncated(key, shape, 0.0, math.sqrt(scale / fan) / _TRUNCATED, (-2.0, 2.0), dtype)
