"""Laws of schedules: a rate belongs to its step, and has the unit of the rates it is between."""

from __future__ import annotations

from nnspec_conformance.laws._batches import ROW_ALONE
from nnspec_conformance.laws._call import ALL
from nnspec_conformance.laws._law import Applied
from nnspec_conformance.laws._symmetries import REORDERED, SCALED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]


def _laws(base: str, *rates: str, sampled: bool = False) -> tuple[Applied, ...]:
    return (
        ROW_ALONE(base, rows={"step": 0}),
        REORDERED(base, along={"step": ALL}, result=ALL, named="steps"),
        SCALED(base, by=dict.fromkeys(rates, 1), result=1, sampled=sampled),
    )


LAWS: dict[str, tuple[Applied, ...]] = {
    "constant_schedule": _laws("steps", "lr"),
    "step_schedule": _laws("gamma", "lr"),
    "multi_step_schedule": _laws("steps", "lr"),
    "exponential_schedule": _laws("steps", "lr"),
    "polynomial_schedule": _laws("power", "lr", "end_lr"),
    "cosine_schedule": _laws("restarts", "lr", "min_lr", sampled=True),
    "warmup_schedule": _laws("one-based", "lr", "start_lr"),
    "one_cycle_schedule": _laws("line", "max_lr"),
    "reduce_on_plateau": (SCALED("limit", by={"lr": 1, "min_lr": 1}, result=1, part=0),),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "constant_schedule": {
        "steps": {"lr": 0.6},
    },
    "step_schedule": {
        "steps": {"lr": 2.0, "step_size": 7, "gamma": 0.9},
    },
    "multi_step_schedule": {
        "steps": {"lr": 2.0, "milestones": (10, 30), "gamma": 0.7},
    },
    "exponential_schedule": {
        "steps": {"lr": 0.001, "gamma": 0.9999999},
    },
    "polynomial_schedule": {
        "steps": {"lr": 0.0001, "total_steps": 70, "end_lr": 0.02, "power": 2.5},
    },
    "cosine_schedule": {
        "steps": {"lr": 0.6, "total_steps": 10, "min_lr": 0.02, "restart_factor": 1},
    },
    "warmup_schedule": {
        "steps": {"lr": 0.6, "warmup_steps": 2147483647, "start_lr": 0.07, "one_based": True},
    },
    "one_cycle_schedule": {
        "rise": {"max_lr": 1.2, "total_steps": 4, "pct_start": 0.35, "div_factor": 4.0, "anneal": "linear"},
        "steps": {"final_div_factor": 3.0},
    },
    "reduce_on_plateau": {
        "default": {"state": None},
        "patience": {"lr": 0.6, "factor": 0.5, "patience": 0, "threshold": 0.6, "mode": "max", "min_lr": 0.25},
        "relative": {"cooldown": 2},
        "absolute": {"threshold_mode": "rel"},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {}
