"""What loss scaling accepts."""

from __future__ import annotations

from typing import Any

from nnspec import _validate as check
from nnspec.operation import Family
from nnspec.ops._common import require_arrays
from nnspec.ops.optimizers import _checks as checks
from nnspec.ops.optimizers._steps import State

ENTRIES = ("scale", "count")


def init(self: Family, *, initial_scale: float = 2.0**15) -> None:
    checks.positive("initial_scale", initial_scale)


def update(
    self: Family,
    grads: Any,
    state: State,
    *,
    growth_factor: float = 2.0,
    backoff_factor: float = 0.5,
    growth_interval: int = 2000,
    min_scale: float = 1.0,
) -> None:
    check.number("growth_factor", growth_factor, low=1, low_open=True)
    check.number("backoff_factor", backoff_factor, low=0, high=1, low_open=True, high_open=True)
    check.count("growth_interval", growth_interval, low=1)
    checks.positive("min_scale", min_scale)
    require_arrays(self, "grads", grads)
    check.entries("state", state, ENTRIES, f"the entries {', '.join(ENTRIES)}")
    check.floating(self, "state['scale']", state["scale"])
    check.shape("state['scale']", state["scale"], ())
    check.integer(self, "state['count']", state["count"])
    check.shape("state['count']", state["count"], ())
