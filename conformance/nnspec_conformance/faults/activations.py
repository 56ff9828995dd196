"""Planted faults of the family activations."""

from __future__ import annotations

from nnspec_conformance.faults._fault import Planted

__all__ = ["FAULTS"]

FAULTS = Planted()

FAULTS.edit("RELU-2", "wrong kink", "half-at-zero", "x <= 0", "x < 0")
