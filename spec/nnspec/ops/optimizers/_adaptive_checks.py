"""What Adagrad, Adadelta and Rprop accept, and which moments their states hold."""

from __future__ import annotations

from typing import Any

from nnspec import _validate as check
from nnspec.errors import ArgumentError
from nnspec.operation import Array, Family
from nnspec.ops._common import require_arrays
from nnspec.ops.optimizers._checks import decay, fraction, positive, trees
from nnspec.ops.optimizers._steps import State

ADAGRAD = ("square_sum",)
ADADELTA = ("square_avg", "square_step_avg")
RPROP = ("previous_grad", "step_size")


def adagrad_init(self: Family, params: Any, *, initial_accumulator: float = 0.0) -> None:
    require_arrays(self, "params", params)
    check.number("initial_accumulator", initial_accumulator, low=0)


def adagrad_update(
    self: Family,
    params: Any,
    grads: Any,
    state: State,
    *,
    lr: float | Array = 0.01,
    eps: float = 1e-10,
    l2: float = 0.0,
    weight_decay: float = 0.0,
    decay_mask: Any = None,
) -> None:
    check.scalar(self, "lr", lr, low=0)
    positive("eps", eps)
    check.number("l2", l2, low=0)
    trees(self, params, grads, state, ADAGRAD)
    decay(params, weight_decay, decay_mask)


def adadelta_update(
    self: Family,
    params: Any,
    grads: Any,
    state: State,
    *,
    lr: float | Array = 1.0,
    rho: float = 0.9,
    eps: float = 1e-6,
    l2: float = 0.0,
    weight_decay: float = 0.0,
    decay_mask: Any = None,
) -> None:
    check.scalar(self, "lr", lr, low=0)
    fraction("rho", rho)
    positive("eps", eps)
    check.number("l2", l2, low=0)
    trees(self, params, grads, state, ADADELTA)
    decay(params, weight_decay, decay_mask)


def rprop_init(self: Family, params: Any, *, initial_step: float = 0.01) -> None:
    require_arrays(self, "params", params)
    positive("initial_step", initial_step)


def rprop_update(
    self: Family,
    params: Any,
    grads: Any,
    state: State,
    *,
    eta_minus: float = 0.5,
    eta_plus: float = 1.2,
    min_step: float = 1e-6,
    max_step: float = 50.0,
) -> None:
    check.number("eta_minus", eta_minus, low=0, high=1, low_open=True, high_open=True)
    check.number("eta_plus", eta_plus, low=1, low_open=True)
    check.number("min_step", min_step, low=0)
    positive("max_step", max_step)
    if max_step < min_step:
        raise ArgumentError(f"max_step: expected a number >= min_step, {min_step!r}, got {max_step!r}")
    trees(self, params, grads, state, RPROP)
