"""Shrinking: greedy changes of a failing case, each judged by the reference anew, until none is left or time is up."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec import Backend
from nnspec._low_precision import is_floating_dtype
from nnspec_conformance.explain._trial import Candidate, Tried
from nnspec_conformance.regimes._corpus import options_seen

__all__ = ["shrunk"]

#: the simplest first
_DTYPES = ("float32", "float64", "float16", "bfloat16")
#: options that are sizes of an input's axis
_SIZES = ("num_classes", "dim", "num")
#: entries of an input that are changed one by one
_ONE_BY_ONE = 32
#: entries of all inputs above which their digits are not compared
_COUNTED = 5000

Array = NDArray[Any]
Move = Callable[[Tried], Iterator[Candidate]]


def shrunk(start: Tried, fails_alike: Callable[[Candidate], Tried | None], until: float, offers: Any) -> Tried:
    """The smallest case found that fails alike.

    Args:
        start: the failing case.
        fails_alike: judges a candidate.
        until: when to stop, of time.monotonic.
        offers: whether the backend has a dtype.
    """
    best, changed = start, True
    moves: tuple[Move, ...] = (_lengths, _shapes, _options, _inputs, _layouts, _derivatives, _axes, _values)
    moves = (*moves, lambda tried: _dtypes(tried, offers))
    while changed:
        changed = False
        for move in moves:
            while (found := _first(move(best), best, fails_alike, until)) is not None:
                best, changed = found, True
            if time.monotonic() > until:
                return best
    return best


def _first(
    candidates: Iterator[Candidate], best: Tried, fails_alike: Callable[[Candidate], Tried | None], until: float
) -> Tried | None:
    size = _size(best.candidate)
    for candidate in candidates:
        if time.monotonic() > until:
            return None
        if _size(candidate) < size and (found := fails_alike(candidate)) is not None:
            return found
    return None


def _size(c: Candidate) -> tuple[Any, ...]:
    """What is compared: fewer entries before fewer words before fewer digits."""
    shape = _shape(c)
    entries = sum(x.size for x in c.arrays.values()) + (math.prod(shape) if shape else 0)
    digits = 0 if entries > _COUNTED else sum(len(str(v)) for x in c.arrays.values() for v in x.ravel().tolist())
    layouts = len(c.layouts) + (c.cotangent_layout != "contiguous")
    plain = c.case.program is None
    options = len(c.options) if plain else -len(c.options)  # of a program's calls, more are the default's
    return entries, len(c.arrays), options, layouts, len(c.differentiate), _DTYPES.index(c.dtype), digits


def _with(c: Candidate, **arrays: Array) -> Candidate:
    return replace(c, arrays={**c.arrays, **arrays})


# -- fewer entries ---------------------------------------------------------------------------------------------


def _lengths(tried: Tried) -> Iterator[Candidate]:
    """Axes of one length shortened together, in all inputs: most likely they belong together."""
    c = tried.candidate
    for length in sorted({n for x in c.arrays.values() for n in x.shape if n > 1}, reverse=True):
        for kept in _kept(length, _worst_along(tried, length)):
            arrays = {n: _cut(x, length, kept) for n, x in c.arrays.items()}
            followed = {n: len(kept) for n in _SIZES if c.options.get(n) == length}
            yield replace(c, arrays=arrays, options={**c.options, **followed})


def _axes(tried: Tried) -> Iterator[Candidate]:
    """One axis of one input."""
    c = tried.candidate
    for name, x in c.arrays.items():
        for axis, length in enumerate(x.shape):
            if length > 1:
                for kept in ([0], list(range(length // 2)), list(range(length - 1))):
                    yield _with(c, **{name: x.take(kept, axis)})


def _kept(length: int, worst: set[int]) -> Iterator[list[int]]:
    yield [0]
    for index in sorted(worst):
        yield [index]
        if index + 1 < length:
            yield [index, index + 1]
    if length > 2:
        yield [0, 1]
        yield list(range(length // 2))
        yield list(range(length // 2, length))
    if length > 3:
        yield list(range(length - 1))
        yield list(range(1, length))


def _worst_along(tried: Tried, length: int) -> set[int]:
    margin = tried.outcome.margin
    return set() if margin is None else {i for i in margin.index if i < length}


def _cut(x: Array, length: int, kept: list[int]) -> Array:
    """Only some positions along every axis of a length; integers that index such an axis stay in range."""
    for axis, n in enumerate(x.shape):
        if n == length:
            x = x.take(kept, axis)
    if x.dtype.kind in "iu" and x.size and len(kept) <= x.max() < length:
        x = np.where(x >= 0, x % len(kept), x).astype(x.dtype)
    return x


def _shape(c: Candidate) -> tuple[int, ...]:
    """What is drawn or made, where the operation is given a shape."""
    found = c.options.get("shape", _seen(c).get("shape", ()))
    return found if isinstance(found, tuple) and all(isinstance(n, int) for n in found) else ()


def _shapes(tried: Tried) -> Iterator[Candidate]:
    c = tried.candidate
    shape = _shape(c) if c.case.expect is None and "law" not in c.case.options else ()
    for axis, length in enumerate(shape):
        for new in sorted({1, 2, 3, length // 2, length - 1}):
            if 0 < new < length:
                smaller = (*shape[:axis], new, *shape[axis + 1 :])
                yield replace(c, options={**c.options, "shape": smaller})


# -- fewer words -----------------------------------------------------------------------------------------------


def _options(tried: Tried) -> Iterator[Candidate]:
    c = tried.candidate
    parameters = Backend.operations()[c.case.operation].signature.parameters
    if c.case.program is None:
        for name in c.options:
            if parameters[name].default is not inspect.Parameter.empty:
                yield replace(c, options={n: v for n, v in c.options.items() if n != name})
        return
    if "law" in c.case.options or c.case.expect is not None:
        return
    for name, value in _seen(c).items():
        default = parameters[name].default if name in parameters else inspect.Parameter.empty
        if default is not inspect.Parameter.empty and repr(default) != repr(value) and name not in c.options:
            yield replace(c, options={**c.options, name: default})


def _seen(c: Candidate) -> Mapping[str, Any]:
    try:
        return options_seen(c.case)
    except Exception:  # it cannot be run as it is: then nothing is known of its options
        return {}


def _inputs(tried: Tried) -> Iterator[Candidate]:
    """Without an input that need not be given."""
    c = tried.candidate
    if c.case.program is not None:
        return
    parameters = Backend.operations()[c.case.operation].signature.parameters
    for name in c.arrays:
        if parameters[name].default is None:
            arrays = {n: x for n, x in c.arrays.items() if n != name}
            yield replace(c, arrays=arrays, differentiate=tuple(n for n in c.differentiate if n != name))


def _layouts(tried: Tried) -> Iterator[Candidate]:
    c = tried.candidate
    yield replace(c, layouts={}, cotangent_layout="contiguous")
    for name in c.layouts:
        yield replace(c, layouts={n: layout for n, layout in c.layouts.items() if n != name})


def _derivatives(tried: Tried) -> Iterator[Candidate]:
    """With respect to one input alone."""
    c = tried.candidate
    if len(c.differentiate) > 1:
        for name in c.differentiate:
            yield replace(c, differentiate=(name,))


def _dtypes(tried: Tried, offers: Callable[[str], bool]) -> Iterator[Candidate]:
    c = tried.candidate
    for dtype in _DTYPES[: _DTYPES.index(c.dtype)]:
        if offers(dtype) and dtype in c.case.dtypes:
            yield replace(c, dtype=dtype, arrays=_in(c, dtype))


def _in(c: Candidate, dtype: str) -> dict[str, Array]:
    return {n: x.astype(dtype) if is_floating_dtype(x.dtype) else x for n, x in c.arrays.items()}


# -- fewer digits ----------------------------------------------------------------------------------------------


def _values(tried: Tried) -> Iterator[Candidate]:
    """Rounder numbers: of a whole input, then entry by entry."""
    c = tried.candidate
    if c.case.expect is not None:
        return
    for name, x in c.arrays.items():
        if name != "key":
            for simpler in _simpler(x):
                yield _with(c, **{name: simpler})
    for name, x in c.arrays.items():
        if name != "key" and 1 < x.size <= _ONE_BY_ONE:
            for at in np.ndindex(x.shape):
                for entry in _simpler(np.asarray(x[at])):
                    one = x.copy()
                    one[at] = entry
                    yield _with(c, **{name: one})


def _simpler(x: Array) -> Iterator[Array]:
    if not is_floating_dtype(x.dtype):
        yield np.zeros_like(x)
        yield np.ones_like(x)
        return
    for number in (0.0, 1.0, 2.0, 0.5):
        yield np.full_like(x, number)
    wide = x.astype(np.float64)
    with np.errstate(all="ignore"):
        for decimals in (0, 1, 2, 3):
            yield np.round(wide, decimals).astype(x.dtype)
        size = np.where(wide == 0, 1.0, 10.0 ** np.floor(np.log10(abs(wide))))
        for digits in (1, 2, 3):
            yield np.where(np.isfinite(wide), np.round(wide / size, digits - 1) * size, wide).astype(x.dtype)
