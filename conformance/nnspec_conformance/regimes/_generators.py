"""The regimes of DESIGN 6, each a generator: what a case becomes in it, best first, and nothing where it has no sense.

Whether a case that comes out is valid is not decided here but by the trunk's validation; see `_validity`.
"""

from __future__ import annotations

import functools
import itertools
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from nnspec_conformance.case import Case
from nnspec_conformance.layouts import LAYOUTS, Layout
from nnspec_conformance.regimes._change import Change, apply
from nnspec_conformance.regimes._corpus import options_seen, shapes_of, values_seen

__all__ = ["GENERATORS", "Regime"]

Generator = Callable[[Case], Iterator[Case]]
_SIZES = (0, 1, 2, 3, 17, 33, 4099)
#: elements of one input, above which a longer axis costs too much
_MOST = 30_000


@dataclass(frozen=True)
class Regime:
    """One regime: its name is part of the ids of the cases derived in it."""

    name: str
    sentence: str
    generate: Generator
    #: why an operation none of whose cases has anything to derive has nothing
    otherwise: str


GENERATORS: dict[str, Regime] = {}


def _regime(name: str, sentence: str, otherwise: str) -> Callable[[Callable[..., Iterator[Change]]], None]:
    def note(function: Callable[..., Iterator[Change]]) -> None:
        def generate(case: Case) -> Iterator[Case]:
            for number, change in enumerate(function(case)):
                yield apply(change, case, f"{case.name}~{name}" + (f"-{number}" if number else ""))

        GENERATORS[name] = Regime(name, sentence, generate, otherwise)

    return note


def _floating(case: Case, ndim: int = 0) -> list[str]:
    """Names of the floating inputs that have entries and at least so many axes."""
    shapes = shapes_of(case)
    return [n for n, s in case.inputs.items() if s.floating and len(shapes[n]) >= ndim and 0 not in shapes[n]]


def _change(case: Case, **what: Any) -> Change:
    dtype = "float32" if "float32" in case.dtypes else case.dtypes[0]
    return Change(base=case.id, dtype=dtype, **what)


# -- layouts -----------------------------------------------------------------------------------------------


def _of_inputs(layout: Layout, case: Case) -> Iterator[Change]:
    laid = {n: layout for n, shape in shapes_of(case).items() if len(shape) >= LAYOUTS[layout] and 0 not in shape}
    if layout == "broadcast":
        laid = {n: layout for n in laid if case.inputs[n].floating and shapes_of(case)[n][0] > 1}
    if laid:
        yield _change(case, layouts=laid)
        for n in laid if len(laid) > 1 and layout == "broadcast" else ():
            yield _change(case, layouts={n: layout})


def _of_cotangents(layout: Layout, case: Case) -> Iterator[Change]:
    if case.differentiated:
        yield _change(case, **({"summed": True} if layout == "broadcast" else {"cotangent": layout}))


def _of_leaves(layout: Layout, case: Case) -> Iterator[Change]:
    if case.program is not None and any(case.inputs):
        yield _change(case, arguments=layout)


_VIEWS: dict[Layout, str] = {
    "transposed": "with the last two axes swapped in memory",
    "strided": "every other entry of a longer axis",
    "reversed": "with negative strides",
    "broadcast": "with stride 0 along the first axis",
    "channels-last": "with the second axis last in memory",
}
for _layout, _told in _VIEWS.items():
    _regime(_layout, f"Inputs and parameters {_told}.", "no input has the axes for it")(
        functools.partial(_of_inputs, _layout)
    )
    _regime(f"cotangent-{_layout}", f"Cotangents {_told}.", "nothing is differentiated")(
        functools.partial(_of_cotangents, _layout)
    )
    if _layout not in ("broadcast", "channels-last"):
        _regime(f"leaves-{_layout}", f"Every array in the trees that an operation gets, {_told}.", "it gets no tree")(
            functools.partial(_of_leaves, _layout)
        )


# -- sizes -------------------------------------------------------------------------------------------------


def _lengths(case: Case) -> list[int]:
    """The lengths of axes, those that most inputs have in common last, as it is the others that can vary alone."""
    shapes = list(shapes_of(case).values())
    found = dict.fromkeys(n for shape in shapes for n in shape if n > 1)
    return sorted(found, key=lambda n: sum(n in shape for shape in shapes))


def _elements(case: Case, old: int, new: int) -> int:
    def size(shape: tuple[int, ...]) -> int:
        total = 1
        for n in shape:
            total *= new if n == old else n
        return total

    return max(map(size, shapes_of(case).values()))


def _of_size(new: int, case: Case) -> Iterator[Change]:
    for old in _lengths(case):
        if old != new and _elements(case, old, new) <= _MOST:
            yield _change(case, sizes={old: new})


for _size in _SIZES:
    _regime(f"size-{_size}", f"An axis of {_size}, in all inputs that share it.", "no axis can be of another length")(
        functools.partial(_of_size, _size)
    )


def _indivisible(case: Case) -> Iterator[Change]:
    """An axis one longer than a multiple of an integer option (stride, kernel, groups, pieces)."""
    options = [v if isinstance(v, tuple) else (v,) for v in options_seen(case).values()]
    factors = {f for f in itertools.chain(*options) if isinstance(f, int) and not isinstance(f, bool) and f > 1}
    for old in _lengths(case):
        if any(old % factor == 0 for factor in factors):
            yield _change(case, sizes={old: old + 1})


_regime("indivisible", "An axis that an integer option does not divide.", "no integer option divides an axis")(
    _indivisible
)


# -- values ------------------------------------------------------------------------------------------------


def _of_values(regime: str, case: Case, *, ndim: int = 0) -> Iterator[Change]:
    """In all floating inputs together, then in one at a time."""
    names = _floating(case, ndim)
    if len(names) > 1:
        yield _change(case, values=dict.fromkeys(names, regime))
    for name in names:
        yield _change(case, values={name: regime})


def _of_one(regimes: tuple[str, ...], case: Case) -> Iterator[Change]:
    """In one floating input at a time; where none is the main one, beginning with another in every regime."""
    names = _floating(case)
    start = zlib.crc32(f"{case.operation}/{regimes[0]}".encode()) % len(names) if case.program and names else 0
    for name in names[start:] + names[:start]:
        for regime in regimes:
            yield _change(case, values={name: regime})
    if "special" in regimes[0]:  # where derivatives are left open, values may not be
        yield from (_change(case, values={name: regimes[0]}, differentiate=()) for name in names[:2])


def _places(name: str) -> tuple[str, ...]:
    return tuple(f"special@{name},{place}" for place in ("middle", "last", "first"))


_NUMBERS = "no floating input"
for _name, _generate, _told in (
    ("kink", functools.partial(_of_values, "kink"), "Entries at 0, -0.0 and at the floating options, of both signs."),
    ("tie", functools.partial(_of_values, "tie"), "Entries of five values, so that many are equal."),
    ("special-negative-zero", functools.partial(_of_one, _places("negative-zero")), "One entry is -0.0."),
    ("special-nan", functools.partial(_of_one, _places("nan")), "One entry is NaN."),
    ("special-infinity", functools.partial(_of_one, _places("infinity")), "One entry is infinite."),
    ("special-minus-infinity", functools.partial(_of_one, _places("minus-infinity")), "One entry is -infinity."),
    ("subnormal", functools.partial(_of_one, ("subnormal",)), "Every other entry is below the normal range."),
    ("large-mean", functools.partial(_of_one, ("mean@1e4", "mean@1e2")), "A mean of 1e4, or 1e2."),
    ("tiny", functools.partial(_of_one, ("scale@1e-20",)), "Entries of size 1e-20."),
    ("huge", functools.partial(_of_one, ("scale@1e18", "scale@1e9")), "Entries of size 1e18, or 1e9."),
    ("tails", functools.partial(_of_one, ("tails",)), "Entries of size 4 to 20, 80 to 100, 1e3 and 1e4."),
    ("special-zero-vector", functools.partial(_of_one, ("zero-vector",)), "A row of zeros."),
):
    _regime(_name, _told, _NUMBERS)(_generate)


def _masked(case: Case) -> Iterator[Change]:
    """NaN where a mask, lengths or a label leave an entry out; whether it does is seen from the result."""
    others = {n: "anchor" for n, s in case.inputs.items() if not s.floating and shapes_of(case)[n]}
    for name in _floating(case, 1) if others else ():
        yield _change(case, values={name: "masked", **others})


def _coincident(case: Case) -> Iterator[Change]:
    for one, other in itertools.combinations(_floating(case, 1), 2):
        if shapes_of(case)[one] == shapes_of(case)[other]:
            yield _change(case, values={one: "anchor", other: "coincident"})


def _repeated(case: Case) -> Iterator[Change]:
    for name, shape in shapes_of(case).items():
        if not case.inputs[name].floating and shape and name != "key":
            yield _change(case, values={name: "repeated"})


_regime("special-masked", "NaN in slots that a mask, lengths or a label leave out.", "no input leaves slots out")(
    _masked
)
_regime("tie-coincident", "Points that coincide with those of another input.", "no two inputs of one shape")(
    _coincident
)
_regime("repeated-indices", "All integers of an input are the same.", "no input of integers")(_repeated)


# -- options and calls -------------------------------------------------------------------------------------


def _others(case: Case, *kinds: type) -> Iterator[tuple[str, Any]]:
    """Options with values that other cases of the operation give them."""
    mine = {name: json.dumps(value) for name, value in options_seen(case).items()}
    for name, values in values_seen(case.operation).items():
        for value in values:
            if type(value) in kinds and json.dumps(value) != mine.get(name):
                yield name, value


def _scalars(case: Case) -> Iterator[Change]:
    """All floating options at values that show, then one at a time."""
    found = [(name, value) for name, value in _others(case, float) if value not in (0.0, 1.0)]
    if found:
        yield _change(case, options=dict(found))
        yield from (_change(case, options={name: value}) for name, value in found)


def _again(case: Case) -> Iterator[Change]:
    for name, value in (*_others(case, float), *_others(case, int), *_others(case, bool), *_others(case, str, tuple)):
        yield _change(case, again={name: value})


def _subset(case: Case) -> Iterator[Change]:
    names = case.differentiated
    for count in range(1, len(names)):
        for subset in itertools.combinations(names[::-1], count):
            yield _change(case, differentiate=subset)


_regime("scalars", "Floating options at values that show.", "no floating option")(_scalars)
_regime("called-again", "The same call twice with one option changed.", "no option")(_again)
_regime("subset", "Only some inputs require a gradient.", "fewer than two inputs are differentiated")(_subset)
