"""What goes around an optimizer: lookahead, averages of parameters, accumulation of gradients."""

from __future__ import annotations

from typing import Any

import optree

from nnspec.operation import Array, Family, operation
from nnspec.ops.optimizers import _wrapper_checks as checks
from nnspec.ops.optimizers._checks import init
from nnspec.ops.optimizers._steps import State, fresh, next_step

__all__ = ["Wrappers"]


class Wrappers(Family):
    """Lookahead, exponential averages of parameters, and accumulation of gradients."""

    @operation(since="1.0", check=init, exact=True, low="wide")
    def lookahead_init(self, params: Any) -> State:
        """State of lookahead: "step" and "slow", the slow weights, a copy of the parameters at first.

        Args:
            params: a pytree of floating arrays.

        Returns:
            `{"step": int32 of rank 0, "slow": like params}`.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array.

        Requires:
            [LOOKAHEAD_INIT-1] The slow weights are the parameters to the bit, in buffers of their own; the
                step is an int32 array of rank 0, 0.

        Source:
            As for `lookahead_update`.

        Example:
            >>> state = B.lookahead_init({"w": B.asarray([1.0])})
            >>> B.to_numpy(state["slow"]["w"]).tolist(), int(state["step"])
            ([1.0], 0)
        """
        return {**fresh(self, params, ()), "slow": optree.tree_map(self.copied, params)}

    @operation(since="1.0", check=checks.lookahead_update, wide_results=(1,))
    def lookahead_update(
        self, params: Any, state: State, *, alpha: float = 0.5, sync_period: int = 6
    ) -> tuple[Any, State]:
        """Lookahead: at every `sync_period`-th call `slow = slow + alpha (p - slow)` and `p = slow`.

        To be called after every update of the optimizer inside, whose own state goes on unchanged. At other calls
        nothing but the counter changes.

        Args:
            params: a pytree of floating arrays, the fast weights p, as the optimizer left them.
            state: from `lookahead_init`, or the last call.
            alpha: how far the slow weights go towards the fast ones, in (0, 1].
            sync_period: fast steps for every slow one, >= 1.

        Returns:
            New parameters and new state, structured like the old ones.

        Raises:
            DTypeError: a leaf is no floating array, or not of its parameter's dtype.
            ShapeError: a leaf has not its parameter's shape.
            ArgumentError: structures differ, `state` has other entries, or a number is out of its range.

        Requires:
            [LOOKAHEAD_UPDATE-1] The slow weights move at every sync_period-th call, the sync_period-th being
                the first, by alpha of the way to the fast ones, and the fast ones become them.
            [LOOKAHEAD_UPDATE-2] At other calls parameters and slow weights are unchanged to the bit.
            [LOOKAHEAD_UPDATE-3] The step counter grows by 1.

        Differs:
            optax keeps both weights in one tree; some implementations count from 0 and synchronize at once.

        Source:
            Zhang, Lucas, Hinton and Ba, "Lookahead Optimizer: k Steps Forward, 1 Step Back", 2019, algorithm 1:
            sync_period is its k.

        Example:
            >>> state = B.lookahead_init({"w": B.asarray([0.0])})
            >>> params, state = B.lookahead_update({"w": B.asarray([8.0])}, state, sync_period=2)
            >>> params, state = B.lookahead_update(params, state, sync_period=2)
            >>> B.to_numpy(params["w"]).tolist(), B.to_numpy(state["slow"]["w"]).tolist()
            ([4.0], [4.0])
        """
        xp = self.xp
        step = next_step(self, state["step"])
        meets = step % sync_period == 0

        def met(p: Array, slow: Array) -> Array:
            return slow + alpha * (p - slow)

        fast = optree.tree_map(lambda p, slow: xp.where(meets, met(p, slow), p), params, state["slow"])
        slow = optree.tree_map(lambda p, slow: xp.where(meets, met(p, slow), slow), params, state["slow"])
        return fast, {"step": step, "slow": slow}

    @operation(since="1.0", check=init, exact=True, low="wide")
    def ema_init(self, params: Any) -> State:
        """State of an exponential average of parameters: "step" and "average", a copy of them at first.

        Args:
            params: a pytree of floating arrays: parameters, and buffers such as running statistics if they are
                to go along.

        Returns:
            `{"step": int32 of rank 0, "average": like params}`.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array.

        Requires:
            [EMA_INIT-1] The average is the parameters to the bit, in buffers of its own; the step is an int32
                array of rank 0, 0.

        Source:
            As for `ema_update`.

        Example:
            >>> B.to_numpy(B.ema_init({"w": B.asarray([1.0])})["average"]["w"]).tolist()
            [1.0]
        """
        return {**fresh(self, params, ()), "average": optree.tree_map(self.copied, params)}

    @operation(since="1.0", check=checks.ema_update, low="wide")
    def ema_update(self, state: State, params: Any, *, decay: float = 0.999, averaged: Any = None) -> State:
        """Exponential average of parameters: `a = a + (1 - decay) (p - a)`.

        That is `decay a + (1 - decay) p`, whose two rounded weights do not quite add up to 1.

        Args:
            state: from `ema_init`, or the last update.
            params: a pytree of floating arrays p, as the optimizer left them.
            decay: in [0, 1); 0 follows the parameters at once.
            averaged: a pytree of Python bools in the structure of `params`, False for what is copied as it is
                (buffers, such as running statistics); None averages everything.

        Returns:
            The new state, structured like the old one.

        Raises:
            DTypeError: a leaf is no floating array, or not of its parameter's dtype.
            ShapeError: a leaf has not its parameter's shape.
            ArgumentError: structures differ, `state` has other entries, `decay` is out of its range, or
                `averaged` holds something else than bools.

        Requires:
            [EMA_UPDATE-1] A new value has the share 1 - decay; there is no correction of the start.
            [EMA_UPDATE-2] The average of parameters that stand still is theirs to the bit.
            [EMA_UPDATE-3] Leaves whose mask is False are the last parameters to the bit.
            [EMA_UPDATE-4] The step counter grows by 1.

        Differs:
            optax starts at 0 and corrects for it; TensorFlow can lower the decay at first; torch's averaged
            models leave buffers as they were at first, or average them too.

        Source:
            Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992, with the weights
            of an exponential average.

        Example:
            >>> state = B.ema_init({"w": B.asarray([1.0])})
            >>> state = B.ema_update(state, {"w": B.asarray([2.0])}, decay=0.75)
            >>> B.to_numpy(state["average"]["w"]).tolist()
            [1.25]
        """
        mask = optree.tree_map(lambda _: True, params) if averaged is None else averaged

        def followed(average: Array, p: Array, moves: bool) -> Array:
            return average + (1 - decay) * (p - average) if moves else self.copied(p)

        average = optree.tree_map(followed, state["average"], params, mask)
        return {"step": next_step(self, state["step"]), "average": average}

    @operation(since="1.0", check=checks.accumulation_init, exact=True, low="wide")
    def accumulation_init(self, grads: Any) -> State:
        """State of accumulated gradients: "count", how many samples there were, and "total", their sum.

        Args:
            grads: a pytree of floating arrays: gradients, or the parameters they belong to.

        Returns:
            `{"count": floating of rank 0, in the dtype of the first array, "total": like grads}`; all 0.

        Raises:
            DTypeError: a leaf of `grads` is no floating array.
            ArgumentError: `grads` holds no array.

        Requires:
            [ACCUMULATION_INIT-1] Everything is 0; the count is a floating array of rank 0.

        Source:
            As for `accumulation_update`.

        Example:
            >>> sorted(B.accumulation_init({"w": B.asarray([1.0])}))
            ['count', 'total']
        """
        first = optree.tree_leaves(grads)[0]
        count = self.xp.zeros((), dtype=first.dtype, **self.placement(first))
        return {"count": count, "total": optree.tree_map(self.xp.zeros_like, grads)}

    @operation(since="1.0", check=checks.accumulation_update, low="wide")
    def accumulation_update(self, state: State, grads: Any, *, count: float | Array) -> State:
        """Gradients of one more batch, which are the mean over `count` samples: `total = total + count g`.

        Args:
            state: from `accumulation_init`, or the last call.
            grads: like what `accumulation_init` was given, g.
            count: what the mean was taken over, samples, tokens or the sum of their weights, >= 0; a number or an
                integer or floating array of rank 0.

        Returns:
            The new state, structured like the old one.

        Raises:
            DTypeError: a leaf is no floating array, or not of the dtype of its total.
            ShapeError: a leaf has not the shape of its total, or `count` is no array of rank 0.
            ArgumentError: structures differ, `state` has other entries, or `count` is negative.

        Requires:
            [ACCUMULATION_UPDATE-1] The gradients weigh as many times as there were samples in their mean; the
                counts add up.
            [ACCUMULATION_UPDATE-2] A batch with the count 0 changes nothing, whatever its gradients are.

        Differs:
            Keras and optax average over batches, whatever their sizes: with masks or a last small batch that is
            another gradient.

        Source:
            The mean of all samples is the mean of the means of batches, each weighted by its count.

        Example:
            >>> state = B.accumulation_init({"w": B.asarray([0.0])})
            >>> state = B.accumulation_update(state, {"w": B.asarray([1.0])}, count=3)
            >>> state = B.accumulation_update(state, {"w": B.asarray([5.0])}, count=1)
            >>> B.to_numpy(B.accumulation_mean(state)["w"]).tolist()
            [2.0]
        """
        xp = self.xp

        def added(total: Array, g: Array) -> Array:
            if not hasattr(count, "shape"):
                return total + float(count) * g if count > 0 else self.copied(total)
            n = xp.astype(count, g.dtype)
            return total + xp.where(n == 0, 0.0, n * g)

        there = xp.reshape(state["count"], (1,))
        return {
            "count": xp.reshape(added(there, xp.ones_like(there)), ()),
            "total": optree.tree_map(added, state["total"], grads),
        }

    @operation(since="1.0", check=checks.accumulation_mean, low="wide")
    def accumulation_mean(self, state: State) -> Any:
        """The mean gradient of all samples: `total / count`, 0 where there were none.

        Args:
            state: from `accumulation_update`.

        Returns:
            Gradients, structured like `state["total"]`.

        Raises:
            DTypeError: a leaf is no floating array.
            ShapeError: the count is not of rank 0.
            ArgumentError: `state` has other entries.

        Requires:
            [ACCUMULATION_MEAN-1] Batches of any sizes accumulate to the gradient of the whole.
            [ACCUMULATION_MEAN-2] Where the count is 0 the mean is 0, not NaN.

        Source:
            As for `accumulation_update`.

        Example:
            >>> state = B.accumulation_init({"w": B.asarray([3.0])})
            >>> B.to_numpy(B.accumulation_mean(state)["w"]).tolist()
            [0.0]
        """
        xp = self.xp

        def mean(total: Array) -> Array:
            count = xp.astype(state["count"], total.dtype)
            none = count == 0
            return xp.where(none, 0.0, total / xp.where(none, 1.0, count))

        return optree.tree_map(mean, state["total"])
