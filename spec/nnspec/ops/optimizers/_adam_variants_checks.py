"""What the variants of Adam accept, and which moments their states hold."""

from __future__ import annotations

from typing import Any

from nnspec import _validate as check
from nnspec.operation import Array, Family
from nnspec.ops.optimizers._checks import ADAM, decay, moment_numbers, trees
from nnspec.ops.optimizers._steps import State

ADAMAX = ("exp_avg", "exp_inf")
NADAM = RADAM = ADAM
#: the entry of NAdam's state that is no tree
PRODUCT = ("mu_product",)
AMSGRAD = (*ADAM, "max_exp_avg_sq")


def adamax_update(
    self: Family,
    params: Any,
    grads: Any,
    state: State,
    *,
    lr: float | Array = 0.002,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    l2: float = 0.0,
    weight_decay: float = 0.0,
    decay_mask: Any = None,
) -> None:
    moment_numbers(self, lr, beta1, beta2, eps, l2)
    trees(self, params, grads, state, ADAMAX)
    decay(params, weight_decay, decay_mask)


def nadam_update(
    self: Family,
    params: Any,
    grads: Any,
    state: State,
    *,
    lr: float | Array = 0.002,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    momentum_decay: float = 0.004,
    l2: float = 0.0,
    weight_decay: float = 0.0,
    decay_mask: Any = None,
) -> None:
    moment_numbers(self, lr, beta1, beta2, eps, l2)
    check.number("momentum_decay", momentum_decay, low=0)
    trees(self, params, grads, state, NADAM, PRODUCT)
    decay(params, weight_decay, decay_mask)


def radam_update(
    self: Family,
    params: Any,
    grads: Any,
    state: State,
    *,
    lr: float | Array = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    l2: float = 0.0,
    weight_decay: float = 0.0,
    decay_mask: Any = None,
) -> None:
    moment_numbers(self, lr, beta1, beta2, eps, l2)
    trees(self, params, grads, state, RADAM)
    decay(params, weight_decay, decay_mask)


def amsgrad_update(
    self: Family,
    params: Any,
    grads: Any,
    state: State,
    *,
    lr: float | Array = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    l2: float = 0.0,
    weight_decay: float = 0.0,
    decay_mask: Any = None,
) -> None:
    moment_numbers(self, lr, beta1, beta2, eps, l2)
    trees(self, params, grads, state, AMSGRAD)
    decay(params, weight_decay, decay_mask)
