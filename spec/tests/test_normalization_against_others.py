"""Group, instance, RMS, response, weight and spectral normalization by their definitions, against others."""

from __future__ import annotations

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

from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec.ops.linear import Linear
from nnspec.ops.normalization import Normalization
from nnspec.ops.pooling import Pooling

NAN = math.nan


class Definitions(Linear, Pooling, Normalization):
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


def tensor(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


def agree(ours: torch.Tensor, theirs: torch.Tensor, leaves: list[torch.Tensor]) -> None:
    """Equal values and equal gradients under one random cotangent, to some roundoffs of float64."""
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)
    cotangent = tensor(*theirs.shape, seed=99).detach()
    got = torch.autograd.grad(ours, leaves, cotangent)
    wanted = torch.autograd.grad(theirs, leaves, cotangent)
    for mine, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-11, atol=1e-11)


# -- groups of channels ----------------------------------------------------------------------------------


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("shape", [(4, 6, 5), (2, 6, 3, 4), (1, 6, 2, 2, 3)])
def test_group_norm(shape: tuple[int, ...], groups: int, affine: bool) -> None:
    x = tensor(*shape)
    parameters = [tensor(6, seed=1), tensor(6, seed=2)] if affine else []
    ours = T.group_norm(x, *parameters, groups=groups, eps=0.1)
    agree(ours, native.group_norm(x, groups, *parameters, eps=0.1), [x, *parameters])


def test_one_group_is_a_layer_norm_and_a_group_a_channel_an_instance_norm() -> None:
    x = tensor(2, 6, 3, 4)
    agree(T.group_norm(x, groups=1), T.layer_norm(x, axis=(1, 2, 3)), [x])
    agree(T.group_norm(x, groups=6), T.instance_norm(x), [x])


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", [(4, 3, 5), (2, 3, 3, 4), (1, 3, 2, 2, 3)])
def test_instance_norm(shape: tuple[int, ...], affine: bool) -> None:
    x = tensor(*shape)
    parameters = [tensor(3, seed=1), tensor(3, seed=2)] if affine else []
    named = dict(zip(("weight", "bias"), parameters, strict=False))
    ours = T.instance_norm(x, *parameters, eps=0.1)
    agree(ours, native.instance_norm(x, **named, eps=0.1), [x, *parameters])


def test_one_value_gives_the_bias_and_no_gradient() -> None:
    weight, bias = tensor(3, seed=1), tensor(3, seed=2)
    for y, x in (
        (T.group_norm(rows := tensor(4, 3), weight, bias, groups=3), rows),
        (T.instance_norm(lines := tensor(4, 3, 1), weight, bias), lines),
    ):
        assert torch.equal(y.reshape(4, 3), bias.expand(4, 3))
        assert not torch.autograd.grad(y, x, tensor(*y.shape, seed=9).detach())[0].any()


def test_of_nothing_is_nothing() -> None:
    for shape in ((0, 4, 3), (2, 4, 0)):
        assert T.group_norm(tensor(*shape), groups=2).shape == shape
        assert T.instance_norm(tensor(*shape)).shape == shape


def test_a_large_mean_costs_no_accuracy() -> None:
    """E[x^2] - E[x]^2 has no correct digit left at a mean of 5000 in float32."""
    x = (5000.0 + tensor(8, 4, 32).detach()).float()
    for ours, theirs in (
        (T.group_norm(x, groups=2), native.group_norm(x.double(), 2)),
        (T.instance_norm(x), native.instance_norm(x.double())),
    ):
        torch.testing.assert_close(ours.double(), theirs, rtol=0, atol=1e-3)


# -- root mean square and norm ---------------------------------------------------------------------------


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("axis", [-1, 0, (1, 2), (2, 1), (-1, 0), (0, 1, 2)])
def test_rms_norm(axis: Any, affine: bool) -> None:
    x = tensor(4, 3, 5)
    axes = sorted(a % 3 for a in (axis if isinstance(axis, tuple) else (axis,)))
    others = [a for a in range(3) if a not in axes]
    sizes = [x.shape[a] for a in axes]
    parameters = [tensor(*sizes, seed=1)] if affine else []
    trailing = native.rms_norm(x.permute(*others, *axes), sizes, *parameters, eps=0.1)
    back = [(others + axes).index(a) for a in range(3)]
    agree(T.rms_norm(x, *parameters, axis=axis, eps=0.1), trailing.permute(*back), [x, *parameters])


def test_rms_norm_keeps_the_mean() -> None:
    x = 1000.0 + tensor(5, 7)
    torch.testing.assert_close(T.rms_norm(x), torch.ones(5, 7).double(), rtol=0, atol=0.01)


@pytest.mark.parametrize("axis", [-1, 0, (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("eps", [1e-12, 3.0])
def test_l2_normalize(axis: Any, eps: float) -> None:
    x = tensor(4, 3, 5)
    agree(T.l2_normalize(x, axis=axis, eps=eps), native.normalize(x, dim=axis, eps=eps), [x])


def test_l2_normalize_has_slope_one_over_eps_at_zero() -> None:
    x = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    y = T.l2_normalize(x, eps=0.5)
    assert y.tolist() == [0.0, 0.0, 0.0]
    assert torch.autograd.grad(y, x, torch.tensor([1.0, 2.0, 3.0]).double())[0].tolist() == [2.0, 4.0, 6.0]


# -- neighbouring channels -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 12])
@pytest.mark.parametrize("shape", [(2, 6, 4), (2, 6, 3, 2), (1, 6, 2, 3, 2)])
def test_local_response_norm(shape: tuple[int, ...], size: int) -> None:
    x = tensor(*shape)
    theirs = native.local_response_norm(x, size, alpha=2.0, beta=0.6, k=0.7)
    agree(T.local_response_norm(x, size=size, alpha=2.0, beta=0.6, k=0.7), theirs, [x])


def test_local_response_norm_by_loops() -> None:
    """The window of an even size reaches further down; what does not exist adds nothing."""
    x = tensor(1, 5, 1).detach()
    y = T.local_response_norm(x, size=4, alpha=8.0, beta=1.0)
    for c in range(5):
        total = sum(x[0, j, 0].item() ** 2 for j in range(max(0, c - 2), min(5, c + 2)))
        assert y[0, c, 0].item() == pytest.approx(x[0, c, 0].item() / (1 + 2 * total), rel=1e-14)


# -- weights ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_weight_norm(axis: int) -> None:
    v = tensor(4, 3, 5)
    g = tensor(v.shape[axis], seed=1)
    shape = [v.shape[i] if i == axis % 3 else 1 for i in range(3)]
    others = [i for i in range(3) if i != axis % 3]
    theirs = g.reshape(shape) * v / torch.linalg.vector_norm(v, dim=others, keepdim=True)
    ours = T.weight_norm(v, g, axis=axis)
    agree(T.weight_norm(v, g, axis=axis), theirs, [v, g])
    torch.testing.assert_close(torch.linalg.vector_norm(ours, dim=others), g.abs(), rtol=1e-13, atol=0)
    gradient = torch.autograd.grad(ours, v, tensor(4, 3, 5, seed=7).detach())[0]
    assert (gradient * v).sum(others).abs().max() < 1e-13


def test_weight_norm_is_that_of_torch() -> None:
    layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(5, 3, dtype=torch.float64))
    g, v = (p.detach() for p in layer.parametrizations.weight.parameters())
    torch.testing.assert_close(T.weight_norm(v, 2 * g.reshape(3)), 2 * layer.weight.detach(), rtol=1e-14, atol=0)


def test_a_unit_of_zeros_is_nan_and_no_other() -> None:
    v, g = torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.tensor([10.0, 1.0])
    w = T.weight_norm(v, g)
    torch.testing.assert_close(w[0], torch.tensor([6.0, 8.0]))
    assert w[1].isnan().all()


def test_spectral_norm_converges_to_the_largest_singular_value() -> None:
    weight, u = tensor(5, 3, 2), tensor(5, seed=1)
    largest = torch.linalg.matrix_norm(weight.reshape(5, 6), 2)
    cotangent = tensor(5, 3, 2, seed=9).detach()
    ours, state = T.spectral_norm(weight, u, n_power_iterations=300)
    torch.testing.assert_close(ours, weight / largest, rtol=1e-12, atol=1e-12)
    # at the singular vectors the stopped gradient is the true one
    got, wanted = (torch.autograd.grad(y, weight, cotangent, retain_graph=True)[0] for y in (ours, weight / largest))
    torch.testing.assert_close(got, wanted, rtol=1e-11, atol=1e-11)
    again, kept = T.spectral_norm(weight, state, n_power_iterations=0)
    torch.testing.assert_close(again, ours, rtol=1e-12, atol=1e-12)
    assert torch.equal(kept, state)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_spectral_norm_is_that_of_torch_on_the_transposed_matrix(steps: int) -> None:
    """torch computes u from the stored v, and then v from u."""
    layer = torch.nn.Linear(3, 4, dtype=torch.float64)
    torch.nn.utils.parametrizations.spectral_norm(layer, n_power_iterations=steps)
    parametrization = layer.parametrizations.weight
    weight = parametrization.original
    parametrization[0]._v.copy_(v := native.normalize(tensor(3).detach(), dim=0))  # nowhere near convergence
    theirs = layer.weight
    ours, state = T.spectral_norm(weight.T, v.clone(), n_power_iterations=steps)
    agree(ours.T, theirs, [weight])
    torch.testing.assert_close(state, parametrization[0]._v, rtol=1e-13, atol=1e-13)
    assert not state.requires_grad


def test_no_gradient_reaches_the_state_of_spectral_norm() -> None:
    weight, u = tensor(4, 3), tensor(4, seed=1)
    y, _ = T.spectral_norm(weight, u)
    assert torch.autograd.grad(y.sum(), u, allow_unused=True) == (None,)


# -- what is refused, and other namespaces ---------------------------------------------------------------

_x, _rows = tensor(2, 4, 5).detach(), tensor(3, 4).detach()
_four = torch.ones(4, dtype=torch.float64)
REFUSED: list[tuple[type[NnspecError], str, Callable[[], Any]]] = [
    (ArgumentError, "groups", lambda: T.group_norm(_x, groups=3)),
    (ArgumentError, "groups", lambda: T.group_norm(_x, groups=0)),
    (ShapeError, "weight", lambda: T.group_norm(_x, _four[:2], groups=2)),
    (ShapeError, "x", lambda: T.group_norm(_four, groups=2)),
    (ArgumentError, "eps", lambda: T.group_norm(_x, groups=2, eps=0)),
    (ShapeError, "x", lambda: T.instance_norm(_rows)),
    (DTypeError, "bias", lambda: T.instance_norm(_x, bias=_four.float())),
    (ShapeError, "weight", lambda: T.rms_norm(_x, _four)),
    (ArgumentError, "axis", lambda: T.rms_norm(_x, axis=())),
    (ArgumentError, "size", lambda: T.local_response_norm(_x, size=0)),
    (ArgumentError, "k", lambda: T.local_response_norm(_x, size=3, k=0)),
    (ShapeError, "x", lambda: T.local_response_norm(_rows, size=3)),
    (ShapeError, "g", lambda: T.weight_norm(_rows, _four)),
    (ShapeError, "v", lambda: T.weight_norm(_four, _four)),
    (ShapeError, "u", lambda: T.spectral_norm(_rows, _four)),
    (ArgumentError, "n_power_iterations", lambda: T.spectral_norm(_rows, _four[:3], n_power_iterations=-1)),
    (ArgumentError, "axis", lambda: T.l2_normalize(_x, axis=3)),
    (ArgumentError, "eps", lambda: T.l2_normalize(_x, eps=NAN)),
]


@pytest.mark.parametrize(("error", "name", "call"), REFUSED)
def test_a_bad_argument_is_refused_by_its_name(error: type[NnspecError], name: str, call: Callable[[], Any]) -> None:
    with pytest.raises(error, match=rf"^{name}: expected .*, got "):
        call()


SHAPES = {"x": (2, 4, 5, 3), "c": (4,), "f": (3,), "u": (2,)}
CALLS: dict[str, Callable[..., Any]] = {
    "group_norm": lambda d, x, c, **_: d.group_norm(x, c, c, groups=2),
    "instance_norm": lambda d, x, c, **_: d.instance_norm(x, c, c),
    "rms_norm": lambda d, x, f, **_: d.rms_norm(x, f),
    "local_response_norm": lambda d, x, **_: d.local_response_norm(x, size=4, alpha=1.0),
    "weight_norm": lambda d, x, c, **_: d.weight_norm(x, c, axis=1),
    "spectral_norm": lambda d, x, u, **_: d.spectral_norm(x, u, n_power_iterations=2),
    "l2_normalize": lambda d, x, **_: d.l2_normalize(x, axis=(1, 3)),
}


def parts(result: Any) -> list[Any]:
    return [np.asarray(r) for r in (result if isinstance(result, tuple) else (result,))]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_definitions_use_only_the_standard_and_trace(call: Callable[..., Any]) -> None:
    """array_api_strict knows nothing beyond the standard; jit forbids control flow on values."""
    rng = np.random.default_rng(5)
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}
    wanted = parts(call(T, **{n: torch.asarray(a) for n, a in arrays.items()}))
    strict = parts(call(Definitions(array_api_strict), **{n: array_api_strict.asarray(a) for n, a in arrays.items()}))
    traced = parts(jax.jit(lambda given: call(Definitions(jnp, jax.lax.stop_gradient), **given))(arrays))
    for torchs, stricts, jaxs in zip(wanted, strict, traced, strict=True):
        assert torchs.dtype == stricts.dtype == jaxs.dtype == np.float32
        np.testing.assert_allclose(stricts, torchs, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(jaxs, torchs, rtol=1e-5, atol=1e-5)
