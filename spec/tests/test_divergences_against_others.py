"""Divergences by their definitions, against SciPy's relative entropy and against torch where it is defined."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.special
import torch

from nnspec.reference import Reference

B: Any = Reference()
INF, NAN = math.inf, math.nan


def pair(*shape: int, seed: int = 0) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    p, q = (np.exp(generator.normal(size=shape)) for _ in range(2))
    return np.log(q / q.sum(axis=-1, keepdims=True)), p / p.sum(axis=-1, keepdims=True)


def extended(*arrays: Any) -> Any:
    return [np.asarray(x, np.longdouble) for x in arrays]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_kl_divergence_is_the_relative_entropy_summed_over_an_axis(axis: int) -> None:
    log_q, p = pair(3, 4, 5)
    each = scipy.special.rel_entr(p, np.exp(log_q)).sum(axis=axis)
    given = extended(log_q, p)
    np.testing.assert_allclose(B.kl_divergence(*given, axis=axis, reduction="none").astype(float), each)
    np.testing.assert_allclose(float(B.kl_divergence(*given, axis=axis)), each.mean())
    np.testing.assert_allclose(float(B.kl_divergence(*given, axis=axis, reduction="sum")), each.sum())


def test_the_batchmean_and_the_gradients_of_torch() -> None:
    log_q, p = pair(6, 5)
    x, y = (torch.tensor(a, requires_grad=True) for a in (log_q, p))
    theirs = torch.nn.functional.kl_div(x, y, reduction="batchmean")
    ours, pull = B.vjp(lambda a, b: B.kl_divergence(a, b), *extended(log_q, p))
    np.testing.assert_allclose(float(ours), theirs.item())
    wanted = torch.autograd.grad(theirs, (x, y))
    for mine, other in zip(pull(np.ones_like(ours)), wanted, strict=True):
        np.testing.assert_allclose(mine.astype(float), other.numpy(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("log_q", [-INF, -3.0, 0.0, INF, NAN])
def test_a_probability_of_0_has_no_term_and_no_gradient(log_q: float) -> None:
    arrays = extended([-1.0, log_q], [1.0, 0.0])
    loss, pull = B.vjp(lambda a, b: B.kl_divergence(a, b), *arrays)
    assert float(loss) == 1.0
    left, right = pull(np.ones_like(loss))
    np.testing.assert_array_equal(left, [-1, 0])
    np.testing.assert_array_equal(right, [2, 0])


def test_it_is_infinite_where_q_rules_out_what_p_has_and_nan_where_p_is() -> None:
    assert float(B.kl_divergence(*extended([-INF, 0.0], [0.5, 0.5]))) == INF
    assert math.isnan(float(B.kl_divergence(*extended([-1.0, -1.0], [NAN, 0.5]))))


def test_weights() -> None:
    log_q, p = pair(3, 4)
    each = scipy.special.rel_entr(p, np.exp(log_q)).sum(axis=-1)
    log_q[1], p[1] = NAN, -5.0
    weight = np.array([0.5, 0.0, 2.0], np.longdouble)
    ours, pull = B.vjp(lambda a, b: B.kl_divergence(a, b, sample_weight=weight), *extended(log_q, p))
    np.testing.assert_allclose(float(ours), (0.5 * each[0] + 2 * each[2]) / 2.5)
    assert all((g[1] == 0).all() and np.isfinite(g).all() for g in pull(np.ones_like(ours)))
    assert float(B.kl_divergence(*extended(log_q, p), sample_weight=0 * weight)) == 0
