"""Which regimes a hand-written case is in, seen from what it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec import Backend
from nnspec_conformance.case import Case
from nnspec_conformance.layouts import LAYOUTS
from nnspec_conformance.regimes._corpus import options_seen

__all__ = ["is_in"]

Arrays = dict[str, NDArray[Any]]
_SMALLEST = float(np.finfo(np.float32).smallest_normal)


def is_in(regime: str, case: Case) -> bool:
    """Whether a hand-written case already is what a regime would derive."""
    if regime in LAYOUTS:
        return any(source.layout == regime for source in case.inputs.values())
    arrays = case.arrays(case.dtypes[0])
    if regime.startswith("size-"):
        return any(int(regime.removeprefix("size-")) in x.shape for x in arrays.values())
    return _DETECT[regime](case, arrays) if regime in _DETECT else False


def _floats(arrays: Arrays) -> list[NDArray[Any]]:
    return [x.astype(np.float64) for x in arrays.values() if x.dtype.kind == "f" and x.size]


def _any(test: Callable[[NDArray[Any]], Any]) -> Callable[[Case, Arrays], bool]:
    return lambda _, arrays: any(bool(np.any(test(x))) for x in _floats(arrays))


def _top(x: NDArray[Any]) -> float:
    return float(np.max(np.abs(x), initial=0.0, where=np.isfinite(x)))


def _has_large_mean(x: NDArray[Any]) -> bool:
    mean = abs(float(np.mean(x))) if np.isfinite(x).all() else 0.0
    return x.size > 1 and mean >= 100 and 0 < float(np.std(x)) < mean / 10


def _coincides(_: Case, arrays: Arrays) -> bool:
    found = [x for x in _floats(arrays) if x.ndim]
    return any(
        a is not b and a.shape == b.shape and any(np.array_equal(p, q) for p, q in zip(a, b, strict=True))
        for a in found
        for b in found
    )


def _repeats(case: Case, arrays: Arrays) -> bool:
    return any(
        x.dtype.kind in "iu" and x.size > 1 and len(np.unique(x)) < x.size
        for name, x in arrays.items()
        if name != "key" and not case.inputs[name].floating
    )


def _shows_scalars(case: Case, _: Arrays) -> bool:
    parameters = Backend.operations()[case.operation].signature.parameters
    usual = {p.name: p.default for p in parameters.values() if p.default is not inspect.Parameter.empty}
    return any(isinstance(v, float) and v not in (0.0, 1.0, usual.get(n)) for n, v in options_seen(case).items())


def _does_not_divide(case: Case, arrays: Arrays) -> bool:
    given = [v if isinstance(v, tuple) else (v,) for v in options_seen(case).values()]
    factors = {f for v in given for f in v if isinstance(f, int) and not isinstance(f, bool) and f > 1}
    return any(n > f and n % f for x in arrays.values() for n in x.shape for f in factors)


def _hides(case: Case, arrays: Arrays) -> bool:
    leaves_out = any(not source.floating for name, source in case.inputs.items() if name != "key")
    return leaves_out and "special" in case.name and any(np.any(np.isnan(x)) for x in _floats(arrays))


_DETECT: dict[str, Callable[[Case, Arrays], bool]] = {
    "indivisible": _does_not_divide,
    "kink": lambda case, _: "kink" in case.name,
    "tie": lambda case, _: "tie" in case.name,
    "special-negative-zero": _any(lambda x: (x == 0) & np.signbit(x)),
    "special-nan": _any(np.isnan),
    "special-infinity": _any(np.isposinf),
    "special-minus-infinity": _any(np.isneginf),
    "subnormal": _any(lambda x: (x != 0) & (np.abs(x) < _SMALLEST)),
    "large-mean": _any(_has_large_mean),
    "tiny": _any(lambda x: 0 < _top(x) <= 1e-15),
    "huge": _any(lambda x: _top(x) >= 1e9),
    "tails": _any(lambda x: _top(x) >= 80),
    "special-zero-vector": _any(lambda x: (x == 0).all(axis=-1) if x.ndim > 1 else False),
    "special-masked": _hides,
    "tie-coincident": _coincides,
    "repeated-indices": _repeats,
    "scalars": _shows_scalars,
    "subset": lambda case, _: (
        bool(case.differentiated)
        and {*case.differentiated} < {name for name, source in case.inputs.items() if source.floating}
    ),
}
