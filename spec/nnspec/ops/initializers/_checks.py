"""Argument checks of the initializers, each with the signature of its operation."""

from __future__ import annotations

from nnspec import _validate as check
from nnspec.errors import ArgumentError, DTypeError
from nnspec.operation import Array
from nnspec.ops.initializers._drawing import FAR, Drawing

Shape = tuple[int, ...]

MODES = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS = ("truncated_normal", "normal", "uniform")


def _made(self: Drawing, shape: Shape, dtype: str | None, *, least: int = 0, axes: str = "") -> None:
    """`shape` is one of at least `least` axes, which messages call `axes`."""
    check.sizes("shape", shape)
    if dtype is not None and dtype not in self.dtypes:
        raise DTypeError(f"dtype: expected one of {', '.join(self.dtypes)}, got {dtype!r}")
    if len(shape) < least:
        raise ArgumentError(f"shape: expected at least {least} axes {axes}, got {shape!r}")


def _drawn(
    self: Drawing, key: Array, shape: Shape, dtype: str | None, *, least: int = 0, axes: str = "(out, in, ...)"
) -> None:
    check.key(self, "key", key)
    if not self.is_concrete(key):
        raise ArgumentError(
            "key: expected a key of known value, got a traced one; initializers draw on the host, so call "
            "them outside compiled code"
        )
    _made(self, shape, dtype, least=least, axes=axes)


def _groups(shape: Shape, groups: int) -> None:
    check.count("groups", groups, low=1)
    if shape[0] % groups:
        raise ArgumentError(f"groups: expected a divisor of the {shape[0]} output units, got {groups!r}")


def filled(self: Drawing, shape: Shape, *, dtype: str | None = None) -> None:
    _made(self, shape, dtype)


def constant(self: Drawing, shape: Shape, *, value: float, dtype: str | None = None) -> None:
    check.number("value", value)
    _made(self, shape, dtype)


def uniform(
    self: Drawing, key: Array, shape: Shape, *, low: float = -0.05, high: float = 0.05, dtype: str | None = None
) -> None:
    check.number("low", low)
    check.number("high", high, low=low, low_open=True)
    _drawn(self, key, shape, dtype)


def normal(
    self: Drawing, key: Array, shape: Shape, *, mean: float = 0.0, std: float = 0.05, dtype: str | None = None
) -> None:
    check.number("mean", mean)
    check.number("std", std, low=0)
    _drawn(self, key, shape, dtype)


def truncated_normal(
    self: Drawing,
    key: Array,
    shape: Shape,
    *,
    mean: float = 0.0,
    std: float = 0.05,
    low: float = -2.0,
    high: float = 2.0,
    dtype: str | None = None,
) -> None:
    check.number("mean", mean)
    check.number("std", std, low=0, low_open=True)
    check.number("low", low, low=-FAR, high=FAR)
    check.number("high", high, low=low, low_open=True, high=FAR)
    _drawn(self, key, shape, dtype)


def xavier(
    self: Drawing, key: Array, shape: Shape, *, scale: float = 1.0, groups: int = 1, dtype: str | None = None
) -> None:
    """Also of LeCun's, whose scale is the same."""
    check.number("scale", scale, low=0, low_open=True)
    _drawn(self, key, shape, dtype, least=2, axes="(out, in / groups, ...) to count fans")
    _groups(shape, groups)


def he(
    self: Drawing, key: Array, shape: Shape, *, scale: float = 2.0, groups: int = 1, dtype: str | None = None
) -> None:
    xavier(self, key, shape, scale=scale, groups=groups, dtype=dtype)


def variance_scaling(
    self: Drawing,
    key: Array,
    shape: Shape,
    *,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "truncated_normal",
    groups: int = 1,
    dtype: str | None = None,
) -> None:
    check.choice("mode", mode, MODES)
    check.choice("distribution", distribution, DISTRIBUTIONS)
    xavier(self, key, shape, scale=scale, groups=groups, dtype=dtype)


def orthogonal(self: Drawing, key: Array, shape: Shape, *, gain: float = 1.0, dtype: str | None = None) -> None:
    check.number("gain", gain)
    _drawn(self, key, shape, dtype, least=2)


def identity(self: Drawing, shape: Shape, *, gain: float = 1.0, dtype: str | None = None) -> None:
    check.number("gain", gain)
    _made(self, shape, dtype)
    if len(shape) != 2:
        raise ArgumentError(f"shape: expected 2 axes (out, in), got {shape!r}")


def dirac(self: Drawing, shape: Shape, *, groups: int = 1, dtype: str | None = None) -> None:
    _made(self, shape, dtype, least=3, axes="(out, in / groups, *field)")
    _groups(shape, groups)


def sparse(
    self: Drawing, key: Array, shape: Shape, *, nonzeros: int = 15, std: float = 1.0, dtype: str | None = None
) -> None:
    check.count("nonzeros", nonzeros, low=1)
    check.number("std", std, low=0, low_open=True)
    _drawn(self, key, shape, dtype, least=2)
