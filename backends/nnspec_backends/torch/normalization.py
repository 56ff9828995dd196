"""Native normalization."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from nnspec import _validate as check
from nnspec.operation import Array
from nnspec.ops.normalization import Normalization
from nnspec_backends.torch._modes import under_transform

__all__ = ["TorchNormalization"]


class TorchNormalization(Normalization):
    """PyTorch's kernels, with the spec's biased running variance.

    Not rms_norm: its gradient holds rsqrt cubed, which underflows in float32 where |x| is above 1e13.
    """

    def batch_norm(
        self,
        x: Array,
        running_mean: Array,
        running_var: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        *,
        training: bool,
        decay: float = 0.9,
        eps: float = 1e-5,
        axis: int = 1,
    ) -> tuple[Array, Array, Array]:
        channel = axis % x.ndim
        count = math.prod([n for i, n in enumerate(x.shape) if i != channel])
        # one value a channel is refused, no value would divide by 0, and transforms forbid writing to buffers
        if x.ndim < 2 or 0 in x.shape or (training and (count == 1 or under_transform())):
            return super().batch_norm(
                x, running_mean, running_var, weight, bias, training=training, decay=decay, eps=eps, axis=axis
            )
        moved = x if channel == 1 else x.movedim(channel, 1)
        # the channels-last backward on the CPU reads the weight as if it had no gaps
        weight = weight if weight is None else weight.contiguous()
        old_mean, old_var = running_mean.detach(), running_var.detach()
        if not training:
            y = functional.batch_norm(moved, old_mean, old_var, weight, bias, False, 0.0, eps)
            return (y if channel == 1 else y.movedim(1, channel)), old_mean, old_var
        # With momentum 1 the buffers become the batch's own mean and unbiased variance.
        batch_mean, batch_var = torch.zeros_like(old_mean), torch.zeros_like(old_var)
        y = functional.batch_norm(moved, batch_mean, batch_var, weight, bias, True, 1.0, eps)
        new_mean = decay * old_mean + (1 - decay) * batch_mean
        new_var = decay * old_var + ((1 - decay) * (count - 1) / count) * batch_var
        return (y if channel == 1 else y.movedim(1, channel)), new_mean, new_var

    def layer_norm(
        self,
        x: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        *,
        axis: int | tuple[int, ...] = -1,
        eps: float = 1e-5,
    ) -> Array:
        axes = sorted(check.axes("axis", axis, x.ndim))
        shape = tuple(x.shape[axes[0] :])
        # of one value the kernel's x / std - mean / std need not be 0
        if axes != list(range(axes[0], x.ndim)) or math.prod(shape) <= 1:
            return super().layer_norm(x, weight, bias, axis=axis, eps=eps)
        return functional.layer_norm(x, shape, weight, bias, eps)

    def group_norm(
        self,
        x: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        *,
        groups: int,
        eps: float = 1e-5,
    ) -> Array:
        count = math.prod(x.shape[1:]) // groups
        if x.shape[0] == 0 or count <= 1:  # of one value the kernel's x / std - mean / std need not be 0
            return super().group_norm(x, weight, bias, groups=groups, eps=eps)
        # the gradient of functional.group_norm is off by 13 roundoffs in groups of two values
        y = functional.layer_norm(x.reshape(x.shape[0], groups, count), (count,), None, None, eps).reshape(x.shape)
        shape = (-1, *(1 for _ in x.shape[2:]))
        y = y if weight is None else y * weight.reshape(shape)
        return y if bias is None else y + bias.reshape(shape)

    def instance_norm(
        self, x: Array, weight: Array | None = None, bias: Array | None = None, *, eps: float = 1e-5
    ) -> Array:
        if 0 in x.shape or math.prod(x.shape[2:]) == 1:
            return super().instance_norm(x, weight, bias, eps=eps)
        return functional.instance_norm(x, weight=weight, bias=bias, eps=eps)

    def l2_normalize(self, x: Array, *, axis: int | tuple[int, ...] = -1, eps: float = 1e-12) -> Array:
        return functional.normalize(x, dim=axis, eps=eps)  # type: ignore[arg-type]
