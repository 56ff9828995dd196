"""Attention: weighted sums of values, the weights from products of queries and keys."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from nnspec import _validate as check
from nnspec.errors import ArgumentError, ShapeError
from nnspec.operation import Array, Family, operation
from nnspec.ops._dropout_checks import sampled

__all__ = ["Attention"]

_WEIGHTS = ("query_weight", "key_weight", "value_weight", "output_weight")
_BIASES = ("query_bias", "key_bias", "value_bias", "output_bias")
_SCORES = "(batch, heads, queries, keys)"


# -- checks ------------------------------------------------------------------------------------------------


def _over_scores(name: str, x: Array, scores: tuple[int, ...]) -> None:
    """`x` can be repeated to the shape of the scores; three axes would leave open which of the first two they have."""
    shape = tuple(x.shape)
    wanted = scores[-len(shape) :] if len(shape) in (2, 4) else ()
    if not wanted or any(n not in (1, size) for n, size in zip(shape, wanted, strict=True)):
        raise ShapeError(
            f"{name}: expected shape {scores[2:]} (queries, keys) or {scores} {_SCORES}, "
            f"with 1 for any of them, got {shape}"
        )


def _options(
    self: Family,
    like: Array,
    scores: tuple[int, ...],
    mask: Array | None,
    bias: Array | None,
    causal: bool,
    scale: float | None,
) -> None:
    """What decides over the scores, which have the given shape; `like` is the array named query."""
    if mask is not None:
        check.boolean(self, "mask", mask)
        _over_scores("mask", mask, scores)
    if bias is not None:
        check.same_dtype(self, "bias", bias, "query", like)
        _over_scores("bias", bias, scores)
    check.flag("causal", causal)
    if scale is not None:
        check.number("scale", scale)


def _scaled_dot_product_attention(
    self: Family,
    query: Array,
    key: Array,
    value: Array,
    bias: Array | None = None,
    *,
    mask: Array | None = None,
    causal: bool = False,
    scale: float | None = None,
    rate: float = 0.0,
    dropout_key: Array | None = None,
    dropout_mask: Array | None = None,
    site: int = 0,
    training: bool = True,
) -> None:
    check.floating(self, "query", query)
    check.rank("query", query, 4, 4)
    check.same_dtype(self, "key", key, "query", query)
    check.same_dtype(self, "value", value, "query", query)
    batch, heads, queries, head_dim = query.shape
    if head_dim == 0:
        raise ShapeError(f"query: expected a head of at least one feature, got shape {tuple(query.shape)}")
    check.shape("key", key, (batch, "kv_heads", "keys", head_dim), "(batch and head_dim of query)")
    kv_heads, keys = key.shape[1:3]
    if kv_heads == 0 or heads % kv_heads:
        raise ShapeError(f"key: expected a number of heads that divides {heads} (that of query), got {kv_heads}")
    check.shape("value", value, (batch, kv_heads, keys, "value_dim"), "(batch, heads and length of key)")
    scores = (batch, heads, queries, keys)
    _options(self, query, scores, mask, bias, causal, scale)
    sampled(self, scores, _SCORES, rate, dropout_key, dropout_mask, site, training, prefix="dropout_")


def _multi_head_attention(
    self: Family,
    query: Array,
    key: Array,
    value: Array,
    params: Mapping[str, Any],
    *,
    num_heads: int,
    num_kv_heads: int | None = None,
    mask: Array | None = None,
    bias: Array | None = None,
    causal: bool = False,
    scale: float | None = None,
    rate: float = 0.0,
    dropout_key: Array | None = None,
    dropout_mask: Array | None = None,
    site: int = 0,
    training: bool = True,
) -> None:
    check.floating(self, "query", query)
    check.rank("query", query, 3, 3)
    check.same_dtype(self, "key", key, "query", query)
    check.shape("key", key, (query.shape[0], "keys", "features"), "(the batch of query)")
    check.same_dtype(self, "value", value, "query", query)
    check.shape("value", value, (*key.shape[:2], "features"), "(batch and length of key)")
    check.count("num_heads", num_heads, low=1)
    kv_heads = num_heads if num_kv_heads is None else num_kv_heads
    check.count("num_kv_heads", kv_heads, low=1)
    if num_heads % kv_heads:
        raise ArgumentError(f"num_kv_heads: expected a divisor of num_heads, {num_heads}, got {num_kv_heads}")
    _params(self, query, key, value, params, num_heads, kv_heads)
    scores = (query.shape[0], num_heads, query.shape[1], key.shape[1])
    _options(self, query, scores, mask, bias, causal, scale)
    sampled(self, scores, _SCORES, rate, dropout_key, dropout_mask, site, training, prefix="dropout_")


def _params(
    self: Family, query: Array, key: Array, value: Array, params: Mapping[str, Any], heads: int, kv_heads: int
) -> None:
    """Every weight is there and fits, and so does every bias there is."""
    if not isinstance(params, Mapping):
        raise ArgumentError(f"params: expected a dict of arrays, got {type(params).__name__}")
    if not {*_WEIGHTS} <= {*params} <= {*_WEIGHTS, *_BIASES}:
        raise ArgumentError(
            f"params: expected the entries {', '.join(_WEIGHTS)} and any of {', '.join(_BIASES)}, "
            f"got {', '.join(map(str, params))}"
        )
    for name, array in params.items():
        check.same_dtype(self, f"params[{name!r}]", array, "query", query)
    head_dim = _per_head(params, "query_weight", heads, "num_heads", query.shape[-1], "query")
    key_dim = _per_head(params, "key_weight", kv_heads, "num_kv_heads", key.shape[-1], "key")
    if key_dim != head_dim:
        raise ShapeError(
            f"params['key_weight']: expected {kv_heads} heads of {head_dim} rows (those of query_weight), got {key_dim}"
        )
    value_dim = _per_head(params, "value_weight", kv_heads, "num_kv_heads", value.shape[-1], "value")
    output = "(the outputs of all heads)"
    check.shape("params['output_weight']", params["output_weight"], ("features", heads * value_dim), output)
    for name, of in zip(_BIASES, _WEIGHTS, strict=True):
        if name in params:
            check.shape(f"params[{name!r}]", params[name], (params[of].shape[0],), f"(the first axis of {of})")


def _per_head(params: Mapping[str, Any], name: str, heads: int, count: str, features: int, of: str) -> int:
    """How many rows of a weight belong to each head."""
    weight = params[name]
    check.shape(f"params[{name!r}]", weight, (f"{count} * dim", features), f"(the last axis of {of})")
    rows = int(weight.shape[0])
    if rows == 0 or rows % heads:
        raise ShapeError(f"params[{name!r}]: expected a multiple of {heads} rows ({count}), got {rows}")
    return rows // heads


# -- what definitions and derivative share, and the derivative ---------------------------------------------


def _rows(xp: Any, x: Array, shared: Array) -> Array:
    """`(batch, heads, queries, n)` with the heads that share one of `shared` as rows of one matrix."""
    batch, kv_heads = shared.shape[:2]
    return xp.reshape(x, (batch, kv_heads, x.shape[1] // kv_heads * x.shape[2], x.shape[3]))


def _from_output(
    self: Any,
    g: Array,
    y: Array,
    query: Array,
    key: Array,
    value: Array,
    bias: Array | None = None,
    *,
    mask: Array | None = None,
    causal: bool = False,
    scale: float | None = None,
    rate: float = 0.0,
    dropout_key: Array | None = None,
    dropout_mask: Array | None = None,
    site: int = 0,
    training: bool = True,
) -> tuple[Array | None, ...]:
    """As native kernels compute it, which keep the output and log sum exp of the scores, but no weights.

    Dao et al., "FlashAttention", 2022, appendix B.2: w_ij = exp(s_ij - log sum_k exp(s_ik)), and the derivative of
    s_ij is w_ij (g_i . v_j - g_i . y_i). With scores of size s a weight is off by s roundoffs.
    """
    xp = self.xp
    if key.shape[2] == 0:
        return tuple(None if x is None else xp.zeros_like(x) for x in (query, key, value, bias))
    allowed = self._allowed(mask, causal, query, query.shape[2], key.shape[2])
    involved = None if allowed is None else self._involved(allowed, key.shape[1])
    if involved is not None:
        query, key, value = self._cleared(query, key, value, *involved)
    scores = self._scores(query, key, bias, allowed, scale)
    top = xp.max(scores, axis=-1, keepdims=True)
    nowhere = top == -math.inf
    top = xp.where(nowhere, 0.0, top)
    total = xp.sum(xp.exp(scores - top), axis=-1, keepdims=True)
    weights = xp.exp(scores - (top + xp.log(xp.where(nowhere, 1.0, total))))
    kept = self.dropout(
        xp.ones_like(weights), rate=rate, key=dropout_key, mask=dropout_mask, site=site, training=training
    )
    of_value = xp.matmul(xp.permute_dims(_rows(xp, kept * weights, key), (0, 1, 3, 2)), _rows(xp, g, key))
    through = xp.reshape(xp.matmul(_rows(xp, g, key), xp.permute_dims(value, (0, 1, 3, 2))), scores.shape)
    of_scores = weights * (kept * through - xp.sum(g * y, axis=-1, keepdims=True))
    of_products = of_scores * (1.0 / math.sqrt(query.shape[-1]) if scale is None else scale)
    of_query = xp.reshape(xp.matmul(_rows(xp, of_products, key), key), query.shape)
    of_key = xp.matmul(xp.permute_dims(_rows(xp, of_products, key), (0, 1, 3, 2)), _rows(xp, query, key))
    if involved is not None:
        of_query, of_key, of_value = self._cleared(of_query, of_key, of_value, *involved)
    return of_query, of_key, of_value, None if bias is None else _summed(xp, of_scores, tuple(bias.shape))


def _summed(xp: Any, x: Array, shape: tuple[int, ...]) -> Array:
    """The sum over the axes along which an array of that shape is repeated to make up that of `x`."""
    full = (1,) * (x.ndim - len(shape)) + shape
    repeated = tuple(i for i, n in enumerate(full) if n == 1)
    return xp.reshape(xp.sum(x, axis=repeated, keepdims=True) if repeated else x, shape)


# -- definitions -------------------------------------------------------------------------------------------


class Attention(Family):
    """Attention, of heads that are given, and with the projections that make them."""

    softmax: Callable[..., Array]
    dropout: Callable[..., Array]
    linear: Callable[..., Array]

    @operation(since="1.0", check=_scaled_dot_product_attention, derivative=_from_output)
    def scaled_dot_product_attention(
        self,
        query: Array,
        key: Array,
        value: Array,
        bias: Array | None = None,
        *,
        mask: Array | None = None,
        causal: bool = False,
        scale: float | None = None,
        rate: float = 0.0,
        dropout_key: Array | None = None,
        dropout_mask: Array | None = None,
        site: int = 0,
        training: bool = True,
    ) -> Array:
        """Scaled dot-product attention: `y_i = sum_j w_ij v_j`, `w_i = softmax_j(scale q_i . k_j + bias_ij)`.

        The softmax is over the keys j that the query i may attend to: those where `mask` is True and, with
        `causal`, j <= i. A query that may attend to none has the weights 0.

        Args:
            query: `(batch, heads, queries, head_dim)`, floating: q.
            key: `(batch, kv_heads, keys, head_dim)`, of the dtype of `query`: k; `kv_heads` divides `heads`.
            value: `(batch, kv_heads, keys, value_dim)`, of the dtype of `query`: v.
            bias: of the dtype of `query`, added to the scaled scores: `(queries, keys)` or
                `(batch, heads, queries, keys)`, where any axis may be 1. None adds nothing.
            mask: booleans, True where the query may attend to the key; shaped as `bias` may be. None allows all.
            causal: whether the query i may attend to the keys 0..i alone; combined with `mask` by AND.
            scale: factor of the scores; None is `1 / sqrt(head_dim)`.
            rate: probability that a weight is dropped, in [0, 1].
            dropout_key: `(2,)`, int32: draws the mask
                `dropout_mask(dropout_key, (batch, heads, queries, keys), rate=rate, site=site)`.
            dropout_mask: `(batch, heads, queries, keys)`, boolean, True where a weight is kept; in place of
                `dropout_key`.
            site: number of this dropout in the model.
            training: whether to drop at all.

        Returns:
            `(batch, heads, queries, value_dim)`, of the dtype of `query`.

        Raises:
            DTypeError: `query` is not floating, `key`, `value` or `bias` not of its dtype, a mask not boolean, or
                `dropout_key` not int32.
            ShapeError: an array does not fit, `kv_heads` does not divide `heads`, `head_dim` is 0, or `mask` or
                `bias` has neither two nor four axes (three would leave open which they are).
            ArgumentError: `scale` is no finite number, `rate` outside [0, 1], `site` outside [0, 2^32), or in
                training with `rate > 0` neither or both of `dropout_key` and `dropout_mask` are given.

        Requires:
            [SCALED_DOT_PRODUCT_ATTENTION-1] The scores are scaled, then the bias is added, then the softmax taken
                over the keys; the scale is 1 / sqrt(head_dim) unless given.
            [SCALED_DOT_PRODUCT_ATTENTION-2] Where mask is False the weight is 0: what finite key and value stand
                there changes neither the query's output nor its derivatives.
            [SCALED_DOT_PRODUCT_ATTENTION-3] A bias of -inf is as a mask that is False, and has derivative 0.
            [SCALED_DOT_PRODUCT_ATTENTION-4] causal is aligned at the first query and the first key, whatever the
                lengths; with every other option the output i does not depend on keys and values after i.
            [SCALED_DOT_PRODUCT_ATTENTION-5] A query that may attend to no key gives 0, and all derivatives through
                its output are 0, whatever the query holds.
            [SCALED_DOT_PRODUCT_ATTENTION-6] What is in the key and the value that no query may attend to changes
                nothing, infinities and NaN included; their derivatives are 0.
            [SCALED_DOT_PRODUCT_ATTENTION-7] The query head h attends to the key and value head
                h // (heads / kv_heads).
            [SCALED_DOT_PRODUCT_ATTENTION-8] A mask and a bias are repeated along axes of size 1, and over batch and
                heads where they have two axes; the derivative of the bias is summed over the repetitions.
            [SCALED_DOT_PRODUCT_ATTENTION-9] Scores however large do not overflow: a shift of all scores of a query
                changes nothing.
            [SCALED_DOT_PRODUCT_ATTENTION-10] Weights are dropped after the softmax, each by itself, as by `dropout`;
                without training, or with a rate of 0, none is.
            [SCALED_DOT_PRODUCT_ATTENTION-11] Every sample and head is computed by itself, and the order of the keys
                does not matter.
            [SCALED_DOT_PRODUCT_ATTENTION-12] Without any key the result is 0; without a query or a sample it is
                empty.
            [SCALED_DOT_PRODUCT_ATTENTION-13] Products and sums of float32 are those of IEEE float32 or better, not
                TF32 or bfloat16.

        Differs:
            JAX, Flax and Keras have the axes (batch, length, heads, head_dim). torch.nn.MultiheadAttention takes True
            as masked; torch and ONNX take a boolean or a floating mask in one argument. A query without a key to
            attend to gets the mean of the values in JAX and Flax, NaN in older versions of torch. FlashAttention and
            causal_lower_right of torch align causal at the last query and key. Flax drops the same weights in all
            samples and heads. JAX takes the softmax of float64 scores in float32.

        Source:
            Vaswani et al., "Attention Is All You Need", 2017, eq. 1; Ainslie et al., "GQA", 2023 (groups of heads).

        Example:
            >>> query, key = B.asarray([[[[1.0, 0.0]]]]), B.asarray([[[[0.0, 5.0], [0.0, -5.0], [9.0, 9.0]]]])
            >>> value = B.asarray([[[[1.0], [2.0], [4.0]]]])
            >>> mask = B.asarray([[True, True, False]])
            >>> B.to_numpy(B.scaled_dot_product_attention(query, key, value, mask=mask)).tolist()
            [[[[1.5]]]]
        """
        xp = self.xp
        batch, heads, queries, _ = query.shape
        if key.shape[2] == 0:
            return xp.zeros((batch, heads, queries, value.shape[-1]), dtype=query.dtype, **self.placement(query))
        allowed = self._allowed(mask, causal, query, queries, key.shape[2])
        if allowed is not None:
            query, key, value = self._cleared(query, key, value, *self._involved(allowed, key.shape[1]))
        scores = self._scores(query, key, bias, allowed, scale)
        if allowed is None and bias is None:
            weights = self.softmax(scores, axis=-1)
        else:
            nowhere = self.stop_gradient(xp.max(scores, axis=-1, keepdims=True)) == -math.inf
            weights = xp.where(nowhere, 0.0, self.softmax(xp.where(nowhere, 0.0, scores), axis=-1))
        weights = self.dropout(weights, rate=rate, key=dropout_key, mask=dropout_mask, site=site, training=training)
        outputs = xp.matmul(_rows(xp, weights, value), value)
        return xp.reshape(outputs, (batch, heads, queries, value.shape[-1]))

    @operation(since="1.0", check=_multi_head_attention)
    def multi_head_attention(
        self,
        query: Array,
        key: Array,
        value: Array,
        params: Mapping[str, Any],
        *,
        num_heads: int,
        num_kv_heads: int | None = None,
        mask: Array | None = None,
        bias: Array | None = None,
        causal: bool = False,
        scale: float | None = None,
        rate: float = 0.0,
        dropout_key: Array | None = None,
        dropout_mask: Array | None = None,
        site: int = 0,
        training: bool = True,
    ) -> Array:
        """Multi-head attention: `y = concat_h(attention(q_h, k_h, v_h)) W_o^T + b_o`.

        The heads are `q_h`, `k_h`, `v_h`, the h-th parts of `query W_q^T + b_q`, `key W_k^T + b_k` and
        `value W_v^T + b_v`, and attention is `scaled_dot_product_attention`. Of self-attention the three inputs are
        one array.

        Args:
            query: `(batch, queries, features)`, floating.
            key: `(batch, keys, key_features)`, of the dtype of `query`.
            value: `(batch, keys, value_features)`, of the dtype of `query`.
            params: a dict of arrays of the dtype of `query`:
                "query_weight" W_q `(num_heads * head_dim, features)`,
                "key_weight" W_k `(num_kv_heads * head_dim, key_features)`,
                "value_weight" W_v `(num_kv_heads * value_dim, value_features)`,
                "output_weight" W_o `(out, num_heads * value_dim)`; and, each where there is one, the biases
                "query_bias", "key_bias", "value_bias" and "output_bias", a number a row of the weight.
            num_heads: number of query heads.
            num_kv_heads: number of key and value heads, a divisor of `num_heads`, or None for as many.
            mask: booleans, True where the query may attend to the key: `(queries, keys)` or
                `(batch, num_heads, queries, keys)`, where any axis may be 1, as in a padding mask
                `(batch, 1, 1, keys)`. None allows all.
            bias: of the dtype of `query`, added to the scaled scores; shaped as `mask` may be.
            causal: whether the query i may attend to the keys 0..i alone; combined with `mask` by AND.
            scale: factor of the scores; None is `1 / sqrt(head_dim)`.
            rate: probability that an attention weight is dropped, in [0, 1].
            dropout_key: `(2,)`, int32: draws the mask
                `dropout_mask(dropout_key, (batch, num_heads, queries, keys), rate=rate, site=site)`.
            dropout_mask: `(batch, num_heads, queries, keys)`, boolean, True where a weight is kept; in place of
                `dropout_key`.
            site: number of this dropout in the model.
            training: whether to drop at all.

        Returns:
            `(batch, queries, out)`, of the dtype of `query`.

        Raises:
            DTypeError: `query` is not floating, another array not of its dtype, a mask not boolean, or
                `dropout_key` not int32.
            ShapeError: an array does not fit, or `mask` or `bias` has neither two nor four axes.
            ArgumentError: `params` has not the entries above, `num_heads` is no integer >= 1, `num_kv_heads` no
                divisor of it, `scale` no finite number, `rate` outside [0, 1], `site` outside [0, 2^32), or in
                training with `rate > 0` neither or both of `dropout_key` and `dropout_mask` are given.

        Requires:
            [MULTI_HEAD_ATTENTION-1] The rows h * dim to (h + 1) * dim of a weight and its bias make head h; the
                output projection reads the heads in the same order.
            [MULTI_HEAD_ATTENTION-2] Keys and values may have another length and other features than the queries, and
                values another head size than keys.
            [MULTI_HEAD_ATTENTION-3] Each bias is added once where it is given, and none where it is left out.
            [MULTI_HEAD_ATTENTION-4] The query head h attends to the key and value head
                h // (num_heads / num_kv_heads).
            [MULTI_HEAD_ATTENTION-5] mask, bias, causal and scale do what they do in scaled_dot_product_attention; a
                mask is True where a query may attend.
            [MULTI_HEAD_ATTENTION-6] A query that may attend to no key gives the output bias, and all other
                derivatives through its output are 0.
            [MULTI_HEAD_ATTENTION-7] What is at a position of key and value that no query may attend to in any head,
                or in a query that may attend to nothing in any head, changes nothing, infinities and NaN included:
                neither outputs nor derivatives, those of the weights included.
            [MULTI_HEAD_ATTENTION-8] With causal the output i of self-attention does not depend on inputs after i,
                with every other option.
            [MULTI_HEAD_ATTENTION-9] Attention weights are dropped after the softmax, each by itself, as by
                `dropout`; without training, or with a rate of 0, none is.
            [MULTI_HEAD_ATTENTION-10] Every sample of the batch is computed by itself.
            [MULTI_HEAD_ATTENTION-11] Products and sums of float32 are those of IEEE float32 or better, not TF32 or
                bfloat16.

        Differs:
            torch.nn.MultiheadAttention has one in_proj_weight, the rows of W_q, W_k and W_v one after the other, takes
            True as masked, and has the length before the batch unless batch_first is set. Keras and Flax have weights
            `(features, heads, head_dim)` and `(heads, head_dim, out)`.

        Source:
            Vaswani et al., "Attention Is All You Need", 2017, sec. 3.2.2.

        Example:
            >>> x = B.asarray([[[1.0, 0.0], [0.0, 2.0]]])
            >>> params = {name: B.asarray([[1.0, 0.0], [0.0, 1.0]]) for name in
            ...           ("query_weight", "key_weight", "value_weight", "output_weight")}
            >>> B.to_numpy(B.multi_head_attention(x, x, x, params, num_heads=2, causal=True))[0, 0].tolist()
            [1.0, 0.0]
        """
        xp = self.xp
        kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        allowed = self._allowed(mask, causal, query, query.shape[1], key.shape[1])
        if allowed is not None:  # before the weights, whose derivatives would multiply what is there by 0
            asking, asked = self._involved(allowed, 1)
            query, key, value = self._cleared(query, key, value, xp.any(asking, axis=1), xp.any(asked, axis=1))
        outputs = self.scaled_dot_product_attention(
            self._heads(query, params, "query", num_heads),
            self._heads(key, params, "key", kv_heads),
            self._heads(value, params, "value", kv_heads),
            mask=mask,
            bias=bias,
            causal=causal,
            scale=scale,
            rate=rate,
            dropout_key=dropout_key,
            dropout_mask=dropout_mask,
            site=site,
            training=training,
        )
        batch, _, queries, value_dim = outputs.shape
        joined = xp.reshape(xp.permute_dims(outputs, (0, 2, 1, 3)), (batch, queries, num_heads * value_dim))
        return self.linear(joined, params["output_weight"], params.get("output_bias"))

    def _heads(self, x: Array, params: Mapping[str, Any], name: str, heads: int) -> Array:
        """`(batch, heads, length, dim)`, by the projection of that name."""
        weight = params[f"{name}_weight"]
        projected = self.linear(x, weight, params.get(f"{name}_bias"))
        shape = (*x.shape[:2], heads, weight.shape[0] // heads)
        return self.xp.permute_dims(self.xp.reshape(projected, shape), (0, 2, 1, 3))

    def _scores(
        self, query: Array, key: Array, bias: Array | None, allowed: Array | None, scale: float | None
    ) -> Array:
        """`(batch, heads, queries, keys)`, -inf where a query may not attend."""
        xp = self.xp
        products = xp.matmul(_rows(xp, query, key), xp.permute_dims(key, (0, 1, 3, 2)))
        factor = 1.0 / math.sqrt(query.shape[-1]) if scale is None else scale
        scores = xp.reshape(products, (*query.shape[:3], key.shape[2])) * factor
        if bias is not None:
            scores = scores + bias
        return scores if allowed is None else xp.where(allowed, scores, -math.inf)

    def _allowed(self, mask: Array | None, causal: bool, like: Array, queries: int, keys: int) -> Array | None:
        """Where a query may attend to a key, with four axes any of which may be 1; None if everywhere."""
        xp = self.xp
        if mask is not None and mask.ndim == 2:
            mask = xp.reshape(mask, (1, 1, *mask.shape))
        if not causal:
            return mask
        place = self.placement(like)
        i = xp.reshape(xp.arange(queries, **place), (1, 1, queries, 1))
        past = xp.reshape(xp.arange(keys, **place), (1, 1, 1, keys)) <= i
        return past if mask is None else mask & past

    def _involved(self, allowed: Array, kv_heads: int) -> tuple[Array, Array]:
        """Which queries may attend to any key, and which keys any query of their group of heads may attend to.

        Both have four axes, the last of size 1, and line up with queries and keys.
        """
        xp = self.xp
        asked = xp.any(allowed, axis=-2)
        batch, heads, keys = asked.shape
        if heads > 1:
            asked = xp.any(xp.reshape(asked, (batch, kv_heads, heads // kv_heads, keys)), axis=2)
        return xp.any(allowed, axis=-1, keepdims=True), xp.expand_dims(asked, axis=-1)

    def _cleared(
        self, query: Array, key: Array, value: Array, asking: Array, asked: Array
    ) -> tuple[Array, Array, Array]:
        """0 in the queries and keys that are not involved, and in the values of the latter.

        They may hold anything: a weight of 0 alone would not keep infinities and NaN out of products.
        """
        xp = self.xp
        return xp.where(asking, query, 0.0), xp.where(asked, key, 0.0), xp.where(asked, value, 0.0)
