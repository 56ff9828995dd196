"""Divergences between distributions."""

from __future__ import annotations

import math

from nnspec import _validate as check
from nnspec.operation import Array, Family, operation
from nnspec.ops.losses._checks import counted_within, reducible, sample_weights
from nnspec.ops.losses._shared import counted, elementwise, kept

__all__ = ["Divergences"]


def _kl_divergence(
    self: Family,
    log_q: Array,
    p: Array,
    *,
    axis: int = -1,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    check.floating(self, "log_q", log_q)
    check.rank("log_q", log_q, 1)
    check.same_dtype(self, "p", p, "log_q", log_q)
    check.shape("p", p, tuple(log_q.shape), "(that of log_q)")
    position = check.axis("axis", axis, p.ndim)
    samples = tuple(n for i, n in enumerate(p.shape) if i != position)
    sample_weights(self, sample_weight, "log_q", log_q, samples)
    reducible(reduction, samples)
    row = None
    if sample_weight is not None:
        row = self.xp.broadcast_to(self.xp.reshape(sample_weight, kept(p, axis)), p.shape)
    counted_within(self, "p", p, row, 0, math.inf, what="probabilities")


class Divergences(Family):
    """How far one distribution is from another."""

    @operation(since="1.0", check=_kl_divergence)
    def kl_divergence(
        self,
        log_q: Array,
        p: Array,
        *,
        axis: int = -1,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Kullback-Leibler divergence of p from q: `l = sum_c p_c (log p_c - log_q_c)`, 0 log 0 being 0.

        The sum is over the classes, the mean over all that remains.

        Args:
            log_q: `(..., classes, ...)`, floating, logarithms of the probabilities that are judged.
            p: the shape and dtype of `log_q`, the probabilities they are judged by, >= 0.
            axis: the axis that is summed over.
            sample_weight: in the shape of `log_q` without `axis` and its dtype, values >= 0, or None.
            reduction: "mean", "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `log_q` without `axis`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes differ, or there is no axis.
            ArgumentError: no such axis; another `reduction`; "mean" of no sample; and, where looking costs
                nothing, a negative probability or weight.

        Requires:
            [KL_DIVERGENCE-1] p (log p - log_q), in this order of the arguments, summed over the classes; the
                mean is over samples.
            [KL_DIVERGENCE-2] Where p is 0 the term is 0 and so are its derivatives, whatever log_q is, -inf and
                NaN included.
            [KL_DIVERGENCE-3] The derivative with respect to log_q is -p, to p log p - log_q + 1.
            [KL_DIVERGENCE-4] inf where p > 0 and log_q is -inf; NaN of p propagates.
            [KL_DIVERGENCE-5] With weights the mean is sum(w l) / sum(w), 0 where sum(w) is 0; a sample of
                weight 0 reaches neither value nor gradient.

        Differs:
            torch divides by the number of elements in its mean and is NaN at p = 0 where log_q is -inf; Keras
            takes (p, q) and clips both to [1e-7, 1].

        Source:
            Kullback and Leibler, "On Information and Sufficiency", 1951, eq. 2.4.

        Example:
            >>> log_q = B.xp.log(B.asarray([0.25, 0.25, 0.5]))
            >>> round(float(B.kl_divergence(log_q, B.asarray([0.5, 0.0, 0.5]))), 6)
            0.346574
        """
        xp = self.xp
        row = None if sample_weight is None else xp.reshape(sample_weight, kept(p, axis))
        log_q, p = counted(self, log_q, row), counted(self, p, row)
        none = p <= 0
        ratio = xp.log(xp.where(none, 1.0, p)) - xp.where(none, 0.0, log_q)
        return elementwise(self, xp.sum(xp.where(none, 0.0, p * ratio), axis=axis), sample_weight, reduction)
