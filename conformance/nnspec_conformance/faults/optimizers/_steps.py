"""Planted faults of descent, of step sizes of every element, and of signs."""

from __future__ import annotations

from typing import Any

import optree

from nnspec.tape import raw
from nnspec_conformance.faults._fault import Planted

__all__ = ["FAULTS"]

FAULTS = Planted()

_STEPS = "nnspec.ops.optimizers._steps"
_COUPLED = f"{_STEPS}:coupled"
_MOVED = f"{_STEPS}:moved"
_NEXT = f"{_STEPS}:next_step"
_DECAYS = f"{_STEPS}:decays"

# -- gradient descent ------------------------------------------------------------------------------------------

FAULTS.edit(
    "SGD_UPDATE-1",
    "wrong order",
    "rate-accumulated",
    "v = momentum * velocity[0] + g\n        return moved(self, p, g + momentum * v if nesterov else v, lr, decay), v",
    "v = momentum * velocity[0] + lr * g\n"
    "        return moved(self, p, lr * g + momentum * v if nesterov else v, 1.0, 0.0), v",
)
FAULTS.edit(
    "SGD_UPDATE-2",
    "wrong value",
    "dampened",
    "momentum * velocity[0] + g",
    "momentum * velocity[0] + (1 - momentum) * g",
)
FAULTS.edit(
    "SGD_UPDATE-3", "lost state", "nesterov-of-the-old-velocity", "g + momentum * v if", "g + momentum * velocity[0] if"
)
FAULTS.edit("SGD_UPDATE-3", "ignored option", "nesterov-forgotten", "g + momentum * v if nesterov else v", "v")
FAULTS.edit("SGD_UPDATE-4", "wrong constant", "half-of-the-penalty", "(2 * l2) * p", "l2 * p", within=_COUPLED)
FAULTS.edit(
    "SGD_UPDATE-4",
    "wrong order",
    "decay-after-the-step",
    "return p - lr * direction",
    "return (p - lr * direction) * (1 - lr * weight_decay)",
    within=_MOVED,
)
FAULTS.edit("SGD_UPDATE-5", "lost state", "counter-stands", "step, (1,)) + 1", "step, (1,)) + 0", within=_NEXT)
FAULTS.edit(
    "SGD_UPDATE-6",
    "leaked mask",
    "mask-forgotten",
    "decays(params, weight_decay, decay_mask)",
    "decays(params, weight_decay, None)",
)


@FAULTS.fault("SGD_UPDATE-3", "in-place write")
def velocity_written_in_place(backend: Any, sound: Any, params: Any, grads: Any, state: Any, **options: Any) -> Any:
    """The old velocity is overwritten by the new one."""
    new, following = sound(params, grads, state, **options)
    if "momentum" in state:
        pairs = zip(optree.tree_leaves(state["momentum"]), optree.tree_leaves(following["momentum"]), strict=True)
        for old, fresh in pairs:
            raw(old)[...] = raw(fresh)
    return new, following


@FAULTS.fault("SGD_UPDATE-1", "precision loss", replaces="resumed")
def steps_from_the_rounded_parameter(backend: Any, sound: Any, master: Any, param: Any) -> Any:
    """In float16 and bfloat16 each step begins at the rounded parameter, so that small ones are lost."""
    return backend.widened(param)


@FAULTS.fault("SGD_UPDATE-1", "stale cache")
def rate_of_the_first_call(
    backend: Any, sound: Any, params: Any, grads: Any, state: Any, *, lr: Any = 0.01, **options: Any
) -> Any:
    """What is compiled for a structure keeps the learning rate it was compiled with."""
    kept = vars(backend).setdefault("_first_rates", {})
    return sound(params, grads, state, lr=kept.setdefault(tuple(options), lr), **options)


# -- RMSprop ---------------------------------------------------------------------------------------------------

FAULTS.edit(
    "RMSPROP_UPDATE-1",
    "wrong value",
    "eps-inside-the-root",
    "(root(self, variance) + eps)",
    "root(self, variance + eps)",
)
FAULTS.edit(
    "RMSPROP_UPDATE-2",
    "special value",
    "root-of-a-negative-variance",
    "root(self, variance)",
    "self.xp.sqrt(variance)",
)
FAULTS.edit("RMSPROP_UPDATE-2", "missing term", "never-centered", "s - mean * mean", "s")
FAULTS.edit(
    "RMSPROP_UPDATE-3",
    "wrong order",
    "rate-accumulated",
    "direction = momentum * more[-1] + direction\n"
    "            new = [*new, direction]\n"
    "        return (moved(self, p, direction, lr, decay), *new)",
    "direction = momentum * more[-1] + lr * direction\n"
    "            return (p - direction - lr * decay * p, *new, direction)\n"
    "        return (moved(self, p, direction, lr, decay), *new)",
)
FAULTS.edit(
    "RMSPROP_UPDATE-4",
    "wrong order",
    "penalty-after-the-averages",
    "g = coupled(p, g, l2)\n        s = alpha * s + (1 - alpha) * (g * g)",
    "s = alpha * s + (1 - alpha) * (g * g)\n        g = coupled(p, g, l2)",
)
FAULTS.edit("RMSPROP_UPDATE-5", "wrong constant", "counts-by-two", "step, (1,)) + 1", "step, (1,)) + 2", within=_NEXT)
FAULTS.edit(
    "RMSPROP_UPDATE-6",
    "leaked mask",
    "mask-inverted",
    "weight_decay if flag else 0.0",
    "0.0 if flag else weight_decay",
    within=_DECAYS,
)

# -- Adagrad, Adadelta -----------------------------------------------------------------------------------------

FAULTS.edit("ADAGRAD_UPDATE-1", "wrong value", "eps-inside-the-root", "(root(self, s) + eps)", "root(self, s + eps)")
FAULTS.edit("ADAGRAD_UPDATE-2", "wrong value", "sum-decays", "s = s + g * g", "s = 0.99 * s + g * g")
FAULTS.edit(
    "ADAGRAD_UPDATE-2", "wrong order", "rate-accumulated", "lr, decay), s", "lr, decay), s + (lr - 1) * (g * g)"
)
FAULTS.edit(
    "ADAGRAD_UPDATE-3",
    "wrong order",
    "penalty-after-the-sum",
    "g = coupled(p, g, l2)\n        s = s + g * g",
    "s = s + g * g\n        g = coupled(p, g, l2)",
)
FAULTS.edit(
    "ADAGRAD_UPDATE-4",
    "leaked mask",
    "mask-forgotten",
    "decays(params, weight_decay, decay_mask)",
    "decays(params, weight_decay, None)",
)
FAULTS.edit("ADAGRAD_UPDATE-5", "lost state", "counter-stands", 'next_step(self, state["step"])', 'state["step"]')
FAULTS.edit(
    "ADADELTA_UPDATE-1",
    "wrong value",
    "eps-outside-the-roots",
    "root(self, u + eps) / root(self, s + eps)",
    "(root(self, u) + eps) / (root(self, s) + eps)",
)
FAULTS.edit(
    "ADADELTA_UPDATE-2",
    "wrong order",
    "steps-averaged-first",
    "d = g * (root(self, u + eps) / root(self, s + eps))",
    "d = g * (root(self, u + eps) / root(self, s + eps))\n"
    "        d = g * (root(self, rho * u + (1 - rho) * (d * d) + eps) / root(self, s + eps))",
)
FAULTS.edit(
    "ADADELTA_UPDATE-2", "wrong order", "rate-in-the-average", "(1 - rho) * (d * d)", "(1 - rho) * (lr * lr) * (d * d)"
)
FAULTS.edit("ADADELTA_UPDATE-3", "ignored option", "no-penalty", "g = coupled(p, g, l2)", "pass")
FAULTS.edit(
    "ADADELTA_UPDATE-4",
    "leaked mask",
    "mask-forgotten",
    "decays(params, weight_decay, decay_mask)",
    "decays(params, weight_decay, None)",
)
FAULTS.edit("ADADELTA_UPDATE-5", "lost state", "counter-stands", 'next_step(self, state["step"])', 'state["step"]')


@FAULTS.fault("ADADELTA_UPDATE-1", "wrong constant")
def defaults_of_keras(
    backend: Any, sound: Any, params: Any, grads: Any, state: Any, *, rho: float = 0.95, eps: float = 1e-7, **rest: Any
) -> Any:
    """rho is 0.95 and eps 1e-7 where none is given."""
    return sound(params, grads, state, rho=rho, eps=eps, **rest)


# -- Rprop and Lion --------------------------------------------------------------------------------------------

FAULTS.edit("RPROP_UPDATE-1", "wrong value", "size-of-the-gradient", "p - xp.sign(g) * size", "p - g * size")
FAULTS.edit(
    "RPROP_UPDATE-1",
    "precision loss",
    "sign-of-the-product",
    "xp.sign(g) * xp.sign(previous)",
    "xp.sign(g * previous)",
)
FAULTS.edit(
    "RPROP_UPDATE-2",
    "wrong tie",
    "grows-where-a-gradient-is-zero",
    "agreement > 0, eta_plus",
    "agreement >= 0, eta_plus",
)
FAULTS.edit(
    "RPROP_UPDATE-2",
    "swapped argument",
    "factors-exchanged",
    "eta_plus * size, xp.where(agreement < 0, eta_minus * size, size)",
    "eta_minus * size, xp.where(agreement < 0, eta_plus * size, size)",
)
FAULTS.edit("RPROP_UPDATE-3", "missing term", "steps-where-signs-change", "g = xp.where(agreement < 0, 0.0, g)", "pass")
FAULTS.edit(
    "RPROP_UPDATE-3",
    "lost state",
    "changed-gradient-kept",
    "g = xp.where(agreement < 0, 0.0, g)\n        return p - xp.sign(g) * size, g, size",
    "kept = g\n        g = xp.where(agreement < 0, 0.0, g)\n        return p - xp.sign(g) * size, kept, size",
)
FAULTS.edit("RPROP_UPDATE-4", "missing term", "no-largest-step", "xp.where(size > max_step, max_step, size)", "size")
FAULTS.edit("RPROP_UPDATE-5", "lost state", "counter-stands", 'next_step(self, state["step"])', 'state["step"]')
FAULTS.edit(
    "LION_UPDATE-1",
    "swapped argument",
    "second-decay-for-the-direction",
    "xp.sign(beta1 * m + (1 - beta1) * g)",
    "xp.sign(beta2 * m + (1 - beta2) * g)",
)
FAULTS.edit(
    "LION_UPDATE-2",
    "wrong tie",
    "up-where-there-is-no-direction",
    "direction = xp.sign(beta1 * m + (1 - beta1) * g)",
    "direction = beta1 * m + (1 - beta1) * g\n"
    "        direction = xp.where(direction < 0, -xp.ones_like(g), xp.where(direction >= 0, 1.0, direction))",
)
FAULTS.edit(
    "LION_UPDATE-3",
    "wrong order",
    "old-momentum-decays-twice",
    "beta2 * m + (1 - beta2) * g",
    "beta2 * (beta1 * m + (1 - beta1) * g) + (1 - beta2) * g",
)
FAULTS.edit(
    "LION_UPDATE-3",
    "swapped argument",
    "first-decay-for-the-momentum",
    "beta2 * m + (1 - beta2) * g",
    "beta1 * m + (1 - beta1) * g",
)
FAULTS.edit(
    "LION_UPDATE-4",
    "wrong order",
    "decay-inside-the-sign",
    "direction = xp.sign(beta1 * m + (1 - beta1) * g)",
    "direction = xp.sign(beta1 * m + (1 - beta1) * g + decay * p)\n        decay = 0.0",
)
FAULTS.edit("LION_UPDATE-5", "lost state", "counter-stands", 'next_step(self, state["step"])', 'state["step"]')
