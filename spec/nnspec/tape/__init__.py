"""Reverse-mode differentiation over NumPy-like arrays: the reference runs it at extended precision, the NumPy backend at its own."""

from nnspec.tape import namespace
from nnspec.tape.engine import Tensor, kernel, primitive, pullback, raw

__all__ = ["Tensor", "kernel", "namespace", "primitive", "pullback", "raw"]
