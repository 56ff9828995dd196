"""Each shared check: what it lets through, and words that name argument, value and expectation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnspec import ArgumentError, DTypeError, Family, ShapeError
from nnspec import _validate as check


class _Host(Family):
    """NumPy arrays, of which only those that are no views may be looked at."""

    def is_floating(self, x: Any) -> bool:
        return isinstance(x, np.ndarray) and x.dtype.kind == "f"

    def is_integer(self, x: Any) -> bool:
        return isinstance(x, np.ndarray) and x.dtype.kind in "iu"

    def is_concrete(self, x: Any) -> bool:
        return x.base is None

    def to_numpy(self, x: Any) -> Any:
        return x


HOST = _Host()
F32, F64 = np.ones((2, 3), np.float32), np.ones((2, 3), np.float64)
INDEX = np.asarray([0, 4, 2])
MADE = "make one with asarray()"

REFUSED = {
    "floating: integers": (
        lambda: check.floating(HOST, "x", INDEX),
        DTypeError,
        f"x: expected a floating array, got ndarray of int64; {MADE}",
    ),
    "floating: list": (
        lambda: check.floating(HOST, "x", [1.0]),
        DTypeError,
        f"x: expected a floating array, got list; {MADE}",
    ),
    "same_dtype: other width": (
        lambda: check.same_dtype(HOST, "weight", F64, "x", F32),
        DTypeError,
        "weight: expected the dtype of x (float32), got float64",
    ),
    "same_dtype: no array": (
        lambda: check.same_dtype(HOST, "weight", None, "x", F32),
        DTypeError,
        f"weight: expected a floating array, got NoneType; {MADE}",
    ),
    "integer: floating": (
        lambda: check.integer(HOST, "target", F32),
        DTypeError,
        f"target: expected an integer array, got ndarray of float32; {MADE}",
    ),
    "shape: size": (
        lambda: check.shape("bias", F32, (2, 4), "(the channels of x)"),
        ShapeError,
        "bias: expected shape (2, 4) (the channels of x), got (2, 3)",
    ),
    "shape: rank": (
        lambda: check.shape("bias", F32, ("channels",)),
        ShapeError,
        "bias: expected shape (channels,), got (2, 3)",
    ),
    "shape: scalar": (lambda: check.shape("lr", F32, ()), ShapeError, "lr: expected shape (), got (2, 3)"),
    "rank: exactly": (
        lambda: check.rank("weight", F32, 1, 1),
        ShapeError,
        "weight: expected 1 axes, got shape (2, 3)",
    ),
    "rank: at least": (
        lambda: check.rank("x", F32, 3),
        ShapeError,
        "x: expected at least 3 axes, got shape (2, 3)",
    ),
    "rank: at most": (
        lambda: check.rank("x", np.ones((1,) * 6), 3, 5),
        ShapeError,
        "x: expected 3 to 5 axes, got shape (1, 1, 1, 1, 1, 1)",
    ),
    "axis: too large": (
        lambda: check.axis("axis", 2, 2),
        ArgumentError,
        "axis: expected an integer in [-2, 2), got 2",
    ),
    "axis: too small": (
        lambda: check.axis("axis", -3, 2),
        ArgumentError,
        "axis: expected an integer in [-2, 2), got -3",
    ),
    "axis: truth value": (
        lambda: check.axis("axis", True, 2),
        ArgumentError,
        "axis: expected an integer in [-2, 2), got True",
    ),
    "axis: fraction": (
        lambda: check.axis("axis", 1.0, 2),
        ArgumentError,
        "axis: expected an integer in [-2, 2), got 1.0",
    ),
    "axes: repeated": (
        lambda: check.axes("axis", (1, -1), 2),
        ArgumentError,
        "axis: expected distinct axes, got (1, -1)",
    ),
    "axes: none": (
        lambda: check.axes("axis", (), 2),
        ArgumentError,
        "axis: expected an axis or a tuple of axes, got ()",
    ),
    "axes: text": (
        lambda: check.axes("axis", "0", 2),
        ArgumentError,
        "axis: expected an axis or a tuple of axes, got '0'",
    ),
    "axes: one outside": (
        lambda: check.axes("axis", (0, 5), 2),
        ArgumentError,
        "axis: expected an integer in [-2, 2), got 5",
    ),
    "number: NaN": (
        lambda: check.number("eps", math.nan),
        ArgumentError,
        "eps: expected a finite number, got nan",
    ),
    "number: infinite": (
        lambda: check.number("eps", math.inf, low=0),
        ArgumentError,
        "eps: expected a finite number >= 0, got inf",
    ),
    "number: open bound": (
        lambda: check.number("eps", 0.0, low=0, low_open=True),
        ArgumentError,
        "eps: expected a finite number > 0, got 0.0",
    ),
    "number: interval": (
        lambda: check.number("rate", 1.0, low=0, high=1, high_open=True),
        ArgumentError,
        "rate: expected a finite number >= 0 and < 1, got 1.0",
    ),
    "number: above": (
        lambda: check.number("rate", 1.5, high=1),
        ArgumentError,
        "rate: expected a finite number <= 1, got 1.5",
    ),
    "number: truth value": (
        lambda: check.number("eps", True),
        ArgumentError,
        "eps: expected a finite number, got True",
    ),
    "number: text": (
        lambda: check.number("eps", "1e-5"),
        ArgumentError,
        "eps: expected a finite number, got '1e-5'",
    ),
    "number: None": (
        lambda: check.number("eps", None, low=0),
        ArgumentError,
        "eps: expected a finite number >= 0, got None",
    ),
    "scalar: number": (
        lambda: check.scalar(HOST, "learning_rate", -1.0, low=0),
        ArgumentError,
        "learning_rate: expected a finite number >= 0, got -1.0",
    ),
    "scalar: shape": (
        lambda: check.scalar(HOST, "learning_rate", F32),
        ShapeError,
        "learning_rate: expected shape (), got (2, 3)",
    ),
    "scalar: dtype": (
        lambda: check.scalar(HOST, "learning_rate", np.asarray(1)),
        DTypeError,
        f"learning_rate: expected a floating array, got ndarray of int64; {MADE}",
    ),
    "count: negative": (
        lambda: check.count("padding", -1),
        ArgumentError,
        "padding: expected an integer >= 0, got -1",
    ),
    "count: zero": (
        lambda: check.count("stride", 0, low=1),
        ArgumentError,
        "stride: expected an integer >= 1, got 0",
    ),
    "count: fraction": (
        lambda: check.count("stride", 2.0, low=1),
        ArgumentError,
        "stride: expected an integer >= 1, got 2.0",
    ),
    "count: truth value": (
        lambda: check.count("stride", True, low=1),
        ArgumentError,
        "stride: expected an integer >= 1, got True",
    ),
    "choice: other": (
        lambda: check.choice("reduction", "avg", ("none", "sum", "mean")),
        ArgumentError,
        "reduction: expected one of 'none', 'sum', 'mean', got 'avg'",
    ),
    "choice: other type": (
        lambda: check.choice("ord", True, (1, 2)),
        ArgumentError,
        "ord: expected one of 1, 2, got True",
    ),
    "flag: number": (
        lambda: check.flag("training", 1),
        ArgumentError,
        "training: expected True or False, got 1",
    ),
    "values_within: above": (
        lambda: check.values_within(HOST, "target", INDEX, 0, 3, what="labels"),
        ArgumentError,
        "target: expected labels in [0, 3], got 4",
    ),
    "values_within: below": (
        lambda: check.values_within(HOST, "target", INDEX - 1, 0, 9),
        ArgumentError,
        "target: expected values in [0, 9], got -1",
    ),
    "values_within: at an open bound": (
        lambda: check.values_within(HOST, "target", F32 - 2, -1, math.inf, low_open=True),
        ArgumentError,
        "target: expected values in (-1, inf), got -1",
    ),
}


@pytest.mark.parametrize(("call", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert str(caught.value) == words


ACCEPTED: dict[str, Callable[[], None]] = {
    "floating": lambda: check.floating(HOST, "x", F32),
    "same_dtype": lambda: check.same_dtype(HOST, "weight", F64, "x", F64[0]),
    "integer": lambda: check.integer(HOST, "i", INDEX),
    "integer, narrow": lambda: check.integer(HOST, "i", INDEX.astype("u1")),
    "shape": lambda: check.shape("x", F32, (2, 3)),
    "shape, named": lambda: check.shape("x", F32, ("batch", 3)),
    "rank, at least": lambda: check.rank("x", F32, 2),
    "rank, at most": lambda: check.rank("x", F32, 1, 2),
    "number, lowest": lambda: check.number("p", 0, low=0, high=1),
    "number, highest": lambda: check.number("p", 1.0, low=0, high=1),
    "number, huge": lambda: check.number("p", -1e300),
    "number, tiny": lambda: check.number("p", 5e-324, low=0, low_open=True),
    "scalar, number": lambda: check.scalar(HOST, "lr", 0.0, low=0),
    "scalar, array": lambda: check.scalar(HOST, "lr", np.asarray(0.1), low=0),
    "count": lambda: check.count("n", 7, low=7),
    "choice, number": lambda: check.choice("ord", 2, (2, "inf")),
    "choice, text": lambda: check.choice("ord", "inf", (2, "inf")),
    "flag": lambda: check.flag("training", False),
    "values_within, at its bounds": lambda: check.values_within(HOST, "t", INDEX, 0, 4),
    "values_within, empty": lambda: check.values_within(HOST, "t", INDEX[:0], 5, 6),
    "values_within, NaN propagates": lambda: check.values_within(HOST, "t", F32 * np.nan, 0, 1),
    "values_within, not to be looked at": lambda: check.values_within(HOST, "t", INDEX[:2], 5, 6),
}


@pytest.mark.parametrize("call", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(call: Callable[[], None]) -> None:
    call()


def test_axes_come_back_non_negative() -> None:
    assert [check.axis("axis", v, 3) for v in (-3, -1, 0, 2)] == [0, 2, 0, 2]
    assert check.axes("axis", (-1, 0), 3) == (2, 0)
    assert check.axes("axis", [1], 3) == check.axes("axis", -2, 3) == (1,)
