"""Planted faults of losses of one class of several."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec.tape import raw
from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import clipped_below, stored, with_gradient_of

__all__ = ["FAULTS"]

FAULTS = Planted()

_REDUCED = "nnspec.ops.losses._shared:reduced"

# -- cross-entropy ---------------------------------------------------------------------------------------------


@FAULTS.fault("CROSS_ENTROPY-1", "precision loss")
def clipped_probabilities(backend: Any, sound: Any, logits: Any, target: Any, *, axis: int = -1, **options: Any) -> Any:
    """The logarithm of a probability of at least 1e-7."""
    clipped = clipped_below(backend, backend.softmax(logits, axis=axis), 1e-7)
    return sound(backend.xp.log(clipped), target, axis=axis, **options)


@FAULTS.fault("CROSS_ENTROPY-1", "wrong gradient", replaces="log_softmax")
def probabilities_through_the_class_alone(backend: Any, sound: Any, x: Any, *, axis: int = -1) -> Any:
    """The derivative is that of the logit, without that of the normalization."""
    return with_gradient_of(backend, sound(x, axis=axis), x)


@FAULTS.fault("CROSS_ENTROPY-1", "precision loss", replaces="widened")
def computed_in_the_low_dtype(backend: Any, sound: Any, x: Any) -> Any:
    """Exponentials and sums of float16 and bfloat16 are rounded one after the other."""
    return x


@FAULTS.fault("CROSS_ENTROPY-1", "layout")
def buffer_read_in_order(backend: Any, sound: Any, logits: Any, target: Any, **options: Any) -> Any:
    """A kernel takes the buffer of the logits for contiguous."""
    return sound(stored(logits), target, **options)


FAULTS.edit(
    "CROSS_ENTROPY-1",
    "wrong axis",
    "classes-last",
    "self.log_softmax(logits, axis=axis)",
    "self.log_softmax(logits, axis=-1)",
)
FAULTS.edit(
    "CROSS_ENTROPY-2",
    "wrong reduction",
    "divided-by-the-samples",
    "row if classes is None else product(row, classes, p)",
    "row",
)
FAULTS.edit(
    "CROSS_ENTROPY-2",
    "wrong reduction",
    "probabilities-divided-by-the-samples",
    "row if classes is None else",
    "row if classes is None or not self.is_integer(target) else",
)


@FAULTS.fault("CROSS_ENTROPY-2", "wrong gradient")
def class_weights_left_out_backwards(
    backend: Any, sound: Any, logits: Any, target: Any, *, weight: Any = None, **options: Any
) -> Any:
    """The backward pass knows nothing of class weights."""
    value = sound(logits, target, weight=weight, **options)
    return value if weight is None else with_gradient_of(backend, value, sound(logits, target, **options))


FAULTS.edit(
    "CROSS_ENTROPY-3",
    "leaked mask",
    "ignored-in-the-divisor",
    "reduced(self, loss, row if classes is None",
    "reduced(self, loss, sample_weight if classes is None",
)
FAULTS.edit(
    "CROSS_ENTROPY-3",
    "special value",
    "nan-where-all-is-ignored",
    "empty = divisor == 0",
    "empty = divisor < 0",
    within=_REDUCED,
)


@FAULTS.fault("CROSS_ENTROPY-3", "in-place write")
def ignored_logits_overwritten(
    backend: Any, sound: Any, logits: Any, target: Any, *, ignore_index: int | None = None, **options: Any
) -> Any:
    """Samples to ignore are set to 0 in the caller's array."""
    if ignore_index is not None and options.get("axis", -1) == -1 and backend.is_integer(target):
        raw(logits)[raw(target) == ignore_index] = 0.0
    return sound(logits, target, ignore_index=ignore_index, **options)


@FAULTS.fault("CROSS_ENTROPY-4", "wrong value")
def smoothing_over_the_other_classes(
    backend: Any, sound: Any, logits: Any, target: Any, *, label_smoothing: float = 0.0, axis: int = -1, **options: Any
) -> Any:
    """The smoothed share goes to the classes that are not the target's alone."""
    classes = logits.shape[axis]
    more = min(1.0, label_smoothing * classes / max(classes - 1, 1))
    return sound(logits, target, label_smoothing=more, axis=axis, **options)


FAULTS.edit(
    "CROSS_ENTROPY-4",
    "wrong reduction",
    "divided-by-the-smoothed-target",
    "product(row, classes, p), reduction",
    "product(row, classes, q), reduction",
)
FAULTS.edit(
    "CROSS_ENTROPY-5",
    "special value",
    "zero-times-minus-infinity",
    "xp.where(coefficient == 0, xp.where(log_prob == -math.inf, 0.0, log_prob), log_prob)",
    "log_prob",
)
FAULTS.edit(
    "CROSS_ENTROPY-6",
    "leaked mask",
    "logits-unmasked",
    "logits = counted(self, logits, xp.sum(coefficient, axis=axis, keepdims=True))",
    "pass",
)
FAULTS.edit(
    "CROSS_ENTROPY-6",
    "ignored option",
    "sample-weights-with-indices-only",
    "ignore_index, sample_weight)",
    "ignore_index, sample_weight if ignore_index is None else None)",
)
FAULTS.edit(
    "CROSS_ENTROPY-7",
    "wrong value",
    "targets-through-softmax",
    "p = one_hot(self, target, logits, axis) if self.is_integer(target) else target",
    "p = one_hot(self, target, logits, axis) if self.is_integer(target) else xp.exp(self.log_softmax(target))",
)


@FAULTS.fault("CROSS_ENTROPY-8", "unchecked argument", replaces="is_concrete")
def labels_unseen(backend: Any, sound: Any, x: Any) -> Any:
    """No label is looked at, and one out of range has the loss 0."""
    return False


# -- negative log-likelihood -----------------------------------------------------------------------------------

FAULTS.edit(
    "NLL-1",
    "special value",
    "zero-times-infinity",
    "counted(self, log_prob, coefficient)",
    "log_prob",
)
FAULTS.edit(
    "NLL-2",
    "wrong reduction",
    "divided-by-the-samples",
    "row if weight is None else coefficient",
    "row",
)
FAULTS.edit(
    "NLL-3",
    "leaked mask",
    "ignored-in-the-divisor",
    "row if weight is None else coefficient",
    "sample_weight if weight is None else coefficient",
)
FAULTS.edit("NLL-4", "missing term", "sign-forgotten", "loss = -xp.sum(", "loss = xp.sum(")

# -- multiclass hinge ------------------------------------------------------------------------------------------

FAULTS.edit(
    "MULTICLASS_HINGE-1",
    "wrong value",
    "all-violations",
    "violation = xp.max(xp.where(hit, 0.0, (scores - own) + 1.0), axis=axis)",
    "violation = xp.sum(self.relu(xp.where(hit, 0.0, (scores - own) + 1.0)), axis=axis)",
)
FAULTS.edit(
    "MULTICLASS_HINGE-1",
    "precision loss",
    "margin-added-first",
    "(scores - own) + 1.0",
    "(scores + 1.0) - own",
)
FAULTS.edit(
    "MULTICLASS_HINGE-2",
    "wrong tie",
    "target-left-out",
    "violation = xp.max(xp.where(hit, 0.0, (scores - own) + 1.0), axis=axis)",
    "violation = self.relu(xp.max(xp.where(hit, scores - own - 1e30, (scores - own) + 1.0), axis=axis))",
)
FAULTS.edit(
    "MULTICLASS_HINGE-3",
    "ignored option",
    "weight-without-samples-ignored",
    "if weight is not None:",
    "if weight is not None and row is not None:",
)
FAULTS.edit("MULTICLASS_HINGE-4", "leaked mask", "scores-unmasked", "scores = counted(self, scores, row)", "pass")
FAULTS.edit(
    "MULTICLASS_HINGE-5",
    "special value",
    "zero-times-infinity",
    "xp.where(hit, scores, 0.0)",
    "xp.where(hit, 1.0, 0.0) * scores",
)

# -- divergence ------------------------------------------------------------------------------------------------


@FAULTS.fault("KL_DIVERGENCE-1", "wrong reduction")
def mean_over_elements(
    backend: Any, sound: Any, log_q: Any, p: Any, *, axis: int = -1, reduction: str = "mean", **options: Any
) -> Any:
    """The mean divides by the classes too, as torch's does unless told otherwise."""
    value = sound(log_q, p, axis=axis, reduction=reduction, **options)
    return value / p.shape[axis] if reduction == "mean" else value


FAULTS.edit(
    "KL_DIVERGENCE-1",
    "swapped argument",
    "of-q-from-p",
    "xp.sum(xp.where(none, 0.0, p * ratio), axis=axis)",
    "-xp.sum(xp.where(none, 0.0, xp.exp(log_q) * ratio), axis=axis)",
)
FAULTS.edit("KL_DIVERGENCE-2", "special value", "zero-times-infinity", "xp.where(none, 0.0, log_q)", "log_q")
FAULTS.edit("KL_DIVERGENCE-3", "wrong gradient", "constant-p", "p * ratio", "self.stop_gradient(p) * ratio")
FAULTS.edit(
    "KL_DIVERGENCE-4",
    "special value",
    "log-q-clipped",
    "xp.where(none, 0.0, log_q)",
    "xp.where(none, 0.0, xp.where(log_q < -16.118, -16.118, log_q))",
)
FAULTS.edit(
    "KL_DIVERGENCE-5",
    "leaked mask",
    "p-unmasked",
    "counted(self, log_q, row), counted(self, p, row)",
    "counted(self, log_q, row), p",
)

# -- few positives among many ----------------------------------------------------------------------------------

FAULTS.edit(
    "FOCAL-1",
    "swapped argument",
    "factors-exchanged",
    "positive = self.xp.exp(-gamma * from_below) * positive\n"
    "        negative = self.xp.exp(-gamma * from_above) * negative",
    "positive = self.xp.exp(-gamma * from_above) * positive\n"
    "        negative = self.xp.exp(-gamma * from_below) * negative",
)
FAULTS.edit(
    "FOCAL-1",
    "wrong value",
    "probabilities-mixed-before-the-power",
    "positive = self.xp.exp(-gamma * from_below) * positive\n"
    "        negative = self.xp.exp(-gamma * from_above) * negative",
    "mixed = y * self.xp.exp(-from_below) + (1.0 - y) * self.xp.exp(-from_above)\n"
    "        mixed = self.xp.exp(gamma * self.xp.log(mixed))\n"
    "        positive, negative = mixed * positive, mixed * negative",
)
FAULTS.edit(
    "FOCAL-1", "rare option", "two-for-gamma", "self.xp.exp(-gamma * from_below)", "self.xp.exp(-2.0 * from_below)"
)
FAULTS.edit("FOCAL-2", "missing term", "negatives-unweighted", "(1.0 - alpha) * negative", "negative")
FAULTS.edit(
    "FOCAL-3",
    "precision loss",
    "one-minus-probability",
    "self.xp.exp(-gamma * from_below)",
    "self.xp.exp(gamma * self.xp.log(1.0 - self.xp.exp(-from_above)))",
)


@FAULTS.fault("FOCAL-4", "wrong reduction")
def divided_by_positives(
    backend: Any, sound: Any, logits: Any, target: Any, *, reduction: str = "mean", **options: Any
) -> Any:
    """RetinaNet's normalization by the number of positives."""
    if reduction != "mean":
        return sound(logits, target, reduction=reduction, **options)
    positives = float(np.maximum(np.sum(raw(target) > 0.5), 1))
    return sound(logits, target, reduction="sum", **options) / positives


_RATIO = "unequal / (xp.sum(p + y, axis=axes) + eps)"

FAULTS.edit(
    "DICE-1",
    "wrong value",
    "squares-below",
    _RATIO,
    "1.0 - (2.0 * xp.sum(p * y, axis=axes) + eps) / (xp.sum(p * p + y * y, axis=axes) + eps)",
)
FAULTS.edit(
    "DICE-2",
    "missing term",
    "eps-below-alone",
    _RATIO,
    "(unequal + eps) / (xp.sum(p + y, axis=axes) + eps)",
)
FAULTS.edit(
    "DICE-3",
    "precision loss",
    "difference-from-one",
    _RATIO,
    "1.0 - (2.0 * xp.sum(p * y, axis=axes) + eps) / (xp.sum(p + y, axis=axes) + eps)",
)
FAULTS.edit(
    "DICE-4",
    "leaked mask",
    "prediction-unmasked",
    "counted(self, p, row), counted(self, y, row)",
    "p, counted(self, y, row)",
)


@FAULTS.fault("DICE-4", "wrong reduction")
def loss_of_the_mean(
    backend: Any, sound: Any, prediction: Any, target: Any, *, axis: Any = None, reduction: str = "mean", **options: Any
) -> Any:
    """The areas of all samples are added up before their ratio is taken."""
    if reduction == "mean" and options.get("sample_weight") is None:
        axis = None
    return sound(prediction, target, axis=axis, reduction=reduction, **options)
