"""Planted faults of the family activations."""

from __future__ import annotations

from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults.activations._gates import FAULTS as GATES
from nnspec_conformance.faults.activations._piecewise_linear import FAULTS as PIECEWISE_LINEAR
from nnspec_conformance.faults.activations._smooth import FAULTS as SMOOTH
from nnspec_conformance.faults.activations._softmax import FAULTS as SOFTMAX

__all__ = ["FAULTS"]

FAULTS = Planted([*PIECEWISE_LINEAR, *SMOOTH, *GATES, *SOFTMAX])
