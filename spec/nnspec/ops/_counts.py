"""Counts that metrics are ratios of: integers, exact, and added up over batches by `nnspec.metrics`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnspec.operation import Array, Family

__all__ = ["averaged", "confusion", "correct", "correct_in_top", "flattened", "ratio", "won"]


def _whole(backend: Family, condition: Array) -> Array:
    """The number of places where a condition holds, as an integer array of rank 0."""
    return backend.xp.sum(backend.xp.where(condition, 1, 0))


def flattened(backend: Family, predicted: Array, target: Array, threshold: float) -> tuple[Array, Array]:
    """Predicted and true classes as int32 along one axis; of equal scores the first counts, NaN is no class."""
    xp = backend.xp
    truth = xp.reshape(xp.astype(target, xp.int32), (-1,))
    if backend.is_integer(predicted):
        return xp.reshape(xp.astype(predicted, xp.int32), (-1,)), truth
    if predicted.ndim == target.ndim:
        said = xp.astype(xp.where(predicted > threshold, 1, 0), xp.int32)
        return xp.reshape(xp.where(predicted == predicted, said, -1), (-1,)), truth
    classes = predicted.shape[-1]
    scores = xp.reshape(predicted, (truth.shape[0], classes))
    numbers = xp.arange(classes, dtype=xp.int32, **backend.placement(truth))
    # the best class is the first that no other beats
    best = xp.max(scores, axis=-1, keepdims=True)
    return xp.min(xp.where(scores == best, numbers, classes), axis=-1), truth


def correct(backend: Family, predicted: Array, target: Array, threshold: float) -> Array:
    """How many predicted classes are the true ones."""
    said, truth = flattened(backend, predicted, target, threshold)
    return _whole(backend, said == truth)


def correct_in_top(backend: Family, scores: Array, target: Array, k: int) -> Array:
    """How many true classes have fewer than `k` others above them; a NaN is above everything."""
    xp = backend.xp
    numbers = xp.arange(scores.shape[-1], dtype=xp.int32, **backend.placement(target))
    own = xp.expand_dims(xp.astype(target, xp.int32), axis=-1) == numbers
    true = xp.max(xp.where(own, scores, -float("inf")), axis=-1, keepdims=True)
    above = xp.sum(xp.where(true >= scores, 0, 1), axis=-1)
    return _whole(backend, above < k)


def confusion(backend: Family, predicted: Array, target: Array, num_classes: int, threshold: float) -> Array:
    """`(num_classes, num_classes)`, int32: how often class i was taken for class j."""
    xp = backend.xp
    said, truth = flattened(backend, predicted, target, threshold)
    classes = xp.arange(num_classes, dtype=xp.int32, **backend.placement(truth))
    rows = xp.astype(xp.expand_dims(classes, axis=1) == truth, xp.float32)
    columns = xp.astype(xp.expand_dims(said, axis=1) == classes, xp.float32)
    return xp.astype(xp.matmul(rows, columns), xp.int32)  # exact: whole numbers below 2^24


def won(backend: Family, scores: Array, target: Array) -> tuple[Array, Array]:
    """Twice the pairs of a positive above a negative, ties counting once; and twice the number of pairs."""
    xp = backend.xp
    row, column = xp.expand_dims(scores, axis=1), xp.expand_dims(scores, axis=0)
    positive = target == 1
    doubled = xp.where(row > column, 2, xp.where(row == column, 1, 0))
    counted = xp.where(xp.expand_dims(positive, axis=1), xp.where(xp.expand_dims(positive, axis=0), 0, doubled), 0)
    there = _whole(backend, positive)
    return xp.sum(counted), 2 * there * (target.shape[0] - there)


def ratio(xp: Any, floating: Callable[[Any], Any], part: Any, whole: Any) -> Any:
    """`part / whole` of integer arrays, 0 where the whole is 0."""
    none = whole == 0
    return xp.where(none, 0.0, floating(part) / floating(xp.where(none, 1, whole)))


def averaged(xp: Any, floating: Callable[[Any], Any], matrix: Any, kind: str, average: str) -> Any:
    """Precision, recall or F1 of a confusion matrix, of integers: one a class, or averaged."""
    count = matrix.shape[0]
    hits = xp.reshape(matrix, (count * count,))[:: count + 1]
    said, true = xp.sum(matrix, axis=0), xp.sum(matrix, axis=1)
    parts, wholes = {"precision": (hits, said), "recall": (hits, true), "f1": (2 * hits, said + true)}[kind]
    if average == "micro":
        return ratio(xp, floating, xp.sum(parts), xp.sum(wholes))
    each = ratio(xp, floating, parts, wholes)
    if average == "binary":
        return each[1]
    if average == "macro":
        return xp.sum(each) / float(count)
    if average == "weighted":
        total = xp.sum(true)
        return xp.sum(each * ratio(xp, floating, true, xp.where(true == 0, 0, total)))
    return each
