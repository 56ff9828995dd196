"""Training in float16: an optimizer behind a scaled loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import optree

from nnspec.operation import Array
from nnspec.optim._base import Around, State, require_entries

__all__ = ["LossScaler"]


@dataclass(frozen=True)
class LossScaler(Around):
    """Gradients of a scaled loss for another optimizer, whose step is skipped where they are not finite.

    A loss of float16 arrays is float16, and so is what flows back into it: the scale then stays at 2^15. Of arrays
    widened to float32 before the loss, `B.asarray(logits, dtype="float32")`, it grows as far as the gradients allow.

    Args:
        optimizer: takes the steps; its state is under "optimizer", that of the scale under "scaling".
        initial_scale: as in `loss_scaling_init`.
        growth_factor: as in `loss_scaling_update`, as the others.
        backoff_factor: of a step that is not finite.
        growth_interval: finite steps for every growth.
        min_scale: the scale does not fall below it.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        Gradients of 2e-8 are 0 in float16. Scaled by 2^40 they are infinite at first; the scale falls until they fit.

        >>> import nnspec
        >>> from nnspec.optim import SGD, LossScaler
        >>> half = nnspec.get_backend(B.name, dtype="float16")
        >>> x, wanted = half.asarray([[1e-3], [2e-3]]), half.asarray([[1e-5], [2e-5]], dtype="float32")
        >>> def error(params):
        ...     return half.mean_squared_error(half.asarray(half.linear(x, params["w"]), dtype="float32"), wanted)
        >>> params, plain = {"w": half.asarray([[0.0]])}, SGD(half, lr=1e5)
        >>> _, grads = half.value_and_grad(error)(params)
        >>> float(grads["w"][0, 0]) < 1e-7
        True
        >>> scaler = LossScaler(plain, initial_scale=2.0**40)
        >>> state = scaler.init(params)
        >>> for _ in range(40):
        ...     _, grads = half.value_and_grad(lambda params: scaler.scale(error(params), state))(params)
        ...     params, state = scaler.update(params, grads, state)
        >>> round(float(params["w"][0, 0]), 4), float(state["scaling"]["scale"]) < 2.0**40
        (0.01, True)
    """

    initial_scale: float = 2.0**15
    growth_factor: float = 2.0
    backoff_factor: float = 0.5
    growth_interval: int = 2000
    min_scale: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._unscaled({"trial": self.backend.asarray([0.0])}, self._started())

    def init(self, params: Any) -> State:
        return {"optimizer": self.optimizer.init(params), "scaling": self._started()}

    def scale(self, loss: Array, state: State) -> Array:
        """The loss times the scale, in float32 at least: what is to be differentiated."""
        require_entries(state, ("optimizer", "scaling"))
        scale = state["scaling"]["scale"]
        wide = self.backend.asarray(loss, dtype=self.backend.working_dtype)
        return wide * self.backend.stop_gradient(scale)

    def update(self, params: Any, grads: Any, state: State) -> tuple[Any, State]:
        """New parameters and new state, by the gradients of the scaled loss."""
        require_entries(state, ("optimizer", "scaling"))
        unscaled, finite, scaling = self._unscaled(grads, state["scaling"])
        if self.backend.is_concrete(finite):
            if bool(finite):
                params, inner = self.optimizer.update(params, unscaled, state["optimizer"])
            else:
                inner = state["optimizer"]
            return params, {"optimizer": inner, "scaling": scaling}
        where = self.backend.xp.where
        before: Any = (params, state["optimizer"])
        before = optree.tree_map(self.backend.copied, before)  # a step may write in place
        harmless = optree.tree_map(lambda g: where(finite, g, 0.0), unscaled)
        after: Any = self.optimizer.update(params, harmless, state["optimizer"])
        chosen: Any = optree.tree_map(lambda new, old: where(finite, new, old), after, before)
        return chosen[0], {"optimizer": chosen[1], "scaling": scaling}

    def _started(self) -> State:
        return self.backend.loss_scaling_init(initial_scale=self.initial_scale)

    def _unscaled(self, grads: Any, scaling: State) -> tuple[Any, Array, State]:
        return self.backend.loss_scaling_update(
            grads,
            scaling,
            growth_factor=self.growth_factor,
            backoff_factor=self.backoff_factor,
            growth_interval=self.growth_interval,
            min_scale=self.min_scale,
        )
