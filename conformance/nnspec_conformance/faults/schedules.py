"""Planted faults of the family schedules."""

from __future__ import annotations

from typing import Any

from nnspec_conformance.faults._fault import Planted

__all__ = ["FAULTS"]

FAULTS = Planted()

_FAMILY = "nnspec.ops.schedules"
_BETWEEN = f"{_FAMILY}:_between"
_CLAMPED = "self.xp.where(t < total_steps, t, total_steps)"

# -- constants and drops ---------------------------------------------------------------------------------------

FAULTS.edit(
    "CONSTANT_SCHEDULE-1",
    "wrong shape or dtype",
    "flat",
    "self.xp.reshape(_full(self, t, lr), shape)",
    "_full(self, t, lr)",
)
FAULTS.edit(
    "CONSTANT_SCHEDULE-1",
    "precision loss",
    "rounded-to-float32",
    "value, dtype=getattr(self.xp, self.working_dtype)",
    "value, dtype=self.xp.float32",
    within=f"{_FAMILY}:_full",
)
FAULTS.edit(
    "CONSTANT_SCHEDULE-2",
    "unchecked argument",
    "negative-steps",
    "if not 0 <= step <= LAST:",
    "if not step <= LAST:",
    within="nnspec.ops._schedule_checks:_step",
)
FAULTS.edit("STEP_SCHEDULE-1", "missing term", "no-floor", "t // step_size", "t / step_size")
FAULTS.edit("STEP_SCHEDULE-1", "ignored option", "gamma-of-the-default", "self, gamma,", "self, 0.1,")
FAULTS.edit(
    "STEP_SCHEDULE-2", "wrong kink", "one-step-late", "t // step_size", "(t + (step_size > 1) * -1) // step_size"
)
FAULTS.edit("MULTI_STEP_SCHEDULE-1", "wrong value", "one-drop-for-all", "gamma**k", "gamma")
FAULTS.edit(
    "MULTI_STEP_SCHEDULE-1",
    "precision loss",
    "rounded-after-every-drop",
    "_full(self, t, lr * gamma**k)",
    "rate * gamma",
)
FAULTS.edit("MULTI_STEP_SCHEDULE-2", "wrong kink", "one-step-late", "t >= milestone", "t > milestone")
FAULTS.edit("EXPONENTIAL_SCHEDULE-1", "wrong value", "from-one", "gamma, t)", "gamma, t + 1)")
FAULTS.edit(
    "EXPONENTIAL_SCHEDULE-1",
    "precision loss",
    "logarithm-rounded",
    "math.log(base)",
    "round(math.log(base), 6)",
    within=f"{_FAMILY}:_power",
)

# -- decays to an end ------------------------------------------------------------------------------------------

FAULTS.edit("POLYNOMIAL_SCHEDULE-1", "ignored option", "end-at-zero", "lr * left + end_lr * gone", "lr * left")
FAULTS.edit(
    "POLYNOMIAL_SCHEDULE-2",
    "wrong value",
    "power-of-the-share-passed",
    "left = xp.where(over, 0.0, xp.exp(exponent))",
    "begun = ratio < 1\n"
    "    left = 1.0 - xp.where(begun, xp.exp(power * xp.log(xp.where(begun, 1.0 - ratio, 1.0))), 0.0)",
)
FAULTS.edit(
    "POLYNOMIAL_SCHEDULE-3",
    "missing term",
    "starts-over",
    "xp.where(t < total_steps, t, total_steps)",
    "t % total_steps",
)
FAULTS.edit("POLYNOMIAL_SCHEDULE-2", "ignored option", "always-a-line", "power * xp.log(", "xp.log(")
FAULTS.edit(
    "COSINE_SCHEDULE-1",
    "precision loss",
    "one-plus-cosine",
    "return start * (falling * falling) + end * (rising * rising)",
    "return end + (start - end) * (0.5 * (1.0 + self.xp.cos(done * math.pi)))",
    within=_BETWEEN,
)
FAULTS.edit(
    "COSINE_SCHEDULE-1",
    "wrong value",
    "one-step-short",
    "length: Any = float(total_steps)",
    "length: Any = float(max(total_steps - 1, 1))",
)
FAULTS.edit("COSINE_SCHEDULE-2", "missing term", "rises-again", f"passed = {_CLAMPED}", "passed = t")
FAULTS.edit(
    "COSINE_SCHEDULE-3",
    "wrong kink",
    "least-at-the-restart",
    "passed = t % total_steps",
    "passed = self.xp.where((t % total_steps == 0) & (t > 0), total_steps, t % total_steps)",
)
FAULTS.edit(
    "COSINE_SCHEDULE-4",
    "ignored option",
    "cycles-of-one-length",
    "_cycle(self, t, total_steps, restart_factor)",
    "t % total_steps, length",
)
FAULTS.edit(
    "COSINE_SCHEDULE-4",
    "wrong value",
    "cycles-of-the-square",
    "begins + size, size * factor",
    "begins + size, size * factor * factor",
    within=f"{_FAMILY}:_cycle",
)

# -- rises -----------------------------------------------------------------------------------------------------

FAULTS.edit("WARMUP_SCHEDULE-1", "ignored option", "from-zero", "self, start_lr, lr,", "self, 0.0, lr,")
FAULTS.edit("WARMUP_SCHEDULE-2", "missing term", "rises-on", "self.xp.where(t < last, t, last) + first", "t + first")
FAULTS.edit("WARMUP_SCHEDULE-3", "ignored option", "from-step-zero", "if one_based else", "if False else")
FAULTS.edit("WARMUP_SCHEDULE-3", "wrong value", "one-longer", "(1, warmup_steps - 1) if", "(1, warmup_steps) if")
FAULTS.edit(
    "ONE_CYCLE_SCHEDULE-1",
    "precision loss",
    "peak-at-an-integer",
    "pct_start * total_steps - 1, (1 - pct_start) * total_steps",
    "float(int(pct_start * total_steps) - 1), float(total_steps - int(pct_start * total_steps))",
)
FAULTS.edit("ONE_CYCLE_SCHEDULE-2", "wrong value", "end-of-the-largest", "end = start / final", "end = max_lr / final")
FAULTS.edit(
    "ONE_CYCLE_SCHEDULE-3",
    "missing term",
    "runs-on",
    "t = xp.where(t < total_steps - 1, t, total_steps - 1)",
    "pass",
)
FAULTS.edit(
    "ONE_CYCLE_SCHEDULE-4",
    "ignored option",
    "always-cosine",
    'if anneal == "linear":',
    "if False:",
    within=_BETWEEN,
)
FAULTS.edit(
    "ONE_CYCLE_SCHEDULE-4",
    "rare option",
    "rise-always-a-cosine",
    "(peak - at) / peak, anneal)",
    '(peak - at) / peak, "cosine")',
)
FAULTS.edit(
    "ONE_CYCLE_SCHEDULE-5",
    "wrong value",
    "fall-from-step-zero",
    "start = max_lr / div_factor",
    "peak = max(peak, 0.0)\n    start = max_lr / div_factor",
)

# -- plateaus --------------------------------------------------------------------------------------------------

_IMPROVED = f"{_FAMILY}:_improved"
_BOUND = "best + towards * xp.where(xp.isinf(best), 0.0, xp.where(best < 0, -best, best))"

FAULTS.edit("REDUCE_ON_PLATEAU-1", "wrong kink", "one-epoch-early", "bad > patience", "bad >= patience")
FAULTS.edit("REDUCE_ON_PLATEAU-2", "lost state", "count-goes-on-after-a-drop", "xp.where(drops, 0, bad)", "bad")
FAULTS.edit(
    "REDUCE_ON_PLATEAU-2",
    "lost state",
    "good-epochs-do-not-reset",
    "bad = xp.where(better, 0,",
    'bad = xp.where(better, state["bad_epochs"],',
)
FAULTS.edit(
    "REDUCE_ON_PLATEAU-3",
    "wrong value",
    "bound-below-a-negative-best",
    _BOUND,
    "best * (1.0 + towards)",
    within=_IMPROVED,
)
FAULTS.edit(
    "REDUCE_ON_PLATEAU-3",
    "ignored option",
    "always-relative",
    "threshold > 0 and relative",
    "threshold > 0",
    within=_IMPROVED,
)
FAULTS.edit(
    "REDUCE_ON_PLATEAU-3",
    "ignored option",
    "always-smallest",
    'metric < bound if mode == "min" else metric > bound',
    "metric < bound",
    within=_IMPROVED,
)
FAULTS.edit(
    "REDUCE_ON_PLATEAU-4",
    "wrong tie",
    "equal-is-better",
    "return metric < bound if",
    "return metric <= bound if",
    within=_IMPROVED,
)
FAULTS.edit(
    "REDUCE_ON_PLATEAU-5",
    "ignored option",
    "no-cooldown",
    'resting = state["cooldown"] > 0',
    'resting = state["cooldown"] > 2**30',
)
FAULTS.edit(
    "REDUCE_ON_PLATEAU-5",
    "lost state",
    "best-frozen-in-the-cooldown",
    '"best": xp.where(better, metric, best)',
    '"best": xp.where(better & (state["cooldown"] == 0), metric, best)',
)
FAULTS.edit(
    "REDUCE_ON_PLATEAU-6", "ignored option", "no-least-rate", "xp.where(lower < min_lr, min_lr, lower)", "lower"
)
FAULTS.edit(
    "REDUCE_ON_PLATEAU-7",
    "special value",
    "nan-is-better",
    "return metric < bound if",
    "return ~(metric >= bound) if",
    within=_IMPROVED,
)


@FAULTS.fault("STEP_SCHEDULE-1", "stale cache")
def step_of_the_first_call(backend: Any, sound: Any, step: Any, *, lr: float, **options: Any) -> Any:
    """What is compiled for steps of a shape keeps the rate that it was compiled with."""
    kept = vars(backend).setdefault("_rates", {})
    return sound(step, lr=kept.setdefault(getattr(step, "shape", None), lr), **options)
