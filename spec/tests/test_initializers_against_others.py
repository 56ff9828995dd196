"""Initializers of shapes and structures against torch.nn.init, SciPy and NumPy's QR; what they are for, by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from nnspec import _threefry
from nnspec.ops.initializers import Initializers, _drawing
from nnspec.ops.random import Random


class Definitions(Initializers, Random):
    """The definitions of these families on NumPy arrays, and nothing else."""

    dtypes = ("float32", "float64")
    xp: Any = np
    dtype = "float64"

    def asarray(self, x: Any, *, dtype: str | None = None) -> Any:
        return np.asarray(x, dtype=dtype)

    def to_numpy(self, x: Any) -> Any:
        return np.asarray(x)

    def is_integer(self, x: Any) -> bool:
        return hasattr(x, "dtype") and np.issubdtype(x.dtype, np.integer)

    def is_concrete(self, x: Any) -> bool:
        return True


B = Definitions()


def _significance(sample: Any, distribution: Any) -> float:
    return float(stats.kstest(np.asarray(sample, np.float64).reshape(-1), distribution.cdf).pvalue)


# -- distributions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("low", "high"), [(-2.0, 2.0), (-0.5, 3.0), (1.0, 1.5), (-4.0, -2.0), (5.0, 37.0), (-37.0, -10.0), (-37.0, 37.0)]
)
def test_truncated_normal_is_scipys(dtype: str, low: float, high: float) -> None:
    drawn = B.init_truncated_normal(B.key(3), (100, 100), mean=1.0, std=0.5, low=low, high=high, dtype=dtype)
    assert _significance(drawn, stats.truncnorm(low, high, loc=1.0, scale=0.5)) > 1e-4
    assert 1 + low / 2 <= drawn.min() <= drawn.max() <= 1 + high / 2


@pytest.mark.parametrize(("low", "high"), [(-2.0, 2.0), (-1.0, 37.0), (3.0, 9.0), (-9.0, -3.0), (-0.01, 0.02)])
def test_truncated_normal_is_scipys_quantile(low: float, high: float) -> None:
    u = _threefry.uniform(B.key(1), (500,), "float64")
    expected = stats.truncnorm.ppf(u + 2.0**-53, low, high)
    drawn = B.init_truncated_normal(B.key(1), (500,), mean=0.0, std=1.0, low=low, high=high)
    np.testing.assert_allclose(drawn, expected, rtol=1e-10, atol=1e-14)


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends of the stream."""
    monkeypatch.setattr(_threefry, "uniform", lambda _, shape, __: np.array([0.0, 1 - 2.0**-52]).reshape(shape))


@pytest.mark.usefixtures("ends")
def test_truncated_normal_is_finite_at_both_ends() -> None:
    for low, high in ((-37.0, 37.0), (-1.0, 37.0), (-37.0, 1.0), (36.0, 37.0)):
        first, last = B.init_truncated_normal(B.key(0), (2,), std=1.0, low=low, high=high)
        assert low <= first < last <= high
        assert last < 8.3 or low == 36.0


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
def test_variance_scaling(mode: str, groups: int) -> None:
    shape, fans = (60, 5, 3, 4), {"fan_in": 60, "fan_out": 720 / groups, "fan_avg": (60 + 720 / groups) / 2}
    options: dict[str, Any] = {"mode": mode, "groups": groups, "scale": 1.3}
    std = math.sqrt(1.3 / fans[mode])
    for distribution, wanted in (
        ("normal", stats.norm(0, std)),
        ("uniform", stats.uniform(-math.sqrt(3) * std, 2 * math.sqrt(3) * std)),
        ("truncated_normal", stats.truncnorm(-2, 2, scale=std / 0.8796256610342398)),
    ):
        drawn = B.init_variance_scaling(B.key(2), shape, distribution=distribution, **options)
        assert _significance(drawn, wanted) > 1e-4
        assert drawn.std() == pytest.approx(std, rel=0.05)


@pytest.mark.parametrize("shape", [(8, 3), (8, 3, 5), (4, 6, 2, 3)])
def test_lecun_has_the_fan_of_torch(shape: tuple[int, ...]) -> None:
    fan_in, _ = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
    u = _threefry.uniform(B.key(4), shape, "float64")
    limit = math.sqrt(3 / fan_in)
    np.testing.assert_allclose(B.init_lecun_uniform(B.key(4), shape), limit * (2 * u - 1), rtol=1e-15)
    assert _significance(B.init_lecun_normal(B.key(4), (500, *shape[1:])), stats.norm(0, fan_in**-0.5)) > 1e-4


# -- matrices ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (5, 1), (6, 6), (70, 66), (200, 130)])
def test_orthogonal_is_stewarts_product(rows: int, columns: int) -> None:
    """The reflections as whole matrices, multiplied by BLAS."""
    normals = _drawing.gaussian(_threefry.uniform(B.key(5), (columns, rows), "float64"), 0.0, 1.0)
    q = np.eye(rows)
    signs = np.ones(rows)
    for k in range(columns):
        x = normals[k, : rows - k]
        v = np.zeros(rows)
        v[k:] = x
        v[k] += np.sign(x[0]) * np.linalg.norm(x)
        q = q - np.outer(q @ v, v) * (2 / (v @ v))
        signs[k] = -np.sign(x[0])
    drawn = B.init_orthogonal(B.key(5), (rows, columns), gain=1.5)
    np.testing.assert_allclose(drawn, 1.5 * (q * signs)[:, :columns], atol=1e-13)
    assert drawn[:, 0] == pytest.approx(1.5 * normals[0] / np.linalg.norm(normals[0]))


@pytest.mark.parametrize("shape", [(7, 3), (3, 7), (4, 2, 3, 2), (12, 2, 2)])
def test_orthogonal_promises_what_torchs_does(shape: tuple[int, ...]) -> None:
    theirs = torch.nn.init.orthogonal_(torch.empty(shape, dtype=torch.float64), gain=0.7).numpy()
    ours = B.init_orthogonal(B.key(6), shape, gain=0.7)
    for w in (ours.reshape(shape[0], -1), theirs.reshape(shape[0], -1)):
        smaller = w if w.shape[0] <= w.shape[1] else w.T
        np.testing.assert_allclose(smaller @ smaller.T, 0.49 * np.eye(len(smaller)), atol=1e-14)


def test_orthogonal_has_the_moments_of_scipys() -> None:
    ours = np.stack([B.init_orthogonal(B.key(i), (4, 4)) for i in range(1500)])
    theirs = stats.ortho_group(4, seed=0).rvs(1500)
    for i, j in np.ndindex(4, 4):
        assert stats.ks_2samp(ours[:, i, j], theirs[:, i, j]).pvalue > 1e-5
    for power in (1, 2, 4):  # of the trace: 0, 1 and 3 for the orthogonal group
        traces = [np.mean(np.trace(q, axis1=1, axis2=2) ** power) for q in (ours, theirs)]
        assert traces[0] == pytest.approx({1: 0, 2: 1, 4: 3}[power], abs=0.8 if power == 4 else 0.15)


def test_float32_is_float64_rounded_once() -> None:
    wide, narrow = (B.init_orthogonal(B.key(7), (9, 4), dtype=dtype) for dtype in ("float64", "float32"))
    np.testing.assert_array_equal(wide.astype(np.float32), narrow)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (0, 3)])
def test_identity_is_torchs(shape: tuple[int, int]) -> None:
    np.testing.assert_array_equal(B.init_identity(shape), torch.nn.init.eye_(torch.empty(shape)).numpy())


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("shape", [(6, 2, 3), (6, 5, 4, 3), (12, 3, 2, 3, 1)])
def test_dirac_is_torchs(shape: tuple[int, ...], groups: int) -> None:
    theirs = torch.nn.init.dirac_(torch.empty(shape), groups).numpy()
    np.testing.assert_array_equal(B.init_dirac(shape, groups=groups), theirs)


def test_dirac_of_more_axes_than_torch_has() -> None:
    weight = B.init_dirac((2, 2, 3, 1, 4, 3))
    assert np.argwhere(weight == 1).tolist() == [[0, 0, 1, 0, 2, 1], [1, 1, 1, 0, 2, 1]]
    assert weight.sum() == 2


@pytest.mark.parametrize(("nonzeros", "expected"), [(1, 1), (15, 15), (24, 24), (99, 24)])
def test_sparse_counts(nonzeros: int, expected: int) -> None:
    weight = B.init_sparse(B.key(8), (50, 4, 2, 3), nonzeros=nonzeros)
    assert np.count_nonzero(weight.reshape(50, -1), axis=1).tolist() == [expected] * 50


def test_sparse_places_and_values() -> None:
    weight = B.init_sparse(B.key(9), (4000, 12), nonzeros=5, std=0.3)
    taken = weight != 0
    assert _significance(weight[taken], stats.norm(0, 0.3)) > 1e-4
    assert stats.chisquare(taken.sum(axis=0)).pvalue > 1e-4
    pairs = taken.T.astype(float) @ taken
    together = pairs[np.triu_indices(12, 1)] / 4000  # of any two places
    np.testing.assert_allclose(together, 5 * 4 / (12 * 11), atol=0.04)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 3, 0), (0, 0)])
def test_empty_weights(shape: tuple[int, ...]) -> None:
    for name in ("lecun_normal", "variance_scaling", "truncated_normal", "orthogonal", "sparse"):
        assert getattr(B, f"init_{name}")(B.key(0), shape).shape == shape


# -- what they are for -------------------------------------------------------------------------------------


def test_deep_linear_stacks_keep_the_variance() -> None:
    _keeps("lecun_uniform", False, {})
    _keeps("variance_scaling", False, {})


def test_deep_relu_stacks_keep_the_variance() -> None:
    _keeps("he_uniform", True, {})
    _keeps("variance_scaling", True, {"scale": 2.0})


def _keeps(name: str, rectified: bool, options: dict[str, Any]) -> None:
    """The logarithm of the growth over 30 layers has a standard deviation of 0.77 at most; 6 of them."""
    h = np.cos(np.arange(256.0))
    start = h @ h
    for layer in range(30):
        h = getattr(B, f"init_{name}")(B.key(layer), (256, 256), **options) @ h
        h = np.maximum(h, 0) if rectified else h
    assert abs(math.log((h @ h) / start)) < 4.6


def test_orthogonal_stacks_keep_the_norm() -> None:
    h = start = np.cos(np.arange(40.0))
    for layer in range(100):
        h = B.init_orthogonal(B.key(layer), (40, 40)) @ h
    assert np.linalg.norm(h) == pytest.approx(np.linalg.norm(start), rel=1e-12)
