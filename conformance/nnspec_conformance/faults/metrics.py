"""Planted faults of the family metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import with_gradient_of

__all__ = ["FAULTS"]

FAULTS = Planted()

_COUNTS = "nnspec.ops._counts"
_FLATTENED = f"{_COUNTS}:flattened"
_AVERAGED = f"{_COUNTS}:averaged"
_RATIO = f"{_COUNTS}:ratio"
_FIRST_BEST = "xp.min(xp.where(scores == best, numbers, classes), axis=-1)"

# -- shares of samples -----------------------------------------------------------------------------------------

FAULTS.edit(
    "ACCURACY-1",
    "wrong reduction",
    "over-the-first-axis-alone",
    "math.prod(target.shape)",
    "(target.shape[0] if target.shape else 1)",
)
FAULTS.edit(
    "ACCURACY-1", "special value", "nothing-over-nothing", "max(total, 1)", "total", within="nnspec.ops.metrics:_share"
)
FAULTS.edit(
    "ACCURACY-2",
    "wrong tie",
    "last-of-equal-scores",
    _FIRST_BEST,
    "xp.max(xp.where(scores == best, numbers, -1), axis=-1)",
    within=_FLATTENED,
)
FAULTS.edit(
    "ACCURACY-3", "wrong kink", "at-the-threshold", "predicted > threshold", "predicted >= threshold", within=_FLATTENED
)
FAULTS.edit(
    "ACCURACY-3", "ignored option", "threshold-a-half", "predicted > threshold", "predicted > 0.5", within=_FLATTENED
)


@FAULTS.fault("ACCURACY-4", "special value")
def nan_is_the_largest(backend: Any, sound: Any, predicted: Any, target: Any, **options: Any) -> Any:
    """NumPy's argmax, which takes a NaN for the largest score."""
    if backend.is_floating(predicted) and predicted.ndim > target.ndim:
        predicted = np.argmax(predicted, axis=-1).astype(np.int32)
    return sound(predicted, target, **options)


@FAULTS.fault("ACCURACY-1", "precision loss", replaces="kept_wide")
def rounded_to_the_low_dtype(backend: Any, sound: Any, x: Any) -> Any:
    """The share is rounded to bfloat16 as the scores are."""
    return backend.rounded(x, np.dtype("bfloat16"))


FAULTS.edit(
    "TOP_K_ACCURACY-1", "wrong constant", "one-more", "above < k", "above <= k", within=f"{_COUNTS}:correct_in_top"
)
FAULTS.edit("TOP_K_ACCURACY-1", "ignored option", "always-five", "target, k)", "target, 5)")
FAULTS.edit(
    "TOP_K_ACCURACY-2",
    "wrong tie",
    "equal-scores-above",
    "xp.where(true >= scores, 0, 1)",
    "xp.where((true > scores) | own, 0, 1)",
    within=f"{_COUNTS}:correct_in_top",
)
FAULTS.edit(
    "TOP_K_ACCURACY-3",
    "special value",
    "nan-below-everything",
    "xp.where(true >= scores, 0, 1)",
    "xp.where(scores > true, 1, 0)",
    within=f"{_COUNTS}:correct_in_top",
)

# -- counts of classes -----------------------------------------------------------------------------------------

FAULTS.edit(
    "CONFUSION_MATRIX-1",
    "swapped argument",
    "transposed",
    "counts.confusion(self, predicted, target, num_classes, threshold)",
    "self.xp.permute_dims(counts.confusion(self, predicted, target, num_classes, threshold), (1, 0))",
)
FAULTS.edit(
    "CONFUSION_MATRIX-1",
    "wrong shape or dtype",
    "floating-counts",
    "return xp.astype(xp.matmul(rows, columns), xp.int32)",
    "return xp.matmul(rows, columns)",
    within=f"{_COUNTS}:confusion",
)
FAULTS.edit(
    "CONFUSION_MATRIX-1",
    "overflow",
    "counts-of-eight-bits",
    "return xp.astype(xp.matmul(rows, columns), xp.int32)",
    "return xp.astype(xp.matmul(rows, columns).astype('int8'), xp.int32)",
    within=f"{_COUNTS}:confusion",
)
FAULTS.edit(
    "CONFUSION_MATRIX-2",
    "special value",
    "nan-counts-as-class-0",
    "xp.where(predicted == predicted, said, -1)",
    "said",
    within=_FLATTENED,
)
FAULTS.edit(
    "CONFUSION_MATRIX-2",
    "ignored option",
    "threshold-a-half",
    "predicted > threshold",
    "predicted > 0.5",
    within=_FLATTENED,
)


@FAULTS.fault("CONFUSION_MATRIX-3", "wrong shape or dtype")
def classes_that_occur(
    backend: Any, sound: Any, predicted: Any, target: Any, *, num_classes: int, threshold: float = 0.5
) -> Any:
    """Rows and columns for the classes that occur alone, as in scikit-learn."""
    matrix = sound(predicted, target, num_classes=num_classes, threshold=threshold)
    occur = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
    return matrix[np.ix_(occur, occur)]


@FAULTS.fault("CONFUSION_MATRIX-1", "unchecked argument", replaces="is_concrete")
def classes_unseen(backend: Any, sound: Any, x: Any) -> Any:
    """No class is looked at, and one out of range is not counted."""
    return False


# -- rates of classes ------------------------------------------------------------------------------------------

FAULTS.edit("PRECISION-1", "swapped argument", "recall", '"precision")', '"recall")')
FAULTS.edit(
    "PRECISION-2",
    "special value",
    "nan-where-never-predicted",
    "xp.where(none, 0.0, floating(part) / floating(xp.where(none, 1, whole)))",
    "floating(part) / floating(whole)",
    within=_RATIO,
)
FAULTS.edit(
    "PRECISION-3",
    "wrong reduction",
    "macro-of-classes-that-occur",
    "xp.sum(each) / float(count)",
    "xp.sum(each) / floating(xp.sum(xp.where(said + true > 0, 1, 0)))",
    within=_AVERAGED,
)
FAULTS.edit(
    "PRECISION-3",
    "wrong reduction",
    "weighted-by-predictions",
    "total = xp.sum(true)",
    "true, total = said, xp.sum(said)",
    within=_AVERAGED,
)
FAULTS.edit("PRECISION-1", "wrong axis", "first-class-for-binary", "each[1]", "each[0]", within=_AVERAGED)
FAULTS.edit("RECALL-1", "swapped argument", "precision", '"recall")', '"precision")')
FAULTS.edit(
    "RECALL-2", "special value", "one-where-never-true", "xp.where(none, 0.0,", "xp.where(none, 1.0,", within=_RATIO
)
FAULTS.edit(
    "RECALL-3",
    "wrong reduction",
    "micro-is-macro",
    "ratio(xp, floating, xp.sum(parts), xp.sum(wholes))",
    "xp.sum(ratio(xp, floating, parts, wholes)) / float(count)",
    within=_AVERAGED,
)


@FAULTS.fault("RECALL-3", "wrong reduction")
def mean_of_batches(
    backend: Any, sound: Any, predicted: Any, target: Any, *, average: str = "binary", **options: Any
) -> Any:
    """The mean of what two halves of the samples give, as Keras once had it."""
    half = target.shape[0] // 2
    if average == "none" or half == 0:
        return sound(predicted, target, average=average, **options)
    parts = [sound(predicted[cut], target[cut], average=average, **options) for cut in (slice(half), slice(half, None))]
    return backend.xp.reshape(parts[0] + parts[1], ()) * backend.asarray(0.5)


FAULTS.edit(
    "F1-1",
    "wrong value",
    "arithmetic-mean",
    "each = ratio(xp, floating, parts, wholes)",
    "each = ratio(xp, floating, parts, wholes)\n"
    '    if kind == "f1":\n'
    "        each = (ratio(xp, floating, hits, said) + ratio(xp, floating, hits, true)) * 0.5",
    within=_AVERAGED,
)
FAULTS.edit("F1-1", "missing term", "hits-once", "(2 * hits, said + true)", "(hits, said + true)", within=_AVERAGED)
FAULTS.edit(
    "F1-2",
    "special value",
    "nan-where-it-never-occurs",
    "xp.where(none, 0.0, floating(part) / floating(xp.where(none, 1, whole)))",
    "floating(part) / floating(whole)",
    within=_RATIO,
)
FAULTS.edit(
    "F1-3",
    "wrong value",
    "of-macro-precision-and-recall",
    "xp.sum(each) / float(count)",
    "2 / (\n            1 / (xp.sum(ratio(xp, floating, hits, said)) / float(count))\n"
    "            + 1 / (xp.sum(ratio(xp, floating, hits, true)) / float(count))\n        )",
    within=_AVERAGED,
)

# -- areas and means -------------------------------------------------------------------------------------------


@FAULTS.fault("ROC_AUC-1", "precision loss")
def two_hundred_thresholds(backend: Any, sound: Any, scores: Any, target: Any) -> Any:
    """Scores are rounded to thresholds a 200th apart."""
    return sound(backend.asarray(np.round(200 * scores) / 200, dtype=str(scores.dtype)), target)


FAULTS.edit(
    "ROC_AUC-1",
    "swapped argument",
    "classes-exchanged",
    "positive = target == 1",
    "positive = target == 0",
    within=f"{_COUNTS}:won",
)
FAULTS.edit("ROC_AUC-2", "wrong tie", "ties-lost", "xp.where(row == column, 1, 0)", "0", within=f"{_COUNTS}:won")
FAULTS.edit(
    "ROC_AUC-3",
    "special value",
    "nan-where-one-class",
    "xp.where(none, 0.0, floating(part) / floating(xp.where(none, 1, whole)))",
    "floating(part) / floating(whole)",
    within=_RATIO,
)
FAULTS.edit(
    "ROC_AUC-3",
    "special value",
    "nan-above-everything",
    "xp.where(row > column, 2, ",
    "xp.where((row > column) | (row != row), 2, ",
    within=f"{_COUNTS}:won",
)
FAULTS.edit(
    "MEAN-1", "wrong reduction", "over-the-number", "total = xp.sum(weight)", "total = xp.sum(xp.ones_like(weight))"
)
FAULTS.edit("MEAN-2", "special value", "nothing-over-nothing", "xp.where(total == 0, 1.0, total)", "total")
FAULTS.edit("MEAN-2", "leaked mask", "zero-times-nan", "xp.where(weight == 0, 0.0, values) * weight", "values * weight")
FAULTS.edit("MEAN-3", "wrong gradient", "through-the-weights", "self.stop_gradient(weight)", "weight")


@FAULTS.fault("MEAN-3", "wrong gradient")
def gradient_of_the_sum(backend: Any, sound: Any, values: Any, weight: Any = None) -> Any:
    """The backward pass forgets the divisor."""
    value = sound(values, weight)
    if weight is None or not np.isfinite(backend.to_numpy(value)):
        return value
    xp = backend.xp
    return with_gradient_of(backend, value, xp.sum(xp.where(weight == 0, 0.0, values) * backend.stop_gradient(weight)))
