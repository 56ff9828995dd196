"""Laws of scaled_dot_product_attention: the difference of two ways to the same numbers, which is 0.

A case takes the difference and its derivatives, so that what leaks in shows at the size of what leaks, and rounding at
its own. Where the two are not rounded alike the result comes with it: the derivative alone would be mere rounding.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

from nnspec_conformance.case import Case, Source, booleans, cases, normal
from nnspec_conformance.cases.attention._common import dot, heads, mask

__all__ = ["CASES"]

_NAME = "scaled_dot_product_attention"
#: queries and keys that stay as they are where the later ones change
_PAST = 2
_MASK = mask("xx.xx", ".xxxx", "..xxx", "x.x.x", "xxxxx")
_BIAS = normal(1, 4, 5, 5)


def _after(backend: Any, x: Any, other: Any, axis: int) -> Any:
    """`x`, but `other` after the first positions of an axis."""
    shape = tuple(n if i == axis else 1 for i, n in enumerate(x.shape))
    places = backend.xp.reshape(backend.xp.arange(x.shape[axis], **backend.placement(x)), shape)
    return backend.xp.where(places < _PAST, x, other)


@functools.cache
def _future(**options: Any) -> Callable[..., Any]:
    """Earlier outputs while later queries, keys and values change."""

    def program(backend: Any, query: Any, key: Any, value: Any, later: Any, later_key: Any, **given: Any) -> Any:
        attend = functools.partial(backend.scaled_dot_product_attention, causal=True, **options, **given)
        changed = attend(
            _after(backend, query, later, 2),
            _after(backend, key, later_key, 2),
            _after(backend, value, 2.0 * later_key, 2),
        )
        return attend(query, key, value)[:, :, :_PAST] - changed[:, :, :_PAST]

    return program


def _masked(backend: Any, query: Any, key: Any, value: Any, other: Any, mask: Any) -> Any:
    """The first query's output while the key that it may not attend to changes."""
    xp = backend.xp
    hidden = xp.reshape(mask[0, :], (1, 1, -1, 1))
    attend = functools.partial(backend.scaled_dot_product_attention, mask=mask)
    changed = attend(query, xp.where(hidden, key, other), xp.where(hidden, value, 2.0 * other))
    return attend(query, key, value)[:, :, 0] - changed[:, :, 0]


def _as_bias(backend: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
    """A mask, and a bias of -inf where it is False."""
    zeros = backend.xp.zeros(tuple(mask.shape), dtype=query.dtype, **backend.placement(query))
    bias = backend.xp.where(mask, zeros, -math.inf)
    attend = backend.scaled_dot_product_attention
    masked = attend(query, key, value, mask=mask)
    return masked - attend(query, key, value, bias=bias), masked


def _repeated(backend: Any, query: Any, key: Any, value: Any) -> Any:
    """Groups of heads, and heads repeated for each of a group."""
    xp = backend.xp
    batch, kv_heads, keys, dim = key.shape
    group = query.shape[1] // kv_heads

    def repeat(x: Any) -> Any:
        spread = xp.broadcast_to(xp.expand_dims(x, axis=2), (batch, kv_heads, group, keys, dim))
        return xp.reshape(spread, (batch, kv_heads * group, keys, dim))

    attend = backend.scaled_dot_product_attention
    grouped = attend(query, key, value)
    return grouped - attend(query, repeat(key), repeat(value)), grouped


def _reordered(backend: Any, query: Any, key: Any, value: Any, bias: Any, mask: Any) -> Any:
    """Keys, values, masks and biases in the opposite order."""
    attend, flip = backend.scaled_dot_product_attention, backend.xp.flip
    turned = attend(
        query,
        flip(key, axis=2),
        flip(value, axis=2),
        mask=flip(mask, axis=1),
        bias=flip(bias, axis=3),
    )
    return attend(query, key, value, mask=mask, bias=bias) - turned, turned


def _alone(backend: Any, query: Any, key: Any, value: Any, bias: Any, mask: Any) -> Any:
    """The last sample and group of heads by themselves."""
    attend = backend.scaled_dot_product_attention
    together = attend(query, key, value, mask=mask, bias=bias)
    last = attend(query[1:, 2:], key[1:, 1:], value[1:, 1:], mask=mask, bias=bias[:, 2:])
    return together[1:, 2:] - last, last


def _shifted(backend: Any, query: Any, key: Any, value: Any, bias: Any) -> Any:
    """A number added to all scores of a query."""
    attend = functools.partial(backend.scaled_dot_product_attention, query, key, value)
    shifted = attend(bias=bias)
    return attend() - shifted, shifted


def _later(kv_heads: int) -> dict[str, Source]:
    return {"later": normal(2, 4, 5, 4, std=10.0), "later_key": normal(2, kv_heads, 5, 4, std=10.0)}


def _futures() -> list[Case]:
    """Every combination of the other options; all of them at level quick."""
    found = []
    for masked, biased, grouped, scaled in itertools.product((False, True), repeat=4):
        chosen = [n for n, on in (("mask", masked), ("bias", biased), ("groups", grouped), ("scale", scaled)) if on]
        kv_heads = 2 if grouped else 4
        inputs = {**heads(kv_heads=kv_heads, queries=5), **_later(kv_heads)}
        inputs |= {"mask": _MASK} if masked else {}
        inputs |= {"bias": _BIAS} if biased else {}
        found.append(
            Case(
                operation=_NAME,
                name="-".join(["future", *chosen]),
                requires=dot(4),
                inputs=inputs,
                program=_future(scale=0.3) if scaled else _future(),
                level="quick" if len(chosen) == 4 else "full",
            )
        )
    return found


#: without derivatives, which other cases see to
_VALUES = ("values", "shapes", "compiled", "purity", "repeat")
_SQUARE = heads(queries=5)
CASES: list[Case] = [
    *_futures(),
    *cases(
        _NAME,
        {
            "future-dropout": {
                "inputs": {**_SQUARE, **_later(2), "dropout_mask": booleans(2, 4, 5, 5, probability=0.7)},
                "program": _future(rate=0.3),
                "requires": dot(4),
                "level": "full",
                "plain_only": True,
            },
            "masked-content": {
                "inputs": {**_SQUARE, "other": normal(2, 2, 5, 4, std=10.0), "mask": _MASK},
                "program": _masked,
                "requires": dot(2),
                "level": "full",
            },
            "bias-as-mask": {
                "inputs": {**_SQUARE, "mask": _MASK},
                "program": _as_bias,
                "requires": dot(3),
                "level": "full",
            },
            "heads-repeated": {"inputs": _SQUARE, "program": _repeated, "requires": dot(7), "level": "full"},
            "keys-reordered": {
                "inputs": {**_SQUARE, "bias": _BIAS, "mask": _MASK},
                "program": _reordered,
                "requires": dot(11),
                "level": "full",
            },
            "sample-alone": {
                "inputs": {**_SQUARE, "bias": _BIAS, "mask": _MASK},
                "program": _alone,
                "requires": dot(11),
                "checks": _VALUES,
            },
            "scores-shifted": {
                "inputs": {**_SQUARE, "bias": normal(2, 4, 5, 1, mean=100.0)},
                "program": _shifted,
                "requires": dot(9),
                "level": "full",
            },
        },
    ),
]
