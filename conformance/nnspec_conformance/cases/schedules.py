"""Inputs for schedules: steps around every place where a phase ends, far beyond the last, and in other shapes."""

from __future__ import annotations

import math
from typing import Any

from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec_conformance.case import Case, Source, cases, constant, error_case, normal, only_calls, values

__all__ = ["CASES"]

_INF, _NAN = math.inf, math.nan
_FORWARD = ("values", "shapes", "compiled", "purity", "repeat")
#: without compiling a run of epochs, which takes JAX long: one such case does
_EAGER = ("values", "shapes", "purity", "repeat")
_LAST = 2**31 - 1
#: spans of 10 steps and 30 in all, as every schedule below has them
_STEPS = constant(
    [[0, 1, 2, 5, 8, 9, 10, 11], [12, 19, 20, 21, 27, 28, 29, 30], [31, 59, 60, 69, 70, 71, 89, 90]], "int32"
)
#: the same, but for the steps beside the ends of spans
_INSIDE = constant([0, 1, 5, 8, 12, 15, 18, 22, 25, 33, 37, 45, 62], "int32")
_FAR = constant([0, 9, 10, 29, 30, 31, 1000, 2**24 + 1, _LAST - 1, _LAST], "int64")
_WARM = {"lr": 0.3, "warmup_steps": 10}
_CYCLE = {"max_lr": 0.6, "total_steps": 30}

_CLOSED: list[Case] = [
    *cases(
        "constant_schedule",
        {
            "steps": {"inputs": {"step": _STEPS}, "options": {"lr": 0.3}},
            "integer": {"options": {"step": 7, "lr": 0.3}, "requires": ("CONSTANT_SCHEDULE-2",)},
            "empty": {"inputs": {"step": constant([], "int32")}, "options": {"lr": 0.3}, "level": "full"},
        },
        requires=("CONSTANT_SCHEDULE-1",),
        checks=_FORWARD,
    ),
    *cases(
        "step_schedule",
        {
            "steps": {"inputs": {"step": _INSIDE}, "options": {"lr": 0.3, "step_size": 10}},
            "edge": {
                "inputs": {"step": constant([9, 10, 11, 19, 20], "int32")},
                "options": {"lr": 0.3, "step_size": 10},
                "requires": ("STEP_SCHEDULE-2",),
            },
            "gamma": {"inputs": {"step": _FAR}, "options": {"lr": 2.0, "step_size": 7, "gamma": 0.9}},
            "growing": {
                "inputs": {"step": _STEPS},
                "options": {"lr": 0.01, "step_size": 3, "gamma": 1.25},
                "level": "full",
            },
            "integer": {"options": {"step": 20, "lr": 0.3, "step_size": 10}, "level": "full"},
        },
        requires=("STEP_SCHEDULE-1",),
        checks=_FORWARD,
    ),
    *cases(
        "multi_step_schedule",
        {
            "steps": {"inputs": {"step": _INSIDE}, "options": {"lr": 0.3, "milestones": (10, 29, 30, 60)}},
            "edge": {
                "inputs": {"step": constant([9, 10, 11, 29, 30], "int32")},
                "options": {"lr": 0.3, "milestones": (10, 30), "gamma": 0.7},
                "requires": ("MULTI_STEP_SCHEDULE-2", "MULTI_STEP_SCHEDULE-1"),
            },
            "far": {
                "inputs": {"step": _FAR},
                "options": {"lr": 2.0, "milestones": (9, 31, _LAST), "gamma": 0.9},
                "level": "full",
            },
            "no-milestone": {"inputs": {"step": _STEPS}, "options": {"lr": 0.3, "milestones": ()}, "level": "full"},
        },
        requires=("MULTI_STEP_SCHEDULE-1",),
        checks=_FORWARD,
    ),
    *cases(
        "exponential_schedule",
        {
            "steps": {"inputs": {"step": _STEPS}, "options": {"lr": 0.3, "gamma": 0.9}},
            "far": {"inputs": {"step": _FAR}, "options": {"lr": 2.0, "gamma": 0.9999}},
            "slow": {"inputs": {"step": _STEPS}, "options": {"lr": 1e-3, "gamma": 0.9999999}, "level": "full"},
        },
        requires=("EXPONENTIAL_SCHEDULE-1",),
        checks=_FORWARD,
    ),
    *cases(
        "polynomial_schedule",
        {
            "steps": {"inputs": {"step": _STEPS}, "options": {"lr": 0.3, "total_steps": 30}},
            "power": {
                "inputs": {"step": _STEPS},
                "options": {"lr": 0.3, "total_steps": 70, "end_lr": 0.02, "power": 2.5},
                "requires": ("POLYNOMIAL_SCHEDULE-2", "POLYNOMIAL_SCHEDULE-1"),
            },
            "clamped": {
                "inputs": {"step": _FAR},
                "options": {"lr": 0.3, "total_steps": 30, "end_lr": 0.02},
                "requires": ("POLYNOMIAL_SCHEDULE-3",),
            },
            "root": {
                "inputs": {"step": _STEPS},
                "options": {"lr": 1e-4, "total_steps": 70, "end_lr": 0.5, "power": 0.3},
                "requires": ("POLYNOMIAL_SCHEDULE-2", "POLYNOMIAL_SCHEDULE-1"),
                "level": "full",
            },
        },
        requires=("POLYNOMIAL_SCHEDULE-1",),
        checks=_FORWARD,
    ),
    *cases(
        "cosine_schedule",
        {
            "steps": {
                "inputs": {"step": constant([*range(0, 30, 3), 28, 29, 30], "int32")},
                "options": {"lr": 0.3, "total_steps": 30},
            },
            "clamped": {
                "inputs": {"step": _FAR},
                "options": {"lr": 0.3, "total_steps": 30, "min_lr": 0.02},
                "requires": ("COSINE_SCHEDULE-2", "COSINE_SCHEDULE-1"),
            },
            "restarts": {
                "inputs": {"step": _STEPS},
                "options": {"lr": 0.3, "total_steps": 10, "min_lr": 0.02, "restart_factor": 1},
                "requires": ("COSINE_SCHEDULE-3",),
            },
            "longer-restarts": {
                "inputs": {"step": _STEPS},  # cycles start at 0, 10, 30 and 70
                "options": {"lr": 0.3, "total_steps": 10, "restart_factor": 2},
                "requires": ("COSINE_SCHEDULE-4", "COSINE_SCHEDULE-3"),
            },
            "long": {
                "inputs": {"step": constant([0, 1, 123456, 199999, 200000], "int32")},
                "options": {"lr": 0.3, "total_steps": 200000},
            },
            "far-restarts": {
                "inputs": {"step": _FAR},
                "options": {"lr": 0.3, "total_steps": 3, "restart_factor": 3},
                "requires": ("COSINE_SCHEDULE-4",),
                "level": "full",
            },
        },
        requires=("COSINE_SCHEDULE-1",),
        checks=_FORWARD,
    ),
    *cases(
        "warmup_schedule",
        {
            "steps": {"inputs": {"step": _STEPS}, "options": _WARM},
            "start": {
                "inputs": {"step": _FAR},
                "options": {**_WARM, "start_lr": 0.07},
                "requires": ("WARMUP_SCHEDULE-2", "WARMUP_SCHEDULE-1"),
            },
            "one-based": {
                "inputs": {"step": _STEPS},
                "options": {**_WARM, "start_lr": 0.07, "one_based": True},
                "requires": ("WARMUP_SCHEDULE-3",),
            },
            "one-based-far": {
                "inputs": {"step": _FAR},
                "options": {"lr": 0.3, "warmup_steps": _LAST, "one_based": True},
                "requires": ("WARMUP_SCHEDULE-3",),
                "level": "full",
            },
            "one-step": {"inputs": {"step": _STEPS}, "options": {"lr": 0.3, "warmup_steps": 1}, "level": "full"},
        },
        requires=("WARMUP_SCHEDULE-1",),
        checks=_FORWARD,
    ),
    *cases(
        "one_cycle_schedule",
        {
            "rise": {
                "inputs": {"step": constant([0, 1, 4, 7, 8], "int32")},
                "options": _CYCLE,
                "requires": ("ONE_CYCLE_SCHEDULE-1", "ONE_CYCLE_SCHEDULE-4"),
            },
            "steps": {
                "inputs": {"step": _STEPS},
                "options": _CYCLE,
                "requires": ("ONE_CYCLE_SCHEDULE-2", "ONE_CYCLE_SCHEDULE-3"),
            },
            "options": {
                "inputs": {"step": _FAR},
                "options": {**_CYCLE, "pct_start": 0.35, "div_factor": 4.0, "final_div_factor": 3.0},
                "requires": ("ONE_CYCLE_SCHEDULE-3", "ONE_CYCLE_SCHEDULE-1"),
            },
            "line": {  # the peak is at 9.5
                "inputs": {"step": _STEPS},
                "options": {
                    **_CYCLE,
                    "pct_start": 0.35,
                    "div_factor": 4.0,
                    "final_div_factor": 3.0,
                    "anneal": "linear",
                },
                "requires": ("ONE_CYCLE_SCHEDULE-4", "ONE_CYCLE_SCHEDULE-1", "ONE_CYCLE_SCHEDULE-2"),
            },
            "no-rise": {
                "inputs": {"step": _STEPS},
                "options": {**_CYCLE, "pct_start": 0.0, "final_div_factor": 5.0},
                "requires": ("ONE_CYCLE_SCHEDULE-5",),
            },
            "peak-at-0": {
                "inputs": {"step": _STEPS},
                "options": {"max_lr": 0.6, "total_steps": 4, "pct_start": 0.25, "anneal": "linear"},
                "requires": ("ONE_CYCLE_SCHEDULE-5",),
                "level": "full",
            },
            "one-step": {
                "inputs": {"step": _STEPS},
                "options": {"max_lr": 0.6, "total_steps": 1},
                "requires": ("ONE_CYCLE_SCHEDULE-2",),
                "level": "full",
            },
        },
        checks=_FORWARD,
    ),
]


def _epochs(backend: Any, metric: Any, **options: Any) -> Any:
    """Every epoch's rate, and the last state."""
    rate, state = backend.reduce_on_plateau(metric[0], **options)
    rates = [rate]
    for epoch in range(1, metric.shape[0]):
        rate, state = backend.reduce_on_plateau(metric[epoch], state, **options)
        rates.append(rate)
    return backend.xp.stack(rates), state


def _plateau(metric: list[float], *requires: int, compiled: bool = False, **options: Any) -> dict[str, Any]:
    @only_calls
    def program(backend: Any, metric: Any) -> Any:
        return _epochs(backend, metric, **options)

    return {
        "checks": _FORWARD if compiled else _EAGER,
        "program": program,
        "options": options,
        "inputs": {"metric": values(metric)},
        "requires": tuple(f"REDUCE_ON_PLATEAU-{n}" for n in requires),
    }


#: improves by 10 %, by 1 % and by nothing, and worsens; no comparison is closer than a few roundings of float32
_FALLING = [4.0, 3.6, 3.59, 3.56, 3.7, 3.52, 3.6, 3.6, 2.0, 2.5, 2.5, 2.5, 1.99, 2.1, 2.2, 2.3]
_LOSSES = [-x for x in _FALLING]

_PLATEAU = cases(
    "reduce_on_plateau",
    {
        "default": _plateau([2.0, *(2.5,) * 12, 1.0], 1, lr=0.3),
        "patience": _plateau(_FALLING, 2, 1, lr=0.3, factor=0.7, patience=2, threshold=0.0),
        "relative": _plateau(_FALLING, 3, 2, lr=0.3, factor=0.7, patience=1, threshold=0.05),
        "absolute": _plateau(_FALLING, 3, lr=0.3, factor=0.7, patience=1, threshold=0.05, threshold_mode="abs"),
        "largest": _plateau(_LOSSES, 3, lr=0.3, factor=0.7, patience=1, threshold=0.05, mode="max"),
        "largest-absolute": _plateau(
            _FALLING[::-1], 3, lr=0.3, patience=0, threshold=0.15, mode="max", threshold_mode="abs"
        ),
        "negative": _plateau(_LOSSES[::-1], 3, lr=0.3, factor=0.7, patience=0, threshold=0.05),
        "tie": _plateau([2.0, 2.0, 2.0, 2.0, 1.5], 4, lr=0.3, patience=1, threshold=0.0),
        "cooldown": _plateau(
            [2.0, 3.0, 3.0, 1.0, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5],
            5,
            compiled=True,
            lr=0.3,
            factor=0.5,
            patience=0,
            cooldown=2,
        ),
        "limit": _plateau([2.0, *(3.0,) * 6], 6, lr=0.3, factor=0.5, patience=0, min_lr=0.1),
        "special": _plateau(
            [_INF, _NAN, 3.0, _NAN, _NAN, 2.0, _INF, -_INF, -_INF], 7, lr=0.3, factor=0.5, patience=1, cooldown=1
        ),
    },
)


def _numbers(backend: Any) -> Any:
    """Metrics as Python numbers."""
    state = None
    for metric in (3.0, 2.0, 2.5, _NAN, 2):
        rate, state = backend.reduce_on_plateau(metric, state, lr=0.25, factor=0.5, patience=1)
    return rate, state


_PLATEAU.append(
    Case(
        operation="reduce_on_plateau",
        name="numbers",
        requires=("REDUCE_ON_PLATEAU-1", "REDUCE_ON_PLATEAU-7"),
        program=_numbers,
        checks=_EAGER,
        level="full",
    )
)

# -- errors ----------------------------------------------------------------------------------------------------

_STEP = constant([0, 1], "int32")


def _bad(
    operation: str, number: int, name: str, error: type[NnspecError], words: str, step: Source = _STEP, **options: Any
) -> Case:
    def program(backend: Any, step: Any) -> Any:
        return getattr(backend, operation)(step, **options)

    return error_case(operation, name, (f"{operation.upper()}-{number}",), program, error, words, inputs={"step": step})


def _refused_steps() -> list[Case]:
    """What is no step, alike for every closed form."""
    needed: dict[str, dict[str, Any]] = {
        "constant_schedule": {"lr": 0.1},
        "step_schedule": {"lr": 0.1, "step_size": 2},
        "multi_step_schedule": {"lr": 0.1, "milestones": (2,)},
        "exponential_schedule": {"lr": 0.1, "gamma": 0.5},
        "polynomial_schedule": {"lr": 0.1, "total_steps": 2},
        "cosine_schedule": {"lr": 0.1, "total_steps": 2},
        "warmup_schedule": {"lr": 0.1, "warmup_steps": 2},
        "one_cycle_schedule": {"max_lr": 0.1, "total_steps": 2},
    }
    number = {"constant_schedule": 2}
    return [
        _bad(operation, number.get(operation, 1), "step", DTypeError, "step: expected an integer array", normal(2), **o)
        for operation, o in needed.items()
    ]


_INTEGER = "expected an integer in [1, 2147483647], got"
_BAD_OPTIONS: tuple[tuple[str, int, str, str, dict[str, Any]], ...] = (
    ("constant_schedule", 1, "lr", "lr: expected a finite number >= 0, got -1.0", {"lr": -1.0}),
    ("step_schedule", 1, "size", f"step_size: {_INTEGER} 0", {"lr": 0.1, "step_size": 0}),
    (
        "step_schedule",
        1,
        "gamma",
        "gamma: expected a finite number > 0, got 0.0",
        {"lr": 0.1, "step_size": 3, "gamma": 0.0},
    ),
    (
        "multi_step_schedule",
        2,
        "order",
        "milestones: expected a tuple of growing integers, got (3, 3)",
        {"lr": 0.1, "milestones": (3, 3)},
    ),
    (
        "multi_step_schedule",
        2,
        "float",
        f"milestones: {_INTEGER} 2.0",
        {"lr": 0.1, "milestones": (2.0,)},
    ),
    (
        "multi_step_schedule",
        1,
        "gamma",
        "gamma: expected a finite number > 0, got 0.0",
        {"lr": 0.1, "milestones": (2,), "gamma": 0.0},
    ),
    (
        "exponential_schedule",
        1,
        "gamma",
        "gamma: expected a finite number > 0, got nan",
        {"lr": 0.1, "gamma": _NAN},
    ),
    (
        "polynomial_schedule",
        3,
        "end",
        "end_lr: expected a finite number >= 0, got -0.1",
        {"lr": 0.1, "total_steps": 3, "end_lr": -0.1},
    ),
    (
        "polynomial_schedule",
        2,
        "power",
        "power: expected a finite number > 0, got 0",
        {"lr": 0.1, "total_steps": 3, "power": 0},
    ),
    ("polynomial_schedule", 1, "total", f"total_steps: {_INTEGER} 0", {"lr": 0.1, "total_steps": 0}),
    (
        "cosine_schedule",
        4,
        "factor",
        "restart_factor: expected None or an integer >= 1, got 1.5",
        {"lr": 0.1, "total_steps": 3, "restart_factor": 1.5},
    ),
    (
        "cosine_schedule",
        1,
        "end",
        "min_lr: expected a finite number >= 0, got inf",
        {"lr": 0.1, "total_steps": 3, "min_lr": _INF},
    ),
    ("warmup_schedule", 1, "steps", f"warmup_steps: {_INTEGER} 0", {"lr": 0.1, "warmup_steps": 0}),
    (
        "warmup_schedule",
        3,
        "flag",
        "one_based: expected True or False, got 1",
        {"lr": 0.1, "warmup_steps": 3, "one_based": 1},
    ),
    (
        "one_cycle_schedule",
        1,
        "start",
        "pct_start: expected a finite number >= 0 and < 1, got 1.0",
        {"max_lr": 0.1, "total_steps": 3, "pct_start": 1.0},
    ),
    (
        "one_cycle_schedule",
        4,
        "anneal",
        "anneal: expected one of 'cosine', 'linear', got 'cos'",
        {"max_lr": 0.1, "total_steps": 3, "anneal": "cos"},
    ),
)

_ERRORS = [
    *_refused_steps(),
    *(
        _bad(operation, number, f"{name}-{i}", ArgumentError, words, **options)
        for i, (operation, number, name, words, options) in enumerate(_BAD_OPTIONS)
    ),
    _bad(
        "constant_schedule",
        2,
        "negative",
        ArgumentError,
        "step: expected values in [0, 2147483647], got -1",
        constant([3, -1], "int32"),
        lr=0.1,
    ),
    *(
        error_case(
            "constant_schedule",
            name,
            ("CONSTANT_SCHEDULE-2",),
            lambda backend, step=step: backend.constant_schedule(step, lr=0.1),
            ArgumentError,
            f"step: expected an integer in [0, 2147483647], got {step}",
        )
        for name, step in (("integer", 2**31), ("negative-integer", -1))
    ),
]


def _bad_epoch(number: int, name: str, error: type[NnspecError], words: str, **options: Any) -> Case:
    def program(backend: Any, metric: Any) -> Any:
        return backend.reduce_on_plateau(metric, **{"lr": 0.1, **options})

    return error_case(
        "reduce_on_plateau",
        name,
        (f"REDUCE_ON_PLATEAU-{number}",),
        program,
        error,
        words,
        inputs={"metric": normal(2) if name == "shape" else normal()},
    )


_PLATEAU_ERRORS = [
    _bad_epoch(1, "shape", ShapeError, "metric: expected shape (), got (2,)"),
    _bad_epoch(
        1,
        "state",
        ArgumentError,
        "state: expected None or the entries bad_epochs, best, cooldown, lr, got step",
        state={"step": 1},
    ),
    _bad_epoch(1, "factor", ArgumentError, "factor: expected a finite number > 0 and < 1, got 1.0", factor=1.0),
    _bad_epoch(1, "patience", ArgumentError, "patience: expected an integer >= 0, got -1", patience=-1),
    _bad_epoch(
        3, "threshold", ArgumentError, "threshold: expected a finite number >= 0 and < 1, got 1.5", threshold=1.5
    ),
    _bad_epoch(3, "mode", ArgumentError, "mode: expected one of 'min', 'max', got 'least'", mode="least"),
    _bad_epoch(
        3,
        "threshold-mode",
        ArgumentError,
        "threshold_mode: expected one of 'rel', 'abs', got 'relative'",
        threshold_mode="relative",
    ),
    _bad_epoch(5, "cooldown", ArgumentError, "cooldown: expected an integer >= 0, got 1.0", cooldown=1.0),
    _bad_epoch(6, "limit", ArgumentError, "min_lr: expected a finite number >= 0, got -1.0", min_lr=-1.0),
]

CASES = [
    *_CLOSED,
    *_PLATEAU,
    *_ERRORS,
    *_PLATEAU_ERRORS,
]
