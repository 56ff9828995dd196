"""Operations on the shape alone."""

from __future__ import annotations

import math

from nnspec import _validate as check
from nnspec.errors import ArgumentError
from nnspec.operation import Array, Family, operation

__all__ = ["Shape"]


def _flatten(self: Family, x: Array, *, start_axis: int = 1, end_axis: int = -1) -> None:
    check.floating(self, "x", x)
    check.rank("x", x, 1)
    if check.axis("start_axis", start_axis, x.ndim) > check.axis("end_axis", end_axis, x.ndim):
        raise ArgumentError(
            f"start_axis: expected an axis up to end_axis = {end_axis} of {x.ndim} axes, got {start_axis}"
        )


class Shape(Family):
    """Rearrangements that keep every value."""

    @operation(since="1.0", check=_flatten, exact=True)
    def flatten(self, x: Array, *, start_axis: int = 1, end_axis: int = -1) -> Array:
        """Merge the axes from `start_axis` to `end_axis` into one, in row-major order.

        Args:
            x: at least one axis, floating.
            start_axis: the first axis that is merged.
            end_axis: the last axis that is merged, not before `start_axis`.

        Returns:
            `(*before, merged, *after)` with the values and the dtype of `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ShapeError: `x` has no axis.
            ArgumentError: `start_axis` or `end_axis` is no axis of `x`, or they are in the wrong order.

        Requires:
            [FLATTEN-1] Values keep their row-major order, whatever the strides of x in memory.
            [FLATTEN-2] Both ends are included; by default every axis but the first is merged.

        Differs:
            `torch.flatten` starts at axis 0 by default (`torch.nn.Flatten` at 1) and accepts a scalar.

        Source:
            The layout step of LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998.

        Example:
            >>> B.flatten(B.asarray(np.zeros((2, 3, 4)))).shape
            (2, 12)
        """
        start, end = start_axis % x.ndim, end_axis % x.ndim
        merged = math.prod(x.shape[start : end + 1])
        return self.xp.reshape(x, (*x.shape[:start], merged, *x.shape[end + 1 :]))
