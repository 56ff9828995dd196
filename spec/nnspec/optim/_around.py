"""What goes around an optimizer: slow weights, averages of the parameters, gradients of several batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nnspec._low_precision import MASTER, stored
from nnspec.backend import Backend
from nnspec.operation import Array
from nnspec.optim._base import Around, State, require_entries
from nnspec.optim._masks import Mask, resolved

__all__ = ["EMA", "GradientAccumulator", "Lookahead"]


@dataclass(frozen=True)
class Lookahead(Around):
    """Slow weights that follow those of another optimizer every few steps, which then goes on from them.

    Args:
        optimizer: takes the steps; its state is under "optimizer", that of the slow weights under "lookahead".
        alpha: as in `lookahead_update`, as the other: how far the slow weights go.
        sync_period: steps between two moves of theirs.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import SGD, Lookahead
        >>> optimizer = Lookahead(SGD(B, lr=1.0), alpha=0.5, sync_period=2)
        >>> params, grads = {"w": B.asarray([8.0])}, {"w": B.asarray([1.0])}
        >>> state = optimizer.init(params)
        >>> for _ in range(2):
        ...     params, state = optimizer.update(params, grads, state)
        >>> float(params["w"][0])
        7.0
    """

    alpha: float = 0.5
    sync_period: int = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        trial = {"trial": self.backend.asarray([0.0])}
        self._follow(trial, self.backend.lookahead_init(trial))

    def init(self, params: Any) -> State:
        return {"optimizer": self.optimizer.init(params), "lookahead": self.backend.lookahead_init(params)}

    def update(self, params: Any, grads: Any, state: State) -> tuple[Any, State]:
        require_entries(state, ("lookahead", "optimizer"))
        params, inner = self.optimizer.update(params, grads, state["optimizer"])
        if MASTER not in inner:
            params, slow = self._follow(params, state["lookahead"])
        else:  # between float32 copies: of rounded parameters a slow weight would not see the small steps
            master, slow = self._follow(inner[MASTER], state["lookahead"])
            params, inner = stored(self.backend, master, params), {**inner, MASTER: master}
        return params, {"optimizer": inner, "lookahead": slow}

    def _follow(self, params: Any, state: State) -> tuple[Any, State]:
        return self.backend.lookahead_update(params, state, alpha=self.alpha, sync_period=self.sync_period)


@dataclass(frozen=True)
class EMA:
    """The exponential moving average of parameters, `state["average"]`, beside the optimizer; buffers are copied.

    Args:
        backend: whose arrays the parameters are.
        decay: as in `ema_update`, as the other.
        averaged: a pytree of bools in the structure of the parameters, or a function that makes it of them: False
            for what is copied; None averages everything.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import EMA
        >>> ema = EMA(B, decay=0.75)
        >>> state = ema.init({"w": B.asarray([4.0])})
        >>> state = ema.update(state, {"w": B.asarray([8.0])})
        >>> float(state["average"]["w"][0])
        5.0
    """

    backend: Backend
    decay: float = 0.999
    averaged: Mask = None

    def __post_init__(self) -> None:
        trial = {"trial": self.backend.asarray([0.0])}
        self.backend.ema_update(self.backend.ema_init(trial), trial, decay=self.decay)

    def init(self, params: Any) -> State:
        """The state before the first step: a copy of `params`."""
        return self.backend.ema_init(params)

    def update(self, state: State, params: Any) -> State:
        """The state after a step that ended in `params`."""
        averaged = resolved(self.averaged, params)
        return self.backend.ema_update(state, params, decay=self.decay, averaged=averaged)


@dataclass(frozen=True)
class GradientAccumulator:
    """Gradients of several batches as one: their mean, weighted by the samples or tokens of each.

    Args:
        backend: whose arrays the gradients are.

    Example:
        >>> from nnspec.optim import GradientAccumulator
        >>> accumulator = GradientAccumulator(B)
        >>> state = accumulator.init({"w": B.asarray([0.0])})
        >>> for gradient, count in ((1.0, 3), (5.0, 1)):
        ...     state = accumulator.update(state, {"w": B.asarray([gradient])}, count=count)
        >>> float(accumulator.mean(state)["w"][0])
        2.0
    """

    backend: Backend

    def init(self, grads_like: Any) -> State:
        """The state that holds nothing; `grads_like` is structured and shaped as the gradients will be."""
        return self.backend.accumulation_init(grads_like)

    def update(self, state: State, grads: Any, *, count: float | Array) -> State:
        """The state with `grads` too, which is a mean over `count` samples or tokens."""
        return self.backend.accumulation_update(state, grads, count=count)

    def mean(self, state: State) -> Any:
        """The mean over all samples or tokens, like the gradients; zeros where there were none."""
        return self.backend.accumulation_mean(state)
