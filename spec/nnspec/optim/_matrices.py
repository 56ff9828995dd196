"""Optimizers that treat matrices as such: Adafactor and Muon."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import optree

from nnspec.errors import ArgumentError
from nnspec.ops._common import only, require_arrays, require_like, require_mask
from nnspec.optim._adam import AdamW
from nnspec.optim._base import OperationOptimizer, Rate, State, require_entries
from nnspec.optim._masks import Mask, merged, no_bias_or_norm, resolved

__all__ = ["Adafactor", "Muon"]


@dataclass(frozen=True)
class Adafactor(OperationOptimizer):
    """Adam with a second moment that is kept by rows and columns, and steps relative to the parameters.

    Args:
        backend: whose arrays the parameters are.
        lr: as in `adafactor_update`, as the others; or a schedule; None is the paper's relative step.
        eps1: added to the squared gradient.
        eps2: the least scale of a parameter.
        clip_threshold: largest root mean square of an update.
        decay_rate: how fast the decay of the second moment rises to 1.
        beta1: decay of the first moment; 0 keeps none.
        weight_decay: decoupled decay.
        decay_mask: what decays; None is everything.
        clip_value, clip_norm, clip_global_norm: limits of the gradients, see `Optimizer`.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import Adafactor
        >>> adafactor = Adafactor(B, lr=0.5)
        >>> params, grads = {"w": B.asarray([2.0])}, {"w": B.asarray([1.0])}
        >>> params, state = adafactor.update(params, grads, adafactor.init(params))
        >>> round(float(params["w"][0]), 4), int(state["step"])
        (1.0, 1)
    """

    operation: ClassVar[str] = "adafactor"
    lr: Rate | None = None
    eps1: float = 1e-30
    eps2: float = 1e-3
    clip_threshold: float = 1.0
    decay_rate: float = 0.8
    beta1: float = 0.0
    weight_decay: float = 0.0
    decay_mask: Mask = None


@dataclass(frozen=True)
class Muon(OperationOptimizer):
    """Orthogonalized momentum for matrices; what is none, and what `mask` excludes, goes to AdamW.

    The state has one step for both, and the moments of each under "muon" and "adamw", where it has parameters.

    Args:
        backend: whose arrays the parameters are.
        lr: as in `muon_update`, as the others; or a schedule.
        momentum: decay of the momentum.
        nesterov: whether to look ahead.
        ns_steps: iterations of Newton and Schulz.
        weight_decay: decoupled decay.
        decay_mask: what decays among the parameters that are Muon's; None is everything.
        mask: the parameters that are not AdamW's, arrays of rank 0 and 1 aside; commonly embeddings and the last
            layer are excluded.
        adamw: the options of AdamW; None is `AdamW(backend)`. Its rate is its own, and what it clips is its part.
        clip_value, clip_norm, clip_global_norm: limits of all gradients, see `Optimizer`.

    Raises:
        ArgumentError: an option is out of its range.

    Example:
        >>> from nnspec.optim import AdamW, Muon
        >>> muon = Muon(B, lr=0.02, adamw=AdamW(B, lr=0.5, weight_decay=0.0))
        >>> params = {"weight": B.asarray([[1.0, 0.0], [0.0, 1.0]]), "bias": B.asarray([2.0])}
        >>> params, state = muon.update(params, params, muon.init(params))
        >>> round(float(params["bias"][0]), 4), sorted(state), sorted(state["adamw"])
        (1.5, ['adamw', 'muon', 'step'], ['exp_avg', 'exp_avg_sq'])
    """

    operation: ClassVar[str] = "muon"
    lr: Rate = 0.02
    momentum: float = 0.95
    nesterov: bool = True
    ns_steps: int = 5
    weight_decay: float = 0.0
    decay_mask: Mask = None
    mask: Mask = field(default=None, kw_only=True)
    adamw: AdamW | None = field(default=None, kw_only=True)
    _others: AdamW = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        others = AdamW(self.backend) if self.adamw is None else self.adamw
        if not isinstance(others, AdamW):
            raise ArgumentError(f"adamw: expected None or an AdamW, got {self.adamw!r:.80}")
        object.__setattr__(self, "_others", others)

    def init(self, params: Any) -> State:
        state: State = {}
        for name, optimizer, chosen, decays in self._parts(params):
            part = only(chosen, params)
            started = optimizer._start(part)
            optimizer._check(part, started, decays)
            state["step"] = started.pop("step")
            state[name] = started
        return state

    def update(self, params: Any, grads: Any, state: State) -> tuple[Any, State]:
        parts = self._parts(params)
        require_entries(state, ["step", *(name for name, *_ in parts)])
        require_like(self.backend, "grads", grads, "params", params)
        clipped = self._clipped(grads)
        new: dict[str, Any] = {"muon": None, "adamw": None}
        new_state: State = {}
        for name, optimizer, chosen, decays in parts:
            gradients = only(chosen, clipped)
            if optimizer is not self:
                gradients = optimizer._clipped(gradients)
            own = {"step": state["step"], **state[name]}
            new[name], own = optimizer._step(only(chosen, params), gradients, own, decays)
            new_state["step"] = own.pop("step")
            new_state[name] = own
        return merged(self._flags(params), new["muon"], new["adamw"]), new_state

    def _flags(self, params: Any) -> Any:
        """True for the parameters that are Muon's."""
        matrices, mask = no_bias_or_norm(params), resolved(self.mask, params)
        if mask is None:
            return matrices
        require_mask("mask", mask, "params", params)
        return optree.tree_map(lambda matrix, chosen: matrix and chosen, matrices, mask)

    def _parts(self, params: Any) -> list[tuple[str, OperationOptimizer, Any, Any]]:
        """Of each optimizer that has parameters: its name, itself, which they are, and which of them decay."""
        require_arrays(self.backend, "params", params)
        flags = self._flags(params)
        rest: Any = optree.tree_map(lambda chosen: not chosen, flags)
        parts: list[tuple[str, OperationOptimizer, Any, Any]] = []
        both: tuple[tuple[str, OperationOptimizer, Any], ...] = (("muon", self, flags), ("adamw", self._others, rest))
        for name, optimizer, chosen in both:
            if any(optree.tree_leaves(chosen)):
                decays = optimizer._decays(params)
                require_mask("decay_mask", decays, "params", params)
                parts.append((name, optimizer, chosen, None if decays is None else only(chosen, decays)))
        return parts
