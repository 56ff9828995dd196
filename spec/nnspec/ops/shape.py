"""Operations on the shape alone, and those that only pick, repeat or blend neighbours."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import ClassVar

from nnspec import _validate as check
from nnspec import _windows as windows
from nnspec._windows import Padding, PerAxis, Sides
from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec.operation import Array, Family, operation

__all__ = ["Shape", "sides_of"]

_PAD_MODES = ("constant", "reflect", "replicate", "circular")


def _flatten(self: Family, x: Array, *, start_axis: int = 1, end_axis: int = -1) -> None:
    check.floating(self, "x", x)
    check.rank("x", x, 1)
    if check.axis("start_axis", start_axis, x.ndim) > check.axis("end_axis", end_axis, x.ndim):
        raise ArgumentError(
            f"start_axis: expected an axis up to end_axis = {end_axis} of {x.ndim} axes, got {start_axis}"
        )


def _pad(self: Family, x: Array, *, padding: Sides, mode: str = "constant", value: float = 0.0) -> None:
    check.floating(self, "x", x)
    check.choice("mode", mode, _PAD_MODES)
    check.number("value", value)
    if mode != "constant" and value != 0:
        raise ArgumentError(f"value: expected 0 where the mode is {mode!r}, got {value!r}")
    for axis, (low, high) in sides_of(x, padding).items():
        size, most = x.shape[axis], max(low, high)
        room = {"constant": most, "reflect": size - 1, "replicate": most if size else 0, "circular": size}[mode]
        if most > room:
            raise ArgumentError(
                f"padding: expected at most {max(room, 0)} along axis {axis} of size {size} for mode {mode!r}, "
                f"got {(low, high)}"
            )


def sides_of(x: Array, padding: Sides) -> dict[int, tuple[int, int]]:
    """Axis -> what is put on its low and on its high side, where that is anything."""
    axes = len(padding) if isinstance(padding, (tuple, list)) else x.ndim - 2
    if not 1 <= axes <= x.ndim:
        raise ArgumentError(
            f"padding: expected 1 to {x.ndim} entries, one for each of the last axes, or an integer for the axes "
            f"from 2 on, of which there are {max(x.ndim - 2, 0)}, got {padding!r}"
        )
    sides = enumerate(windows.pairs(padding, axes), start=x.ndim - axes)
    return {axis: along for axis, along in sides if along != (0, 0)}


def _upsample(self: Family, x: Array, *, size: PerAxis, mode: str = "nearest") -> None:
    windows.require_images(self, x)
    windows.per_axis("size", size, x.ndim - 2, low=1)
    check.choice("mode", mode, ("nearest", "linear"))


def _unfold(
    self: Family,
    x: Array,
    *,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
) -> None:
    windows.require_images(self, x)
    windows.resolve(x.shape[2:], kernel_size, stride=stride, padding=padding, dilation=dilation)


def _fold(
    self: Family,
    x: Array,
    *,
    output_size: Sequence[int],
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
) -> None:
    check.floating(self, "x", x)
    axes = len(output_size) if isinstance(output_size, (tuple, list)) else 0
    if not 1 <= axes <= 3:
        raise ArgumentError(f"output_size: expected a tuple of 1 to 3 integers >= 1, got {output_size!r}")
    size = windows.per_axis("output_size", output_size, axes, low=1)
    w = windows.resolve(size, kernel_size, stride=stride, padding=padding, dilation=dilation, name="output_size")
    taps = math.prod(w.kernel)
    check.shape("x", x, ("batch", f"channels * {taps}", math.prod(w.out)), f"(windows {w.out} of kernel {w.kernel})")
    if x.shape[1] == 0 or x.shape[1] % taps:
        raise ShapeError(f"x: expected a positive multiple of {taps} taps on axis 1, got shape {tuple(x.shape)}")


def _one_hot(self: Shape, x: Array, *, num_classes: int, dtype: str | None = None) -> None:
    check.integer(self, "x", x)
    check.count("num_classes", num_classes, low=1)
    if dtype is not None and dtype not in self.dtypes:
        raise DTypeError(f"dtype: expected one of {', '.join(self.dtypes)}, got {dtype!r}")
    check.values_within(self, "x", x, 0, num_classes - 1, what="classes")


# -- pieces of arrays ----------------------------------------------------------------------------------------


def _part(x: Array, axis: int, start: int, stop: int, step: int = 1) -> Array:
    """The entries start, start + step, ... before `stop` along one axis."""
    return x[(*(slice(None) for _ in range(axis)), slice(start, stop, step), ...)]


def _repeated(self: Family, x: Array, axis: int, times: int) -> Array:
    """Every entry along one axis `times` times, neighbours together."""
    xp = self.xp
    before, size, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    each = xp.broadcast_to(xp.expand_dims(x, axis=axis + 1), (*before, size, times, *after))
    return xp.reshape(each, (*before, size * times, *after))


def _edges(self: Family, x: Array, axis: int, sides: tuple[int, int]) -> tuple[Array, Array]:
    """The first and the last entry along one axis, as often as `sides` says."""
    size = x.shape[axis]
    return (
        _repeated(self, _part(x, axis, 0, 1), axis, sides[0]),
        _repeated(self, _part(x, axis, size - 1, size), axis, sides[1]),
    )


def _beside(self: Family, x: Array, axis: int, sides: tuple[int, int], mode: str, value: float) -> tuple[Array, Array]:
    """What `pad` puts before and behind `x` along one axis."""
    xp, size = self.xp, x.shape[axis]
    low, high = sides
    if mode == "replicate":
        return _edges(self, x, axis, sides)
    if mode == "circular":
        return _part(x, axis, size - low, size), _part(x, axis, 0, high)
    if mode == "reflect":
        before, behind = _part(x, axis, 1, low + 1), _part(x, axis, size - 1 - high, size - 1)
        return xp.flip(before, axis=axis), xp.flip(behind, axis=axis)
    shapes = [(*x.shape[:axis], side, *x.shape[axis + 1 :]) for side in sides]
    before, behind = (xp.full(shape, value, dtype=x.dtype, **self.placement(x)) for shape in shapes)
    return before, behind


# Resampling an axis of size n to size m without a gather: entry i of the result reads place (2i + 1) n' of the
# axis with every entry repeated 2m' times, n' : m' being n : m in lowest terms. Its floor is exact in integers.


def _nearest(self: Family, x: Array, axis: int, count: int) -> Array:
    common = math.gcd(x.shape[axis], count)
    old, new = x.shape[axis] // common, count // common
    repeated = _repeated(self, x, axis, 2 * new)
    return _part(repeated, axis, old, repeated.shape[axis], 2 * old)


def _linear(self: Family, x: Array, axis: int, count: int) -> Array:
    common = math.gcd(x.shape[axis], count)
    old, new = x.shape[axis] // common, count // common
    first, last = _edges(self, x, axis, (1, 1))  # beyond its centres an axis continues with its edges
    repeated = _repeated(self, self.xp.concat([first, x, last], axis=axis), axis, 2 * new)
    below, above = (
        _part(repeated, axis, start, start + (count - 1) * 2 * old + 1, 2 * old) for start in (old + new, old + 3 * new)
    )
    shares = [_share(i, x.shape[axis], old, new) for i in range(count)]
    shape = (count, *(1 for _ in x.shape[axis + 1 :]))
    left, right = (
        self.xp.reshape(self.xp.asarray(list(weights), dtype=x.dtype, **self.placement(x)), shape)
        for weights in zip(*shares, strict=True)
    )
    return left * below + right * above


def _share(i: int, size: int, old: int, new: int) -> tuple[float, float]:
    """The weights of the two neighbours of entry i, at place ((2i + 1) old - new) / (2 new)."""
    place, beyond = divmod((2 * i + 1) * old - new, 2 * new)
    if place < 0 or place >= size - 1:
        beyond = 0
    return (2 * new - beyond) / (2 * new), beyond / (2 * new)


def _placed(self: Family, tap: Array, index: tuple[int, ...], w: windows.Windows) -> Array:
    """What one tap of every window contributes to the padded output."""
    starts = [i * d for i, d in zip(index, w.dilation, strict=True)]
    apart = windows.stretched(self, tap, w.stride)
    ends = [
        n + low + high - a - m for n, (low, high), a, m in zip(w.size, w.padding, starts, apart.shape[2:], strict=True)
    ]
    return windows.padded(self, apart, list(zip(starts, ends, strict=True)))


class Shape(Family):
    """Rearrangements that keep every value, and resampling."""

    #: floating dtypes of the backend, and that of results where none is asked for
    dtypes: ClassVar[tuple[str, ...]]
    dtype: str

    @operation(since="1.0", check=_flatten, exact=True)
    def flatten(self, x: Array, *, start_axis: int = 1, end_axis: int = -1) -> Array:
        """Merge the axes from `start_axis` to `end_axis` into one, in row-major order.

        Args:
            x: at least one axis, floating.
            start_axis: the first axis that is merged.
            end_axis: the last axis that is merged, not before `start_axis`.

        Returns:
            `(*before, merged, *after)` with the values and the dtype of `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ShapeError: `x` has no axis.
            ArgumentError: `start_axis` or `end_axis` is no axis of `x`, or they are in the wrong order.

        Requires:
            [FLATTEN-1] Values keep their row-major order, whatever the strides of x in memory.
            [FLATTEN-2] Both ends are included; by default every axis but the first is merged.

        Differs:
            `torch.flatten` starts at axis 0 by default (`torch.nn.Flatten` at 1) and accepts a scalar.

        Source:
            The layout step of LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998.

        Example:
            >>> B.flatten(B.asarray(np.zeros((2, 3, 4)))).shape
            (2, 12)
        """
        start, end = start_axis % x.ndim, end_axis % x.ndim
        merged = math.prod(x.shape[start : end + 1])
        return self.xp.reshape(x, (*x.shape[:start], merged, *x.shape[end + 1 :]))

    @operation(since="1.0", check=_pad, exact=True)
    def pad(self, x: Array, *, padding: Sides, mode: str = "constant", value: float = 0.0) -> Array:
        """Put entries around `x`: `padding[a] = (low, high)` of them on the sides of axis a.

        For n entries `x_0 ... x_(n-1)` along an axis, the entry at place -i, and likewise on the other side, is
        `value` (constant), `x_i` (reflect), `x_0` (replicate) or `x_(n-i)` (circular).

        Args:
            x: `(...)`, floating.
            padding: one entry, an integer >= 0 or a pair for the low and the high side, for each of the last
                `len(padding)` axes of `x`, in their order; or an integer for every axis from 2 on, the spatial
                ones of `(batch, channels, *spatial)`.
            mode: "constant", "reflect", "replicate" or "circular".
            value: of "constant"; any finite number.

        Returns:
            `x` with `size + low + high` entries along each axis, of its dtype.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ArgumentError: `padding` names no sides of axes of `x`, or more than `mode` has entries for; `mode`
                is another; or `value` is not finite, or given where `mode` has no use for it.

        Requires:
            [PAD-1] "constant" puts `value` around x, and no derivative flows to it.
            [PAD-2] "reflect" mirrors at the edge entry without repeating it; a side of x's size or more raises
                ArgumentError.
            [PAD-3] "replicate" repeats the edge entry; its gradient is the sum over the repetitions.
            [PAD-4] "circular" continues with the other end; a side of more than x's size raises ArgumentError.
            [PAD-5] Entries of padding belong to the last axes in their order, low side first; corners are what
                padding one axis after the other gives.

        Differs:
            torch lists the last axis first; NumPy reflects again and again where the padding is wider than `x`.

        Source:
            Harris et al., "Array programming with NumPy", 2020, whose modes they are (replicate is its "edge",
            circular its "wrap").

        Example:
            >>> x = B.asarray([1.0, 2.0, 3.0])
            >>> B.to_numpy(B.pad(x, padding=((2, 1),), mode="reflect")).tolist()
            [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]
        """
        for axis, sides in sides_of(x, padding).items():
            before, behind = _beside(self, x, axis, sides, mode, value)
            x = self.xp.concat([part for part in (before, x, behind) if part.shape[axis]], axis=axis)
        return x

    @operation(since="1.0", check=_upsample)
    def upsample(self, x: Array, *, size: PerAxis, mode: str = "nearest") -> Array:
        """Resample the spatial axes to `size`: entry i of m reads x at `(i + 1/2) n / m - 1/2`, n its size before.

        "nearest" takes the entry next to that place, the higher one of two at equal distance, so entry
        `floor((2i + 1) n / (2m))`; "linear" blends the two entries beside it, axis by axis (bilinear,
        trilinear). Shrinking reads the same places: nothing is averaged.

        Args:
            x: `(batch, channels, *spatial)`, floating; 1 to 3 spatial axes.
            size: of the spatial axes afterwards, an integer >= 1 or one an axis.
            mode: "nearest" or "linear".

        Returns:
            `(batch, channels, *size)`, of the dtype of `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ShapeError: `x` has not 3 to 5 axes, or one is empty that is not the batch.
            ArgumentError: `size` or `mode` is outside its domain.

        Requires:
            [UPSAMPLE-1] Pixels are aligned by their areas (half-pixel centres), not by their corners.
            [UPSAMPLE-2] "nearest" reads entry floor((2i + 1) n / (2m)), computed in integers, to the bit.
            [UPSAMPLE-3] "linear" weighs the two neighbours by their distances, rounded once.
            [UPSAMPLE-4] Beyond the centres of the outermost entries "linear" keeps their values.
            [UPSAMPLE-5] The scale of an axis is its size before over its size after, each axis by itself.
            [UPSAMPLE-6] Shrinking does not smooth.
            [UPSAMPLE-7] Where the size stays, x stays, to the bit.

        Differs:
            torch's "nearest" reads `floor(i n / m)`, its "nearest-exact" computes the place in float32, as its
            "linear" does; with a `scale_factor` it uses that and not the sizes. `jax.image.resize` smooths when it
            shrinks, unless told not to. Keras repeats entries.

        Source:
            ONNX operator Resize with `coordinate_transformation_mode` "half_pixel" and, for "nearest",
            `nearest_mode` "round_prefer_ceil".

        Example:
            >>> x = B.asarray([[[0.0, 4.0]]])
            >>> B.to_numpy(B.upsample(x, size=4, mode="linear")).tolist()
            [[[0.0, 1.0, 3.0, 4.0]]]
        """
        resampled = _nearest if mode == "nearest" else _linear
        for axis, count in enumerate(windows.per_axis("size", size, x.ndim - 2, low=1), start=2):
            if count != x.shape[axis]:
                x = resampled(self, x, axis, count)
        return x

    @operation(since="1.0", check=_unfold, exact=True)
    def unfold(
        self,
        x: Array,
        *,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
    ) -> Array:
        """Lay out the windows that `conv` reads as columns: `y_(c, t), l = x_c[stride l + dilation t - padding]`.

        Args:
            x: `(batch, channels, *spatial)`, floating; zeros surround it. 1 to 3 spatial axes.
            kernel_size: how many taps a window has, an integer >= 1 or one a spatial axis.
            stride: as in `conv`.
            padding: as in `conv`.
            dilation: as in `conv`.

        Returns:
            `(batch, channels * taps, windows)`, of the dtype of `x`: rows by channel, then tap, columns by
            window, taps and windows in row-major order.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ShapeError: `x` has not 3 to 5 axes, or one is empty that is not the batch; or the kernel is
                larger than the padded input.
            ArgumentError: `kernel_size`, `stride`, `padding` or `dilation` is outside its domain.

        Requires:
            [UNFOLD-1] A matrix product of weight, its taps in one axis, with the columns is conv.
            [UNFOLD-2] Rows are ordered by channel before tap; taps and windows are in row-major order.
            [UNFOLD-3] Windows are those of conv with the same options; padding is zeros.

        Differs:
            torch has it for two spatial axes, with equal padding on both sides.

        Source:
            Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for Document
            Processing", 2006.

        Example:
            >>> x = B.asarray([[[1.0, 2.0, 3.0]]])
            >>> B.to_numpy(B.unfold(x, kernel_size=2)).tolist()
            [[[1.0, 2.0], [2.0, 3.0]]]
        """
        w = windows.resolve(x.shape[2:], kernel_size, stride=stride, padding=padding, dilation=dilation)
        columns = self.xp.stack([tap for _, tap in windows.taps(self, x, w)], axis=2)
        return self.xp.reshape(columns, (x.shape[0], x.shape[1] * math.prod(w.kernel), math.prod(w.out)))

    @operation(since="1.0", check=_fold)
    def fold(
        self,
        x: Array,
        *,
        output_size: Sequence[int],
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
    ) -> Array:
        """Adjoint of `unfold`: `y_c[stride l + dilation t - padding] += x_(c, t), l`.

        Args:
            x: `(batch, channels * taps, windows)`, floating.
            output_size: of the spatial axes of the result, 1 to 3 integers >= 1.
            kernel_size: that of the `unfold` it is the adjoint of.
            stride: that of the `unfold` it is the adjoint of.
            padding: that of the `unfold` it is the adjoint of; what falls into it is dropped.
            dilation: that of the `unfold` it is the adjoint of.

        Returns:
            `(batch, channels, *output_size)`, of the dtype of `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ShapeError: `x` is not of the shape that `unfold` makes of `(batch, channels, *output_size)`, or has
                no channel; or the kernel is larger than the padded output.
            ArgumentError: `output_size`, `kernel_size`, `stride`, `padding` or `dilation` is outside its
                domain.

        Requires:
            [FOLD-1] It is the adjoint of unfold with the same options: the inner product of unfold(u) and v is that
                of u and fold(v).
            [FOLD-2] Where windows overlap their entries are summed, not averaged.
            [FOLD-3] Where they do not, entries are placed to the bit, and what no window reads is 0.

        Differs:
            torch has it for two spatial axes, with equal padding on both sides.

        Source:
            The backward pass of Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks
            for Document Processing", 2006.

        Example:
            >>> x = B.asarray([[[1.0, 2.0], [10.0, 20.0]]])
            >>> B.to_numpy(B.fold(x, output_size=(3,), kernel_size=2)).tolist()
            [[[1.0, 12.0, 20.0]]]
        """
        xp = self.xp
        w = windows.resolve(output_size, kernel_size, stride=stride, padding=padding, dilation=dilation)
        channels = x.shape[1] // math.prod(w.kernel)
        taps = xp.reshape(x, (x.shape[0], channels, *w.kernel, *w.out))
        indices = itertools.product(*map(range, w.kernel))
        placed = [_placed(self, taps[(..., *index, *(slice(None) for _ in w.out))], index, w) for index in indices]
        return windows.cropped(xp.sum(xp.stack(placed, axis=0), axis=0), w)

    @operation(since="1.0", check=_one_hot, exact=True)
    def one_hot(self, x: Array, *, num_classes: int, dtype: str | None = None) -> Array:
        """Indicator of a class: `y[..., k] = 1` where `x = k`, else 0.

        Args:
            x: `(...)`, integers of any width in [0, num_classes).
            num_classes: how many classes there are, at least 1.
            dtype: floating dtype of the result; None is the backend's.

        Returns:
            `(..., num_classes)`, of `dtype`.

        Raises:
            DTypeError: `x` is no integer array of this backend, or it has no such `dtype`.
            ArgumentError: `num_classes` is no integer >= 1, or a class is outside [0, num_classes), which is
                looked for outside of compiled code and on the host only.

        Requires:
            [ONE_HOT-1] 1 at the class along a new last axis, 0 elsewhere, to the bit.
            [ONE_HOT-2] A class outside [0, num_classes) raises ArgumentError, a negative one too.
            [ONE_HOT-3] Any integer dtype, and any number of axes, none included.

        Differs:
            torch returns int64 and takes int64 alone; JAX and Keras make a row of zeros of a class out of range.

        Source:
            The unary ("one-of-K") code of classes, as in Bishop, "Pattern Recognition and Machine Learning",
            2006, section 4.1.

        Example:
            >>> B.to_numpy(B.one_hot(B.asarray([2, 0]), num_classes=3)).tolist()
            [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
        """
        xp = self.xp
        classes = xp.arange(num_classes, dtype=xp.int32, **self.placement(x))
        hit = xp.expand_dims(xp.astype(x, xp.int32), axis=-1) == classes
        return self.asarray(xp.astype(hit, xp.float32), dtype=dtype or self.dtype)
