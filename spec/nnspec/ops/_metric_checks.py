"""What the metrics accept."""

from __future__ import annotations

import math

from nnspec import _validate as check
from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec.operation import Array, Family

AVERAGES = ("binary", "macro", "micro", "weighted", "none")


def accuracy(self: Family, predicted: Array, target: Array, *, threshold: float = 0.5) -> None:
    check.integer(self, "target", target)
    if not self.is_integer(predicted) and not self.is_floating(predicted):
        raise DTypeError(f"predicted: expected an array of classes or scores, got {type(predicted).__name__}")
    check.number("threshold", threshold)
    found, wanted = tuple(predicted.shape), tuple(target.shape)
    scores = self.is_floating(predicted) and found[:-1] == wanted and len(found) > len(wanted) and found[-1] > 0
    if found != wanted and not scores:
        raise ShapeError(
            f"predicted: expected shape {wanted} (that of target), or as scores one axis of classes more, got {found}"
        )


def top_k(self: Family, scores: Array, target: Array, *, k: int = 5) -> None:
    check.floating(self, "scores", scores)
    check.integer(self, "target", target)
    check.rank("scores", scores, 1)
    check.shape("target", target, tuple(scores.shape[:-1]), "(that of scores without its last axis)")
    check.count("k", k, low=1)
    check.values_within(self, "target", target, 0, scores.shape[-1] - 1, what="classes")


def confusion(self: Family, predicted: Array, target: Array, *, num_classes: int, threshold: float = 0.5) -> None:
    accuracy(self, predicted, target, threshold=threshold)
    check.count("num_classes", num_classes, low=2)
    if predicted.ndim > target.ndim and predicted.shape[-1] != num_classes:
        raise ShapeError(f"predicted: expected {num_classes} scores along the last axis, got {predicted.shape[-1]}")
    check.values_within(self, "target", target, 0, num_classes - 1, what="classes")
    if self.is_integer(predicted):
        check.values_within(self, "predicted", predicted, 0, num_classes - 1, what="classes")


def rate(
    self: Family,
    predicted: Array,
    target: Array,
    *,
    num_classes: int = 2,
    average: str = "binary",
    threshold: float = 0.5,
) -> None:
    confusion(self, predicted, target, num_classes=num_classes, threshold=threshold)
    check.choice("average", average, AVERAGES)
    if average == "binary" and num_classes != 2:
        raise ArgumentError(f"average: expected another than 'binary' for {num_classes} classes, got {average!r}")


def roc_auc(self: Family, scores: Array, target: Array) -> None:
    check.floating(self, "scores", scores)
    check.integer(self, "target", target)
    check.rank("scores", scores, 1, 1)
    check.shape("target", target, tuple(scores.shape), "(that of scores)")
    check.values_within(self, "target", target, 0, 1, what="classes")


def mean(self: Family, values: Array, weight: Array | None = None) -> None:
    check.floating(self, "values", values)
    if weight is not None:
        check.same_dtype(self, "weight", weight, "values", values)
        check.shape("weight", weight, tuple(values.shape), "(that of values)")
        check.values_within(self, "weight", weight, 0, math.inf, what="weights")
