"""The NumPy kernel of attention in pieces, of which there is one alone at the sizes of the suite's cases."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from nnspec_backends.numpy import NumpyBackend, attention

B = NumpyBackend(dtype="float64")
#: batch, heads, kv_heads, queries, keys; and the axes along which mask and bias are not repeated, None for neither
SIZES = [(2, 4, 2, 3, 5), (3, 2, 2, 5, 3), (2, 3, 1, 4, 4)]
AXES: list[tuple[int, ...] | None] = [None, (0, 1, 2, 3), (2, 3), (0, 3), (1, 2)]


def outcome(function: Any, arrays: list[Any], g: Any, **options: Any) -> list[Any]:
    y, pull = B.vjp(lambda *given: function(*given, **options), *arrays)
    return [y, *pull(g)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("scores", [1, 7, 30, 60])
def test_pieces_make_up_the_definition(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, ...], causal: bool, scores: int
) -> None:
    monkeypatch.setattr(attention, "_PIECE", scores)
    batch, heads, kv_heads, queries, keys = size
    definition = B.operations()["scaled_dot_product_attention"].definition
    generator = np.random.default_rng(0)
    shapes = [(batch, heads, queries, 3), (batch, kv_heads, keys, 3), (batch, kv_heads, keys, 2)]
    arrays = [generator.normal(size=shape) for shape in shapes]
    g = generator.normal(size=(batch, heads, queries, 2))
    for masked, biased in itertools.product(AXES, AXES):
        options: dict[str, Any] = {"causal": causal, "scale": 0.7}
        given = list(arrays)
        full = (batch, heads, queries, keys)
        if masked is not None:
            shape = [n if i in masked else 1 for i, n in enumerate(full)]
            options["mask"] = generator.random(shape) < 0.5
        if biased is not None:
            given.append(generator.normal(size=[n if i in biased else 1 for i, n in enumerate(full)]))
        found = outcome(B.scaled_dot_product_attention, given, g, **options)
        wanted = outcome(lambda *a, **k: definition(B, *a, **k), given, g, **options)
        for got, expected in zip(found, wanted, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-12)


def test_memory_grows_with_the_length_and_not_with_its_square() -> None:
    import tracemalloc

    length = 2048
    query, key, value, g = (np.ones((1, 1, length, 4), np.float32) for _ in range(4))
    tracemalloc.start()
    try:
        outcome(B.scaled_dot_product_attention, [query, key, value], g)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < length * length * 4
