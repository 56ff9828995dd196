"""The resolution of strides, padding and dilation, against enumeration."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from nnspec import _windows as windows
from nnspec.errors import ArgumentError, ShapeError
from nnspec.operation import Family

GRID = list(itertools.product(range(1, 9), (1, 2, 3), (1, 2, 3), (1, 2, 4), (0, 1, 3), (0, 2)))


def enumerated(size: int, kernel: int, stride: int, dilation: int, low: int, high: int) -> list[list[int]]:
    """For each window, the positions of its taps in the unpadded input, by sliding one step at a time."""
    found = []
    for start in range(-low, size + high):
        reached = [start + i * dilation for i in range(kernel)]
        if (start + low) % stride == 0 and reached[-1] < size + high:
            found.append(reached)
    return found


def resolved(size: int, kernel: int, stride: int, dilation: int, padding: tuple[int, int] | str) -> windows.Windows:
    given: Any = padding if isinstance(padding, str) else (padding,)
    return windows.resolve((size,), kernel, stride=stride, dilation=dilation, padding=given)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [(8, 3, 2, (0, 1)), (7, 3, 2, (1, 1)), (8, 2, 1, (0, 1)), (7, 2, 1, (0, 1)), (8, 3, 1, (1, 1))],
)
def test_same_padding_is_that_of_the_conventions(
    size: int, kernel: int, stride: int, expected: tuple[int, int]
) -> None:
    assert windows.same_padding(size, kernel, stride, 1) == expected


def test_same_gives_the_fewest_zeros_for_one_window_a_stride() -> None:
    for along in itertools.product(range(1, 12), (1, 2, 3, 5), (1, 2, 3, 7), (1, 2, 3)):
        size, _, stride, _ = along
        w = resolved(*along, "same")
        wanted = len(range(0, size, stride))
        assert w.out == (wanted,)
        ((low, high),) = w.padding
        assert low <= high <= low + 1
        if high:  # with one zero less a window would be lost
            assert len(enumerated(*along, low, high - 1)) < wanted


def test_output_sizes_and_reach_are_those_of_enumeration() -> None:
    refused = 0
    for size, kernel, stride, dilation, low, high in GRID:
        expected = enumerated(size, kernel, stride, dilation, low, high)
        if not expected:
            refused += 1
            with pytest.raises(ShapeError, match="after padding"):
                resolved(size, kernel, stride, dilation, (low, high))
            continue
        w = resolved(size, kernel, stride, dilation, (low, high))
        assert w.out == (len(expected),)
        (reach,) = windows.inside(w)
        assert [list(r) for r in reach] == [[i for i, p in enumerate(t) if 0 <= p < size] for t in expected]
        if all(reach):
            windows.require_taps_inside(w)
        else:
            with pytest.raises(ShapeError, match="tap inside"):
                windows.require_taps_inside(w)
    assert 0 < refused < len(GRID)


def test_an_inner_window_may_miss_an_input_narrower_than_the_dilation() -> None:
    # taps at -2, 1; at -1, 2; at 0, 3: the middle one alone misses the only value, at 0
    w = windows.resolve((1,), 2, stride=1, padding=((3, 3),), dilation=3)
    assert [list(r) for r in windows.inside(w)[0]] == [[1], [], [], [0]]
    with pytest.raises(ShapeError, match="in window 1 along spatial axis 0"):
        windows.require_taps_inside(w)


def test_one_value_serves_all_axes_and_each_axis_keeps_its_own() -> None:
    w = windows.resolve((9, 10, 11), (1, 2, 3), stride=2, padding=(0, (1, 2), 3), dilation=[1, 2, 3])
    assert w.stride == (2, 2, 2)
    assert w.dilation == (1, 2, 3)
    assert w.padding == ((0, 0), (1, 2), (3, 3))
    assert w.out == (5, 6, 6)


def test_without_stride_windows_lie_side_by_side() -> None:
    w = windows.resolve((7, 8), (2, 3))
    assert w.stride == (2, 3)
    assert w.out == (3, 2)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("kernel", 0),
        ("kernel", -1),
        ("kernel", (2,)),
        ("kernel", True),
        ("stride", 0),
        ("stride", (1, -1)),
        ("stride", (1, 1, 1)),
        ("stride", 1.0),
        ("stride", "same"),
        ("dilation", 0),
        ("dilation", (1, True)),
        ("dilation", float("nan")),
        ("padding", -1),
        ("padding", (1, 1, 1)),
        ("padding", ((1, 2, 3), 1)),
        ("padding", ((1, -1), 1)),
        ("padding", ((1, 0.5), 1)),
        ("padding", None),
        ("padding", "SAME"),
        ("padding", "full"),
    ],
)
def test_an_argument_outside_its_domain_is_named_with_its_value(argument: str, value: Any) -> None:
    given: dict[str, Any] = {"kernel": 2, "stride": 1, "dilation": 1, "padding": 0} | {argument: value}
    name = "kernel_size" if argument == "kernel" else argument
    with pytest.raises(ArgumentError) as caught:
        windows.resolve((5, 6), given.pop("kernel"), **given)
    assert str(caught.value).startswith(f"{name}: expected ")
    assert str(caught.value).endswith(f"got {value!r}")


def test_a_kernel_larger_than_the_padded_input_says_what_was_there() -> None:
    with pytest.raises(ShapeError, match=r"at least \(5, 1\) after padding .* got \(4, 6\)"):
        windows.resolve((3, 6), (3, 1), stride=1, padding=((0, 1), 0), dilation=(2, 1))


class OnNumpy(Family):
    xp = np


def test_taps_come_in_row_major_order_from_the_padded_input() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 3, 4, 5))
    w = windows.resolve((4, 5), (2, 3), stride=(2, 1), padding=((1, 0), (0, 2)), dilation=(2, 1))
    surrounded = np.pad(x, ((0, 0), (0, 0), (1, 0), (0, 2)))
    found = windows.taps(OnNumpy(), x, w)
    assert [index for index, _ in found] == list(np.ndindex(2, 3))
    for (i, j), tap in found:
        expected = np.stack([[surrounded[..., 2 * p + 2 * i, q + j] for q in range(w.out[1])] for p in range(w.out[0])])
        np.testing.assert_array_equal(tap, np.moveaxis(expected, (0, 1), (2, 3)))
