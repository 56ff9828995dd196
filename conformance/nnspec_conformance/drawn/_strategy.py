"""Drawing a change, with Hypothesis: the cases of the catalogue are the corpus, and an empty change is the simplest."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from nnspec_conformance.case import Case
from nnspec_conformance.layouts import LAYOUTS, Layout
from nnspec_conformance.regimes import Change
from nnspec_conformance.regimes._corpus import bases, options_seen, shapes_of, values_seen
from nnspec_conformance.regimes._values import POSITIONS

__all__ = ["changes"]

Draw = Callable[[st.SearchStrategy[Any]], Any]

#: elements of all inputs together
_MOST = 4000
_LENGTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 64, 65, 0)
_REGIMES = (
    "scale@1e-3",
    "scale@30",
    "mean@1e2",
    "mean@1e4",
    "kink",
    "tie",
    "tails",
    "zero-vector",
    "subnormal",
    "scale@1e-20",
    "scale@1e9",
    "scale@1e18",
    *(f"special@{what},{where}" for what in ("negative-zero", "nan", "infinity") for where in POSITIONS),
)


def changes(operations: Sequence[str], dtypes: Sequence[str]) -> st.SearchStrategy[Change]:
    """Changes of cases of some operations, in some dtypes; most are valid."""
    return _changes(tuple(operations), tuple(dtypes))


@st.composite
def _changes(draw: Draw, operations: tuple[str, ...], dtypes: tuple[str, ...]) -> Change:
    operation = draw(st.sampled_from(operations))
    base: Case = draw(st.sampled_from(bases(operation)))
    dtype = draw(st.sampled_from([t for t in base.dtypes if t in dtypes] or base.dtypes[:1]))
    kinds = draw(st.sets(st.sampled_from(sorted(_KINDS)), min_size=1, max_size=4))
    what: dict[str, Any] = {}
    for kind in sorted(kinds):
        what |= _KINDS[kind](draw, base)
    return Change(base=base.id, dtype=dtype, **what)


def _sizes(draw: Draw, base: Case) -> dict[str, Any]:
    lengths = sorted({n for shape in shapes_of(base).values() for n in shape if n > 1})
    if not lengths:
        return {}
    found = draw(st.dictionaries(st.sampled_from(lengths), st.sampled_from(_LENGTHS), min_size=1, max_size=2))
    return {"sizes": found} if _elements(base, found) <= _MOST else {}


def _elements(base: Case, sizes: dict[int, int]) -> int:
    total = 0
    for shape in shapes_of(base).values():
        size = 1
        for n in shape:
            size *= sizes.get(n, n)
        total += size
    return total


@functools.cache
def _values(operation: str) -> dict[str, st.SearchStrategy[Any]]:
    """For every option of an operation what it may be: what cases give it, and more in the range of that."""
    found: dict[str, st.SearchStrategy[Any]] = {}
    for name, seen in values_seen(operation).items():
        if seen:
            known = st.sampled_from(seen)
            more = [own for value in seen if (own := _alike(value)) is not None]
            found[name] = known | st.one_of(more) if more else known
    return found


def _alike(value: Any) -> st.SearchStrategy[Any] | None:
    """Other values like one that was seen; None where there are no others."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return None
    if isinstance(value, int):
        return st.integers(0, 2 * abs(value) + 1) if abs(value) < 100 else None
    if isinstance(value, float):
        return st.sampled_from([round(value * factor, 6) for factor in (0.5, 0.9, 1.1, 2.0)])
    parts = [_alike(part) for part in value]
    known = [st.just(part) if own is None else own for part, own in zip(value, parts, strict=True)]
    return st.tuples(*known) if any(own is not None for own in parts) else None


def _some(draw: Draw, base: Case, most: int) -> dict[str, Any]:
    strategies = _values(base.operation)
    if not strategies:
        return {}
    names = draw(st.sets(st.sampled_from(sorted(strategies)), min_size=1, max_size=most))
    found = {name: draw(strategies[name]) for name in sorted(names)}
    mine = options_seen(base)
    return {name: value for name, value in found.items() if repr(value) != repr(mine.get(name))}


def _options(draw: Draw, base: Case) -> dict[str, Any]:
    return {"options": _some(draw, base, 3)}


def _again(draw: Draw, base: Case) -> dict[str, Any]:
    return {"again": _some(draw, base, 1)}


def _regimes(draw: Draw, base: Case) -> dict[str, Any]:
    shapes = shapes_of(base)
    names = [n for n, s in base.inputs.items() if s.floating and 0 not in shapes[n]]
    if not names:
        return {}
    return {"values": draw(st.dictionaries(st.sampled_from(names), st.sampled_from(_REGIMES), min_size=1, max_size=2))}


def _layouts(draw: Draw, base: Case) -> dict[str, Any]:
    fitting = [
        (n, layout)
        for n, shape in shapes_of(base).items()
        for layout, axes in LAYOUTS.items()
        if len(shape) >= axes and (layout != "broadcast" or base.inputs[n].floating)
    ]
    return {"layouts": dict(draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=3)))} if fitting else {}


def _view(draw: Draw) -> Layout:
    found: Layout = draw(st.sampled_from([layout for layout in LAYOUTS if layout != "broadcast"]))
    return found


def _cotangent(draw: Draw, base: Case) -> dict[str, Any]:
    return {"cotangent": _view(draw)} if base.differentiated else {}


def _summed(draw: Draw, base: Case) -> dict[str, Any]:
    return {"summed": True} if base.differentiated else {}


def _arguments(draw: Draw, base: Case) -> dict[str, Any]:
    return {"arguments": _view(draw)} if base.program is not None and base.inputs else {}


def _subset(draw: Draw, base: Case) -> dict[str, Any]:
    names = base.differentiated
    if len(names) < 2:
        return {}
    chosen = draw(st.sets(st.sampled_from(names), min_size=1, max_size=len(names) - 1))
    return {"differentiate": tuple(name for name in names if name in chosen)}


_KINDS: dict[str, Callable[[Draw, Case], dict[str, Any]]] = {
    "again": _again,
    "arguments": _arguments,
    "cotangent": _cotangent,
    "layouts": _layouts,
    "options": _options,
    "regimes": _regimes,
    "sizes": _sizes,
    "subset": _subset,
    "summed": _summed,
}
