"""Functions for `--override`, sound and not."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from nnspec.errors import UnsupportedOperationError
from nnspec.tape import kernel

number = 3


# -- torch ---------------------------------------------------------------------------------------------------


def silu(x, *, beta):
    return x * torch.sigmoid(beta * x)


def silu_off(x, *, beta):
    return silu(x, beta=beta) * 1.001


def silu_without_beta(x):
    return functional.silu(x)


def silu_that_hands_on(x, *, beta):
    if beta != 1:
        raise UnsupportedOperationError("beta is 1 here")
    return functional.silu(x)


def silu_in_float32(x, *, beta):
    assert x.dtype == torch.float32
    return silu(x, beta=beta)


silu_in_float32.dtypes = ("float32",)


def silu_of_float32(x, *, beta):
    assert x.dtype == torch.float32
    return silu(x, beta=beta)


def silu_in_bfloat16(x, *, beta):
    assert x.dtype in (torch.float32, torch.bfloat16)
    return silu(x.float(), beta=beta).to(x.dtype)


silu_in_bfloat16.dtypes = ("float32", "bfloat16")


def silu_rounded_twice(x, *, beta):
    return silu(x, beta=beta)  # of bfloat16 every step rounds


silu_rounded_twice.dtypes = ("bfloat16",)


def silu_of_dtypes(x, *, beta):
    return silu(x, beta=beta)


silu_of_dtypes.dtypes = ("float31",)


class Relu(torch.autograd.Function):
    """It has a backward, and one that is wrong at 0."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x <= 0, torch.zeros_like(x), x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return torch.where(x < 0, torch.zeros_like(g), g)


def relu_with_a_kink(x):
    return Relu.apply(x)


class Forward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.relu(x)


def relu_forward(x):
    return Forward.apply(x)


def softplus_off(x, *, beta):
    return functional.softplus(x, beta) * 1.001


def group_norm_without_groups(x, weight, bias, eps):
    return x


def layer_norm_of_torch(input, normalized_shape, weight, bias, eps):
    return functional.layer_norm(input, normalized_shape, weight, bias, eps)


def never_called(x, weight, bias, axis, eps):
    raise AssertionError("the trunk lets no bad call through")


# -- numpy ---------------------------------------------------------------------------------------------------


def plain_relu(x):
    return np.where(np.less_equal(x, 0), x.dtype.type(0), x)


def _forward(x):
    positive = ~(x <= 0)
    return np.where(positive, x, x.dtype.type(0)), positive


def _backward(g, positive, needed):
    return [np.where(positive, g, g.dtype.type(0))]


kernel_relu = kernel(_forward, _backward)


def doubled_relu(x):
    return kernel_relu(x) * 2.0


def raises(x):
    raise RuntimeError("out of order")
