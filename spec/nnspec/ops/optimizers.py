"""Optimizers as pure functions: `*_init` makes a state, `*_update` takes everything one step on.

Parameters, gradients and every moment are pytrees of one structure, with the same shapes and dtypes leaf by
leaf. A state is a dictionary: "step", an int32 array of rank 0 that counts the updates made, and one pytree a
moment, zero at first. A moment that the hyper-parameters do not call for has no entry, so that the structure
of a state never changes; `*_update` takes the hyper-parameters that `*_init` took.

In all of them: `lr` is a number or a floating array of rank 0 (a schedule's value in compiled code); `l2` is
coupled, it adds `2 l2 p`, the derivative of `l2_penalty`, to the gradient before any moment sees it;
`weight_decay` is decoupled, it takes `lr weight_decay p` off the parameter, p being its value before the
step. Clip gradients before the update.
"""

from __future__ import annotations

import math
from typing import Any

import optree

from nnspec.operation import Array, Family, operation
from nnspec.ops import _optimizer_checks as checks
from nnspec.ops._common import norm, root
from nnspec.ops._steps import (
    State,
    adam_direction,
    coupled,
    fresh,
    moments_of,
    moved,
    next_step,
    shortened,
    stepped,
)

__all__ = ["Optimizers"]


class Optimizers(Family):
    """Optimizer steps and gradient clipping, without side effects."""

    @operation(since="1.0", check=checks.sgd_init, exact=True)
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

    @operation(since="1.0", check=checks.sgd_update)
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

        Returns:
            New parameters and new state, structured like the old ones.

        Raises:
            DTypeError: a leaf is no floating array, or not of its parameter's dtype.
            ShapeError: a leaf has not its parameter's shape.
            ArgumentError: structures differ, `state` has other entries, or a number is out of its range.

        Requires:
            [SGD_UPDATE-1] The learning rate multiplies the velocity and is not accumulated in it.
            [SGD_UPDATE-2] No dampening: the first velocity is the gradient.
            [SGD_UPDATE-3] Nesterov steps along g + momentum v with the new v.
            [SGD_UPDATE-4] l2 adds 2 l2 p to the gradient before the velocity; weight_decay takes lr
                weight_decay p off, p before the step.
            [SGD_UPDATE-5] The step counter grows by 1.

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

        def update(p: Array, g: Array, *velocity: Array) -> tuple[Array, ...]:
            g = coupled(p, g, l2)
            if not velocity:
                return (moved(self, p, g, lr, weight_decay),)
            v = momentum * velocity[0] + g
            return moved(self, p, g + momentum * v if nesterov else v, lr, weight_decay), v

        moments = moments_of(state, checks.sgd_entries(momentum))
        return stepped(update, params, grads, next_step(self, state["step"]), moments)

    @operation(since="1.0", check=checks.rmsprop_init, exact=True)
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

    @operation(since="1.0", check=checks.rmsprop_update)
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

        Returns:
            New parameters and new state, structured like the old ones.

        Raises:
            DTypeError: a leaf is no floating array, or not of its parameter's dtype.
            ShapeError: a leaf has not its parameter's shape.
            ArgumentError: structures differ, `state` has other entries, or a number is out of its range.

        Requires:
            [RMSPROP_UPDATE-1] eps is added outside the square root.
            [RMSPROP_UPDATE-2] Centered, a variance rounded below 0 counts as 0, never NaN.
            [RMSPROP_UPDATE-3] The learning rate multiplies the momentum buffer and is not accumulated in it.
            [RMSPROP_UPDATE-4] l2 adds 2 l2 p to the gradient before the averages; weight_decay takes lr
                weight_decay p off, p before the step.
            [RMSPROP_UPDATE-5] The step counter grows by 1.

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

        def update(p: Array, g: Array, s: Array, *more: Array) -> tuple[Array, ...]:
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
            return (moved(self, p, direction, lr, weight_decay), *new)

        moments = moments_of(state, checks.rmsprop_entries(momentum, centered))
        return stepped(update, params, grads, next_step(self, state["step"]), moments)

    @operation(since="1.0", check=checks.adam_init, exact=True)
    def adam_init(self, params: Any) -> State:
        """State of Adam: "step", "exp_avg" (first moment) and "exp_avg_sq" (second moment).

        Args:
            params: a pytree of floating arrays.

        Returns:
            `{"step": int32 of rank 0, "exp_avg": like params, "exp_avg_sq": like params}`; all 0.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array.

        Requires:
            [ADAM_INIT-1] Everything is 0; the step is an int32 array of rank 0.

        Source:
            As for `adam_update`.

        Example:
            >>> sorted(B.adam_init({"w": B.asarray([1.0])}))
            ['exp_avg', 'exp_avg_sq', 'step']
        """
        return fresh(self, params, checks.ADAM)

    @operation(since="1.0", check=checks.adam_update)
    def adam_update(
        self,
        params: Any,
        grads: Any,
        state: State,
        *,
        lr: float | Array = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        l2: float = 0.0,
    ) -> tuple[Any, State]:
        """Adam: `p = p - lr m^ / (sqrt(v^) + eps)` with `m^ = m / (1 - beta1^t)`, `v^ = v / (1 - beta2^t)`.

        `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`; g is the gradient plus `2 l2 p`, t the
        number of this update, 1 at first.

        Args:
            params: a pytree of floating arrays.
            grads: like `params`.
            state: from `adam_init`, or the last update.
            lr: learning rate, >= 0, a number or a floating array of rank 0.
            beta1: decay of the first moment, in [0, 1).
            beta2: decay of the second moment, in [0, 1).
            eps: added to the root of the corrected second moment, > 0.
            l2: coupled penalty, >= 0.

        Returns:
            New parameters and new state, structured like the old ones.

        Raises:
            DTypeError: a leaf is no floating array, or not of its parameter's dtype.
            ShapeError: a leaf has not its parameter's shape.
            ArgumentError: structures differ, `state` has other entries, or a number is out of its range.

        Requires:
            [ADAM_UPDATE-1] eps is added to the root of the corrected second moment, outside it.
            [ADAM_UPDATE-2] Both moments are corrected by 1 - beta^t with t = 1 at the first update, without
                cancellation in float32.
            [ADAM_UPDATE-3] l2 adds 2 l2 p to the gradient before the moments.
            [ADAM_UPDATE-4] The step counter grows by 1.

        Differs:
            Keras, TensorFlow and ONNX add eps to the root of the uncorrected moment; Keras has eps 1e-7;
            torch's `weight_decay` is coupled and equals 2 l2.

        Source:
            Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014, algorithm 1.

        Example:
            >>> w = {"w": B.asarray([1.0])}
            >>> new, state = B.adam_update(w, {"w": B.asarray([123.0])}, B.adam_init(w), lr=0.5)
            >>> round(float(new["w"][0]), 6), int(state["step"])
            (0.5, 1)
        """
        step = next_step(self, state["step"])

        def update(p: Array, g: Array, m: Array, v: Array) -> tuple[Array, ...]:
            direction, m, v = adam_direction(self, coupled(p, g, l2), m, v, step, beta1, beta2, eps)
            return moved(self, p, direction, lr, 0.0), m, v

        return stepped(update, params, grads, step, moments_of(state, checks.ADAM))

    @operation(since="1.0", check=checks.adam_init, exact=True)
    def adamw_init(self, params: Any) -> State:
        """State of AdamW: that of Adam.

        Args:
            params: a pytree of floating arrays.

        Returns:
            `{"step": int32 of rank 0, "exp_avg": like params, "exp_avg_sq": like params}`; all 0.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array.

        Requires:
            [ADAMW_INIT-1] Everything is 0; the step is an int32 array of rank 0.

        Source:
            As for `adamw_update`.

        Example:
            >>> sorted(B.adamw_init({"w": B.asarray([1.0])}))
            ['exp_avg', 'exp_avg_sq', 'step']
        """
        return fresh(self, params, checks.ADAM)

    @operation(since="1.0", check=checks.adamw_update)
    def adamw_update(
        self,
        params: Any,
        grads: Any,
        state: State,
        *,
        lr: float | Array = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        decay_mask: Any = None,
    ) -> tuple[Any, State]:
        """AdamW: Adam's step, and `lr weight_decay p` taken off besides, p being the value before the step.

        Args:
            params: a pytree of floating arrays.
            grads: like `params`.
            state: from `adamw_init`, or the last update.
            lr: learning rate, >= 0, a number or a floating array of rank 0; it multiplies the decay too.
            beta1: decay of the first moment, in [0, 1).
            beta2: decay of the second moment, in [0, 1).
            eps: added to the root of the corrected second moment, > 0.
            weight_decay: decoupled decay, >= 0.
            decay_mask: a pytree of Python bools in the structure of `params`, False where nothing decays;
                None lets everything decay.

        Returns:
            New parameters and new state, structured like the old ones.

        Raises:
            DTypeError: a leaf is no floating array, or not of its parameter's dtype.
            ShapeError: a leaf has not its parameter's shape.
            ArgumentError: structures differ, `state` has other entries, a number is out of its range, or
                `decay_mask` holds something else than bools.

        Requires:
            [ADAMW_UPDATE-1] The decay is lr weight_decay p with p before the step, and enters no moment.
            [ADAMW_UPDATE-2] Without decay the step is adam_update's.
            [ADAMW_UPDATE-3] Leaves whose mask is False do not decay.
            [ADAMW_UPDATE-4] The step counter grows by 1.

        Differs:
            The default decay is torch's; Keras has 0.004, optax 1e-4. The paper's decay has no factor lr.

        Source:
            Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2017, algorithm 2.

        Example:
            >>> w = {"w": B.asarray([1.0])}
            >>> new, _ = B.adamw_update(w, {"w": B.asarray([0.0])}, B.adamw_init(w), lr=0.5, weight_decay=0.5)
            >>> float(new["w"][0])
            0.75
        """
        step = next_step(self, state["step"])

        def update(p: Array, g: Array, m: Array, v: Array, decays: bool) -> tuple[Array, ...]:
            direction, m, v = adam_direction(self, g, m, v, step, beta1, beta2, eps)
            return moved(self, p, direction, lr, weight_decay if decays else 0.0), m, v

        everything = optree.tree_map(lambda _: True, params) if decay_mask is None else decay_mask
        return stepped(update, params, grads, step, moments_of(state, checks.ADAM), everything)

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

    @operation(since="1.0", check=checks.clip_by_global_norm)
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
