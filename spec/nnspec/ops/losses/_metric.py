"""Losses of embeddings: similarities, distances and contrasts."""

from __future__ import annotations

import math
from collections.abc import Callable

from nnspec import _validate as check
from nnspec.operation import Array, Family, operation
from nnspec.ops._common import root
from nnspec.ops.losses._checks import reducible, sample_weights
from nnspec.ops.losses._shared import counted, elementwise, kept, reduced

__all__ = ["Metric"]


def _rows(
    self: Family, name: str, x: Array, others: dict[str, Array], axis: int, weight: Array | None, reduction: str
) -> None:
    """Arrays of one shape and dtype, whose entries along `axis` are one sample."""
    check.floating(self, name, x)
    check.rank(name, x, 1)
    for other, y in others.items():
        check.same_dtype(self, other, y, name, x)
        check.shape(other, y, tuple(x.shape), f"(that of {name})")
    position = check.axis("axis", axis, x.ndim)
    samples = tuple(n for i, n in enumerate(x.shape) if i != position)
    sample_weights(self, weight, name, x, samples)
    reducible(reduction, samples)


def _cosine_similarity(
    self: Family,
    x: Array,
    y: Array,
    *,
    axis: int = -1,
    eps: float = 1e-8,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    _rows(self, "x", x, {"y": y}, axis, sample_weight, reduction)
    check.number("eps", eps, low=0, low_open=True)


def _triplet_margin(
    self: Family,
    anchor: Array,
    positive: Array,
    negative: Array,
    *,
    margin: float = 1.0,
    axis: int = -1,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    others = {"positive": positive, "negative": negative}
    _rows(self, "anchor", anchor, others, axis, sample_weight, reduction)
    check.number("margin", margin, low=0)


def _info_nce(
    self: Family,
    query: Array,
    key: Array,
    *,
    temperature: float = 0.07,
    symmetric: bool = False,
    sample_weight: Array | None = None,
    reduction: str = "mean",
) -> None:
    check.floating(self, "query", query)
    check.shape("query", query, ("batch", "features"))
    _rows(self, "query", query, {"key": key}, 1, sample_weight, reduction)
    check.number("temperature", temperature, low=0, low_open=True)
    check.flag("symmetric", symmetric)


def _counted_rows(self: Family, arrays: tuple[Array, ...], axis: int, weight: Array | None) -> tuple[Array, ...]:
    """The arrays with 0 in place of the samples of weight 0."""
    if weight is None:
        return arrays
    row = self.xp.reshape(weight, kept(arrays[0], axis))
    return tuple(counted(self, x, row) for x in arrays)


def _distance(self: Family, x: Array, y: Array, axis: int) -> Array:
    """The Euclidean distance, whose derivative at coincident points is 0."""
    difference = x - y
    return root(self, self.xp.sum(difference * difference, axis=axis))


def _matched(self: Metric, logits: Array, weight: Array | None) -> Array:
    """The cross-entropy of every row with its own column as the class; absent columns are no classes."""
    xp = self.xp
    if logits.shape[0] == 0:
        return xp.sum(logits, axis=1)
    if weight is not None:
        logits = xp.where(xp.reshape(weight == 0, (1, -1)), -math.inf, logits)
    own = xp.arange(logits.shape[0], dtype=xp.int32, **self.placement(logits))
    return self.cross_entropy(logits, own, sample_weight=weight, reduction="none")


class Metric(Family):
    """Losses that compare vectors, one a sample."""

    cross_entropy: Callable[..., Array]
    l2_normalize: Callable[..., Array]

    @operation(since="1.0", check=_cosine_similarity)
    def cosine_similarity(
        self,
        x: Array,
        y: Array,
        *,
        axis: int = -1,
        eps: float = 1e-8,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Cosine of the angle between vectors: `s = x / max(||x||, eps) . y / max(||y||, eps)`.

        It grows with similarity: as a loss to be made small take its negative.

        Args:
            x: `(..., features, ...)`, floating; its squares have to be in range.
            y: the shape and dtype of `x`.
            axis: the axis of the vectors' entries.
            eps: floor of each norm, > 0.
            sample_weight: in the shape of `x` without `axis` and its dtype, values >= 0, or None.
            reduction: "mean" (over pairs of vectors), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `x` without `axis`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes differ, or there is no axis.
            ArgumentError: no such axis; `eps` is not a finite number > 0; another `reduction`; "mean" of no
                sample; and, where looking costs nothing, a negative weight.

        Requires:
            [COSINE_SIMILARITY-1] 1 for vectors of one direction and -1 for opposite ones, whatever their
                lengths, where these are above eps.
            [COSINE_SIMILARITY-2] Each norm has its own floor: a vector shorter than eps is divided by eps, with
                the derivative of that, also at 0.
            [COSINE_SIMILARITY-3] With weights the mean is sum(w s) / sum(w), 0 where sum(w) is 0; a pair of
                weight 0 reaches neither value nor gradient.

        Differs:
            Keras' loss is the negative sum; optax has eps 0 by default, which is NaN at 0; the axis of
            `torch.nn.functional.cosine_similarity` is 1 by default, and its derivative below eps is another.

        Source:
            Salton and McGill, "Introduction to Modern Information Retrieval", 1983, sec. 6.

        Example:
            >>> x, y = B.asarray([[3.0, 0.0], [1.0, 1.0]]), B.asarray([[0.5, 0.0], [-1.0, -1.0]])
            >>> [round(s, 6) for s in B.to_numpy(B.cosine_similarity(x, y, reduction="none")).tolist()]
            [1.0, -1.0]
        """
        x, y = _counted_rows(self, (x, y), axis, sample_weight)
        cosines = self.l2_normalize(x, axis=axis, eps=eps) * self.l2_normalize(y, axis=axis, eps=eps)
        return elementwise(self, self.xp.sum(cosines, axis=axis), sample_weight, reduction)

    @operation(since="1.0", check=_triplet_margin)
    def triplet_margin(
        self,
        anchor: Array,
        positive: Array,
        negative: Array,
        *,
        margin: float = 1.0,
        axis: int = -1,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Triplet loss: `l = max(0, ||anchor - positive|| - ||anchor - negative|| + margin)`.

        Args:
            anchor: `(..., features, ...)`, floating; squares of differences have to be in range.
            positive: the shape and dtype of `anchor`: what should be near.
            negative: the shape and dtype of `anchor`: what should be farther by the margin.
            margin: >= 0.
            axis: the axis of the vectors' entries.
            sample_weight: in the shape of `anchor` without `axis` and its dtype, values >= 0, or None.
            reduction: "mean" (over triplets), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape of `anchor` without `axis`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: shapes differ, or there is no axis.
            ArgumentError: no such axis; `margin` is not a finite number >= 0; another `reduction`; "mean" of
                no sample; and, where looking costs nothing, a negative weight.

        Requires:
            [TRIPLET_MARGIN-1] Euclidean distances, not squared and with nothing added: coincident points have
                distance 0.
            [TRIPLET_MARGIN-2] The derivative of a distance is 0 at coincident points.
            [TRIPLET_MARGIN-3] The derivative is 0 where the difference of distances is exactly the margin.
            [TRIPLET_MARGIN-4] With weights the mean is sum(w l) / sum(w), 0 where sum(w) is 0; a triplet of
                weight 0 reaches neither value nor gradient.
            [TRIPLET_MARGIN-5] NaN of any other triplet propagates.

        Differs:
            torch adds 1e-6 to every difference, which makes the distance of coincident points 1e-6
            sqrt(features); FaceNet itself has squared distances.

        Source:
            Weinberger and Saul, "Distance Metric Learning for Large Margin Nearest Neighbor Classification",
            2009; with plain distances Hermans, Beyer and Leibe, "In Defense of the Triplet Loss", 2017, sec. 2.

        Example:
            >>> anchor, positive, negative = B.asarray([0.0, 0.0]), B.asarray([3.0, 4.0]), B.asarray([0.0, 5.5])
            >>> float(B.triplet_margin(anchor, positive, negative))
            0.5
        """
        anchor, positive, negative = _counted_rows(self, (anchor, positive, negative), axis, sample_weight)
        excess = _distance(self, anchor, positive, axis) - _distance(self, anchor, negative, axis) + margin
        return elementwise(self, self.xp.where(excess <= 0, 0.0, excess), sample_weight, reduction)

    @operation(since="1.0", check=_info_nce)
    def info_nce(
        self,
        query: Array,
        key: Array,
        *,
        temperature: float = 0.07,
        symmetric: bool = False,
        sample_weight: Array | None = None,
        reduction: str = "mean",
    ) -> Array:
        """Contrast of pairs: `l_i = -log(exp(q_i . k_i / T) / sum_j exp(q_i . k_j / T))`, T the temperature.

        The keys of the other pairs of the batch are the negatives of a query. With `symmetric` it is the
        mean of this and of the same with the roles of queries and keys exchanged.

        Args:
            query: `(batch, features)`, floating: q. Nothing is normalized: for cosines give what
                `l2_normalize` returns.
            key: the shape and dtype of `query`: k, the key of row i being the positive of query i.
            temperature: > 0.
            symmetric: whether keys also choose among queries.
            sample_weight: `(batch,)`, of the dtype of `query`, values >= 0, or None for 1 everywhere.
            reduction: "mean" (over pairs), "sum" or "none".

        Returns:
            A scalar of rank 0, or with "none" the shape `(batch,)`.

        Raises:
            DTypeError: an array is not floating, or dtypes differ.
            ShapeError: `query` is no matrix, or shapes differ.
            ArgumentError: `temperature` is not a finite number > 0; `symmetric` is no flag; another
                `reduction`; "mean" of no pair; and, where looking costs nothing, a negative weight.

        Requires:
            [INFO_NCE-1] Queries are rows and choose among keys: the cross-entropy of q k^T / T with the
                diagonal as classes; the positive is one of the terms of the sum.
            [INFO_NCE-2] Dot products as they are, not normalized, divided by the temperature.
            [INFO_NCE-3] With symmetric, the mean of both directions; exchanging query and key then changes
                nothing.
            [INFO_NCE-4] Finite however large the products are; a batch of one has loss and gradient 0.
            [INFO_NCE-5] With weights the mean is sum(w l) / sum(w), 0 where sum(w) is 0; a pair of weight 0
                reaches neither value nor gradient, and is no negative of another.

        Differs:
            SimCLR's NT-Xent has the other queries among the negatives too; many implementations normalize
            inside; CLIP is the symmetric form, MoCo takes its negatives from a queue.

        Source:
            van den Oord, Li and Vinyals, "Representation Learning with Contrastive Predictive Coding", 2018,
            eq. 4; symmetric: Radford et al., "Learning Transferable Visual Models", 2021, fig. 3.

        Example:
            >>> same = B.asarray([[1.0, 0.0], [1.0, 0.0]])  # each key is as good as the other
            >>> round(float(B.info_nce(same, same)), 6)
            0.693147
        """
        query, key = _counted_rows(self, (query, key), 1, sample_weight)
        logits = self.xp.matmul(query, self.xp.permute_dims(key, (1, 0))) / temperature
        loss = _matched(self, logits, sample_weight)
        if symmetric:
            loss = (loss + _matched(self, self.xp.permute_dims(logits, (1, 0)), sample_weight)) * 0.5
        return reduced(self, loss, sample_weight, reduction)
