"""Learning rates as objects over the operations of a backend."""

from nnspec.optim._plateau import ReduceOnPlateau
from nnspec.optim._schedules import (
    ConstantSchedule,
    CosineSchedule,
    ExponentialSchedule,
    MultiStepSchedule,
    OneCycleSchedule,
    PolynomialSchedule,
    Schedule,
    StepSchedule,
    WarmupSchedule,
)

__all__ = [
    "ConstantSchedule",
    "CosineSchedule",
    "ExponentialSchedule",
    "MultiStepSchedule",
    "OneCycleSchedule",
    "PolynomialSchedule",
    "ReduceOnPlateau",
    "Schedule",
    "StepSchedule",
    "WarmupSchedule",
]
