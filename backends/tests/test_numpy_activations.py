"""The NumPy kernels where they take another way than at the sizes of the suite's cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnspec_backends.numpy import NumpyBackend
from nnspec_backends.numpy.activations import _FEW, _choose

Array = np.ndarray[Any, Any]
POINTS = [-np.inf, np.inf, np.nan, -0.0, 0.0, 1e-45, -3.0, 3.0, 6.0, -0.5, 0.5, 1.0]
LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "contiguous": lambda x: x,
    "reversed": lambda x: x[::-1],
    "every-other": lambda x: np.repeat(x, 2)[::2],
    "transposed": lambda x: np.ascontiguousarray(x.reshape(4, -1).T).T,
}


def drawn(size: int, dtype: str, seed: int = 0) -> Array:
    generator = np.random.default_rng(seed)
    return np.where(generator.random(size) < 0.2, generator.choice(POINTS, size), 2 * generator.normal(size)).astype(
        dtype
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [4, _FEW, _FEW + 4])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_choosing_by_masks_is_where_to_the_bit(dtype: str, size: int, layout: Callable[[Array], Array]) -> None:
    a, b = (layout(drawn(size, dtype, seed)) for seed in (1, 2))
    condition = a > b
    for first, second in ((a, b), (0.0, b), (a, 1.5)):
        got = _choose(condition, first, second)
        wanted = np.where(condition, np.asarray(first, dtype), np.asarray(second, dtype))
        assert got.dtype == dtype
        assert got.tobytes() == wanted.tobytes()
        assert not any(np.shares_memory(got, x) for x in (a, b))


OPERATIONS: dict[str, dict[str, float]] = {
    "relu": {},
    "relu6": {},
    "hard_tanh": {"min_value": -0.5, "max_value": 3.0},
    "softshrink": {"lambd": 0.5},
    "hardshrink": {"lambd": 0.5},
    "elu": {"alpha": 0.3},
    "celu": {"alpha": 0.3},
    "squareplus": {"b": 0.3},
    "sigmoid": {},
    "log_sigmoid": {},
    "tanh": {},
    "softsign": {},
    "mish": {},
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_large_arrays_are_computed_as_by_the_definition(name: str) -> None:
    """Kinks included; the definition runs on the same tape."""
    backend, options = NumpyBackend(dtype="float64"), OPERATIONS[name]
    x = drawn(_FEW + 4, "float64")
    x = x[np.isfinite(x)]
    g = drawn(x.size, "float64", seed=1)
    g[~np.isfinite(g)] = 1.0
    assert x.size > _FEW // 2
    x, g = np.concatenate([x, x]), np.concatenate([g, g])
    definition = backend.operations()[name].definition
    native, pull = backend.vjp(lambda v: getattr(backend, name)(v, **options), x)
    defined, pull_defined = backend.vjp(lambda v: definition(backend, v, **options), x)
    np.testing.assert_allclose(native, defined, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(pull(g)[0], pull_defined(g)[0], rtol=1e-12, atol=1e-13)


def test_a_masked_gradient_is_0_even_of_an_infinite_cotangent() -> None:
    backend = NumpyBackend()
    for size in (3, 3 * _FEW):
        x = np.resize(np.array([-1.0, 2.0, 7.0], np.float32), size)
        g = np.resize(np.array([np.inf, 1.0, np.nan], np.float32), size)
        assert backend.vjp(backend.relu6, x)[1](g)[0][:3].tolist() == [0.0, 1.0, 0.0]
