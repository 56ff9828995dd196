"""A change of a case, as pure data: what generators and drawing make, what data files hold, what a loader applies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec import Backend
from nnspec_conformance.case import Case, Derivation, Source
from nnspec_conformance.layouts import Layout
from nnspec_conformance.regimes._calls import adjusted, relaying, summed
from nnspec_conformance.regimes._values import CROSSING, VALUES, fill, scalars_of

__all__ = ["Change", "apply"]

#: options that are sizes of an input's axis
_SIZES = ("num_classes", "dim", "num")
#: how many draws of an input are put side by side to lengthen an axis, before they are repeated
_DRAWS = 8


@dataclass(frozen=True, kw_only=True)
class Change:
    """How a case differs from the one it is derived from."""

    #: id of the case
    base: str
    #: the one dtype it is tried in; "" is the base's first
    dtype: str = ""
    #: of inputs by name
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    #: of cotangents
    cotangent: Layout = "contiguous"
    #: of every array the operation gets, the leaves of its trees among them
    arguments: Layout = "contiguous"
    #: new lengths of axes, by the length they have; of all inputs alike
    sizes: Mapping[int, int] = field(default_factory=dict)
    #: regimes of the values of inputs, see `nnspec_conformance.regimes.VALUES`
    values: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    #: options of a second call beside the first
    again: Mapping[str, Any] = field(default_factory=dict)
    #: None is what the base differentiates
    differentiate: tuple[str, ...] | None = None
    #: floating results are summed over their last axis, so that the cotangent has stride 0 there
    summed: bool = False

    @property
    def same_values(self) -> bool:
        """Whether inputs, calls and results are the base's, laid out in another way or less often differentiated."""
        computed = self.sizes or self.values or self.options or self.again or self.summed
        return not computed and "broadcast" not in self.layouts.values()

    def to_json(self) -> dict[str, Any]:
        """What differs from the defaults."""
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        told["sizes"] = {str(old): new for old, new in self.sizes.items()}
        return {name: value for name, value in told.items() if value not in ("", "contiguous", {}, None, False)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Change:
        """The inverse of `to_json`: JSON has no tuples, and texts as keys."""
        made = {name: _tupled(value) for name, value in told.items()}
        if "sizes" in made:
            made["sizes"] = {int(old): new for old, new in made["sizes"].items()}
        return cls(**made)

    def __str__(self) -> str:
        return json.dumps(self.to_json(), sort_keys=True)


def _tupled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _tupled(v) for name, v in value.items()}
    return tuple(map(_tupled, value)) if isinstance(value, list) else value


def apply(change: Change, base: Case, name: str) -> Case:
    """The case that a change makes of its base; drawing no input, so that a list of many costs little."""
    plain = base.program is None
    options = {**base.options, **_followed(base, change.sizes), **change.options} if plain else dict(base.options)
    return replace(
        base,
        name=name,
        inputs=_inputs(change, base, f"{base.operation}/{name}"),
        options=options,
        program=_program(change, base, options),
        dtypes=(change.dtype or base.dtypes[0],),
        differentiate=base.differentiate if change.differentiate is None else change.differentiate,
        exact=base.exact and change.same_values,  # other options may compute where the base's only select
        level="full",
        plain_only=True,
        cotangent_layout=change.cotangent,
        derivation=Derivation(base, str(change), change.same_values, change.summed),
    )


def _followed(base: Case, sizes: Mapping[int, int]) -> dict[str, Any]:
    """Options that are sizes of inputs, as the inputs change."""
    given = {name: base.options[name] for name in _SIZES if name in base.options}
    return {name: sizes[size] for name, size in given.items() if size in sizes}


# -- inputs ------------------------------------------------------------------------------------------------


def _inputs(change: Change, base: Case, name: str) -> dict[str, Source]:
    found = dict(base.inputs)
    if change.sizes:
        found = {n: _resized(s, change.sizes) for n, s in found.items()}
    sized = dict(found)
    for n, regime in change.values.items():
        found[n] = _filled(sized, n, regime, base, name)
    for n, layout in change.layouts.items():
        source = _constant_along_first(found[n]) if layout == "broadcast" else found[n]
        found[n] = source.laid_out(layout)
    return found


def _resized(source: Source, sizes: Mapping[int, int]) -> Source:
    """More of the same draws side by side, cut to size; integers below a length that shrinks stay below it."""

    def draw(generator: np.random.Generator, axes: int) -> NDArray[Any]:
        if axes == 0:
            return source.make(generator)
        axis = axes - 1
        first = draw(generator, axis)
        old = first.shape[axis]
        if old not in sizes:
            return first
        new = sizes[old]
        count = min(-(-new // old), _DRAWS) if old else 1
        parts = [first, *(draw(generator, axis) for _ in range(count - 1))]
        return np.concatenate(parts, axis).take(np.arange(new), axis, mode="wrap") if old else first

    def make(generator: np.random.Generator) -> NDArray[Any]:
        made = draw(generator, source.make(np.random.Generator(np.random.Philox(0))).ndim)
        if source.floating or made.dtype.kind == "b":
            return made
        for old, new in sizes.items():
            if 0 < new < old and made.size and new <= made.max() <= old:
                made = np.where(made >= new, made % new, made)
        return made

    return replace(source, make=make)


def _filled(inputs: Mapping[str, Source], name: str, regime: str, base: Case, seed: str) -> Source:
    """An input in another regime of its values."""
    source = inputs[name]
    if regime in CROSSING:
        return replace(source, make=lambda _: CROSSING[regime](inputs, name, base, seed))
    kind, _, parameter = regime.partition("@")
    change, scalars = VALUES[kind], scalars_of(base)
    return replace(source, make=lambda generator: fill(change, source.make(generator), generator, parameter, scalars))


def _constant_along_first(source: Source) -> Source:
    def make(generator: np.random.Generator) -> NDArray[Any]:
        made = source.make(generator)
        return made if made.ndim == 0 else np.broadcast_to(made[:1], made.shape)

    return replace(source, make=make)


# -- calls -------------------------------------------------------------------------------------------------


def _program(change: Change, base: Case, options: Mapping[str, Any]) -> Callable[..., Any] | None:
    """The base's call, and what the change does before, beside and after it; None where that is nothing."""
    mine = change.options if base.program is not None else {}
    if change.arguments == "contiguous" and not (mine or change.again or change.summed):
        return base.program

    def call(backend: Any, arrays: dict[str, Any]) -> Any:
        if base.program is not None:
            return base.program(backend, **arrays)
        return getattr(backend, base.operation)(**arrays, **options)

    def program(backend: Backend, **arrays: Any) -> Any:
        under = relaying(backend, base.operation, change.arguments)
        result = call(adjusted(under, base.operation, mine), arrays)
        if change.again:
            result = [result, call(adjusted(under, base.operation, {**mine, **change.again}), arrays)]
        return summed(backend, result) if change.summed else result

    return program
