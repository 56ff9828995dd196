"""Initializers: distributions against SciPy, fans by hand, bounds kept to the last bit."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import stats

from nnspec import _threefry
from nnspec.errors import ArgumentError, DTypeError
from nnspec.ops.initializers import Initializers
from nnspec.ops.random import Random


class Definitions(Initializers, Random):
    """The definitions of these families on NumPy or JAX arrays, and nothing else."""

    dtypes = ("float32", "float64")

    def __init__(self, xp: Any, dtype: str = "float32") -> None:
        self.xp = xp
        self.dtype = dtype

    def asarray(self, x: Any, *, dtype: str | None = None) -> Any:
        return self.xp.asarray(x, dtype=dtype)

    def to_numpy(self, x: Any) -> Any:
        return np.asarray(x)

    def is_integer(self, x: Any) -> bool:
        return hasattr(x, "dtype") and np.issubdtype(x.dtype, np.integer)

    def is_concrete(self, x: Any) -> bool:
        return not isinstance(x, jax.core.Tracer)


B = Definitions(np)
SHAPE = (40, 6, 5, 7)  # out 40, in 6 or 12 with two groups, field 35
FANS = {1: (6 * 35, 40 * 35), 2: (6 * 35, 20 * 35)}


def _significance(sample: Any, distribution: Any) -> float:
    return float(stats.kstest(np.asarray(sample, np.float64).reshape(-1), distribution.cdf).pvalue)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_distributions(dtype: str, seed: int) -> None:
    key: Any = B.key(seed)
    drawn = B.init_uniform(key, (100, 100), low=-1.0, high=3.0, dtype=dtype)
    assert drawn.dtype == dtype
    assert _significance(drawn, stats.uniform(-1, 4)) > 1e-4
    drawn = B.init_normal(key, (100, 100), mean=1.0, std=0.5, dtype=dtype)
    assert drawn.dtype == dtype
    assert _significance(drawn, stats.norm(1, 0.5)) > 1e-4


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_variances_follow_the_fans(groups: int, scale: float) -> None:
    fan_in, fan_out = FANS[groups]
    key, options = B.key(5), {"scale": scale, "groups": groups}
    for rule, variance in (("xavier", scale / ((fan_in + fan_out) / 2)), ("he", scale / fan_in)):
        limit = math.sqrt(3 * variance)
        uniform = getattr(B, f"init_{rule}_uniform")(key, SHAPE, **options)
        assert np.abs(uniform).max() <= limit
        assert _significance(uniform, stats.uniform(-limit, 2 * limit)) > 1e-4
        normal = getattr(B, f"init_{rule}_normal")(key, SHAPE, **options)
        assert _significance(normal, stats.norm(0, math.sqrt(variance))) > 1e-4


def test_symmetric_uniform_is_the_stream_stretched() -> None:
    u = _threefry.uniform(B.key(9), (1000,), "float32")
    np.testing.assert_array_equal(B.init_uniform(B.key(9), (1000,), low=-0.25, high=0.25), 0.25 * (2 * u - 1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("low", "high"), [(-0.1, 0.1), (-0.05, 0.05), (0.1, 0.7), (1e6, 1e6 + 0.3), (-0.3, -0.1)])
def test_bounds_hold_after_rounding(monkeypatch: pytest.MonkeyPatch, dtype: str, low: float, high: float) -> None:
    last = 1 - 2.0**-23 if dtype == "float32" else 1 - 2.0**-52
    ends = np.array([0.0, last], dtype)
    monkeypatch.setattr(_threefry, "uniform", lambda *_: ends)
    drawn = B.init_uniform(B.key(0), (2,), low=low, high=high, dtype=dtype)
    assert low <= float(drawn[0]) <= float(drawn[1]) < high
    assert float(drawn[0]) - low <= 2 * np.spacing(np.dtype(dtype).type(abs(low)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normals_are_finite_at_both_ends(monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    step = 2.0**-23 if dtype == "float32" else 2.0**-52
    ends = np.array([0.0, 1 - step], dtype)
    monkeypatch.setattr(_threefry, "uniform", lambda *_: ends)
    first, last = B.init_normal(B.key(0), (2,), std=1.0, dtype=dtype).tolist()
    with mpmath.workdps(40):
        wanted = mpmath.sqrt(2) * mpmath.erfinv(1 - mpmath.mpf(step))
    assert last == pytest.approx(float(wanted), rel=1e-7 if dtype == "float32" else 1e-13)
    assert first == -last


def test_constants() -> None:
    for made, value in (
        (B.init_zeros((2, 3)), 0.0),
        (B.init_ones((2, 3)), 1.0),
        (B.init_constant((2, 3), value=0.1), np.float32(0.1)),
    ):
        assert made.dtype == np.float32
        assert made.tolist() == [[value] * 3] * 2
    assert B.init_zeros((0, 2), dtype="float64").dtype == np.float64
    assert Definitions(np, "float64").init_ones(()).dtype == np.float64


def test_a_fan_of_0_counts_as_1() -> None:
    assert B.init_he_normal(B.key(0), (3, 0)).shape == (3, 0)


def test_another_backend_gets_the_same_bits() -> None:
    other = Definitions(jnp)
    for name in ("init_uniform", "init_normal", "init_xavier_uniform", "init_he_normal"):
        ours, theirs = (getattr(d, name)(d.key(2**40 + 3), (50, 60)) for d in (B, other))
        np.testing.assert_array_equal(ours, np.asarray(theirs))


def test_traced_keys_are_refused() -> None:
    other = Definitions(jnp)
    with pytest.raises(ArgumentError, match=r"key: .*traced"):
        jax.jit(lambda key: other.init_normal(key, (3,)))(other.key(0))


@pytest.mark.parametrize(
    ("error", "words", "call"),
    [
        (ArgumentError, r"shape: .*at least 2 axes.*got \(3,\)", lambda: B.init_he_uniform(B.key(0), (3,))),
        (ArgumentError, "shape: .*at least 2 axes", lambda: B.init_xavier_normal(B.key(0), ())),
        (
            ArgumentError,
            "groups: .*divisor of the 3.*got 2",
            lambda: B.init_he_normal(B.key(0), (3, 4), groups=2),
        ),
        (ArgumentError, "scale: .*got 0", lambda: B.init_xavier_uniform(B.key(0), (3, 4), scale=0)),
        (ArgumentError, "high: .*got -1", lambda: B.init_uniform(B.key(0), (3,), low=0.0, high=-1.0)),
        (ArgumentError, "std: .*got -1", lambda: B.init_normal(B.key(0), (3,), std=-1.0)),
        (ArgumentError, "value: .*got nan", lambda: B.init_constant((3,), value=math.nan)),
        (ArgumentError, "shape: .*got 3", lambda: B.init_zeros(3)),  # type: ignore[arg-type]
        (DTypeError, "dtype: .*float32, float64.*int8", lambda: B.init_ones((3,), dtype="int8")),
        (DTypeError, "key", lambda: B.init_normal(np.zeros(2), (3,))),
    ],
)
def test_bad_input(error: type[Exception], words: str, call: Any) -> None:
    with pytest.raises(error, match=words):
        call()
