"""Gradient clipping."""

from __future__ import annotations

import math
from typing import Any

import optree

from nnspec.operation import Array, Family, operation
from nnspec.ops._common import norm
from nnspec.ops.optimizers import _checks as checks
from nnspec.ops.optimizers._steps import shortened

__all__ = ["Clipping"]


class Clipping(Family):
    """Gradient clipping."""

    @operation(since="1.0", check=checks.clip_by_value, exact=True)
    def clip_by_value(self, grads: Any, *, max_value: float = 1.0) -> Any:
        """Every element into `[-max_value, max_value]`.

        Args:
            grads: a pytree of floating arrays.
            max_value: the limit, > 0.

        Returns:
            Like `grads`.

        Raises:
            DTypeError: a leaf is no floating array.
            ArgumentError: `grads` holds no array, or `max_value` is no finite number > 0.

        Requires:
            [CLIP_BY_VALUE-1] Elements beyond the limit become the limit of their sign; the others are
                unchanged to the bit.
            [CLIP_BY_VALUE-2] NaN propagates.

        Source:
            Mikolov, "Statistical Language Models Based on Neural Networks", 2012, sec. 3.2.

        Example:
            >>> B.to_numpy(B.clip_by_value([B.asarray([-3.0, 0.5])])[0]).tolist()
            [-1.0, 0.5]
        """
        where = self.xp.where

        def clipped(g: Array) -> Array:
            return where(g <= -max_value, -max_value, where(g >= max_value, max_value, g))

        return optree.tree_map(clipped, grads)

    @operation(since="1.0", check=checks.clip_by_norm)
    def clip_by_norm(self, grads: Any, *, max_norm: float = 1.0) -> Any:
        """Every array by itself to a Euclidean norm of at most `max_norm`: `g max_norm / max(|g|, max_norm)`.

        Args:
            grads: a pytree of floating arrays.
            max_norm: the limit, > 0.

        Returns:
            Like `grads`.

        Raises:
            DTypeError: a leaf is no floating array.
            ArgumentError: `grads` holds no array, or `max_norm` is no finite number > 0.

        Requires:
            [CLIP_BY_NORM-1] Each array has its own norm; one above the limit is scaled to the limit.
            [CLIP_BY_NORM-2] An array at or below the limit is unchanged to the bit, zeros included.
            [CLIP_BY_NORM-3] An array whose norm is not finite is unchanged.

        Differs:
            `torch.nn.utils.clip_grad_norm_` clips by the global norm.

        Source:
            Pascanu, Mikolov and Bengio, "On the Difficulty of Training Recurrent Neural Networks", 2012, alg.
            1.

        Example:
            >>> a, b = B.clip_by_norm([B.asarray([6.0, 8.0]), B.asarray([0.5])], max_norm=5.0)
            >>> B.to_numpy(a).tolist(), B.to_numpy(b).tolist()
            ([3.0, 4.0], [0.5])
        """
        return optree.tree_map(lambda g: shortened(self, g, norm(self, [g]), max_norm), grads)

    @operation(since="1.0", check=checks.clip_by_global_norm, wide_results=(1,))
    def clip_by_global_norm(self, grads: Any, *, max_norm: float = 1.0) -> tuple[Any, Array, Array]:
        """All arrays together to a Euclidean norm of at most `max_norm`: `g max_norm / max(norm, max_norm)`.

        Args:
            grads: a pytree of floating arrays of one dtype.
            max_norm: the limit, > 0.

        Returns:
            The clipped gradients; the norm they had, of rank 0; and a boolean of rank 0, whether that is
            finite.

        Raises:
            DTypeError: a leaf is no floating array, or dtypes differ.
            ArgumentError: `grads` holds no array, or `max_norm` is no finite number > 0.

        Requires:
            [CLIP_BY_GLOBAL_NORM-1] One norm over all arrays; above the limit all are scaled by max_norm /
                norm.
            [CLIP_BY_GLOBAL_NORM-2] At or below the limit all are unchanged to the bit.
            [CLIP_BY_GLOBAL_NORM-3] Where the norm is not finite all are unchanged and finite is False.

        Differs:
            torch divides by norm + 1e-6 and gives zeros and NaN for an infinite norm; Keras gives NaN.

        Source:
            Pascanu, Mikolov and Bengio 2012, alg. 1.

        Example:
            >>> grads = [B.asarray([6.0]), B.asarray([8.0])]
            >>> (a, b), length, finite = B.clip_by_global_norm(grads, max_norm=5.0)
            >>> float(a[0]), float(b[0]), float(length), bool(finite)
            (3.0, 4.0, 10.0, True)
        """
        leaves, spec = optree.tree_flatten(grads)
        length = norm(self, leaves)
        clipped = [shortened(self, g, length, max_norm) for g in leaves]
        return optree.tree_unflatten(spec, clipped), length, length < math.inf
