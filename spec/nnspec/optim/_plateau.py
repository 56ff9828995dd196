"""The schedule that follows a metric: its state travels beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nnspec.backend import Backend
from nnspec.operation import Array

__all__ = ["ReduceOnPlateau"]


@dataclass(frozen=True)
class ReduceOnPlateau:
    """A drop when a metric has stopped improving; called once an epoch with the metric and the last state.

    Args:
        backend: whose arrays the rates are.
        lr: as in `reduce_on_plateau`, as the others.
        factor: of a drop.
        patience: bad epochs that are borne.
        threshold: the least improvement.
        mode: "min" or "max".
        threshold_mode: "rel" or "abs".
        cooldown: epochs after a drop in which none counts as bad.
        min_lr: the rate does not drop below it.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import ReduceOnPlateau
        >>> schedule, state = ReduceOnPlateau(B, lr=1.0, factor=0.5, patience=0), None
        >>> for loss in (3.0, 4.0):
        ...     rate, state = schedule(loss, state)
        >>> float(rate)
        0.5
    """

    backend: Backend
    lr: float
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    mode: str = "min"
    threshold_mode: str = "rel"
    cooldown: int = 0
    min_lr: float = 0.0

    def __post_init__(self) -> None:
        self(0.0)

    def __call__(self, metric: float | Array, state: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """The rate for the next epoch, and the state for the next call; None is the state at first."""
        return self.backend.reduce_on_plateau(
            metric,
            state,
            lr=self.lr,
            factor=self.factor,
            patience=self.patience,
            threshold=self.threshold,
            mode=self.mode,
            threshold_mode=self.threshold_mode,
            cooldown=self.cooldown,
            min_lr=self.min_lr,
        )
