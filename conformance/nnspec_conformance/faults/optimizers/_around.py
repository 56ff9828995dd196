"""Planted faults of clipping, and of what goes around an optimizer."""

from __future__ import annotations

from typing import Any

import numpy as np
import optree

from nnspec_conformance.faults._fault import Planted

__all__ = ["FAULTS"]

FAULTS = Planted()

_SHORTENED = "nnspec.ops.optimizers._steps:shortened"
_DIVISOR = "xp.where(length <= max_norm, max_norm, xp.where(length < math.inf, length, max_norm))"

# -- clipping --------------------------------------------------------------------------------------------------

FAULTS.edit("CLIP_BY_VALUE-1", "missing term", "one-sided", "where(g <= -max_value, -max_value, where(", "(where(")
FAULTS.edit(
    "CLIP_BY_VALUE-1",
    "wrong value",
    "set-to-zero",
    "where(g <= -max_value, -max_value, where(g >= max_value, max_value, g))",
    "where(g <= -max_value, 0.0, where(g >= max_value, 0.0, g))",
)
FAULTS.edit(
    "CLIP_BY_VALUE-2",
    "special value",
    "nan-becomes-the-limit",
    "where(g >= max_value, max_value, g)",
    "where(g < max_value, g, max_value)",
)
FAULTS.edit(
    "CLIP_BY_NORM-1", "wrong reduction", "one-norm-for-all", "norm(self, [g])", "norm(self, optree.tree_leaves(grads))"
)
FAULTS.edit("CLIP_BY_NORM-2", "wrong value", "always-of-that-norm", _DIVISOR, "length", within=_SHORTENED)
FAULTS.edit(
    "CLIP_BY_NORM-3",
    "special value",
    "infinite-norm-divided-by",
    _DIVISOR,
    "xp.where(length <= max_norm, max_norm, length)",
    within=_SHORTENED,
)


@FAULTS.fault("CLIP_BY_NORM-2", "in-place write")
def clipped_in_place(backend: Any, sound: Any, grads: Any, *, max_norm: float = 1.0) -> Any:
    """The caller's gradients are overwritten, as by a name that ends in an underscore."""
    clipped = sound(grads, max_norm=max_norm)
    for old, new in zip(optree.tree_leaves(grads), optree.tree_leaves(clipped), strict=True):
        old[...] = 0.5 * new
    return clipped


FAULTS.edit(
    "CLIP_BY_GLOBAL_NORM-1",
    "wrong reduction",
    "every-array-by-itself",
    "shortened(self, g, length, max_norm)",
    "shortened(self, g, norm(self, [g]), max_norm)",
)
FAULTS.edit(
    "CLIP_BY_GLOBAL_NORM-1",
    "wrong order",
    "norm-of-the-clipped",
    "length, length < math.inf",
    "norm(self, clipped), length < math.inf",
)
FAULTS.edit(
    "CLIP_BY_GLOBAL_NORM-2",
    "wrong constant",
    "eps-added-to-the-norm",
    "return g * (max_norm / divisor)",
    "factor = max_norm / (length + 1e-6)\n    return g * xp.where(factor < 1, factor, 1.0)",
    within=_SHORTENED,
)
FAULTS.edit(
    "CLIP_BY_GLOBAL_NORM-3",
    "special value",
    "infinite-norm-divided-by",
    _DIVISOR,
    "xp.where(length <= max_norm, max_norm, length)",
    within=_SHORTENED,
)
FAULTS.edit(
    "CLIP_BY_GLOBAL_NORM-3", "missing term", "always-finite", "length, length < math.inf", "length, length == length"
)

# -- lookahead -------------------------------------------------------------------------------------------------

FAULTS.edit(
    "LOOKAHEAD_INIT-1",
    "in-place write",
    "slow-weights-are-the-fast-ones",
    "optree.tree_map(self.copied, params)",
    "params",
)
FAULTS.edit(
    "LOOKAHEAD_UPDATE-1", "wrong kink", "counts-from-zero", "step % sync_period == 0", "(step - 1) % sync_period == 0"
)
FAULTS.edit(
    "LOOKAHEAD_UPDATE-1",
    "swapped argument",
    "towards-the-slow-weights",
    "slow + alpha * (p - slow)",
    "p + alpha * (slow - p)",
)
FAULTS.edit(
    "LOOKAHEAD_UPDATE-1",
    "lost state",
    "fast-weights-go-on",
    "xp.where(meets, met(p, slow), p)",
    "p",
)
FAULTS.edit(
    "LOOKAHEAD_UPDATE-2",
    "precision loss",
    "moved-by-nothing",
    "xp.where(meets, met(p, slow), slow)",
    "slow * (1 - alpha * meets) + p * (alpha * meets)",
)
FAULTS.edit("LOOKAHEAD_UPDATE-3", "lost state", "starts-over", '{"step": step,', '{"step": step % sync_period,')

# -- averages --------------------------------------------------------------------------------------------------

FAULTS.edit(
    "EMA_INIT-1",
    "wrong constant",
    "begins-at-zero",
    "optree.tree_map(self.copied, params)",
    "optree.tree_map(self.xp.zeros_like, params)",
)
FAULTS.edit(
    "EMA_INIT-1", "in-place write", "average-is-the-parameters", "optree.tree_map(self.copied, params)", "params"
)
FAULTS.edit(
    "EMA_UPDATE-1",
    "swapped argument",
    "decay-on-the-new",
    "average + (1 - decay) * (p - average)",
    "average + decay * (p - average)",
)
FAULTS.edit(
    "EMA_UPDATE-1",
    "wrong value",
    "warmed-up",
    "average + (1 - decay) * (p - average)",
    'average + max(1 - decay, 9.0 / (10.0 + float(state["step"]))) * (p - average)',
)
FAULTS.edit(
    "EMA_UPDATE-2",
    "precision loss",
    "two-rounded-weights",
    "average + (1 - decay) * (p - average)",
    "decay * average + (1 - decay) * p",
)
FAULTS.edit(
    "EMA_UPDATE-3", "leaked mask", "buffers-averaged", "if moves else self.copied(p)", "if True else self.copied(p)"
)
FAULTS.edit("EMA_UPDATE-3", "lost state", "buffers-stand", "else self.copied(p)", "else self.copied(average)")
FAULTS.edit("EMA_UPDATE-4", "lost state", "counter-stands", 'next_step(self, state["step"])', 'state["step"]')


@FAULTS.fault("EMA_UPDATE-1", "precision loss")
def average_of_bfloat16(backend: Any, sound: Any, state: Any, params: Any, **options: Any) -> Any:
    """The average is stored in bfloat16, where small steps are lost."""
    new = sound(state, params, **options)
    low = np.dtype("bfloat16")
    return {**new, "average": optree.tree_map(lambda x: x.astype(low).astype(x.dtype), new["average"])}


# -- accumulation ----------------------------------------------------------------------------------------------

FAULTS.edit("ACCUMULATION_INIT-1", "wrong shape or dtype", "integer-count", "dtype=first.dtype", "dtype=self.xp.int32")
FAULTS.edit(
    "ACCUMULATION_UPDATE-1",
    "wrong reduction",
    "batches-weigh-alike",
    '"total": optree.tree_map(added, state["total"], grads)',
    '"total": optree.tree_map(lambda total, g: total + g, state["total"], grads)',
)
FAULTS.edit(
    "ACCUMULATION_UPDATE-1",
    "lost state",
    "count-replaced",
    'there = xp.reshape(state["count"], (1,))',
    'there = xp.reshape(0 * state["count"], (1,))',
)
FAULTS.edit(
    "ACCUMULATION_UPDATE-2",
    "special value",
    "zero-times-nan",
    "return total + xp.where(n == 0, 0.0, n * g)",
    "return total + n * g",
)
FAULTS.edit(
    "ACCUMULATION_UPDATE-2",
    "special value",
    "no-sample-times-nan",
    "total + float(count) * g if count > 0 else self.copied(total)",
    "total + float(count) * g",
)
FAULTS.edit("ACCUMULATION_MEAN-1", "missing term", "sum-for-the-mean", "total / xp.where(none, 1.0, count)", "total")
FAULTS.edit(
    "ACCUMULATION_MEAN-2",
    "special value",
    "zero-over-zero",
    "xp.where(none, 0.0, total / xp.where(none, 1.0, count))",
    "total / count",
)

# -- loss scaling ----------------------------------------------------------------------------------------------

FAULTS.edit(
    "LOSS_SCALING_INIT-1",
    "ignored option",
    "scale-of-the-default",
    "self.asarray(initial_scale,",
    "self.asarray(2.0**15,",
)
FAULTS.edit("LOSS_SCALING_INIT-1", "wrong shape or dtype", "floating-count", "dtype=xp.int32", "dtype=xp.float32")
FAULTS.edit(
    "LOSS_SCALING_UPDATE-1",
    "wrong order",
    "divided-by-the-next-scale",
    'g / xp.astype(state["scale"], g.dtype)',
    'g / xp.astype(state["scale"] * (growth_factor if float(count[0]) >= growth_interval else 1.0), g.dtype)',
)


@FAULTS.fault("LOSS_SCALING_UPDATE-1", "precision loss", replaces="kept_wide")
def gradients_rounded_again(backend: Any, sound: Any, x: Any) -> Any:
    """Unscaled gradients are stored in float16, where the small ones are lost again."""
    return backend.widened(backend.rounded(x, np.dtype("float16")))


FAULTS.edit(
    "LOSS_SCALING_UPDATE-2",
    "special value",
    "infinity-alone",
    "xp.all(xp.isfinite(g))",
    "xp.all(xp.logical_not(xp.isinf(g)))",
)
FAULTS.edit(
    "LOSS_SCALING_UPDATE-2",
    "wrong reduction",
    "last-array-alone",
    "finite = xp.logical_and(finite, xp.all(xp.isfinite(g)))",
    "finite = xp.reshape(xp.all(xp.isfinite(g)), (1,))",
)
FAULTS.edit(
    "LOSS_SCALING_UPDATE-3",
    "missing term",
    "no-least-scale",
    "lowered = xp.where(lowered < min_scale, xp.where(scale < min_scale, scale, min_scale), lowered)",
    "pass",
)
FAULTS.edit(
    "LOSS_SCALING_UPDATE-3",
    "lost state",
    "count-goes-on",
    "xp.logical_and(finite, xp.logical_not(ripe)), count, 0 * count",
    "xp.logical_not(ripe), count, 0 * count",
)
FAULTS.edit(
    "LOSS_SCALING_UPDATE-4", "wrong kink", "one-step-late", "count >= growth_interval", "count > growth_interval"
)
FAULTS.edit(
    "LOSS_SCALING_UPDATE-4",
    "overflow",
    "grows-to-infinity",
    "xp.where(xp.logical_and(ripe, grown < math.inf), grown, scale)",
    "xp.where(ripe, grown, scale)",
)
