"""What the cases of several losses share."""

from __future__ import annotations

import math

from nnspec_conformance.case import Source, values

__all__ = ["INF", "NAN", "NONE", "SUM", "WEIGHTS", "signs", "with_holes"]

INF, NAN = math.inf, math.nan
NONE = {"reduction": "none"}
SUM = {"reduction": "sum"}
#: of a (2, 3) array; `with_holes` has nothing that is a number where these are 0
WEIGHTS = values([[0.5, 0.0, 2.0], [0.0, 3.0, 0.0]])


def with_holes(*numbers: float) -> Source:
    """Three numbers where WEIGHTS is not 0; NaN and infinities of both signs where it is."""
    a, b, c = numbers
    return values([[a, NAN, b], [INF, c, -INF]])


def signs(*shape: int) -> Source:
    """Labels -1 and 1."""
    return Source(lambda generator: 2.0 * generator.integers(0, 2, shape) - 1.0, floating=True)
