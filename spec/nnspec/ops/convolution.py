"""Convolution in one, two and three dimensions."""

from __future__ import annotations

import math

from nnspec import _validate as check
from nnspec import _windows as windows
from nnspec._windows import Padding, PerAxis, Sides
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
    _kernel("weight", weight)
    windows.resolve(x.shape[2:], weight.shape[2:], stride=stride, padding=padding, dilation=dilation)
    _bias(self, bias, x, weight.shape[0], "(the first axis of weight)")


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


def _kernel(name: str, weight: Array) -> None:
    if 0 in weight.shape[2:]:
        raise ShapeError(f"{name}: expected kernel axes of at least 1, got shape {tuple(weight.shape)}")


def _bias(self: Family, bias: Array | None, x: Array, channels: int, why: str) -> None:
    if bias is not None:
        check.same_dtype(self, "bias", bias, "x", x)
        check.shape("bias", bias, (channels,), why)


def _conv_transpose(
    self: Family,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: PerAxis = 1,
    padding: Sides = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> None:
    windows.require_images(self, x)
    check.same_dtype(self, "weight", weight, "x", x)
    check.count("groups", groups, low=1)
    channels = x.shape[1]
    if channels % groups:
        raise ArgumentError(f"groups: expected a divisor of the {channels} channels of x, got {groups}")
    expected = (channels, "out / groups", *("kernel" for _ in x.shape[2:]))
    check.shape("weight", weight, expected, f"(axis 0: the {channels} channels of x)")
    if weight.shape[1] == 0:
        raise ShapeError(f"weight: expected at least 1 on axis 1, got shape {tuple(weight.shape)}")
    _kernel("weight", weight)
    windows.resolve_transposed(
        x.shape[2:],
        weight.shape[2:],
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
    )
    _bias(self, bias, x, weight.shape[1] * groups, f"(axis 1 of weight, times groups = {groups})")


def _depthwise_conv(
    self: Family,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
) -> None:
    windows.require_images(self, x)
    _depthwise("weight", self, x, weight, stride, padding, dilation)
    _bias(self, bias, x, weight.shape[0], "(the first axis of weight)")


def _depthwise(
    name: str, self: Family, x: Array, weight: Array, stride: PerAxis, padding: Padding, dilation: PerAxis
) -> None:
    """`weight` has filters for each channel of `x` alone, and they fit."""
    channels = x.shape[1]
    check.same_dtype(self, name, weight, "x", x)
    check.shape(name, weight, ("channels * multiplier", 1, *("kernel" for _ in x.shape[2:])))
    if weight.shape[0] == 0 or weight.shape[0] % channels:
        raise ShapeError(
            f"{name}: expected a positive multiple of the {channels} channels of x on axis 0, "
            f"got shape {tuple(weight.shape)}"
        )
    _kernel(name, weight)
    windows.resolve(x.shape[2:], weight.shape[2:], stride=stride, padding=padding, dilation=dilation)


def _separable_conv(
    self: Family,
    x: Array,
    depthwise_weight: Array,
    pointwise_weight: Array,
    bias: Array | None = None,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
) -> None:
    windows.require_images(self, x)
    _depthwise("depthwise_weight", self, x, depthwise_weight, stride, padding, dilation)
    check.same_dtype(self, "pointwise_weight", pointwise_weight, "x", x)
    expected = ("out", depthwise_weight.shape[0], *(1 for _ in x.shape[2:]))
    check.shape("pointwise_weight", pointwise_weight, expected, "(axis 1: the first axis of depthwise_weight)")
    if pointwise_weight.shape[0] == 0:
        raise ShapeError(f"pointwise_weight: expected at least 1 on axis 0, got shape {tuple(pointwise_weight.shape)}")
    _bias(self, bias, x, pointwise_weight.shape[0], "(the first axis of pointwise_weight)")


def _causal_conv(
    self: Family,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> None:
    check.floating(self, "x", x)
    check.rank("x", x, 3, 3)
    windows.require_images(self, x)
    check.same_dtype(self, "weight", weight, "x", x)
    _channels(x, weight, groups)
    _kernel("weight", weight)
    windows.per_axis("stride", stride, 1, low=1)
    windows.per_axis("dilation", dilation, 1, low=1)
    _bias(self, bias, x, weight.shape[0], "(the first axis of weight)")


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

    @operation(since="1.0", check=_conv_transpose)
    def conv_transpose(
        self,
        x: Array,
        weight: Array,
        bias: Array | None = None,
        *,
        stride: PerAxis = 1,
        padding: Sides = 0,
        output_padding: PerAxis = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
    ) -> Array:
        """Adjoint of `conv`: `y_i[stride p + dilation t - padding] += sum_o W_oi[t] x_o[p]`, and `+ b_i` once.

        The weight is the array of the forward convolution, whose output channels are the input channels here.

        Args:
            x: `(batch, in, *spatial)`, floating; 1 to 3 spatial axes.
            weight: `(in, out / groups, *kernel)`, of the dtype of `x`.
            bias: `(out,)`, of the dtype of `x`, or None for no bias.
            stride: that of the forward convolution, an integer >= 1 or one a spatial axis.
            padding: that of the forward convolution, so it is cut off the result: an integer >= 0, or one entry
                a spatial axis (an integer, or a pair for its low and high side).
            output_padding: by how much the result is longer on the high side of each axis, an integer >= 0 or
                one a spatial axis, less than `stride`: which of the inputs that the forward convolution takes
                to the same number of windows is meant.
            dilation: that of the forward convolution, an integer >= 1 or one a spatial axis.
            groups: how many blocks the channels fall into, a divisor of `in`.

        Returns:
            `(batch, out, *result)`, of the dtype of `x`, where along each spatial axis
            `result = (spatial - 1) stride - low - high + (kernel - 1) dilation + output_padding + 1`.

        Raises:
            DTypeError: an array is no floating array of this backend, or the dtypes differ.
            ShapeError: `x` has not 3 to 5 axes, or one is empty that is not the batch; `weight` or `bias`
                does not fit or is empty; or the padding leaves nothing of the result.
            ArgumentError: `stride`, `padding`, `output_padding`, `dilation` or `groups` is outside its domain.

        Requires:
            [CONV_TRANSPOSE-1] It is the adjoint of conv with the same weight and options: the inner product of
                conv(u, weight) and v is that of u and conv_transpose(v, weight).
            [CONV_TRANSPOSE-2] Stride and dilation hold axis by axis, and together.
            [CONV_TRANSPOSE-3] Padding is cut off the result, and may differ between axes and between the sides
                of one.
            [CONV_TRANSPOSE-4] Output padding lengthens the result on the high side of each axis; one that is not
                less than the stride raises ArgumentError.
            [CONV_TRANSPOSE-5] Output block g reads input block g alone; blocks are consecutive channels.
            [CONV_TRANSPOSE-6] The bias, where given, is added once to every output of its channel.
            [CONV_TRANSPOSE-7] Products and sums of float32 are those of IEEE float32 or better, not TF32 or
                bfloat16.
            [CONV_TRANSPOSE-8] Padding that leaves nothing of the result raises ShapeError.
            [CONV_TRANSPOSE-9] An empty batch gives an empty result and zero gradients of weight and bias.

        Differs:
            JAX and Flax neither turn the kernel nor swap its channels unless asked to (`transpose_kernel`), and
            a tuple of paddings there is that of the stretched input; Keras stores `(*kernel, out, in)`; torch
            pads both sides alike and takes an output padding below the dilation too, which has no adjoint.

        Source:
            Zeiler, Krishnan, Taylor and Fergus, "Deconvolutional Networks", 2010; as a layer: Long, Shelhamer
            and Darrell, "Fully Convolutional Networks for Semantic Segmentation", 2015.

        Example:
            >>> x = B.asarray([[[1.0, 2.0]]])
            >>> B.to_numpy(B.conv_transpose(x, B.asarray([[[1.0, 10.0, 100.0]]]), stride=2)).tolist()
            [[[1.0, 10.0, 102.0, 20.0, 200.0]]]
        """
        w = windows.resolve_transposed(
            x.shape[2:],
            weight.shape[2:],
            stride=stride,
            padding=padding,
            output_padding=output_padding,
            dilation=dilation,
        )
        sides = []  # around x, stretched: as many zeros as the kernel reaches, and those it shall reach beyond
        for i, (size, (low, high)) in enumerate(zip(w.size, w.padding, strict=True)):
            reach = (w.kernel[i] - 1) * w.dilation[i]
            sides.append((reach, low + size + high - (x.shape[i + 2] - 1) * w.stride[i] - 1))
        wide = windows.stretched(self, x, w.stride)
        y = self.conv(
            wide, windows.turned(self, weight, groups), bias, padding=sides, dilation=w.dilation, groups=groups
        )
        return windows.cropped(y, w)

    @operation(since="1.0", check=_depthwise_conv)
    def depthwise_conv(
        self,
        x: Array,
        weight: Array,
        bias: Array | None = None,
        *,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
    ) -> Array:
        """Convolution of every channel by itself: `y_(c mult + m) = conv(x_c, W_(c mult + m)) + b_(c mult + m)`.

        Args:
            x: `(batch, channels, *spatial)`, floating; 1 to 3 spatial axes.
            weight: `(channels * multiplier, 1, *kernel)`, of the dtype of `x`.
            bias: `(channels * multiplier,)`, of the dtype of `x`, or None for no bias.
            stride: as in `conv`.
            padding: as in `conv`.
            dilation: as in `conv`.

        Returns:
            `(batch, channels * multiplier, *windows)`, of the dtype of `x`, the windows being those of `conv`.

        Raises:
            DTypeError: an array is no floating array of this backend, or the dtypes differ.
            ShapeError: `x` has not 3 to 5 axes, or one is empty that is not the batch; `weight` or `bias`
                does not fit or is empty; or the kernel is larger than the padded input.
            ArgumentError: `stride`, `padding` or `dilation` is outside its domain.

        Requires:
            [DEPTHWISE_CONV-1] Output channel c * multiplier + m reads input channel c alone.
            [DEPTHWISE_CONV-2] Stride, padding and dilation are those of conv, "same" included.
            [DEPTHWISE_CONV-3] The bias, where given, is added once to every output of its channel.
            [DEPTHWISE_CONV-4] The axis of the kernel for input channels has size 1; another raises ShapeError.

        Differs:
            Keras stores `(*kernel, channels, multiplier)`, with the same order of outputs.

        Source:
            Sifre, "Rigid-Motion Scattering for Image Classification", 2014.

        Example:
            >>> x = B.asarray([[[1.0, 2.0], [3.0, 4.0]]])
            >>> B.to_numpy(B.depthwise_conv(x, B.asarray([[[1.0]], [[-1.0]], [[10.0]], [[0.0]]]))).tolist()
            [[[1.0, 2.0], [-1.0, -2.0], [30.0, 40.0], [0.0, 0.0]]]
        """
        return self.conv(x, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=x.shape[1])

    @operation(since="1.0", check=_separable_conv)
    def separable_conv(
        self,
        x: Array,
        depthwise_weight: Array,
        pointwise_weight: Array,
        bias: Array | None = None,
        *,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
    ) -> Array:
        """Depthwise convolution, then a mixing of channels: `y_o = sum_j P_oj depthwise_conv(x, D)_j + b_o`.

        Args:
            x: `(batch, channels, *spatial)`, floating; 1 to 3 spatial axes.
            depthwise_weight: `(channels * multiplier, 1, *kernel)`, of the dtype of `x`.
            pointwise_weight: `(out, channels * multiplier, 1, ...)` with a 1 for each spatial axis, of the dtype
                of `x`.
            bias: `(out,)`, of the dtype of `x`, or None for no bias.
            stride: of the depthwise convolution, as in `conv`.
            padding: of the depthwise convolution, as in `conv`.
            dilation: of the depthwise convolution, as in `conv`.

        Returns:
            `(batch, out, *windows)`, of the dtype of `x`, the windows being those of `conv`.

        Raises:
            DTypeError: an array is no floating array of this backend, or the dtypes differ.
            ShapeError: `x` has not 3 to 5 axes, or one is empty that is not the batch; a weight or `bias`
                does not fit or is empty; or the kernel is larger than the padded input.
            ArgumentError: `stride`, `padding` or `dilation` is outside its domain.

        Requires:
            [SEPARABLE_CONV-1] The depthwise convolution comes first, without a bias or a nonlinearity after it.
            [SEPARABLE_CONV-2] Stride, padding and dilation are those of the depthwise convolution alone.
            [SEPARABLE_CONV-3] The bias, where given, is added once, to the outputs.
            [SEPARABLE_CONV-4] A pointwise weight with another kernel than 1 raises ShapeError.

        Differs:
            Keras stores `(*kernel, channels, multiplier)` and `(1, ..., channels * multiplier, out)`, and refuses
            unequal strides.

        Source:
            Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", 2017.

        Example:
            >>> x = B.asarray([[[1.0, 2.0], [3.0, 4.0]]])
            >>> depthwise, pointwise = B.asarray([[[1.0]], [[10.0]]]), B.asarray([[[1.0], [1.0]]])
            >>> B.to_numpy(B.separable_conv(x, depthwise, pointwise)).tolist()
            [[[31.0, 42.0]]]
        """
        each = self.depthwise_conv(x, depthwise_weight, stride=stride, padding=padding, dilation=dilation)
        return self.conv(each, pointwise_weight, bias)

    @operation(since="1.0", check=_causal_conv)
    def causal_conv(
        self,
        x: Array,
        weight: Array,
        bias: Array | None = None,
        *,
        stride: PerAxis = 1,
        dilation: PerAxis = 1,
        groups: int = 1,
    ) -> Array:
        """Convolution in time that sees no future: `conv` with `(kernel - 1) dilation` zeros before `x`.

        Args:
            x: `(batch, in, time)`, floating.
            weight: `(out, in / groups, kernel)`, of the dtype of `x`; the last tap is the present.
            bias: `(out,)`, of the dtype of `x`, or None for no bias.
            stride: from one window to the next, an integer >= 1.
            dilation: from one tap to the next, an integer >= 1.
            groups: how many blocks the channels fall into, a divisor of `in` and `out`.

        Returns:
            `(batch, out, ceil(time / stride))`, of the dtype of `x`.

        Raises:
            DTypeError: an array is no floating array of this backend, or the dtypes differ.
            ShapeError: `x` has not 3 axes, or one is empty that is not the batch; or `weight` or `bias` does not
                fit or is empty.
            ArgumentError: `stride`, `dilation` or `groups` is outside its domain.

        Requires:
            [CAUSAL_CONV-1] Output p depends on the inputs up to stride * p, never on later ones.
            [CAUSAL_CONV-2] There are ceil(time / stride) outputs, the kernel reaching beyond the input or not.
            [CAUSAL_CONV-3] Before the first input stand zeros, (kernel - 1) dilation of them.
            [CAUSAL_CONV-4] Output block g reads input block g alone; the bias is added once.

        Source:
            van den Oord et al., "WaveNet: A Generative Model for Raw Audio", 2016.

        Example:
            >>> x = B.asarray([[[1.0, 2.0, 4.0]]])
            >>> B.to_numpy(B.causal_conv(x, B.asarray([[[10.0, 1.0]]]))).tolist()
            [[[1.0, 12.0, 24.0]]]
        """
        (gap,) = windows.per_axis("dilation", dilation, 1, low=1)
        before = (weight.shape[2] - 1) * gap
        return self.conv(x, weight, bias, stride=stride, padding=((before, 0),), dilation=dilation, groups=groups)
