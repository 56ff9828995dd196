"""Planted faults of the family pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec.tape import Tensor, primitive, pullback, raw
from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import scaled_gradient, stored

__all__ = ["FAULTS"]

_REPLACES = "nnspec.ops.pooling:_replaces"
_TIE = "(tap > best)"
_NAN = " | (self.xp.isnan(tap) & ~self.xp.isnan(best))"
_SAME = "nnspec._windows:same_padding"
_INSIDE = "nnspec._windows:require_taps_inside"
_POWER = "nnspec.ops.pooling:_power"
_ADAPTIVE = "nnspec._windows:adaptive"

FAULTS = Planted()


def _reversed(value: Any) -> Any:
    return tuple(reversed(value)) if isinstance(value, (tuple, list)) else value


# -- max_pool --------------------------------------------------------------------------------------------------

FAULTS.edit(
    "MAX_POOL-1",
    "leaked mask",
    "zeros-beyond-the-edge",
    "inside = _windows_where(self, x, operator.contains, reach, index)",
    "inside = True",
)
FAULTS.edit("MAX_POOL-2", "wrong tie", "last-maximum", _TIE, "(tap >= best)", within=_REPLACES)
FAULTS.edit("MAX_POOL-3", "special value", "ignores-later-nan", _NAN, "", within=_REPLACES)


@FAULTS.fault("MAX_POOL-2", "wrong tie")
def shared_by_all_maxima(
    backend: Any, sound: Any, x: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1
) -> Any:
    """Several maxima of a window share its gradient, as under a reduction."""
    if padding != 0 or dilation != 1 or not raw(x).size:
        return sound(x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    rows = backend.unfold(x, kernel_size=kernel_size, stride=kernel_size if stride is None else stride)
    shape = backend.stop_gradient(sound(x, kernel_size=kernel_size, stride=stride)).shape
    taps = backend.xp.reshape(rows, (*x.shape[:2], -1, rows.shape[2]))
    return backend.xp.reshape(backend.xp.max(taps, axis=2), shape)


@FAULTS.fault("MAX_POOL-4", "leaked mask")
def padded_with_infinity(
    backend: Any, sound: Any, x: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1
) -> Any:
    """x is padded with -inf, and beside -inf the first tap in the padding receives the gradient."""
    if isinstance(padding, str) or padding == 0 or not raw(x).size:
        return sound(x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    low = primitive(lambda x: np.full_like(x, -np.inf), lambda g, y, x: 0.0 * g)
    wide = backend.pad(x, padding=padding)
    inside = backend.pad(backend.xp.ones_like(x), padding=padding) > 0
    return sound(backend.xp.where(inside, wide, low(wide)), kernel_size=kernel_size, stride=stride, dilation=dilation)


FAULTS.edit("MAX_POOL-5", "unchecked argument", "window-in-the-padding", "raise ShapeError", "str", within=_INSIDE)


@FAULTS.fault("MAX_POOL-6", "wrong constant")
def stride_of_one(
    backend: Any, sound: Any, x: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1
) -> Any:
    """Without a stride it is 1 (Flax)."""
    return sound(x, kernel_size=kernel_size, stride=1 if stride is None else stride, padding=padding, dilation=dilation)


@FAULTS.fault("MAX_POOL-7", "wrong axis")
def strides_reversed(
    backend: Any, sound: Any, x: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1
) -> Any:
    """Entries of stride are taken from the last axis on."""
    return sound(x, kernel_size=kernel_size, stride=_reversed(stride), padding=padding, dilation=dilation)


FAULTS.edit(
    "MAX_POOL-7",
    "wrong order",
    "odd-side-low",
    "total // 2, total - total // 2",
    "total - total // 2, total // 2",
    within=_SAME,
)


@FAULTS.fault("MAX_POOL-7", "layout")
def storage_order(
    backend: Any, sound: Any, x: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1
) -> Any:
    """The memory of x is read from its begin to its end, whatever the order of its axes."""
    return sound(stored(x), kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)


# -- avg_pool and lp_pool --------------------------------------------------------------------------------------

FAULTS.edit(
    "AVG_POOL-1", "wrong constant", "padding-counted-by-default", "total, w, count_include_pad)", "total, w, True)"
)
FAULTS.edit("AVG_POOL-2", "ignored option", "count-include-pad", "total, w, count_include_pad)", "total, w, False)")
FAULTS.edit(
    "AVG_POOL-1",
    "rare option",
    "divisor-of-the-corners",
    "min(counts) == max(counts)",
    "counts[0] == counts[-1]",
    within="nnspec.ops.pooling:mean_of_windows",
)
FAULTS.edit(
    "AVG_POOL-3", "wrong constant", "stride-of-one", "stride=stride,", "stride=1 if stride is None else stride,"
)
FAULTS.edit("AVG_POOL-4", "unchecked argument", "window-in-the-padding", "raise ShapeError", "str", within=_INSIDE)
FAULTS.edit(
    "AVG_POOL-5",
    "wrong order",
    "odd-side-low",
    "total // 2, total - total // 2",
    "total - total // 2, total // 2",
    within=_SAME,
)
FAULTS.edit(
    "AVG_POOL-2",
    "wrong gradient",
    "sum-unscaled",
    "total / counts[0]",
    "total + self.stop_gradient(total / counts[0] - total)",
    within="nnspec.ops.pooling:mean_of_windows",
)

FAULTS.edit(
    "LP_POOL-1", "wrong reduction", "averaged", "stride=stride) * float(taps)", "stride=stride) * (float(taps) / taps)"
)
FAULTS.edit("LP_POOL-2", "special value", "signs-kept", "_power(self, magnitude(self, x), p)", "_power(self, x, p)")
FAULTS.edit("LP_POOL-3", "special value", "gradient-of-the-root-at-zero", "root(self, total)", "self.xp.sqrt(total)")
FAULTS.edit("LP_POOL-4", "wrong constant", "stride-of-one", "stride=stride)", "stride=1 if stride is None else stride)")
FAULTS.edit(
    "LP_POOL-5",
    "wrong axis",
    "first-kernel-axis-for-all",
    'math.prod(windows.per_axis("kernel_size", kernel_size, x.ndim - 2, low=1))',
    'windows.per_axis("kernel_size", kernel_size, x.ndim - 2, low=1)[0] ** (x.ndim - 2)',
)
FAULTS.edit("LP_POOL-6", "special value", "loses-nan", "none = x <= 0", "none = ~(x > 0)", within=_POWER)
FAULTS.edit(
    "LP_POOL-1", "ignored option", "p-of-the-root", "if p == 2 else _power(self, total, 1 / p)", "if p != 1 else total"
)

# -- adaptive --------------------------------------------------------------------------------------------------

FAULTS.edit(
    "ADAPTIVE_AVG_POOL-1",
    "wrong constant",
    "end-rounded-down",
    "-(-(i + 1) * size // out)",
    "max(i * size // out + 1, (i + 1) * size // out)",
    within=_ADAPTIVE,
)
FAULTS.edit(
    "ADAPTIVE_AVG_POOL-2",
    "wrong reduction",
    "one-divisor-for-all",
    "float(part.shape[axis])",
    "float(-(-x.shape[axis] // out))",
)
FAULTS.edit(
    "ADAPTIVE_AVG_POOL-3",
    "rare option",
    "nothing-to-enlarge",
    "if out != x.shape[axis]:",
    "more = out - x.shape[axis]\n        if more > 0:\n"
    "            x = xp.concat([x] + [_along(x, axis, slice(-1, None))] * more, axis=axis)\n        elif more:",
)
FAULTS.edit(
    "ADAPTIVE_AVG_POOL-4",
    "wrong axis",
    "sizes-reversed",
    'windows.per_axis("output_size", output_size, x.ndim - 2, low=1), start=2',
    'windows.per_axis("output_size", output_size, x.ndim - 2, low=1)[::-1], start=2',
)
FAULTS.edit(
    "ADAPTIVE_AVG_POOL-5",
    "special value",
    "zero-times-the-others",
    "x = _per_window(x, axis, out, xp, mean)",
    "x = _per_window(x, axis, out, xp, mean) + 0.0 * xp.sum(x, axis=axis, keepdims=True)",
)

FAULTS.edit(
    "ADAPTIVE_MAX_POOL-1",
    "wrong constant",
    "end-rounded-down",
    "-(-(i + 1) * size // out)",
    "max(i * size // out + 1, (i + 1) * size // out)",
    within=_ADAPTIVE,
)
FAULTS.edit("ADAPTIVE_MAX_POOL-2", "wrong tie", "last-maximum", _TIE, "(tap >= best)", within=_REPLACES)
FAULTS.edit("ADAPTIVE_MAX_POOL-2", "wrong tie", "first-of-columns", "reversed(range(2, x.ndim))", "range(2, x.ndim)")
FAULTS.edit("ADAPTIVE_MAX_POOL-3", "special value", "ignores-later-nan", _NAN, "", within=_REPLACES)
FAULTS.edit("ADAPTIVE_MAX_POOL-5", "wrong axis", "sizes-reversed", "sizes[axis - 2]", "sizes[1 - axis]")


@FAULTS.fault("ADAPTIVE_MAX_POOL-4", "wrong gradient")
def gradient_assigned(backend: Any, sound: Any, x: Any, *, output_size: Any) -> Any:
    """Where windows overlap the gradient of the last is assigned, not added."""

    def pulled(g: Any, y: Any, values: Any) -> Any:
        leaf = Tensor(values)
        pull = pullback([sound(leaf, output_size=output_size)], [leaf])
        total = np.zeros_like(values)
        for index in np.ndindex(*g.shape):
            own = np.zeros_like(g)
            own[index] = 1.0
            total[pull([own])[0] != 0] = g[index]
        return total

    return primitive(lambda values: sound(values, output_size=output_size), pulled)(x)


# -- global ----------------------------------------------------------------------------------------------------

FAULTS.edit(
    "GLOBAL_AVG_POOL-1",
    "wrong reduction",
    "divisor-of-the-first-axis",
    "float(math.prod(x.shape[2:]))",
    "float(x.shape[2] ** (x.ndim - 2))",
)


@FAULTS.fault("GLOBAL_AVG_POOL-1", "wrong gradient")
def gradient_not_divided(backend: Any, sound: Any, x: Any, *, keepdims: bool = False) -> Any:
    """The gradient is not divided by the number of entries."""
    return sound(scaled_gradient(x, by=float(np.prod(x.shape[2:]))), keepdims=keepdims)


FAULTS.edit("GLOBAL_AVG_POOL-2", "ignored option", "keepdims", "keepdims=keepdims)", "keepdims=False)")
FAULTS.edit(
    "GLOBAL_MAX_POOL-1",
    "wrong axis",
    "first-spatial-axis",
    "_first_maximum(self, flat, 2)",
    "_first_maximum(self, flat[:, :, : flat.shape[2] // x.shape[-1] if x.ndim > 3 else flat.shape[2]], 2)",
)
FAULTS.edit("GLOBAL_MAX_POOL-2", "wrong tie", "last-maximum", _TIE, "(tap >= best)", within=_REPLACES)
FAULTS.edit(
    "GLOBAL_MAX_POOL-2", "wrong tie", "shared-by-all-maxima", "_first_maximum(self, flat, 2)", "xp.max(flat, axis=2)"
)
FAULTS.edit("GLOBAL_MAX_POOL-3", "special value", "ignores-later-nan", _NAN, "", within=_REPLACES)
FAULTS.edit("GLOBAL_MAX_POOL-4", "ignored option", "keepdims", "if keepdims else", "if not keepdims else")
