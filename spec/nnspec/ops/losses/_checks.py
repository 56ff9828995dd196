"""What the losses check alike: reductions, sample weights, pairs of arrays, classes and their labels."""

from __future__ import annotations

import math
from typing import Any

from nnspec import _validate as check
from nnspec.errors import ArgumentError, ShapeError
from nnspec.operation import Array, Family

__all__ = ["class_arguments", "class_labels", "counted_values", "counted_within", "pair", "reducible", "sample_weights"]

_REDUCTIONS = ("mean", "sum", "none")


def reducible(reduction: str, shape: tuple[int, ...]) -> None:
    """`reduction` is one of the three, and no mean of no samples; `shape` is that of the losses."""
    check.choice("reduction", reduction, _REDUCTIONS)
    if reduction == "mean" and 0 in shape:
        raise ArgumentError(f"reduction: expected 'sum' or 'none' for no samples (shape {shape}), got 'mean'")


def sample_weights(self: Family, weight: Array | None, like: str, y: Array, shape: tuple[int, ...]) -> None:
    """`weight` is None, or >= 0 in the shape of the losses and the dtype of `y`, the argument named `like`."""
    if weight is None:
        return
    check.same_dtype(self, "sample_weight", weight, like, y)
    check.shape("sample_weight", weight, shape, "(one a sample)")
    check.values_within(self, "sample_weight", weight, 0, math.inf, what="weights")


def pair(
    self: Family,
    prediction: Array,
    target: Array,
    *,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    """The arguments of a loss of every element of `prediction` and `target`."""
    check.floating(self, "prediction", prediction)
    check.same_dtype(self, "target", target, "prediction", prediction)
    shape = tuple(prediction.shape)
    check.shape("target", target, shape, "(that of prediction)")
    sample_weights(self, sample_weight, "prediction", prediction, shape)
    reducible(reduction, shape)


def counted_values(self: Family, x: Array, weight: Array | None) -> Any:
    """The elements of `x` that have a weight other than 0, on the host; None where looking at them costs something."""
    if not self.is_concrete(x) or (weight is not None and not self.is_concrete(weight)):
        return None
    host = self.to_numpy(x)
    return host if weight is None else host[self.to_numpy(weight) != 0]


def counted_within(
    self: Family,
    name: str,
    x: Array,
    weight: Array | None,
    low: float,
    high: float,
    *,
    low_open: bool = False,
    what: str = "values",
) -> None:
    """As `values_within`, but the elements of `x` that have weight 0 are not judged."""
    host = counted_values(self, x, weight)
    if host is not None:
        check.host_values_within(name, host, low, high, low_open=low_open, what=what)


def class_arguments(
    self: Family,
    name: str,
    x: Array,
    weight: Array | None,
    axis: int,
    sample_weight: Array | None,
    reduction: str,
) -> tuple[int, ...]:
    """The arguments that all class losses have; returns the shape of the losses, one a sample."""
    check.floating(self, name, x)
    check.rank(name, x, 1)
    position = check.axis("axis", axis, x.ndim)
    classes = x.shape[position]
    if classes == 0:
        raise ShapeError(f"{name}: expected at least one class along axis {axis}, got shape {tuple(x.shape)}")
    samples = tuple(n for i, n in enumerate(x.shape) if i != position)
    if weight is not None:
        check.same_dtype(self, "weight", weight, name, x)
        check.shape("weight", weight, (classes,), "(one a class)")
        check.values_within(self, "weight", weight, 0, math.inf, what="weights")
    sample_weights(self, sample_weight, name, x, samples)
    reducible(reduction, samples)
    return samples


def class_labels(self: Family, target: Array, samples: tuple[int, ...], classes: int, ignore_index: int | None) -> None:
    """`target` holds the index of a class for every sample, or `ignore_index`."""
    check.shape("target", target, samples, "(one class index a sample)")
    if ignore_index is None:
        check.values_within(self, "target", target, 0, classes - 1, what="class indices")
        return
    if isinstance(ignore_index, bool) or not isinstance(ignore_index, int) or abs(ignore_index) >= 1 << 31:
        raise ArgumentError(f"ignore_index: expected None or an integer of 32 bits, got {ignore_index!r}")
    if self.is_concrete(target):
        labels = self.to_numpy(target)
        check.host_values_within("target", labels[labels != ignore_index], 0, classes - 1, what="class indices")
