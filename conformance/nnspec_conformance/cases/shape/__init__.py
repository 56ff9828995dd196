"""Inputs for rearrangements, padding, resampling, columns of windows and one-hot codes."""

from __future__ import annotations

from nnspec_conformance.case import Case
from nnspec_conformance.cases.shape import _columns, _flatten, _one_hot, _pad, _upsample

__all__ = ["CASES"]

CASES: list[Case] = [*_flatten.CASES, *_pad.CASES, *_upsample.CASES, *_columns.CASES, *_one_hot.CASES]
