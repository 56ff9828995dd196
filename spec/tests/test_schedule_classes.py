"""Schedules as objects: each is its operation with the options it was made with."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec import optim
from nnspec.errors import ArgumentError

B: Any = nnspec.get_backend("numpy")
STEPS = B.asarray([0, 1, 4, 5, 9, 10, 40])
MADE: dict[str, tuple[Any, dict[str, Any]]] = {
    "constant_schedule": (optim.ConstantSchedule, {"lr": 0.3}),
    "step_schedule": (optim.StepSchedule, {"lr": 0.3, "step_size": 4, "gamma": 0.5}),
    "multi_step_schedule": (optim.MultiStepSchedule, {"lr": 0.3, "milestones": (4, 9), "gamma": 0.5}),
    "exponential_schedule": (optim.ExponentialSchedule, {"lr": 0.3, "gamma": 0.5}),
    "polynomial_schedule": (optim.PolynomialSchedule, {"lr": 0.3, "total_steps": 9, "end_lr": 0.1, "power": 2.0}),
    "cosine_schedule": (optim.CosineSchedule, {"lr": 0.3, "total_steps": 9, "min_lr": 0.1, "restart_factor": 2}),
    "warmup_schedule": (optim.WarmupSchedule, {"lr": 0.3, "warmup_steps": 9, "start_lr": 0.1, "one_based": True}),
    "one_cycle_schedule": (
        optim.OneCycleSchedule,
        {
            "max_lr": 0.3,
            "total_steps": 11,
            "pct_start": 0.5,
            "div_factor": 5.0,
            "final_div_factor": 2.0,
            "anneal": "linear",
        },
    ),
}
PLATEAU = {
    "lr": 0.3,
    "factor": 0.5,
    "patience": 1,
    "threshold": 0.25,
    "mode": "max",
    "threshold_mode": "abs",
    "cooldown": 1,
    "min_lr": 0.06,
}


def options_of(operation: str) -> list[tuple[str, Any]]:
    parameters = inspect.signature(getattr(B, operation)).parameters.values()
    return [(p.name, p.default) for p in parameters if p.kind is p.KEYWORD_ONLY]


@pytest.mark.parametrize("operation", [*MADE, "reduce_on_plateau"])
def test_a_class_has_the_options_and_defaults_of_its_operation(operation: str) -> None:
    made = optim.ReduceOnPlateau if operation == "reduce_on_plateau" else MADE[operation][0]
    backend, *fields = dataclasses.fields(made)
    assert backend.name == "backend"
    missing = dataclasses.MISSING
    assert [(f.name, inspect.Parameter.empty if f.default is missing else f.default) for f in fields] == options_of(
        operation
    )


@pytest.mark.parametrize("operation", MADE)
def test_a_schedule_is_its_operation(operation: str) -> None:
    make, options = MADE[operation]
    assert set(options) == {name for name, _ in options_of(operation)}
    schedule = make(B, **options)
    assert isinstance(schedule, optim.Schedule)
    np.testing.assert_array_equal(schedule(STEPS), getattr(B, operation)(STEPS, **options))
    assert schedule == make(B, **options)


def test_the_plateau_is_its_operation() -> None:
    assert set(PLATEAU) == {name for name, _ in options_of("reduce_on_plateau")}
    schedule, ours, theirs = optim.ReduceOnPlateau(B, **PLATEAU), None, None
    for metric in (1.0, 1.2, 1.1, 1.0, 1.0, 1.0, 2.0, 2.1, 2.1, 2.1, 2.2):
        rate, ours = schedule(metric, ours)
        wanted, theirs = B.reduce_on_plateau(metric, theirs, **PLATEAU)
        assert float(rate) == float(wanted)
    assert float(rate) < 0.3


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (optim.StepSchedule, {"lr": 0.1, "step_size": 0}, "step_size: expected an integer"),
        (optim.CosineSchedule, {"lr": -0.1, "total_steps": 3}, "lr: expected a finite number"),
        (optim.ReduceOnPlateau, {"lr": 0.1, "mode": "less"}, "mode: expected one of"),
    ],
)
def test_bad_options_raise_where_a_schedule_is_made(make: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        make(B, **options)
