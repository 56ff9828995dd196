"""Adam and AdamW."""

from __future__ import annotations

from typing import Any

from nnspec.operation import Array, Family, operation
from nnspec.ops.optimizers import _checks as checks
from nnspec.ops.optimizers._steps import (
    State,
    adam_direction,
    coupled,
    decays,
    fresh,
    moments_of,
    moved,
    next_step,
    stepped,
)

__all__ = ["Adam"]


class Adam(Family):
    """Adam and AdamW."""

    @operation(since="1.0", check=checks.init, exact=True, low="master")
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

    @operation(since="1.0", check=checks.adam_update, low="master")
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

    @operation(since="1.0", check=checks.init, exact=True, low="master")
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

    @operation(since="1.0", check=checks.adamw_update, low="master")
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

        def update(p: Array, g: Array, m: Array, v: Array, decay: float) -> tuple[Array, ...]:
            direction, m, v = adam_direction(self, g, m, v, step, beta1, beta2, eps)
            return moved(self, p, direction, lr, decay), m, v

        each = decays(params, weight_decay, decay_mask)
        return stepped(update, params, grads, step, moments_of(state, checks.ADAM), each)
