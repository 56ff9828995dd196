"""Dropout by its definitions, with the masks that torch drew itself, read off its results."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import array_api_compat.torch
import numpy as np
import pytest
import torch

import nnspec
from nnspec.ops.dropout import Dropout

native: Any = torch.nn.functional


class OnTorch(Dropout):
    """The definitions on torch tensors."""

    xp = array_api_compat.torch

    def is_floating(self, x: Any) -> bool:
        return bool(x.dtype == torch.float64)


T: Any = OnTorch()


def tensor(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64, requires_grad=True)


def agree(ours: torch.Tensor, theirs: torch.Tensor, x: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-14, atol=1e-15)
    cotangent = torch.randn(theirs.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    (got,), (wanted,) = (torch.autograd.grad(y, [x], cotangent) for y in (ours, theirs))
    torch.testing.assert_close(got, wanted, rtol=1e-14, atol=1e-15)


def both_ways(mask: torch.Tensor) -> torch.Tensor:
    """The mask, which is worth comparing by only if it keeps some and drops some."""
    assert torch.any(mask)
    assert not torch.all(mask)
    return mask


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_dropout(rate: float) -> None:
    torch.manual_seed(0)
    x = tensor(13, 7)
    theirs = native.dropout(x, rate)
    agree(T.dropout(x, rate=rate, mask=both_ways(theirs != 0)), theirs, x)


@pytest.mark.parametrize(
    ("drop", "shape"),
    [(native.dropout1d, (6, 5, 4)), (native.dropout2d, (6, 5, 4, 3)), (native.dropout3d, (6, 5, 2, 3, 2))],
)
@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_spatial_dropout(drop: Callable[..., torch.Tensor], shape: tuple[int, ...], rate: float) -> None:
    torch.manual_seed(1)
    x = tensor(*shape)
    theirs = drop(x, rate)
    mask = both_ways(torch.any(theirs.flatten(2) != 0, dim=-1))
    agree(T.spatial_dropout(x, rate=rate, mask=mask), theirs, x)


@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_drop_path(rate: float) -> None:
    """Samples dropped as torch drops the channels of one sample."""
    torch.manual_seed(2)
    x = tensor(17, 3, 2)
    theirs = native.dropout1d(x.reshape(1, 17, 6), rate).reshape(17, 3, 2)
    mask = both_ways(torch.any(theirs.flatten(1) != 0, dim=-1))
    agree(T.drop_path(x, rate=rate, mask=mask), theirs, x)


@pytest.mark.parametrize("rate", [0.05, 0.5, 0.9])
def test_alpha_dropout(rate: float) -> None:
    torch.manual_seed(3)
    x = tensor(13, 17)
    theirs = native.alpha_dropout(x, rate, training=True)
    (slope,) = torch.autograd.grad(theirs.sum(), [x], retain_graph=True)
    agree(T.alpha_dropout(x, rate=rate, mask=both_ways(slope != 0)), theirs, x)


def test_alpha_dropout_drops_to_the_lower_limit_of_selu() -> None:
    """The constant is -lambda alpha of the paper, there to 16 digits."""
    limit = float(native.selu(torch.tensor(-1e3, dtype=torch.float64)))
    rate = 0.3
    a = ((1 - rate) * (1 + rate * limit**2)) ** -0.5
    dropped = T.alpha_dropout(tensor(2), rate=rate, mask=torch.tensor([False, False]))
    assert dropped.tolist() == pytest.approx([a * limit * (1 - rate)] * 2, rel=1e-14)


@pytest.mark.parametrize("rate", [1e-6, 0.25, 0.999])
def test_alpha_dropout_keeps_expected_mean_and_variance(rate: float) -> None:
    """Over both outcomes of the mask, each by its probability, for x = -1 and x = 1 with equal chance."""
    x = torch.tensor([-1.0, 1.0, -1.0, 1.0], dtype=torch.float64)
    y = T.alpha_dropout(x, rate=rate, mask=torch.tensor([True, True, False, False]))
    chance = torch.tensor([1 - rate, 1 - rate, rate, rate], dtype=torch.float64) / 2
    mean = float(torch.sum(chance * y))
    assert mean == pytest.approx(0, abs=1e-13)
    assert float(torch.sum(chance * (y - mean) ** 2)) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_one_key_drops_the_same_channels_and_samples_as_its_mask(name: str) -> None:
    B: Any = nnspec.get_backend(name)
    host = np.random.default_rng(5).standard_normal((8, 6, 4)) + math.pi
    x, key = B.asarray(host), B.key(77)
    channels = B.to_numpy(B.dropout_mask(key, (8, 6), rate=0.5, site=2))
    samples = B.to_numpy(B.dropout_mask(key, (8,), rate=0.5, site=2))
    np.testing.assert_array_equal(
        B.to_numpy(B.spatial_dropout(x, key=key, site=2)) != 0,
        np.broadcast_to(channels[..., None], host.shape),
    )
    np.testing.assert_array_equal(
        B.to_numpy(B.drop_path(x, key=key, site=2)) != 0,
        np.broadcast_to(samples[:, None, None], host.shape),
    )
