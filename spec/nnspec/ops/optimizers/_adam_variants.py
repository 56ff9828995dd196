"""Variants of Adam: AdaMax, NAdam, RAdam and AMSGrad.

In their formulas p is an element of `params`, g that of `grads` plus `2 l2 p`, t the number of this update, 1 at
first, and m and v are Adam's moments: `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`, elements of
`state["exp_avg"]` and `state["exp_avg_sq"]`.
"""

from __future__ import annotations

import math
from typing import Any

import optree

from nnspec.operation import Array, Family, operation
from nnspec.ops._common import magnitude, root
from nnspec.ops.optimizers import _adam_variants_checks as checks
from nnspec.ops.optimizers._checks import init
from nnspec.ops.optimizers._steps import (
    State,
    averaged,
    corrected,
    coupled,
    decays,
    fresh,
    moments_of,
    moved,
    next_step,
    one_minus_power,
    stepped,
)

__all__ = ["AdamVariants"]


class AdamVariants(Family):
    """AdaMax, NAdam, RAdam and AMSGrad."""

    @operation(since="1.0", check=init, exact=True, low="master")
    def adamax_init(self, params: Any) -> State:
        """State of AdaMax: "step", "exp_avg" (first moment) and "exp_inf" (decaying maximum).

        Args:
            params: a pytree of floating arrays.

        Returns:
            `{"step": int32 of rank 0, "exp_avg": like params, "exp_inf": like params}`; all 0.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array.

        Requires:
            [ADAMAX_INIT-1] Everything is 0; the step is an int32 array of rank 0.

        Source:
            As for `adamax_update`.

        Example:
            >>> sorted(B.adamax_init({"w": B.asarray([1.0])}))
            ['exp_avg', 'exp_inf', 'step']
        """
        return fresh(self, params, checks.ADAMAX)

    @operation(since="1.0", check=checks.adamax_update, low="master")
    def adamax_update(
        self,
        params: Any,
        grads: Any,
        state: State,
        *,
        lr: float | Array = 0.002,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        l2: float = 0.0,
        weight_decay: float = 0.0,
        decay_mask: Any = None,
    ) -> tuple[Any, State]:
        """AdaMax: `u = max(beta2 u, |g| + eps)`, `p = p - lr m / ((1 - beta1^t) u)`; eps is inside the maximum.

        `m = beta1 m + (1 - beta1) g`, p is an element of `params`, g that of `grads` plus `2 l2 p`, m that of
        `state["exp_avg"]`, u that of `state["exp_inf"]`, t the number of this update, 1 at first.
        `lr weight_decay p` is taken off p besides.

        Args:
            params: a pytree of floating arrays.
            grads: like `params`.
            state: from `adamax_init`, or the last update.
            lr: learning rate, >= 0, a number or a floating array of rank 0.
            beta1: decay of the first moment, in [0, 1).
            beta2: decay of the maximum, in [0, 1).
            eps: added to the magnitude of the gradient, > 0.
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
            [ADAMAX_UPDATE-1] eps is added to the gradient's magnitude inside the maximum, so that u is never 0.
            [ADAMAX_UPDATE-2] The maximum decays by beta2 and is not corrected.
            [ADAMAX_UPDATE-3] The first moment is corrected by 1 - beta1^t with t = 1 at the first update,
                without cancellation in float32.
            [ADAMAX_UPDATE-4] l2 adds 2 l2 p to the gradient before the moments; weight_decay takes lr
                weight_decay p off, p before the step.
            [ADAMAX_UPDATE-5] Leaves whose mask is False do not decay by weight_decay.
            [ADAMAX_UPDATE-6] The step counter grows by 1.

        Differs:
            The paper has no eps, Keras adds it to u; torch's `weight_decay` is coupled and equals 2 l2.

        Source:
            Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014, algorithm 2.

        Example:
            >>> w = {"w": B.asarray([1.0])}
            >>> new, state = B.adamax_update(w, {"w": B.asarray([-8.0])}, B.adamax_init(w), lr=0.5)
            >>> round(float(new["w"][0]), 6), float(state["exp_inf"]["w"][0])
            (1.5, 8.0)
        """
        step = next_step(self, state["step"])

        def update(p: Array, g: Array, m: Array, u: Array, decay: float) -> tuple[Array, ...]:
            g = coupled(p, g, l2)
            m = beta1 * m + (1 - beta1) * g
            u = self.xp.maximum(beta2 * u, magnitude(self, g) + eps)
            direction = m / one_minus_power(self, beta1, step, g) / u
            return moved(self, p, direction, lr, decay), m, u

        each = decays(params, weight_decay, decay_mask)
        return stepped(update, params, grads, step, moments_of(state, checks.ADAMAX), each)

    @operation(since="1.0", check=init, exact=True, low="master")
    def nadam_init(self, params: Any) -> State:
        """State of NAdam: that of Adam, and "mu_product", the product of the momenta so far.

        Args:
            params: a pytree of floating arrays.

        Returns:
            `{"step": int32 of rank 0, 0, "exp_avg": like params, 0, "exp_avg_sq": like params, 0, "mu_product":
            floating of rank 0, 1}`; the product has the widest dtype of the parameters.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array.

        Requires:
            [NADAM_INIT-1] The step and the moments are 0, the product is 1, of rank 0 and in the widest dtype
                of `params`.

        Source:
            As for `nadam_update`.

        Example:
            >>> sorted(B.nadam_init({"w": B.asarray([1.0])}))
            ['exp_avg', 'exp_avg_sq', 'mu_product', 'step']
        """
        xp, widest = self.xp, _widest(self, optree.tree_leaves(params))
        product = xp.reshape(1 + xp.sum(xp.zeros_like(widest)), ())
        return {**fresh(self, params, checks.NADAM), "mu_product": product}

    @operation(since="1.0", check=checks.nadam_update, low="master")
    def nadam_update(
        self,
        params: Any,
        grads: Any,
        state: State,
        *,
        lr: float | Array = 0.002,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        momentum_decay: float = 0.004,
        l2: float = 0.0,
        weight_decay: float = 0.0,
        decay_mask: Any = None,
    ) -> tuple[Any, State]:
        """NAdam, Adam with Nesterov's momentum: `p = p - lr d / (sqrt(v / (1 - beta2^t)) + eps)`.

        `d = (1 - mu_t) / (1 - mu_1 ... mu_t) g + mu_{t+1} / (1 - mu_1 ... mu_{t+1}) m` with the schedule of
        momenta `mu_t = beta1 (1 - 0.96^(momentum_decay t) / 2)`; eps is outside the root.
        `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`, p is an element of `params`, g that of
        `grads` plus `2 l2 p`, m that of `state["exp_avg"]`, v that of `state["exp_avg_sq"]`, t the number of
        this update, 1 at first, and `mu_1 ... mu_t` is `state["mu_product"]`. `lr weight_decay p` is taken off
        p besides.

        Args:
            params: a pytree of floating arrays.
            grads: like `params`.
            state: from `nadam_init`, or the last update.
            lr: learning rate, >= 0, a number or a floating array of rank 0.
            beta1: decay of the first moment, in [0, 1).
            beta2: decay of the second moment, in [0, 1).
            eps: added to the root of the corrected second moment, > 0.
            momentum_decay: rate of the momenta's schedule, >= 0; 0 keeps them at beta1 / 2.
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
            [NADAM_UPDATE-1] eps is added to the root of the corrected second moment, outside it.
            [NADAM_UPDATE-2] The second moment is corrected by 1 - beta2^t with t = 1 at the first update,
                without cancellation in float32.
            [NADAM_UPDATE-3] The momenta are mu_t = beta1 (1 - 0.96^(momentum_decay t) / 2) with t = 1 at the
                first update; their product is in the state and corrects the gradient and, times mu_{t+1}, the
                first moment.
            [NADAM_UPDATE-4] l2 adds 2 l2 p to the gradient before the moments; weight_decay takes lr
                weight_decay p off, p before the step.
            [NADAM_UPDATE-5] Leaves whose mask is False do not decay by weight_decay.
            [NADAM_UPDATE-6] The step counter grows by 1.

        Differs:
            Keras has the schedule 0.96^t; optax has none and corrects both by beta1^t. torch keeps the product
            in float32; its `weight_decay` is coupled and equals 2 l2.

        Source:
            Dozat, "Incorporating Nesterov Momentum into Adam", 2016, algorithm 2; the schedule is that of its
            appendix, with 1/250 per update.

        Example:
            >>> w = {"w": B.asarray([1.0])}
            >>> new, state = B.nadam_update(w, {"w": B.asarray([4.0])}, B.nadam_init(w), lr=0.5, momentum_decay=0.0)
            >>> round(float(new["w"][0]), 6), round(float(state["mu_product"]), 6)
            (0.471787, 0.45)
        """
        step = next_step(self, state["step"])
        product = _next_product(self, state["mu_product"], step, beta1, momentum_decay)

        def update(p: Array, g: Array, m: Array, v: Array, decay: float) -> tuple[Array, ...]:
            g = coupled(p, g, l2)
            m, v = averaged(g, m, v, beta1, beta2)
            now, ahead = _lookahead(self, product, step, beta1, momentum_decay, g)
            square = v / one_minus_power(self, beta2, step, v)
            return moved(self, p, (now * g + ahead * m) / (root(self, square) + eps), lr, decay), m, v

        each = decays(params, weight_decay, decay_mask)
        params, state = stepped(update, params, grads, step, moments_of(state, checks.NADAM), each)
        return params, {**state, "mu_product": product}

    @operation(since="1.0", check=init, exact=True, low="master")
    def radam_init(self, params: Any) -> State:
        """State of RAdam: that of Adam.

        Args:
            params: a pytree of floating arrays.

        Returns:
            `{"step": int32 of rank 0, "exp_avg": like params, "exp_avg_sq": like params}`; all 0.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array.

        Requires:
            [RADAM_INIT-1] Everything is 0; the step is an int32 array of rank 0.

        Source:
            As for `radam_update`.

        Example:
            >>> sorted(B.radam_init({"w": B.asarray([1.0])}))
            ['exp_avg', 'exp_avg_sq', 'step']
        """
        return fresh(self, params, checks.RADAM)

    @operation(since="1.0", check=checks.radam_update, low="master")
    def radam_update(
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
        weight_decay: float = 0.0,
        decay_mask: Any = None,
    ) -> tuple[Any, State]:
        """RAdam, Adam with its variance rectified: `p = p - lr r m^ / ((sqrt(v) + eps) / sqrt(1 - beta2^t))`.

        So where `rho_t > 5`; before, `p = p - lr m^`. `m^ = m / (1 - beta1^t)`;
        `rho_t = rho - 2 t beta2^t / (1 - beta2^t)` with `rho = 2 / (1 - beta2) - 1`; and
        `r^2 = (rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t)`. eps is added to the root of the second
        moment before that is corrected. `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`, p is an
        element of `params`, g that of `grads` plus `2 l2 p`, m that of `state["exp_avg"]`, v that of
        `state["exp_avg_sq"]`, t the number of this update, 1 at first. `lr weight_decay p` is taken off p
        besides.

        Args:
            params: a pytree of floating arrays.
            grads: like `params`.
            state: from `radam_init`, or the last update.
            lr: learning rate, >= 0, a number or a floating array of rank 0.
            beta1: decay of the first moment, in [0, 1).
            beta2: decay of the second moment, in [0, 1).
            eps: added to the root of the second moment, > 0.
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
            [RADAM_UPDATE-1] eps is added to the root of the second moment before the correction by sqrt(1 -
                beta2^t).
            [RADAM_UPDATE-2] Both moments are corrected with t = 1 at the first update, without cancellation in
                float32.
            [RADAM_UPDATE-3] Up to rho_t = 5 the step is lr m^, above it is adaptive and rectified by r; beta2
                <= 2/3 never gets there. rho_t has no cancellation in float32.
            [RADAM_UPDATE-4] l2 adds 2 l2 p to the gradient before the moments; weight_decay takes lr
                weight_decay p off, p before the step.
            [RADAM_UPDATE-5] Leaves whose mask is False do not decay by weight_decay.
            [RADAM_UPDATE-6] The step counter grows by 1.

        Differs:
            The paper's threshold is 4, optax's is rho_t >= 5; Keras has no RAdam. torch's `weight_decay` is
            coupled and equals 2 l2.

        Source:
            Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", 2019, algorithm 2; the
            threshold 5 is that of its authors' code and of torch.

        Example:
            >>> w = {"w": B.asarray([1.0])}
            >>> new, _ = B.radam_update(w, {"w": B.asarray([4.0])}, B.radam_init(w), lr=0.25)
            >>> round(float(new["w"][0]), 6)
            0.0
        """
        step = next_step(self, state["step"])

        def update(p: Array, g: Array, m: Array, v: Array, decay: float) -> tuple[Array, ...]:
            m, v = averaged(coupled(p, g, l2), m, v, beta1, beta2)
            direction = m / one_minus_power(self, beta1, step, m)
            if 2 / (1 - beta2) - 1 > 5:
                adaptive, factor = _rectification(self, beta2, step, v)
                factor = factor * root(self, one_minus_power(self, beta2, step, v))
                direction = direction * self.xp.where(adaptive, factor / (root(self, v) + eps), 1.0)
            return moved(self, p, direction, lr, decay), m, v

        each = decays(params, weight_decay, decay_mask)
        return stepped(update, params, grads, step, moments_of(state, checks.RADAM), each)

    @operation(since="1.0", check=init, exact=True, low="master")
    def amsgrad_init(self, params: Any) -> State:
        """State of AMSGrad: that of Adam, and "max_exp_avg_sq", the largest second moment so far.

        Args:
            params: a pytree of floating arrays.

        Returns:
            `{"step": int32 of rank 0, "exp_avg": like params, "exp_avg_sq": like params, "max_exp_avg_sq": like
            params}`; all 0.

        Raises:
            DTypeError: a leaf of `params` is no floating array.
            ArgumentError: `params` holds no array.

        Requires:
            [AMSGRAD_INIT-1] Everything is 0; the step is an int32 array of rank 0.

        Source:
            As for `amsgrad_update`.

        Example:
            >>> sorted(B.amsgrad_init({"w": B.asarray([1.0])}))
            ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq', 'step']
        """
        return fresh(self, params, checks.AMSGRAD)

    @operation(since="1.0", check=checks.amsgrad_update, low="master")
    def amsgrad_update(
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
        weight_decay: float = 0.0,
        decay_mask: Any = None,
    ) -> tuple[Any, State]:
        """AMSGrad: Adam with the largest second moment so far, `w = max(w, v)`, in place of v.

        `p = p - lr m^ / (sqrt(w^) + eps)` with `m^ = m / (1 - beta1^t)` and `w^ = w / (1 - beta2^t)`: the maximum
        is of the moments before their correction; eps is outside the root. `m = beta1 m + (1 - beta1) g`,
        `v = beta2 v + (1 - beta2) g^2`, p is an element of `params`, g that of `grads` plus `2 l2 p`, m that of
        `state["exp_avg"]`, v that of `state["exp_avg_sq"]`, w that of `state["max_exp_avg_sq"]`, t the number
        of this update, 1 at first. `lr weight_decay p` is taken off p besides.

        Args:
            params: a pytree of floating arrays.
            grads: like `params`.
            state: from `amsgrad_init`, or the last update.
            lr: learning rate, >= 0, a number or a floating array of rank 0.
            beta1: decay of the first moment, in [0, 1).
            beta2: decay of the second moment, in [0, 1).
            eps: added to the root of the corrected maximum, > 0.
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
            [AMSGRAD_UPDATE-1] The maximum is of the second moments before their correction, and is corrected as
                they are; the second moment itself goes on decaying.
            [AMSGRAD_UPDATE-2] eps is added to the root of the corrected maximum, outside it.
            [AMSGRAD_UPDATE-3] Both corrections are by 1 - beta^t with t = 1 at the first update, without
                cancellation in float32.
            [AMSGRAD_UPDATE-4] l2 adds 2 l2 p to the gradient before the moments; weight_decay takes lr
                weight_decay p off, p before the step.
            [AMSGRAD_UPDATE-5] Leaves whose mask is False do not decay by weight_decay.
            [AMSGRAD_UPDATE-6] The step counter grows by 1.

        Differs:
            optax takes the maximum of the corrected moments, the paper corrects none; torch's `weight_decay` is
            coupled and equals 2 l2 (its AdamW with amsgrad is this with `weight_decay`).

        Source:
            Reddi, Kale and Kumar, "On the Convergence of Adam and Beyond", 2018, algorithm 2.

        Example:
            >>> w = {"w": B.asarray([1.0])}
            >>> state = B.amsgrad_init(w) | {"max_exp_avg_sq": {"w": B.asarray([4.0])}}
            >>> new, _ = B.amsgrad_update(w, {"w": B.asarray([1.0])}, state, lr=1.0, beta2=0.75)
            >>> round(float(new["w"][0]), 6)
            0.75
        """
        step = next_step(self, state["step"])

        def update(p: Array, g: Array, m: Array, v: Array, largest: Array, decay: float) -> tuple[Array, ...]:
            m, v = averaged(coupled(p, g, l2), m, v, beta1, beta2)
            largest = self.xp.maximum(largest, v)
            direction = corrected(self, m, largest, step, beta1, beta2, eps)
            return moved(self, p, direction, lr, decay), m, v, largest

        each = decays(params, weight_decay, decay_mask)
        return stepped(update, params, grads, step, moments_of(state, checks.AMSGRAD), each)


# -- NAdam's momenta -----------------------------------------------------------------------------------------


def _widest(backend: Family, leaves: list[Array]) -> Array:
    """The first of `leaves` whose dtype has most bits."""
    found = leaves[0]
    for leaf in leaves:
        if backend.xp.finfo(leaf.dtype).bits > backend.xp.finfo(found.dtype).bits:
            found = leaf
    return found


def _falling(backend: Family, t: Array, momentum_decay: float) -> Array:
    """`0.96^(momentum_decay t) / 2`."""
    return 0.5 * backend.xp.exp(t * (momentum_decay * math.log(0.96)))


def _next_product(backend: Family, product: Array, step: Array, beta1: float, momentum_decay: float) -> Array:
    """The product with the momentum of this update, an array also where rank 0 gives scalars (NumPy)."""
    xp = backend.xp
    before = xp.reshape(product, (1,))
    left_out = _falling(backend, xp.astype(step, product.dtype), momentum_decay) * before
    return xp.reshape(beta1 * (before - left_out), ())


def _lookahead(
    backend: Family, product: Array, step: Array, beta1: float, momentum_decay: float, like: Array
) -> tuple[Array, Array]:
    """The factors of the gradient and of the first moment, in the dtype of `like`."""
    xp = backend.xp
    t, product = xp.astype(step, like.dtype), xp.astype(product, like.dtype)
    now = (1 - beta1) + beta1 * _falling(backend, t, momentum_decay)  # 1 - mu_t
    ahead = beta1 * (1 - _falling(backend, t + 1, momentum_decay))
    return now / (1 - product), ahead / (1 - product * ahead)


# -- RAdam's rectification -----------------------------------------------------------------------------------


def _langevin(x: Any) -> Any:
    """`coth(x) - 1/x` for x in (0, 1], by its continued fraction `x / (3 + x^2 / (5 + x^2 / (7 + ...)))`."""
    denominator: Any = 19.0
    for odd in range(17, 2, -2):
        denominator = odd + x * x / denominator
    return x / denominator


def _average_length(backend: Family, beta2: float, step: Array, like: Array) -> Array:
    """`rho_t = rho - 2 t beta2^t / (1 - beta2^t)` in the dtype of `like`, without cancellation.

    With `beta2 = exp(-2 y)` both terms are hyperbolic cotangents, `rho_t = t + coth(y) - t coth(t y)`, of which
    the poles cancel each other: what is left is `t + L(y) - t L(t y)`, L being Langevin's function.
    """
    xp = backend.xp
    y = -0.5 * math.log(beta2)
    t = xp.astype(step, like.dtype)
    early = t * y < 1
    x = xp.where(early, t * y, 1.0)
    below = t + _langevin(y) - t * _langevin(x)
    z = xp.where(early, 1.0, xp.where(t * y < 40, t * y, 40.0))  # beyond, the term is less than a rounding
    return xp.where(early, below, (2 / (1 - beta2) - 1) - 2 * t / xp.expm1(2 * z))


def _rectification(backend: Family, beta2: float, step: Array, like: Array) -> tuple[Array, Array]:
    """Whether the step is adaptive, and r, in the dtype of `like`; beta2 > 2/3."""
    xp, limit = backend.xp, 2 / (1 - beta2) - 1
    length = _average_length(backend, beta2, step, like)
    adaptive = length > 5
    length = xp.where(adaptive, length, limit)
    ratio = (length - 4) * (length - 2) / length * (limit / ((limit - 4) * (limit - 2)))
    return adaptive, xp.sqrt(ratio)
