"""Orthogonal and activity penalties, unit norm and signs: against torch's own functions in float64."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import nnspec

B = nnspec.get_backend("torch", dtype="float64")


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def close(ours: Any, theirs: Any, *inputs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-15)
    seed = torch.arange(1.0, 1 + theirs.numel(), dtype=torch.float64).reshape(theirs.shape)
    for a, b in zip(torch.autograd.grad(ours, inputs, seed), torch.autograd.grad(theirs, inputs, seed), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shape", [(4, 3), (3, 5), (4, 2, 3, 2), (1, 4)])
def test_orthogonal_penalty(shape: tuple[int, ...]) -> None:
    weight = draw(*shape)
    units = weight.reshape(shape[0], -1)
    gram = units @ units.T
    off = gram * (1 - torch.eye(shape[0], dtype=torch.float64))
    close(B.orthogonal_penalty(weight, strength=0.3), 0.3 * (off * off).sum(), weight)
    rows = units.detach()
    by_hand = sum(float(rows[i] @ rows[j]) ** 2 for i in range(shape[0]) for j in range(shape[0]) if i != j)
    assert B.orthogonal_penalty(weight).item() == pytest.approx(0.01 * by_hand, rel=1e-13)


def test_orthogonal_penalty_vanishes_for_orthogonal_weights() -> None:
    weight = B.init_orthogonal(B.key(0), (5, 9), gain=3.0).requires_grad_()
    penalty = B.orthogonal_penalty(weight, strength=1.0)
    (slope,) = torch.autograd.grad(penalty, weight)
    assert penalty.item() < 1e-27
    assert slope.abs().max() < 1e-12


@pytest.mark.parametrize("shape", [(5,), (4, 3), (2, 3, 4)])
def test_activity_penalty(shape: tuple[int, ...]) -> None:
    x = draw(*shape, seed=1)
    mean = (0.3 * x.abs() + 0.2 * x**2).reshape(shape[0], -1).sum(dim=1).mean()
    close(B.activity_penalty(x, l1=0.3, l2=0.2), mean, x)
    close(B.activity_penalty(x), 0.01 * x.abs().reshape(shape[0], -1).sum(dim=1).mean(), x)


def test_activity_penalties_of_half_batches_have_the_mean_of_the_whole() -> None:
    x = draw(6, 4, seed=2)
    halves = (B.activity_penalty(x[:3], l2=0.1) + B.activity_penalty(x[3:], l2=0.1)) / 2
    torch.testing.assert_close(halves, B.activity_penalty(x, l2=0.1))


@pytest.mark.parametrize("shape", [(5,), (4, 3), (4, 2, 3, 2)])
@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_unit_norm(shape: tuple[int, ...], scale: float) -> None:
    weight = draw(*shape, seed=3)
    theirs = torch.nn.functional.normalize(weight.reshape(shape[0], -1), dim=1, eps=1e-300).reshape(shape)
    close(B.unit_norm_constraint(weight * scale), theirs, weight)


def test_unit_norm_of_zeros() -> None:
    weight = torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=torch.float64, requires_grad=True)
    ours = B.unit_norm_constraint(weight)
    assert ours.tolist() == [[0.0, 0.0], [0.6, 0.8]]
    (slope,) = torch.autograd.grad(ours[0].sum(), weight)
    assert slope.tolist() == [[0.0, 0.0]] * 2


def test_non_negative() -> None:
    weight = torch.tensor([-2.0, -0.0, 0.0, 0.5, math.inf], dtype=torch.float64, requires_grad=True)
    close(B.non_negative_constraint(weight), torch.nn.functional.relu(weight), weight)
