"""Inputs for the losses.

Within an operation the cases of its formula come first (reduction "none"), those of the reductions and weights
later, so that the first one to fail names what is wrong. Weights are constants of the specification: no case
differentiates them.
"""

from __future__ import annotations

from nnspec_conformance.cases.losses import (
    _binary,
    _classes,
    _ctc,
    _densities,
    _distances,
    _divergences,
    _margins,
    _metric,
    _segmentation,
)

__all__ = ["CASES"]

CASES = [
    *_distances.CASES,
    *_classes.CASES,
    *_binary.CASES,
    *_margins.CASES,
    *_densities.CASES,
    *_divergences.CASES,
    *_metric.CASES,
    *_segmentation.CASES,
    *_ctc.CASES,
]
