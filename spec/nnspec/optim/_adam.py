"""Adam and what was made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnspec.optim._base import OperationOptimizer, Rate
from nnspec.optim._masks import Mask

__all__ = ["AMSGrad", "Adam", "AdamW", "Adamax", "Lamb", "NAdam", "RAdam"]


@dataclass(frozen=True)
class Adam(OperationOptimizer):
    """Adam.

    Args:
        backend: whose arrays the parameters are.
        lr: as in `adam_update`, as the others; or a schedule.
        beta1: decay of the first moment.
        beta2: decay of the second moment.
        eps: added to the root.
        l2: coupled penalty.
        clip_value, clip_norm, clip_global_norm: limits of the gradients, see `Optimizer`.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import Adam
        >>> adam = Adam(B, lr=0.5)
        >>> params, grads = {"w": B.asarray([2.0])}, {"w": B.asarray([1.0])}
        >>> params, state = adam.update(params, grads, adam.init(params))
        >>> round(float(params["w"][0]), 4), int(state["step"])
        (1.5, 1)
    """

    operation: ClassVar[str] = "adam"
    lr: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    l2: float = 0.0


@dataclass(frozen=True)
class AdamW(OperationOptimizer):
    """Adam with decoupled weight decay.

    Args:
        backend: whose arrays the parameters are.
        lr: as in `adamw_update`, as the others; or a schedule.
        beta1: decay of the first moment.
        beta2: decay of the second moment.
        eps: added to the root.
        weight_decay: decoupled decay.
        decay_mask: what decays; None is everything.
        clip_value, clip_norm, clip_global_norm: limits of the gradients, see `Optimizer`.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import AdamW
        >>> adamw = AdamW(B, lr=0.5)
        >>> params, grads = {"w": B.asarray([2.0])}, {"w": B.asarray([1.0])}
        >>> params, state = adamw.update(params, grads, adamw.init(params))
        >>> round(float(params["w"][0]), 4), int(state["step"])
        (1.49, 1)
    """

    operation: ClassVar[str] = "adamw"
    lr: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.01
    decay_mask: Mask = None


@dataclass(frozen=True)
class AMSGrad(OperationOptimizer):
    """Adam with the largest second moment so far.

    Args:
        backend: whose arrays the parameters are.
        lr: as in `amsgrad_update`, as the others; or a schedule.
        beta1: decay of the first moment.
        beta2: decay of the second moment.
        eps: added to the root.
        l2: coupled penalty.
        weight_decay: decoupled decay.
        decay_mask: what decays; None is everything.
        clip_value, clip_norm, clip_global_norm: limits of the gradients, see `Optimizer`.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import AMSGrad
        >>> amsgrad = AMSGrad(B, lr=0.5)
        >>> params, grads = {"w": B.asarray([2.0])}, {"w": B.asarray([1.0])}
        >>> params, state = amsgrad.update(params, grads, amsgrad.init(params))
        >>> round(float(params["w"][0]), 4), int(state["step"])
        (1.5, 1)
    """

    operation: ClassVar[str] = "amsgrad"
    lr: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    l2: float = 0.0
    weight_decay: float = 0.0
    decay_mask: Mask = None


@dataclass(frozen=True)
class Adamax(OperationOptimizer):
    """Adam with an infinity norm in place of the second moment.

    Args:
        backend: whose arrays the parameters are.
        lr: as in `adamax_update`, as the others; or a schedule.
        beta1: decay of the first moment.
        beta2: decay of the infinity norm.
        eps: added to the magnitude of the gradient.
        l2: coupled penalty.
        weight_decay: decoupled decay.
        decay_mask: what decays; None is everything.
        clip_value, clip_norm, clip_global_norm: limits of the gradients, see `Optimizer`.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import Adamax
        >>> adamax = Adamax(B, lr=0.5)
        >>> params, grads = {"w": B.asarray([2.0])}, {"w": B.asarray([1.0])}
        >>> params, state = adamax.update(params, grads, adamax.init(params))
        >>> round(float(params["w"][0]), 4), int(state["step"])
        (1.5, 1)
    """

    operation: ClassVar[str] = "adamax"
    lr: Rate = 0.002
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    l2: float = 0.0
    weight_decay: float = 0.0
    decay_mask: Mask = None


@dataclass(frozen=True)
class NAdam(OperationOptimizer):
    """Adam with Nesterov's momentum.

    Args:
        backend: whose arrays the parameters are.
        lr: as in `nadam_update`, as the others; or a schedule.
        beta1: decay of the first moment.
        beta2: decay of the second moment.
        eps: added to the root.
        momentum_decay: how fast the momentum's schedule rises to beta1.
        l2: coupled penalty.
        weight_decay: decoupled decay.
        decay_mask: what decays; None is everything.
        clip_value, clip_norm, clip_global_norm: limits of the gradients, see `Optimizer`.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import NAdam
        >>> nadam = NAdam(B, lr=0.5)
        >>> params, grads = {"w": B.asarray([2.0])}, {"w": B.asarray([1.0])}
        >>> params, state = nadam.update(params, grads, nadam.init(params))
        >>> round(float(params["w"][0]), 4), int(state["step"])
        (1.4718, 1)
    """

    operation: ClassVar[str] = "nadam"
    lr: Rate = 0.002
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    momentum_decay: float = 0.004
    l2: float = 0.0
    weight_decay: float = 0.0
    decay_mask: Mask = None


@dataclass(frozen=True)
class RAdam(OperationOptimizer):
    """Adam that starts without adapting, until the second moment can be relied on.

    Args:
        backend: whose arrays the parameters are.
        lr: as in `radam_update`, as the others; or a schedule.
        beta1: decay of the first moment.
        beta2: decay of the second moment.
        eps: added to the root.
        l2: coupled penalty.
        weight_decay: decoupled decay.
        decay_mask: what decays; None is everything.
        clip_value, clip_norm, clip_global_norm: limits of the gradients, see `Optimizer`.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import RAdam
        >>> radam = RAdam(B, lr=0.5)
        >>> params, grads = {"w": B.asarray([2.0])}, {"w": B.asarray([1.0])}
        >>> params, state = radam.update(params, grads, radam.init(params))
        >>> round(float(params["w"][0]), 4), int(state["step"])
        (1.5, 1)
    """

    operation: ClassVar[str] = "radam"
    lr: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    l2: float = 0.0
    weight_decay: float = 0.0
    decay_mask: Mask = None


@dataclass(frozen=True)
class Lamb(OperationOptimizer):
    """Adam's direction, scaled for every array to the norm of its parameters; for large batches.

    Args:
        backend: whose arrays the parameters are.
        lr: as in `lamb_update`, as the others; or a schedule.
        beta1: decay of the first moment.
        beta2: decay of the second moment.
        eps: added to the root.
        weight_decay: decay, part of the direction that is scaled.
        decay_mask: what decays; None is everything.
        clip_value, clip_norm, clip_global_norm: limits of the gradients, see `Optimizer`.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import Lamb
        >>> lamb = Lamb(B, lr=0.5)
        >>> params, grads = {"w": B.asarray([2.0])}, {"w": B.asarray([1.0])}
        >>> params, state = lamb.update(params, grads, lamb.init(params))
        >>> round(float(params["w"][0]), 4), int(state["step"])
        (1.0, 1)
    """

    operation: ClassVar[str] = "lamb"
    lr: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-6
    weight_decay: float = 0.01
    decay_mask: Mask = None
