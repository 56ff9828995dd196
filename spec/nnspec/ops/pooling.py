"""Pooling: maximum, mean and norm over sliding windows, over windows that adapt to the input, and over all of it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from nnspec import _validate as check
from nnspec import _windows as windows
from nnspec._windows import Padding, PerAxis, Windows
from nnspec.operation import Array, Family, operation
from nnspec.ops._common import magnitude, root

__all__ = ["Pooling", "mean_of_windows"]


def _max_pool(
    self: Family,
    x: Array,
    *,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
) -> None:
    windows.require_images(self, x)
    w = windows.resolve(x.shape[2:], kernel_size, stride=stride, padding=padding, dilation=dilation)
    windows.require_taps_inside(w)


def _avg_pool(
    self: Family,
    x: Array,
    *,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    count_include_pad: bool = False,
) -> None:
    windows.require_images(self, x)
    check.flag("count_include_pad", count_include_pad)
    w = windows.resolve(x.shape[2:], kernel_size, stride=stride, padding=padding)
    if not count_include_pad:
        windows.require_taps_inside(w)


def _lp_pool(
    self: Family,
    x: Array,
    *,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    p: float = 2.0,
) -> None:
    windows.require_images(self, x)
    windows.resolve(x.shape[2:], kernel_size, stride=stride)
    check.number("p", p, low=1)


def _adaptive(self: Family, x: Array, *, output_size: PerAxis) -> None:
    windows.require_images(self, x)
    windows.per_axis("output_size", output_size, x.ndim - 2, low=1)


def _global(self: Family, x: Array, *, keepdims: bool = False) -> None:
    windows.require_images(self, x)
    check.flag("keepdims", keepdims)


def _power(self: Family, x: Array, p: float) -> Array:
    """`x^p` of `x >= 0` for `p > 0`, with value and derivative 0 at 0; NaN propagates."""
    if p == 1:
        return x
    xp = self.xp
    none = x <= 0
    return xp.where(none, 0.0, xp.exp(p * xp.log(xp.where(none, 1.0, x))))


def _along(x: Array, axis: int, part: slice) -> Array:
    return x[(*(slice(None) for _ in range(axis)), part, ...)]


def _per_window(x: Array, axis: int, out: int, xp: Any, summary: Callable[[Array], Array]) -> Array:
    """`summary`, which leaves one entry along `axis`, of each of the `out` windows along it."""
    parts = [_along(x, axis, slice(*reach)) for reach in windows.adaptive(x.shape[axis], out)]
    return xp.concat([summary(part) for part in parts], axis=axis)


def _replaces(self: Family, tap: Array, best: Array) -> Array:
    """Where a later tap takes the place of the best so far: where it is greater, or the first NaN."""
    return (tap > best) | (self.xp.isnan(tap) & ~self.xp.isnan(best))


def _first_maximum(self: Family, x: Array, axis: int) -> Array:
    """The maximum along `axis`, which is kept; neighbours are compared in pairs, so that the first one wins."""
    xp = self.xp
    while (n := x.shape[axis]) > 1:
        best, tap = (_along(x, axis, slice(i, n - n % 2, 2)) for i in range(2))
        best = xp.where(_replaces(self, tap, best), tap, best)
        x = xp.concat([best, _along(x, axis, slice(n - 1, n))], axis=axis) if n % 2 else best
    return x


def _is_first(reach: range, tap: int) -> bool:
    return tap == reach.start


def _windows_where(
    backend: Family,
    x: Array,
    holds: Callable[[range, int], bool],
    reach: Sequence[Sequence[range]],
    index: tuple[int, ...],
) -> Array | bool:
    """Where tap `index` holds along every axis: a condition over windows, or a bool where all are alike."""
    xp = backend.xp
    flags = [[holds(r, tap) for r in along] for along, tap in zip(reach, index, strict=True)]
    if not all(map(any, flags)):
        return False
    found: Array | bool = True
    for axis, along in enumerate(flags, start=2):
        if all(along):
            continue
        numbers = xp.asarray([float(flag) for flag in along], dtype=x.dtype, **backend.placement(x))
        shape = tuple(len(along) if i == axis else 1 for i in range(x.ndim))
        held = xp.reshape(numbers, shape) > 0  # a comparison: a condition of whatever kind the namespace has
        found = held if found is True else found & held
    return found


def mean_of_windows(self: Family, total: Array, w: Windows, count_include_pad: bool) -> Array:
    """The sums of windows divided by the number of their taps: inside the input, or all of them."""
    xp = self.xp
    counts = [float(math.prod(w.kernel))] if count_include_pad else windows.counts(w)
    if min(counts) == max(counts):
        return total / counts[0]
    return total / xp.reshape(xp.asarray(counts, dtype=total.dtype, **self.placement(total)), (1, 1, *w.out))


class Pooling(Family):
    """Summaries of windows, channel by channel."""

    @operation(since="1.0", check=_max_pool, exact=True)
    def max_pool(
        self,
        x: Array,
        *,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: Padding = 0,
        dilation: PerAxis = 1,
    ) -> Array:
        """Maximum of each window: `y[p] = max_t x[stride p + dilation t - padding]`.

        Args:
            x: `(batch, channels, *spatial)` with 1 to 3 spatial axes, floating.
            kernel_size: taps of a window, an integer >= 1 or one a spatial axis.
            stride: from one window to the next, an integer >= 1 or one a spatial axis; None is `kernel_size`.
            padding: how far windows reach beyond `x`, where there is nothing (-inf): an integer >= 0, one
                entry a spatial axis (an integer, or a pair for its low and high side), "valid" or "same", as
                for `conv`.
            dilation: from one tap to the next, an integer >= 1 or one a spatial axis.

        Returns:
            `(batch, channels, *windows)`, of the dtype of `x`; the number of windows is that of `conv`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ShapeError: `x` has not 3 to 5 axes, or one is empty that is not the batch; a window is larger
                than the padded input, or has no tap inside the input.
            ArgumentError: `kernel_size`, `stride`, `padding` or `dilation` is outside its domain.

        Requires:
            [MAX_POOL-1] Only taps inside the input count: of negative values the maximum is negative.
            [MAX_POOL-2] The whole gradient of a window goes to its first maximum in row-major order.
            [MAX_POOL-3] NaN in a window propagates.
            [MAX_POOL-4] Padding receives no gradient, also beside -inf: the first tap inside the input does.
            [MAX_POOL-5] A window without a tap inside the input raises ShapeError.
            [MAX_POOL-6] Without a stride windows do not overlap: the stride is kernel_size.
            [MAX_POOL-7] Stride, padding and dilation hold axis by axis and together, "same" as for conv.

        Differs:
            torch refuses padding above half the kernel; JAX sends the gradient of a window of -inf into the
            padding; Flax has stride 1 by default. There is no ceil_mode: pad the high side instead.

        Source:
            Zhou and Chellappa, "Computation of Optical Flow Using a Neural Network", 1988; Scherer, Mueller
            and Behnke, "Evaluation of Pooling Operations in Convolutional Architectures", 2010.

        Example:
            >>> x = B.asarray([[[1.0, 3.0, -2.0, -5.0, -7.0]]])
            >>> B.to_numpy(B.max_pool(x, kernel_size=2, padding="same")).tolist()
            [[[3.0, -2.0, -7.0]]]
        """
        xp = self.xp
        w = windows.resolve(x.shape[2:], kernel_size, stride=stride, padding=padding, dilation=dilation)
        reach = windows.inside(w)
        best: Array = None
        for index, tap in windows.taps(self, x, w):
            inside = _windows_where(self, x, operator.contains, reach, index)
            if inside is False:
                continue
            if best is None:  # where it lies in the padding, a later tap is the first inside and replaces it
                best = tap
                continue
            wins = _replaces(self, tap, best)
            if inside is not True:
                wins = wins & inside
            first = _windows_where(self, x, _is_first, reach, index)
            if first is not False:
                wins = wins | first
            best = xp.where(wins, tap, best)
        return best

    @operation(since="1.0", check=_avg_pool)
    def avg_pool(
        self,
        x: Array,
        *,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: Padding = 0,
        count_include_pad: bool = False,
    ) -> Array:
        """Mean of each window: `y[p] = sum_t x[stride p + t - padding] / n[p]`, with `n[p]` taps inside `x`.

        Args:
            x: `(batch, channels, *spatial)` with 1 to 3 spatial axes, floating.
            kernel_size: taps of a window, an integer >= 1 or one a spatial axis.
            stride: from one window to the next, an integer >= 1 or one a spatial axis; None is `kernel_size`.
            padding: how far windows reach beyond `x`: an integer >= 0, one entry a spatial axis (an integer,
                or a pair for its low and high side), "valid" or "same", as for `conv`.
            count_include_pad: whether the padding counts as zeros, so that `n[p]` is all taps of a window.

        Returns:
            `(batch, channels, *windows)`, of the dtype of `x`; the number of windows is that of `conv`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ShapeError: `x` has not 3 to 5 axes, or one is empty that is not the batch; a window is larger
                than the padded input, or has no tap inside the input and `count_include_pad` is False.
            ArgumentError: another argument is outside its domain.

        Requires:
            [AVG_POOL-1] By default the divisor is the number of taps inside the input.
            [AVG_POOL-2] With count_include_pad the divisor is the number of all taps of a window.
            [AVG_POOL-3] Without a stride windows do not overlap: the stride is kernel_size.
            [AVG_POOL-4] A window without a tap inside the input raises ShapeError, unless padding is counted.
            [AVG_POOL-5] Stride and padding hold axis by axis and together, "same" as for conv.

        Differs:
            torch and Flax count the padding by default; Flax has stride 1 by default.

        Source:
            LeCun et al., "Handwritten Digit Recognition with a Back-Propagation Network", 1990.

        Example:
            >>> x = B.asarray([[[1.0, 3.0, 5.0, 7.0, 8.0]]])
            >>> B.to_numpy(B.avg_pool(x, kernel_size=2, padding="same")).tolist()
            [[[2.0, 6.0, 8.0]]]
        """
        xp = self.xp
        w = windows.resolve(x.shape[2:], kernel_size, stride=stride, padding=padding)
        total = xp.sum(xp.stack([tap for _, tap in windows.taps(self, x, w)], axis=0), axis=0)
        return mean_of_windows(self, total, w, count_include_pad)

    @operation(since="1.0", check=_lp_pool)
    def lp_pool(
        self,
        x: Array,
        *,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        p: float = 2.0,
    ) -> Array:
        """Norm of each window: `y[q] = (sum_t |x[stride q + t]|^p)^(1 / p)`.

        There is no padding: zeros around `x` (see `pad`) add nothing to a norm.

        Args:
            x: `(batch, channels, *spatial)` with 1 to 3 spatial axes, floating; `|x|^p` has to be in range.
            kernel_size: taps of a window, an integer >= 1 or one a spatial axis.
            stride: from one window to the next, an integer >= 1 or one a spatial axis; None is `kernel_size`.
            p: the order of the norm, >= 1.

        Returns:
            `(batch, channels, *windows)`, of the dtype of `x`; only windows that lie inside `x` count.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ShapeError: `x` has not 3 to 5 axes, or one is empty that is not the batch; a window is larger
                than the input.
            ArgumentError: `kernel_size`, `stride` or `p` is outside its domain.

        Requires:
            [LP_POOL-1] The powers of the magnitudes are added up, not averaged, and the root is taken.
            [LP_POOL-2] Signs do not matter, for odd p either.
            [LP_POOL-3] A window of zeros gives 0 and passes the gradient 0; so does a zero among others.
            [LP_POOL-4] Without a stride windows do not overlap: the stride is kernel_size.
            [LP_POOL-5] Kernel and stride hold axis by axis; a window that would reach beyond x is left out.
            [LP_POOL-6] NaN in a window propagates.

        Differs:
            torch (`norm_type`, no default) raises `x` itself to the power p: for odd p negative values
            subtract, and for other than integer p they give NaN. ONNX has padding, of zeros, and dilation.

        Source:
            Sermanet, Chintala and LeCun, "Convolutional Neural Networks Applied to House Numbers Digit
            Classification", 2012.

        Example:
            >>> x = B.asarray([[[3.0, -4.0, 5.0, 12.0, 1.0]]])
            >>> B.to_numpy(B.lp_pool(x, kernel_size=2)).tolist()
            [[[5.0, 13.0]]]
        """
        powers = x * x if p == 2 else _power(self, magnitude(self, x), p)
        taps = math.prod(windows.per_axis("kernel_size", kernel_size, x.ndim - 2, low=1))
        total = self.avg_pool(powers, kernel_size=kernel_size, stride=stride) * float(taps)
        return root(self, total) if p == 2 else _power(self, total, 1 / p)

    @operation(since="1.0", check=_adaptive)
    def adaptive_avg_pool(self, x: Array, *, output_size: PerAxis) -> Array:
        """Mean of windows that cover the input: of m over n, the i-th is [floor(i n / m), ceil((i + 1) n / m)).

        Windows overlap where m does not divide n. A window spans one such interval along each spatial axis.

        Args:
            x: `(batch, channels, *spatial)` with 1 to 3 spatial axes, floating.
            output_size: how many windows, an integer >= 1 or one a spatial axis; it may exceed the input's.

        Returns:
            `(batch, channels, *output_size)`, of the dtype of `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ShapeError: `x` has not 3 to 5 axes, or one is empty that is not the batch.
            ArgumentError: `output_size` is outside its domain.

        Requires:
            [ADAPTIVE_AVG_POOL-1] Window i begins at floor(i n / m) and ends before ceil((i + 1) n / m).
            [ADAPTIVE_AVG_POOL-2] Each window is divided by the number of its own taps.
            [ADAPTIVE_AVG_POOL-3] Where m exceeds n, entries of x belong to several windows, and windows repeat.
            [ADAPTIVE_AVG_POOL-4] Every spatial axis has windows of its own.
            [ADAPTIVE_AVG_POOL-5] NaN and infinities reach the windows that hold them and no other.

        Differs:
            torch also takes None for an axis that keeps its size: give the size.

        Source:
            He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks", 2014, appendix A.

        Example:
            >>> x = B.asarray([[[1.0, 3.0, 5.0, 7.0, 9.0]]])
            >>> B.to_numpy(B.adaptive_avg_pool(x, output_size=2)).tolist()
            [[[3.0, 7.0]]]
        """
        xp = self.xp
        for axis, out in enumerate(windows.per_axis("output_size", output_size, x.ndim - 2, low=1), start=2):

            def mean(part: Array, axis: int = axis) -> Array:
                return xp.sum(part, axis=axis, keepdims=True) / float(part.shape[axis])

            if out != x.shape[axis]:  # else each window is one entry
                x = _per_window(x, axis, out, xp, mean)
        return x

    @operation(since="1.0", check=_adaptive, exact=True)
    def adaptive_max_pool(self, x: Array, *, output_size: PerAxis) -> Array:
        """Maximum of windows that cover the input; the windows are those of `adaptive_avg_pool`.

        Args:
            x: `(batch, channels, *spatial)` with 1 to 3 spatial axes, floating.
            output_size: how many windows, an integer >= 1 or one a spatial axis; it may exceed the input's.

        Returns:
            `(batch, channels, *output_size)`, of the dtype of `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ShapeError: `x` has not 3 to 5 axes, or one is empty that is not the batch.
            ArgumentError: `output_size` is outside its domain.

        Requires:
            [ADAPTIVE_MAX_POOL-1] Window i begins at floor(i n / m) and ends before ceil((i + 1) n / m).
            [ADAPTIVE_MAX_POOL-2] The whole gradient of a window goes to its first maximum in row-major order.
            [ADAPTIVE_MAX_POOL-3] NaN in a window propagates, and reaches no other window.
            [ADAPTIVE_MAX_POOL-4] An entry that is the maximum of several windows receives all their gradients.
            [ADAPTIVE_MAX_POOL-5] Every spatial axis has windows of its own.

        Differs:
            torch also takes None for an axis that keeps its size, and can return indices.

        Source:
            He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks", 2014, appendix A.

        Example:
            >>> x = B.asarray([[[1.0, 3.0, 5.0, 2.0, 4.0]]])
            >>> B.to_numpy(B.adaptive_max_pool(x, output_size=2)).tolist()
            [[[5.0, 5.0]]]
        """
        sizes = windows.per_axis("output_size", output_size, x.ndim - 2, low=1)
        for axis in reversed(range(2, x.ndim)):  # the first in each row, then the first of the rows

            def largest(part: Array, axis: int = axis) -> Array:
                return _first_maximum(self, part, axis)

            x = _per_window(x, axis, sizes[axis - 2], self.xp, largest)
        return x

    @operation(since="1.0", check=_global)
    def global_avg_pool(self, x: Array, *, keepdims: bool = False) -> Array:
        """Mean of each channel: `y[b, c] = mean x[b, c, ...]`.

        Args:
            x: `(batch, channels, *spatial)` with 1 to 3 spatial axes, floating.
            keepdims: whether the spatial axes stay, with size 1.

        Returns:
            `(batch, channels)`, or `(batch, channels, 1, ...)` with `keepdims`, of the dtype of `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ShapeError: `x` has not 3 to 5 axes, or one is empty that is not the batch.
            ArgumentError: `keepdims` is neither True nor False.

        Requires:
            [GLOBAL_AVG_POOL-1] The mean over every spatial axis, for each sample and channel.
            [GLOBAL_AVG_POOL-2] The spatial axes go, unless keepdims asks for them.

        Differs:
            ONNX keeps the spatial axes; torch has no such layer but `adaptive_avg_pool` of size 1, which
            keeps them too. Keras drops them by default, as here.

        Source:
            Lin, Chen and Yan, "Network In Network", 2013, sec. 3.2.

        Example:
            >>> x = B.asarray([[[[1.0, 2.0], [3.0, 6.0]]]])
            >>> B.to_numpy(B.global_avg_pool(x)).tolist()
            [[3.0]]
        """
        spatial = tuple(range(2, x.ndim))
        return self.xp.sum(x, axis=spatial, keepdims=keepdims) / float(math.prod(x.shape[2:]))

    @operation(since="1.0", check=_global, exact=True)
    def global_max_pool(self, x: Array, *, keepdims: bool = False) -> Array:
        """Maximum of each channel: `y[b, c] = max x[b, c, ...]`.

        Args:
            x: `(batch, channels, *spatial)` with 1 to 3 spatial axes, floating.
            keepdims: whether the spatial axes stay, with size 1.

        Returns:
            `(batch, channels)`, or `(batch, channels, 1, ...)` with `keepdims`, of the dtype of `x`.

        Raises:
            DTypeError: `x` is no floating array of this backend.
            ShapeError: `x` has not 3 to 5 axes, or one is empty that is not the batch.
            ArgumentError: `keepdims` is neither True nor False.

        Requires:
            [GLOBAL_MAX_POOL-1] The maximum over every spatial axis, for each sample and channel.
            [GLOBAL_MAX_POOL-2] The whole gradient of a channel goes to its first maximum in row-major order.
            [GLOBAL_MAX_POOL-3] NaN in a channel propagates.
            [GLOBAL_MAX_POOL-4] The spatial axes go, unless keepdims asks for them.

        Differs:
            ONNX keeps the spatial axes. JAX's and Keras' maximum over axes shares the gradient among ties,
            as does `torch.amax`.

        Source:
            Oquab et al., "Is Object Localization for Free?", 2015.

        Example:
            >>> x = B.asarray([[[[1.0, 2.0], [3.0, 6.0]]]])
            >>> B.to_numpy(B.global_max_pool(x)).tolist()
            [[6.0]]
        """
        xp = self.xp
        flat = xp.reshape(x, (*x.shape[:2], math.prod(x.shape[2:])))
        shape = (*x.shape[:2], *(1 for _ in x.shape[2:])) if keepdims else x.shape[:2]
        return xp.reshape(_first_maximum(self, flat, 2), shape)
