"""Planted faults of the family linear."""

from __future__ import annotations

from nnspec_conformance.faults._fault import Planted

__all__ = ["FAULTS"]

FAULTS = Planted()
