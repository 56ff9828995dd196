"""Windows over spatial axes: stride, padding and dilation made explicit, and the taps of a window."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from nnspec import _validate as check
from nnspec.errors import ArgumentError, ShapeError
from nnspec.operation import Array, Family

__all__ = [
    "Padding",
    "PerAxis",
    "Sides",
    "Windows",
    "adaptive",
    "counts",
    "cropped",
    "inside",
    "padded",
    "pairs",
    "per_axis",
    "require_images",
    "require_taps_inside",
    "resolve",
    "resolve_transposed",
    "same_padding",
    "stretched",
    "taps",
    "turned",
]

#: one integer for every spatial axis, or one an axis
PerAxis: TypeAlias = int | Sequence[int]
#: an integer for every side; one entry an axis, an integer or a pair for its two sides
Sides: TypeAlias = int | Sequence[int | tuple[int, int]]
#: the same, or "valid" or "same"
Padding: TypeAlias = Sides | str


class Windows(NamedTuple):
    """Windows over the spatial axes of an array; every field has one entry an axis."""

    #: of the input, without padding
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    #: on the low and on the high side
    padding: tuple[tuple[int, int], ...]
    #: how many windows there are
    out: tuple[int, ...]


def require_images(backend: Family, x: Array) -> None:
    """`x` is `(batch, channels, *spatial)` of rank 3 to 5, floating; only the batch may be empty."""
    check.floating(backend, "x", x)
    check.rank("x", x, 3, 5)
    if 0 in x.shape[1:]:
        raise ShapeError(f"x: expected channel and spatial axes of at least 1, got shape {tuple(x.shape)}")


def per_axis(name: str, value: Any, axes: int, *, low: int) -> tuple[int, ...]:
    """`value`, an integer >= `low` or one an axis, as one integer for each of `axes` spatial axes."""
    if type(value) is int and value >= low:  # nearly always, so it shall cost little
        return (value,) * axes
    entries = tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes
    if len(entries) != axes or not all(_is_count(entry, low) for entry in entries):
        raise ArgumentError(f"{name}: expected an integer >= {low}, or {axes} of them, got {value!r}")
    return entries


def _is_count(value: Any, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= low


def pairs(value: Any, axes: int, *, names: str = "") -> tuple[tuple[int, int], ...]:
    """`value`, a padding, as a low and a high side for each of `axes` spatial axes.

    `names` are what else the caller takes, for the message.
    """
    if type(value) is int and value >= 0:
        return ((value, value),) * axes
    entries = tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes
    found = tuple(tuple(e) if isinstance(e, (tuple, list)) else (e, e) for e in entries)
    if len(found) != axes or not all(len(p) == 2 and all(_is_count(side, 0) for side in p) for p in found):
        raise ArgumentError(
            f"padding: expected an integer >= 0, a tuple of {axes} integers or (low, high) pairs of them{names}, "
            f"got {value!r}"
        )
    return found


def _span(kernel: int, dilation: int) -> int:
    """How far a window reaches, gaps included."""
    return (kernel - 1) * dilation + 1


def _out(size: int, kernel: int, stride: int, dilation: int, sides: tuple[int, int]) -> int:
    """How many windows there are along one axis; less than 1 where not even one fits."""
    return (size + sides[0] + sides[1] - _span(kernel, dilation)) // stride + 1


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """The padding of one axis that gives ceil(size / stride) windows; an odd one more is on the high side."""
    out = -(-size // stride)
    total = max(0, (out - 1) * stride + _span(kernel, dilation) - size)
    return total // 2, total - total // 2


def resolve(
    size: Sequence[int],
    kernel: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    name: str = "x",
) -> Windows:
    """Check the arguments and make them explicit, one entry a spatial axis.

    Args:
        size: of the spatial axes.
        kernel: how many taps a window has along each axis; named `kernel_size` in messages.
        stride: from one window to the next; None is `kernel`.
        padding: one integer, one entry an axis (an integer, or a pair for low and high), "valid" or "same".
        dilation: from one tap to the next.
        name: what `size` is the size of, for messages.

    Raises:
        ArgumentError: `kernel`, `stride`, `padding` or `dilation` is outside its domain.
        ShapeError: a window is larger than the padded input.
    """
    axes = len(size)
    n = tuple(size)
    k = per_axis("kernel_size", kernel, axes, low=1)
    s = k if stride is None else per_axis("stride", stride, axes, low=1)
    d = per_axis("dilation", dilation, axes, low=1)
    if isinstance(padding, str):
        check.choice("padding", padding, ("valid", "same"))
        same = padding == "same"
        p = tuple(same_padding(*along) if same else (0, 0) for along in zip(n, k, s, d, strict=True))
    else:
        p = pairs(padding, axes, names=", 'valid' or 'same'")
    out = tuple(map(_out, n, k, s, d, p))
    if min(out) < 1:
        span, room = (
            tuple(map(_span, k, d)),
            tuple(m + low + high for m, (low, high) in zip(n, p, strict=True)),
        )
        raise ShapeError(
            f"{name}: expected spatial axes of at least {span} after padding (the reach of the kernel {k} "
            f"with dilation {d}), got {room} ({n} with padding {p})"
        )
    return Windows(n, k, s, d, p, out)


def resolve_transposed(
    size: Sequence[int],
    kernel: Sequence[int],
    *,
    stride: PerAxis = 1,
    padding: Sides = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
) -> Windows:
    """The windows of the convolution that takes the result of a transposed one to an array of `size`.

    Its input is `(size - 1) stride - low - high + (kernel - 1) dilation + output_padding + 1`, and it has
    `size` windows.

    Raises:
        ArgumentError: `stride`, `padding`, `output_padding` or `dilation` is outside its domain.
        ShapeError: nothing is left of the result.
    """
    axes = len(size)
    n, k = tuple(size), tuple(kernel)
    s = per_axis("stride", stride, axes, low=1)
    d = per_axis("dilation", dilation, axes, low=1)
    p = pairs(padding, axes)
    more = per_axis("output_padding", output_padding, axes, low=0)
    if any(extra >= step for extra, step in zip(more, s, strict=True)):
        raise ArgumentError(f"output_padding: expected less than the stride {s}, got {output_padding!r}")
    whole = tuple((m - 1) * step + _span(*reach) for m, step, *reach in zip(n, s, k, d, strict=True))
    result = tuple(m + extra - sum(sides) for m, extra, sides in zip(whole, more, p, strict=True))
    if min(result) < 1:
        raise ShapeError(
            f"x: expected spatial axes that leave a result of at least 1 along each, got {result} "
            f"({n} with kernel {k}, stride {s}, padding {p}, output_padding {more} and dilation {d})"
        )
    return Windows(result, k, s, d, p, n)


def inside(w: Windows) -> list[list[range]]:
    """For each axis, for each window along it, which of the window's taps lie inside the input.

    What lies inside along all axes is the product of these ranges; in row-major order its first element is
    the one that is first along each axis.
    """
    return [
        [_reach(position * stride - low, size, kernel, dilation) for position in range(out)]
        for size, kernel, stride, dilation, (low, _), out in zip(*w, strict=True)
    ]


def counts(w: Windows) -> list[float]:
    """How many taps of each window lie inside the input, windows in row-major order."""
    along = [[len(reach) for reach in reaches] for reaches in inside(w)]
    return [float(math.prod(lengths)) for lengths in itertools.product(*along)]


def _reach(start: int, size: int, kernel: int, dilation: int) -> range:
    """The taps i with 0 <= start + i * dilation < size."""
    first = max(0, -(start // dilation))
    return range(first, max(first, min(kernel, -((start - size) // dilation))))


def adaptive(size: int, out: int) -> list[tuple[int, int]]:
    """Start and end of each of `out` windows that cover an axis: floor(i size / out), ceil((i + 1) size / out).

    Entry j of the axis lies in the windows from floor(j out / size) to ceil((j + 1) out / size): those of
    `adaptive(out, size)`.
    """
    return [(i * size // out, -(-(i + 1) * size // out)) for i in range(out)]


def require_taps_inside(w: Windows) -> None:
    """Every window has a tap inside the input, else ShapeError."""
    for axis, (size, kernel, stride, dilation, sides, out) in enumerate(zip(*w, strict=True)):
        # an input at least as wide as the gaps meets all windows between two that it meets
        for position in (0, out - 1) if size >= dilation else range(out):
            if not _reach(position * stride - sides[0], size, kernel, dilation):
                raise ShapeError(
                    f"x: expected every window to have a tap inside the input, got none in window {position} "
                    f"along spatial axis {axis} (size {size}, kernel_size {kernel}, stride {stride}, "
                    f"padding {sides}, dilation {dilation})"
                )


def padded(backend: Family, x: Array, padding: Sequence[tuple[int, int]]) -> Array:
    """`x` between zeros: as many on the low and on the high side of each spatial axis as `padding` says."""
    xp = backend.xp
    for axis, sides in enumerate(padding, start=2):
        if sides == (0, 0):
            continue
        low, high = (
            xp.zeros((*x.shape[:axis], side, *x.shape[axis + 1 :]), dtype=x.dtype, **backend.placement(x))
            for side in sides
        )
        x = xp.concat([part for part in (low, x, high) if part.shape[axis]], axis=axis)
    return x


def cropped(x: Array, w: Windows) -> Array:
    """The inverse of `padded`: `x` without the padding of `w`."""
    inner = [slice(low, low + size) for size, (low, _) in zip(w.size, w.padding, strict=True)]
    return x[(..., *inner)]


def stretched(backend: Family, x: Array, stride: Sequence[int]) -> Array:
    """`x` with `stride - 1` zeros between neighbours along each spatial axis."""
    xp = backend.xp
    for axis, step in enumerate(stride, start=2):
        before, size, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
        if step == 1:
            continue
        gaps = xp.zeros((*before, size, step - 1, *after), dtype=x.dtype, **backend.placement(x))
        x = xp.concat([xp.expand_dims(x, axis=axis + 1), gaps], axis=axis + 1)
        x = xp.reshape(x, (*before, size * step, *after))
        x = x[(*(slice(None) for _ in before), slice((size - 1) * step + 1), ...)]
    return x


def turned(backend: Family, weight: Array, groups: int) -> Array:
    """The kernel of the adjoint convolution: flipped, in and out swapped within each block of channels."""
    xp = backend.xp
    into, per_group = weight.shape[:2]
    kernel = tuple(weight.shape[2:])
    flipped = xp.flip(weight, axis=tuple(range(2, weight.ndim)))
    blocks = xp.reshape(flipped, (groups, into // groups, per_group, *kernel))
    swapped = xp.permute_dims(blocks, (0, 2, 1, *range(3, blocks.ndim)))
    return xp.reshape(swapped, (groups * per_group, into // groups, *kernel))


def taps(backend: Family, x: Array, w: Windows) -> list[tuple[tuple[int, ...], Array]]:
    """The taps of all windows, by their index in row-major order; each is `(batch, channels, *w.out)`."""
    x = padded(backend, x, w.padding)
    found = []
    for index in itertools.product(*map(range, w.kernel)):
        starts = [i * d for i, d in zip(index, w.dilation, strict=True)]
        steps = zip(starts, w.stride, w.out, strict=True)
        found.append((index, x[(..., *(slice(a, a + (o - 1) * s + 1, s) for a, s, o in steps))]))
    return found
