"""Special functions, from SciPy; imported when first called, since it takes longer than NumPy itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec.tape import primitive

__all__ = ["erf"]

_TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)


def _erf(x: Any) -> Any:
    from scipy import special

    return special.erf(x)


erf = primitive(_erf, lambda g, out, x: g * (_TWO_OVER_SQRT_PI * np.exp(-(x * x))))
