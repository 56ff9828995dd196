"""Initial parameters of a given distribution, whatever their shape."""

from __future__ import annotations

from nnspec.operation import Array, operation
from nnspec.ops.initializers import _checks as checks
from nnspec.ops.initializers._drawing import Drawing

__all__ = ["Distributions"]


class Distributions(Drawing):
    """Independent draws."""

    @operation(since="1.0", check=checks.uniform, exact=True)
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

    @operation(since="1.0", check=checks.normal, exact=True)
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

    @operation(since="1.0", check=checks.truncated_normal, exact=True)
    def init_truncated_normal(
        self,
        key: Array,
        shape: tuple[int, ...],
        *,
        mean: float = 0.0,
        std: float = 0.05,
        low: float = -2.0,
        high: float = 2.0,
        dtype: str | None = None,
    ) -> Array:
        """Normal, given that it lies in `[mean + low std, mean + high std]`.

        `mean + std F^-1(F(low) + u (F(high) - F(low)))`, F the standard normal distribution function and u as for
        `init_normal`; computed in float64, above the median by the upper tail, and rounded once.

        Args:
            key: `(2,)`, int32, not traced.
            shape: of the result.
            mean: of the distribution before it is truncated.
            std: its standard deviation before it is truncated, > 0.
            low: lower bound in standard deviations, in [-37, 37]; -37 stands for none.
            high: upper bound in standard deviations, in (low, 37]; 37 stands for none.
            dtype: a floating dtype of the backend, or None for its default.

        Returns:
            An array of that shape and dtype.

        Raises:
            DTypeError: `key` is not int32, or the backend offers no such dtype.
            ShapeError: `key` is not `(2,)`.
            ArgumentError: `mean` is not finite, `std <= 0`, a bound is beyond 37, `high <= low`, `shape` is no tuple
                of sizes, or `key` is traced.

        Requires:
            [INIT_TRUNCATED_NORMAL-1] The same bits on every backend, from the stream of the key.
            [INIT_TRUNCATED_NORMAL-2] No element lies beyond a bound, also after rounding, where the dtype has a number
                between the bounds.
            [INIT_TRUNCATED_NORMAL-3] Distributed as the normal within the bounds; std is not corrected for what they
                take away: with the default bounds the result has 0.8796 std.

        Differs:
            torch's bounds are absolute, not in standard deviations. Keras has bounds of 2 standard deviations, which
            cannot be changed.

        Source:
            Inversion of the distribution function; the generator is that of `random_bits`.

        Example:
            >>> x = B.to_numpy(B.init_truncated_normal(B.key(0), (10000,), std=1.0))
            >>> bool(abs(x).max() <= 2), round(float(x.std()), 1)
            (True, 0.9)
        """
        return self._truncated(key, shape, mean, std, (low, high), dtype)
