"""Checks shared by the families: each names the argument, its value and what was expected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec.operation import Array, Family

_REAL = (int, float)


def _dtype_of(x: Array) -> str:
    return str(x.dtype).removeprefix("torch.")


def _described(x: Any) -> str:
    return f"{type(x).__name__} of {_dtype_of(x)}" if hasattr(x, "dtype") else type(x).__name__


def floating(backend: Family, name: str, x: Array) -> None:
    """`x` is a floating array of the backend."""
    if not backend.is_floating(x):
        raise DTypeError(f"{name}: expected a floating array, got {_described(x)}; make one with asarray()")


def same_dtype(backend: Family, name: str, x: Array, other: str, y: Array) -> None:
    """`x` is a floating array of the dtype of `y`."""
    floating(backend, name, x)
    if x.dtype != y.dtype:
        raise DTypeError(f"{name}: expected the dtype of {other} ({_dtype_of(y)}), got {_dtype_of(x)}")


def statistics_dtype(backend: Family, name: str, x: Array, other: str, y: Array) -> None:
    """`x` has the dtype of `y`, or float32 where that is float16 or bfloat16: statistics add up."""
    if not backend.is_low(y):
        same_dtype(backend, name, x, other, y)
    elif not backend.is_wide(x):
        raise DTypeError(
            f"{name}: expected float32, since {other} is {_dtype_of(y)} and statistics add up, got {_dtype_of(x)}"
        )


def integer(backend: Family, name: str, x: Array) -> None:
    """`x` is an integer array of the backend."""
    if not backend.is_integer(x):
        raise DTypeError(f"{name}: expected an integer array, got {_described(x)}; make one with asarray()")


def shape(name: str, x: Array, expected: Sequence[int | str], why: str = "") -> None:
    """`x` has the shape `expected`; a string stands for any size and names the axis."""
    got = tuple(x.shape)
    if len(got) != len(expected) or any(isinstance(e, int) and g != e for g, e in zip(got, expected, strict=True)):
        wanted = ", ".join(map(str, expected)) + ("," if len(expected) == 1 else "")
        raise ShapeError(f"{name}: expected shape ({wanted}){f' {why}' if why else ''}, got {got}")


def rank(name: str, x: Array, low: int, high: int | None = None) -> None:
    """`x` has at least `low` and at most `high` axes."""
    if x.ndim < low or (high is not None and x.ndim > high):
        wanted = f"{low}" if low == high else f"at least {low}" if high is None else f"{low} to {high}"
        raise ShapeError(f"{name}: expected {wanted} axes, got shape {tuple(x.shape)}")


def axis(name: str, value: Any, ndim: int) -> int:
    """`value` is an axis of an array with `ndim` axes; returned as a non-negative integer."""
    if type(value) is not int or not -ndim <= value < ndim:
        raise ArgumentError(f"{name}: expected an integer in [{-ndim}, {ndim}), got {value!r}")
    return value % ndim


def axes(name: str, value: Any, ndim: int) -> tuple[int, ...]:
    """`value` is an axis or a tuple of distinct axes; returned non-negative, in the order given."""
    given = (value,) if isinstance(value, int) else value
    if not isinstance(given, (tuple, list)) or not given:
        raise ArgumentError(f"{name}: expected an axis or a tuple of axes, got {value!r}")
    found = tuple(axis(name, v, ndim) for v in given)
    if len(set(found)) != len(found):
        raise ArgumentError(f"{name}: expected distinct axes, got {value!r}")
    return found


def number(
    name: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    low_open: bool = False,
    high_open: bool = False,
) -> None:
    """`value` is a finite Python number in the interval from `low` to `high`."""
    inside = (
        type(value) in _REAL  # np.float64 is a float too, and would promote what it meets
        and -math.inf < value < math.inf
        and (low < value if low_open else low <= value)
        and (value < high if high_open else value <= high)
    )
    if inside:
        return
    lower = "" if low == -math.inf else f" {'>' if low_open else '>='} {low:g}"
    upper = "" if high == math.inf else f" {'<' if high_open else '<='} {high:g}"
    wanted = " and".join(part for part in (lower, upper) if part)
    raise ArgumentError(f"{name}: expected a finite number{wanted}, got {value!r}")


def scalar(backend: Family, name: str, value: Any, *, low: float = -math.inf) -> None:
    """`value` is a finite Python number >= `low`, or a floating array of rank 0 (a traced learning rate)."""
    if hasattr(value, "shape"):
        floating(backend, name, value)
        shape(name, value, ())
    else:
        number(name, value, low=low)


def count(name: str, value: Any, *, low: int = 0) -> None:
    """`value` is an integer >= `low`."""
    if type(value) is not int or value < low:
        raise ArgumentError(f"{name}: expected an integer >= {low}, got {value!r}")


def choice(name: str, value: Any, allowed: Sequence[Any]) -> None:
    """`value` is one of `allowed`."""
    if not any(type(value) is type(a) and value == a for a in allowed):
        raise ArgumentError(f"{name}: expected one of {', '.join(map(repr, allowed))}, got {value!r}")


def entries(name: str, value: Any, wanted: Sequence[str], expected: str) -> None:
    """`value` is a dictionary of just the entries `wanted`; `expected` says so in words."""
    if isinstance(value, dict) and set(value) == set(wanted):
        return
    got = ", ".join(sorted(map(str, value))) if isinstance(value, dict) else type(value).__name__
    raise ArgumentError(f"{name}: expected {expected}, got {got}")


def flag(name: str, value: Any) -> None:
    """`value` is True or False."""
    if not isinstance(value, bool):
        raise ArgumentError(f"{name}: expected True or False, got {value!r}")


def values_within(
    backend: Family,
    name: str,
    x: Array,
    low: float,
    high: float,
    *,
    low_open: bool = False,
    what: str = "values",
) -> None:
    """The values of `x` lie in [low, high], or (low, high]; looked at only where that costs nothing."""
    if 0 not in x.shape and backend.is_concrete(x):
        host_values_within(name, backend.to_numpy(x), low, high, low_open=low_open, what=what)


def host_values_within(
    name: str, host: Any, low: float, high: float, *, low_open: bool = False, what: str = "values"
) -> None:
    """The values of a NumPy array lie in [low, high], or (low, high]."""
    if host.size == 0:
        return
    # NaN passes, for it propagates; integers have none, and NumPy's faster loops
    least, most = (np.minimum, np.maximum) if host.dtype.kind in "iu" else (np.fmin, np.fmax)
    smallest, largest = least.reduce(host, axis=None), most.reduce(host, axis=None)
    below = smallest <= low if low_open else smallest < low
    if below or largest > high:
        interval = f"{'(' if low_open else '['}{_digits(low)}, {_digits(high)}{')' if high == math.inf else ']'}"
        worst = smallest if below else largest
        raise ArgumentError(f"{name}: expected {what} in {interval}, got {_digits(worst)}")


def _digits(value: Any) -> str:
    """A number for a message: integers in full, since a row of a large table is looked for by its number."""
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


def boolean(backend: Family, name: str, x: Array) -> None:
    """`x` is a boolean array of the backend."""
    if getattr(x, "dtype", None) != backend.xp.bool:
        raise DTypeError(f"{name}: expected a boolean array, got {_described(x)}; make one with asarray()")


def int32(backend: Family, name: str, x: Array) -> None:
    """`x` is an int32 array of the backend: words of random bits."""
    if not backend.is_integer(x) or x.dtype != backend.xp.int32:
        raise DTypeError(f"{name}: expected an int32 array, got {_described(x)}")


def key(backend: Family, name: str, x: Array) -> None:
    """`x` is a key of random numbers, as made by `Backend.key`."""
    int32(backend, name, x)
    shape(name, x, (2,), "(a key, as key(seed) makes it)")


def sizes(name: str, value: Any) -> None:
    """`value` is the shape of an array to be made: a tuple of integers >= 0."""
    if not isinstance(value, (tuple, list)) or not all(
        isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in value
    ):
        raise ArgumentError(f"{name}: expected a tuple of integers >= 0, got {value!r}")
