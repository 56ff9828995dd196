"""Optimizers with a step of its own for every element: Adagrad, Adadelta and Rprop."""

from __future__ import annotations

from typing import Any

import optree

from nnspec.operation import Array, Family, operation
from nnspec.ops._common import root
from nnspec.ops.optimizers import _adaptive_checks as checks
from nnspec.ops.optimizers._checks import init
from nnspec.ops.optimizers._steps import State, coupled, decays, fresh, moments_of, moved, next_step, stepped

__all__ = ["Adaptive"]


class Adaptive(Family):
    """Adagrad, Adadelta and Rprop."""

    @operation(since="1.0", check=checks.adagrad_init, exact=True, low="master")
    def adagrad_init(self, params: Any, *, initial_accumulator: float = 0.0) -> State:
        """State of Adagrad: "step" and "square_sum", which begins at `initial_accumulator`.

        Args:
            params: a pytree of floating arrays.
            initial_accumulator: what the sum of squares begins at, >= 0.

        Returns:
            `{"step": int32 of rank 0, 0, "square_sum": like params, all initial_accumulator}`.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array, or `initial_accumulator` is no finite number >= 0.

        Requires:
            [ADAGRAD_INIT-1] The step is an int32 array of rank 0 and 0; every sum is the initial accumulator.

        Differs:
            Keras and optax begin at 0.1, torch at 0.

        Source:
            As for `adagrad_update`.

        Example:
            >>> state = B.adagrad_init({"w": B.asarray([1.0, 2.0])}, initial_accumulator=0.5)
            >>> B.to_numpy(state["square_sum"]["w"]).tolist()
            [0.5, 0.5]
        """
        state = fresh(self, params, ())
        return {**state, "square_sum": optree.tree_map(lambda p: self.xp.full_like(p, initial_accumulator), params)}

    @operation(since="1.0", check=checks.adagrad_update, low="master")
    def adagrad_update(
        self,
        params: Any,
        grads: Any,
        state: State,
        *,
        lr: float | Array = 0.01,
        eps: float = 1e-10,
        l2: float = 0.0,
        weight_decay: float = 0.0,
        decay_mask: Any = None,
    ) -> tuple[Any, State]:
        """Adagrad: `s = s + g^2`, `p = p - lr g / (sqrt(s) + eps)`; eps is outside the root.

        p is an element of `params`, g that of `grads` plus `2 l2 p`, s that of `state["square_sum"]`;
        `lr weight_decay p` is taken off p besides.

        Args:
            params: a pytree of floating arrays.
            grads: like `params`.
            state: from `adagrad_init`, or the last update.
            lr: learning rate, >= 0, a number or a floating array of rank 0.
            eps: added to the root, > 0.
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
            [ADAGRAD_UPDATE-1] eps is added outside the square root.
            [ADAGRAD_UPDATE-2] The squares are added to the sum that the state begins with, and the sum never
                decays; lr is not accumulated in it.
            [ADAGRAD_UPDATE-3] l2 adds 2 l2 p to the gradient before the sum; weight_decay takes lr
                weight_decay p off, p before the step.
            [ADAGRAD_UPDATE-4] Leaves whose mask is False do not decay by weight_decay.
            [ADAGRAD_UPDATE-5] The step counter grows by 1.

        Differs:
            Keras and optax have eps 1e-7 inside the root and begin at 0.1; torch also has a decay of lr, which
            is a schedule here, and its `weight_decay` is coupled and equals 2 l2.

        Source:
            Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic
            Optimization", 2011, fig. 1 with the diagonal of G; eps is delta there.

        Example:
            >>> w = {"w": B.asarray([1.0])}
            >>> new, state = B.adagrad_update(w, {"w": B.asarray([-3.0])}, B.adagrad_init(w), lr=0.5)
            >>> round(float(new["w"][0]), 6), float(state["square_sum"]["w"][0])
            (1.5, 9.0)
        """

        def update(p: Array, g: Array, s: Array, decay: float) -> tuple[Array, ...]:
            g = coupled(p, g, l2)
            s = s + g * g
            return moved(self, p, g / (root(self, s) + eps), lr, decay), s

        each = decays(params, weight_decay, decay_mask)
        moments = moments_of(state, checks.ADAGRAD)
        return stepped(update, params, grads, next_step(self, state["step"]), moments, each)

    @operation(since="1.0", check=init, exact=True, low="master")
    def adadelta_init(self, params: Any) -> State:
        """State of Adadelta: "step", "square_avg" (of gradients) and "square_step_avg" (of steps).

        Args:
            params: a pytree of floating arrays.

        Returns:
            `{"step": int32 of rank 0, "square_avg": like params, "square_step_avg": like params}`; all 0.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array.

        Requires:
            [ADADELTA_INIT-1] Everything is 0; the step is an int32 array of rank 0.

        Source:
            As for `adadelta_update`.

        Example:
            >>> sorted(B.adadelta_init({"w": B.asarray([1.0])}))
            ['square_avg', 'square_step_avg', 'step']
        """
        return fresh(self, params, checks.ADADELTA)

    @operation(since="1.0", check=checks.adadelta_update, low="master")
    def adadelta_update(
        self,
        params: Any,
        grads: Any,
        state: State,
        *,
        lr: float | Array = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        l2: float = 0.0,
        weight_decay: float = 0.0,
        decay_mask: Any = None,
    ) -> tuple[Any, State]:
        """Adadelta: `s = rho s + (1 - rho) g^2`, `d = g sqrt(u + eps) / sqrt(s + eps)`, `p = p - lr d`.

        Then `u = rho u + (1 - rho) d^2`: the root in d is of the u of the steps before. eps is inside both
        roots. p is an element of `params`, g that of `grads` plus `2 l2 p`, s that of `state["square_avg"]`,
        u that of `state["square_step_avg"]`; `lr weight_decay p` is taken off p besides.

        Args:
            params: a pytree of floating arrays.
            grads: like `params`.
            state: from `adadelta_init`, or the last update.
            lr: factor of the step, >= 0, a number or a floating array of rank 0; 1 in the paper.
            rho: decay of both averages, in [0, 1).
            eps: added to both averages inside the roots, > 0.
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
            [ADADELTA_UPDATE-1] eps is added inside both square roots.
            [ADADELTA_UPDATE-2] The step is scaled by the average of the squares of the steps before it; these
                enter without lr and without the decay.
            [ADADELTA_UPDATE-3] l2 adds 2 l2 p to the gradient before the averages; weight_decay takes lr
                weight_decay p off, p before the step.
            [ADADELTA_UPDATE-4] Leaves whose mask is False do not decay by weight_decay.
            [ADADELTA_UPDATE-5] The step counter grows by 1.

        Differs:
            Keras has lr 0.001, rho 0.95 and eps 1e-7; torch's `weight_decay` is coupled and equals 2 l2.

        Source:
            Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012, algorithm 1.

        Example:
            >>> w = {"w": B.asarray([1.0])}
            >>> new, _ = B.adadelta_update(w, {"w": B.asarray([4.0])}, B.adadelta_init(w), rho=0.75, eps=1.0)
            >>> round(float(new["w"][0]), 6)
            -0.788854
        """

        def update(p: Array, g: Array, s: Array, u: Array, decay: float) -> tuple[Array, ...]:
            g = coupled(p, g, l2)
            s = rho * s + (1 - rho) * (g * g)
            d = g * (root(self, u + eps) / root(self, s + eps))
            return moved(self, p, d, lr, decay), s, rho * u + (1 - rho) * (d * d)

        each = decays(params, weight_decay, decay_mask)
        moments = moments_of(state, checks.ADADELTA)
        return stepped(update, params, grads, next_step(self, state["step"]), moments, each)

    @operation(since="1.0", check=checks.rprop_init, exact=True, low="master")
    def rprop_init(self, params: Any, *, initial_step: float = 0.01) -> State:
        """State of Rprop: "step", "previous_grad" and "step_size", which begins at `initial_step`.

        Args:
            params: a pytree of floating arrays.
            initial_step: what the step size of every element begins at, > 0.

        Returns:
            `{"step": int32 of rank 0, 0, "previous_grad": like params, all 0, "step_size": like params, all
            initial_step}`.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array, or `initial_step` is no finite number > 0.

        Requires:
            [RPROP_INIT-1] The step is an int32 array of rank 0 and 0, the previous gradient is 0, every step
                size the initial one.

        Source:
            As for `rprop_update`.

        Example:
            >>> state = B.rprop_init({"w": B.asarray([1.0, 2.0])}, initial_step=0.25)
            >>> B.to_numpy(state["step_size"]["w"]).tolist()
            [0.25, 0.25]
        """
        state = fresh(self, params, ("previous_grad",))
        return {**state, "step_size": optree.tree_map(lambda p: self.xp.full_like(p, initial_step), params)}

    @operation(since="1.0", check=checks.rprop_update, low="master")
    def rprop_update(
        self,
        params: Any,
        grads: Any,
        state: State,
        *,
        eta_minus: float = 0.5,
        eta_plus: float = 1.2,
        min_step: float = 1e-6,
        max_step: float = 50.0,
    ) -> tuple[Any, State]:
        """Rprop: `p = p - sign(g) size`, where size grows while the sign of g stays and shrinks when it changes.

        With p an element of `params`, g that of `grads`, g' that of `state["previous_grad"]` and size that of
        `state["step_size"]`, size becomes `eta_plus size` where g and g' have one sign, `eta_minus size` where
        they have opposite signs, and stays where one of them is 0; then it is clipped to
        `[min_step, max_step]`. Where the signs are opposite this step is left out: g counts as 0 here and as
        g' at the next update, where size stays therefore. There is no learning rate, the step sizes are what
        takes its place, and no eps. For gradients of the whole data set: of the gradient only the sign counts.

        Args:
            params: a pytree of floating arrays.
            grads: like `params`.
            state: from `rprop_init`, or the last update.
            eta_minus: factor of a step size after a change of sign, in (0, 1).
            eta_plus: factor of a step size while the sign stays, > 1.
            min_step: smallest step size, >= 0.
            max_step: largest step size, > 0 and >= min_step.

        Returns:
            New parameters and new state, structured like the old ones.

        Raises:
            DTypeError: a leaf is no floating array, or not of its parameter's dtype.
            ShapeError: a leaf has not its parameter's shape.
            ArgumentError: structures differ, `state` has other entries, or a number is out of its range.

        Requires:
            [RPROP_UPDATE-1] The step is the step size in the direction against the gradient's sign, and none
                where the gradient is 0; the gradient's size plays no part, however small.
            [RPROP_UPDATE-2] A step size grows by eta_plus where the signs agree, shrinks by eta_minus where
                they are opposite, and stays where one gradient is 0; it is changed before the step.
            [RPROP_UPDATE-3] Where the signs are opposite there is no step, and the gradient is kept as 0.
            [RPROP_UPDATE-4] Step sizes are clipped to [min_step, max_step] at every update, the first too.
            [RPROP_UPDATE-5] The step counter grows by 1.

        Differs:
            The paper takes the last step back where the sign changes; torch's rule is the one here. torch
            multiplies both gradients, so that signs of tiny ones are lost, and names the initial step lr.

        Source:
            Riedmiller and Braun, "A Direct Adaptive Method for Faster Backpropagation Learning: The RPROP
            Algorithm", 1993; without the step back: Igel and Huesken, "Improving the Rprop Learning Algorithm",
            2000, iRprop-.

        Example:
            >>> w = {"w": B.asarray([1.0])}
            >>> state = B.rprop_init(w, initial_step=0.5)
            >>> new, state = B.rprop_update(w, {"w": B.asarray([3.0])}, state, eta_plus=1.5)
            >>> new, state = B.rprop_update(new, {"w": B.asarray([0.1])}, state, eta_plus=1.5)
            >>> float(new["w"][0])
            -0.25
        """
        xp = self.xp

        def update(p: Array, g: Array, previous: Array, size: Array) -> tuple[Array, ...]:
            agreement = xp.sign(g) * xp.sign(previous)
            size = xp.where(agreement > 0, eta_plus * size, xp.where(agreement < 0, eta_minus * size, size))
            size = xp.where(size < min_step, min_step, xp.where(size > max_step, max_step, size))
            g = xp.where(agreement < 0, 0.0, g)
            return p - xp.sign(g) * size, g, size

        return stepped(update, params, grads, next_step(self, state["step"]), moments_of(state, checks.RPROP))
