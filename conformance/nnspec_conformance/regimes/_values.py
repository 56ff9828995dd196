"""Regimes of the values of an input: functions of what was drawn."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec import Backend
from nnspec_conformance.case import Case, Source, seed_of

__all__ = ["CROSSING", "POSITIONS", "VALUES", "fill", "scalars_of"]

Array = NDArray[Any]
_SPECIALS = {"nan": math.nan, "infinity": math.inf, "minus-infinity": -math.inf, "negative-zero": -0.0}
#: where one entry is replaced
POSITIONS = ("first", "middle", "last")


def fill(
    change: Callable[..., Array],
    made: Array,
    generator: np.random.Generator,
    parameter: str,
    scalars: tuple[float, ...],
) -> Array:
    """An input changed; of the dtype it was drawn in, which for floating ones is rounded to the tested dtype later."""
    if made.size == 0:
        return made
    return np.asarray(change(made, generator, parameter, scalars)).astype(made.dtype)


def scalars_of(case: Case) -> tuple[float, ...]:
    """Numbers at which the operation may have a kink: its floating options, given or by default, and usual ones."""
    signature = Backend.operations()[case.operation].signature
    given = {p.name: p.default for p in signature.parameters.values() if p.default is not inspect.Parameter.empty}
    told = {v for v in {**given, **case.options}.values() if isinstance(v, float) and 1e-6 <= abs(v) <= 1e3}
    return (0.0, -0.0, *sorted({s * v for v in {*told, 0.5, 1.0, 3.0} for s in (1, -1)}))


def _kink(x: Array, generator: np.random.Generator, _: str, scalars: tuple[float, ...]) -> Array:
    return generator.choice(np.array(scalars), x.shape)


def _tie(x: Array, *_: Any) -> Array:
    top = np.max(np.abs(x), initial=0.0, where=np.isfinite(x))
    step = top / 2 if top else 1.0
    return np.round(x / step) * step


def _special(x: Array, _: np.random.Generator, parameter: str, __: Any) -> Array:
    name, position = parameter.split(",")
    flat = np.array(x, copy=True).reshape(-1)
    places = {"first": 0, "middle": flat.size // 2, "last": flat.size - 1}
    flat[places[position]] = _SPECIALS[name]
    return flat.reshape(x.shape)


def _subnormal(x: Array, *_: Any) -> Array:
    """Every other entry below the smallest normal number of float32."""
    flat = np.array(x, copy=True).reshape(-1)
    flat[::2] *= 1e-40 / max(1.0, float(np.max(np.abs(flat), initial=0.0, where=np.isfinite(flat))))
    return flat.reshape(x.shape)


def _mean(x: Array, _: Any, parameter: str, __: Any) -> Array:
    return x + float(parameter)


def _scale(x: Array, _: Any, parameter: str, __: Any) -> Array:
    with np.errstate(all="ignore"):
        return x * float(parameter)


def _tails(x: Array, generator: np.random.Generator, *_: Any) -> Array:
    sizes = np.array([4.0, 12.0, 20.0, 80.0, 87.0, 100.0, 1e3, 1e4])
    sizes = generator.choice(sizes, x.shape) * generator.uniform(0.97, 1.03, x.shape)
    return np.where(np.signbit(x), -sizes, sizes)


def _zero_vector(x: Array, *_: Any) -> Array:
    """The first entry along the first axis is 0 throughout; of a vector, everything."""
    made = np.array(x, copy=True)
    if made.ndim < 2:
        return np.zeros_like(made)
    made[0] = 0
    return made


def _repeated(x: Array, *_: Any) -> Array:
    return np.broadcast_to(x.reshape(-1)[-1], x.shape)


VALUES: dict[str, Callable[..., Array]] = {
    "kink": _kink,
    "tie": _tie,
    "special": _special,
    "subnormal": _subnormal,
    "mean": _mean,
    "scale": _scale,
    "tails": _tails,
    "zero-vector": _zero_vector,
    "repeated": _repeated,
}


# -- regimes that look at another input --------------------------------------------------------------------


def _drawn(inputs: Mapping[str, Source], name: str, seed: str) -> Array:
    """An input on its own terms: the same whatever the other inputs are."""
    return inputs[name].make(np.random.Generator(np.random.Philox(seed_of(seed, name))))


def _partner(inputs: Mapping[str, Source], name: str, seed: str) -> tuple[str, Array] | None:
    """The other floating input of the same shape that comes first."""
    shape = _drawn(inputs, name, seed).shape
    for other, source in inputs.items():
        if other != name and source.floating and _drawn(inputs, other, seed).shape == shape and shape:
            return other, _drawn(inputs, other, seed)
    return None


def _coincident(inputs: Mapping[str, Source], name: str, base: Case, seed: str) -> Array:
    """Every other entry along the first axis is that of another input, which is constant; see `_anchor`."""
    found = _partner(inputs, name, seed)
    made = np.array(_drawn(inputs, name, seed), copy=True)
    if found is not None:
        made[::2] = found[1][::2]
    return made


def _anchor(inputs: Mapping[str, Source], name: str, base: Case, seed: str) -> Array:
    """What `_coincident` looks at, drawn the same way."""
    return _drawn(inputs, name, seed)


def _masked(inputs: Mapping[str, Source], name: str, base: Case, seed: str) -> Array:
    """NaN in the slots that a mask, lengths or an ignored label leave out."""
    made = np.array(_drawn(inputs, name, seed), copy=True)
    out = _left_out(inputs, made, base, seed)
    if out is not None:
        made[out] = math.nan
    return made


def _left_out(inputs: Mapping[str, Source], x: Array, base: Case, seed: str) -> Array | None:
    for other in inputs:
        if inputs[other].floating:
            continue
        given = _drawn(inputs, other, seed)
        if given.dtype.kind == "b" and 0 < given.ndim <= x.ndim and given.shape == x.shape[: given.ndim]:
            return np.logical_not(given)
        if "length" in other and x.ndim >= 2 and given.shape == x.shape[:1]:
            return np.asarray(np.arange(x.shape[1])[None, :] >= given[:, None])
        ignored = base.options.get("ignore_index", -100)
        if given.ndim and given.ndim < x.ndim and given.shape == x.shape[: given.ndim] and np.any(given == ignored):
            return np.asarray(given == ignored)
    return None


#: looked-at inputs have to be in regime "anchor", so that their draws do not depend on the case's seed
CROSSING: dict[str, Callable[[Mapping[str, Source], str, Case, str], Array]] = {
    "coincident": _coincident,
    "anchor": _anchor,
    "masked": _masked,
}
