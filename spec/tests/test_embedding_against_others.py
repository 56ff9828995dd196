"""Embeddings and positions against torch, mpmath and rotations in the complex plane."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
import torch

import nnspec
from nnspec import Backend, tape
from nnspec.errors import ArgumentError
from nnspec.ops.embedding import Embedding

RNG = np.random.default_rng(11)


class OnNumpy(Embedding):
    """The definitions on NumPy arrays and the tape, without the kernels of the NumPy backend."""

    xp = tape.namespace
    dtype = "float64"

    def is_floating(self, x: Any) -> bool:
        return str(x.dtype) in ("float32", "float64")

    def is_integer(self, x: Any) -> bool:
        return x.dtype.kind in "iu"

    def is_concrete(self, x: Any) -> bool:
        return True

    def to_numpy(self, x: Any) -> Any:
        return np.asarray(x)

    def asarray(self, x: Any, *, dtype: str | None = None) -> Any:
        return np.asarray(x, dtype)

    def stop_gradient(self, x: Any) -> Any:
        return tape.raw(x)


N: Any = OnNumpy()


def gradient(function: Any, x: Any, cotangent: Any) -> tuple[Any, Any]:
    """The value and the vector-Jacobian product, by the tape."""
    leaf = tape.Tensor(x)
    out = function(leaf)
    return tape.raw(out), tape.pullback([out], [leaf])([cotangent])[0]


@pytest.mark.parametrize("padding_index", [None, 0, 4, 8])
@pytest.mark.parametrize("shape", [(), (17,), (3, 5), (2, 0)])
def test_embedding_is_that_of_torch(padding_index: int | None, shape: tuple[int, ...]) -> None:
    table = RNG.standard_normal((9, 4))
    indices = RNG.integers(0, 9, shape)
    cotangent = RNG.standard_normal((*shape, 4))
    value, grad = gradient(lambda w: N.embedding(indices, w, padding_index=padding_index), table, cotangent)

    weight = torch.tensor(table, requires_grad=True)
    theirs = torch.nn.functional.embedding(torch.tensor(indices), weight, padding_index)
    (wanted,) = torch.autograd.grad(theirs, [weight], torch.tensor(cotangent))
    np.testing.assert_array_equal(value, theirs.detach().numpy())
    np.testing.assert_allclose(grad, wanted.numpy(), rtol=1e-14, atol=1e-15)
    if padding_index is not None:
        assert not np.any(grad[padding_index])


def test_the_number_of_an_index_that_is_out_of_range_is_named_in_full() -> None:
    with pytest.raises(ArgumentError, match=r"indices: expected rows of weight in \[0, 1000002\], got 12345678"):
        N.embedding(np.array([5, 12345678]), np.zeros((1_000_003, 1)))


@pytest.mark.parametrize("base", [10000.0, 500_000.0, 3.0])
def test_sinusoidal_positions_are_those_of_mpmath(base: float) -> None:
    dim, length = 14, 40
    table = N.sinusoidal_positions(length, dim, base=base)
    with mpmath.workdps(40):
        for p in (0, 1, 17, 39):
            angles = [p * mpmath.mpf(base) ** (-mpmath.mpf(2 * i) / dim) for i in range(dim // 2)]
            wanted = [float(f(t)) for t in angles for f in (mpmath.sin, mpmath.cos)]
            np.testing.assert_allclose(table[p], wanted, rtol=0, atol=1e-14)


def test_a_float32_table_is_right_at_large_positions() -> None:
    p, dim = 100_000, 6
    row = N.sinusoidal_positions(p + 1, dim, dtype="float32")[p]
    with mpmath.workdps(40):
        angles = [p * mpmath.mpf(10000) ** (-mpmath.mpf(2 * i) / dim) for i in range(dim // 2)]
        wanted = np.array([float(f(t)) for t in angles for f in (mpmath.sin, mpmath.cos)])
    assert row.dtype == np.float32
    np.testing.assert_allclose(row, wanted, rtol=6e-8, atol=1e-10)  # one rounding


def test_a_table_is_a_copy() -> None:
    first: Any = nnspec.get_backend("numpy").sinusoidal_positions(3, 4)
    first[...] = 7.0
    assert nnspec.get_backend("numpy").sinusoidal_positions(3, 4)[0].tolist() == [0.0, 1.0, 0.0, 1.0]


def turned(x: Any, positions: Any, base: float, interleaved: bool) -> Any:
    """Pairs as complex numbers, times e^(it)."""
    half = x.shape[-1] // 2
    angles = np.asarray(positions)[:, None] * [math.exp(-math.log(base) * i / half) for i in range(half)]
    first, second = (x[..., 0::2], x[..., 1::2]) if interleaved else (x[..., :half], x[..., half:])
    z = (first + 1j * second) * np.exp(1j * angles)
    parts = (z.real, z.imag)
    return np.stack(parts, axis=-1).reshape(x.shape) if interleaved else np.concatenate(parts, axis=-1)


@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize("base", [10000.0, 20.0])
def test_rotary_positions_turn_pairs_in_the_complex_plane(interleaved: bool, base: float) -> None:
    x, cotangent = RNG.standard_normal((2, 2, 3, 9, 10))
    value, grad = gradient(lambda a: N.rotary_positions(a, base=base, interleaved=interleaved), x, cotangent)
    np.testing.assert_allclose(value, turned(x, range(9), base, interleaved), rtol=0, atol=1e-13)
    # the transpose of a rotation turns back
    np.testing.assert_allclose(grad, turned(cotangent, -np.arange(9), base, interleaved), rtol=0, atol=1e-13)


@pytest.mark.parametrize("interleaved", [True, False])
def test_rows_of_a_table_are_other_positions(interleaved: bool) -> None:
    x = RNG.standard_normal((3, 4, 8))
    table = N.sinusoidal_positions(300, 8)
    positions = np.array([299, 0, 17, 17])
    got = N.rotary_positions(x, N.embedding(positions, table), interleaved=interleaved)
    np.testing.assert_allclose(got, turned(x, positions, 10000.0, interleaved), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_a_backend_gives_the_dtype_of_its_argument(name: str) -> None:
    B: Backend = nnspec.get_backend(name)
    x = B.asarray(RNG.standard_normal((5, 4)), dtype="float32")
    assert B.to_numpy(B.rotary_positions(x)).dtype == np.float32


def test_a_float64_argument_is_turned_by_float64_angles_on_a_float32_backend() -> None:
    x = RNG.standard_normal((50, 6))
    for name in ("numpy", "torch"):
        B: Backend = nnspec.get_backend(name)
        y = B.to_numpy(B.rotary_positions(B.asarray(x, dtype="float64")))
        np.testing.assert_allclose(y, turned(x, range(50), 10000.0, True), rtol=0, atol=1e-12)


def test_indices_from_outside_a_transform_of_torch_are_used_and_not_looked_at() -> None:
    B: Any = nnspec.get_backend("torch")
    table, indices = B.asarray(RNG.standard_normal((5, 3))), B.asarray(np.array([4, 1, 4]))
    grad = torch.func.grad(lambda w: B.embedding(indices, w, padding_index=1).sum())(table)
    assert grad.sum(1).tolist() == [0.0, 0.0, 0.0, 0.0, 6.0]


def test_positions_are_a_constant_of_a_function_that_torch_traces_whole() -> None:
    torch.compiler.reset()
    B: Any = nnspec.get_backend("torch")
    x = B.asarray(RNG.standard_normal((2, 40, 6)))
    traced = torch.compile(lambda a: B.rotary_positions(a, base=50.0), fullgraph=True, backend="eager")
    np.testing.assert_array_equal(traced(x).numpy(), B.rotary_positions(x, base=50.0).numpy())
