"""Transposed, depthwise, separable and causal convolution by their definitions, against torch, JAX and SciPy."""

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
import scipy.signal
import torch

from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec.ops.convolution import Convolution


class Definitions(Convolution):
    """The definitions on the arrays of one namespace, and nothing else."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def is_floating(self, x: Any) -> bool:
        return hasattr(x, "dtype") and x.dtype in (self.xp.float32, self.xp.float64)


native: Any = torch.nn.functional
T: Any = Definitions(array_api_compat.torch)
CONV = native.conv1d, native.conv2d, native.conv3d
CONV_TRANSPOSE = native.conv_transpose1d, native.conv_transpose2d, native.conv_transpose3d
SIZES, KERNELS = (4, 3, 2), (2, 3, 1)
STRIDES = (1, (2, 1, 3), 3)
DILATIONS = (1, (3, 2, 1), 2)


def tensor(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


def agree(ours: torch.Tensor, theirs: torch.Tensor, leaves: list[torch.Tensor]) -> None:
    """Equal values and equal gradients under one random cotangent, to some roundoffs of float64."""
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    cotangent = tensor(*theirs.shape, seed=99).detach()
    got = torch.autograd.grad(ours, leaves, cotangent)
    wanted = torch.autograd.grad(theirs, leaves, cotangent)
    for mine, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)


def cut(value: Any, axes: int) -> Any:
    return value[:axes] if isinstance(value, tuple) else value


def each(value: Any, axes: int) -> tuple[Any, ...]:
    return tuple(value[:axes]) if isinstance(value, tuple) else (value,) * axes


# -- conv_transpose --------------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 3])
def test_conv_transpose_is_that_of_torch_where_both_sides_are_padded_alike(axes: int, groups: int) -> None:
    x, weight = tensor(2, 6, *SIZES[:axes]), tensor(6, 2, *KERNELS[:axes], seed=1)
    bias = tensor(2 * groups, seed=2)
    for stride, dilation, padding in itertools.product(STRIDES, DILATIONS, (0, (1, 0, 0))):
        s, d, p = (cut(v, axes) for v in (stride, dilation, padding))
        more = tuple(k - 1 for k in each(s, axes))
        for extra in (0, more):
            ours = T.conv_transpose(
                x, weight, bias, stride=s, padding=p, output_padding=extra, dilation=d, groups=groups
            )
            theirs = CONV_TRANSPOSE[axes - 1](x, weight, bias, s, p, extra, groups, d)
            agree(ours, theirs, [x, weight, bias])


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_conv_transpose_is_the_gradient_of_torchs_conv(axes: int, groups: int) -> None:
    """With sides padded differently, and every input that has this number of windows."""
    low_high = ((0, 2), (3, 1), (1, 0))[:axes]
    flat = [side for sides in reversed(low_high) for side in sides]
    for size in itertools.product((7, 8), (9,), (6,)):
        u = tensor(2, 4, *size[:axes])
        weight = tensor(6, 4 // groups, *KERNELS[:axes], seed=1)
        stride, dilation = (3, 2, 1)[:axes], (1, 2, 3)[:axes]
        y = CONV[axes - 1](native.pad(u, flat), weight, None, stride, 0, dilation, groups)
        v = tensor(*y.shape, seed=2)
        (wanted,) = torch.autograd.grad(y, u, v.detach())
        reached = [
            (o - 1) * s - sum(p) + (k - 1) * d + 1
            for o, s, p, k, d in zip(y.shape[2:], stride, low_high, KERNELS, dilation, strict=False)
        ]
        extra = tuple(n - r for n, r in zip(size, reached, strict=False))
        options = {"stride": stride, "padding": low_high, "dilation": dilation, "groups": groups}
        got = T.conv_transpose(v, weight, output_padding=extra, **options)
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)


def test_conv_transpose_is_that_of_jax_with_the_kernel_transposed() -> None:
    x, weight = tensor(2, 5, 4, 3).detach(), tensor(5, 3, 3, 2, seed=1).detach()
    ours = T.conv_transpose(x, weight, stride=(2, 3))
    with jax.enable_x64(True):
        theirs = jax.lax.conv_transpose(
            jnp.asarray(x.numpy()),
            jnp.asarray(weight.numpy()),
            (2, 3),
            "VALID",
            dimension_numbers=("NCHW", "OIHW", "NCHW"),
            transpose_kernel=True,
            precision=jax.lax.Precision.HIGHEST,
        )
        assert theirs.dtype == np.float64
        # with "VALID", JAX leaves at least the stride behind the last input
        np.testing.assert_allclose(
            np.asarray(theirs)[..., : ours.shape[2], : ours.shape[3]], ours.numpy(), rtol=1e-12, atol=1e-12
        )


def test_padding_wider_than_the_kernel_reaches_is_cut_off_as_well() -> None:
    x, weight = tensor(1, 2, 6), tensor(2, 3, 2, seed=1)
    whole = native.conv_transpose1d(x, weight, stride=2)
    agree(T.conv_transpose(x, weight, stride=2, padding=((3, 4),)), whole[..., 3:-4], [x, weight])


def test_conv_transpose_of_an_empty_batch_has_zero_gradients() -> None:
    x, weight, bias = tensor(0, 3, 4), tensor(3, 2, 2, seed=1), tensor(2, seed=2)
    y = T.conv_transpose(x, weight, bias, stride=2)
    assert y.shape == (0, 2, 8)
    for gradient in torch.autograd.grad(y.sum(), [weight, bias]):
        torch.testing.assert_close(gradient, torch.zeros_like(gradient))


# -- depthwise, separable, causal ------------------------------------------------------------------------


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise_conv_is_a_convolution_of_each_channel(axes: int, multiplier: int) -> None:
    x = tensor(2, 3, *(7, 9, 8)[:axes])
    weight, bias = tensor(3 * multiplier, 1, *KERNELS[:axes], seed=1), tensor(3 * multiplier, seed=2)
    for stride, dilation in itertools.product(STRIDES, DILATIONS):
        s, d = cut(stride, axes), cut(dilation, axes)
        alone = [
            CONV[axes - 1](
                x[:, j // multiplier : j // multiplier + 1],
                weight[j : j + 1],
                bias[j : j + 1],
                stride=s,
                padding=1,
                dilation=d,
            )
            for j in range(3 * multiplier)
        ]
        agree(
            T.depthwise_conv(x, weight, bias, stride=s, padding=1, dilation=d),
            torch.cat(alone, 1),
            [x, weight, bias],
        )


def test_depthwise_conv_is_scipys_correlation() -> None:
    x, weight = tensor(1, 3, 6, 5).detach(), tensor(6, 1, 3, 2, seed=1).detach()
    ours = T.depthwise_conv(x, weight).numpy()
    for c, m in itertools.product(range(3), range(2)):
        alone = scipy.signal.correlate2d(x[0, c].numpy(), weight[2 * c + m, 0].numpy(), mode="valid")
        np.testing.assert_allclose(ours[0, 2 * c + m], alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_separable_conv_is_one_convolution_with_the_product_of_its_kernels(axes: int) -> None:
    x = tensor(2, 3, *(7, 9, 8)[:axes])
    depthwise = tensor(6, 1, *KERNELS[:axes], seed=1)
    pointwise, bias = tensor(5, 6, *(1,) * axes, seed=2), tensor(5, seed=3)
    leaves = [x, depthwise, pointwise, bias]
    s, d = (2, 1, 3)[:axes], (1, 2, 2)[:axes]
    by_channel = depthwise.reshape(3, 2, -1)
    full = torch.einsum("ocm,cmt->oct", pointwise.reshape(5, 3, 2), by_channel).reshape(5, 3, *KERNELS[:axes])
    agree(
        T.separable_conv(*leaves, stride=s, padding=1, dilation=d),
        CONV[axes - 1](x, full, bias, stride=s, padding=1, dilation=d),
        leaves,
    )


@pytest.mark.parametrize("dilation", [1, 3])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 2])
def test_causal_conv_is_torchs_conv_padded_in_front(dilation: int, stride: int, groups: int) -> None:
    x, weight, bias = tensor(2, 4, 9), tensor(6, 4 // groups, 3, seed=1), tensor(6, seed=2)
    ours = T.causal_conv(x, weight, bias, stride=stride, dilation=dilation, groups=groups)
    padded = native.pad(x, [2 * dilation, 0])
    agree(ours, native.conv1d(padded, weight, bias, stride, 0, dilation, groups), [x, weight, bias])
    assert ours.shape[2] == math.ceil(9 / stride)


def test_causal_conv_is_scipys_filter_with_the_taps_in_reverse() -> None:
    x, weight = tensor(1, 1, 50).detach(), tensor(1, 1, 5, seed=1).detach()
    filtered = scipy.signal.lfilter(weight[0, 0].flip(0).numpy(), [1.0], x[0, 0].numpy())
    np.testing.assert_allclose(T.causal_conv(x, weight)[0, 0].numpy(), filtered, rtol=1e-12, atol=1e-12)


def test_causal_conv_takes_a_kernel_longer_than_the_input() -> None:
    x, weight = tensor(1, 1, 2), tensor(1, 1, 4, seed=1)
    agree(T.causal_conv(x, weight), native.conv1d(native.pad(x, [3, 0]), weight), [x, weight])


# -- arguments -------------------------------------------------------------------------------------------

_x, _w = tensor(2, 4, 5), tensor(4, 3, 2)
REFUSED: list[tuple[type[NnspecError], str, Callable[[], Any]]] = [
    (ShapeError, "x", lambda: T.conv_transpose(tensor(3, 4), _w)),
    (ShapeError, "weight", lambda: T.conv_transpose(_x, tensor(3, 4, 2))),
    (ShapeError, "weight", lambda: T.conv_transpose(_x, tensor(4, 0, 2))),
    (ShapeError, "weight", lambda: T.conv_transpose(_x, tensor(4, 3, 0))),
    (ShapeError, "bias", lambda: T.conv_transpose(_x, _w, tensor(3), groups=2)),
    (ShapeError, "x", lambda: T.conv_transpose(_x, _w, padding=3)),
    (ArgumentError, "output_padding", lambda: T.conv_transpose(_x, _w, output_padding=1, dilation=2)),
    (ArgumentError, "output_padding", lambda: T.conv_transpose(_x, _w, stride=2, output_padding=-1)),
    (ArgumentError, "padding", lambda: T.conv_transpose(_x, _w, padding="same")),
    (ArgumentError, "groups", lambda: T.conv_transpose(_x, _w, groups=3)),
    (ShapeError, "weight", lambda: T.depthwise_conv(_x, tensor(6, 1, 2))),
    (ShapeError, "weight", lambda: T.depthwise_conv(_x, tensor(4, 2, 2))),
    (ShapeError, "pointwise_weight", lambda: T.separable_conv(_x, tensor(4, 1, 2), tensor(5, 4, 2))),
    (ShapeError, "pointwise_weight", lambda: T.separable_conv(_x, tensor(4, 1, 2), tensor(0, 4, 1))),
    (DTypeError, "pointwise_weight", lambda: T.separable_conv(_x, tensor(4, 1, 2), tensor(5, 4, 1).float())),
    (ShapeError, "depthwise_weight", lambda: T.separable_conv(_x, tensor(0, 1, 2), tensor(5, 0, 1))),
    (ShapeError, "x", lambda: T.causal_conv(tensor(2, 4, 5, 5), tensor(3, 4, 2, 2))),
    (ArgumentError, "dilation", lambda: T.causal_conv(_x, tensor(3, 4, 2), dilation=0)),
]


@pytest.mark.parametrize(("error", "name", "call"), REFUSED)
def test_a_bad_argument_of_a_convolution_is_refused_by_its_name(
    error: type[NnspecError], name: str, call: Callable[[], Any]
) -> None:
    with pytest.raises(error, match=rf"^{name}: expected .*, got "):
        call()


# -- other namespaces ------------------------------------------------------------------------------------

SHAPES = {"x": (2, 4, 5, 6), "w": (4, 3, 2, 3), "g": (8, 1, 2, 3), "p": (5, 8, 1, 1), "t": (6, 4, 3)}
CALLS: dict[str, Callable[..., Any]] = {
    "conv_transpose": lambda d, x, w, **_: d.conv_transpose(
        x, w, stride=(2, 3), padding=((1, 2), 0), output_padding=(1, 2), dilation=(1, 2)
    ),
    "conv_transpose in groups": lambda d, x, w, **_: d.conv_transpose(x, w, groups=2),
    "depthwise_conv": lambda d, x, g, **_: d.depthwise_conv(x, g, padding="same", stride=3),
    "separable_conv": lambda d, x, g, p, **_: d.separable_conv(x, g, p, dilation=2),
    "causal_conv": lambda d, x, t, **_: d.causal_conv(x[:, :, 0, :], t, dilation=4),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_convolutions_use_only_the_standard_and_trace(call: Callable[..., Any]) -> None:
    """array_api_strict knows nothing beyond the standard; jit forbids control flow on values."""
    rng = np.random.default_rng(5)
    host = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}

    def made(make: Callable[[Any], Any]) -> dict[str, Any]:
        return {name: make(array) for name, array in host.items()}

    wanted = np.asarray(call(T, **made(torch.asarray)))
    strict = np.asarray(call(Definitions(array_api_strict), **made(array_api_strict.asarray)))
    on_jax = Definitions(jnp)
    traced = np.asarray(jax.jit(lambda given: call(on_jax, **given))(made(jnp.asarray)))
    assert wanted.dtype == strict.dtype == traced.dtype == np.float32
    np.testing.assert_allclose(strict, wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(traced, wanted, rtol=1e-5, atol=1e-5)
