"""Learning rates as functions of the step, which is 0 for the first update.

`step` is a Python integer or an array of integers of any shape; the result has that shape and the backend's floating
dtype. Steps stay integers as long as they can: positions within a phase and what is left of it are exact, and a ratio
is rounded once. Where two rates are mixed both weights are computed, so that both ends are met without cancellation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nnspec.operation import Array, Family, operation
from nnspec.ops import _schedule_checks as checks
from nnspec.ops.optimizers._steps import State

__all__ = ["Schedules"]


class Schedules(Family):
    """Schedules of the learning rate, as closed forms."""

    #: floating dtype of results
    dtype: str

    @operation(since="1.0", check=checks.constant, low="wide", exact=True)
    def constant_schedule(self, step: int | Array, *, lr: float) -> Array:
        """The same rate at every step: `lr_t = lr`.

        Args:
            step: t, an integer or an integer array `(...)`, in [0, 2^31).
            lr: the rate, >= 0.

        Returns:
            Floating, of the shape of `step`.

        Raises:
            DTypeError: `step` is neither an integer nor an integer array.
            ArgumentError: a step is negative or beyond 2^31 - 1 (looked at where that costs nothing), or `lr` is
                no finite number >= 0.

        Requires:
            [CONSTANT_SCHEDULE-1] lr rounded once, at every step, in the shape of step.
            [CONSTANT_SCHEDULE-2] A Python integer and integer arrays of any width and shape are steps; others
                are refused.

        Source:
            Robbins and Monro, "A Stochastic Approximation Method", 1951, from which schedules depart.

        Example:
            >>> B.to_numpy(B.constant_schedule(B.asarray([0, 7]), lr=0.5)).tolist()
            [0.5, 0.5]
        """
        t, shape = _counted(self, step)
        return self.xp.reshape(_full(self, t, lr), shape)

    @operation(since="1.0", check=checks.step, low="wide")
    def step_schedule(self, step: int | Array, *, lr: float, step_size: int, gamma: float = 0.1) -> Array:
        """A drop every so many steps: `lr_t = lr gamma^floor(t / step_size)`.

        Args:
            step: t, an integer or an integer array `(...)`, in [0, 2^31).
            lr: the rate at first, >= 0.
            step_size: steps between drops, in [1, 2^31).
            gamma: factor of a drop, > 0.

        Returns:
            Floating, of the shape of `step`.

        Raises:
            DTypeError: `step` is neither an integer nor an integer array.
            ArgumentError: a step or a hyper-parameter is out of its range.

        Requires:
            [STEP_SCHEDULE-1] The factor is gamma to the number of whole spans of step_size steps.
            [STEP_SCHEDULE-2] The drop is at step_size itself, not one step to either side.

        Source:
            Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012, section 5.

        Example:
            >>> B.to_numpy(B.step_schedule(B.asarray([0, 9, 10]), lr=1.0, step_size=10, gamma=0.5)).round(6).tolist()
            [1.0, 1.0, 0.5]
        """
        t, shape = _counted(self, step)
        return self.xp.reshape(lr * _power(self, gamma, t // step_size), shape)

    @operation(since="1.0", check=checks.multi_step, low="wide", exact=True)
    def multi_step_schedule(
        self, step: int | Array, *, lr: float, milestones: Sequence[int], gamma: float = 0.1
    ) -> Array:
        """A drop at every milestone: `lr_t = lr gamma^k`, k the number of milestones <= t.

        Args:
            step: t, an integer or an integer array `(...)`, in [0, 2^31).
            lr: the rate at first, >= 0.
            milestones: growing steps in [1, 2^31), a tuple or list; it may be empty.
            gamma: factor of a drop, > 0.

        Returns:
            Floating, of the shape of `step`.

        Raises:
            DTypeError: `step` is neither an integer nor an integer array.
            ArgumentError: a step or a hyper-parameter is out of its range, or `milestones` do not grow.

        Requires:
            [MULTI_STEP_SCHEDULE-1] Each rate is lr gamma^k of Python numbers, rounded once.
            [MULTI_STEP_SCHEDULE-2] The k-th drop is at the k-th milestone itself, not one step to either side.

        Differs:
            torch takes milestones in any order, and drops twice where one occurs twice.

        Source:
            He et al., "Deep Residual Learning for Image Recognition", 2016, section 3.4.

        Example:
            >>> t = B.asarray([0, 2, 3, 5])
            >>> B.to_numpy(B.multi_step_schedule(t, lr=8.0, milestones=(3, 5), gamma=0.25)).tolist()
            [8.0, 8.0, 2.0, 0.5]
        """
        t, shape = _counted(self, step)
        rate = _full(self, t, lr)
        for k, milestone in enumerate(milestones, start=1):
            rate = self.xp.where(t >= milestone, _full(self, t, lr * gamma**k), rate)
        return self.xp.reshape(rate, shape)

    @operation(since="1.0", check=checks.exponential, low="wide")
    def exponential_schedule(self, step: int | Array, *, lr: float, gamma: float) -> Array:
        """Decay by one factor a step: `lr_t = lr gamma^t`.

        Args:
            step: t, an integer or an integer array `(...)`, in [0, 2^31).
            lr: the rate at first, >= 0.
            gamma: factor of a step, > 0.

        Returns:
            Floating, of the shape of `step`.

        Raises:
            DTypeError: `step` is neither an integer nor an integer array.
            ArgumentError: a step or a hyper-parameter is out of its range.

        Requires:
            [EXPONENTIAL_SCHEDULE-1] lr gamma^t, lr itself at step 0; 0 where it underflows.

        Source:
            Abadi et al., "TensorFlow: Large-Scale Machine Learning", 2015, exponential_decay.

        Example:
            >>> B.to_numpy(B.exponential_schedule(B.asarray([0, 1, 2]), lr=1.0, gamma=0.5)).round(6).tolist()
            [1.0, 0.5, 0.25]
        """
        t, shape = _counted(self, step)
        return self.xp.reshape(lr * _power(self, gamma, t), shape)

    @operation(since="1.0", check=checks.polynomial, low="wide")
    def polynomial_schedule(
        self, step: int | Array, *, lr: float, total_steps: int, end_lr: float = 0.0, power: float = 1.0
    ) -> Array:
        """Decay by a power of what is left: `lr_t = end_lr + (lr - end_lr) (1 - t / total_steps)^power`.

        Computed as `lr w + end_lr (1 - w)` with both weights to full accuracy.

        Args:
            step: t, an integer or an integer array `(...)`, in [0, 2^31).
            lr: the rate at first, >= 0.
            total_steps: the step that reaches end_lr, in [1, 2^31).
            end_lr: the rate from total_steps on, >= 0.
            power: 1 is linear; > 0.

        Returns:
            Floating, of the shape of `step`.

        Raises:
            DTypeError: `step` is neither an integer nor an integer array.
            ArgumentError: a step or a hyper-parameter is out of its range.

        Requires:
            [POLYNOMIAL_SCHEDULE-1] The formula, between lr at step 0 and end_lr at total_steps.
            [POLYNOMIAL_SCHEDULE-2] The power is that of the share of steps that is left.
            [POLYNOMIAL_SCHEDULE-3] end_lr from total_steps on.

        Differs:
            torch's PolynomialLR has no end_lr; Keras can start over (cycle) in place of clamping.

        Source:
            Liu et al., "ParseNet: Looking Wider to See Better", 2015, section 3.3.

        Example:
            >>> t = B.asarray([0, 5, 10, 99])
            >>> B.to_numpy(B.polynomial_schedule(t, lr=1.0, total_steps=10, end_lr=0.5)).round(6).tolist()
            [1.0, 0.75, 0.5, 0.5]
        """
        xp = self.xp
        t, shape = _counted(self, step)
        passed = xp.where(t < total_steps, t, total_steps)
        ratio = _floating(self, total_steps - passed) / float(total_steps)
        over = ratio == 0
        exponent = power * xp.log(xp.where(over, 1.0, ratio))
        left = xp.where(over, 0.0, xp.exp(exponent))
        gone = xp.where(over, 1.0, -xp.expm1(exponent))
        return xp.reshape(lr * left + end_lr * gone, shape)

    @operation(since="1.0", check=checks.cosine, low="wide")
    def cosine_schedule(
        self,
        step: int | Array,
        *,
        lr: float,
        total_steps: int,
        min_lr: float = 0.0,
        restart_factor: int | None = None,
    ) -> Array:
        """Half a cosine: `lr_t = min_lr + (lr - min_lr) (1 + cos(pi t / total_steps)) / 2`.

        Computed as `lr sin^2(pi (1 - s) / 2) + min_lr sin^2(pi s / 2)`, s the share of the cycle that has passed.
        With warm restarts cycle i = 0, 1, ... has total_steps restart_factor^i steps, and t counts from its start.

        Args:
            step: t, an integer or an integer array `(...)`, in [0, 2^31).
            lr: the rate at first, and after each restart; >= 0.
            total_steps: steps of the first cycle, in [1, 2^31).
            min_lr: the rate at the end of a cycle, >= 0.
            restart_factor: None, no restart: min_lr from total_steps on; or how many times longer each cycle is than
                the one before, an integer >= 1.

        Returns:
            Floating, of the shape of `step`.

        Raises:
            DTypeError: `step` is neither an integer nor an integer array.
            ArgumentError: a step or a hyper-parameter is out of its range.

        Requires:
            [COSINE_SCHEDULE-1] The formula, between lr at step 0 and min_lr at total_steps, accurate where the
                cosine nears -1 too.
            [COSINE_SCHEDULE-2] Without restarts min_lr from total_steps on: it does not rise again.
            [COSINE_SCHEDULE-3] With restarts the rate is lr again at the first step of each cycle.
            [COSINE_SCHEDULE-4] Each cycle is restart_factor times as long as the one before.

        Differs:
            torch's CosineAnnealingLR rises again after T_max.

        Source:
            Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017, eq. 5.

        Example:
            >>> t = B.asarray([0, 5, 10, 15])
            >>> B.to_numpy(B.cosine_schedule(t, lr=1.0, total_steps=10)).round(6).tolist()
            [1.0, 0.5, 0.0, 0.0]
            >>> B.to_numpy(B.cosine_schedule(t, lr=1.0, total_steps=10, restart_factor=1)).round(6).tolist()
            [1.0, 0.5, 1.0, 0.5]
        """
        t, shape = _counted(self, step)
        length: Any = float(total_steps)
        if restart_factor is None:
            passed = self.xp.where(t < total_steps, t, total_steps)
        elif restart_factor == 1:
            passed = t % total_steps
        else:
            passed, length = _cycle(self, t, total_steps, restart_factor)
        done = _floating(self, passed)
        rate = _between(self, lr, min_lr, done / length, (length - done) / length, "cosine")
        return self.xp.reshape(rate, shape)

    @operation(since="1.0", check=checks.warmup, low="wide")
    def warmup_schedule(
        self,
        step: int | Array,
        *,
        lr: float,
        warmup_steps: int,
        start_lr: float = 0.0,
        one_based: bool = False,
    ) -> Array:
        """Linear rise to the rate that is kept: `lr_t = start_lr + (lr - start_lr) min(t / warmup_steps, 1)`.

        Args:
            step: t, an integer or an integer array `(...)`, in [0, 2^31).
            lr: the rate from warmup_steps on, >= 0.
            warmup_steps: steps of the rise, in [1, 2^31).
            start_lr: where the rise starts, >= 0.
            one_based: whether t + 1 stands for t, so that the first update is not lost where start_lr is 0.

        Returns:
            Floating, of the shape of `step`.

        Raises:
            DTypeError: `step` is neither an integer nor an integer array.
            ArgumentError: a step or a hyper-parameter is out of its range.

        Requires:
            [WARMUP_SCHEDULE-1] start_lr at step 0, a line up to lr at warmup_steps.
            [WARMUP_SCHEDULE-2] lr from warmup_steps on.
            [WARMUP_SCHEDULE-3] one_based counts steps from 1: start_lr is left behind at step 0, and lr reached
                at warmup_steps - 1.

        Differs:
            torch's LinearLR starts at a third of the rate and has a rate at its end beside.

        Source:
            Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017, section 2.2.

        Example:
            >>> t = B.asarray([0, 1, 4, 9])
            >>> B.to_numpy(B.warmup_schedule(t, lr=1.0, warmup_steps=4)).tolist()
            [0.0, 0.25, 1.0, 1.0]
            >>> B.to_numpy(B.warmup_schedule(t, lr=1.0, warmup_steps=4, one_based=True)).tolist()
            [0.25, 0.5, 1.0, 1.0]
        """
        t, shape = _counted(self, step)
        first, last = (1, warmup_steps - 1) if one_based else (0, warmup_steps)
        passed = self.xp.where(t < last, t, last) + first
        done = _floating(self, passed) / float(warmup_steps)
        left = _floating(self, warmup_steps - passed) / float(warmup_steps)
        return self.xp.reshape(_between(self, start_lr, lr, done, left, "linear"), shape)

    @operation(since="1.0", check=checks.one_cycle, low="wide")
    def one_cycle_schedule(
        self,
        step: int | Array,
        *,
        max_lr: float,
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        anneal: str = "cosine",
    ) -> Array:
        """One rise and one fall: from `max_lr / div_factor` up to `max_lr`, then down near 0.

        The last rate is `max_lr / (div_factor final_div_factor)`. The rise takes the steps up to
        `peak = pct_start total_steps - 1`, the fall the others up to total_steps - 1. With s the share of the phase
        that has passed, the rate between a and b is `a (1 - s) + b s` (linear) or
        `a sin^2(pi (1 - s) / 2) + b sin^2(pi s / 2)` (cosine).

        Args:
            step: t, an integer or an integer array `(...)`, in [0, 2^31).
            max_lr: the rate at the peak, >= 0.
            total_steps: steps of the cycle, the last of which is total_steps - 1; in [1, 2^31).
            pct_start: share of the steps in the rise, in [0, 1); with peak <= 0 there is no rise.
            div_factor: max_lr over the rate at first, > 0.
            final_div_factor: the rate at first over the rate at last, > 0.
            anneal: "cosine" or "linear".

        Returns:
            Floating, of the shape of `step`.

        Raises:
            DTypeError: `step` is neither an integer nor an integer array.
            ArgumentError: a step or a hyper-parameter is out of its range.

        Requires:
            [ONE_CYCLE_SCHEDULE-1] max_lr / div_factor at step 0, up to max_lr at the peak, which need be no integer.
            [ONE_CYCLE_SCHEDULE-2] From the peak down to max_lr / (div_factor final_div_factor) at total_steps - 1.
            [ONE_CYCLE_SCHEDULE-3] The last rate is kept from total_steps - 1 on.
            [ONE_CYCLE_SCHEDULE-4] Both phases are anneal's: half a cosine, or a line.
            [ONE_CYCLE_SCHEDULE-5] With peak <= 0 the fall begins at the peak, before or at step 0.

        Differs:
            torch raises beyond total_steps, divides by 0 where the peak is 0, and cycles momentum too.

        Source:
            Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates",
            2018; the phases are those of torch's OneCycleLR.

        Example:
            >>> t = B.asarray([0, 2, 4, 9, 50])
            >>> rate = B.one_cycle_schedule(t, max_lr=8.0, total_steps=10, pct_start=0.5, div_factor=4.0,
            ...                             final_div_factor=2.0, anneal="linear")
            >>> B.to_numpy(rate).round(6).tolist()
            [2.0, 5.0, 8.0, 1.0, 1.0]
        """
        xp = self.xp
        t, shape = _counted(self, step)
        t = xp.where(t < total_steps - 1, t, total_steps - 1)
        peak, fall = pct_start * total_steps - 1, (1 - pct_start) * total_steps
        start = max_lr / div_factor
        end = start / final_div_factor
        at = _floating(self, t)
        down = _between(self, max_lr, end, (at - peak) / fall, _floating(self, total_steps - 1 - t) / fall, anneal)
        if peak <= 0:
            return xp.reshape(down, shape)
        up = _between(self, start, max_lr, at / peak, (peak - at) / peak, anneal)
        return xp.reshape(xp.where(t < math.ceil(peak), up, down), shape)

    @operation(since="1.0", check=checks.plateau, low="wide")
    def reduce_on_plateau(
        self,
        metric: float | Array,
        state: State | None = None,
        *,
        lr: float,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        mode: str = "min",
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> tuple[Array, State]:
        """A drop when a metric has stopped improving: `lr = max(factor lr, min_lr)`; one call an epoch.

        An epoch is good where the metric is better than the best so far by more than the threshold, and bad
        otherwise. After more than `patience` bad epochs in a row the rate drops, and the count starts again. In the
        `cooldown` epochs after a drop bad ones are not counted.

        Args:
            metric: of this epoch, a number or a floating array of rank 0.
            state: of the last call, or None at first.
            lr: the rate at first, >= 0; later the state holds it.
            factor: of a drop, in (0, 1).
            patience: bad epochs that are borne, >= 0.
            threshold: the least improvement, >= 0; relative to the best it is a share in [0, 1).
            mode: "min", smaller is better, or "max".
            threshold_mode: "rel", the improvement is over `threshold |best|`, or "abs", over `threshold`.
            cooldown: epochs after a drop in which none counts as bad, >= 0.
            min_lr: the rate does not drop below it, >= 0.

        Returns:
            The rate for the next epoch, floating of rank 0, and the new state: `{"lr", "best"}` floating and
            `{"bad_epochs", "cooldown"}` int32, all of rank 0.

        Raises:
            DTypeError: `metric` is neither a number nor a floating array.
            ShapeError: an array has another rank than 0.
            ArgumentError: a hyper-parameter is out of its range, or `state` has other entries.

        Requires:
            [REDUCE_ON_PLATEAU-1] The rate drops by factor at the bad epoch number patience + 1, not before.
            [REDUCE_ON_PLATEAU-2] A good epoch becomes the best and starts the count again; so does a drop.
            [REDUCE_ON_PLATEAU-3] An improvement has to exceed the threshold, in its mode, in the direction of mode,
                relative to |best| also where the best is negative.
            [REDUCE_ON_PLATEAU-4] With threshold 0 a metric equal to the best is bad.
            [REDUCE_ON_PLATEAU-5] No epoch of the cooldown counts as bad; good ones still become the best.
            [REDUCE_ON_PLATEAU-6] The rate does not drop below min_lr.
            [REDUCE_ON_PLATEAU-7] NaN is bad, and never becomes the best.

        Differs:
            torch multiplies a negative best by 1 - threshold too, so that a slightly worse metric counts as better,
            and leaves out drops below 1e-8; Keras has an absolute threshold.

        Source:
            Bengio, "Practical Recommendations for Gradient-Based Training of Deep Architectures", 2012, section 3.1;
            torch's ReduceLROnPlateau.

        Example:
            >>> state, rates = None, []
            >>> for loss in (3.0, 2.0, 2.5, 2.25):
            ...     rate, state = B.reduce_on_plateau(loss, state, lr=1.0, factor=0.5, patience=1)
            ...     rates.append(float(rate))
            >>> rates
            [1.0, 1.0, 1.0, 0.5]
        """
        xp = self.xp
        if type(metric) in (int, float):
            metric = self.asarray(float(metric), dtype=self.working_dtype)
        if state is None:
            state = _fresh_plateau(self, metric, lr, mode)
        best, rate = state["best"], state["lr"]
        better = _improved(self, metric, best, threshold, mode, threshold_mode == "rel")
        resting = state["cooldown"] > 0
        bad = xp.where(better, 0, xp.where(resting, 0, state["bad_epochs"] + 1))
        drops = bad > patience
        lower = rate * factor
        rate = xp.where(drops, xp.where(lower < min_lr, min_lr, lower), rate)
        new = {
            "lr": rate,
            "best": xp.where(better, metric, best),
            "bad_epochs": xp.where(drops, 0, bad),
            "cooldown": xp.where(drops, cooldown, xp.where(resting, state["cooldown"] - 1, 0)),
        }
        return rate, new


# -- what the schedules share ----------------------------------------------------------------------------------


def _counted(self: Schedules, step: int | Array) -> tuple[Array, tuple[int, ...]]:
    """The steps as int32 along one axis, where arithmetic gives arrays on every backend, and their shape."""
    xp = self.xp
    steps = self.asarray(step, dtype="int32") if type(step) is int else xp.astype(step, xp.int32)
    shape = tuple(steps.shape)
    return xp.reshape(steps, (math.prod(shape),)), shape


def _floating(self: Schedules, count: Array) -> Array:
    return self.asarray(count, dtype=self.working_dtype)


def _full(self: Schedules, t: Array, value: float) -> Array:
    """`value` rounded once, at every step."""
    made = self.xp.full(tuple(t.shape), value, dtype=getattr(self.xp, self.working_dtype), **self.placement(t))
    return self.asarray(made, dtype=self.working_dtype)


def _power(self: Schedules, base: float, exponent: Array) -> Array:
    """`base^exponent`, of a number and an array of integers."""
    return self.xp.exp(_floating(self, exponent) * math.log(base))


def _between(self: Schedules, start: float, end: float, done: Array, left: Array, anneal: str) -> Array:
    """From `start` to `end`, where the share `done` of the way has passed and `left = 1 - done` is left."""
    if anneal == "linear":
        return start * left + end * done
    falling, rising = self.xp.sin(left * (math.pi / 2)), self.xp.sin(done * (math.pi / 2))
    return start * (falling * falling) + end * (rising * rising)


def _cycle(self: Schedules, t: Array, first: int, factor: int) -> tuple[Array, Array]:
    """Steps since the start of the cycle that t is in, and how many that cycle has."""
    xp = self.xp
    start, begins, length = xp.zeros_like(t), first, _full(self, t, float(first))
    size = first * factor
    while begins <= checks.LAST:
        start = xp.where(t >= begins, begins, start)
        length = xp.where(t >= begins, float(size), length)
        begins, size = begins + size, size * factor
    return t - start, length


def _fresh_plateau(self: Schedules, metric: Array, lr: float, mode: str) -> State:
    xp = self.xp
    counts = {name: xp.zeros((), dtype=xp.int32, **self.placement(metric)) for name in ("bad_epochs", "cooldown")}
    worst = math.inf if mode == "min" else -math.inf
    return {"lr": xp.full_like(metric, lr), "best": xp.full_like(metric, worst), **counts}


def _improved(self: Schedules, metric: Array, best: Array, threshold: float, mode: str, relative: bool) -> Array:
    """Whether the metric is better than the best by more than the threshold."""
    xp = self.xp
    towards = -threshold if mode == "min" else threshold
    bound = best
    if threshold > 0 and relative:  # an infinite best stays so
        bound = best + towards * xp.where(xp.isinf(best), 0.0, xp.where(best < 0, -best, best))
    elif threshold > 0:
        bound = best + towards
    return metric < bound if mode == "min" else metric > bound
