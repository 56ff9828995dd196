"""The check that most activations share."""

from __future__ import annotations

from nnspec import _validate as check
from nnspec.operation import Array, Family

__all__ = ["only_x"]


def only_x(self: Family, x: Array) -> None:
    """`x` is a floating array; there are no other arguments."""
    check.floating(self, "x", x)
