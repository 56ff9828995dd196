"""Inputs for pooling."""

from __future__ import annotations

from nnspec_conformance.case import Case
from nnspec_conformance.cases.pooling import adaptive, channels, norms, sliding

__all__ = ["CASES"]

CASES: list[Case] = [*sliding.CASES, *norms.CASES, *adaptive.CASES, *channels.CASES]
