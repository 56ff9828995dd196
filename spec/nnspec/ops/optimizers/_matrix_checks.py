"""What Adafactor and Muon accept, and the shapes of Adafactor's factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import optree

from nnspec import _validate as check
from nnspec.operation import Array, Family
from nnspec.ops._common import require_arrays, require_axes, require_like
from nnspec.ops.optimizers import _checks as checks
from nnspec.ops.optimizers._steps import State

MUON = ("momentum",)
FACTORS = ("row_avg_sq", "col_avg_sq")


def adafactor_entries(beta1: float) -> tuple[str, ...]:
    return (*FACTORS, "exp_avg") if beta1 > 0 else FACTORS


def row_shape(p: Array) -> tuple[int, ...]:
    """One number a row of a matrix; of a vector or a number the whole second moment."""
    return tuple(p.shape[:1])


def col_shape(p: Array) -> tuple[int, ...]:
    """One number a column of a matrix `(rows, *columns)`; nothing for a vector or a number."""
    return tuple(p.shape[1:]) if p.ndim >= 2 else (0,)


@dataclass(frozen=True)
class _Like:
    """What an entry of a state has to be like."""

    shape: tuple[int, ...]
    dtype: Any


def _trees(self: Family, params: Any, grads: Any, state: State, entries: tuple[str, ...]) -> None:
    require_arrays(self, "params", params)
    require_like(self, "grads", grads, "params", params)
    checks.counted(self, state, entries)
    if "exp_avg" in entries:
        require_like(self, "state['exp_avg']", state["exp_avg"], "params", params)
    for entry, shape in (("row_avg_sq", row_shape), ("col_avg_sq", col_shape)):
        model = optree.tree_map(lambda p, shape=shape: _Like(shape(p), p.dtype), params)
        require_like(self, f"state[{entry!r}]", state[entry], "the factors of params", model)


def adafactor_init(self: Family, params: Any, *, beta1: float = 0.0) -> None:
    require_arrays(self, "params", params)
    checks.fraction("beta1", beta1)


def adafactor_update(
    self: Family,
    params: Any,
    grads: Any,
    state: State,
    *,
    lr: float | Array | None = None,
    eps1: float = 1e-30,
    eps2: float = 1e-3,
    clip_threshold: float = 1.0,
    decay_rate: float = 0.8,
    beta1: float = 0.0,
    weight_decay: float = 0.0,
    decay_mask: Any = None,
) -> None:
    if lr is not None:
        check.scalar(self, "lr", lr, low=0)
    checks.positive("eps1", eps1)
    checks.positive("eps2", eps2)
    checks.positive("clip_threshold", clip_threshold)
    check.number("decay_rate", decay_rate, low=0, high=1, low_open=True)
    checks.fraction("beta1", beta1)
    _trees(self, params, grads, state, adafactor_entries(beta1))
    checks.decay(params, weight_decay, decay_mask)


def muon_init(self: Family, params: Any) -> None:
    require_arrays(self, "params", params)
    require_axes("params", params, 2, "give it to another optimizer, adamw_update for one")


def muon_update(
    self: Family,
    params: Any,
    grads: Any,
    state: State,
    *,
    lr: float | Array = 0.02,
    momentum: float = 0.95,
    nesterov: bool = True,
    ns_steps: int = 5,
    weight_decay: float = 0.0,
    decay_mask: Any = None,
) -> None:
    check.scalar(self, "lr", lr, low=0)
    checks.fraction("momentum", momentum)
    check.flag("nesterov", nesterov)
    check.count("ns_steps", ns_steps, low=1)
    muon_init(self, params)
    checks.trees(self, params, grads, state, MUON)
    checks.decay(params, weight_decay, decay_mask)
