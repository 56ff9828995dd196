"""Losses for few positives among many negatives, as in detection and segmentation."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import _validate as check
from nnspec.operation import Array, Family, operation
from nnspec.ops.losses._checks import counted_within, reducible, sample_weights
from nnspec.ops.losses._shared import counted, elementwise

__all__ = ["Segmentation"]


def _focal(
    self: Family,
    logits: Array,
    target: Array,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    check.floating(self, "logits", logits)
    check.same_dtype(self, "target", target, "logits", logits)
    shape = tuple(logits.shape)
    check.shape("target", target, shape, "(that of logits)")
    check.number("gamma", gamma, low=0)
    if alpha is not None:
        check.number("alpha", alpha, low=0, high=1)
    sample_weights(self, sample_weight, "logits", logits, shape)
    counted_within(self, "target", target, sample_weight, 0, 1, what="probabilities")
    reducible(reduction, shape)


def _reduced_axes(axis: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    return tuple(range(ndim)) if axis is None else check.axes("axis", axis, ndim)


def _rows(self: Family, weight: Array, x: Array, axes: tuple[int, ...]) -> Array:
    """The weights, with the reduced axes of `x` kept."""
    return self.xp.reshape(weight, tuple(1 if i in axes else n for i, n in enumerate(x.shape)))


def _dice(
    self: Family,
    prediction: Array,
    target: Array,
    *,
    axis: int | tuple[int, ...] | None = None,
    eps: float = 1e-7,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    check.floating(self, "prediction", prediction)
    check.same_dtype(self, "target", target, "prediction", prediction)
    check.shape("target", target, tuple(prediction.shape), "(that of prediction)")
    axes = _reduced_axes(axis, prediction.ndim)
    check.number("eps", eps, low=0, low_open=True)
    samples = tuple(n for i, n in enumerate(prediction.shape) if i not in axes)
    sample_weights(self, sample_weight, "prediction", prediction, samples)
    reducible(reduction, samples)
    row = (
        None if sample_weight is None else self.xp.broadcast_to(_rows(self, sample_weight, target, axes), target.shape)
    )
    counted_within(self, "target", target, row, 0, 1, what="probabilities")


class Segmentation(Family):
    """Losses of binary labels that do not drown in the many easy negatives."""

    softplus: Callable[..., Array]

    @operation(since="1.0", check=_focal)
    def focal(
        self,
        logits: Array,
        target: Array,
        *,
        gamma: float = 2.0,
        alpha: float | None = None,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Focal loss of sigmoid: `l = -a y (1 - p)^gamma log p - (1 - a) (1 - y) p^gamma log(1 - p)`.

        p = sigmoid(x), y the target, a = alpha; without alpha the factors a and 1 - a are absent. Several
        classes are several binary decisions, as in the paper.

        Args:
            logits: `(...)`, floating: x.
            target: the shape and dtype of `logits`, in [0, 1].
            gamma: how strongly what is already well decided counts less, >= 0.
            alpha: the weight of positives, in [0, 1], that of negatives being 1 - alpha, or None for 1 and 1.
            sample_weight: the shape and dtype of `logits`, values >= 0, or None for 1 everywhere.
            reduction: "mean" (over elements), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `logits`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes are not as above.
            ArgumentError: `gamma` is not a finite number >= 0; `alpha` is outside [0, 1]; another
                `reduction`; "mean" of no element; and, where looking costs nothing, a target outside [0, 1]
                or a negative weight.

        Requires:
            [FOCAL-1] Positives have the factor (1 - p)^gamma, negatives p^gamma: gamma 0 without alpha is
                `binary_cross_entropy_with_logits`, and linear in the target as it is.
            [FOCAL-2] alpha multiplies the term of positives, 1 - alpha that of negatives.
            [FOCAL-3] In both tails value and derivative keep their relative accuracy down to underflow, and
                are finite for finite logits: far on the wrong side the loss is |x| and its derivative 1.
            [FOCAL-4] With weights the mean is sum(w l) / sum(w), 0 where sum(w) is 0; an element of weight 0
                reaches neither value nor gradient.

        Differs:
            torchvision has alpha 0.25 by default; torchvision, optax and Keras mix the probabilities of a
            target between 0 and 1 before the power, so that l is not linear in it; Keras clips p to [1e-7,
            1 - 1e-7]. RetinaNet divides the sum by the number of positives: take "sum" for that.

        Source:
            Lin, Goyal, Girshick, He and Dollar, "Focal Loss for Dense Object Detection", 2017, eq. 5.

        Example:
            >>> loss = B.focal(B.asarray([0.0, 0.0]), B.asarray([1.0, 0.0]), alpha=0.25, reduction="none")
            >>> [round(l, 6) for l in B.to_numpy(loss).tolist()]
            [0.043322, 0.129965]
        """
        x, y = counted(self, logits, sample_weight), counted(self, target, sample_weight)
        from_above, from_below = self.softplus(-x), self.softplus(x)  # -log p, -log(1 - p)
        positive, negative = y * from_above, (1.0 - y) * from_below
        if gamma > 0:
            positive = self.xp.exp(-gamma * from_below) * positive
            negative = self.xp.exp(-gamma * from_above) * negative
        if alpha is not None:
            positive, negative = alpha * positive, (1.0 - alpha) * negative
        return elementwise(self, positive + negative, sample_weight, reduction)

    @operation(since="1.0", check=_dice)
    def dice(
        self,
        prediction: Array,
        target: Array,
        *,
        axis: int | tuple[int, ...] | None = None,
        eps: float = 1e-7,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Dice loss: `l = 1 - (2 sum p y + eps) / (sum p + sum y + eps)`, p the prediction and y the target.

        Computed without that difference, as `sum(p (1 - y) + y (1 - p)) / (sum(p + y) + eps)`. What shall not
        count (an element without label) has prediction and target 0.

        Args:
            prediction: `(...)`, floating, probabilities.
            target: the shape and dtype of `prediction`, in [0, 1].
            axis: the axis, or a tuple of the axes, that the sums are over; None for all. (2, 3) of `(batch,
                classes, height, width)` compares areas image by image and class by class.
            eps: added to both sums, > 0: an empty prediction of an empty target has loss 0.
            sample_weight: in the shape of `prediction` without `axis` and its dtype, values >= 0, or None.
            reduction: "mean" (over what `axis` leaves), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `prediction` without `axis`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes differ.
            ArgumentError: no such axis, or one named twice; `eps` is not a finite number > 0; another
                `reduction`; "mean" of no sample; and, where looking costs nothing, a target outside [0, 1] or a
                negative weight.

        Requires:
            [DICE-1] Plain sums, not of squares, over exactly the axes named, and all of them with None.
            [DICE-2] eps enters numerator and denominator: 0 where both are empty, 1 - eps / (n + eps) where
                there is no overlap and n elements are set.
            [DICE-3] A loss near 0 keeps its relative accuracy: it is no difference from 1.
            [DICE-4] The mean of the losses and not the loss of the mean; with weights sum(w l) / sum(w), 0
                where sum(w) is 0; a sample of weight 0 reaches neither value nor gradient.

        Differs:
            Keras has eps in the denominator only, which makes the loss of nothing 1, and sums over the batch
            too by default; V-Net squares in the denominator; MONAI has 1e-5.

        Source:
            Sorensen 1948 and Dice 1945; as a loss Milletari, Navab and Ahmadi, "V-Net", 2016, sec. 3; plain
            sums: Drozdzal et al., "The Importance of Skip Connections", 2016, eq. 3.

        Example:
            >>> prediction, target = B.asarray([1.0, 1.0, 0.0, 0.0]), B.asarray([1.0, 0.0, 1.0, 0.0])
            >>> round(float(B.dice(prediction, target)), 6)
            0.5
        """
        xp = self.xp
        axes = _reduced_axes(axis, prediction.ndim)
        p, y = prediction, target
        if sample_weight is not None:
            row = _rows(self, sample_weight, p, axes)
            p, y = counted(self, p, row), counted(self, y, row)
        unequal = xp.sum(p * (1.0 - y) + y * (1.0 - p), axis=axes)
        return elementwise(self, unequal / (xp.sum(p + y, axis=axes) + eps), sample_weight, reduction)
