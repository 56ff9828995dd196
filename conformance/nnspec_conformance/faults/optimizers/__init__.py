"""Planted faults of the family optimizers."""

from __future__ import annotations

from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults.optimizers import _around, _init, _matrices, _moments, _steps

__all__ = ["FAULTS"]

FAULTS = Planted([*_init.FAULTS, *_steps.FAULTS, *_moments.FAULTS, *_matrices.FAULTS, *_around.FAULTS])
