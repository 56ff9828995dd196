"""Planted faults of Adam and of what descends from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import optree

from nnspec.tape import raw
from nnspec_conformance.faults._fault import Planted

__all__ = ["FAULTS"]

FAULTS = Planted()

_STEPS = "nnspec.ops.optimizers._steps"
_VARIANTS = "nnspec.ops.optimizers._adam_variants"
_CORRECTED = f"{_STEPS}:corrected"
_COUPLED = f"{_STEPS}:coupled"
_NEXT = f"{_STEPS}:next_step"
_POWER = f"{_STEPS}:one_minus_power"
_EPS = "(root(backend, square) + eps)"
#: what every variant's mask is taken for by one that has none
_MASK = ("decays(params, weight_decay, decay_mask)", "decays(params, weight_decay, None)")

# -- Adam ------------------------------------------------------------------------------------------------------

FAULTS.edit(
    "ADAM_UPDATE-1", "wrong value", "eps-inside-the-root", _EPS, "root(backend, square + eps)", within=_CORRECTED
)
FAULTS.edit(
    "ADAM_UPDATE-1",
    "wrong order",
    "eps-before-the-correction",
    _EPS,
    "((root(backend, v) + eps) / root(backend, one_minus_power(backend, beta2, step, v)))",
    within=_CORRECTED,
)
FAULTS.edit(
    "ADAM_UPDATE-2",
    "missing term",
    "uncorrected",
    "mean = m / one_minus_power(backend, beta1, step, m)",
    "mean = m",
    within=_CORRECTED,
)
FAULTS.edit(
    "ADAM_UPDATE-2",
    "precision loss",
    "one-less-a-power-in-float32",
    "-backend.xp.expm1(backend.xp.astype(step, like.dtype) * math.log(beta))",
    "1.0 - backend.xp.exp(backend.xp.astype(step, like.dtype) * math.log(beta))",
    within=_POWER,
)
FAULTS.edit(
    "ADAM_UPDATE-2",
    "lost state",
    "first-update-is-the-second",
    "backend.xp.astype(step, like.dtype) * math.log(beta)",
    "(backend.xp.astype(step, like.dtype) + 1) * math.log(beta)",
    within=_POWER,
)
FAULTS.edit(
    "ADAM_UPDATE-2",
    "swapped argument",
    "decays-exchanged",
    "adam_direction(self, coupled(p, g, l2), m, v, step, beta1, beta2, eps)",
    "adam_direction(self, coupled(p, g, l2), m, v, step, beta2, beta1, eps)",
)
FAULTS.edit("ADAM_UPDATE-3", "wrong constant", "half-of-the-penalty", "(2 * l2) * p", "l2 * p", within=_COUPLED)
FAULTS.edit(
    "ADAM_UPDATE-3",
    "wrong order",
    "penalty-beside-the-moments",
    "adam_direction(self, coupled(p, g, l2), m, v, step, beta1, beta2, eps)\n"
    "        return moved(self, p, direction, lr, 0.0), m, v",
    "adam_direction(self, g, m, v, step, beta1, beta2, eps)\n"
    "        return moved(self, p, direction, lr, 2 * l2), m, v",
)
FAULTS.edit(
    "ADAM_UPDATE-1",
    "unchecked argument",
    "decay-of-one-taken",
    'fraction("beta1", beta1)',
    "pass",
    within="nnspec.ops.optimizers._checks:moment_numbers",
)
FAULTS.edit("ADAM_UPDATE-4", "lost state", "counter-stands", "step, (1,)) + 1", "step, (1,)) + 0", within=_NEXT)


@FAULTS.fault("ADAM_UPDATE-1", "wrong constant")
def eps_of_keras(
    backend: Any, sound: Any, params: Any, grads: Any, state: Any, *, eps: float = 1e-7, **options: Any
) -> Any:
    """eps is 1e-7 where none is given."""
    return sound(params, grads, state, eps=eps, **options)


@FAULTS.fault("ADAM_UPDATE-2", "lost state")
def second_moment_kept(backend: Any, sound: Any, params: Any, grads: Any, state: Any, **options: Any) -> Any:
    """The old second moment is returned in place of the new one."""
    new, following = sound(params, grads, state, **options)
    return new, {**following, "exp_avg_sq": state["exp_avg_sq"]}


@FAULTS.fault("ADAM_UPDATE-2", "in-place write")
def moments_written_in_place(backend: Any, sound: Any, params: Any, grads: Any, state: Any, **options: Any) -> Any:
    """The old first moments are overwritten, as by an in-place update of the caller's state."""
    new, following = sound(params, grads, state, **options)
    for old, fresh in zip(optree.tree_leaves(state["exp_avg"]), optree.tree_leaves(following["exp_avg"]), strict=True):
        raw(old)[...] = raw(fresh)
    return new, following


@FAULTS.fault("ADAM_UPDATE-1", "precision loss", replaces="resumed")
def steps_from_the_rounded_parameter(backend: Any, sound: Any, master: Any, param: Any) -> Any:
    """In float16 and bfloat16 each step begins at the rounded parameter."""
    return backend.widened(param)


@FAULTS.fault("ADAM_UPDATE-2", "precision loss")
def moments_of_bfloat16(backend: Any, sound: Any, params: Any, grads: Any, state: Any, **options: Any) -> Any:
    """Moments are stored in bfloat16."""
    new, following = sound(params, grads, state, **options)
    low = np.dtype("bfloat16")
    moments = {
        n: optree.tree_map(lambda x: x.astype(low).astype(x.dtype), following[n]) for n in ("exp_avg", "exp_avg_sq")
    }
    return new, {**following, **moments}


# -- AdamW -----------------------------------------------------------------------------------------------------

FAULTS.edit(
    "ADAMW_UPDATE-1",
    "missing term",
    "decay-without-the-rate",
    "return moved(self, p, direction, lr, decay), m, v",
    "return moved(self, p, direction, lr, 0.0) - decay * p, m, v",
)
FAULTS.edit(
    "ADAMW_UPDATE-1",
    "wrong order",
    "decay-after-the-step",
    "return moved(self, p, direction, lr, decay), m, v",
    "return moved(self, p, direction, lr, 0.0) * (1 - lr * decay), m, v",
)
FAULTS.edit(
    "ADAMW_UPDATE-1",
    "wrong value",
    "coupled",
    "adam_direction(self, g, m,",
    "adam_direction(self, g + decay * p, m,",
)


@FAULTS.fault("ADAMW_UPDATE-1", "wrong constant")
def decay_of_keras(
    backend: Any, sound: Any, params: Any, grads: Any, state: Any, *, weight_decay: float = 0.004, **options: Any
) -> Any:
    """The decay is 0.004 where none is given."""
    return sound(params, grads, state, weight_decay=weight_decay, **options)


FAULTS.edit(
    "ADAMW_UPDATE-2", "wrong value", "eps-inside-the-root", _EPS, "root(backend, square + eps)", within=_CORRECTED
)
FAULTS.edit(
    "ADAMW_UPDATE-2",
    "missing term",
    "second-moment-uncorrected",
    "square = v / one_minus_power(backend, beta2, step, v)",
    "square = v",
    within=_CORRECTED,
)
FAULTS.edit("ADAMW_UPDATE-3", "leaked mask", "mask-forgotten", *_MASK)
FAULTS.edit("ADAMW_UPDATE-4", "wrong constant", "counts-by-two", "step, (1,)) + 1", "step, (1,)) + 2", within=_NEXT)

# -- AdaMax ----------------------------------------------------------------------------------------------------

FAULTS.edit(
    "ADAMAX_UPDATE-1",
    "wrong order",
    "eps-outside-the-maximum",
    "u = self.xp.maximum(beta2 * u, magnitude(self, g) + eps)",
    "u = self.xp.maximum(beta2 * u, magnitude(self, g)) + eps",
)
FAULTS.edit("ADAMAX_UPDATE-2", "missing term", "maximum-does-not-decay", "beta2 * u,", "u,")
FAULTS.edit(
    "ADAMAX_UPDATE-2",
    "wrong value",
    "maximum-corrected",
    "step, g) / u",
    "step, g) / (u / one_minus_power(self, beta2, step, g))",
)
FAULTS.edit("ADAMAX_UPDATE-3", "missing term", "uncorrected", "m / one_minus_power(self, beta1, step, g)", "m")
FAULTS.edit(
    "ADAMAX_UPDATE-4",
    "wrong order",
    "penalty-after-the-moment",
    "g = coupled(p, g, l2)\n        m = beta1 * m + (1 - beta1) * g",
    "m = beta1 * m + (1 - beta1) * g\n        g = coupled(p, g, l2)",
)
FAULTS.edit("ADAMAX_UPDATE-5", "leaked mask", "mask-forgotten", *_MASK)
FAULTS.edit("ADAMAX_UPDATE-6", "wrong constant", "counts-by-two", "step, (1,)) + 1", "step, (1,)) + 2", within=_NEXT)

# -- NAdam -----------------------------------------------------------------------------------------------------

FAULTS.edit(
    "NADAM_UPDATE-1", "wrong value", "eps-inside-the-root", "(root(self, square) + eps)", "root(self, square + eps)"
)
FAULTS.edit(
    "NADAM_UPDATE-2",
    "missing term",
    "second-moment-uncorrected",
    "square = v / one_minus_power(self, beta2, step, v)",
    "square = v",
)
FAULTS.edit(
    "NADAM_UPDATE-3",
    "ignored option",
    "momenta-of-keras",
    "t * (momentum_decay * math.log(0.96))",
    "t * math.log(0.96)",
    within=f"{_VARIANTS}:_falling",
)
FAULTS.edit(
    "NADAM_UPDATE-3",
    "wrong value",
    "momentum-of-this-step-ahead",
    "_falling(backend, t + 1, momentum_decay)",
    "_falling(backend, t, momentum_decay)",
    within=f"{_VARIANTS}:_lookahead",
)
FAULTS.edit(
    "NADAM_UPDATE-3",
    "missing term",
    "moment-corrected-as-the-gradient",
    "ahead / (1 - product * ahead)",
    "ahead / (1 - product)",
    within=f"{_VARIANTS}:_lookahead",
)


@FAULTS.fault("NADAM_UPDATE-3", "lost state")
def product_stands(backend: Any, sound: Any, params: Any, grads: Any, state: Any, **options: Any) -> Any:
    """The product of the momenta is returned as it came."""
    new, following = sound(params, grads, state, **options)
    return new, {**following, "mu_product": state["mu_product"]}


FAULTS.edit(
    "NADAM_UPDATE-3",
    "wrong shape or dtype",
    "product-of-float32",
    "return xp.reshape(beta1 * (before - left_out), ())",
    "return xp.reshape(xp.astype(beta1 * (before - left_out), xp.float32), ())",
    within=f"{_VARIANTS}:_next_product",
)
FAULTS.edit("NADAM_UPDATE-4", "ignored option", "no-penalty", "g = coupled(p, g, l2)", "pass")
FAULTS.edit("NADAM_UPDATE-5", "leaked mask", "mask-forgotten", *_MASK)
FAULTS.edit(
    "NADAM_UPDATE-6", "lost state", "counter-of-the-caller", "params, {**state,", 'params, {**state, "step": step - 1,'
)

# -- RAdam -----------------------------------------------------------------------------------------------------

FAULTS.edit(
    "RADAM_UPDATE-1",
    "wrong order",
    "eps-after-the-correction",
    "(root(self, v) + eps)",
    "(root(self, v) + eps * root(self, one_minus_power(self, beta2, step, v)))",
)
FAULTS.edit(
    "RADAM_UPDATE-2",
    "missing term",
    "second-moment-uncorrected",
    "factor = factor * root(self, one_minus_power(self, beta2, step, v))",
    "pass",
)
FAULTS.edit(
    "RADAM_UPDATE-3",
    "wrong constant",
    "threshold-of-the-paper",
    "length > 5",
    "length > 4",
    within=f"{_VARIANTS}:_rectification",
)
FAULTS.edit(
    "RADAM_UPDATE-3",
    "precision loss",
    "length-by-a-difference",
    "return xp.where(early, below, (2 / (1 - beta2) - 1) - 2 * t / xp.expm1(2 * z))",
    "power = xp.exp(t * math.log(beta2))\n    return (2 / (1 - beta2) - 1) - 2 * t * power / (1.0 - power)",
    within=f"{_VARIANTS}:_average_length",
)
FAULTS.edit("RADAM_UPDATE-3", "missing term", "no-step-before-the-threshold", "+ eps), 1.0)", "+ eps), 0.0)")
FAULTS.edit(
    "RADAM_UPDATE-3",
    "missing term",
    "rectified-by-a-square",
    "xp.sqrt(ratio)",
    "ratio",
    within=f"{_VARIANTS}:_rectification",
)
FAULTS.edit("RADAM_UPDATE-4", "wrong constant", "half-of-the-penalty", "(2 * l2) * p", "l2 * p", within=_COUPLED)
FAULTS.edit("RADAM_UPDATE-5", "leaked mask", "mask-forgotten", *_MASK)
FAULTS.edit("RADAM_UPDATE-6", "wrong constant", "counts-by-two", "step, (1,)) + 1", "step, (1,)) + 2", within=_NEXT)

# -- AMSGrad ---------------------------------------------------------------------------------------------------

FAULTS.edit("AMSGRAD_UPDATE-1", "lost state", "maximum-of-nothing", "self.xp.maximum(largest, v)", "v")
FAULTS.edit(
    "AMSGRAD_UPDATE-1",
    "lost state",
    "moment-replaced-by-its-maximum",
    "decay), m, v, largest",
    "decay), m, largest, largest",
)
FAULTS.edit(
    "AMSGRAD_UPDATE-1",
    "wrong order",
    "maximum-of-corrected-moments",
    "largest = self.xp.maximum(largest, v)\n        direction = corrected(self, m, largest, step, beta1, beta2, eps)",
    "largest = self.xp.maximum(largest, v / one_minus_power(self, beta2, step, v))\n"
    "        direction = m / one_minus_power(self, beta1, step, m) / (root(self, largest) + eps)",
)
FAULTS.edit(
    "AMSGRAD_UPDATE-2", "wrong value", "eps-inside-the-root", _EPS, "root(backend, square + eps)", within=_CORRECTED
)
FAULTS.edit(
    "AMSGRAD_UPDATE-3",
    "missing term",
    "maximum-uncorrected",
    "square = v / one_minus_power(backend, beta2, step, v)",
    "square = v",
    within=_CORRECTED,
)
FAULTS.edit("AMSGRAD_UPDATE-4", "ignored option", "no-penalty", "coupled(p, g, l2)", "g")
FAULTS.edit("AMSGRAD_UPDATE-5", "leaked mask", "mask-forgotten", *_MASK)
FAULTS.edit("AMSGRAD_UPDATE-6", "wrong constant", "counts-by-two", "step, (1,)) + 1", "step, (1,)) + 2", within=_NEXT)

# -- LAMB ------------------------------------------------------------------------------------------------------

_TRUST = "nnspec.ops.optimizers._normed:_trust"

FAULTS.edit(
    "LAMB_UPDATE-1",
    "missing term",
    "uncorrected",
    "mean = m / one_minus_power(backend, beta1, step, m)\n    square = v / one_minus_power(backend, beta2, step, v)",
    "mean, square = m, v",
    within=_CORRECTED,
)
FAULTS.edit(
    "LAMB_UPDATE-2",
    "wrong value",
    "trust-bounded-by-one",
    "_trust(self, p, direction) * direction",
    "self.xp.where(_trust(self, p, direction) < 1, _trust(self, p, direction), 1.0) * direction",
)
FAULTS.edit(
    "LAMB_UPDATE-2",
    "wrong order",
    "trust-without-the-decay",
    "if decay > 0:\n            direction = direction + decay * p\n"
    "        return moved(self, p, _trust(self, p, direction) * direction, lr, 0.0), m, v",
    "trust = _trust(self, p, direction)\n        return moved(self, p, trust * (direction + decay * p), lr, 0.0), m, v",
)
FAULTS.edit(
    "LAMB_UPDATE-3",
    "special value",
    "no-step-from-zero",
    "xp.where(none | (of_p == 0), 1.0,",
    "xp.where(none, 1.0,",
    within=_TRUST,
)
FAULTS.edit(
    "LAMB_UPDATE-3",
    "special value",
    "zero-over-zero",
    "return xp.where(none | (of_p == 0), 1.0, of_p / xp.where(none, 1.0, of_direction))",
    "return xp.where(of_p == 0, 1.0, of_p / of_direction)",
    within=_TRUST,
)
FAULTS.edit(
    "LAMB_UPDATE-4",
    "wrong order",
    "decay-in-the-moments",
    "adam_direction(self, g, m,",
    "adam_direction(self, g + decay * p, m,",
)
FAULTS.edit(
    "LAMB_UPDATE-5",
    "rare option",
    "no-trust-without-decay",
    "_trust(self, p, direction) * direction",
    "(_trust(self, p, direction) if decay > 0 or decay_mask is None else 1.0) * direction",
)
FAULTS.edit("LAMB_UPDATE-6", "wrong constant", "counts-by-two", "step, (1,)) + 1", "step, (1,)) + 2", within=_NEXT)
