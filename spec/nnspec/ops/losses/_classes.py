"""Likelihoods of one class of several."""

from __future__ import annotations

import math
from collections.abc import Callable

from nnspec import _validate as check
from nnspec.errors import ArgumentError, DTypeError
from nnspec.operation import Array, Family, operation
from nnspec.ops.losses._checks import class_arguments, class_labels
from nnspec.ops.losses._shared import class_weight, counted, one_hot, product, reduced, row_weight

__all__ = ["Classes"]


def _cross_entropy(
    self: Family,
    logits: Array,
    target: Array,
    *,
    weight: Array | None = None,
    axis: int = -1,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    samples = class_arguments(self, "logits", logits, weight, axis, sample_weight, reduction)
    check.number("label_smoothing", label_smoothing, low=0, high=1)
    if self.is_integer(target):
        class_labels(self, target, samples, logits.shape[axis], ignore_index)
        return
    if not self.is_floating(target) or target.dtype != logits.dtype:
        got = str(getattr(target, "dtype", type(target).__name__)).removeprefix("torch.")
        raise DTypeError(f"target: expected integer class indices or probabilities in the dtype of logits, got {got}")
    check.shape("target", target, tuple(logits.shape), "(probabilities in the shape of logits)")
    check.values_within(self, "target", target, 0, 1, what="probabilities")
    if ignore_index is not None:
        raise ArgumentError(f"ignore_index: expected None with probability targets, got {ignore_index!r}")


def _nll(
    self: Family,
    log_prob: Array,
    target: Array,
    *,
    weight: Array | None = None,
    axis: int = -1,
    ignore_index: int | None = None,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    samples = class_arguments(self, "log_prob", log_prob, weight, axis, sample_weight, reduction)
    check.integer(self, "target", target)
    class_labels(self, target, samples, log_prob.shape[axis], ignore_index)


class Classes(Family):
    """The classes lie along an axis; a sample is what has one label."""

    log_softmax: Callable[..., Array]

    @operation(since="1.0", check=_cross_entropy)
    def cross_entropy(
        self,
        logits: Array,
        target: Array,
        *,
        weight: Array | None = None,
        axis: int = -1,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Cross-entropy of softmax: `l = -sum_c w_c q_c log_softmax(logits)_c`, `q = (1 - e) p + e / K`.

        K is the number of classes, w the class weights, e the label smoothing, and p the target:
        probabilities, or 1 for the class of an index and 0 for the others. The mean is `sum_i s_i l_i / sum_i
        s_i sum_c w_c p_ic` with the sample weights s, and without class weights `sum_i s_i l_i / sum_i s_i`.

        Args:
            logits: `(..., classes, ...)`, floating, the classes along `axis`.
            target: class indices, integers of any width in the shape of `logits` without `axis`; or
                probabilities in the shape and dtype of `logits`.
            weight: `(classes,)`, of the dtype of `logits`, values >= 0, or None for 1 everywhere.
            axis: the class axis of `logits`.
            ignore_index: samples with this label count as absent; only with class indices.
            label_smoothing: e, in [0, 1], shared by all classes, the target's included.
            sample_weight: in the shape of `logits` without `axis` and its dtype, values >= 0, or None.
            reduction: "mean", "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `logits` without `axis`.

        Raises:
            DTypeError: `logits` or a weight is not floating, `target` neither integer nor of the dtype of
                `logits`.
            ShapeError: a shape is not as above, or there is no class.
            ArgumentError: no such axis; another `reduction`; "mean" of no sample; `label_smoothing` outside
                [0, 1]; `ignore_index` with probabilities; and, where looking costs nothing, a label outside
                [0, classes) that is not `ignore_index`, a probability outside [0, 1], or a negative weight.

        Requires:
            [CROSS_ENTROPY-1] Equal to -log_softmax(logits) at the target class, and finite for logits however
                far apart.
            [CROSS_ENTROPY-2] With class weights the mean is divided by the summed weight of the targets, for
                class indices and probabilities alike.
            [CROSS_ENTROPY-3] Ignored samples count neither in the sum nor in the divisor, whatever their
                logits; if all are ignored the mean is 0.
            [CROSS_ENTROPY-4] Smoothing mixes the target with 1 / K over all K classes; class weights multiply
                the mixture, the divisor stays that of the unsmoothed target.
            [CROSS_ENTROPY-5] Without smoothing a logit of -inf on a class of target probability 0 is legal
                and has gradient 0.
            [CROSS_ENTROPY-6] With sample weights the mean is sum(s l) / sum(s), 0 where the divisor is 0; a
                sample of weight 0 reaches neither value nor gradient.
            [CROSS_ENTROPY-7] Probability targets that are one-hot give what the class indices give.
            [CROSS_ENTROPY-8] A label out of range raises ArgumentError, negative ones too.

        Differs:
            torch has its classes at axis 1, ignores -100 by default, is NaN where all is ignored, and divides
            by the number of samples with probability targets; Keras gives 0 for a label out of range.

        Source:
            Bridle 1990; smoothing: Szegedy et al., "Rethinking the Inception Architecture", 2015, sec. 7.

        Example:
            >>> logits = B.asarray([[0.0, 0.0], [float("-inf"), 3.0]])
            >>> round(float(B.cross_entropy(logits, B.asarray([0, 1]))), 6)
            0.346574
        """
        xp = self.xp
        p = one_hot(self, target, logits, axis) if self.is_integer(target) else target
        row = row_weight(self, target, logits, axis, ignore_index, sample_weight)
        classes = class_weight(self, weight, logits, axis)
        p = counted(self, p, row)
        q = p
        if label_smoothing > 0:
            q = (1.0 - label_smoothing) * p + label_smoothing / logits.shape[axis]
        coefficient = product(row, classes, q)
        if row is not None or classes is not None:
            logits = counted(self, logits, xp.sum(coefficient, axis=axis, keepdims=True))
        log_prob = self.log_softmax(logits, axis=axis)
        # 0 * -inf is 0 here, and only that: elsewhere the derivative of probabilities that are 0 stays
        log_prob = xp.where(coefficient == 0, xp.where(log_prob == -math.inf, 0.0, log_prob), log_prob)
        loss = -xp.sum(coefficient * log_prob, axis=axis)
        return reduced(self, loss, row if classes is None else product(row, classes, p), reduction)

    @operation(since="1.0", check=_nll)
    def nll(
        self,
        log_prob: Array,
        target: Array,
        *,
        weight: Array | None = None,
        axis: int = -1,
        ignore_index: int | None = None,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Negative log-likelihood: `l = -w_y log_prob_y`, y the target class.

        The mean is `sum_i s_i l_i / sum_i s_i w_(y_i)` with sample weights s and class weights w.

        Args:
            log_prob: `(..., classes, ...)`, floating, logarithms of probabilities along `axis`.
            target: class indices, integers of any width in the shape of `log_prob` without `axis`.
            weight: `(classes,)`, of the dtype of `log_prob`, values >= 0, or None for 1 everywhere.
            axis: the class axis of `log_prob`.
            ignore_index: samples with this label count as absent.
            sample_weight: in the shape of `target` and the dtype of `log_prob`, values >= 0, or None.
            reduction: "mean", "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `target`.

        Raises:
            DTypeError: `log_prob` or a weight is not floating, `target` not integer.
            ShapeError: a shape is not as above, or there is no class.
            ArgumentError: no such axis; another `reduction`; "mean" of no sample; and, where looking costs
                nothing, a label outside [0, classes) that is not `ignore_index`, or a negative weight.

        Requires:
            [NLL-1] Minus the entry at the target class; the other entries have no influence, even infinite or
                NaN.
            [NLL-2] With class weights the mean is divided by the summed weight of the targets.
            [NLL-3] Ignored samples and those of weight 0 reach neither value, divisor nor gradient; where
                nothing is left the mean is 0.
            [NLL-4] cross_entropy(x, y) equals nll(log_softmax(x), y).

        Differs:
            torch has its classes at axis 1, ignores -100 by default, and is NaN where all is ignored.

        Source:
            Goodfellow, Bengio and Courville, "Deep Learning", 2016, sec. 5.5.

        Example:
            >>> float(B.nll(B.asarray([[-0.5, -2.0], [-1.0, -1.5]]), B.asarray([0, 1])))
            1.0
        """
        xp = self.xp
        row = row_weight(self, target, log_prob, axis, ignore_index, sample_weight)
        hit = counted(self, one_hot(self, target, log_prob, axis), row)
        coefficient = product(row, class_weight(self, weight, log_prob, axis), hit)
        loss = -xp.sum(coefficient * counted(self, log_prob, coefficient), axis=axis)
        return reduced(self, loss, row if weight is None else coefficient, reduction)
