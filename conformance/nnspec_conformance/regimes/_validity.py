"""Whether a derived case is one: the definition accepts it, and has something to say of it."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from nnspec.errors import NnspecError
from nnspec.plugins import get_backend
from nnspec.reference import Analysis, Expected
from nnspec_conformance.case import Case
from nnspec_conformance.layouts import LAYOUTS, Layout
from nnspec_conformance.references import analysis

__all__ = ["rejection"]

#: seconds of one call, above which a case is left out
_SLOW = 0.01


def rejection(case: Case) -> str:
    """Why the trunk or the reference has no use for a derived case; "" if it is valid."""
    try:
        if _seconds(case) > _SLOW and _seconds(case) > _SLOW:  # the second time nothing has to be imported
            return "it takes too long"
        found = analysis(case.source, case.dtypes[0], 0)
    except NnspecError as error:
        return f"{type(error).__name__}: {error}"
    except Exception as error:
        return f"raises {type(error).__name__}: {error}"
    return _uselessness(case, found)


def _seconds(case: Case) -> float:
    """How long the call takes on NumPy; the reference, which carries its rounding along, takes a hundred times that."""
    backend, dtype = get_backend("numpy", dtype=case.dtypes[0]), case.dtypes[0]
    arrays = {n: backend.asarray(x, dtype=str(x.dtype)) for n, x in case.arrays(dtype).items()}
    started = time.perf_counter()
    with np.errstate(all="ignore"):
        case.run(backend, **arrays)
    return time.perf_counter() - started


def _uselessness(case: Case, found: Analysis) -> str:
    """Why nothing could go wrong in the results, or no result is right."""
    arrays = [*found.values, *found.gradients.values()]
    floating = [a for a in arrays if a.value.dtype.kind == "f"]
    assert case.derivation is not None
    change, base = case.derivation.change, case.derivation.base
    if not all(map(_is_defined, floating)) and "special@" not in change and not base.sharp:
        return "its reference is not finite"
    if '"masked"' in change and not all(map(_is_defined, floating)):
        return "what is left out shows"
    if not any(_is_laid_out(c, case.cotangent_layout) for c in found.cotangents):
        return "no result has the axes for it"
    if any(0 in x.shape for x in case.arrays(case.dtypes[0]).values()):
        return ""
    if not any(a.value.size and np.any(a.value != 0) for a in arrays):
        return "every result is 0"
    if floating and all(map(_is_excused, floating)):
        return "every result leaves the range of the dtype"
    return ""


def _is_laid_out(cotangent: Any, layout: Layout) -> bool:
    if layout == "contiguous":
        return True
    return cotangent is not None and cotangent.ndim >= LAYOUTS[layout] and cotangent.size > 1


def _is_defined(a: Expected) -> bool:
    return bool(np.all(np.isfinite(a.value)))


def _is_excused(a: Expected) -> bool:
    if a.escaped is None or not math.prod(a.value.shape):
        return False
    return bool(np.all(a.escaped))
