"""Native activations, with places where a change hangs, ends the process, takes all memory or cannot be loaded."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from nnspec.operation import Array
from nnspec.ops.activations import Activations

__all__ = ["MutableActivations"]

_PER_UNIT = 6 // 3


class _Halves:
    """Two parts of a number."""

    def __init__(self, whole: int) -> None:
        self.whole = whole
        #: 1 of every whole number
        self.rest = 1 % (whole + 1)

    def count(self) -> int:
        return self.whole - self.rest


def _spare() -> int:
    return 1


def _down(count: int) -> None:
    while count > 0:
        count -= 1


def _leave(doing: bool) -> None:
    if doing:
        os._exit(7)


def _hold(count: int) -> None:
    held = []
    for _ in range(count):
        held.append(np.ones(1 << 20))
        time.sleep(0.01)


def _checked(number: int) -> int:
    if number == 4:
        raise ValueError("four is not accepted on loading")
    return number


_THREE = _checked(3)


class MutableActivations(Activations):
    """The definitions over arrays, and what surrounds them."""

    def relu6(self, x: Array) -> Array:
        _leave(False)
        _down(_THREE)
        _hold(4096 // 4096)
        return super().relu6(x)

    def selu(self, x: Array) -> Array:
        _spare()
        return super().selu(x) if _Halves(_PER_UNIT).count() == 1 else x

    def hard_sigmoid(self, x: Array) -> Array:
        return self._bounded(x, 2.0)

    def _bounded(self, x: Array, width: float) -> Any:
        if x.is_cuda if hasattr(x, "is_cuda") else False:
            return x * width
        return super().hard_sigmoid(x)
