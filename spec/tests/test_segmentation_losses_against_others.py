"""Focal and Dice losses by their definitions, against mpmath and against their formulas in torch."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
import torch

from nnspec.reference import Reference

B: Any = Reference()
native: Any = torch.nn.functional
POINTS = [-1e4, -300.0, -40.0, -7.5, -1.0, -1e-4, 0.0, 0.25, 3.0, 18.0, 45.0, 200.0]


def focal(x: float, y: float, gamma: float, alpha: float | None) -> Any:
    """The formula at 200 digits, probabilities and all."""
    p = 1 / (1 + mpmath.exp(-x))
    q = 1 / (1 + mpmath.exp(x))
    above, below = (1, 1) if alpha is None else (mpmath.mpf(alpha), 1 - mpmath.mpf(alpha))
    return -above * y * q**gamma * mpmath.log(p) - below * (1 - y) * p**gamma * mpmath.log(q)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
@pytest.mark.parametrize("alpha", [None, 0.25])
@pytest.mark.parametrize("y", [0.0, 1.0, 0.25])
def test_focal_keeps_its_digits_in_both_tails(gamma: float, alpha: float | None, y: float) -> None:
    x, target = np.asarray(POINTS, np.longdouble), np.full(len(POINTS), y, np.longdouble)
    loss, pull = B.vjp(lambda z: B.focal(z, target, gamma=gamma, alpha=alpha, reduction="none"), x)
    gradient = pull(np.ones_like(loss))[0]
    with mpmath.workdps(200):
        for i, point in enumerate(POINTS):
            wanted = focal(mpmath.mpf(point), y, gamma, alpha)
            slope = mpmath.diff(lambda z: focal(z, y, gamma, alpha), mpmath.mpf(point))
            for got, exact in ((loss[i], wanted), (gradient[i], slope)):
                if abs(exact) > 1e-4000:
                    error = abs(mpmath.mpf(np.format_float_scientific(got, precision=30)) / exact - 1)
                    # exp(-gamma softplus(x)) magnifies the rounding of its argument
                    assert error < 1e-18 * (10 + gamma * abs(point)), (point, got, exact)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, None), (1.5, 0.25), (0.0, None), (0.0, 0.9)])
def test_focal_of_labels_is_the_formula_of_torchvision(reduction: str, gamma: float, alpha: float | None) -> None:
    generator = np.random.default_rng(0)
    x, y = 3 * generator.normal(size=(6, 4)), generator.integers(0, 2, (6, 4)).astype(float)
    inputs, targets = torch.tensor(x, requires_grad=True), torch.tensor(y)
    p = torch.sigmoid(inputs)
    p_t = p * targets + (1 - p) * (1 - targets)
    theirs = native.binary_cross_entropy_with_logits(inputs, targets, reduction="none") * (1 - p_t) ** gamma
    if alpha is not None:
        theirs = (alpha * targets + (1 - alpha) * (1 - targets)) * theirs
    theirs = theirs if reduction == "none" else getattr(theirs, reduction)()
    options: dict[str, Any] = {"gamma": gamma, "alpha": alpha, "reduction": reduction}
    ours, pull = B.vjp(lambda z: B.focal(z, y.astype(np.longdouble), **options), x.astype(np.longdouble))
    np.testing.assert_allclose(ours.astype(float), theirs.detach().numpy(), rtol=1e-12)
    (wanted,) = torch.autograd.grad(theirs.sum(), inputs)
    np.testing.assert_allclose(pull(np.ones_like(ours))[0].astype(float), wanted.numpy(), rtol=1e-11)


@pytest.mark.parametrize("axis", [None, 0, 1, (1, 2), (-1, 0), (0, 1, 2)])
@pytest.mark.parametrize("eps", [1e-7, 0.5])
def test_dice_is_one_minus_the_ratio_of_sums(axis: Any, eps: float) -> None:
    generator = np.random.default_rng(1)
    p, y = generator.random((3, 4, 5)), generator.integers(0, 2, (3, 4, 5)).astype(float)
    ours, pull = B.vjp(
        lambda a, b: B.dice(a, b, axis=axis, eps=eps, reduction="none"),
        p.astype(np.longdouble),
        y.astype(np.longdouble),
    )
    a, b = (torch.tensor(x, requires_grad=True) for x in (p, y))
    dim = tuple(range(3)) if axis is None else axis
    theirs = 1 - (2 * (a * b).sum(dim) + eps) / (a.sum(dim) + b.sum(dim) + eps)
    np.testing.assert_allclose(ours.astype(float), theirs.detach().numpy(), rtol=1e-13)
    gradients = torch.autograd.grad(theirs.sum(), (a, b))
    for mine, other in zip(pull(np.ones_like(ours)), gradients, strict=True):
        np.testing.assert_allclose(mine.astype(float), other.numpy(), rtol=1e-11, atol=1e-14)


def test_dice_of_nothing_is_0_and_keeps_the_digits_of_small_losses() -> None:
    none = np.zeros(4, np.longdouble)
    assert float(B.dice(none, none)) == 0
    prediction = np.asarray([1.0, 1e-25, 0.0], np.longdouble)
    target = np.asarray([1.0, 0.0, 0.0], np.longdouble)
    np.testing.assert_allclose(float(B.dice(prediction, target, eps=1e-30)), 0.5e-25, rtol=1e-15)


def test_elements_of_prediction_and_target_0_do_not_count() -> None:
    generator = np.random.default_rng(2)
    p, y = generator.random(6).astype(np.longdouble), generator.integers(0, 2, 6).astype(np.longdouble)
    zeros = np.zeros(3, np.longdouble)
    assert B.dice(np.concatenate([p, zeros]), np.concatenate([y, zeros])) == B.dice(p, y)
