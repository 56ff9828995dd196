"""Whether a derived case is one: the definition accepts it, and has something to say of it."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from nnspec._low_precision import is_floating_dtype
from nnspec.errors import NnspecError
from nnspec.plugins import get_backend
from nnspec.reference import Analysis, Expected, Reference
from nnspec_conformance.case import Case
from nnspec_conformance.context import Context
from nnspec_conformance.layouts import LAYOUTS, Layout
from nnspec_conformance.references import analysis
from nnspec_conformance.vacuous import meant, vacuous

__all__ = ["rejection"]

#: the size of one rounding, as a part of the largest result, that leaves nothing to be judged
_ALL_OF_IT = 0.5

#: seconds of one call, above which a case is left out
_SLOW = 0.01
#: the same of its reference
_SLOW_REFERENCE = 0.12


def rejection(case: Case) -> str:
    """Why the trunk or the reference has no use for a derived case; "" if it is valid."""
    try:
        if _seconds(case) > _SLOW and _seconds(case) > _SLOW:  # the second time nothing has to be imported
            return "it takes too long"
        started = time.process_time()
        found = analysis(case.source, case.dtypes[0], 0)
        slow = time.process_time() > started + _SLOW_REFERENCE
    except NnspecError as error:
        return f"{type(error).__name__}: {error}"
    except Exception as error:
        return f"raises {type(error).__name__}: {error}"
    return "its reference takes too long" if slow and case.source is case else _uselessness(case, found)


def _seconds(case: Case) -> float:
    """How long the definition takes at extended precision; carrying its rounding along takes a hundred times that."""
    arrays = case.arrays(case.dtypes[0])
    wide = {n: x.astype(np.longdouble) if is_floating_dtype(x.dtype) else x for n, x in arrays.items()}
    started = time.process_time()
    with np.errstate(all="ignore"):
        case.run(Reference(), **wide)
    return time.process_time() - started


def _uselessness(case: Case, found: Analysis) -> str:
    """Why nothing could go wrong in the results, or no result is right."""
    arrays = [*found.values, *found.gradients.values()]
    floating = [a for a in arrays if a.value.dtype.kind == "f"]
    assert case.derivation is not None
    change, base = case.derivation.change, case.derivation.base
    if not all(map(_is_defined, floating)) and "special@" not in change and not base.sharp:
        return "its reference is not finite"
    if "infinity," in change and any(np.any(np.isnan(a.value)) for a in floating):
        return "what becomes of an infinity is left open: the definition gives NaN"
    values = [a for a in found.values if a.value.dtype.kind == "f" and a.value.size]
    if not all(map(_has_units, floating)) or (values and all(map(_is_rounding, values))):
        return "rounding leaves nothing of its result"
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
    context = Context(get_backend("numpy", dtype=case.dtypes[0]), case, case.dtypes[0])
    told = (vacuous(context, check) for check in case.checks if meant(case, case.dtypes[0]) is None)
    return next((why for why in told if why is not None), "")


def _is_laid_out(cotangent: Any, layout: Layout) -> bool:
    if layout == "contiguous":
        return True
    return cotangent is not None and cotangent.ndim >= LAYOUTS[layout] and cotangent.size > 1


def _is_defined(a: Expected) -> bool:
    return bool(np.all(np.isfinite(a.value)))


def _has_units(a: Expected) -> bool:
    """Whether the size of one rounding is known wherever the result is finite."""
    return a.unit is None or bool(np.all(np.isfinite(a.unit) | ~np.isfinite(a.value)))


def _is_rounding(a: Expected) -> bool:
    """Whether one rounding is somewhere as large as the largest result."""
    if a.unit is None:
        return False
    size = np.max(np.abs(a.value), initial=0.0, where=np.isfinite(a.value))
    return bool(np.any(a.unit[np.isfinite(a.value)] > _ALL_OF_IT * size + np.finfo(np.float32).smallest_normal))


def _is_excused(a: Expected) -> bool:
    if a.escaped is None or not math.prod(a.value.shape):
        return False
    return bool(np.all(a.escaped))
