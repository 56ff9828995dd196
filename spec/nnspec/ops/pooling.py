"""Pooling: the maximum and the mean over sliding windows."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Sequence

from nnspec import _validate as check
from nnspec import _windows as windows
from nnspec._windows import Padding, PerAxis
from nnspec.operation import Array, Family, operation

__all__ = ["Pooling"]


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


class Pooling(Family):
    """Summaries of sliding windows, channel by channel."""

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
            wins = (tap > best) | (xp.isnan(tap) & ~xp.isnan(best))
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
        if count_include_pad:
            return total / math.prod(w.kernel)
        along = [[len(r) for r in rs] for rs in windows.inside(w)]
        counts = [float(math.prod(at)) for at in itertools.product(*along)]
        if min(counts) == max(counts):
            return total / counts[0]
        return total / xp.reshape(xp.asarray(counts, dtype=x.dtype, **self.placement(x)), (1, 1, *w.out))
