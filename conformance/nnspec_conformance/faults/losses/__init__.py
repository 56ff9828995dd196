"""Planted faults of the family losses."""

from __future__ import annotations

from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults.losses import _classes, _elementwise, _rows

__all__ = ["FAULTS"]

FAULTS = Planted([*_elementwise.FAULTS, *_classes.FAULTS, *_rows.FAULTS])
