"""Which parameters something is for: pytrees of Python bools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import optree

__all__ = ["Mask", "merged", "no_bias_or_norm", "resolved"]

#: a pytree of bools in the structure of the parameters, or a function that makes it of them; None is for all
Mask: TypeAlias = Any | Callable[[Any], Any] | None


def no_bias_or_norm(params: Any) -> Any:
    """The mask that leaves out biases and the parameters of norms: False for every array of rank 0 or 1.

    It goes by the rank alone: a norm over several axes has parameters of as many, and they count as weights.

    Args:
        params: a pytree of arrays.

    Returns:
        A pytree of Python bools in the structure of `params`: the `decay_mask` of an optimizer, or the `mask` of
        a penalty.

    Example:
        >>> from nnspec.optim import no_bias_or_norm
        >>> params = {"weight": B.asarray([[3.0, 4.0]]), "bias": B.asarray([1.0])}
        >>> no_bias_or_norm(params)
        {'weight': True, 'bias': False}
        >>> float(B.l2_penalty(params, l2=1.0, mask=no_bias_or_norm(params)))
        25.0
    """
    return optree.tree_map(lambda leaf: leaf.ndim >= 2, params)


def resolved(mask: Mask, params: Any) -> Any:
    """A mask that is given as a function of the parameters, for these."""
    return mask(params) if callable(mask) else mask


def merged(mask: Any, chosen: Any, rest: Any) -> Any:
    """The tree of which `chosen` is `only(mask, tree)` and `rest` is the others."""
    flags, spec = optree.tree_flatten(mask)
    first, second = iter(optree.tree_leaves(chosen)), iter(optree.tree_leaves(rest))
    return optree.tree_unflatten(spec, [next(first) if flag else next(second) for flag in flags])
