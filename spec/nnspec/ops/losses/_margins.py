"""Hinges: losses that are 0 from a margin of 1 on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nnspec import _validate as check
from nnspec.errors import ArgumentError
from nnspec.operation import Array, Family, operation
from nnspec.ops.losses._checks import class_arguments, class_labels, counted_values, pair
from nnspec.ops.losses._shared import class_weight, counted, elementwise, one_hot, product, row_weight

__all__ = ["Margins"]


def _signed(
    self: Family,
    prediction: Array,
    target: Array,
    *,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    pair(self, prediction, target, sample_weight=sample_weight, reduction=reduction)
    host = counted_values(self, target, sample_weight)
    if host is None:
        return
    other = host[(np.abs(host) != 1) & ~np.isnan(host)]  # NaN passes: it propagates
    if other.size:
        raise ArgumentError(f"target: expected labels -1 or 1, got {other.flat[0]:g}")


def _multiclass(
    self: Family,
    scores: Array,
    target: Array,
    *,
    weight: Array | None = None,
    axis: int = -1,
    ignore_index: int | None = None,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    samples = class_arguments(self, "scores", scores, weight, axis, sample_weight, reduction)
    check.integer(self, "target", target)
    class_labels(self, target, samples, scores.shape[axis], ignore_index)


class Margins(Family):
    """What lies on the wrong side of a margin, of one class of two or of several."""

    relu: Callable[..., Array]

    @operation(since="1.0", check=_signed)
    def hinge(
        self, prediction: Array, target: Array, *, sample_weight: Array | None = None, reduction: str = "mean"
    ) -> Array:
        """Hinge loss: `l = max(0, 1 - target prediction)`.

        Args:
            prediction: `(...)`, floating: scores, whose sign is the class.
            target: the shape and dtype of `prediction`, each -1 or 1; labels, by which nobody differentiates.
            sample_weight: the shape and dtype of `prediction`, values >= 0, or None for 1 everywhere.
            reduction: "mean" (over elements), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `prediction`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes differ.
            ArgumentError: another `reduction`, "mean" of no element; and, where looking costs nothing, a
                negative weight, or a label other than -1 and 1 of weight other than 0.

        Requires:
            [HINGE-1] 1 - target prediction where that is positive, else 0; labels 0 are refused, never
                converted.
            [HINGE-2] The derivative where the margin is exactly 1 is 0.
            [HINGE-3] The mean is over all elements, with weights sum(w l) / sum(w), 0 where sum(w) is 0.
            [HINGE-4] An element of weight 0 reaches neither value nor gradient, even NaN or infinite;
                NaN of any other element propagates.

        Differs:
            Keras converts labels 0 to -1, but only if every label of the batch is 0 or 1; torch's
            `hinge_embedding_loss` is another function; a maximum has derivative -target / 2 at the margin 1.

        Source:
            Cortes and Vapnik, "Support-Vector Networks", 1995.

        Example:
            >>> prediction, target = B.asarray([0.25, -2.0, 3.0]), B.asarray([1.0, 1.0, 1.0])
            >>> B.to_numpy(B.hinge(prediction, target, reduction="none")).tolist()
            [0.75, 3.0, 0.0]
        """
        slack = self.relu(1.0 - counted(self, target, sample_weight) * counted(self, prediction, sample_weight))
        return elementwise(self, slack, sample_weight, reduction)

    @operation(since="1.0", check=_signed)
    def squared_hinge(
        self, prediction: Array, target: Array, *, sample_weight: Array | None = None, reduction: str = "mean"
    ) -> Array:
        """Squared hinge loss: `l = max(0, 1 - target prediction)^2`.

        Args:
            prediction: `(...)`, floating: scores, whose sign is the class.
            target: the shape and dtype of `prediction`, each -1 or 1; labels, by which nobody differentiates.
            sample_weight: the shape and dtype of `prediction`, values >= 0, or None for 1 everywhere.
            reduction: "mean" (over elements), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `prediction`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes differ.
            ArgumentError: another `reduction`, "mean" of no element; and, where looking costs nothing, a
                negative weight, or a label other than -1 and 1 of weight other than 0.

        Requires:
            [SQUARED_HINGE-1] The square of hinge's loss, without a factor 1/2; labels 0 are refused, never
                converted.
            [SQUARED_HINGE-2] The derivative is -2 target (1 - target prediction) inside the margin, and 0
                from a margin of exactly 1 on.
            [SQUARED_HINGE-3] The mean is over all elements, with weights sum(w l) / sum(w), 0 where sum(w)
                is 0.
            [SQUARED_HINGE-4] An element of weight 0 reaches neither value nor gradient, even NaN or infinite;
                NaN of any other element propagates.

        Differs:
            Keras converts labels 0 to -1, but only if every label of the batch is 0 or 1.

        Source:
            Cortes and Vapnik, "Support-Vector Networks", 1995.

        Example:
            >>> prediction, target = B.asarray([0.5, -2.0, 3.0]), B.asarray([1.0, 1.0, 1.0])
            >>> B.to_numpy(B.squared_hinge(prediction, target, reduction="none")).tolist()
            [0.25, 9.0, 0.0]
        """
        slack = self.relu(1.0 - counted(self, target, sample_weight) * counted(self, prediction, sample_weight))
        return elementwise(self, slack * slack, sample_weight, reduction)

    @operation(since="1.0", check=_multiclass)
    def multiclass_hinge(
        self,
        scores: Array,
        target: Array,
        *,
        weight: Array | None = None,
        axis: int = -1,
        ignore_index: int | None = None,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Multiclass hinge loss: `l = w_y (max_c (s_c + [c != y]) - s_y)`, y the target class.

        The mean is `sum_i v_i l_i / sum_i v_i w_(y_i)` with sample weights v and class weights w.

        Args:
            scores: `(..., classes, ...)`, floating, the classes along `axis`: s.
            target: class indices, integers of any width in the shape of `scores` without `axis`.
            weight: `(classes,)`, of the dtype of `scores`, values >= 0, or None for 1 everywhere.
            axis: the class axis of `scores`.
            ignore_index: samples with this label count as absent.
            sample_weight: in the shape of `target` and the dtype of `scores`, values >= 0, or None.
            reduction: "mean", "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `target`.

        Raises:
            DTypeError: `scores` or a weight is not floating, `target` not integer.
            ShapeError: a shape is not as above, or there is no class.
            ArgumentError: no such axis; another `reduction`; "mean" of no sample; and, where looking costs
                nothing, a label outside [0, classes) that is not `ignore_index`, or a negative weight.

        Requires:
            [MULTICLASS_HINGE-1] The largest violation alone counts: 0 where the target class leads every
                other by 1 or more, else 1 plus the lead of the best other class. It is of the differences,
                so that a large common offset costs no accuracy.
            [MULTICLASS_HINGE-2] The derivative is shared equally among all classes that attain the maximum,
                the target class with its 0 included.
            [MULTICLASS_HINGE-3] With class weights the mean is divided by the summed weight of the targets.
            [MULTICLASS_HINGE-4] Ignored samples and those of weight 0 reach neither value, divisor nor
                gradient; where nothing is left the mean is 0.
            [MULTICLASS_HINGE-5] Another class at -inf has no influence; a target class at -inf gives inf; NaN of
                any class propagates.

        Differs:
            Keras' `categorical_hinge` lets the target class enter the maximum as a score of 0; torch's
            `multi_margin_loss` adds up every violation and divides by the number of classes.

        Source:
            Crammer and Singer, "On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines",
            2001.

        Example:
            >>> scores = B.asarray([[2.0, 1.5, 0.0], [0.0, 3.0, -1.0]])
            >>> B.to_numpy(B.multiclass_hinge(scores, B.asarray([0, 1]), reduction="none")).tolist()
            [0.5, 0.0]
        """
        xp = self.xp
        hit = one_hot(self, target, scores, axis) == 1
        row = row_weight(self, target, scores, axis, ignore_index, sample_weight)
        if weight is not None:
            of_target = xp.where(hit, class_weight(self, weight, scores, axis), 0.0)
            row = product(row, xp.sum(of_target, axis=axis, keepdims=True))
        scores = counted(self, scores, row)
        own = xp.sum(xp.where(hit, scores, 0.0), axis=axis, keepdims=True)
        violation = xp.max(xp.where(hit, 0.0, (scores - own) + 1.0), axis=axis)
        return elementwise(self, violation, None if row is None else xp.reshape(row, violation.shape), reduction)
