"""Inputs for attention.

Within an operation the cases of its formula come first, those of single options later, so that the first one to fail
names what is wrong. Sizes are small and shared: what differs from case to case is what stands in the arrays.
"""

from __future__ import annotations

from nnspec_conformance.cases.attention import _dot_product, _errors, _laws, _long, _multi_head

__all__ = ["CASES"]

CASES = [*_dot_product.CASES, *_laws.CASES, *_long.CASES, *_multi_head.CASES, *_errors.CASES]
