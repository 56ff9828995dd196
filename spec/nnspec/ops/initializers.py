"""Initializers: drawn once, on the host, by the generator of this specification, then handed to the backend.

So one key gives the same parameters, to the bit, on every backend and device. Weights have their output units
along axis 0, the inputs of a group along axis 1, and their receptive field along the rest; a fan is the
number of connections into (fan_in) or out of (fan_out) a unit, and at least 1.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from nnspec import _threefry
from nnspec import _validate as check
from nnspec.errors import ArgumentError, DTypeError
from nnspec.operation import Array, Family, operation

__all__ = ["Initializers"]


# -- checks ------------------------------------------------------------------------------------------------


def _made(self: Initializers, shape: tuple[int, ...], dtype: str | None) -> None:
    check.sizes("shape", shape)
    if dtype is not None and dtype not in self.dtypes:
        raise DTypeError(f"dtype: expected one of {', '.join(self.dtypes)}, got {dtype!r}")


def _drawn(self: Initializers, key: Array, shape: tuple[int, ...], dtype: str | None) -> None:
    check.key(self, "key", key)
    if not self.is_concrete(key):
        raise ArgumentError(
            "key: expected a key of known value, got a traced one; initializers draw on the host, so call "
            "them outside compiled code"
        )
    _made(self, shape, dtype)


def _filled(self: Initializers, shape: tuple[int, ...], *, dtype: str | None = None) -> None:
    _made(self, shape, dtype)


def _constant(self: Initializers, shape: tuple[int, ...], *, value: float, dtype: str | None = None) -> None:
    check.number("value", value)
    _made(self, shape, dtype)


def _uniform(
    self: Initializers,
    key: Array,
    shape: tuple[int, ...],
    *,
    low: float = -0.05,
    high: float = 0.05,
    dtype: str | None = None,
) -> None:
    check.number("low", low)
    check.number("high", high, low=low, low_open=True)
    _drawn(self, key, shape, dtype)


def _normal(
    self: Initializers,
    key: Array,
    shape: tuple[int, ...],
    *,
    mean: float = 0.0,
    std: float = 0.05,
    dtype: str | None = None,
) -> None:
    check.number("mean", mean)
    check.number("std", std, low=0)
    _drawn(self, key, shape, dtype)


def _xavier(
    self: Initializers,
    key: Array,
    shape: tuple[int, ...],
    *,
    scale: float = 1.0,
    groups: int = 1,
    dtype: str | None = None,
) -> None:
    check.number("scale", scale, low=0, low_open=True)
    check.count("groups", groups, low=1)
    _drawn(self, key, shape, dtype)
    if len(shape) < 2:
        raise ArgumentError(f"shape: expected at least 2 axes (out, in / groups, ...) to count fans, got {shape!r}")
    if shape[0] % groups:
        raise ArgumentError(f"groups: expected a divisor of the {shape[0]} output units, got {groups!r}")


def _he(
    self: Initializers,
    key: Array,
    shape: tuple[int, ...],
    *,
    scale: float = 2.0,
    groups: int = 1,
    dtype: str | None = None,
) -> None:
    _xavier(self, key, shape, scale=scale, groups=groups, dtype=dtype)


# -- draws on the host -------------------------------------------------------------------------------------


def _fans(shape: tuple[int, ...], groups: int) -> tuple[int, int]:
    """fan_in and fan_out of one unit."""
    field = math.prod(shape[2:])
    return max(1, shape[1] * field), max(1, shape[0] // groups * field)


def _toward_zero(value: float, dtype: str) -> Any:
    """`value` in `dtype`, not larger in magnitude than it was."""
    rounded = np.dtype(dtype).type(value)
    return np.nextafter(rounded, rounded.dtype.type(0)) if abs(float(rounded)) > abs(value) else rounded


def _between(u: Any, low: float, high: float) -> Any:
    """Numbers in [low, high) from `u` in [0, 1), in the dtype of `u`."""
    dtype = str(u.dtype)
    if low == -high:
        return _toward_zero(high, dtype) * (2 * u - 1)
    x = (low + (high - low) * u.astype(np.float64)).astype(dtype)
    first, last = (np.dtype(dtype).type(bound) for bound in (low, high))
    if float(first) < low:
        first = np.nextafter(first, last)
    if float(last) >= high:
        last = np.nextafter(last, first)
    return np.clip(x, first, last)


def _gaussian(u: Any, mean: float, std: float) -> Any:
    """Normal numbers in float64 from `u` in [0, 1), whose steps are halved so that neither end is reached."""
    from scipy.special import erfinv

    step = 2.0**-52 if u.dtype == np.float64 else 2.0**-23
    symmetric = 2 * u.astype(np.float64) - 1 + step  # exact: 2 (u + step / 2) - 1
    return mean + std * (math.sqrt(2) * erfinv(symmetric))


class Initializers(Family):
    """Initial parameters. Every result has the shape asked for; a `dtype` of None is the backend's."""

    #: floating dtype of results where none is asked for
    dtype: str
    #: floating dtypes that can be asked for
    dtypes: ClassVar[tuple[str, ...]]

    @operation(since="1.0", check=_filled, exact=True)
    def init_zeros(self, shape: tuple[int, ...], *, dtype: str | None = None) -> Array:
        """All 0.

        Args:
            shape: of the result.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            ArgumentError: `shape` is no tuple of sizes.
            DTypeError: the backend offers no such dtype.

        Requires:
            [INIT_ZEROS-1] Every element is 0, in the shape and dtype asked for.

        Source:
            The usual start of biases.

        Example:
            >>> B.to_numpy(B.init_zeros((2,))).tolist()
            [0.0, 0.0]
        """
        return self._full(shape, 0.0, dtype)

    @operation(since="1.0", check=_filled, exact=True)
    def init_ones(self, shape: tuple[int, ...], *, dtype: str | None = None) -> Array:
        """All 1.

        Args:
            shape: of the result.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            ArgumentError: `shape` is no tuple of sizes.
            DTypeError: the backend offers no such dtype.

        Requires:
            [INIT_ONES-1] Every element is 1, in the shape and dtype asked for.

        Source:
            The usual start of the scales of normalization.

        Example:
            >>> B.to_numpy(B.init_ones((2,))).tolist()
            [1.0, 1.0]
        """
        return self._full(shape, 1.0, dtype)

    @operation(since="1.0", check=_constant, exact=True)
    def init_constant(self, shape: tuple[int, ...], *, value: float, dtype: str | None = None) -> Array:
        """All `value`.

        Args:
            shape: of the result.
            value: a finite number.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            ArgumentError: `shape` is no tuple of sizes, or `value` is not finite.
            DTypeError: the backend offers no such dtype.

        Requires:
            [INIT_CONSTANT-1] Every element is value, rounded once to the dtype.

        Source:
            The start of slopes (prelu, 0.25) and of forget biases.

        Example:
            >>> B.to_numpy(B.init_constant((2,), value=0.25)).tolist()
            [0.25, 0.25]
        """
        return self._full(shape, value, dtype)

    @operation(since="1.0", check=_uniform, exact=True)
    def init_uniform(
        self,
        key: Array,
        shape: tuple[int, ...],
        *,
        low: float = -0.05,
        high: float = 0.05,
        dtype: str | None = None,
    ) -> Array:
        """Uniform in [low, high): `l (2u - 1)` where `low = -l`, `high = l`, else `low + (high - low) u`.

        u is `random_uniform(key, shape, dtype=dtype)`.

        Args:
            key: `(2,)`, int32, not traced.
            shape: of the result.
            low: lower bound, included.
            high: upper bound, excluded, > low.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            DTypeError: `key` is not int32, or the backend offers no such dtype.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: a bound is not finite, `high <= low`, `shape` is no tuple of sizes, or `key` is
                traced.

        Requires:
            [INIT_UNIFORM-1] The same bits on every backend, from the uniform stream of the key.
            [INIT_UNIFORM-2] low <= x < high for every element, also after rounding.
            [INIT_UNIFORM-3] Uniformly distributed: mean (low + high) / 2, variance (high - low)^2 / 12.

        Differs:
            Keras has these defaults; torch and JAX have [0, 1).

        Source:
            This specification; the generator is that of `random_uniform`.

        Example:
            >>> x = B.to_numpy(B.init_uniform(B.key(0), (1000,)))
            >>> bool(abs(x).max() <= 0.05), round(float(x.std()), 2)
            (True, 0.03)
        """
        return self._uniform(key, shape, low, high, dtype)

    @operation(since="1.0", check=_normal, exact=True)
    def init_normal(
        self,
        key: Array,
        shape: tuple[int, ...],
        *,
        mean: float = 0.0,
        std: float = 0.05,
        dtype: str | None = None,
    ) -> Array:
        """Normal: `mean + std sqrt(2) erfinv(2u - 1)`, `u = ((word >> 9) + 1/2) 2^-23`.

        Computed in float64 and rounded once. In float64 `u = ((word64 >> 12) + 1/2) 2^-52`; words as for
        `random_uniform`.

        Args:
            key: `(2,)`, int32, not traced.
            shape: of the result.
            mean: of the distribution.
            std: its standard deviation, >= 0.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            DTypeError: `key` is not int32, or the backend offers no such dtype.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: `mean` or `std` is not finite, `std < 0`, `shape` is no tuple of sizes, or `key` is
                traced.

        Requires:
            [INIT_NORMAL-1] The same bits on every backend, from the stream of the key.
            [INIT_NORMAL-2] Always finite.
            [INIT_NORMAL-3] Normally distributed, not truncated: of that mean and standard deviation.

        Differs:
            XLA's erfinv differs from SciPy's by up to 1.6e-5, so each framework's own normals differ.

        Source:
            Inversion of the distribution function; the generator is that of `random_bits`.

        Example:
            >>> x = B.to_numpy(B.init_normal(B.key(0), (10000,), std=2.0))
            >>> round(float(x.std()), 1)
            2.0
        """
        return self._normal(key, shape, mean, std, dtype)

    @operation(since="1.0", check=_xavier, exact=True)
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
        fan_in, fan_out = _fans(shape, groups)
        limit = math.sqrt(3 * scale / ((fan_in + fan_out) / 2))
        return self._uniform(key, shape, -limit, limit, dtype)

    @operation(since="1.0", check=_xavier, exact=True)
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
        fan_in, fan_out = _fans(shape, groups)
        return self._normal(key, shape, 0.0, math.sqrt(scale / ((fan_in + fan_out) / 2)), dtype)

    @operation(since="1.0", check=_he, exact=True)
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
        limit = math.sqrt(3 * scale / _fans(shape, groups)[0])
        return self._uniform(key, shape, -limit, limit, dtype)

    @operation(since="1.0", check=_he, exact=True)
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

        Differs:
            JAX and Keras truncate at two standard deviations.

        Source:
            He et al. 2015, eq. 10.

        Example:
            >>> x = B.to_numpy(B.init_he_normal(B.key(0), (100, 200)))
            >>> round(float(x.std()), 2)
            0.1
        """
        return self._normal(key, shape, 0.0, math.sqrt(scale / _fans(shape, groups)[0]), dtype)

    def _full(self, shape: tuple[int, ...], value: float, dtype: str | None) -> Array:
        return self.asarray(np.full(shape, value, np.float64), dtype=dtype or self.dtype)

    def _uniform(self, key: Array, shape: tuple[int, ...], low: float, high: float, dtype: str | None) -> Array:
        dtype = dtype or self.dtype
        return self.asarray(_between(_threefry.uniform(self.to_numpy(key), shape, dtype), low, high), dtype=dtype)

    def _normal(self, key: Array, shape: tuple[int, ...], mean: float, std: float, dtype: str | None) -> Array:
        dtype = dtype or self.dtype
        u = _threefry.uniform(self.to_numpy(key), shape, dtype)
        return self.asarray(_gaussian(u, mean, std).astype(u.dtype), dtype=dtype)
