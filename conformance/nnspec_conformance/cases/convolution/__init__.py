"""Inputs for convolution."""

from __future__ import annotations

from nnspec_conformance.case import Case
from nnspec_conformance.cases.convolution import _composed, _conv, _transpose

__all__ = ["CASES"]

CASES: list[Case] = [*_conv.CASES, *_transpose.CASES, *_composed.CASES]
