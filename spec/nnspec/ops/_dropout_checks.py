"""What every operation that drops elements asks of its options."""

from __future__ import annotations

from nnspec import _validate as check
from nnspec.errors import ArgumentError
from nnspec.operation import Array, Family

__all__ = ["sampled"]


def sampled(
    self: Family,
    shape: tuple[int, ...],
    why: str,
    rate: float,
    key: Array | None,
    mask: Array | None,
    site: int,
    training: bool,
    *,
    below_one: bool = False,
    prefix: str = "",
) -> None:
    """The mask has the given shape; `prefix` is what the operation calls its key and mask with before their names."""
    check.number("rate", rate, low=0, high=1, high_open=below_one)
    check.count("site", site)
    if site >= 1 << 32:
        raise ArgumentError(f"site: expected an integer < 2**32, got {site!r}")
    check.flag("training", training)
    if key is not None:
        check.key(self, f"{prefix}key", key)
    if mask is not None:
        check.boolean(self, f"{prefix}mask", mask)
        check.shape(f"{prefix}mask", mask, shape, why)
    if training and rate > 0 and (key is None) == (mask is None):
        given = "neither" if key is None else "both"
        raise ArgumentError(f"{prefix}key, {prefix}mask: expected one of the two in training, got {given}")
