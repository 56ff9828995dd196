"""Inputs for dropout."""

from __future__ import annotations
from nnspec_conformance.case import Case

__all__ = ["CASES"]
CASES: list[Case] = []
