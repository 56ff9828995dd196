"""Losses of embeddings by their definitions, against torch in float64 and against loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from nnspec.reference import Reference

B: Any = Reference()
NAN = math.nan
native: Any = torch.nn.functional


def drawn(*shape: int, seed: int = 0, scale: float = 1.0) -> Any:
    return scale * np.random.default_rng(seed).normal(size=shape)


def extended(*arrays: Any) -> Any:
    return [np.asarray(x, np.longdouble) for x in arrays]


def agree(ours: Any, theirs: Any, *arrays: Any) -> None:
    """Equal values, and equal gradients of their weighted sum, to some roundoffs of float64."""
    leaves = [torch.tensor(x, requires_grad=True) for x in arrays]
    wanted = theirs(*leaves)
    got, pull = B.vjp(ours, *extended(*arrays))
    np.testing.assert_allclose(got.astype(float), wanted.detach().numpy(), rtol=1e-12, atol=1e-13)
    cotangent = drawn(*wanted.shape, seed=99)
    gradients = torch.autograd.grad(wanted, leaves, torch.tensor(cotangent).reshape(wanted.shape))
    for mine, other in zip(pull(np.asarray(cotangent, np.longdouble)), gradients, strict=True):
        np.testing.assert_allclose(mine.astype(float), other.numpy(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_cosine_similarity_is_that_of_torch_above_eps(axis: int, scale: float) -> None:
    agree(
        lambda x, y: B.cosine_similarity(x, y, axis=axis, reduction="none"),
        lambda x, y: native.cosine_similarity(x, y, dim=axis),
        drawn(3, 4, 5, scale=scale),
        drawn(3, 4, 5, seed=1),
    )


def test_cosine_similarity_below_eps_is_a_product_with_slope_1_over_eps() -> None:
    x, y = [[0.0, 0.0], [0.3, 0.4]], [[3.0, 4.0], [0.0, 0.0]]
    value, pull = B.vjp(lambda a, b: B.cosine_similarity(a, b, eps=2.0, reduction="sum"), *extended(x, y))
    assert float(value) == 0
    left, right = (g.astype(float) for g in pull(np.ones_like(value)))
    np.testing.assert_allclose(left, [[0.3, 0.4], [0.0, 0.0]])
    np.testing.assert_allclose(right, [[0.0, 0.0], [0.075, 0.1]])


@pytest.mark.parametrize("margin", [1e-9, 0.5, 3.0])
def test_triplet_margin_is_that_of_torch_without_its_eps(margin: float) -> None:
    agree(
        lambda a, p, n: B.triplet_margin(a, p, n, margin=margin),
        lambda a, p, n: native.triplet_margin_with_distance_loss(
            a, p, n, margin=margin, distance_function=lambda x, y: torch.linalg.vector_norm(x - y, dim=-1)
        ),
        drawn(20, 3),
        drawn(20, 3, seed=1),
        drawn(20, 3, seed=2),
    )


def test_triplet_margin_has_no_gradient_through_coincident_points_nor_at_the_margin() -> None:
    anchor, positive, negative = [[1.0, 2.0], [0.0, 0.0]], [[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.5], [6.0, 0.0]]
    loss, pull = B.vjp(
        lambda a, p, n: B.triplet_margin(a, p, n, reduction="none"), *extended(anchor, positive, negative)
    )
    np.testing.assert_array_equal(loss, [0.5, 0.0])
    a, p, n = pull(np.ones_like(loss))
    np.testing.assert_array_equal(a, [[0, 1], [0, 0]])
    np.testing.assert_array_equal(p, 0)
    np.testing.assert_array_equal(n, [[0, -1], [0, 0]])


@pytest.mark.parametrize("temperature", [0.07, 1.0, 5.0])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_info_nce_is_the_cross_entropy_of_the_products(temperature: float, reduction: str) -> None:
    own = torch.arange(6)

    def theirs(q: Any, k: Any, symmetric: bool) -> Any:
        logits = q @ k.T / temperature
        loss = native.cross_entropy(logits, own, reduction=reduction)
        return (loss + native.cross_entropy(logits.T, own, reduction=reduction)) / 2 if symmetric else loss

    for symmetric in (False, True):
        agree(
            lambda q, k, s=symmetric: B.info_nce(q, k, temperature=temperature, symmetric=s, reduction=reduction),
            lambda q, k, s=symmetric: theirs(q, k, s),
            drawn(6, 4),
            drawn(6, 4, seed=1),
        )


@pytest.mark.parametrize("symmetric", [False, True])
def test_info_nce_without_the_absent_pairs_is_the_same(symmetric: bool) -> None:
    q, k = extended(drawn(5, 3), drawn(5, 3, seed=1))
    weight = np.array([1.0, 0.0, 2.0, 0.0, 0.25], np.longdouble)
    kept = [0, 2, 4]

    def loss(rows: list[int]) -> tuple[Any, Any]:
        def f(a: Any, b: Any) -> Any:
            return B.info_nce(a, b, temperature=0.5, symmetric=symmetric, sample_weight=weight[rows])

        value, pull = B.vjp(f, q[rows], k[rows])
        return value, pull(np.ones_like(value))

    wanted, wanted_gradients = loss(kept)
    q[1], k[3] = NAN, math.inf
    got, gradients = loss(list(range(5)))
    np.testing.assert_allclose(got, wanted, rtol=1e-17)
    for mine, other in zip(gradients, wanted_gradients, strict=True):
        np.testing.assert_allclose(mine[kept], other, rtol=1e-15, atol=1e-18)
        np.testing.assert_array_equal(mine[[1, 3]], 0)


def test_one_pair_has_nothing_to_be_told_from() -> None:
    value, pull = B.vjp(lambda q, k: B.info_nce(q, k, symmetric=True), *extended(drawn(1, 3), drawn(1, 3, seed=1)))
    assert float(value) == 0
    assert all((g == 0).all() for g in pull(np.ones_like(value)))
