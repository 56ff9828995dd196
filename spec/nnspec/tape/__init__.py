"""Reverse-mode differentiation over NumPy-like arrays, for the reference and for the NumPy backend."""

from nnspec.tape import namespace
from nnspec.tape.engine import Tensor, cast, kernel, primitive, pullback, raw

__all__ = ["Tensor", "cast", "kernel", "namespace", "primitive", "pullback", "raw"]
