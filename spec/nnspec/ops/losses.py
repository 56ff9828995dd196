"""Losses: elementwise distances, and likelihoods of classes.

Three rules hold for all of them. A reduction "none" gives the (weighted) loss of every sample, "sum" adds
them up, "mean" divides that sum by the sum of the weights, which is the number of samples where there are
none, and is 0 where the weights add up to 0. Shapes must agree exactly: nothing is broadcast. A sample of
weight 0 counts as absent: whatever is in it, NaN included, reaches neither value nor gradient. Weights are
constants: no derivative with respect to them is required.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable

from nnspec import _validate as check
from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec.operation import Array, Family, operation
from nnspec.ops._common import magnitude

__all__ = ["Losses"]

_REDUCTIONS = ("mean", "sum", "none")


# -- checks ------------------------------------------------------------------------------------------------


def _reduction(reduction: str, shape: tuple[int, ...]) -> None:
    check.choice("reduction", reduction, _REDUCTIONS)
    if reduction == "mean" and 0 in shape:
        raise ArgumentError(f"reduction: expected 'sum' or 'none' for no samples (shape {shape}), got 'mean'")


def _sample_weight(self: Family, weight: Array | None, like: str, y: Array, shape: tuple[int, ...]) -> None:
    if weight is None:
        return
    check.same_dtype(self, "sample_weight", weight, like, y)
    check.shape("sample_weight", weight, shape, "(one a sample)")
    check.values_within(self, "sample_weight", weight, 0, math.inf, what="weights")


def _regression(
    self: Family,
    prediction: Array,
    target: Array,
    *,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    check.floating(self, "prediction", prediction)
    check.same_dtype(self, "target", target, "prediction", prediction)
    shape = tuple(prediction.shape)
    check.shape("target", target, shape, "(that of prediction)")
    _sample_weight(self, sample_weight, "prediction", prediction, shape)
    _reduction(reduction, shape)


def _logarithmic(
    self: Family,
    prediction: Array,
    target: Array,
    *,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    _regression(self, prediction, target, sample_weight=sample_weight, reduction=reduction)
    if sample_weight is not None and not self.is_concrete(sample_weight):
        return
    for name, x in (("prediction", prediction), ("target", target)):
        if self.is_concrete(x):
            host = self.to_numpy(x)
            counted = host if sample_weight is None else host[self.to_numpy(sample_weight) != 0]
            check.host_values_within(name, counted, -1, math.inf, low_open=True)


def _class_arguments(
    self: Family,
    name: str,
    x: Array,
    weight: Array | None,
    axis: int,
    sample_weight: Array | None,
    reduction: str,
) -> tuple[int, ...]:
    """Checks what all class losses share; returns the shape of the per-sample loss."""
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
    _sample_weight(self, sample_weight, name, x, samples)
    _reduction(reduction, samples)
    return samples


def _labels(self: Family, target: Array, samples: tuple[int, ...], classes: int, ignore_index: int | None) -> None:
    check.shape("target", target, samples, "(one class index a sample)")
    if ignore_index is None:
        check.values_within(self, "target", target, 0, classes - 1, what="class indices")
        return
    if isinstance(ignore_index, bool) or not isinstance(ignore_index, int) or abs(ignore_index) >= 1 << 31:
        raise ArgumentError(f"ignore_index: expected None or an integer of 32 bits, got {ignore_index!r}")
    if self.is_concrete(target):
        labels = self.to_numpy(target)
        check.host_values_within("target", labels[labels != ignore_index], 0, classes - 1, what="class indices")


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
    samples = _class_arguments(self, "logits", logits, weight, axis, sample_weight, reduction)
    check.number("label_smoothing", label_smoothing, low=0, high=1)
    if self.is_integer(target):
        _labels(self, target, samples, logits.shape[axis], ignore_index)
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
    samples = _class_arguments(self, "log_prob", log_prob, weight, axis, sample_weight, reduction)
    check.integer(self, "target", target)
    _labels(self, target, samples, log_prob.shape[axis], ignore_index)


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
    _sample_weight(self, sample_weight, "logits", logits, shape)
    _reduction(reduction, shape)


# -- what the definitions share ----------------------------------------------------------------------------


def _counted(self: Family, x: Array, weight: Array | None) -> Array:
    """`x` with 0 in place of the elements that have weight 0, so that nothing flows from or to them."""
    return x if weight is None else self.xp.where(weight == 0, 0.0, x)


def _reduced(self: Family, weighted: Array, weight: Array | None, reduction: str) -> Array:
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


def _elementwise(self: Family, loss: Array, weight: Array | None, reduction: str) -> Array:
    return _reduced(self, loss if weight is None else weight * loss, weight, reduction)


def _along(x: Array, axis: int) -> tuple[int, ...]:
    """The shape that puts a vector along `axis` of `x`."""
    return tuple(-1 if i == axis % x.ndim else 1 for i in range(x.ndim))


def _kept(x: Array, axis: int) -> tuple[int, ...]:
    """The shape of `x` reduced over `axis`, the axis kept."""
    return tuple(1 if i == axis % x.ndim else n for i, n in enumerate(x.shape))


def _one_hot(self: Family, target: Array, x: Array, axis: int) -> Array:
    """1 where the class along `axis` of `x` is that of `target`, else 0; no 1 for a label out of range."""
    xp = self.xp
    labels = xp.reshape(xp.astype(target, xp.int32), _kept(x, axis))
    classes = xp.reshape(xp.arange(x.shape[axis], dtype=xp.int32, **self.placement(x)), _along(x, axis))
    return xp.where(labels == classes, 1.0, xp.zeros_like(x))


def _row_weight(
    self: Family, target: Array, x: Array, axis: int, ignore_index: int | None, sample_weight: Array | None
) -> Array | None:
    """The weight of every sample, `axis` kept; 0 where it is ignored, None where all weigh 1."""
    xp = self.xp
    shape = _kept(x, axis)
    weight = None if sample_weight is None else xp.reshape(sample_weight, shape)
    if ignore_index is None:
        return weight
    if weight is None:
        weight = xp.ones(shape, dtype=x.dtype, **self.placement(x))
    return xp.where(xp.reshape(xp.astype(target, xp.int32), shape) == ignore_index, 0.0, weight)


def _class_weight(self: Family, weight: Array | None, x: Array, axis: int) -> Array | None:
    return None if weight is None else self.xp.reshape(weight, _along(x, axis))


def _product(*factors: Array | None) -> Array:
    """The product of those that are not None, of which there is one."""
    return functools.reduce(operator.mul, [factor for factor in factors if factor is not None])


class Losses(Family):
    """Losses. Each takes a `reduction`, "mean", "sum" or "none", and a `sample_weight`, one a sample."""

    log_softmax: Callable[..., Array]
    softplus: Callable[..., Array]

    @operation(since="1.0", check=_regression)
    def mean_absolute_error(
        self, prediction: Array, target: Array, *, sample_weight: Array | None = None, reduction: str = "mean"
    ) -> Array:
        """Absolute error: `l = |prediction - target|`.

        Args:
            prediction: `(...)`, floating.
            target: the shape and dtype of `prediction`.
            sample_weight: the shape and dtype of `prediction`, values >= 0, or None for 1 everywhere.
            reduction: "mean" (over elements), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `prediction`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes differ.
            ArgumentError: another `reduction`, "mean" of no element, or a negative weight.

        Requires:
            [MEAN_ABSOLUTE_ERROR-1] The mean is over all elements, with weights sum(w l) / sum(w), 0 where
                sum(w) is 0.
            [MEAN_ABSOLUTE_ERROR-2] The derivative is 0 where prediction equals target.
            [MEAN_ABSOLUTE_ERROR-3] An element of weight 0 reaches neither value nor gradient, even NaN or
                infinite.
            [MEAN_ABSOLUTE_ERROR-4] NaN of any other element propagates.

        Differs:
            JAX's `abs` has derivative 1 at 0; Keras squeezes and torch broadcasts unequal shapes; Keras
            divides a weighted sum by the number of elements.

        Source:
            Laplace 1774; Goodfellow, Bengio and Courville, "Deep Learning", 2016, sec. 6.2.1.2.

        Example:
            >>> float(B.mean_absolute_error(B.asarray([1.0, 2.0]), B.asarray([3.0, 2.0])))
            1.0
        """
        difference = _counted(self, prediction - target, sample_weight)
        return _elementwise(self, magnitude(self, difference), sample_weight, reduction)

    @operation(since="1.0", check=_regression)
    def mean_squared_error(
        self, prediction: Array, target: Array, *, sample_weight: Array | None = None, reduction: str = "mean"
    ) -> Array:
        """Squared error: `l = (prediction - target)^2`, without a factor 1/2.

        Args:
            prediction: `(...)`, floating.
            target: the shape and dtype of `prediction`.
            sample_weight: the shape and dtype of `prediction`, values >= 0, or None for 1 everywhere.
            reduction: "mean" (over elements), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `prediction`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes differ.
            ArgumentError: another `reduction`, "mean" of no element, or a negative weight.

        Requires:
            [MEAN_SQUARED_ERROR-1] The mean is over all elements, with weights sum(w l) / sum(w), 0 where
                sum(w) is 0.
            [MEAN_SQUARED_ERROR-2] There is no factor 1/2: the derivative of the sum is 2 (prediction -
                target).
            [MEAN_SQUARED_ERROR-3] An element of weight 0 reaches neither value nor gradient, even NaN or
                infinite.

        Differs:
            `optax.l2_loss` has a factor 1/2; torch broadcasts unequal shapes with a warning.

        Source:
            Gauss 1809; Rumelhart, Hinton and Williams 1986.

        Example:
            >>> float(B.mean_squared_error(B.asarray([1.0, 2.0]), B.asarray([3.0, 2.0])))
            2.0
        """
        difference = _counted(self, prediction - target, sample_weight)
        return _elementwise(self, difference * difference, sample_weight, reduction)

    @operation(since="1.0", check=_logarithmic)
    def mean_squared_logarithmic_error(
        self, prediction: Array, target: Array, *, sample_weight: Array | None = None, reduction: str = "mean"
    ) -> Array:
        """Squared error of logarithms: `l = (log(1 + prediction) - log(1 + target))^2`.

        Args:
            prediction: `(...)`, floating, values > -1.
            target: the shape and dtype of `prediction`, values > -1.
            sample_weight: the shape and dtype of `prediction`, values >= 0, or None for 1 everywhere.
            reduction: "mean" (over elements), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `prediction`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes differ.
            ArgumentError: another `reduction`, "mean" of no element, a negative weight, or a value <= -1 of
                weight other than 0 (where looking costs nothing).

        Requires:
            [MEAN_SQUARED_LOGARITHMIC_ERROR-1] The mean is over all elements, with weights sum(w l) / sum(w),
                0 where sum(w) is 0.
            [MEAN_SQUARED_LOGARITHMIC_ERROR-2] log1p, so that values near 0 keep their relative accuracy;
                nothing is clipped.
            [MEAN_SQUARED_LOGARITHMIC_ERROR-3] An element of weight 0 reaches neither value nor gradient, even
                NaN, infinite or <= -1.

        Differs:
            Keras clips both arguments to at least 1e-7.

        Source:
            Known from Kaggle's RMSLE; Keras, `MeanSquaredLogarithmicError`.

        Example:
            >>> prediction, target = B.asarray([0.0, 1.0]), B.asarray([0.0, 0.0])
            >>> round(float(B.mean_squared_logarithmic_error(prediction, target, reduction="sum")), 6)
            0.480453
        """
        log1p = self.xp.log1p
        difference = log1p(_counted(self, prediction, sample_weight)) - log1p(_counted(self, target, sample_weight))
        return _elementwise(self, difference * difference, sample_weight, reduction)

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
        p = _one_hot(self, target, logits, axis) if self.is_integer(target) else target
        row = _row_weight(self, target, logits, axis, ignore_index, sample_weight)
        classes = _class_weight(self, weight, logits, axis)
        p = _counted(self, p, row)
        q = p
        if label_smoothing > 0:
            q = (1.0 - label_smoothing) * p + label_smoothing / logits.shape[axis]
        coefficient = _product(row, classes, q)
        if row is not None or classes is not None:
            logits = _counted(self, logits, xp.sum(coefficient, axis=axis, keepdims=True))
        log_prob = self.log_softmax(logits, axis=axis)
        # 0 * -inf is 0 here, and only that: elsewhere the derivative of probabilities that are 0 stays
        log_prob = xp.where(coefficient == 0, xp.where(log_prob == -math.inf, 0.0, log_prob), log_prob)
        loss = -xp.sum(coefficient * log_prob, axis=axis)
        return _reduced(self, loss, row if classes is None else _product(row, classes, p), reduction)

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
        row = _row_weight(self, target, log_prob, axis, ignore_index, sample_weight)
        hit = _counted(self, _one_hot(self, target, log_prob, axis), row)
        coefficient = _product(row, _class_weight(self, weight, log_prob, axis), hit)
        loss = -xp.sum(coefficient * _counted(self, log_prob, coefficient), axis=axis)
        return _reduced(self, loss, row if weight is None else coefficient, reduction)

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
        x, y = _counted(self, logits, sample_weight), _counted(self, target, sample_weight)
        if label_smoothing > 0:
            y = (1.0 - label_smoothing) * y + label_smoothing / 2
        tail = self.softplus(-x)
        if pos_weight is not None:
            tail = (1.0 + (pos_weight - 1.0) * y) * tail
        return _elementwise(self, (1.0 - y) * x + tail, sample_weight, reduction)
