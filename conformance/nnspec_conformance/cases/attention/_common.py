"""Inputs and names that the cases of attention share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec_conformance.case import Source, constant, normal, values

__all__ = ["INF", "NAN", "dot", "heads", "holed", "mask", "multi", "projections"]

INF, NAN = math.inf, math.nan


def dot(*numbers: int) -> tuple[str, ...]:
    """Requirements of scaled_dot_product_attention."""
    return tuple(f"SCALED_DOT_PRODUCT_ATTENTION-{n}" for n in numbers)


def multi(*numbers: int) -> tuple[str, ...]:
    """Requirements of multi_head_attention."""
    return tuple(f"MULTI_HEAD_ATTENTION-{n}" for n in numbers)


def heads(
    batch: int = 2,
    heads: int = 4,
    kv_heads: int = 2,
    queries: int = 3,
    keys: int = 5,
    dim: int = 4,
    value_dim: int | None = None,
    **spread: float,
) -> dict[str, Source]:
    """query, key and value of scaled_dot_product_attention."""
    return {
        "query": normal(batch, heads, queries, dim, **spread),
        "key": normal(batch, kv_heads, keys, dim, **spread),
        "value": normal(batch, kv_heads, keys, dim if value_dim is None else value_dim, **spread),
    }


def mask(*rows: str) -> Source:
    """A mask of two axes, a string a query: "x" where it may attend to the key."""
    return constant([[place == "x" for place in row] for row in rows], "bool")


def holed(shape: tuple[int, ...], where: Any, seed: int) -> Source:
    """Normal numbers, but for infinities and NaN at an index."""
    array: NDArray[np.float64] = np.random.Generator(np.random.Philox(seed)).standard_normal(shape)
    hole = array[where]
    array[where] = np.resize([NAN, INF, -INF], hole.size).reshape(hole.shape)
    return values(array)


def projections(
    features: int | tuple[int, int, int] = 6,
    heads: int = 2,
    kv_heads: int | None = None,
    dim: int = 2,
    value_dim: int | None = None,
    out: int = 3,
    biases: tuple[str, ...] = (),
) -> Mapping[str, Source]:
    """The params of multi_head_attention, of which each is an input by its name."""
    of_query, of_key, of_value = (features,) * 3 if isinstance(features, int) else features
    groups = heads if kv_heads is None else kv_heads
    value_dim = dim if value_dim is None else value_dim
    shapes = {
        "query": (heads * dim, of_query),
        "key": (groups * dim, of_key),
        "value": (groups * value_dim, of_value),
        "output": (out, heads * value_dim),
    }
    weights = {f"{name}_weight": normal(*shape) for name, shape in shapes.items()}
    return weights | {f"{name}_bias": normal(shapes[name][0], mean=0.5) for name in biases}
