"""Schedules of the learning rate: options held together, called with the step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from nnspec.backend import Backend
from nnspec.operation import Array

__all__ = [
    "ConstantSchedule",
    "CosineSchedule",
    "ExponentialSchedule",
    "MultiStepSchedule",
    "OneCycleSchedule",
    "PolynomialSchedule",
    "Schedule",
    "StepSchedule",
    "WarmupSchedule",
]


class Schedule(ABC):
    """A learning rate as a function of the step, which is 0 for the first update.

    Calling it works in compiled code too, with the step as an integer array: an optimizer's `state["step"]`.
    """

    @abstractmethod
    def __call__(self, step: int | Array) -> Array:
        """The rate at `step`, an integer or an array of integers; floating, of the shape of `step`."""


@dataclass(frozen=True)
class _Closed(Schedule):
    """A schedule that is a closed form of the step. Bad options raise where it is made."""

    backend: Backend

    def __post_init__(self) -> None:
        self(0)


@dataclass(frozen=True)
class ConstantSchedule(_Closed):
    """The same rate at every step.

    Args:
        backend: whose arrays the rates are.
        lr: as in `constant_schedule`.

    Raises:
        ArgumentError: `lr` is out of its range.

    Example:
        >>> from nnspec.optim import ConstantSchedule
        >>> float(ConstantSchedule(B, lr=0.5)(3))
        0.5
    """

    lr: float

    def __call__(self, step: int | Array) -> Array:
        return self.backend.constant_schedule(step, lr=self.lr)


@dataclass(frozen=True)
class StepSchedule(_Closed):
    """A drop every so many steps.

    Args:
        backend: whose arrays the rates are.
        lr: as in `step_schedule`, as the others.
        step_size: steps between drops.
        gamma: factor of a drop.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import StepSchedule
        >>> schedule = StepSchedule(B, lr=1.0, step_size=10, gamma=0.5)
        >>> float(schedule(9)), round(float(schedule(10)), 6)
        (1.0, 0.5)
    """

    lr: float
    step_size: int
    gamma: float = 0.1

    def __call__(self, step: int | Array) -> Array:
        return self.backend.step_schedule(step, lr=self.lr, step_size=self.step_size, gamma=self.gamma)


@dataclass(frozen=True)
class MultiStepSchedule(_Closed):
    """A drop at every milestone.

    Args:
        backend: whose arrays the rates are.
        lr: as in `multi_step_schedule`, as the others.
        milestones: growing steps.
        gamma: factor of a drop.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import MultiStepSchedule
        >>> float(MultiStepSchedule(B, lr=8.0, milestones=(3, 5), gamma=0.25)(4))
        2.0
    """

    lr: float
    milestones: tuple[int, ...]
    gamma: float = 0.1

    def __call__(self, step: int | Array) -> Array:
        return self.backend.multi_step_schedule(step, lr=self.lr, milestones=self.milestones, gamma=self.gamma)


@dataclass(frozen=True)
class ExponentialSchedule(_Closed):
    """Decay by one factor a step.

    Args:
        backend: whose arrays the rates are.
        lr: as in `exponential_schedule`, as the other.
        gamma: factor of a step.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import ExponentialSchedule
        >>> round(float(ExponentialSchedule(B, lr=1.0, gamma=0.5)(2)), 6)
        0.25
    """

    lr: float
    gamma: float

    def __call__(self, step: int | Array) -> Array:
        return self.backend.exponential_schedule(step, lr=self.lr, gamma=self.gamma)


@dataclass(frozen=True)
class PolynomialSchedule(_Closed):
    """Decay by a power of what is left.

    Args:
        backend: whose arrays the rates are.
        lr: as in `polynomial_schedule`, as the others.
        total_steps: the step that reaches end_lr.
        end_lr: the rate from there on.
        power: 1 is linear.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import PolynomialSchedule
        >>> float(PolynomialSchedule(B, lr=1.0, total_steps=10, end_lr=0.5)(10))
        0.5
    """

    lr: float
    total_steps: int
    end_lr: float = 0.0
    power: float = 1.0

    def __call__(self, step: int | Array) -> Array:
        return self.backend.polynomial_schedule(
            step, lr=self.lr, total_steps=self.total_steps, end_lr=self.end_lr, power=self.power
        )


@dataclass(frozen=True)
class CosineSchedule(_Closed):
    """Half a cosine, with warm restarts if asked for.

    Args:
        backend: whose arrays the rates are.
        lr: as in `cosine_schedule`, as the others.
        total_steps: steps of the first cycle.
        min_lr: the rate at the end of a cycle.
        restart_factor: None, or how many times longer each cycle is than the one before.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import CosineSchedule
        >>> round(float(CosineSchedule(B, lr=1.0, total_steps=10)(5)), 6)
        0.5
    """

    lr: float
    total_steps: int
    min_lr: float = 0.0
    restart_factor: int | None = None

    def __call__(self, step: int | Array) -> Array:
        return self.backend.cosine_schedule(
            step,
            lr=self.lr,
            total_steps=self.total_steps,
            min_lr=self.min_lr,
            restart_factor=self.restart_factor,
        )


@dataclass(frozen=True)
class WarmupSchedule(_Closed):
    """Linear rise to the rate that is kept.

    Args:
        backend: whose arrays the rates are.
        lr: as in `warmup_schedule`, as the others.
        warmup_steps: steps of the rise.
        start_lr: where the rise starts.
        one_based: whether t + 1 stands for t.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import WarmupSchedule
        >>> float(WarmupSchedule(B, lr=1.0, warmup_steps=4)(1))
        0.25
    """

    lr: float
    warmup_steps: int
    start_lr: float = 0.0
    one_based: bool = False

    def __call__(self, step: int | Array) -> Array:
        return self.backend.warmup_schedule(
            step, lr=self.lr, warmup_steps=self.warmup_steps, start_lr=self.start_lr, one_based=self.one_based
        )


@dataclass(frozen=True)
class OneCycleSchedule(_Closed):
    """One rise and one fall.

    Args:
        backend: whose arrays the rates are.
        max_lr: as in `one_cycle_schedule`, as the others.
        total_steps: steps of the cycle.
        pct_start: share of the steps in the rise.
        div_factor: max_lr over the rate at first.
        final_div_factor: the rate at first over the rate at last.
        anneal: "cosine" or "linear".

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import OneCycleSchedule
        >>> round(float(OneCycleSchedule(B, max_lr=8.0, total_steps=10, pct_start=0.5)(4)), 6)
        8.0
    """

    max_lr: float
    total_steps: int
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    anneal: str = "cosine"

    def __call__(self, step: int | Array) -> Array:
        return self.backend.one_cycle_schedule(
            step,
            max_lr=self.max_lr,
            total_steps=self.total_steps,
            pct_start=self.pct_start,
            div_factor=self.div_factor,
            final_div_factor=self.final_div_factor,
            anneal=self.anneal,
        )
