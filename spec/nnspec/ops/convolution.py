"""Convolution in one, two and three dimensions."""

from __future__ import annotations

import math

from nnspec import _validate as check
from nnspec import _windows as windows
from nnspec._windows import Padding, PerAxis
from nnspec.errors import ArgumentError, ShapeError
from nnspec.operation import Array, Family, operation

__all__ = ["Convolution"]


def _conv(
    self: Family,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> None:
    windows.require_images(self, x)
    check.same_dtype(self, "weight", weight, "x", x)
    _channels(x, weight, groups)
    kernel = tuple(weight.shape[2:])
    if 0 in kernel:
        raise ShapeError(f"weight: expected kernel axes of at least 1, got shape {tuple(weight.shape)}")
    windows.resolve(x.shape[2:], kernel, stride=stride, padding=padding, dilation=dilation)
    if bias is not None:
        check.same_dtype(self, "bias", bias, "x", x)
        check.shape("bias", bias, (weight.shape[0],), "(the first axis of weight)")


def _channels(x: Array, weight: Array, groups: int) -> None:
    check.count("groups", groups, low=1)
    if x.shape[1] % groups:
        raise ArgumentError(f"groups: expected a divisor of the {x.shape[1]} channels of x, got {groups}")
    expected = ("out", x.shape[1] // groups, *("kernel" for _ in x.shape[2:]))
    check.shape("weight", weight, expected, f"(axis 1: {x.shape[1]} channels of x in groups = {groups})")
    if weight.shape[0] == 0 or weight.shape[0] % groups:
        raise ShapeError(
            f"weight: expected a positive multiple of groups = {groups} on axis 0, got {tuple(weight.shape)}"
        )


class Convolution(Family):
    """Weighted sums over sliding windows."""

    @operation(since="1.0", check=_conv)
    def conv(
        self,
        x: Array,
        weight: Array,
        bias: Array | None = None,
        *,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
    ) -> Array:
        """Cross-correlation: `y_o[p] = sum_i sum_t W_oi[t] x_i[stride p + dilation t - padding] + b_o`.

        The number of spatial axes, 1 to 3, is that of `x` less two.

        Args:
            x: `(batch, in, *spatial)`, floating; zeros surround it.
            weight: `(out, in / groups, *kernel)`, of the dtype of `x`.
            bias: `(out,)`, of the dtype of `x`, or None for no bias.
            stride: from one window to the next, an integer >= 1 or one a spatial axis.
            padding: zeros around `x`: an integer >= 0, one entry a spatial axis (an integer, or a pair for
                its low and high side), "valid" for none, or "same" for ceil(spatial / stride) windows.
            dilation: from one tap to the next, an integer >= 1 or one a spatial axis.
            groups: how many blocks the channels fall into, a divisor of `in` and `out`.

        Returns:
            `(batch, out, *windows)`, of the dtype of `x`, where along each spatial axis
            `windows = floor((spatial + low + high - (kernel - 1) dilation - 1) / stride) + 1`.

        Raises:
            DTypeError: an array is no floating array of this backend, or the dtypes differ.
            ShapeError: `x` has not 3 to 5 axes, or one is empty that is not the batch; `weight` or `bias`
                does not fit or is empty; or the kernel is larger than the padded input.
            ArgumentError: `stride`, `padding`, `dilation` or `groups` is outside its domain.

        Requires:
            [CONV-1] The kernel is not flipped.
            [CONV-2] Stride and dilation hold axis by axis, and together.
            [CONV-3] Padding is with zeros, and may differ between axes and between the sides of one.
            [CONV-4] "same" pads for ceil(spatial / stride) windows; an odd zero is on the high side.
            [CONV-5] Output block g reads input block g alone; blocks are consecutive channels.
            [CONV-6] The bias, where given, is added once to every output of its channel.
            [CONV-7] Products and sums of float32 are those of IEEE float32 or better, not TF32 or bfloat16.
            [CONV-8] A kernel larger than the padded input raises ShapeError.
            [CONV-9] An empty batch gives an empty result and zero gradients of weight and bias.

        Differs:
            torch refuses "same" with a stride above 1 and allows TF32 in cuDNN; TensorFlow refuses stride and
            dilation together; Flax pads "SAME" by default; JAX accepts too large a kernel.

        Source:
            LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998. Dilation: Yu
            and Koltun, "Multi-Scale Context Aggregation by Dilated Convolutions", 2016. Groups: Krizhevsky,
            Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012.

        Example:
            >>> x = B.asarray([[[1.0, 2.0, 4.0, 8.0]]])
            >>> B.to_numpy(B.conv(x, B.asarray([[[1.0, -1.0]]]), padding=((0, 1),))).tolist()
            [[[-1.0, -2.0, -4.0, 8.0]]]
        """
        xp = self.xp
        w = windows.resolve(x.shape[2:], weight.shape[2:], stride=stride, padding=padding, dilation=dilation)
        batch, out = x.shape[0], weight.shape[0]
        terms = x.shape[1] // groups * math.prod(w.kernel)
        patches = xp.stack([tap for _, tap in windows.taps(self, x, w)], axis=2)
        patches = xp.reshape(patches, (batch, groups, terms, math.prod(w.out)))
        kernels = xp.reshape(weight, (groups, out // groups, terms))
        y = xp.reshape(xp.matmul(kernels, patches), (batch, out, *w.out))
        if bias is None:
            return y
        return self.add_bias(y, xp.reshape(bias, (1, out, *(1 for _ in w.out))), terms=terms)
