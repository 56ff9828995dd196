"""Likelihoods of numbers: counts and measurements."""

from __future__ import annotations

import math

from nnspec import _validate as check
from nnspec.operation import Array, Family, operation
from nnspec.ops.losses._checks import counted_within, pair
from nnspec.ops.losses._shared import counted, elementwise

__all__ = ["Densities"]


def _poisson(
    self: Family,
    prediction: Array,
    target: Array,
    *,
    log_input: bool,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    pair(self, prediction, target, sample_weight=sample_weight, reduction=reduction)
    check.flag("log_input", log_input)
    if not log_input:
        counted_within(self, "prediction", prediction, sample_weight, 0, math.inf, what="rates")
    counted_within(self, "target", target, sample_weight, 0, math.inf, what="counts")


def _gaussian(
    self: Family,
    prediction: Array,
    target: Array,
    variance: Array,
    *,
    eps: float = 1e-6,
    full: bool = False,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    pair(self, prediction, target, sample_weight=sample_weight, reduction=reduction)
    check.same_dtype(self, "variance", variance, "prediction", prediction)
    check.shape("variance", variance, tuple(prediction.shape), "(that of prediction)")
    check.number("eps", eps, low=0, low_open=True)
    check.flag("full", full)
    counted_within(self, "variance", variance, sample_weight, 0, math.inf, what="variances")


class Densities(Family):
    """Negative logarithms of a density, of which the prediction gives the parameters."""

    @operation(since="1.0", check=_poisson)
    def poisson_nll(
        self,
        prediction: Array,
        target: Array,
        *,
        log_input: bool,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Negative log-likelihood of counts: `l = r - t log(r)`, r the rate and t the target.

        The term log(t!), which does not depend on the rate, is left out.

        Args:
            prediction: `(...)`, floating: log(r) if `log_input`, else r >= 0.
            target: the shape and dtype of `prediction`, values >= 0.
            log_input: whether the prediction is the logarithm of the rate; there is no default.
            sample_weight: the shape and dtype of `prediction`, values >= 0, or None for 1 everywhere.
            reduction: "mean" (over elements), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `prediction`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes differ.
            ArgumentError: another `reduction`, "mean" of no element, `log_input` is not True or False; and,
                where looking costs nothing, a negative weight, or a negative rate or target of weight other
                than 0.

        Requires:
            [POISSON_NLL-1] exp(x) - t x of a logarithm x, r - t log(r) of a rate r: one value at
                r = exp(x).
            [POISSON_NLL-2] Nothing is added to the rate: the loss of the rate 1e-20 is 46.05 at t = 1.
            [POISSON_NLL-3] Where t = 0 the rate 0 has loss 0 and derivative 1, and its logarithm -inf loss 0
                and derivative 0; where t > 0 both have the loss inf.
            [POISSON_NLL-4] The mean is over all elements, with weights sum(w l) / sum(w), 0 where sum(w)
                is 0.
            [POISSON_NLL-5] An element of weight 0 reaches neither value nor gradient, even NaN or infinite;
                NaN of any other element propagates.

        Differs:
            torch takes logarithms unless told otherwise and adds 1e-8 to rates, and offers Stirling's
            approximation of log(t!); Keras takes rates and adds 1e-7 to them.

        Source:
            Nelder and Wedderburn, "Generalized Linear Models", 1972.

        Example:
            >>> rate, count = B.asarray([1.0, 0.0]), B.asarray([3.0, 0.0])
            >>> B.to_numpy(B.poisson_nll(rate, count, log_input=False, reduction="none")).tolist()
            [1.0, 0.0]
        """
        xp = self.xp
        x, t = counted(self, prediction, sample_weight), counted(self, target, sample_weight)
        # 0 * log(0) is 0 here, and only that
        if log_input:
            loss = xp.exp(x) - t * xp.where((t == 0) & (x == -math.inf), 0.0, x)
        else:
            loss = x - t * xp.log(xp.where((t == 0) & (x == 0), 1.0, x))
        return elementwise(self, loss, sample_weight, reduction)

    @operation(since="1.0", check=_gaussian)
    def gaussian_nll(
        self,
        prediction: Array,
        target: Array,
        variance: Array,
        *,
        eps: float = 1e-6,
        full: bool = False,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Negative log-likelihood of a normal variable: `l = (log(v) + (prediction - target)^2 / v) / 2`.

        v is max(variance, eps). The constant log(2 pi) / 2 is left out unless `full`.

        Args:
            prediction: `(...)`, floating: the mean.
            target: the shape and dtype of `prediction`.
            variance: the shape and dtype of `prediction`, values >= 0.
            eps: the smallest variance that counts, > 0.
            full: whether to add log(2 pi) / 2 to each loss.
            sample_weight: the shape and dtype of `prediction`, values >= 0, or None for 1 everywhere.
            reduction: "mean" (over elements), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `prediction`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes differ.
            ArgumentError: another `reduction`, "mean" of no element, `eps` is not a finite number > 0, `full`
                is not True or False; and, where looking costs nothing, a negative weight, or a negative
                variance of weight other than 0.

        Requires:
            [GAUSSIAN_NLL-1] Half of the logarithm of the variance, and of the square of the distance in standard
                deviations: it is divided before it is squared.
            [GAUSSIAN_NLL-2] A variance of eps or less counts as eps, and the derivative with respect to it is
                0 there.
            [GAUSSIAN_NLL-3] full adds log(2 pi) / 2 to every loss, before weights.
            [GAUSSIAN_NLL-4] The mean is over all elements, with weights sum(w l) / sum(w), 0 where sum(w)
                is 0.
            [GAUSSIAN_NLL-5] An element of weight 0 reaches neither value nor gradient, even NaN or infinite;
                NaN of any other element propagates.

        Differs:
            torch differentiates by a variance below eps as if it were eps, and broadcasts.

        Source:
            Nix and Weigend, "Estimating the Mean and Variance of the Target Probability Distribution", 1994.

        Example:
            >>> mean, x, variance = B.asarray([1.0, 0.0]), B.asarray([3.0, 0.0]), B.asarray([1.0, 1.0])
            >>> B.to_numpy(B.gaussian_nll(mean, x, variance, reduction="none")).tolist()
            [2.0, 0.0]
        """
        xp = self.xp
        d, v = counted(self, prediction - target, sample_weight), counted(self, variance, sample_weight)
        v = xp.where(v <= eps, eps, v)
        z = d / xp.sqrt(v)
        loss = 0.5 * (xp.log(v) + z * z)
        if full:
            loss = loss + 0.5 * math.log(2 * math.pi)
        return elementwise(self, loss, sample_weight, reduction)
