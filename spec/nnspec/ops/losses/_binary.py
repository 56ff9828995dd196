"""Likelihoods of one class of two."""

from __future__ import annotations

import math
from collections.abc import Callable

from nnspec import _validate as check
from nnspec.operation import Array, Family, operation
from nnspec.ops.losses._checks import counted_within, pair, reducible, sample_weights
from nnspec.ops.losses._shared import counted, elementwise

__all__ = ["Binary"]


def _binary(
    self: Family,
    logits: Array,
    target: Array,
    *,
    pos_weight: Array | None = None,
    label_smoothing: float = 0.0,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    check.floating(self, "logits", logits)
    check.same_dtype(self, "target", target, "logits", logits)
    shape = tuple(logits.shape)
    check.shape("target", target, shape, "(that of logits)")
    check.values_within(self, "target", target, 0, 1, what="probabilities")
    check.number("label_smoothing", label_smoothing, low=0, high=1)
    if pos_weight is not None:
        check.same_dtype(self, "pos_weight", pos_weight, "logits", logits)
        if pos_weight.ndim > 0:
            check.shape("pos_weight", pos_weight, shape[-1:], "(the last axis of logits) or ()")
        check.values_within(self, "pos_weight", pos_weight, 0, math.inf, what="weights")
    sample_weights(self, sample_weight, "logits", logits, shape)
    reducible(reduction, shape)


def _probabilities(
    self: Family,
    prediction: Array,
    target: Array,
    *,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    pair(self, prediction, target, sample_weight=sample_weight, reduction=reduction)
    for name, x in (("prediction", prediction), ("target", target)):
        counted_within(self, name, x, sample_weight, 0, 1, what="probabilities")


class Binary(Family):
    """Each element is a trial of its own."""

    softplus: Callable[..., Array]

    @operation(since="1.0", check=_binary)
    def binary_cross_entropy_with_logits(
        self,
        logits: Array,
        target: Array,
        *,
        pos_weight: Array | None = None,
        label_smoothing: float = 0.0,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Binary cross-entropy of sigmoid: `l = (1 - y) x + (1 + (w - 1) y) softplus(-x)`.

        y is the smoothed target, `(1 - e) target + e / 2`.

        Args:
            logits: `(...)`, floating: x.
            target: the shape and dtype of `logits`, in [0, 1].
            pos_weight: w, the weight of the positive term, `()` or the size of the last axis, of the dtype of
                `logits`, values >= 0, or None for 1.
            label_smoothing: e, in [0, 1].
            sample_weight: the shape and dtype of `logits`, values >= 0, or None for 1 everywhere.
            reduction: "mean" (over elements), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `logits`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes are not as above.
            ArgumentError: another `reduction`, "mean" of no element, `label_smoothing` outside [0, 1]; and,
                where looking costs nothing, a target outside [0, 1] or a negative weight.

        Requires:
            [BINARY_CROSS_ENTROPY_WITH_LOGITS-1] Never through a clipped probability: at x = 50, y = 0 the
                loss is 50.
            [BINARY_CROSS_ENTROPY_WITH_LOGITS-2] pos_weight multiplies the term of y alone: w = 2 doubles the
                loss at y = 1 and leaves it at y = 0.
            [BINARY_CROSS_ENTROPY_WITH_LOGITS-3] The derivative at x = 0 is (1 - y) - (1 + (w - 1) y) / 2.
            [BINARY_CROSS_ENTROPY_WITH_LOGITS-4] Smoothing draws the target towards 1/2: y (1 - e) + e / 2.
            [BINARY_CROSS_ENTROPY_WITH_LOGITS-5] With weights the mean is sum(s l) / sum(s), 0 where sum(s) is
                0; an element of weight 0 reaches neither value nor gradient.

        Differs:
            Keras on NumPy clips the probability: 15.94 at x = 50, y = 0; forms with max and abs have another
            derivative at 0 on torch and JAX.

        Source:
            Cox, "The Regression Analysis of Binary Sequences", 1958.

        Example:
            >>> float(B.binary_cross_entropy_with_logits(B.asarray([50.0]), B.asarray([0.0])))
            50.0
        """
        x, y = counted(self, logits, sample_weight), counted(self, target, sample_weight)
        if label_smoothing > 0:
            y = (1.0 - label_smoothing) * y + label_smoothing / 2
        tail = self.softplus(-x)
        if pos_weight is not None:
            tail = (1.0 + (pos_weight - 1.0) * y) * tail
        return elementwise(self, (1.0 - y) * x + tail, sample_weight, reduction)

    @operation(since="1.0", check=_probabilities)
    def binary_cross_entropy(
        self, prediction: Array, target: Array, *, sample_weight: Array | None = None, reduction: str = "mean"
    ) -> Array:
        """Binary cross-entropy of probabilities: `l = -y log(p) - (1 - y) log(1 - p)`, p the prediction, y the target.

        Nothing is clipped: a class of probability 0 that occurs costs inf. A term of coefficient 0 is 0. Where
        logits are at hand, `binary_cross_entropy_with_logits` is the stable form.

        Args:
            prediction: `(...)`, floating, in [0, 1]: p.
            target: the shape and dtype of `prediction`, in [0, 1]: y.
            sample_weight: the shape and dtype of `prediction`, values >= 0, or None for 1 everywhere.
            reduction: "mean" (over elements), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `prediction`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes differ.
            ArgumentError: another `reduction`, "mean" of no element; and, where looking costs nothing, a
                negative weight, or a prediction or target outside [0, 1] of weight other than 0.

        Requires:
            [BINARY_CROSS_ENTROPY-1] Neither the prediction nor its logarithm is clipped, and 1 - p is not
                rounded before its logarithm: p = 1e-30 has the losses 69.08 at y = 1 and 1e-30 at y = 0.
            [BINARY_CROSS_ENTROPY-2] At p = y = 0 and at p = y = 1 the loss is 0, and the derivative with
                respect to p is 1 and -1, the limits from inside.
            [BINARY_CROSS_ENTROPY-3] Where y > 0 at p = 0, or y < 1 at p = 1, the loss is inf and so is the
                derivative, of the sign of p - y.
            [BINARY_CROSS_ENTROPY-4] Equal to binary_cross_entropy_with_logits(x, y) at p = sigmoid(x).
            [BINARY_CROSS_ENTROPY-5] The mean is over all elements, with weights sum(w l) / sum(w), 0 where
                sum(w) is 0.
            [BINARY_CROSS_ENTROPY-6] An element of weight 0 reaches neither value nor gradient, even NaN or
                infinite; NaN of any other element propagates.

        Differs:
            torch bounds the logarithms by -100 and p (1 - p) in the derivative by 1e-12; Keras clips p to
            [1e-7, 1 - 1e-7].

        Source:
            Bishop, "Pattern Recognition and Machine Learning", 2006, eq. 4.90.

        Example:
            >>> prediction, target = B.asarray([0.0, 0.25]), B.asarray([0.0, 1.0])
            >>> [round(v, 6) for v in B.to_numpy(B.binary_cross_entropy(prediction, target, reduction="none")).tolist()]
            [0.0, 1.386294]
        """
        xp = self.xp
        p, y = counted(self, prediction, sample_weight), counted(self, target, sample_weight)
        # 0 * log(0) is 0 here, and only that
        positive = y * xp.log(xp.where((y == 0) & (p == 0), 1.0, p))
        negative = (1.0 - y) * xp.log1p(-xp.where((y == 1) & (p == 1), 0.0, p))
        return elementwise(self, -positive - negative, sample_weight, reduction)
