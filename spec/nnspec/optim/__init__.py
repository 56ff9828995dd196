"""Optimizers and learning rates as objects over the operations of a backend.

An optimizer holds the options of its operation; its state is explicit, a pytree that `nnspec.checkpoint` saves.
"""

from nnspec.optim._adam import Adam, Adamax, AdamW, AMSGrad, Lamb, NAdam, RAdam
from nnspec.optim._around import EMA, GradientAccumulator, Lookahead
from nnspec.optim._base import Optimizer
from nnspec.optim._descent import SGD, Adadelta, Adagrad, Lion, RMSprop, Rprop
from nnspec.optim._loss_scaler import LossScaler
from nnspec.optim._masks import no_bias_or_norm
from nnspec.optim._matrices import Adafactor, Muon
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
    "EMA",
    "SGD",
    "AMSGrad",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "ConstantSchedule",
    "CosineSchedule",
    "ExponentialSchedule",
    "GradientAccumulator",
    "Lamb",
    "Lion",
    "Lookahead",
    "LossScaler",
    "MultiStepSchedule",
    "Muon",
    "NAdam",
    "OneCycleSchedule",
    "Optimizer",
    "PolynomialSchedule",
    "RAdam",
    "RMSprop",
    "ReduceOnPlateau",
    "Rprop",
    "Schedule",
    "StepSchedule",
    "WarmupSchedule",
    "no_bias_or_norm",
]
