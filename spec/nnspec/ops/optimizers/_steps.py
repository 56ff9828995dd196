"""The arithmetic of optimizer steps, leaf by leaf."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import optree

from nnspec.operation import Array, Family
from nnspec.ops._common import root

__all__ = [
    "State",
    "adam_direction",
    "averaged",
    "corrected",
    "coupled",
    "decays",
    "fresh",
    "moments_of",
    "moved",
    "next_step",
    "one_minus_power",
    "shortened",
    "stepped",
]

State: TypeAlias = dict[str, Any]


def fresh(backend: Family, params: Any, entries: tuple[str, ...]) -> State:
    xp = backend.xp
    step = xp.zeros((), dtype=xp.int32, **backend.placement(optree.tree_leaves(params)[0]))
    return {"step": step, **{entry: optree.tree_map(xp.zeros_like, params) for entry in entries}}


def next_step(backend: Family, step: Array) -> Array:
    """`step + 1`, an array also where the arithmetic of rank 0 gives scalars (NumPy)."""
    return backend.xp.reshape(backend.xp.reshape(step, (1,)) + 1, ())


def stepped(
    update: Callable[..., tuple[Array, ...]],
    params: Any,
    grads: Any,
    step: Array,
    moments: State,
    *more: Any,
) -> tuple[Any, State]:
    """`update(p, g, *moments, *more)` -> (new p, *new moments), applied to every leaf."""
    leaves, spec = optree.tree_flatten(params)
    columns = [optree.tree_leaves(tree) for tree in (grads, *moments.values(), *more)]
    rows = [update(*row) for row in zip(leaves, *columns, strict=True)]
    new_params, *new = (optree.tree_unflatten(spec, column) for column in zip(*rows, strict=True))
    return new_params, {"step": step, **dict(zip(moments, new, strict=True))}


def moments_of(state: State, entries: tuple[str, ...]) -> State:
    return {entry: state[entry] for entry in entries}


def coupled(p: Array, g: Array, l2: float) -> Array:
    return g + (2 * l2) * p if l2 > 0 else g


def moved(backend: Family, p: Array, direction: Array, lr: Any, weight_decay: float) -> Array:
    if weight_decay > 0:
        direction = direction + weight_decay * p
    if hasattr(lr, "shape") and lr.dtype != p.dtype:
        lr = backend.xp.astype(lr, p.dtype)
    return p - lr * direction


def decays(params: Any, weight_decay: float, decay_mask: Any) -> list[float]:
    """The decay of each leaf of `params`, in their order: `weight_decay`, or 0 where the mask is False."""
    if decay_mask is None:
        return [weight_decay] * len(optree.tree_leaves(params))
    return [weight_decay if flag else 0.0 for flag in optree.tree_leaves(decay_mask)]


def one_minus_power(backend: Family, beta: float, step: Array, like: Array) -> Array | float:
    """`1 - beta^step` in the dtype of `like`, without cancellation."""
    if beta == 0:
        return 1.0
    return -backend.xp.expm1(backend.xp.astype(step, like.dtype) * math.log(beta))


def averaged(g: Array, m: Array, v: Array, beta1: float, beta2: float) -> tuple[Array, Array]:
    """Adam's moments after the gradient `g`."""
    return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * (g * g)


def corrected(backend: Family, m: Array, v: Array, step: Array, beta1: float, beta2: float, eps: float) -> Array:
    """The corrected first moment over the root of the corrected second, plus eps."""
    mean = m / one_minus_power(backend, beta1, step, m)
    square = v / one_minus_power(backend, beta2, step, v)
    return mean / (root(backend, square) + eps)


def adam_direction(
    backend: Family, g: Array, m: Array, v: Array, step: Array, beta1: float, beta2: float, eps: float
) -> tuple[Array, Array, Array]:
    """The direction of Adam, and both new moments."""
    m, v = averaged(g, m, v, beta1, beta2)
    return corrected(backend, m, v, step, beta1, beta2, eps), m, v


def shortened(backend: Family, g: Array, length: Array, max_norm: float) -> Array:
    """`g` scaled from the norm `length` to `max_norm`; unchanged where it is shorter or not finite."""
    xp = backend.xp
    divisor = xp.where(length <= max_norm, max_norm, xp.where(length < math.inf, length, max_norm))
    return g * (max_norm / divisor)
