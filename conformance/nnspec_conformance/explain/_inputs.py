"""The inputs of a case in a few words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec._low_precision import is_floating_dtype, limits
from nnspec_conformance.case import Case

__all__ = ["described"]

#: entries of an integer array that are told one by one
_TOLD = 6


def described(case: Case, dtype: str, seed: int = 0) -> str:
    """Every input with shape, dtype, range, what is special about it and its layout; then options and derivation."""
    parts = [_input(n, x, case.inputs[n].layout) for n, x in case.arrays(dtype, seed).items()]
    options = {n: v for n, v in case.options.items() if n not in ("of_base", "base")}
    if options:
        parts.append(", ".join(f"{name}={value!r}" for name, value in options.items()))
    if case.cotangent_layout != "contiguous":
        parts.append(f"cotangents {case.cotangent_layout}")
    if case.derivation is not None:
        parts.append(f"derived from {case.derivation.base.id}")
    return "; ".join(parts) or "none"


def _input(name: str, x: NDArray[Any], layout: str) -> str:
    words = [f"{name} {x.dtype} {x.shape}", _range(x)]
    words += [layout] if layout != "contiguous" else []
    return " ".join(filter(None, words))


def _range(x: NDArray[Any]) -> str:
    if x.size == 0:
        return ""
    if not is_floating_dtype(x.dtype):
        if x.size <= _TOLD:
            return str(x.tolist())
        return f"{int(x.sum())} true" if x.dtype.kind == "b" else f"{x.min()} to {x.max()}"
    wide = x.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    with np.errstate(all="ignore"):
        subnormal = (finite != 0) & (abs(finite) < float(limits(x.dtype).smallest_normal))
    found = {
        "NaN": np.isnan(wide),
        "infinite": np.isinf(wide),
        "subnormal": subnormal,
        "0": finite == 0,
    }
    special = [f"{int(mask.sum())} {what}" for what, mask in found.items() if np.any(mask)]
    span = "" if finite.size == 0 else f"{finite.min():.4g} to {finite.max():.4g}" if x.size > 1 else f"{finite[0]:.6g}"
    return span + (f" ({', '.join(special)})" if special and x.size > 1 else "")
