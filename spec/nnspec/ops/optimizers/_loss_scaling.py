"""Loss scaling: gradients in the range of float16."""

from __future__ import annotations

import math
from typing import Any

import optree

from nnspec.operation import Array, Family, operation
from nnspec.ops.optimizers import _loss_scaling_checks as checks
from nnspec.ops.optimizers._steps import State

__all__ = ["LossScaling"]


class LossScaling(Family):
    """A factor of the loss that follows the range of its gradients."""

    @operation(since="1.0", check=checks.init, exact=True, low="wide")
    def loss_scaling_init(self, *, initial_scale: float = 2.0**15) -> State:
        """State of loss scaling: "scale", the factor of the loss, and "count", finite steps since it last changed.

        In float16 a cotangent beyond 65504 is infinite, and one below 2^-25 is 0: the loss is multiplied by the
        scale, and its gradients are divided by it.

        Args:
            initial_scale: the scale at first, > 0; a power of two rounds nothing.

        Returns:
            `{"scale": floating of rank 0, "count": int32 of rank 0}`; the scale is float32 also where the backend's
            dtype is float16 or bfloat16.

        Raises:
            ArgumentError: `initial_scale` is no finite number > 0.

        Requires:
            [LOSS_SCALING_INIT-1] The scale is initial_scale, of float32 at least; the count is an int32 array, 0.

        Differs:
            torch begins with 2^16, which as a cotangent of float16 is infinite: the first step is lost.

        Source:
            As for `loss_scaling_update`.

        Example:
            >>> state = B.loss_scaling_init()
            >>> float(state["scale"]), int(state["count"])
            (32768.0, 0)
        """
        xp = self.xp
        scale = self.asarray(initial_scale, dtype=self.working_dtype)
        return {"scale": scale, "count": xp.zeros((), dtype=xp.int32, **self.placement(scale))}

    @operation(since="1.0", check=checks.update, low="wide")
    def loss_scaling_update(
        self,
        grads: Any,
        state: State,
        *,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        min_scale: float = 1.0,
    ) -> tuple[Any, Array, State]:
        """Gradients `g / scale` of a scaled loss, and the next scale.

        Where a gradient is not finite the scale becomes `max(scale backoff_factor, min_scale)` and the step is to be
        skipped; after growth_interval finite steps in a row it becomes `scale growth_factor`.

        Args:
            grads: a pytree of floating arrays g, gradients of the loss times the scale.
            state: from `loss_scaling_init`, or the last call.
            growth_factor: > 1.
            backoff_factor: > 0 and < 1.
            growth_interval: finite steps for every growth, >= 1.
            min_scale: the scale does not fall below it, > 0; one that is below it already stays.

        Returns:
            The gradients of the loss, in float32 where they were float16 or bfloat16; a boolean of rank 0, whether
            all were finite; and the new state.

        Raises:
            DTypeError: a leaf of `grads` or the scale is no floating array, or the count is none of integers.
            ShapeError: the scale or the count is not of rank 0.
            ArgumentError: `grads` holds no array, `state` has other entries, or a number is out of its range.

        Requires:
            [LOSS_SCALING_UPDATE-1] Gradients are divided by the scale that the state came with, in float32 at
                least: what is subnormal or 0 in float16 keeps its digits.
            [LOSS_SCALING_UPDATE-2] finite is False where any element of any gradient is infinite or NaN.
            [LOSS_SCALING_UPDATE-3] A step that is not finite takes the scale down by backoff_factor, at most to
                min_scale, and starts the count anew.
            [LOSS_SCALING_UPDATE-4] The growth_interval-th finite step since the last change takes the scale up by
                growth_factor, unless it would not be finite, and starts the count anew; other finite steps leave it
                and count.

        Differs:
            torch's GradScaler has no min_scale: its scale may fall to 0, after which no step is finite. Apex bounds
            the scale above too.

        Source:
            Micikevicius et al., "Mixed Precision Training", 2017, sec. 3.2; the rule is that of
            `torch.amp.GradScaler`.

        Example:
            >>> state = B.loss_scaling_init(initial_scale=8.0)
            >>> (g,), finite, state = B.loss_scaling_update([B.asarray([4.0])], state, growth_interval=1)
            >>> float(g[0]), bool(finite), float(state["scale"])
            (0.5, True, 16.0)
            >>> _, finite, state = B.loss_scaling_update([B.asarray([float("inf")])], state)
            >>> bool(finite), float(state["scale"])
            (False, 8.0)
        """
        xp = self.xp
        scale = xp.reshape(state["scale"], (1,))
        count = xp.reshape(state["count"], (1,)) + 1
        unscaled = optree.tree_map(lambda g: g / xp.astype(state["scale"], g.dtype), grads)

        finite = xp.ones_like(count) == 1
        for g in optree.tree_leaves(grads):
            finite = xp.logical_and(finite, xp.all(xp.isfinite(g)))
        grown = scale * growth_factor
        lowered = scale * backoff_factor
        lowered = xp.where(lowered < min_scale, xp.where(scale < min_scale, scale, min_scale), lowered)
        ripe = count >= growth_interval
        kept = xp.where(xp.logical_and(ripe, grown < math.inf), grown, scale)
        state = {
            "scale": xp.reshape(xp.where(finite, kept, lowered), ()),
            "count": xp.reshape(xp.where(xp.logical_and(finite, xp.logical_not(ripe)), count, 0 * count), ()),
        }
        return unscaled, xp.reshape(finite, ()), state
