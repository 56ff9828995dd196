"""Native batch and layer normalization."""

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
    """PyTorch's kernels, with the spec's biased running variance."""

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
