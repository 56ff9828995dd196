"""Elementwise distances of a prediction from a target."""

from __future__ import annotations

import math

from nnspec import _validate as check
from nnspec.operation import Array, Family, operation
from nnspec.ops._common import magnitude
from nnspec.ops.losses._checks import counted_within, pair
from nnspec.ops.losses._shared import counted, elementwise

__all__ = ["Distances"]


def _logarithmic(
    self: Family,
    prediction: Array,
    target: Array,
    *,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    pair(self, prediction, target, sample_weight=sample_weight, reduction=reduction)
    for name, x in (("prediction", prediction), ("target", target)):
        counted_within(self, name, x, sample_weight, -1, math.inf, low_open=True)


def _huber(
    self: Family,
    prediction: Array,
    target: Array,
    *,
    delta: float = 1.0,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    pair(self, prediction, target, sample_weight=sample_weight, reduction=reduction)
    check.number("delta", delta, low=0, low_open=True)


def _smooth_l1(
    self: Family,
    prediction: Array,
    target: Array,
    *,
    beta: float = 1.0,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    pair(self, prediction, target, sample_weight=sample_weight, reduction=reduction)
    check.number("beta", beta, low=0, low_open=True)


def _percentage(
    self: Family,
    prediction: Array,
    target: Array,
    *,
    eps: float = 1e-7,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    pair(self, prediction, target, sample_weight=sample_weight, reduction=reduction)
    check.number("eps", eps, low=0, low_open=True)


class Distances(Family):
    """Each has one loss an element."""

    @operation(since="1.0", check=pair)
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
        difference = counted(self, prediction - target, sample_weight)
        return elementwise(self, magnitude(self, difference), sample_weight, reduction)

    @operation(since="1.0", check=pair)
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
        difference = counted(self, prediction - target, sample_weight)
        return elementwise(self, difference * difference, sample_weight, reduction)

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
        difference = log1p(counted(self, prediction, sample_weight)) - log1p(counted(self, target, sample_weight))
        return elementwise(self, difference * difference, sample_weight, reduction)

    @operation(since="1.0", check=_huber)
    def huber(
        self,
        prediction: Array,
        target: Array,
        *,
        delta: float = 1.0,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Huber's loss: `l = d^2 / 2` where `|d| <= delta`, else `delta (|d| - delta / 2)`.

        d is prediction - target.

        Args:
            prediction: `(...)`, floating.
            target: the shape and dtype of `prediction`.
            delta: where the parabola turns into a line, > 0.
            sample_weight: the shape and dtype of `prediction`, values >= 0, or None for 1 everywhere.
            reduction: "mean" (over elements), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `prediction`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes differ.
            ArgumentError: another `reduction`, "mean" of no element, a negative weight, or `delta` is not a
                finite number > 0.

        Requires:
            [HUBER-1] There is a factor 1/2, and the line has the slope delta: the derivative is d inside and
                delta sign(d) outside.
            [HUBER-2] Far outside nothing is squared: d = 1e30 has a finite loss in float32.
            [HUBER-3] The mean is over all elements, with weights sum(w l) / sum(w), 0 where sum(w) is 0.
            [HUBER-4] An element of weight 0 reaches neither value nor gradient, even NaN or infinite;
                NaN of any other element propagates.

        Differs:
            Keras squeezes, torch and optax broadcast unequal shapes.

        Source:
            Huber, "Robust Estimation of a Location Parameter", 1964.

        Example:
            >>> B.to_numpy(B.huber(B.asarray([1.0, 5.0]), B.asarray([0.0, 0.0]), delta=2.0, reduction="none")).tolist()
            [0.5, 8.0]
        """
        xp = self.xp
        d = counted(self, prediction - target, sample_weight)
        bounded = xp.where(d > delta, delta, xp.where(d < -delta, -delta, d))
        return elementwise(self, bounded * (d - 0.5 * bounded), sample_weight, reduction)

    @operation(since="1.0", check=_smooth_l1)
    def smooth_l1(
        self,
        prediction: Array,
        target: Array,
        *,
        beta: float = 1.0,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Smooth absolute error: `l = d^2 / (2 beta)` where `|d| <= beta`, else `|d| - beta / 2`.

        d is prediction - target. This is Huber's loss with delta = beta, divided by beta.

        Args:
            prediction: `(...)`, floating.
            target: the shape and dtype of `prediction`.
            beta: where the parabola turns into a line of slope 1, > 0.
            sample_weight: the shape and dtype of `prediction`, values >= 0, or None for 1 everywhere.
            reduction: "mean" (over elements), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `prediction`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes differ.
            ArgumentError: another `reduction`, "mean" of no element, a negative weight, or `beta` is not a
                finite number > 0.

        Requires:
            [SMOOTH_L1-1] Equal to huber with delta = beta, divided by beta: the line has the slope 1 for
                every beta.
            [SMOOTH_L1-2] The derivative is d / beta inside, thus 0 at 0, and sign(d) outside.
            [SMOOTH_L1-3] The mean is over all elements, with weights sum(w l) / sum(w), 0 where sum(w) is 0.
            [SMOOTH_L1-4] An element of weight 0 reaches neither value nor gradient, even NaN or infinite;
                NaN of any other element propagates.

        Differs:
            torch admits beta = 0, the absolute error, whose derivative at 0 differs there between devices.

        Source:
            Girshick, "Fast R-CNN", 2015, eq. 3.

        Example:
            >>> prediction, target = B.asarray([1.0, 5.0]), B.asarray([0.0, 0.0])
            >>> B.to_numpy(B.smooth_l1(prediction, target, beta=2.0, reduction="none")).tolist()
            [0.25, 4.0]
        """
        return self.huber(prediction, target, delta=beta, sample_weight=sample_weight, reduction=reduction) / beta

    @operation(since="1.0", check=pair)
    def log_cosh(
        self, prediction: Array, target: Array, *, sample_weight: Array | None = None, reduction: str = "mean"
    ) -> Array:
        """Logarithm of the hyperbolic cosine: `l = log(cosh(prediction - target))`.

        Near `d^2 / 2` for a small difference d, and near `|d| - log(2)` for a large one.

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
            [LOG_COSH-1] Finite for every finite difference: |d| - log(2) in the tails.
            [LOG_COSH-2] Full relative accuracy around 0, where the loss is d^2 / 2.
            [LOG_COSH-3] The derivative is tanh(d), of full relative accuracy too.
            [LOG_COSH-4] The mean is over all elements, with weights sum(w l) / sum(w), 0 where sum(w) is 0.
            [LOG_COSH-5] An element of weight 0 reaches neither value nor gradient, even NaN or infinite;
                NaN of any other element propagates.

        Differs:
            Keras and optax subtract log(2) at every d: in float32 their loss has no correct digit below about
            |d| = 3e-4.

        Source:
            Green, "Bayesian Reconstructions From Emission Tomography Data Using a Modified EM Algorithm", 1990.

        Example:
            >>> prediction, target = B.asarray([10.0, 1.0]), B.asarray([0.0, 0.0])
            >>> [round(v, 4) for v in B.to_numpy(B.log_cosh(prediction, target, reduction="none")).tolist()]
            [9.3069, 0.4338]
        """
        xp = self.xp
        a = magnitude(self, counted(self, prediction - target, sample_weight))
        near = a < 1
        m = xp.expm1(-a)
        e = 1.0 + m
        # cosh(a) = 1 + (1 - e)^2 / (2 e) = exp(a) (1 + e^2) / 2 with e = exp(-a); the first has no cancellation near 0
        z = xp.where(near, m * m / xp.where(near, 2.0 * e, 1.0), e * e)
        return elementwise(self, xp.where(near, 0.0, a - math.log(2)) + xp.log1p(z), sample_weight, reduction)

    @operation(since="1.0", check=_percentage)
    def mean_absolute_percentage_error(
        self,
        prediction: Array,
        target: Array,
        *,
        eps: float = 1e-7,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Absolute error in percent of the target: `l = 100 |prediction - target| / max(|target|, eps)`.

        Args:
            prediction: `(...)`, floating.
            target: the shape and dtype of `prediction`.
            eps: what a smaller target counts as, > 0.
            sample_weight: the shape and dtype of `prediction`, values >= 0, or None for 1 everywhere.
            reduction: "mean" (over elements), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `prediction`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes differ.
            ArgumentError: another `reduction`, "mean" of no element, a negative weight, or `eps` is not a
                finite number > 0.

        Requires:
            [MEAN_ABSOLUTE_PERCENTAGE_ERROR-1] A percentage, with the factor 100, of the magnitude of the
                target.
            [MEAN_ABSOLUTE_PERCENTAGE_ERROR-2] A target of magnitude eps or less counts as eps, and so does
                its derivative: the divisor is constant there.
            [MEAN_ABSOLUTE_PERCENTAGE_ERROR-3] The derivative is 0 where prediction equals target.
            [MEAN_ABSOLUTE_PERCENTAGE_ERROR-4] The mean is over all elements, with weights sum(w l) / sum(w), 0 where
                sum(w) is 0.
            [MEAN_ABSOLUTE_PERCENTAGE_ERROR-5] An element of weight 0 reaches neither value nor gradient, even NaN or
                infinite; NaN of any other element propagates.

        Differs:
            scikit-learn and torchmetrics have no factor 100 and another eps; `abs` of JAX has derivative 1 at
            0, and maximum shares the derivative at |target| = eps.

        Source:
            Makridakis, "Accuracy measures: theoretical and practical concerns", 1993.

        Example:
            >>> float(B.mean_absolute_percentage_error(B.asarray([3.0, 5.0]), B.asarray([4.0, -4.0])))
            125.0
        """
        t = counted(self, target, sample_weight)
        size = magnitude(self, t)
        divisor = self.xp.where(size <= eps, eps, size)
        error = magnitude(self, counted(self, prediction - target, sample_weight))
        return elementwise(self, 100.0 * (error / divisor), sample_weight, reduction)
