"""What Lion and LAMB accept."""

from __future__ import annotations

from typing import Any

from nnspec import _validate as check
from nnspec.operation import Array, Family
from nnspec.ops.optimizers import _checks as checks
from nnspec.ops.optimizers._steps import State

LION = ("exp_avg",)


def lion_update(
    self: Family,
    params: Any,
    grads: Any,
    state: State,
    *,
    lr: float | Array = 1e-4,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
    decay_mask: Any = None,
) -> None:
    check.scalar(self, "lr", lr, low=0)
    checks.fraction("beta1", beta1)
    checks.fraction("beta2", beta2)
    checks.trees(self, params, grads, state, LION)
    checks.decay(params, weight_decay, decay_mask)


def lamb_update(
    self: Family,
    params: Any,
    grads: Any,
    state: State,
    *,
    lr: float | Array = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-6,
    weight_decay: float = 0.01,
    decay_mask: Any = None,
) -> None:
    checks.adamw_update(
        self,
        params,
        grads,
        state,
        lr=lr,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        weight_decay=weight_decay,
        decay_mask=decay_mask,
    )
