"""Planted faults of the family attention."""

from __future__ import annotations

from typing import Any

from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import cached, coarse, scaled_gradient, stored

__all__ = ["FAULTS"]

_SCORES = "nnspec.ops.attention:Attention._scores"
_ALLOWED = "nnspec.ops.attention:Attention._allowed"
_INVOLVED = "nnspec.ops.attention:Attention._involved"
_CLEARED = "nnspec.ops.attention:Attention._cleared"
_HEADS = "nnspec.ops.attention:Attention._heads"
_DEAD = "weights = xp.where(nowhere, 0.0, self.softmax(xp.where(nowhere, 0.0, scores), axis=-1))"
_DROPPED = "weights = self.dropout(weights, "

FAULTS = Planted()

# -- scaled_dot_product_attention ------------------------------------------------------------------------------

FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-1",
    "missing term",
    "not-scaled",
    "1.0 / math.sqrt(query.shape[-1]) if",
    "1.0 if",
    within=_SCORES,
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-1", "ignored option", "scale", " if scale is None else scale", "", within=_SCORES
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-1",
    "wrong order",
    "bias-scaled",
    "scores = scores + bias",
    "scores = scores + bias * factor",
    within=_SCORES,
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-1",
    "wrong axis",
    "softmax-over-the-queries",
    "weights = self.softmax(scores, axis=-1)",
    "weights = self.softmax(scores, axis=-2)",
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-2",
    "swapped argument",
    "mask-of-the-masked-out",
    "xp.where(allowed, scores, -math.inf)",
    "xp.where(allowed, -math.inf, scores)",
    within=_SCORES,
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-2", "leaked mask", "large-negative-number", "-math.inf)", "-30.0)", within=_SCORES
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-2",
    "leaked mask",
    "masked-after-the-softmax",
    "return scores if allowed is None else xp.where(allowed, scores, -math.inf)",
    "allowed = allowed if allowed is None else xp.any(allowed, axis=-1, keepdims=True)\n"
    "    return scores if allowed is None else xp.where(allowed, scores, -math.inf)",
    within=_SCORES,
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-3",
    "special value",
    "nan-at-a-bias-of-infinity",
    "weights = xp.where(nowhere, 0.0, self.softmax(xp.where(nowhere, 0.0, scores), axis=-1))",
    "weights = xp.where(nowhere & (bias is None), 0.0, self.softmax(xp.where(nowhere, scores, scores), axis=-1))",
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-4",
    "wrong constant",
    "aligned-at-the-ends",
    "(1, 1, 1, keys)) <= i",
    "(1, 1, 1, keys)) <= i + (keys - queries)",
    within=_ALLOWED,
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-4",
    "wrong constant",
    "without-itself",
    "(1, 1, 1, keys)) <= i",
    "(1, 1, 1, keys)) < i",
    within=_ALLOWED,
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-4",
    "leaked mask",
    "next-key-seen",
    "(1, 1, 1, keys)) <= i",
    "(1, 1, 1, keys)) <= i + 1",
    within=_ALLOWED,
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-4",
    "rare option",
    "mask-beside-causal",
    "past if mask is None else mask & past",
    "past if mask is None else mask",
    within=_ALLOWED,
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-4",
    "rare option",
    "causal-beside-dropout",
    "self._allowed(mask, causal, query,",
    "self._allowed(mask, causal and rate == 0, query,",
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-5",
    "special value",
    "mean-of-all-values",
    _DEAD,
    "weights = self.softmax(xp.where(nowhere, 0.0, scores), axis=-1)",
)
FAULTS.edit("SCALED_DOT_PRODUCT_ATTENTION-5", "special value", "nan", _DEAD, "weights = self.softmax(scores, axis=-1)")
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-5",
    "wrong gradient",
    "nan-in-the-derivative",
    _DEAD,
    "weights = xp.where(nowhere, 0.0, self.softmax(scores, axis=-1))",
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-5",
    "leaked mask",
    "query-of-infinity",
    "xp.where(asking, query, 0.0)",
    "query",
    within=_CLEARED,
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-6",
    "leaked mask",
    "zero-times-the-value",
    "xp.where(asked, value, 0.0)",
    "value",
    within=_CLEARED,
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-6",
    "leaked mask",
    "zero-times-the-key",
    "xp.where(asked, key, 0.0)",
    "key",
    within=_CLEARED,
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-6",
    "rare option",
    "mask-of-the-first-head",
    "xp.any(xp.reshape(asked, (batch, kv_heads, heads // kv_heads, keys)), axis=2)",
    "xp.reshape(asked, (batch, kv_heads, heads // kv_heads, keys))[:, :, 0]",
    within=_INVOLVED,
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-7",
    "wrong order",
    "heads-dealt-round",
    "return xp.reshape(x, (batch, kv_heads, x.shape[1] // kv_heads * x.shape[2], x.shape[3]))",
    "parted = xp.reshape(x, (batch, x.shape[1] // kv_heads, kv_heads, *x.shape[2:]))\n"
    "    return xp.reshape(xp.permute_dims(parted, (0, 2, 1, 3, 4)), (batch, kv_heads, -1, x.shape[3]))",
    within="nnspec.ops.attention:_rows",
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-8",
    "wrong axis",
    "mask-of-the-first-sample",
    "if not causal:",
    "mask = mask if mask is None else mask[:1]\n    if not causal:",
    within=_ALLOWED,
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-8",
    "wrong gradient",
    "bias-constant",
    "scores = scores + bias",
    "scores = scores + self.stop_gradient(bias)",
    within=_SCORES,
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-9",
    "overflow",
    "not-shifted",
    "weights = self.softmax(scores, axis=-1)",
    "weights = xp.exp(scores) / xp.sum(xp.exp(scores), axis=-1, keepdims=True)",
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-10",
    "ignored option",
    "training",
    "site=site, training=training)",
    "site=site, training=dropout_key is not None or dropout_mask is not None)",
)
FAULTS.edit("SCALED_DOT_PRODUCT_ATTENTION-10", "ignored option", "site", "site=site,", "site=0,")
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-10",
    "wrong reduction",
    "kept-weights-add-up-to-one",
    "outputs = xp.matmul(",
    "if training and rate > 0:\n        weights = weights / (xp.sum(weights, axis=-1, keepdims=True) + 1e-30)\n"
    "    outputs = xp.matmul(",
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-10",
    "wrong axis",
    "one-mask-for-all-heads",
    "mask=dropout_mask,",
    "mask=dropout_mask if dropout_mask is None else dropout_mask & dropout_mask[:, :1],",
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-11",
    "wrong order",
    "values-of-another-sample",
    "(_rows(xp, weights, value), value)",
    "(_rows(xp, weights, value), xp.flip(value, axis=0))",
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-12",
    "special value",
    "nothing-special-without-keys",
    "if key.shape[2] == 0:",
    "if query.shape[2] < 0:",
)
FAULTS.edit(
    "SCALED_DOT_PRODUCT_ATTENTION-12",
    "wrong value",
    "not-a-number-without-keys",
    "return xp.zeros((batch, heads, queries, value.shape[-1]),",
    "return math.nan * xp.ones((batch, heads, queries, value.shape[-1]),",
)


@FAULTS.fault("SCALED_DOT_PRODUCT_ATTENTION-13", "precision loss")
def in_tf32(backend: Any, sound: Any, query: Any, key: Any, value: Any, bias: Any = None, **options: Any) -> Any:
    """Products are those of tensor cores."""
    return sound(coarse(query), coarse(key), coarse(value), bias, **options)


@FAULTS.fault("SCALED_DOT_PRODUCT_ATTENTION-8", "wrong reduction")
def bias_gradient_averaged(
    backend: Any, sound: Any, query: Any, key: Any, value: Any, bias: Any = None, **options: Any
) -> Any:
    """Where a bias is repeated over the batch its gradient is the mean."""
    if bias is not None and (bias.ndim == 2 or bias.shape[0] == 1) and query.shape[0] > 1:
        bias = scaled_gradient(bias, by=1.0 / query.shape[0])
    return sound(query, key, value, bias, **options)


@FAULTS.fault("SCALED_DOT_PRODUCT_ATTENTION-1", "wrong gradient")
def key_gradient_not_scaled(
    backend: Any, sound: Any, query: Any, key: Any, value: Any, bias: Any = None, **options: Any
) -> Any:
    """The gradient of key is not scaled again."""
    scale = options.get("scale") or query.shape[-1] ** -0.5
    return sound(query, scaled_gradient(key, by=1.0 / scale), value, bias, **options)


@FAULTS.fault("SCALED_DOT_PRODUCT_ATTENTION-4", "stale cache")
def causal_mask_of_another_length(
    backend: Any,
    sound: Any,
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    *,
    mask: Any = None,
    causal: bool = False,
    **options: Any,
) -> Any:
    """The causal mask is kept by the number of queries, and cut or repeated to the number of keys."""
    if causal:
        queries, keys = query.shape[2], key.shape[2]
        xp = backend.xp
        kept = cached(backend, "causal", queries, lambda: xp.arange(keys)[None, :] <= xp.arange(queries)[:, None])
        past = xp.concat([kept] * (1 + keys // max(kept.shape[1], 1)), axis=1)[:, :keys] if kept.size else kept
        mask = past if mask is None else mask & past
    return sound(query, key, value, bias, mask=mask, **options)


@FAULTS.fault("SCALED_DOT_PRODUCT_ATTENTION-1", "layout")
def storage_order(backend: Any, sound: Any, query: Any, key: Any, value: Any, bias: Any = None, **options: Any) -> Any:
    """The memory of key is read from its begin to its end: heads that were split off by a transpose are not noticed."""
    return sound(query, stored(key), value, bias, **options)


# -- multi_head_attention --------------------------------------------------------------------------------------

FAULTS.edit(
    "MULTI_HEAD_ATTENTION-1",
    "wrong order",
    "heads-strided",
    "heads, weight.shape[0] // heads)\n"
    "    return self.xp.permute_dims(self.xp.reshape(projected, shape), (0, 2, 1, 3))",
    "weight.shape[0] // heads, heads)\n"
    "    return self.xp.permute_dims(self.xp.reshape(projected, shape), (0, 3, 1, 2))",
    within=_HEADS,
)
FAULTS.edit(
    "MULTI_HEAD_ATTENTION-1",
    "wrong order",
    "heads-not-joined",
    "xp.permute_dims(outputs, (0, 2, 1, 3)), (batch,",
    "outputs, (batch,",
)
FAULTS.edit(
    "MULTI_HEAD_ATTENTION-2",
    "swapped argument",
    "keys-of-the-values",
    'self._heads(key, params, "key", kv_heads)',
    'self._heads(value if value.shape == key.shape else key, params, "key", kv_heads)',
)
FAULTS.edit(
    "MULTI_HEAD_ATTENTION-3",
    "missing term",
    "no-output-bias",
    'params["output_weight"], params.get("output_bias"))',
    'params["output_weight"])',
)
FAULTS.edit(
    "MULTI_HEAD_ATTENTION-3",
    "missing term",
    "no-key-bias",
    'params.get(f"{name}_bias")',
    'None if name == "value" else params.get(f"{name}_bias")',
    within=_HEADS,
)
FAULTS.edit("MULTI_HEAD_ATTENTION-5", "ignored option", "scale", "scale=scale,", "scale=None,")
FAULTS.edit("MULTI_HEAD_ATTENTION-5", "ignored option", "bias", "bias=bias,", "bias=None,")
FAULTS.edit(
    "MULTI_HEAD_ATTENTION-5",
    "wrong constant",
    "scaled-by-all-features",
    "scale=scale,",
    "scale=query.shape[-1] ** -0.5 if scale is None else scale,",
)
FAULTS.edit(
    "MULTI_HEAD_ATTENTION-5",
    "swapped argument",
    "mask-of-torch",
    "mask=mask,\n",
    "mask=None if mask is None else ~mask,\n",
)
FAULTS.edit(
    "MULTI_HEAD_ATTENTION-6",
    "leaked mask",
    "mean-of-all-values",
    "outputs = self.scaled",
    "mask = None if mask is None else mask | ~xp.any(mask, axis=-1, keepdims=True)\n    outputs = self.scaled",
)
FAULTS.edit(
    "MULTI_HEAD_ATTENTION-7",
    "leaked mask",
    "through-the-projections",
    "if allowed is not None:",
    "if allowed is not None and query.shape[1] == 0:",
)
FAULTS.edit("MULTI_HEAD_ATTENTION-8", "ignored option", "causal", "causal=causal,\n", "causal=False,\n")
FAULTS.edit(
    "MULTI_HEAD_ATTENTION-8",
    "rare option",
    "causal-beside-dropout",
    "causal=causal,\n",
    "causal=causal and rate == 0,\n",
)
FAULTS.edit("MULTI_HEAD_ATTENTION-9", "ignored option", "rate", "rate=rate,", "rate=0.0,")
FAULTS.edit("MULTI_HEAD_ATTENTION-9", "wrong bits", "site-of-the-next", "site=site,", "site=site + 1,")
FAULTS.edit(
    "MULTI_HEAD_ATTENTION-10",
    "wrong axis",
    "mask-of-the-first-sample",
    "outputs = self.scaled",
    "mask = mask if mask is None or mask.ndim == 2 else mask[:1]\n    outputs = self.scaled",
)


@FAULTS.fault("MULTI_HEAD_ATTENTION-11", "precision loss")
def _in_tf32(backend: Any, sound: Any, query: Any, key: Any, value: Any, params: Any, **options: Any) -> Any:
    """Products with the weights are those of tensor cores."""
    return sound(query, key, value, {name: coarse(array) for name, array in params.items()}, **options)


@FAULTS.fault("MULTI_HEAD_ATTENTION-1", "wrong gradient")
def self_attention_counted_once(
    backend: Any, sound: Any, query: Any, key: Any, value: Any, params: Any, **options: Any
) -> Any:
    """Where one array is query, key and value, the derivative through the key is left out."""
    return sound(query, backend.stop_gradient(key) if key.shape == query.shape else key, value, params, **options)


@FAULTS.fault("MULTI_HEAD_ATTENTION-4", "wrong order")
def heads_dealt_round(
    backend: Any,
    sound: Any,
    query: Any,
    key: Any,
    value: Any,
    params: Any,
    *,
    num_heads: int,
    num_kv_heads: Any = None,
    **options: Any,
) -> Any:
    """The query head h attends to the key and value head h % num_kv_heads."""

    def tiled(array: Any) -> Any:
        return backend.xp.concat([array] * (num_heads // (num_kv_heads or num_heads)), axis=0)

    params = {name: tiled(array) if name[:3] in ("key", "val") else array for name, array in params.items()}
    return sound(query, key, value, params, num_heads=num_heads, **options)
