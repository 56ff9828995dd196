"""Inputs for the activations."""

from __future__ import annotations

from nnspec_conformance.cases.activations import (
    _gates,
    _piecewise_linear,
    _sigmoids,
    _smooth_rectifiers,
    _softmax,
)

__all__ = ["CASES"]

CASES = [
    *_piecewise_linear.CASES,
    *_smooth_rectifiers.CASES,
    *_sigmoids.CASES,
    *_gates.CASES,
    *_softmax.CASES,
]
