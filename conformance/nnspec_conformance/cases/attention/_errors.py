"""Bad calls of both operations."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec_conformance.case import Case, Source, booleans, error_case, integers, keys, normal
from nnspec_conformance.cases.attention._common import dot, heads, multi, projections

__all__ = ["CASES"]


def _dot(name: str, number: int, error: type[NnspecError], words: str, /, **changed: Any) -> Case:
    """A call of scaled_dot_product_attention with some arguments changed."""
    given = {**heads(), **changed}
    inputs = {n: v for n, v in given.items() if isinstance(v, Source)}
    options = {n: v for n, v in given.items() if n not in inputs}
    return error_case(
        "scaled_dot_product_attention",
        name,
        dot(number),
        lambda backend, **arrays: backend.scaled_dot_product_attention(**arrays, **options),
        error,
        words,
        inputs=inputs,
    )


def _multi(name: str, number: int, error: type[NnspecError], words: str, /, **changed: Any) -> Case:
    """A call of multi_head_attention with some arguments or params changed; None leaves out a param."""
    given = {"query": normal(2, 3, 6), "key": normal(2, 4, 6), "value": normal(2, 4, 6), **projections(), **changed}
    inputs = {n: v for n, v in given.items() if isinstance(v, Source)}
    options = {"num_heads": 2, **{n: v for n, v in given.items() if n not in inputs and v is not None}}

    def program(backend: Any, **arrays: Any) -> Any:
        params = {n: x for n, x in arrays.items() if n.endswith(("_weight", "_bias"))}
        rest = {n: x for n, x in arrays.items() if n not in params}
        return backend.multi_head_attention(**{"params": params, **rest, **options})

    return error_case("multi_head_attention", name, multi(number), program, error, words, inputs=inputs)


_FULL_SHAPE = "(2, 4, 3, 5) (batch, heads, queries, keys), with 1 for any of them"
_OF_DOT = [
    _dot("three-axes", 1, ShapeError, "query: expected 4 axes, got shape (2, 3, 4)", query=normal(2, 3, 4)),
    _dot("integers", 1, DTypeError, "query: expected a floating array", query=integers(2, 4, 3, 4, high=3)),
    _dot("no-features", 1, ShapeError, "query: expected a head of at least one feature", query=normal(2, 4, 3, 0)),
    _dot("key-features", 1, ShapeError, "key: expected shape (2, kv_heads, keys, 4)", key=normal(2, 2, 5, 3)),
    _dot("key-batch", 1, ShapeError, "key: expected shape (2, kv_heads, keys, 4)", key=normal(1, 2, 5, 4)),
    _dot("value-keys", 1, ShapeError, "value: expected shape (2, 2, 5, value_dim)", value=normal(2, 2, 3, 4)),
    _dot("value-heads", 7, ShapeError, "value: expected shape (2, 2, 5, value_dim)", value=normal(2, 4, 5, 4)),
    _dot("heads", 7, ShapeError, "divides 4 (that of query), got 3", key=normal(2, 3, 5, 4), value=normal(2, 3, 5, 4)),
    _dot("scale", 1, ArgumentError, "scale: expected a finite number, got inf", scale=float("inf")),
    _dot("floating-mask", 2, DTypeError, "mask: expected a boolean array", mask=normal(3, 5)),
    _dot("mask-axes", 8, ShapeError, f"mask: expected shape (3, 5) (queries, keys) or {_FULL_SHAPE}, got (2, 3, 5)",
         mask=booleans(2, 3, 5)),
    _dot("mask-keys", 8, ShapeError, f"{_FULL_SHAPE}, got (3, 4)", mask=booleans(3, 4)),
    _dot("mask-kv-heads", 8, ShapeError, f"{_FULL_SHAPE}, got (2, 2, 3, 5)", mask=booleans(2, 2, 3, 5)),
    _dot("boolean-bias", 3, DTypeError, "bias: expected a floating array", bias=booleans(3, 5)),
    _dot("bias-axes", 8, ShapeError, f"bias: expected shape (3, 5) (queries, keys) or {_FULL_SHAPE}, got (5,)",
         bias=normal(5)),
    _dot("bias-batch", 8, ShapeError, f"{_FULL_SHAPE}, got (3, 4, 3, 5)", bias=normal(3, 4, 3, 5)),
    _dot("causal", 4, ArgumentError, "causal: expected True or False, got 1", causal=1),
    _dot("rate", 10, ArgumentError, "rate: expected a finite number >= 0 and <= 1, got 1.5", rate=1.5),
    _dot("dropout-neither", 10, ArgumentError, "dropout_key, dropout_mask: expected one of the two in training, "
         "got neither", rate=0.5),
    _dot("dropout-both", 10, ArgumentError, "dropout_key, dropout_mask: expected one of the two in training, got both",
         rate=0.5, dropout_key=keys(), dropout_mask=booleans(2, 4, 3, 5)),
    _dot("dropout-mask-shape", 10, ShapeError, "dropout_mask: expected shape (2, 4, 3, 5)", rate=0.5,
         dropout_mask=booleans(3, 5)),
]  # fmt: skip
_OF_MULTI = [
    _multi("two-axes", 2, ShapeError, "query: expected 3 axes, got shape (3, 6)", query=normal(3, 6)),
    _multi("key-batch", 2, ShapeError, "key: expected shape (2, keys, features)", key=normal(1, 4, 6)),
    _multi("value-keys", 2, ShapeError, "value: expected shape (2, 4, features)", value=normal(2, 3, 6)),
    _multi("missing", 1, ArgumentError, "params: expected the entries query_weight, key_weight", key_weight=None),
    _multi("unknown", 3, ArgumentError, "params: expected the entries query_weight", in_bias=normal(4)),
    _multi("query-features", 2, ShapeError, "params['query_weight']: expected shape (num_heads * dim, 6)",
           query_weight=normal(4, 5)),
    _multi("key-features", 2, ShapeError, "params['key_weight']: expected shape (num_kv_heads * dim, 6)",
           key_weight=normal(4, 7)),
    _multi("query-rows", 1, ShapeError, "params['query_weight']: expected a multiple of 2 rows (num_heads), got 3",
           query_weight=normal(3, 6)),
    _multi("key-rows", 1, ShapeError, "params['key_weight']: expected 2 heads of 2 rows (those of query_weight), got 1",
           key_weight=normal(2, 6)),
    _multi("output", 1, ShapeError, "params['output_weight']: expected shape (features, 4)",
           output_weight=normal(3, 6)),
    _multi("bias", 3, ShapeError, "params['output_bias']: expected shape (3,) (the first axis of output_weight)",
           output_bias=normal(4)),
    _multi("heads", 1, ArgumentError, "num_heads: expected an integer >= 1, got 0", num_heads=0),
    _multi("kv-heads", 4, ArgumentError, "num_kv_heads: expected a divisor of num_heads, 2, got 3", num_kv_heads=3),
    _multi("mask", 5, ShapeError, "mask: expected shape (3, 4) (queries, keys) or (2, 2, 3, 4)", mask=booleans(2, 4)),
    _multi("floating-mask", 5, DTypeError, "mask: expected a boolean array", mask=normal(3, 4)),
    _multi("bias-dtype", 3, DTypeError, "params['key_bias']: expected a floating array",
           key_bias=integers(4, high=3)),
    _multi("dropout", 9, ArgumentError, "expected one of the two in training, got neither", rate=0.5),
]  # fmt: skip

CASES: list[Case] = [*_OF_DOT, *_OF_MULTI]
