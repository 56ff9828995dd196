"""Arrays as Python text that gives the same bits back."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec._low_precision import is_floating_dtype

__all__ = ["array_text", "pair_of", "short"]

_WIDTH = 110
#: entries up to which an array is written with its rows nested
_NESTED = 24
#: digits of a unit
_DIGITS = 6


def array_text(x: NDArray[Any], *, units: bool = False) -> str:
    """`np.array(...)`, over several lines where it is long; units are rounded to six digits."""
    dtype = str(x.dtype)
    shown = "float32" if dtype == "bfloat16" else dtype  # NumPy itself has no bfloat16, and float32 holds it
    if x.size == 0:
        return f'np.zeros({x.shape}, dtype="{shown}")'
    flat = x.ravel()
    if x.size > 1 and all(_entry(v, units) == _entry(flat[0], units) for v in flat):
        return f'np.full({x.shape}, {_entry(flat[0], units)}, dtype="{shown}")'
    if x.size <= _NESTED:
        text = f'np.array({_nested(x, units)}, dtype="{shown}")'
        if len(text) <= _WIDTH:
            return text
    entries = textwrap.fill(", ".join(_entry(v, units) for v in flat), _WIDTH, break_on_hyphens=False)
    inner = textwrap.indent(entries, "    ")
    shape = f".reshape({x.shape})" if x.ndim != 1 else ""
    return f'np.array([\n{inner}\n], dtype="{shown}"){shape}'


def _nested(x: NDArray[Any], units: bool) -> str:
    if x.ndim == 0:
        return _entry(x[()], units)
    return "[" + ", ".join(_nested(np.asarray(part), units) for part in x) + "]"


def _entry(v: Any, units: bool) -> str:
    dtype = np.asarray(v).dtype
    if not is_floating_dtype(dtype):
        return repr(v.item())
    number = float(v)
    if not math.isfinite(number):
        return "np.nan" if math.isnan(number) else "np.inf" if number > 0 else "-np.inf"
    if units:
        return f"{number:.{_DIGITS}g}"
    short = str(np.asarray(v, np.float32)) if dtype.itemsize < 8 else repr(number)
    if dtype.itemsize < 8 and np.float32(float(short)) != np.float32(number):
        return repr(number)
    return short


def pair_of(value: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Extended precision as the sum of two arrays of float64."""
    with np.errstate(all="ignore"):
        high = value.astype(np.float64)
        rest = (value - high).astype(np.float64)
    return high, np.where(np.isfinite(high), rest, 0.0)


def short(x: Any) -> str:
    """One number for a comment."""
    return f"{float(x):.6g}"
