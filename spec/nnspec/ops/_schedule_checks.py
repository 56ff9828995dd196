"""What the schedules accept."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from nnspec import _validate as check
from nnspec.errors import ArgumentError, DTypeError
from nnspec.operation import Array, Family
from nnspec.ops.optimizers._steps import State

#: steps are counted in int32
LAST = 2**31 - 1
PLATEAU = ("bad_epochs", "best", "cooldown", "lr")


def _step(self: Family, step: int | Array) -> None:
    if type(step) is int:
        if not 0 <= step <= LAST:
            raise ArgumentError(f"step: expected an integer in [0, {LAST}], got {step!r}")
        return
    check.integer(self, "step", step)
    check.values_within(self, "step", step, 0, LAST)


def _steps(name: str, value: Any) -> None:
    if type(value) is not int or not 1 <= value <= LAST:
        raise ArgumentError(f"{name}: expected an integer in [1, {LAST}], got {value!r}")


def constant(self: Family, step: int | Array, *, lr: float) -> None:
    _step(self, step)
    check.number("lr", lr, low=0)


def step(self: Family, step: int | Array, *, lr: float, step_size: int, gamma: float = 0.1) -> None:
    constant(self, step, lr=lr)
    _steps("step_size", step_size)
    check.number("gamma", gamma, low=0, low_open=True)


def multi_step(self: Family, step: int | Array, *, lr: float, milestones: Sequence[int], gamma: float = 0.1) -> None:
    constant(self, step, lr=lr)
    check.number("gamma", gamma, low=0, low_open=True)
    if not isinstance(milestones, (tuple, list)):
        raise ArgumentError(f"milestones: expected a tuple of growing integers, got {milestones!r}")
    for milestone in milestones:
        _steps("milestones", milestone)
    if any(late <= early for early, late in itertools.pairwise(milestones)):
        raise ArgumentError(f"milestones: expected a tuple of growing integers, got {milestones!r}")


def exponential(self: Family, step: int | Array, *, lr: float, gamma: float) -> None:
    constant(self, step, lr=lr)
    check.number("gamma", gamma, low=0, low_open=True)


def polynomial(
    self: Family, step: int | Array, *, lr: float, total_steps: int, end_lr: float = 0.0, power: float = 1.0
) -> None:
    constant(self, step, lr=lr)
    _steps("total_steps", total_steps)
    check.number("end_lr", end_lr, low=0)
    check.number("power", power, low=0, low_open=True)


def cosine(
    self: Family,
    step: int | Array,
    *,
    lr: float,
    total_steps: int,
    min_lr: float = 0.0,
    restart_factor: int | None = None,
) -> None:
    constant(self, step, lr=lr)
    _steps("total_steps", total_steps)
    check.number("min_lr", min_lr, low=0)
    if restart_factor is not None and (type(restart_factor) is not int or restart_factor < 1):
        raise ArgumentError(f"restart_factor: expected None or an integer >= 1, got {restart_factor!r}")


def warmup(
    self: Family,
    step: int | Array,
    *,
    lr: float,
    warmup_steps: int,
    start_lr: float = 0.0,
    one_based: bool = False,
) -> None:
    constant(self, step, lr=lr)
    _steps("warmup_steps", warmup_steps)
    check.number("start_lr", start_lr, low=0)
    check.flag("one_based", one_based)


def one_cycle(
    self: Family,
    step: int | Array,
    *,
    max_lr: float,
    total_steps: int,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    anneal: str = "cosine",
) -> None:
    _step(self, step)
    check.number("max_lr", max_lr, low=0)
    _steps("total_steps", total_steps)
    check.number("pct_start", pct_start, low=0, high=1, high_open=True)
    check.number("div_factor", div_factor, low=0, low_open=True)
    check.number("final_div_factor", final_div_factor, low=0, low_open=True)
    check.choice("anneal", anneal, ("cosine", "linear"))


def plateau(
    self: Family,
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
) -> None:
    _scalar(self, "metric", metric)
    check.number("lr", lr, low=0)
    check.number("factor", factor, low=0, high=1, low_open=True, high_open=True)
    check.count("patience", patience)
    check.choice("mode", mode, ("min", "max"))
    check.choice("threshold_mode", threshold_mode, ("rel", "abs"))
    relative = threshold_mode == "rel"
    check.number("threshold", threshold, low=0, high=1 if relative else math.inf, high_open=relative)
    check.count("cooldown", cooldown)
    check.number("min_lr", min_lr, low=0)
    if state is not None:
        _plateau_state(self, state)


def _scalar(self: Family, name: str, value: Any) -> None:
    """A Python number, which may be infinite or NaN as losses may, or a floating array of rank 0."""
    if type(value) in (int, float):
        return
    if not hasattr(value, "shape"):
        raise DTypeError(f"{name}: expected a number or a floating array, got {type(value).__name__}")
    check.floating(self, name, value)
    check.shape(name, value, ())


def _plateau_state(self: Family, state: Any) -> None:
    check.entries("state", state, PLATEAU, f"None or the entries {', '.join(PLATEAU)}")
    for entry in PLATEAU:
        kind = check.floating if entry in ("best", "lr") else check.integer
        kind(self, f"state[{entry!r}]", state[entry])
        check.shape(f"state[{entry!r}]", state[entry], ())
