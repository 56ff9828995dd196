"""Linear, conv, pooling, normalization and flatten by their definitions, against torch and against loops."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import array_api_compat.torch
import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from nnspec import tape
from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec.ops.convolution import Convolution
from nnspec.ops.linear import Linear
from nnspec.ops.normalization import Normalization
from nnspec.ops.pooling import Pooling
from nnspec.ops.shape import Shape

Array = np.ndarray[Any, Any]


class Definitions(Linear, Convolution, Pooling, Normalization, Shape):
    """The definitions of this file's families on the arrays of one namespace, and nothing else."""

    def __init__(self, xp: Any, stop_gradient: Callable[[Any], Any] = lambda x: x) -> None:
        self.xp = xp
        self._stop = stop_gradient

    def is_floating(self, x: Any) -> bool:
        return hasattr(x, "dtype") and x.dtype in (self.xp.float32, self.xp.float64)

    def stop_gradient(self, x: Any) -> Any:
        return self._stop(x)


native: Any = torch.nn.functional
T: Any = Definitions(array_api_compat.torch, lambda x: x.detach())
INF, NAN = math.inf, math.nan


def tensor(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


def agree(ours: torch.Tensor, theirs: torch.Tensor, leaves: list[torch.Tensor], **options: Any) -> None:
    """Equal values and equal gradients under one random cotangent, to some roundoffs of float64."""
    assert ours.dtype == theirs.dtype
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12, **options)
    cotangent = tensor(*theirs.shape, seed=99).detach()
    got = torch.autograd.grad(ours, leaves, cotangent)
    wanted = torch.autograd.grad(theirs, leaves, cotangent)
    for mine, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12, **options)


def surrounded(x: torch.Tensor, padding: tuple[tuple[int, int], ...], value: float = 0.0) -> torch.Tensor:
    flat = [side for sides in reversed(padding) for side in sides]
    return torch.nn.functional.pad(x, flat, value=value)


# -- linear ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leading", [(), (4,), (0,), (2, 5), (2, 1, 3, 2)])
@pytest.mark.parametrize("out", [3, 7])
@pytest.mark.parametrize("with_bias", [True, False])
def test_linear(leading: tuple[int, ...], out: int, with_bias: bool) -> None:
    x, weight = tensor(*leading, 7), tensor(out, 7, seed=1)
    leaves = [x, weight] + [tensor(out, seed=2)] * with_bias
    agree(T.linear(*leaves), native.linear(*leaves), leaves)


@pytest.mark.parametrize("leading", [(), (4,), (2, 1, 3)])
@pytest.mark.parametrize(("out", "size1", "size2"), [(3, 3, 3), (2, 5, 7), (1, 1, 4)])
@pytest.mark.parametrize("with_bias", [True, False])
def test_bilinear(leading: tuple[int, ...], out: int, size1: int, size2: int, with_bias: bool) -> None:
    leaves = [tensor(*leading, size1), tensor(*leading, size2, seed=1), tensor(out, size1, size2, seed=2)]
    leaves += [tensor(out, seed=3)] * with_bias
    agree(T.bilinear(*leaves), native.bilinear(*leaves), leaves)


# -- conv ------------------------------------------------------------------------------------------------

SIZES = (7, 9, 8)
KERNELS = (2, 3, 1)
CONV = native.conv1d, native.conv2d, native.conv3d
STRIDES = (1, (2, 1, 3), 3)
DILATIONS = (1, (3, 2, 1), 2)
PADDINGS: tuple[Any, ...] = (0, (1, 0, 2), ((0, 2), (3, 1), (1, 0)), 2)


def cut(value: Any, axes: int) -> Any:
    return value[:axes] if isinstance(value, tuple) else value


def pairs(value: Any, axes: int) -> tuple[tuple[int, int], ...]:
    entries = value if isinstance(value, tuple) else (value,) * axes
    return tuple(e if isinstance(e, tuple) else (e, e) for e in entries)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 3])
def test_conv_on_the_grid_of_stride_padding_and_dilation(axes: int, groups: int) -> None:
    x = tensor(2, 6, *SIZES[:axes])
    weight = tensor(9, 6 // groups, *KERNELS[:axes], seed=1)
    bias = tensor(9, seed=2)
    for stride, dilation, padding in itertools.product(STRIDES, DILATIONS, PADDINGS):
        s, d, p = (cut(v, axes) for v in (stride, dilation, padding))
        ours = T.conv(x, weight, bias, stride=s, dilation=d, padding=p, groups=groups)
        theirs = CONV[axes - 1](surrounded(x, pairs(p, axes)), weight, bias, stride=s, dilation=d, groups=groups)
        agree(ours, theirs, [x, weight, bias])


def test_depthwise_conv_has_the_channels_of_one_input_next_to_one_another() -> None:
    x, weight = tensor(1, 3, 5, 4), tensor(6, 1, 2, 2, seed=1)
    y = T.conv(x, weight, groups=3)
    for c, m in itertools.product(range(3), range(2)):
        alone = native.conv2d(x[:, c : c + 1], weight[2 * c + m : 2 * c + m + 1])
        torch.testing.assert_close(y[:, 2 * c + m : 2 * c + m + 1], alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kernel", [2, 3, 4])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_with_stride_1_is_that_of_torch(kernel: int, dilation: int) -> None:
    x, weight = tensor(2, 3, 8, 7), tensor(4, 3, kernel, kernel, seed=1)
    theirs = native.conv2d(
        surrounded(x, (((kernel - 1) * dilation // 2, ((kernel - 1) * dilation + 1) // 2),) * 2),
        weight,
        dilation=dilation,
    )
    agree(T.conv(x, weight, padding="same", dilation=dilation), theirs, [x, weight])


def test_same_with_a_stride_pads_the_high_side_first() -> None:
    x, weight = tensor(2, 3, 8, 7), tensor(4, 3, 3, 3, seed=1)
    theirs = native.conv2d(surrounded(x, ((0, 1), (1, 1))), weight, stride=2)
    agree(T.conv(x, weight, padding="same", stride=2), theirs, [x, weight])


def test_conv_of_an_empty_batch_has_zero_gradients() -> None:
    x, weight, bias = tensor(0, 3, 5), tensor(4, 3, 2, seed=1), tensor(4, seed=2)
    y = T.conv(x, weight, bias, padding=1)
    assert y.shape == (0, 4, 6)
    for gradient in torch.autograd.grad(y.sum(), [weight, bias]):
        assert not gradient.any()


# -- pooling ---------------------------------------------------------------------------------------------

MAX = native.max_pool1d, native.max_pool2d, native.max_pool3d
POOLS = list(itertools.product((2, (3, 2, 2)), (None, 1, (2, 1, 3)), (0, 1, ((1, 0), (0, 1), (0, 0)))))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, (2, 1, 3)])
def test_max_pool(axes: int, dilation: Any) -> None:
    x = tensor(2, 3, *SIZES[:axes])
    d = cut(dilation, axes)
    for kernel, stride, padding in POOLS:
        k, s, p = (cut(v, axes) for v in (kernel, stride, padding))
        ours = T.max_pool(x, kernel_size=k, stride=s, padding=p, dilation=d)
        theirs = MAX[axes - 1](surrounded(x, pairs(p, axes), -INF), k, stride=s, dilation=d)
        agree(ours, theirs, [x])


def max_pool_and_gradient(name: str, x: Array, cotangent: Array, **options: Any) -> tuple[Array, Array]:
    """Value and gradient by the reverse mode of torch, of JAX, or of the trunk's own tape."""
    if name == "torch":
        leaf = torch.tensor(x, requires_grad=True)
        y = T.max_pool(leaf, **options)
        return y.detach().numpy(), torch.autograd.grad(y, leaf, torch.tensor(cotangent))[0].numpy()
    if name == "jax":
        on_jax = Definitions(jnp, jax.lax.stop_gradient)
        y, pull = jax.vjp(lambda v: on_jax.max_pool(v, **options), jnp.asarray(x))
        return np.asarray(y), np.asarray(pull(jnp.asarray(cotangent))[0])
    recorded = tape.Tensor(x)
    y = Definitions(tape.namespace, tape.raw).max_pool(recorded, **options)
    return y.value, tape.pullback([y], [recorded])([cotangent])[0]


def first_maxima(x: Array, out: Sequence[int]) -> tuple[Array, Array]:
    """By loops, for windows of 3 x 2, stride (2, 1), dilation (1, 2), padding ((1, 1), (0, 2))."""
    value = np.empty((*x.shape[:2], *out), x.dtype)
    place = np.empty((*value.shape, 2), int)
    for n, c, p, q in np.ndindex(*value.shape):
        rows = [i for i in range(2 * p - 1, 2 * p + 2) if 0 <= i < x.shape[2]]
        columns = [j for j in (q, q + 2) if 0 <= j < x.shape[3]]
        places = list(itertools.product(rows, columns))
        window = [x[n, c, i, j] for i, j in places]
        hit = next((k for k, v in enumerate(window) if np.isnan(v)), None)
        hit = window.index(max(window)) if hit is None else hit
        value[n, c, p, q], place[n, c, p, q] = window[hit], places[hit]
    return value, place


@pytest.mark.parametrize("name", ["torch", "jax", "tape"])
@pytest.mark.parametrize("seed", range(5))
def test_max_pool_sends_the_gradient_to_the_first_maximum(name: str, seed: int) -> None:
    """On few values, -inf and NaN among them, so that most windows have ties."""
    rng = np.random.default_rng(seed)
    few = np.asarray([-INF, -1.0, 0.0, 1.0, NAN], np.float32)
    x = rng.choice(few, size=(2, 3, 5, 6), p=[0.35, 0.25, 0.2, 0.15, 0.05])
    value, place = first_maxima(x, (3, 6))
    cotangent = np.asarray(rng.integers(1, 100, size=value.shape), np.float32)  # sums of integers are exact
    gradient = np.zeros_like(x)
    for n, c, p, q in np.ndindex(*value.shape):
        gradient[n, c, *place[n, c, p, q]] += cotangent[n, c, p, q]
    options = {"kernel_size": (3, 2), "stride": (2, 1), "dilation": (1, 2), "padding": ((1, 1), (0, 2))}
    got = max_pool_and_gradient(name, x, cotangent, **options)
    np.testing.assert_array_equal(got[0], value)
    np.testing.assert_array_equal(got[1], gradient)


@pytest.mark.parametrize("name", ["torch", "jax", "tape"])
def test_max_pool_of_minus_infinity_beside_padding_keeps_the_gradient_in_the_input(name: str) -> None:
    x, cotangent = np.full((1, 1, 3), -INF, np.float32), np.asarray([[[5.0, 7.0]]], np.float32)
    value, gradient = max_pool_and_gradient(name, x, cotangent, kernel_size=2, padding=1)
    assert value.tolist() == [[[-INF, -INF]]]
    assert gradient.tolist() == [[[5.0, 7.0, 0.0]]]


@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_avg_pool(axes: int, count_include_pad: bool) -> None:
    """The mean of what lies inside is the sum over a window divided by that of ones."""
    x = tensor(2, 3, *SIZES[:axes])
    for kernel, stride, padding in POOLS:
        k, s, p = (cut(v, axes) for v in (kernel, stride, padding))
        ones = torch.ones(3, 1, *((k,) * axes if isinstance(k, int) else k), dtype=x.dtype)
        total, count = (
            CONV[axes - 1](surrounded(v, pairs(p, axes), value), ones, stride=k if s is None else s, groups=3)
            for v, value in ((x, 0.0), (torch.ones_like(x), float(count_include_pad)))
        )
        ours = T.avg_pool(x, kernel_size=k, stride=s, padding=p, count_include_pad=count_include_pad)
        agree(ours, total / count, [x])


@pytest.mark.parametrize("count_include_pad", [True, False])
def test_avg_pool_is_that_of_torch(count_include_pad: bool) -> None:
    x = tensor(2, 3, 7, 6)
    theirs = native.avg_pool2d(x, (3, 2), stride=(2, 1), padding=1, count_include_pad=count_include_pad)
    ours = T.avg_pool(x, kernel_size=(3, 2), stride=(2, 1), padding=1, count_include_pad=count_include_pad)
    agree(ours, theirs, [x])


def test_avg_pool_may_average_padding_alone_where_it_counts() -> None:
    x = torch.ones(1, 1, 2, dtype=torch.float64)
    y = T.avg_pool(x, kernel_size=2, padding=2, count_include_pad=True)
    assert y.tolist() == [[[0.0, 1.0, 0.0]]]


# -- normalization ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 6), (2, 3, 4, 5)])
def test_batch_norm_in_training(shape: tuple[int, ...], affine: bool) -> None:
    x = tensor(*shape)
    running = tensor(3, seed=3).detach(), tensor(3, seed=4).detach().exp()
    parameters = [tensor(3, seed=1), tensor(3, seed=2)] if affine else []
    y, mean, var = T.batch_norm(x, *running, *parameters, training=True, decay=0.7, eps=0.1)
    agree(y, native.batch_norm(x, None, None, *parameters, training=True, eps=0.1), [x, *parameters])
    data = np.moveaxis(x.detach().numpy(), 1, 0).reshape(3, -1)
    np.testing.assert_allclose(mean, 0.7 * running[0].numpy() + 0.3 * data.mean(axis=1), rtol=1e-13)
    np.testing.assert_allclose(var, 0.7 * running[1].numpy() + 0.3 * data.var(axis=1), rtol=1e-13)


@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_without_training(affine: bool) -> None:
    x = tensor(4, 3, 5)
    running = tensor(3, seed=3).detach(), tensor(3, seed=4).detach().exp()
    parameters = [tensor(3, seed=1), tensor(3, seed=2)] if affine else []
    y, mean, var = T.batch_norm(x, *running, *parameters, training=False, eps=0.1)
    agree(y, native.batch_norm(x, *running, *parameters, eps=0.1), [x, *parameters])
    assert torch.equal(mean, running[0])
    assert torch.equal(var, running[1])


def test_batch_norm_along_another_axis_is_that_of_the_moved_input() -> None:
    x, mean, var = tensor(4, 5, 3), torch.zeros(3).double(), torch.ones(3).double()
    moved = T.batch_norm(x.movedim(-1, 1), mean, var, training=True)
    last = T.batch_norm(x, mean, var, training=True, axis=-1)
    torch.testing.assert_close(last[0], moved[0].movedim(1, -1), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(last[1:], moved[1:], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("training", [True, False])
def test_running_statistics_carry_no_gradient(training: bool) -> None:
    x, mean, var = tensor(4, 3), tensor(3, seed=1), (tensor(3, seed=2) ** 2).detach().requires_grad_()
    y, new_mean, new_var = T.batch_norm(x, mean, var, training=training)
    assert not new_mean.requires_grad
    assert not new_var.requires_grad
    assert not any(g is not None for g in torch.autograd.grad(y.sum(), [mean, var], allow_unused=True))


def test_batch_norm_of_one_value_a_channel_is_the_bias() -> None:
    x, weight, bias = tensor(1, 3), tensor(3, seed=1), tensor(3, seed=2)
    zeros, ones = torch.zeros(3).double(), torch.ones(3).double()
    y, mean, var = T.batch_norm(x, zeros, ones, weight, bias, training=True, decay=0.5)
    assert torch.equal(y[0], bias)
    assert torch.equal(mean, 0.5 * x[0])
    assert torch.equal(var, 0.5 * ones)
    gradient, *_ = torch.autograd.grad(y, [x, weight], tensor(1, 3, seed=9).detach())
    assert not gradient.any()


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 4), (2, 3, 0)])
def test_batch_norm_of_nothing_leaves_the_running_statistics(shape: tuple[int, ...]) -> None:
    mean, var = tensor(3, seed=1).detach(), tensor(3, seed=2).detach().exp()
    y, new_mean, new_var = T.batch_norm(tensor(*shape), mean, var, training=True)
    assert y.shape == shape
    assert torch.equal(new_mean, mean)
    assert torch.equal(new_var, var)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("axis", [-1, 0, (1, 2), (2, 1), (-1, 0), (0, 1, 2)])
def test_layer_norm(axis: Any, affine: bool) -> None:
    x = tensor(4, 3, 5)
    axes = sorted(a % 3 for a in (axis if isinstance(axis, tuple) else (axis,)))
    others = [a for a in range(3) if a not in axes]
    sizes = [x.shape[a] for a in axes]
    parameters = [tensor(*sizes, seed=1), tensor(*sizes, seed=2)] if affine else []
    trailing = native.layer_norm(x.permute(*others, *axes), sizes, *parameters, eps=0.1)
    back = [(others + axes).index(a) for a in range(3)]
    agree(T.layer_norm(x, *parameters, axis=axis, eps=0.1), trailing.permute(*back), [x, *parameters])


def test_layer_norm_takes_a_bias_alone_and_a_vector() -> None:
    x, bias = tensor(5), tensor(5, seed=1)
    agree(T.layer_norm(x, bias=bias), native.layer_norm(x, (5,), None, bias), [x, bias])


def test_layer_norm_of_one_value_is_the_bias_and_of_nothing_is_nothing() -> None:
    x, weight, bias = tensor(4, 1), tensor(1, seed=1), tensor(1, seed=2)
    y = T.layer_norm(x, weight, bias)
    assert torch.equal(y, bias.expand(4, 1))
    assert not torch.autograd.grad(y.sum(), x)[0].any()
    assert T.layer_norm(tensor(2, 0)).shape == (2, 0)


def test_a_large_mean_costs_the_norms_no_accuracy() -> None:
    """E[x^2] - E[x]^2 has no correct digit left at a mean of 5000 in float32."""
    x = (5000.0 + tensor(64, 3).detach()).float()
    wanted = native.layer_norm(x.double(), (3,))
    torch.testing.assert_close(T.layer_norm(x).double(), wanted, rtol=0, atol=1e-3)
    mean, var = torch.zeros(3), torch.ones(3)
    exact = native.batch_norm(x.double(), None, None, training=True)
    torch.testing.assert_close(T.batch_norm(x, mean, var, training=True)[0].double(), exact, rtol=0, atol=1e-3)


# -- flatten ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "end"), [(1, -1), (0, -1), (0, 1), (2, 2), (-3, -2)])
@pytest.mark.parametrize("batch", [0, 2])
def test_flatten(start: int, end: int, batch: int) -> None:
    x = tensor(5, 4, 3, batch).permute(3, 2, 1, 0)
    agree(T.flatten(x, start_axis=start, end_axis=end), torch.flatten(x, start, end), [x])


def test_flatten_keeps_a_vector() -> None:
    x = tensor(4)
    agree(T.flatten(x, start_axis=0), x * 1.0, [x])


# -- what is refused -------------------------------------------------------------------------------------

_x1, _x2 = tensor(2, 4, 5).detach(), tensor(2, 4, 5, 6).detach()
_one = torch.ones(4, dtype=torch.float64)

REFUSED: list[tuple[type[NnspecError], str, Callable[[], Any]]] = [
    (ShapeError, "x", lambda: T.linear(tensor(), tensor(3, 2))),
    (ShapeError, "weight", lambda: T.linear(tensor(2, 3), tensor(3, 2))),
    (ShapeError, "bias", lambda: T.linear(tensor(2, 3), tensor(4, 3), tensor(1))),
    (DTypeError, "weight", lambda: T.linear(tensor(3), tensor(4, 3).float())),
    (DTypeError, "x", lambda: T.linear([1.0, 2.0], tensor(4, 2))),
    (ShapeError, "x", lambda: T.conv(tensor(2, 4), tensor(3, 4))),
    (ShapeError, "x", lambda: T.conv(tensor(1, 1, 1, 1, 1, 1), tensor(1, 1, 1, 1, 1, 1))),
    (ShapeError, "x", lambda: T.conv(tensor(2, 4, 0), tensor(3, 4, 1), padding=1)),
    (ShapeError, "weight", lambda: T.conv(_x2, tensor(3, 4, 2))),
    (ShapeError, "weight", lambda: T.conv(_x1, tensor(3, 4, 0))),
    (ShapeError, "weight", lambda: T.conv(_x1, tensor(0, 4, 2))),
    (ShapeError, "weight", lambda: T.conv(_x1, tensor(4, 4, 2), groups=2)),
    (ShapeError, "weight", lambda: T.conv(_x1, tensor(3, 2, 2), groups=2)),
    (ArgumentError, "groups", lambda: T.conv(_x1, tensor(3, 4, 2), groups=3)),
    (ArgumentError, "groups", lambda: T.conv(_x1, tensor(3, 4, 2), groups=0)),
    (ArgumentError, "groups", lambda: T.conv(_x1, tensor(3, 4, 2), groups=-1)),
    (ArgumentError, "stride", lambda: T.conv(_x1, tensor(3, 4, 2), stride=0)),
    (ArgumentError, "padding", lambda: T.conv(_x1, tensor(3, 4, 2), padding=(1, 2))),
    (ArgumentError, "dilation", lambda: T.conv(_x1, tensor(3, 4, 2), dilation=-1)),
    (ShapeError, "x", lambda: T.conv(_x1, tensor(3, 4, 3), dilation=3, padding=((0, 1),))),
    (ShapeError, "bias", lambda: T.conv(_x1, tensor(3, 4, 2), tensor(4))),
    (DTypeError, "bias", lambda: T.conv(_x1, tensor(3, 4, 2), tensor(3).float())),
    (ShapeError, "x", lambda: T.max_pool(tensor(3, 4), kernel_size=2)),
    (ShapeError, "x", lambda: T.max_pool(tensor(2, 0, 4), kernel_size=2)),
    (ArgumentError, "kernel_size", lambda: T.max_pool(_x1, kernel_size=-2)),
    (ShapeError, "x", lambda: T.max_pool(_x1, kernel_size=6)),
    (ShapeError, "x", lambda: T.max_pool(_x1, kernel_size=2, padding=2)),
    (ShapeError, "x", lambda: T.max_pool(_x1[..., :1], kernel_size=2, dilation=3, padding=2)),
    (ShapeError, "x", lambda: T.avg_pool(_x1, kernel_size=2, padding=2)),
    (ArgumentError, "count_include_pad", lambda: T.avg_pool(_x1, kernel_size=2, count_include_pad=1)),
    (ShapeError, "running_mean", lambda: T.batch_norm(_x1, _one[:3], _one, training=True)),
    (ShapeError, "weight", lambda: T.batch_norm(_x1, _one, _one, _one[:1], training=True)),
    (DTypeError, "running_var", lambda: T.batch_norm(_x1, _one, None, training=True)),
    (DTypeError, "bias", lambda: T.batch_norm(_x1, _one, _one, bias=_one.float(), training=True)),
    (ArgumentError, "training", lambda: T.batch_norm(_x1, _one, _one, training=1)),
    (ArgumentError, "decay", lambda: T.batch_norm(_x1, _one, _one, training=True, decay=1.1)),
    (ArgumentError, "eps", lambda: T.batch_norm(_x1, _one, _one, training=True, eps=0)),
    (ArgumentError, "axis", lambda: T.batch_norm(_x1, _one, _one, training=True, axis=3)),
    (ShapeError, "weight", lambda: T.layer_norm(_x1, _one)),
    (ShapeError, "bias", lambda: T.layer_norm(_x1, bias=tensor(5, 4), axis=(2, 1))),
    (ArgumentError, "axis", lambda: T.layer_norm(_x1, axis=(1, -2))),
    (ArgumentError, "axis", lambda: T.layer_norm(_x1, axis=())),
    (ArgumentError, "eps", lambda: T.layer_norm(_x1, eps=NAN)),
    (ArgumentError, "start_axis", lambda: T.flatten(_x1, start_axis=2, end_axis=1)),
    (ArgumentError, "end_axis", lambda: T.flatten(_x1, end_axis=3)),
    (ShapeError, "x", lambda: T.flatten(tensor())),
]


@pytest.mark.parametrize(("error", "name", "call"), REFUSED)
def test_a_bad_argument_is_refused_by_its_name(error: type[NnspecError], name: str, call: Callable[[], Any]) -> None:
    with pytest.raises(error, match=rf"^{name}: expected .*, got "):
        call()


# -- other namespaces ------------------------------------------------------------------------------------

SHAPES = {"x": (2, 3, 5, 6), "w": (4, 3, 2, 3), "g": (6, 1, 2, 3), "m": (4, 6), "b": (4,), "v": (3,)}
CALLS: dict[str, Callable[..., Any]] = {
    "linear": lambda d, x, m, b, **_: d.linear(x, m, b),
    "linear of a vector": lambda d, m, x, **_: d.linear(x[0, 0, 0, :], m),
    "conv": lambda d, x, w, b, **_: d.conv(x, w, b, stride=(2, 1), padding=((1, 2), 0), dilation=(1, 2)),
    "conv in groups": lambda d, x, g, **_: d.conv(x, g, padding="same", stride=3, groups=3),
    "max_pool": lambda d, x, **_: d.max_pool(x, kernel_size=(2, 3), stride=1, padding=1, dilation=2),
    "max_pool same": lambda d, x, **_: d.max_pool(x, kernel_size=3, padding="same"),
    "avg_pool": lambda d, x, **_: d.avg_pool(x, kernel_size=(2, 3), padding=((1, 0), 1)),
    "avg_pool counting": lambda d, x, **_: d.avg_pool(x, kernel_size=2, padding=1, count_include_pad=True),
    "batch_norm": lambda d, x, v, **_: d.batch_norm(x, v, v * v, v, v, training=True),
    "batch_norm eval": lambda d, x, v, **_: d.batch_norm(x, v, v * v, training=False),
    "layer_norm": lambda d, x, v, **_: d.layer_norm(x, v, v, axis=1),
    "flatten": lambda d, x, **_: d.flatten(x),
}


def arrays(make: Callable[[Any], Any]) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    return {name: make(rng.standard_normal(shape).astype(np.float32)) for name, shape in SHAPES.items()}


def parts(result: Any) -> list[Array]:
    return [np.asarray(r) for r in (result if isinstance(result, tuple) else (result,))]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_definitions_use_only_the_standard_and_trace(call: Callable[..., Any]) -> None:
    """array_api_strict knows nothing beyond the standard; jit forbids control flow on values."""
    wanted = parts(call(T, **arrays(torch.asarray)))
    strict = parts(call(Definitions(array_api_strict), **arrays(array_api_strict.asarray)))
    on_jax = Definitions(jnp, jax.lax.stop_gradient)
    traced = parts(jax.jit(lambda given: call(on_jax, **given))(arrays(jnp.asarray)))
    for torchs, stricts, jaxs in zip(wanted, strict, traced, strict=True):
        assert torchs.dtype == stricts.dtype == jaxs.dtype == np.float32
        np.testing.assert_allclose(stricts, torchs, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(jaxs, torchs, rtol=1e-5, atol=1e-5)
