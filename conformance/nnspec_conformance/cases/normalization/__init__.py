"""Inputs for the normalizations."""

from __future__ import annotations

from nnspec_conformance.case import Case
from nnspec_conformance.cases.normalization import (
    batch_norm,
    channels,
    layer_norm,
    local_response_norm,
    norms,
    weights,
)

__all__ = ["CASES"]

CASES: list[Case] = [
    *batch_norm.CASES,
    *layer_norm.CASES,
    *channels.CASES,
    *norms.CASES,
    *local_response_norm.CASES,
    *weights.CASES,
]
