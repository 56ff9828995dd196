"""What the optimizers share: options held together, `init` and `update` by the operations of a backend."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeAlias

from nnspec import _validate as check
from nnspec._low_precision import resting
from nnspec.backend import Backend
from nnspec.errors import ArgumentError
from nnspec.operation import Array
from nnspec.optim._masks import Mask, resolved
from nnspec.optim._schedules import Schedule

__all__ = ["Around", "OperationOptimizer", "Optimizer", "Rate", "State", "require_entries"]

#: a learning rate: a number, a floating array of rank 0, or a schedule, called with the number of the update
Rate: TypeAlias = float | Array | Schedule
State: TypeAlias = dict[str, Any]

_CLIPS = ("clip_value", "clip_norm", "clip_global_norm")


def require_entries(state: Any, entries: Iterable[str]) -> None:
    """`state` is a dictionary of just these entries."""
    wanted = sorted(entries)
    check.entries("state", state, wanted, f"the entries {', '.join(wanted)}, as init makes them")


class Optimizer(ABC):
    """The options of a step, held together; the state is explicit.

    `params, state = optimizer.update(params, grads, state)` takes everything one step on, in compiled code too.
    A learning rate `lr` may be a schedule: the rate of an update is `lr(t)`, t = 0 at the first.

    Optimizers of one operation also clip the gradients before the step, one way at most: `clip_value` each
    element (`clip_by_value`), `clip_norm` each array (`clip_by_norm`), `clip_global_norm` all arrays together
    (`clip_by_global_norm`, which leaves them as they are where their norm is not finite). Their `decay_mask` is
    also taken as a function that makes it of the parameters, such as `no_bias_or_norm`.
    """

    #: whose arrays the parameters are
    backend: Backend

    @abstractmethod
    def init(self, params: Any) -> State:
        """The state before the first update of `params`, a pytree of floating arrays."""

    @abstractmethod
    def update(self, params: Any, grads: Any, state: State) -> tuple[Any, State]:
        """New parameters and new state; `grads` is like `params`, `state` from `init` or the last update."""


@dataclass(frozen=True)
class Around(Optimizer):
    """Something around another optimizer, on the same backend."""

    optimizer: Optimizer

    def __post_init__(self) -> None:
        if not isinstance(self.optimizer, Optimizer):
            raise ArgumentError(f"optimizer: expected an optimizer of nnspec.optim, got {self.optimizer!r:.80}")

    @property
    def backend(self) -> Backend:  # type: ignore[override]
        return self.optimizer.backend


@dataclass(frozen=True)
class OperationOptimizer(Optimizer):
    """An optimizer that is an operation: its fields are the options of `*_init` and `*_update`.

    Bad options raise where it is made.
    """

    backend: Backend
    clip_value: float | None = field(default=None, kw_only=True)
    clip_norm: float | None = field(default=None, kw_only=True)
    clip_global_norm: float | None = field(default=None, kw_only=True)

    #: name of the operations without _init and _update
    operation: ClassVar[str]

    def __post_init__(self) -> None:
        given = [name for name in _CLIPS if getattr(self, name) is not None]
        for name in given:
            check.number(name, getattr(self, name), low=0, low_open=True)
        if len(given) > 1:
            raise ArgumentError(f"{given[1]}: expected None beside {given[0]}, got {getattr(self, given[1])!r}")
        trial = {"trial": self.backend.asarray([[0.0]])}
        self._check(trial, self._start(trial), None)

    def init(self, params: Any) -> State:
        state = self._start(params)
        self._check(params, state, self._decays(params))
        return state

    def update(self, params: Any, grads: Any, state: State) -> tuple[Any, State]:
        return self._step(params, self._clipped(grads), state, self._decays(params))

    def _start(self, params: Any) -> State:
        return getattr(self.backend, f"{self.operation}_init")(params, **self._options("init"))  # type: ignore[no-any-return]

    def _step(self, params: Any, grads: Any, state: State, decay_mask: Any) -> tuple[Any, State]:
        options = self._update_options(state, decay_mask)
        return getattr(self.backend, f"{self.operation}_update")(params, grads, state, **options)  # type: ignore[no-any-return]

    def _check(self, params: Any, state: State, decay_mask: Any) -> None:
        """What the operation would say of an update of `params`."""
        operation = self.backend.operations()[f"{self.operation}_update"]
        options = self._update_options(state, decay_mask)
        params, state = resting(params, state)
        operation.check(self.backend, params, params, state, **options)

    def _options(self, part: str) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _taken(type(self), type(self.backend), part)}

    def _update_options(self, state: Any, decay_mask: Any) -> dict[str, Any]:
        options = self._options("update")
        if "decay_mask" in options:
            options["decay_mask"] = decay_mask
        if isinstance(options.get("lr"), Schedule):
            if not isinstance(state, dict) or "step" not in state:
                raise ArgumentError(f"state: expected what init or the last update returned, got {state!r:.80}")
            options["lr"] = options["lr"](state["step"])
        return options

    def _decays(self, params: Any) -> Mask:
        return resolved(getattr(self, "decay_mask", None), params)

    def _clipped(self, grads: Any) -> Any:
        if self.clip_value is not None:
            return self.backend.clip_by_value(grads, max_value=self.clip_value)
        if self.clip_norm is not None:
            return self.backend.clip_by_norm(grads, max_norm=self.clip_norm)
        if self.clip_global_norm is not None:
            return self.backend.clip_by_global_norm(grads, max_norm=self.clip_global_norm)[0]
        return grads


@functools.cache
def _taken(optimizer: type[OperationOptimizer], backend: type[Backend], part: str) -> tuple[str, ...]:
    """The fields that are options of the operation `part` ("init" or "update") of this optimizer."""
    parameters = backend.operations()[f"{optimizer.operation}_{part}"].signature.parameters
    return tuple(f.name for f in fields(optimizer) if f.name in parameters)
