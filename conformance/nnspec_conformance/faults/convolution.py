"""Planted faults of the family convolution."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import coarse, scaled_gradient, stored

__all__ = ["FAULTS"]

_SAME = "nnspec._windows:same_padding"
_RESOLVE = "nnspec._windows:resolve"
_RESOLVE_TRANSPOSED = "nnspec._windows:resolve_transposed"

FAULTS = Planted()


def _above_one(value: Any) -> bool:
    return any(v > 1 for v in (value if isinstance(value, (tuple, list)) else (value,)))


def _reversed(value: Any) -> Any:
    return tuple(reversed(value)) if isinstance(value, (tuple, list)) else value


def _shuffled(backend: Any, y: Any, groups: int) -> Any:
    """Channels with the group last instead of first."""
    xp, (batch, channels, *rest) = backend.xp, y.shape
    parted = xp.reshape(y, (batch, groups, channels // groups, *rest))
    return xp.reshape(xp.permute_dims(parted, (0, 2, 1, *range(3, parted.ndim))), (batch, channels, *rest))


# -- conv ------------------------------------------------------------------------------------------------------


@FAULTS.fault("CONV-1", "wrong order")
def flipped(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    """The kernel is flipped, as in the convolution of signal processing."""
    return sound(x, backend.xp.flip(weight, axis=tuple(range(2, weight.ndim))), bias, **options)


@FAULTS.fault("CONV-2", "wrong axis")
def strides_reversed(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    """Entries of stride are taken from the last axis on."""
    return sound(x, weight, bias, **{**options, "stride": _reversed(options.get("stride", 1))})


@FAULTS.fault("CONV-2", "rare option")
def dilation_beside_a_stride(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    """With a stride above 1 the dilation is forgotten, and the result cut to its size."""
    y = sound(x, weight, bias, **options)
    if not (_above_one(options.get("stride", 1)) and _above_one(options.get("dilation", 1))):
        return y
    near = sound(x, weight, bias, **{**options, "dilation": 1})
    return near[tuple(slice(0, n) for n in y.shape)]


@FAULTS.fault("CONV-3", "wrong order")
def sides_swapped(
    backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, *, padding: Any = 0, **options: Any
) -> Any:
    """The low and the high side of a pair are swapped."""
    if not isinstance(padding, (int, str)):
        padding = tuple(_reversed(p) for p in padding)
    return sound(x, weight, bias, padding=padding, **options)


@FAULTS.fault("CONV-3", "wrong axis")
def last_axis_first(
    backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, *, padding: Any = 0, **options: Any
) -> Any:
    """Entries of padding are taken from the last axis on, as in torch.nn.functional.pad."""
    return sound(x, weight, bias, padding=_reversed(padding), **options)


@FAULTS.fault("CONV-3", "wrong value")
def edges_repeated(
    backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, *, padding: Any = 0, **options: Any
) -> Any:
    """Padding repeats the edges instead of zeros."""
    if padding == 0 or isinstance(padding, str) or 0 in x.shape:
        return sound(x, weight, bias, padding=padding, **options)
    return sound(backend.pad(x, padding=padding, mode="replicate"), weight, bias, **options)


FAULTS.edit(
    "CONV-4",
    "wrong order",
    "odd-zero-low",
    "total // 2, total - total // 2",
    "total - total // 2, total // 2",
    within=_SAME,
)
FAULTS.edit(
    "CONV-4",
    "wrong value",
    "same-without-the-stride",
    "total // 2, total - total // 2",
    "_span(kernel, dilation) // 2, (_span(kernel, dilation) - 1) // 2",
    within=_SAME,
)
FAULTS.edit(
    "CONV-4",
    "ignored option",
    "same-without-the-dilation",
    "_span(kernel, dilation) - size",
    "kernel - size",
    within=_SAME,
)


@FAULTS.fault("CONV-5", "wrong order")
def channels_shuffled(
    backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, *, groups: int = 1, **options: Any
) -> Any:
    """The group is the last part of an output channel's number, not the first."""
    y = _shuffled(backend, sound(x, weight, groups=groups, **options), groups)
    return y if bias is None else y + backend.xp.reshape(bias, (1, -1, *(1 for _ in x.shape[2:])))


@FAULTS.fault("CONV-5", "rare option")
def groups_beside_a_stride(
    backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, *, groups: int = 1, **options: Any
) -> Any:
    """With groups and a stride above 1 all groups read the first block."""
    if groups > 1 and _above_one(options.get("stride", 1)):
        block = x[:, : x.shape[1] // groups]
        x = backend.xp.concat([block] * groups, axis=1)
    return sound(x, weight, bias, groups=groups, **options)


FAULTS.edit(
    "CONV-6",
    "wrong reduction",
    "bias-for-every-term",
    "xp.reshape(bias, (1, out,",
    "xp.reshape(bias * float(terms), (1, out,",
)


@FAULTS.fault("CONV-6", "missing term")
def bias_of_the_first_group(
    backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, *, groups: int = 1, **options: Any
) -> Any:
    """With groups the bias reaches the first of them alone."""
    if bias is not None and groups > 1:
        own = weight.shape[0] // groups
        bias = backend.xp.concat([bias[:own], backend.xp.zeros_like(bias[own:])], axis=0)
    return sound(x, weight, bias, groups=groups, **options)


@FAULTS.fault("CONV-7", "precision loss")
def in_tf32(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    """Products are those of tensor cores, the default of cuDNN under torch."""
    return sound(coarse(x), coarse(weight), bias, **options)


FAULTS.edit("CONV-8", "unchecked argument", "no-window", "if min(out) < 1:", "if min(out) < -1000:", within=_RESOLVE)


@FAULTS.fault("CONV-9", "special value")
def mean_of_an_empty_batch(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    """The gradient of weight is divided by the batch and multiplied by it again."""
    batch = np.float32(x.shape[0])
    with np.errstate(invalid="ignore"):
        return sound(x, scaled_gradient(weight, by=(batch / batch).astype(weight.dtype)), bias, **options)


@FAULTS.fault("CONV-1", "layout")
def channels_last_not_noticed(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    """The memory of x is read from its begin to its end, whatever the order of its axes."""
    return sound(stored(x), weight, bias, **options)


@FAULTS.fault("CONV-1", "wrong gradient")
def input_gradient_at_stride_one(
    backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, **options: Any
) -> Any:
    """The gradient of x does without the last kernel row where the stride is 1."""
    if _above_one(options.get("stride", 1)) or weight.shape[2] < 2:
        return sound(x, weight, bias, **options)
    short = backend.xp.concat([weight[:, :, :-1], backend.xp.zeros_like(weight[:, :, -1:])], axis=2)
    kept = backend.stop_gradient
    y = sound(kept(x), weight, bias, **options)
    moved = sound(x, kept(short), **options)
    return y + (moved - kept(moved))


# -- conv_transpose --------------------------------------------------------------------------------------------

FAULTS.edit(
    "CONV_TRANSPOSE-1",
    "wrong order",
    "not-flipped",
    "xp.flip(weight, axis=tuple(range(2, weight.ndim)))",
    "weight",
    within="nnspec._windows:turned",
)
FAULTS.edit(
    "CONV_TRANSPOSE-1",
    "swapped argument",
    "square-channels-not-swapped",
    "swapped = ",
    "swapped = blocks if into // groups == per_group else ",
    within="nnspec._windows:turned",
)
FAULTS.edit(
    "CONV_TRANSPOSE-2",
    "ignored option",
    "dilation-of-the-reach",
    "(w.kernel[i] - 1) * w.dilation[i]",
    "(w.kernel[i] - 1)",
)
FAULTS.edit(
    "CONV_TRANSPOSE-3",
    "wrong order",
    "sides-swapped",
    "size, (low, _) in",
    "size, (_, low) in",
    within="nnspec._windows:cropped",
)


@FAULTS.fault("CONV_TRANSPOSE-2", "wrong axis")
def _strides_reversed(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    """Entries of stride are taken from the last axis on."""
    stride, more = options.get("stride", 1), options.get("output_padding", 0)
    return sound(x, weight, bias, **{**options, "stride": _reversed(stride), "output_padding": _reversed(more)})


@FAULTS.fault("CONV_TRANSPOSE-4", "missing term")
def output_padding_of_zeros(
    backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, *, output_padding: Any = 0, **options: Any
) -> Any:
    """What output padding adds on the high side is zeros, without the bias and without what the kernel reaches."""
    y = sound(x, weight, bias, **options)
    more = output_padding if isinstance(output_padding, (tuple, list)) else [output_padding] * (x.ndim - 2)
    return backend.pad(y, padding=[(0, n) for n in more]) if any(more) and 0 not in y.shape else y


FAULTS.edit(
    "CONV_TRANSPOSE-4",
    "unchecked argument",
    "output-padding-up-to-the-dilation",
    "extra >= step for extra, step in zip(more, s, strict=True)",
    "extra >= max(step, gap) for extra, step, gap in zip(more, s, d, strict=True)",
    within=_RESOLVE_TRANSPOSED,
)
FAULTS.edit(
    "CONV_TRANSPOSE-8",
    "unchecked argument",
    "nothing-left",
    "if min(result) < 1:",
    "if min(result) < -1000:",
    within=_RESOLVE_TRANSPOSED,
)


@FAULTS.fault("CONV_TRANSPOSE-5", "wrong order")
def _channels_shuffled(
    backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, *, groups: int = 1, **options: Any
) -> Any:
    """The group is the last part of an output channel's number, not the first."""
    y = _shuffled(backend, sound(x, weight, groups=groups, **options), groups)
    return y if bias is None else y + backend.xp.reshape(bias, (1, -1, *(1 for _ in x.shape[2:])))


@FAULTS.fault("CONV_TRANSPOSE-6", "wrong value")
def bias_before_cropping(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    """The bias stands only where the kernel reaches: not in the gaps that a large stride leaves."""
    if bias is None or 0 in x.shape:
        return sound(x, weight, bias, **options)
    reached = sound(backend.xp.ones_like(x), backend.xp.ones_like(weight), **options) > 0
    return sound(x, weight, **options) + backend.xp.where(
        reached, backend.xp.reshape(bias, (1, -1, *(1 for _ in x.shape[2:]))), 0.0
    )


@FAULTS.fault("CONV_TRANSPOSE-7", "precision loss")
def _in_tf32(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    """Products are those of tensor cores."""
    return sound(coarse(x), coarse(weight), bias, **options)


@FAULTS.fault("CONV_TRANSPOSE-9", "special value")
def _mean_of_an_empty_batch(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    """The gradient of bias is divided by the batch and multiplied by it again."""
    if bias is None:
        return sound(x, weight, bias, **options)
    batch = np.float32(x.shape[0])
    with np.errstate(invalid="ignore"):
        return sound(x, weight, scaled_gradient(bias, by=(batch / batch).astype(bias.dtype)), **options)


# -- composed --------------------------------------------------------------------------------------------------


@FAULTS.fault("DEPTHWISE_CONV-1", "wrong order")
def multiplier_first(backend: Any, sound: Any, x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    """Output channel m * channels + c reads input channel c."""
    y = _shuffled(backend, sound(x, weight, **options), x.shape[1])
    return y if bias is None else y + backend.xp.reshape(bias, (1, -1, *(1 for _ in x.shape[2:])))


FAULTS.edit("DEPTHWISE_CONV-2", "ignored option", "dilation", "dilation=dilation", "dilation=1")
FAULTS.edit(
    "DEPTHWISE_CONV-2",
    "wrong order",
    "odd-zero-low",
    "total // 2, total - total // 2",
    "total - total // 2, total // 2",
    within=_SAME,
)
FAULTS.edit("DEPTHWISE_CONV-3", "missing term", "no-bias", "weight, bias, stride", "weight, None, stride")
FAULTS.edit(
    "DEPTHWISE_CONV-4",
    "unchecked argument",
    "one-group",
    'check.shape(name, weight, ("channels * multiplier", 1, *("kernel" for _ in x.shape[2:])))',
    "pass",
    within="nnspec.ops.convolution:_depthwise",
)

FAULTS.edit("SEPARABLE_CONV-1", "wrong value", "rectified-between", "self.conv(each,", "self.conv(self.relu(each),")
FAULTS.edit(
    "SEPARABLE_CONV-2",
    "wrong value",
    "stride-of-both",
    "pointwise_weight, bias)",
    "pointwise_weight, bias, stride=stride)",
)
FAULTS.edit(
    "SEPARABLE_CONV-2",
    "wrong value",
    "padding-of-both",
    "pointwise_weight, bias)",
    "pointwise_weight, bias, padding=padding)",
)
FAULTS.edit("SEPARABLE_CONV-3", "missing term", "no-bias", "pointwise_weight, bias)", "pointwise_weight)")
FAULTS.edit("CAUSAL_CONV-1", "wrong order", "centred", "((before, 0),)", "((before // 2, before - before // 2),)")
FAULTS.edit(
    "CAUSAL_CONV-2", "ignored option", "dilation-of-the-padding", "(weight.shape[2] - 1) * gap", "(weight.shape[2] - 1)"
)
FAULTS.edit(
    "CAUSAL_CONV-1",
    "wrong order",
    "reversed-time",
    "before = (weight.shape[2] - 1) * gap",
    "before, weight = (weight.shape[2] - 1) * gap, self.xp.flip(weight, axis=2)",
)
FAULTS.edit("CAUSAL_CONV-4", "missing term", "no-bias", "self.conv(x, weight, bias,", "self.conv(x, weight, None,")
FAULTS.edit(
    "CAUSAL_CONV-3",
    "wrong value",
    "first-entry-repeated",
    "self.conv(x, weight, bias, stride=stride, padding=((before, 0),),",
    "self.conv(self.pad(x, padding=((before, 0),), mode='replicate'), weight, bias, stride=stride,",
)
