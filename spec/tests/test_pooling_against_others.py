"""Norms over windows, adaptive and global pooling by their definitions, against torch and against loops."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import array_api_compat.torch
import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from nnspec import _windows as windows
from nnspec import tape
from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec.ops.pooling import Pooling

Array = np.ndarray[Any, Any]
INF, NAN = math.inf, math.nan


class Definitions(Pooling):
    """The definitions on the arrays of one namespace, and nothing else."""

    def __init__(self, xp: Any, stop_gradient: Callable[[Any], Any] = lambda x: x) -> None:
        self.xp = xp
        self._stop = stop_gradient

    def is_floating(self, x: Any) -> bool:
        return hasattr(x, "dtype") and x.dtype in (self.xp.float32, self.xp.float64)

    def stop_gradient(self, x: Any) -> Any:
        return self._stop(x)


native: Any = torch.nn.functional
T: Any = Definitions(array_api_compat.torch, lambda x: x.detach())
SHAPES = {1: (2, 3, 10), 2: (2, 3, 7, 5), 3: (2, 2, 5, 3, 4)}
LP = None, native.lp_pool1d, native.lp_pool2d, native.lp_pool3d
MEAN = None, native.adaptive_avg_pool1d, native.adaptive_avg_pool2d, native.adaptive_avg_pool3d
LARGEST = None, native.adaptive_max_pool1d, native.adaptive_max_pool2d, native.adaptive_max_pool3d


def tensor(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


def agree(ours: torch.Tensor, theirs: torch.Tensor, x: torch.Tensor) -> None:
    """Equal values and equal gradients under one random cotangent, to some roundoffs of float64."""
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    cotangent = tensor(*theirs.shape, seed=99).detach()
    got, wanted = (torch.autograd.grad(y, x, cotangent)[0] for y in (ours, theirs))
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)


# -- norms -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [1, 1.5, 2.0, 3, 7.25])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_lp_pool_is_that_of_torch_on_magnitudes(axes: int, p: float) -> None:
    x = tensor(*SHAPES[axes])
    for kernel, stride in itertools.product((2, (3, 2, 2)[:axes]), (None, 1, (2, 1, 3)[:axes])):
        ours = T.lp_pool(x, kernel_size=kernel, stride=stride, p=p)
        k = kernel[0] if axes == 1 and isinstance(kernel, tuple) else kernel
        s = stride[0] if axes == 1 and isinstance(stride, tuple) else stride
        agree(ours, LP[axes](x.abs(), p, k, s), x)


@pytest.mark.parametrize("p", [1, 1.5, 2.0, 3])
def test_lp_pool_of_zeros_and_zeros_among_others_have_gradient_0(p: float) -> None:
    x = torch.tensor([[[0.0, -0.0, 0.0, -3.0, NAN, 1.0]]], dtype=torch.float64, requires_grad=True)
    y = T.lp_pool(x, kernel_size=2, p=p)
    assert y[0, 0, 0] == 0
    assert y[0, 0, 1].item() == pytest.approx(3.0, rel=1e-15)
    assert y[0, 0, 2].isnan()
    gradient = torch.autograd.grad(y[0, 0, :2].sum(), x)[0][0, 0, :4]
    torch.testing.assert_close(gradient, torch.tensor([0.0, 0.0, 0.0, -1.0]).double(), rtol=1e-14, atol=0)


# -- adaptive --------------------------------------------------------------------------------------------

SIZES: dict[int, list[Any]] = {
    1: [1, 3, 7, 10, 13, 25],
    2: [1, 3, (7, 5), (4, 9), (1, 6), (14, 2)],
    3: [1, 2, (2, 5, 3), (5, 3, 4)],
}


@pytest.mark.parametrize(("axes", "size"), [(axes, size) for axes, sizes in SIZES.items() for size in sizes])
def test_adaptive_pooling_is_that_of_torch(axes: int, size: Any) -> None:
    x = tensor(*SHAPES[axes])
    agree(T.adaptive_avg_pool(x, output_size=size), MEAN[axes](x, size), x)
    agree(T.adaptive_max_pool(x, output_size=size), LARGEST[axes](x, size), x)


@pytest.mark.parametrize(("size", "out"), [(10, 3), (7, 5), (3, 5), (1, 4), (4, 4), (6, 2)])
def test_windows_cover_by_floor_and_ceiling(size: int, out: int) -> None:
    wanted = [(math.floor(i * size / out), math.ceil((i + 1) * size / out)) for i in range(out)]
    assert windows.adaptive(size, out) == wanted
    for entry, (first, end) in enumerate(windows.adaptive(out, size)):  # the windows that hold an entry
        assert [i for i, (a, b) in enumerate(wanted) if a <= entry < b] == list(range(first, end))


def first_maxima(x: Array, sizes: tuple[int, int]) -> tuple[Array, Array]:
    """By loops over windows, rows and columns: the values, and where the first maximum is."""
    value = np.empty((*x.shape[:2], *sizes), x.dtype)
    place = np.empty((*value.shape, 2), int)
    reach = [
        [range(math.floor(i * n / m), math.ceil((i + 1) * n / m)) for i in range(m)]
        for n, m in zip(x.shape[2:], sizes, strict=True)
    ]
    for n, c, p, q in np.ndindex(*value.shape):
        best = None
        for i, j in itertools.product(reach[0][p], reach[1][q]):
            v = x[n, c, i, j]
            if best is None or v > best or (np.isnan(v) and not np.isnan(best)):
                best, place[n, c, p, q] = v, (i, j)
        value[n, c, p, q] = best
    return value, place


def value_and_gradient(name: str, x: Array, cotangent: Array, call: Callable[..., Any]) -> tuple[Array, Array]:
    """By the reverse mode of torch, of JAX, or of the trunk's own tape."""
    if name == "torch":
        leaf = torch.tensor(x, requires_grad=True)
        y = call(T, leaf)
        return y.detach().numpy(), torch.autograd.grad(y, leaf, torch.tensor(cotangent))[0].numpy()
    if name == "jax":
        y, pull = jax.vjp(lambda v: call(Definitions(jnp, jax.lax.stop_gradient), v), jnp.asarray(x))
        return np.asarray(y), np.asarray(pull(jnp.asarray(cotangent))[0])
    recorded = tape.Tensor(x)
    y = call(Definitions(tape.namespace, tape.raw), recorded)
    return y.value, tape.pullback([y], [recorded])([cotangent])[0]


@pytest.mark.parametrize("name", ["torch", "jax", "tape"])
@pytest.mark.parametrize("sizes", [(3, 4), (5, 2), (7, 9), (1, 1)])
def test_the_gradient_goes_to_the_first_maximum(name: str, sizes: tuple[int, int]) -> None:
    """On few values, -inf and NaN among them, so that most windows have ties."""
    rng = np.random.default_rng(sum(sizes))
    few = np.asarray([-INF, -1.0, 0.0, 1.0, NAN], np.float32)
    x = rng.choice(few, size=(2, 3, 5, 6), p=[0.35, 0.25, 0.2, 0.15, 0.05])
    value, place = first_maxima(x, sizes)
    cotangent = np.asarray(rng.integers(1, 100, size=value.shape), np.float32)  # sums of integers are exact
    gradient = np.zeros_like(x)
    for n, c, p, q in np.ndindex(*value.shape):
        gradient[n, c, *place[n, c, p, q]] += cotangent[n, c, p, q]
    got = value_and_gradient(name, x, cotangent, lambda d, v: d.adaptive_max_pool(v, output_size=sizes))
    np.testing.assert_array_equal(got[0], value)
    np.testing.assert_array_equal(got[1], gradient)
    if sizes == (1, 1):
        got = value_and_gradient(name, x, cotangent, lambda d, v: d.global_max_pool(v, keepdims=True))
        np.testing.assert_array_equal(got[0], value)
        np.testing.assert_array_equal(got[1], gradient)


def test_an_infinity_stays_in_the_windows_that_hold_it() -> None:
    x = torch.tensor([[[1.0, 2.0, INF, 4.0, 5.0, 6.0]]])
    assert T.adaptive_avg_pool(x, output_size=3).tolist() == [[[1.5, INF, 5.5]]]


# -- global ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_global_pooling_is_that_of_torch(axes: int, keepdims: bool) -> None:
    x = tensor(*SHAPES[axes])
    spatial = tuple(range(2, x.ndim))
    agree(T.global_avg_pool(x, keepdims=keepdims), x.mean(spatial, keepdim=keepdims), x)
    agree(T.global_max_pool(x, keepdims=keepdims), x.amax(spatial, keepdim=keepdims), x)  # no ties


# -- what is refused, and other namespaces ---------------------------------------------------------------

_x = tensor(2, 4, 5).detach()
REFUSED: list[tuple[type[NnspecError], str, Callable[[], Any]]] = [
    (ShapeError, "x", lambda: T.lp_pool(_x, kernel_size=6)),
    (ArgumentError, "p", lambda: T.lp_pool(_x, kernel_size=2, p=0)),
    (ArgumentError, "stride", lambda: T.lp_pool(_x, kernel_size=2, stride=0)),
    (ArgumentError, "output_size", lambda: T.adaptive_avg_pool(_x, output_size=0)),
    (ArgumentError, "output_size", lambda: T.adaptive_max_pool(_x, output_size=(2, 2))),
    (ArgumentError, "output_size", lambda: T.adaptive_max_pool(_x, output_size=None)),
    (ShapeError, "x", lambda: T.adaptive_max_pool(_x[:, :, :0], output_size=1)),
    (ShapeError, "x", lambda: T.global_avg_pool(_x[0])),
    (DTypeError, "x", lambda: T.global_max_pool(_x.int())),
    (ArgumentError, "keepdims", lambda: T.global_max_pool(_x, keepdims=0)),
]


@pytest.mark.parametrize(("error", "name", "call"), REFUSED)
def test_a_bad_argument_is_refused_by_its_name(error: type[NnspecError], name: str, call: Callable[[], Any]) -> None:
    with pytest.raises(error, match=rf"^{name}: expected .*, got "):
        call()


CALLS: dict[str, Callable[..., Any]] = {
    "lp_pool": lambda d, x: d.lp_pool(x, kernel_size=(2, 3), stride=(1, 2)),
    "lp_pool of another order": lambda d, x: d.lp_pool(x, kernel_size=2, p=2.5),
    "adaptive_avg_pool": lambda d, x: d.adaptive_avg_pool(x, output_size=(3, 9)),
    "adaptive_max_pool": lambda d, x: d.adaptive_max_pool(x, output_size=(3, 9)),
    "global_avg_pool": lambda d, x: d.global_avg_pool(x),
    "global_max_pool": lambda d, x: d.global_max_pool(x, keepdims=True),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_definitions_use_only_the_standard_and_trace(call: Callable[..., Any]) -> None:
    """array_api_strict knows nothing beyond the standard; jit forbids control flow on values."""
    x = np.random.default_rng(5).standard_normal((2, 3, 5, 6)).astype(np.float32)
    wanted = call(T, torch.asarray(x)).numpy()
    strict = np.asarray(call(Definitions(array_api_strict), array_api_strict.asarray(x)))
    traced = np.asarray(jax.jit(lambda v: call(Definitions(jnp, jax.lax.stop_gradient), v))(x))
    assert wanted.dtype == strict.dtype == traced.dtype == np.float32
    np.testing.assert_allclose(strict, wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(traced, wanted, rtol=1e-5, atol=1e-5)
