"""Reverse-mode differentiation over NumPy-like arrays, for the reference and for the NumPy backend."""

from nnspec.tape import namespace
from nnspec.tape.engine import Tensor, kernel, primitive, pullback, raw

__all__ = ["Tensor", "kernel", "namespace", "primitive", "pullback", "raw"]
