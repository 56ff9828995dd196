"""Constant initial parameters."""

from __future__ import annotations

from nnspec.operation import Array, operation
from nnspec.ops.initializers import _checks as checks
from nnspec.ops.initializers._drawing import Drawing

__all__ = ["Constants"]


class Constants(Drawing):
    """Every element the same."""

    @operation(since="1.0", check=checks.filled, exact=True)
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

    @operation(since="1.0", check=checks.filled, exact=True)
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

    @operation(since="1.0", check=checks.constant, exact=True)
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
