"""Steps of a set size, whatever the size of the gradient: Lion's for every element, LAMB's for every array."""

from __future__ import annotations

from typing import Any

from nnspec.operation import Array, Family, operation
from nnspec.ops._common import norm
from nnspec.ops.optimizers import _checks as checks
from nnspec.ops.optimizers import _normed_checks as own
from nnspec.ops.optimizers._steps import (
    State,
    adam_direction,
    decays,
    fresh,
    moments_of,
    moved,
    next_step,
    stepped,
)

__all__ = ["Normed"]


class Normed(Family):
    """Lion and LAMB."""

    @operation(since="1.0", check=checks.init, exact=True, low="master")
    def lion_init(self, params: Any) -> State:
        """State of Lion: "step" and "exp_avg" (momentum).

        Args:
            params: a pytree of floating arrays.

        Returns:
            `{"step": int32 of rank 0, "exp_avg": like params}`; all 0.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array.

        Requires:
            [LION_INIT-1] Everything is 0; the step is an int32 array of rank 0.

        Source:
            As for `lion_update`.

        Example:
            >>> sorted(B.lion_init({"w": B.asarray([1.0])}))
            ['exp_avg', 'step']
        """
        return fresh(self, params, own.LION)

    @operation(since="1.0", check=own.lion_update, low="master")
    def lion_update(
        self,
        params: Any,
        grads: Any,
        state: State,
        *,
        lr: float | Array = 1e-4,
        beta1: float = 0.9,
        beta2: float = 0.99,
        weight_decay: float = 0.0,
        decay_mask: Any = None,
    ) -> tuple[Any, State]:
        """Lion: `p = p - lr (sign(beta1 m + (1 - beta1) g) + weight_decay p)`, then `m = beta2 m + (1 - beta2) g`.

        g is the gradient, m the momentum "exp_avg". There is no eps: nothing is divided by.

        Args:
            params: a pytree of floating arrays.
            grads: like `params`.
            state: from `lion_init`, or the last update.
            lr: learning rate, >= 0, a number or a floating array of rank 0; the size of an element's step.
            beta1: share of the old momentum in what the sign is taken of, in [0, 1).
            beta2: decay of the momentum, in [0, 1).
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
            [LION_UPDATE-1] The step is along the sign of beta1 m + (1 - beta1) g with the old m, of size lr.
            [LION_UPDATE-2] Where that is 0 the step is 0; NaN propagates.
            [LION_UPDATE-3] The new momentum is beta2 m + (1 - beta2) g; neither lr nor the decay enters it.
            [LION_UPDATE-4] The decay is lr weight_decay p with p before the step; leaves whose mask is False
                do not decay.
            [LION_UPDATE-5] The step counter grows by 1.

        Differs:
            optax has weight_decay 1e-3; Keras has lr 1e-3.

        Source:
            Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023, algorithm 2: lr is its eta,
            weight_decay its lambda; beta1 0.9 and beta2 0.99 are its defaults.

        Example:
            >>> w = {"w": B.asarray([1.0, 1.0])}
            >>> new, state = B.lion_update(w, {"w": B.asarray([1e-9, 0.0])}, B.lion_init(w), lr=0.25)
            >>> B.to_numpy(new["w"]).tolist(), int(state["step"])
            ([0.75, 1.0], 1)
        """
        xp = self.xp

        def update(p: Array, g: Array, m: Array, decay: float) -> tuple[Array, ...]:
            direction = xp.sign(beta1 * m + (1 - beta1) * g)
            return moved(self, p, direction, lr, decay), beta2 * m + (1 - beta2) * g

        each = decays(params, weight_decay, decay_mask)
        return stepped(update, params, grads, next_step(self, state["step"]), moments_of(state, own.LION), each)

    @operation(since="1.0", check=checks.init, exact=True, low="master")
    def lamb_init(self, params: Any) -> State:
        """State of LAMB: that of Adam.

        Args:
            params: a pytree of floating arrays.

        Returns:
            `{"step": int32 of rank 0, "exp_avg": like params, "exp_avg_sq": like params}`; all 0.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array.

        Requires:
            [LAMB_INIT-1] Everything is 0; the step is an int32 array of rank 0.

        Source:
            As for `lamb_update`.

        Example:
            >>> sorted(B.lamb_init({"w": B.asarray([1.0])}))
            ['exp_avg', 'exp_avg_sq', 'step']
        """
        return fresh(self, params, checks.ADAM)

    @operation(since="1.0", check=own.lamb_update, low="master")
    def lamb_update(
        self,
        params: Any,
        grads: Any,
        state: State,
        *,
        lr: float | Array = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-6,
        weight_decay: float = 0.01,
        decay_mask: Any = None,
    ) -> tuple[Any, State]:
        """LAMB: Adam's direction with decay, in steps of lr times the norm of the array that is moved.

        `d = m^ / (sqrt(v^) + eps) + weight_decay p`, `p = p - lr (|p| / |d|) d`; `m^ = m / (1 - beta1^t)`,
        `v^ = v / (1 - beta2^t)`, `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`. g is the
        gradient, t the number of this update, 1 at first; |.| is the Euclidean norm of an array, and the trust
        ratio `|p| / |d|` is 1 where either norm is 0.

        Args:
            params: a pytree of floating arrays; each is a layer of the paper.
            grads: like `params`.
            state: from `lamb_init`, or the last update.
            lr: learning rate, >= 0, a number or a floating array of rank 0.
            beta1: decay of the first moment, in [0, 1).
            beta2: decay of the second moment, in [0, 1).
            eps: added to the root of the corrected second moment, > 0.
            weight_decay: decoupled decay, >= 0, inside the direction that the trust ratio scales.
            decay_mask: a pytree of Python bools in the structure of `params`, False where nothing decays;
                None lets everything decay. The trust ratio is for all arrays alike.

        Returns:
            New parameters and new state, structured like the old ones.

        Raises:
            DTypeError: a leaf is no floating array, or not of its parameter's dtype.
            ShapeError: a leaf has not its parameter's shape.
            ArgumentError: structures differ, `state` has other entries, a number is out of its range, or
                `decay_mask` holds something else than bools.

        Requires:
            [LAMB_UPDATE-1] Both moments are corrected by 1 - beta^t with t = 1 at the first update; eps is
                added to the root of the corrected second moment, outside it.
            [LAMB_UPDATE-2] The step of an array is scaled by its own trust ratio, the norm of the parameters
                before the step over that of the direction, decay included.
            [LAMB_UPDATE-3] The trust ratio is 1 where the parameters or the direction are all 0.
            [LAMB_UPDATE-4] weight_decay p, p before the step, is part of the direction and enters no moment.
            [LAMB_UPDATE-5] Leaves whose mask is False do not decay; their steps are scaled as those of others.
            [LAMB_UPDATE-6] The step counter grows by 1.

        Differs:
            The authors' TensorFlow code and NVIDIA's Apex leave arrays without decay out of the scaling too,
            the paper and optax do not; some implementations do not correct the moments, or clip the ratio.

        Source:
            You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 Minutes", 2019,
            algorithm 2: lr is its eta, weight_decay its lambda, and its phi is the identity; where a norm is
            0 after the authors' code. eps 1e-6, beta1 0.9, beta2 0.999 and the decay 0.01 are those of its
            experiments.

        Example:
            >>> w = {"w": B.asarray([3.0, 4.0])}
            >>> grads = {"w": B.asarray([1e3, 0.0])}
            >>> new, _ = B.lamb_update(w, grads, B.lamb_init(w), lr=0.1, weight_decay=0.0)
            >>> [round(x, 5) for x in B.to_numpy(new["w"]).tolist()]
            [2.5, 4.0]
        """
        step = next_step(self, state["step"])

        def update(p: Array, g: Array, m: Array, v: Array, decay: float) -> tuple[Array, ...]:
            direction, m, v = adam_direction(self, g, m, v, step, beta1, beta2, eps)
            if decay > 0:
                direction = direction + decay * p
            return moved(self, p, _trust(self, p, direction) * direction, lr, 0.0), m, v

        each = decays(params, weight_decay, decay_mask)
        return stepped(update, params, grads, step, moments_of(state, checks.ADAM), each)


def _trust(backend: Family, p: Array, direction: Array) -> Array:
    """`|p| / |direction|`, 1 where either is 0; NaN propagates."""
    xp = backend.xp
    of_p, of_direction = norm(backend, [p]), norm(backend, [direction])
    none = of_direction == 0
    return xp.where(none | (of_p == 0), 1.0, of_p / xp.where(none, 1.0, of_direction))
