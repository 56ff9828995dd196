"""Gradient descent, its sign, and step sizes of one's own for every element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnspec.optim._base import OperationOptimizer, Rate
from nnspec.optim._masks import Mask

__all__ = ["SGD", "Adadelta", "Adagrad", "Lion", "RMSprop", "Rprop"]


@dataclass(frozen=True)
class SGD(OperationOptimizer):
    """Gradient descent, with momentum if asked for.

    Args:
        backend: whose arrays the parameters are.
        lr: as in `sgd_update`, as the others; or a schedule.
        momentum: decay of the velocity.
        nesterov: whether to look ahead; needs momentum.
        l2: coupled penalty.
        weight_decay: decoupled decay.
        decay_mask: what decays; None is everything.
        clip_value, clip_norm, clip_global_norm: limits of the gradients, see `Optimizer`.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import ExponentialSchedule, SGD
        >>> sgd = SGD(B, lr=ExponentialSchedule(B, lr=1.0, gamma=0.5))
        >>> params, grads = {"w": B.asarray([2.0])}, {"w": B.asarray([1.0])}
        >>> state = sgd.init(params)
        >>> for _ in range(2):
        ...     params, state = sgd.update(params, grads, state)
        >>> round(float(params["w"][0]), 6)
        0.5
    """

    operation: ClassVar[str] = "sgd"
    lr: Rate = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    l2: float = 0.0
    weight_decay: float = 0.0
    decay_mask: Mask = None


@dataclass(frozen=True)
class RMSprop(OperationOptimizer):
    """Gradients divided by the root of their running mean square.

    Args:
        backend: whose arrays the parameters are.
        lr: as in `rmsprop_update`, as the others; or a schedule.
        alpha: decay of the averages.
        eps: added to the root.
        momentum: decay of the momentum buffer.
        centered: whether to normalize by the variance.
        l2: coupled penalty.
        weight_decay: decoupled decay.
        decay_mask: what decays; None is everything.
        clip_value, clip_norm, clip_global_norm: limits of the gradients, see `Optimizer`.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import RMSprop
        >>> rmsprop = RMSprop(B, lr=0.5)
        >>> params, grads = {"w": B.asarray([2.0])}, {"w": B.asarray([1.0])}
        >>> params, state = rmsprop.update(params, grads, rmsprop.init(params))
        >>> round(float(params["w"][0]), 4), int(state["step"])
        (-3.0, 1)
    """

    operation: ClassVar[str] = "rmsprop"
    lr: Rate = 0.01
    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    centered: bool = False
    l2: float = 0.0
    weight_decay: float = 0.0
    decay_mask: Mask = None


@dataclass(frozen=True)
class Adagrad(OperationOptimizer):
    """Gradients divided by the root of the sum of all their squares.

    Args:
        backend: whose arrays the parameters are.
        lr: as in `adagrad_update`, as the others; or a schedule.
        initial_accumulator: what the sums start from, as in `adagrad_init`.
        eps: added to the root.
        l2: coupled penalty.
        weight_decay: decoupled decay.
        decay_mask: what decays; None is everything.
        clip_value, clip_norm, clip_global_norm: limits of the gradients, see `Optimizer`.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import Adagrad
        >>> adagrad = Adagrad(B, lr=0.5)
        >>> params, grads = {"w": B.asarray([2.0])}, {"w": B.asarray([1.0])}
        >>> params, state = adagrad.update(params, grads, adagrad.init(params))
        >>> round(float(params["w"][0]), 4), int(state["step"])
        (1.5, 1)
    """

    operation: ClassVar[str] = "adagrad"
    lr: Rate = 0.01
    initial_accumulator: float = 0.0
    eps: float = 1e-10
    l2: float = 0.0
    weight_decay: float = 0.0
    decay_mask: Mask = None


@dataclass(frozen=True)
class Adadelta(OperationOptimizer):
    """Steps in the units of the parameters: by the ratio of two running means.

    Args:
        backend: whose arrays the parameters are.
        lr: as in `adadelta_update`, as the others; or a schedule.
        rho: decay of the averages.
        eps: added inside both roots.
        l2: coupled penalty.
        weight_decay: decoupled decay.
        decay_mask: what decays; None is everything.
        clip_value, clip_norm, clip_global_norm: limits of the gradients, see `Optimizer`.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import Adadelta
        >>> adadelta = Adadelta(B, lr=0.5)
        >>> params, grads = {"w": B.asarray([2.0])}, {"w": B.asarray([1.0])}
        >>> params, state = adadelta.update(params, grads, adadelta.init(params))
        >>> round(float(params["w"][0]), 4), int(state["step"])
        (1.9984, 1)
    """

    operation: ClassVar[str] = "adadelta"
    lr: Rate = 1.0
    rho: float = 0.9
    eps: float = 1e-6
    l2: float = 0.0
    weight_decay: float = 0.0
    decay_mask: Mask = None


@dataclass(frozen=True)
class Rprop(OperationOptimizer):
    """A step size for every element, which the signs of its gradients adapt; for whole batches, without a rate.

    Args:
        backend: whose arrays the parameters are.
        initial_step: the first step size, as in `rprop_init`.
        eta_minus: as in `rprop_update`, as the others: factor after a change of sign.
        eta_plus: factor after the same sign.
        min_step: the least step size.
        max_step: the largest step size.
        clip_value, clip_norm, clip_global_norm: limits of the gradients, see `Optimizer`.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import Rprop
        >>> rprop = Rprop(B)
        >>> params, grads = {"w": B.asarray([2.0])}, {"w": B.asarray([1.0])}
        >>> params, state = rprop.update(params, grads, rprop.init(params))
        >>> round(float(params["w"][0]), 4), int(state["step"])
        (1.99, 1)
    """

    operation: ClassVar[str] = "rprop"
    initial_step: float = 0.01
    eta_minus: float = 0.5
    eta_plus: float = 1.2
    min_step: float = 1e-6
    max_step: float = 50.0


@dataclass(frozen=True)
class Lion(OperationOptimizer):
    """The sign of an interpolated momentum.

    Args:
        backend: whose arrays the parameters are.
        lr: as in `lion_update`, as the others; or a schedule.
        beta1: weight of the momentum in the direction.
        beta2: decay of the momentum.
        weight_decay: decoupled decay.
        decay_mask: what decays; None is everything.
        clip_value, clip_norm, clip_global_norm: limits of the gradients, see `Optimizer`.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import Lion
        >>> lion = Lion(B, lr=0.5)
        >>> params, grads = {"w": B.asarray([2.0])}, {"w": B.asarray([1.0])}
        >>> params, state = lion.update(params, grads, lion.init(params))
        >>> round(float(params["w"][0]), 4), int(state["step"])
        (1.5, 1)
    """

    operation: ClassVar[str] = "lion"
    lr: Rate = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0
    decay_mask: Mask = None
