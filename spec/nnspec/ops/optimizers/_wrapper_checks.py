"""What lookahead, averages of parameters and accumulation of gradients accept."""

from __future__ import annotations

from typing import Any

from nnspec import _validate as check
from nnspec.operation import Array, Family
from nnspec.ops._common import require_arrays, require_like, require_mask
from nnspec.ops.optimizers import _checks as checks
from nnspec.ops.optimizers._steps import State

LOOKAHEAD = ("slow",)
EMA = ("average",)
ACCUMULATION = ("count", "total")


def _kept(self: Family, params: Any, state: State, entry: str) -> None:
    require_arrays(self, "params", params)
    checks.counted(self, state, (entry,))
    require_like(self, f"state[{entry!r}]", state[entry], "params", params)


def lookahead_update(self: Family, params: Any, state: State, *, alpha: float = 0.5, sync_period: int = 6) -> None:
    check.number("alpha", alpha, low=0, high=1, low_open=True)
    check.count("sync_period", sync_period, low=1)
    _kept(self, params, state, *LOOKAHEAD)


def ema_update(self: Family, state: State, params: Any, *, decay: float = 0.999, averaged: Any = None) -> None:
    checks.fraction("decay", decay)
    _kept(self, params, state, *EMA)
    require_mask("averaged", averaged, "params", params)


def accumulation_init(self: Family, grads: Any) -> None:
    require_arrays(self, "grads", grads)


def _accumulated(self: Family, state: State) -> None:
    check.entries("state", state, ACCUMULATION, f"the entries {', '.join(ACCUMULATION)}")
    check.floating(self, "state['count']", state["count"])
    check.shape("state['count']", state["count"], ())
    require_arrays(self, "state['total']", state["total"])


def accumulation_update(self: Family, state: State, grads: Any, *, count: float | Array) -> None:
    _accumulated(self, state)
    require_like(self, "grads", grads, "state['total']", state["total"])
    if self.is_integer(count):
        check.shape("count", count, ())
    else:
        check.scalar(self, "count", count, low=0)


def accumulation_mean(self: Family, state: State) -> None:
    _accumulated(self, state)
