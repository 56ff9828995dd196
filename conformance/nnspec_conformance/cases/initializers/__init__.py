"""Inputs for initializers: equal to the reference to the bit, distributed as promised, fit for their use."""

from __future__ import annotations

from nnspec_conformance.cases.initializers import _constants, _draws, _errors, _fans, _matrices

__all__ = ["CASES"]

CASES = [*_constants.CASES, *_draws.CASES, *_fans.CASES, *_matrices.CASES, *_errors.CASES]
