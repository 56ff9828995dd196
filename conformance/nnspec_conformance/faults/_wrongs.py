"""What several planted faults do wrong: coarse products, a scaled gradient, strides not looked at, a cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nnspec.tape import primitive, raw

__all__ = ["cached", "clipped_below", "coarse", "scaled_gradient", "stored", "with_gradient_of"]


def _ten_bits(x: Any) -> Any:
    if x.dtype != np.float32:
        return x.astype(np.float32).astype(x.dtype)
    return ((np.ascontiguousarray(x).view(np.uint32) + 0x1000) & 0xFFFFE000).view(np.float32).reshape(x.shape)


#: x as tensor cores read it: TF32 of float32, float32 of float64
coarse = primitive(_ten_bits, lambda g, y, x: g)

#: x, with a gradient that is `by` times what it should be
scaled_gradient = primitive(lambda x, *, by: x, lambda g, y, x, *, by: g * by)

#: what lies in x's memory, in the order in which it lies there
stored = primitive(lambda x: x.ravel(order="K").reshape(x.shape), lambda g, y, x: g.ravel(order="K").reshape(g.shape))


def cached(backend: Any, name: str, key: Any, make: Callable[[], Any]) -> Any:
    """What `make` returned when it was first asked for under this key."""
    kept = vars(backend).setdefault(f"_cached_{name}", {})
    if key not in kept:
        kept[key] = raw(make())
    return kept[key]


def clipped_below(backend: Any, x: Any, low: float) -> Any:
    """`x`, at least `low`; no derivative flows below."""
    return backend.xp.where(x < low, low, x)


def with_gradient_of(backend: Any, value: Any, other: Any) -> Any:
    """`value`, differentiated as if it were `other`, which is finite."""
    return backend.stop_gradient(value) + (other - backend.stop_gradient(other))
