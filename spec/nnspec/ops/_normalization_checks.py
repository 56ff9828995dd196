"""What the normalizations accept."""

from __future__ import annotations

from nnspec import _validate as check
from nnspec import _windows as windows
from nnspec.errors import ArgumentError
from nnspec.operation import Array, Family

__all__ = [
    "batch_norm",
    "group_norm",
    "instance_norm",
    "l2_normalize",
    "layer_norm",
    "local_response_norm",
    "rms_norm",
    "spectral_norm",
    "weight_norm",
]


def _of_normalized(self: Family, x: Array, axis: int | tuple[int, ...], **parameters: Array | None) -> None:
    """Each parameter has the shape of the normalized axes of `x`, or is None."""
    expected = tuple(x.shape[a] for a in sorted(check.axes("axis", axis, x.ndim)))
    for name, array in parameters.items():
        if array is not None:
            check.same_dtype(self, name, array, "x", x)
            check.shape(name, array, expected, "(the normalized axes of x)")


def _of_channels(self: Family, x: Array, **parameters: Array | None) -> None:
    """Each parameter has one entry a channel of `x`, which are on axis 1, or is None."""
    for name, array in parameters.items():
        if array is not None:
            check.same_dtype(self, name, array, "x", x)
            check.shape(name, array, (x.shape[1],), "(the channels of x)")


def batch_norm(
    self: Family,
    x: Array,
    running_mean: Array,
    running_var: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    training: bool,
    decay: float = 0.9,
    eps: float = 1e-5,
    axis: int = 1,
) -> None:
    check.floating(self, "x", x)
    check.rank("x", x, 1)
    channels = (x.shape[check.axis("axis", axis, x.ndim)],)
    running = (("running_mean", running_mean), ("running_var", running_var))
    affine = [(name, p) for name, p in (("weight", weight), ("bias", bias)) if p is not None]
    for name, array in running:
        check.statistics_dtype(self, name, array, "x", x)
    for name, array in affine:
        check.same_dtype(self, name, array, "x", x)
    for name, array in (*running, *affine):
        check.shape(name, array, channels, "(the channels of x)")
    check.flag("training", training)
    check.number("decay", decay, low=0, high=1)
    check.number("eps", eps, low=0, low_open=True)


def layer_norm(
    self: Family,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    axis: int | tuple[int, ...] = -1,
    eps: float = 1e-5,
) -> None:
    check.floating(self, "x", x)
    check.rank("x", x, 1)
    _of_normalized(self, x, axis, weight=weight, bias=bias)
    check.number("eps", eps, low=0, low_open=True)


def group_norm(
    self: Family,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    groups: int,
    eps: float = 1e-5,
) -> None:
    check.floating(self, "x", x)
    check.rank("x", x, 2)
    check.count("groups", groups, low=1)
    if x.shape[1] % groups:
        raise ArgumentError(f"groups: expected a divisor of the {x.shape[1]} channels of x, got {groups}")
    _of_channels(self, x, weight=weight, bias=bias)
    check.number("eps", eps, low=0, low_open=True)


def instance_norm(
    self: Family, x: Array, weight: Array | None = None, bias: Array | None = None, *, eps: float = 1e-5
) -> None:
    check.floating(self, "x", x)
    check.rank("x", x, 3)
    _of_channels(self, x, weight=weight, bias=bias)
    check.number("eps", eps, low=0, low_open=True)


def rms_norm(
    self: Family,
    x: Array,
    weight: Array | None = None,
    *,
    axis: int | tuple[int, ...] = -1,
    eps: float = 1e-5,
) -> None:
    check.floating(self, "x", x)
    check.rank("x", x, 1)
    _of_normalized(self, x, axis, weight=weight)
    check.number("eps", eps, low=0, low_open=True)


def local_response_norm(
    self: Family, x: Array, *, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> None:
    windows.require_images(self, x)
    check.count("size", size, low=1)
    check.number("alpha", alpha, low=0)
    check.number("beta", beta, low=0)
    check.number("k", k, low=0, low_open=True)


def weight_norm(self: Family, v: Array, g: Array, *, axis: int = 0) -> None:
    check.floating(self, "v", v)
    check.rank("v", v, 2)
    units = v.shape[check.axis("axis", axis, v.ndim)]
    check.same_dtype(self, "g", g, "v", v)
    check.shape("g", g, (units,), f"(axis {axis} of v)")


def spectral_norm(self: Family, weight: Array, u: Array, *, n_power_iterations: int = 1, eps: float = 1e-12) -> None:
    check.floating(self, "weight", weight)
    check.rank("weight", weight, 2)
    check.same_dtype(self, "u", u, "weight", weight)
    check.shape("u", u, (weight.shape[0],), "(axis 0 of weight)")
    check.count("n_power_iterations", n_power_iterations)
    check.number("eps", eps, low=0, low_open=True)


def l2_normalize(self: Family, x: Array, *, axis: int | tuple[int, ...] = -1, eps: float = 1e-12) -> None:
    check.floating(self, "x", x)
    check.rank("x", x, 1)
    check.axes("axis", axis, x.ndim)
    check.number("eps", eps, low=0, low_open=True)
