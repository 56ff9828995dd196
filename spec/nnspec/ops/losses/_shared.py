"""What the losses compute alike: weights, reductions, and classes along an axis."""

from __future__ import annotations

import functools
import math
import operator

from nnspec.operation import Array, Family

__all__ = [
    "along",
    "class_weight",
    "counted",
    "elementwise",
    "kept",
    "one_hot",
    "product",
    "reduced",
    "row_weight",
]


def counted(self: Family, x: Array, weight: Array | None) -> Array:
    """`x` with 0 in place of the elements that have weight 0, so that nothing flows from or to them."""
    return x if weight is None else self.xp.where(weight == 0, 0.0, x)


def reduced(self: Family, weighted: Array, weight: Array | None, reduction: str) -> Array:
    """The reduction of `weighted` losses, where the mean is over `weight`, or over all samples."""
    xp = self.xp
    if reduction == "none":
        return weighted
    total = xp.sum(weighted)
    if reduction == "sum":
        return total
    if weight is None:
        return total / math.prod(weighted.shape)
    divisor = xp.sum(weight)
    empty = divisor == 0
    return xp.where(empty, 0.0, total / xp.where(empty, 1.0, divisor))


def elementwise(self: Family, loss: Array, weight: Array | None, reduction: str) -> Array:
    """The reduction of losses that have one weight each, or none."""
    return reduced(self, loss if weight is None else weight * loss, weight, reduction)


def along(x: Array, axis: int) -> tuple[int, ...]:
    """The shape that puts a vector along `axis` of `x`."""
    return tuple(-1 if i == axis % x.ndim else 1 for i in range(x.ndim))


def kept(x: Array, axis: int) -> tuple[int, ...]:
    """The shape of `x` reduced over `axis`, the axis kept."""
    return tuple(1 if i == axis % x.ndim else n for i, n in enumerate(x.shape))


def one_hot(self: Family, target: Array, x: Array, axis: int) -> Array:
    """1 where the class along `axis` of `x` is that of `target`, else 0; no 1 for a label out of range."""
    xp = self.xp
    labels = xp.reshape(xp.astype(target, xp.int32), kept(x, axis))
    classes = xp.reshape(xp.arange(x.shape[axis], dtype=xp.int32, **self.placement(x)), along(x, axis))
    return xp.where(labels == classes, 1.0, xp.zeros_like(x))


def row_weight(
    self: Family, target: Array, x: Array, axis: int, ignore_index: int | None, sample_weight: Array | None
) -> Array | None:
    """The weight of every sample, `axis` kept; 0 where it is ignored, None where all weigh 1."""
    xp = self.xp
    shape = kept(x, axis)
    weight = None if sample_weight is None else xp.reshape(sample_weight, shape)
    if ignore_index is None:
        return weight
    if weight is None:
        weight = xp.ones(shape, dtype=x.dtype, **self.placement(x))
    return xp.where(xp.reshape(xp.astype(target, xp.int32), shape) == ignore_index, 0.0, weight)


def class_weight(self: Family, weight: Array | None, x: Array, axis: int) -> Array | None:
    """The weight of every class, along `axis` of `x`."""
    return None if weight is None else self.xp.reshape(weight, along(x, axis))


def product(*factors: Array | None) -> Array:
    """The product of those that are not None, of which there is one."""
    return functools.reduce(operator.mul, [factor for factor in factors if factor is not None])
