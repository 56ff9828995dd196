"""Laws of what may be shifted, scaled or reordered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnspec_conformance.laws._call import ALL, Call, Pair, counts, flip, mapped, pick
from nnspec_conformance.laws._law import Law

__all__ = ["REORDERED", "SCALED", "SHIFTED"]


def _shifted(call: Call, of: Mapping[str, Any], moves: bool = False, part: int | None = None) -> list[Pair]:
    changed = {}
    for name, axis in of.items():
        x = call[name]
        axes = range(len(x.shape)) if axis == ALL else {a % len(x.shape) for a in _tuple(axis)}
        shape = [1 if i in axes else n for i, n in enumerate(x.shape)]
        changed[name] = x + 2.0 * counts(call.backend, shape, len(shape))
    y = pick(call(), part)
    if moves:
        y = y + 2.0 * counts(call.backend, [1] * len(y.shape), len(y.shape))
    return [(pick(call(**changed), part), y)]


def _tuple(axis: Any) -> tuple[int, ...]:
    return (axis,) if isinstance(axis, int) else tuple(axis)


SHIFTED = Law(
    "shifted",
    "A constant added to the input changes nothing, or is added to the result.",
    "`of` names the inputs and the axes along which what is added is constant; with `moves` the result moves, too.",
    _shifted,
)


def _scaled(call: Call, by: Mapping[str, Any], result: Any = 0, part: int | None = None) -> list[Pair]:
    changed = {name: _times(call, value, by[name]) for name, value in call.given(by).items()}
    return [(pick(call(**changed), part), _times(call, pick(call(), part), result))]


def _times(call: Call, tree: Any, powers: Any) -> Any:
    """A tree times powers of two: one for all of it, or a tree of them."""
    if isinstance(powers, Mapping):
        return {key: _times(call, value, powers.get(key, 0)) for key, value in tree.items()}
    if isinstance(powers, tuple):
        return tuple(_times(call, value, power) for value, power in zip(tree, powers, strict=True))
    if isinstance(tree, (int, float)):
        return tree * 2.0**powers
    return mapped(lambda x: x * 2.0**powers if call.backend.is_floating(x) else x, tree)


SCALED = Law(
    "scaled",
    "Inputs and hyper-parameters times powers of two: the result is multiplied by one, or stays as it is.",
    "`by` names them with the exponents, `result` is that of the result; no option of the call may be left at its"
    " default that has to be scaled.",
    _scaled,
)


def _reordered(
    call: Call,
    along: Mapping[str, Any],
    result: Any = None,
    part: int | None = None,
    classes: Mapping[str, int] | None = None,
) -> list[Pair]:
    backend = call.backend
    changed = {name: flip(backend, value, along[name]) for name, value in call.given(along).items()}
    for name, number in (classes or {}).items():
        changed[name] = number - 1 - changed.get(name, call[name])
    y = pick(call(), part)
    return [(pick(call(**changed), part), y if result is None else flip(backend, y, result))]


REORDERED = Law(
    "reordered",
    "Samples, channels, classes or units in the opposite order: the result is in the opposite order, or the same.",
    "`along` names inputs and their axes, `result` is the result's; `classes` are labels with their number.",
    _reordered,
)
