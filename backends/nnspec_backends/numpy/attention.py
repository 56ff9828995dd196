"""Native attention: a piece of the scores at a time, made once more for the gradients in place of being kept."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from nnspec.operation import Array
from nnspec.ops.attention import Attention
from nnspec.tape import kernel
from nnspec.tape import namespace as xp

__all__ = ["NumpyAttention"]

#: so many scores at a time: they stay in the second level of cache
_PIECE = 1 << 17

#: what a piece takes of each axis of the scores `(batch, kv_heads, group, queries, keys)`
_Part = tuple[slice, slice, slice, slice, slice]


def _pieces(shape: tuple[int, ...], causal: bool) -> Iterator[_Part]:
    """Parts that make up the scores: whole samples, else whole heads, else rows; causal ones end at their last row."""
    batch, kv_heads, group, queries, keys = shape
    most = max(1, _PIECE // (group * keys))
    rows = min(queries, most)
    heads = min(kv_heads, most // rows)
    samples = min(batch, max(1, most // (rows * kv_heads)))
    for b, k, i in itertools.product(range(0, batch, samples), range(0, kv_heads, heads), range(0, queries, rows)):
        end = min(keys, i + rows) if causal else keys
        yield slice(b, b + samples), slice(k, k + heads), slice(None), slice(i, i + rows), slice(0, end)


def _of(x: Any, part: tuple[slice, ...]) -> Any:
    """That part of an array that is repeated along its axes of size 1."""
    return x[tuple(s if n > 1 else slice(None) for s, n in zip(part, x.shape, strict=True))]


def _exponentials(q: Any, k: Any, bias: Any, banned: Any, scale: float, part: _Part) -> Any:
    """exp(scores - top) of a part, top the largest score of a query that may attend to a key, 0 of one that may not."""
    samples, heads, _, rows, keys = part
    scores = np.matmul(q[samples, heads, :, rows], k[samples, heads, :, keys].swapaxes(-1, -2))
    scores *= scale
    if bias is not None:
        scores += _of(bias, part)
    if banned is not None:
        np.copyto(scores, -math.inf, where=_of(banned, part))
    top = np.maximum.reduce(scores, axis=-1, keepdims=True)
    if bias is not None or banned is not None:
        top[top == -math.inf] = 0
    scores -= top
    return np.exp(scores, out=scores)


def _forward(q: Any, k: Any, v: Any, bias: Any, *, banned: Any, scale: float, causal: bool) -> tuple[Any, Any]:
    """Of `(batch, kv_heads, group, queries, head_dim)`, and keys and values with a group of 1."""
    shape = (*q.shape[:4], k.shape[3])
    y = np.empty((*q.shape[:4], v.shape[-1]), q.dtype)
    totals = np.empty((*q.shape[:4], 1), q.dtype)
    for part in _pieces(shape, causal):
        samples, heads, _, _, keys = part
        e = _exponentials(q, k, bias, banned, scale, part)
        total = np.add.reduce(e, axis=-1, keepdims=True)
        total[total == 0] = 1
        totals[part[:4]] = total
        np.matmul(e, v[samples, heads, :, keys], out=y[part[:4]])
        y[part[:4]] /= total
    return y, (q, k, v, bias, banned, scale, causal, y, totals)


def _backward(g: Any, saved: Any, needed: tuple[bool, ...]) -> list[Any]:
    q, k, v, bias, banned, scale, causal, y, totals = saved
    gq, gk, gv = np.empty_like(q), np.zeros_like(k), np.zeros_like(v)
    gb = np.zeros_like(bias) if needed[3] else None
    for part in _pieces((*q.shape[:4], k.shape[3]), causal):
        samples, heads, _, _, keys = part
        at_keys = (samples, heads, slice(None), keys)
        e = _exponentials(q, k, bias, banned, scale, part)
        h = g[part[:4]] / totals[part[:4]]
        gv[at_keys] += _over_group(e, h)
        s = np.matmul(h, v[at_keys].swapaxes(-1, -2))
        s -= np.add.reduce(h * y[part[:4]], axis=-1, keepdims=True)
        s *= e
        if gb is not None:
            there = _of(gb, part)
            repeated = tuple(i for i, n in enumerate(there.shape) if n == 1)
            there += np.add.reduce(s, axis=repeated, keepdims=True)
        s *= scale
        np.matmul(s, k[at_keys], out=gq[part[:4]])
        gk[at_keys] += _over_group(s, q[part[:4]])
    return [gq, gk, gv, gb]


def _over_group(a: Any, b: Any) -> Any:
    """a^T b, summed over the heads of a group."""
    samples, heads, group, rows = a.shape[:4]
    flat = (samples, heads, 1, group * rows)
    return np.matmul(a.reshape(*flat, a.shape[-1]).swapaxes(-1, -2), b.reshape(*flat, b.shape[-1]))


attention = kernel(_forward, _backward)


class NumpyAttention(Attention):
    """Memory grows with the length, not with its square; dropout, which needs all weights, runs by the definition."""

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
        if (training and rate > 0) or 0 in (*query.shape, *key.shape):
            return super().scaled_dot_product_attention(
                query,
                key,
                value,
                bias,
                mask=mask,
                causal=causal,
                scale=scale,
                rate=rate,
                dropout_key=dropout_key,
                dropout_mask=dropout_mask,
                site=site,
                training=training,
            )
        batch, heads, queries, head_dim = query.shape
        kv_heads = key.shape[1]
        allowed = self._allowed(mask, causal, query, queries, key.shape[2])
        if allowed is not None:
            query, key, value = self._cleared(query, key, value, *self._involved(allowed, kv_heads))

        def grouped(x: Array) -> Array:
            """The axis of heads as two, of key and value heads and of those that share them."""
            of = (1, 1) if x.shape[1] == 1 else (kv_heads, x.shape[1] // kv_heads)
            return xp.reshape(x, (x.shape[0], *of, *x.shape[2:]))

        if bias is not None and bias.ndim == 2:
            bias = xp.reshape(bias, (1, 1, *bias.shape))
        y = attention(
            xp.reshape(query, (batch, kv_heads, heads // kv_heads, queries, head_dim)),
            xp.expand_dims(key, axis=2),
            xp.expand_dims(value, axis=2),
            None if bias is None else grouped(bias),
            banned=None if allowed is None else ~grouped(allowed),
            scale=1.0 / math.sqrt(head_dim) if scale is None else scale,
            causal=causal,
        )
        return xp.reshape(y, (batch, heads, queries, value.shape[-1]))
