"""Inputs for the losses.

Within an operation the cases of its formula come first (reduction "none"), those of the reductions and weights
later, so that the first one to fail names what is wrong. Weights are constants of the specification: no case
differentiates them.
"""

from __future__ import annotations

from nnspec_conformance.cases.losses import _binary, _classes, _distances

__all__ = ["CASES"]

CASES = [*_distances.CASES, *_classes.CASES, *_binary.CASES]
