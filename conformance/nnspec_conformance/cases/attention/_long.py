"""As many scores as native kernels compute in pieces, in numbers of which every sum is exact: no reference is needed.

The first entries of queries are 0 and the last of keys, so that all scores are 0 and each of the 2^n keys that a mask
leaves weighs 2^-n. The derivatives of both are not 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec import Backend
from nnspec_conformance.case import Case, seed_of
from nnspec_conformance.cases.attention._common import dot

__all__ = ["CASES"]

_BATCH, _QUERIES, _KEYS, _DIM = 2, 264, 512, 4


def _arrays() -> dict[str, NDArray[Any]]:
    """Query, key, value, bias and the cotangent, in -1, 0 and 1."""
    generator = np.random.Generator(np.random.Philox(seed_of("attention", "long")))

    def drawn(length: int) -> NDArray[Any]:
        return generator.integers(-1, 2, (_BATCH, 1, length, _DIM)).astype(np.float32)

    made = {"query": drawn(_QUERIES), "key": drawn(_KEYS), "value": drawn(_KEYS), "g": drawn(_QUERIES)}
    made["query"][..., :2] = 0
    made["key"][..., 2:] = 0
    return {**made, "bias": np.zeros((_BATCH, 1, 1, _KEYS), np.float32)}


def _expected(a: dict[str, NDArray[Any]], live: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The result and the derivatives, at a scale of 1/2."""
    weights = np.broadcast_to(live / live.sum(), (_BATCH, 1, _QUERIES, _KEYS))
    slope = a["g"] @ a["value"].swapaxes(2, 3)
    scores = weights * (slope - np.sum(weights * slope, axis=3, keepdims=True))
    return {
        "result": weights @ a["value"],
        "query": 0.5 * scores @ a["key"],
        "key": 0.5 * scores.swapaxes(2, 3) @ a["query"],
        "value": weights.swapaxes(2, 3) @ a["g"],
        "bias": np.sum(scores, axis=(1, 2), keepdims=True),
    }


def _exact(backend: Backend, dtype: str, seed: int) -> str | None:
    """Result and derivatives, to the bit."""
    del dtype, seed
    host = _arrays()
    live = np.arange(_KEYS) % 4 < 2
    given = {name: backend.asarray(x, dtype="float32") for name, x in host.items()}
    g = given.pop("g")
    mask = backend.asarray(live[None, None, None, :])

    def attend(query: Any, key: Any, value: Any, bias: Any) -> Any:
        return backend.scaled_dot_product_attention(query, key, value, bias, mask=mask)

    y, pull = backend.vjp(attend, *(given[name] for name in ("query", "key", "value", "bias")))
    found = dict(zip(("result", "query", "key", "value", "bias"), (y, *pull(g)), strict=True))
    for name, wanted in _expected({n: x.astype(np.float64) for n, x in host.items()}, live).items():
        got = backend.to_numpy(found[name])
        if not np.array_equal(got, wanted):
            what = "the result" if name == "result" else f"the gradient of {name}"
            return f"{what} differs in {int(np.sum(got != wanted))} of {wanted.size} entries, all of which are exact"
    return None


CASES = [
    Case(
        operation="scaled_dot_product_attention",
        name="long-exact",
        requires=dot(1, 2),
        checks=("statistics",),
        judge=_exact,
        dtypes=("float32",),
        plain_only=True,
    )
]
