"""Gradient descent and RMSprop."""

from __future__ import annotations

from typing import Any

from nnspec.operation import Array, Family, operation
from nnspec.ops._common import root
from nnspec.ops.optimizers import _checks as checks
from nnspec.ops.optimizers._steps import State, coupled, decays, fresh, moments_of, moved, next_step, stepped

__all__ = ["Descent"]


class Descent(Family):
    """Gradient descent and RMSprop."""

    @operation(since="1.0", check=checks.sgd_init, exact=True, low="master")
    def sgd_init(self, params: Any, *, momentum: float = 0.0) -> State:
        """State of gradient descent: "step", and "momentum" where momentum > 0.

        Args:
            params: a pytree of floating arrays.
            momentum: as in `sgd_update`.

        Returns:
            `{"step": int32 of rank 0}`, with `"momentum"` like `params` where momentum > 0; all 0.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array, or `momentum` is outside [0, 1).

        Requires:
            [SGD_INIT-1] Everything is 0; the velocity is there exactly where momentum > 0.

        Source:
            As for `sgd_update`.

        Example:
            >>> sorted(B.sgd_init({"w": B.asarray([1.0])}, momentum=0.9))
            ['momentum', 'step']
        """
        return fresh(self, params, checks.sgd_entries(momentum))

    @operation(since="1.0", check=checks.sgd_update, low="master")
    def sgd_update(
        self,
        params: Any,
        grads: Any,
        state: State,
        *,
        lr: float | Array = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        l2: float = 0.0,
        weight_decay: float = 0.0,
        decay_mask: Any = None,
    ) -> tuple[Any, State]:
        """Gradient descent: `v = momentum v + g`, `p = p - lr v`.

        With Nesterov `p = p - lr (g + momentum v)`. g is the gradient plus `2 l2 p`; `lr weight_decay p` is
        taken off p besides.

        Args:
            params: a pytree of floating arrays.
            grads: like `params`.
            state: from `sgd_init` with the same momentum, or the last update.
            lr: learning rate, >= 0, a number or a floating array of rank 0.
            momentum: in [0, 1).
            nesterov: whether to look ahead; needs momentum.
            l2: coupled penalty, >= 0.
            weight_decay: decoupled decay, >= 0.
            decay_mask: a pytree of Python bools in the structure of `params`, False where nothing decays by
                `weight_decay`; None lets everything decay.

        Returns:
            New parameters and new state, structured like the old ones.

        Raises:
            DTypeError: a leaf is no floating array, or not of its parameter's dtype.
            ShapeError: a leaf has not its parameter's shape.
            ArgumentError: structures differ, `state` has other entries, a number is out of its range, or
                `decay_mask` holds something else than bools.

        Requires:
            [SGD_UPDATE-1] The learning rate multiplies the velocity and is not accumulated in it.
            [SGD_UPDATE-2] No dampening: the first velocity is the gradient.
            [SGD_UPDATE-3] Nesterov steps along g + momentum v with the new v.
            [SGD_UPDATE-4] l2 adds 2 l2 p to the gradient before the velocity; weight_decay takes lr
                weight_decay p off, p before the step.
            [SGD_UPDATE-5] The step counter grows by 1.
            [SGD_UPDATE-6] Leaves whose mask is False do not decay by weight_decay.

        Differs:
            Keras accumulates lr in the velocity; torch's `weight_decay` is coupled and equals 2 l2.

        Source:
            Robbins and Monro 1951; Polyak 1964; Sutskever et al., "On the Importance of Initialization and
            Momentum in Deep Learning", 2013.

        Example:
            >>> w = {"w": B.asarray([1.0])}
            >>> new, state = B.sgd_update(w, {"w": B.asarray([2.0])}, B.sgd_init(w), lr=0.25)
            >>> B.to_numpy(new["w"]).tolist(), int(state["step"])
            ([0.5], 1)
        """

        def update(p: Array, g: Array, *rest: Any) -> tuple[Array, ...]:
            *velocity, decay = rest
            g = coupled(p, g, l2)
            if not velocity:
                return (moved(self, p, g, lr, decay),)
            v = momentum * velocity[0] + g
            return moved(self, p, g + momentum * v if nesterov else v, lr, decay), v

        moments = moments_of(state, checks.sgd_entries(momentum))
        each = decays(params, weight_decay, decay_mask)
        return stepped(update, params, grads, next_step(self, state["step"]), moments, each)

    @operation(since="1.0", check=checks.rmsprop_init, exact=True, low="master")
    def rmsprop_init(self, params: Any, *, momentum: float = 0.0, centered: bool = False) -> State:
        """State of RMSprop: "step", "square_avg", if centered "grad_avg", and "momentum" where momentum > 0.

        Args:
            params: a pytree of floating arrays.
            momentum: as in `rmsprop_update`.
            centered: as in `rmsprop_update`.

        Returns:
            `{"step": int32 of rank 0, "square_avg": like params, ...}`; all 0.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array, `momentum` is outside [0, 1), or `centered` is no bool.

        Requires:
            [RMSPROP_INIT-1] Everything is 0; grad_avg is there exactly where centered, momentum where
                momentum > 0.

        Source:
            As for `rmsprop_update`.

        Example:
            >>> sorted(B.rmsprop_init({"w": B.asarray([1.0])}, centered=True))
            ['grad_avg', 'square_avg', 'step']
        """
        return fresh(self, params, checks.rmsprop_entries(momentum, centered))

    @operation(since="1.0", check=checks.rmsprop_update, low="master")
    def rmsprop_update(
        self,
        params: Any,
        grads: Any,
        state: State,
        *,
        lr: float | Array = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        centered: bool = False,
        l2: float = 0.0,
        weight_decay: float = 0.0,
        decay_mask: Any = None,
    ) -> tuple[Any, State]:
        """RMSprop: `s = alpha s + (1 - alpha) g^2`, `p = p - lr g / (sqrt(s) + eps)`.

        Centered, `a = alpha a + (1 - alpha) g` and the root is of `max(s - a^2, 0)`. With momentum,
        `b = momentum b + g / (root + eps)` and `p = p - lr b`. g is the gradient plus `2 l2 p`;
        `lr weight_decay p` is taken off p besides.

        Args:
            params: a pytree of floating arrays.
            grads: like `params`.
            state: from `rmsprop_init` with the same momentum and centered, or the last update.
            lr: learning rate, >= 0, a number or a floating array of rank 0.
            alpha: decay of the averages, in [0, 1).
            eps: added to the root, > 0.
            momentum: in [0, 1).
            centered: whether to normalize by the variance in place of the second moment.
            l2: coupled penalty, >= 0.
            weight_decay: decoupled decay, >= 0.
            decay_mask: a pytree of Python bools in the structure of `params`, False where nothing decays by
                `weight_decay`; None lets everything decay.

        Returns:
            New parameters and new state, structured like the old ones.

        Raises:
            DTypeError: a leaf is no floating array, or not of its parameter's dtype.
            ShapeError: a leaf has not its parameter's shape.
            ArgumentError: structures differ, `state` has other entries, a number is out of its range, or
                `decay_mask` holds something else than bools.

        Requires:
            [RMSPROP_UPDATE-1] eps is added outside the square root.
            [RMSPROP_UPDATE-2] Centered, a variance rounded below 0 counts as 0, never NaN.
            [RMSPROP_UPDATE-3] The learning rate multiplies the momentum buffer and is not accumulated in it.
            [RMSPROP_UPDATE-4] l2 adds 2 l2 p to the gradient before the averages; weight_decay takes lr
                weight_decay p off, p before the step.
            [RMSPROP_UPDATE-5] The step counter grows by 1.
            [RMSPROP_UPDATE-6] Leaves whose mask is False do not decay by weight_decay.

        Differs:
            Keras and optax have eps inside the root and alpha 0.9; both accumulate lr in the buffer; torch's
            `weight_decay` is coupled and equals 2 l2.

        Source:
            Tieleman and Hinton, lecture 6.5, 2012; centered: Graves, "Generating Sequences", 2013, eq. 38 to
            45.

        Example:
            >>> w = {"w": B.asarray([1.0])}
            >>> new, _ = B.rmsprop_update(w, {"w": B.asarray([2.0])}, B.rmsprop_init(w), lr=0.1, alpha=0.75)
            >>> round(float(new["w"][0]), 6)
            0.8
        """

        def update(p: Array, g: Array, s: Array, *rest: Any) -> tuple[Array, ...]:
            *more, decay = rest
            g = coupled(p, g, l2)
            s = alpha * s + (1 - alpha) * (g * g)
            new, variance = [s], s
            if centered:
                mean = alpha * more[0] + (1 - alpha) * g
                new, variance = [s, mean], s - mean * mean
            direction = g / (root(self, variance) + eps)
            if momentum > 0:
                direction = momentum * more[-1] + direction
                new = [*new, direction]
            return (moved(self, p, direction, lr, decay), *new)

        moments = moments_of(state, checks.rmsprop_entries(momentum, centered))
        each = decays(params, weight_decay, decay_mask)
        return stepped(update, params, grads, next_step(self, state["step"]), moments, each)
