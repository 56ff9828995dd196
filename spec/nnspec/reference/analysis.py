"""What a program should return and by how much rounding may move it: values, gradients and their units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optree
from numpy.typing import NDArray

from nnspec._low_precision import WIDE, is_floating_dtype, limits, working_dtype
from nnspec.margins import Analysis, Expected, Margin, margin
from nnspec.reference.ensemble import Condition, Ensemble, Model, Wide
from nnspec.reference.oracle import Reference
from nnspec.tape import Tensor, pullback, raw

__all__ = [
    "Analysis",
    "Expected",
    "Margin",
    "Program",
    "SuiteError",
    "analyse",
    "cotangents",
    "crosscheck",
    "margin",
]

#: of a backend and named arrays, returning a pytree of arrays
Program = Callable[..., Any]
Arrays = Mapping[str, NDArray[Any]]


class SuiteError(Exception):
    """The suite or its reference is wrong; the run is invalid, and no backend is to blame."""


def cotangents(leaves: Sequence[Any], dtype: str, seed: int) -> list[NDArray[Any] | None]:
    """Random cotangents of floating leaves: a constant one would hide a wrong softmax or norm gradient."""
    generator = np.random.Generator(np.random.Philox(seed))
    drawn = [generator.standard_normal(x.shape) if _floating(x) else None for x in leaves]
    own = [WIDE if isinstance(x, Wide) else dtype for x in leaves]
    return [None if c is None else c.astype(d) for c, d in zip(drawn, own, strict=True)]


def _floating(x: Any) -> bool:
    return is_floating_dtype(np.dtype(x.dtype))


def _units(model: Model, arrays: Sequence[Ensemble]) -> tuple[NDArray[Any], ...]:
    """The size of one rounding, and with exact inputs: the larger spread of several ways to compute an array."""
    last, floor = (model.last, model.floor) if not isinstance(arrays[0], Wide) else (model.roundoff, model.smallest)
    once = last * abs(arrays[0].value)
    least = once * once + model.extended.type(floor) ** 2
    ways = np.asarray([a.spreads() for a in arrays])  # way, inputs, and the axes of the array
    spreads = np.max(ways, axis=0).astype(model.extended)
    return tuple(np.asarray(np.sqrt(spread * spread + least)) for spread in spreads)


def _expected(model: Model, arrays: Sequence[Any]) -> Expected:
    """From the same array computed in one or more ways; the value is the first's."""
    if not isinstance(arrays[0], Ensemble):
        return Expected(np.asarray(arrays[0]))
    unit, unit_exact_inputs = _units(model, arrays)
    return Expected(
        value=arrays[0].value,
        unit=unit,
        unit_exact_inputs=unit_exact_inputs,
        escaped=np.asarray(np.logical_or.reduce([a.escaped for a in arrays]) & np.isfinite(arrays[0].value)),
        dtype=WIDE if isinstance(arrays[0], Wide) else None,
        moves=bool(np.any(arrays[0].deviations[:-1])),
    )


@dataclass
class _Pass:
    leaves: list[Any]
    gradients: dict[str, Any]
    cotangents: list[NDArray[Any] | None]
    stated: set[str]


def _run(
    program: Program, inputs: Arrays, differentiate: Sequence[str], seed: int, model: Model, *, stated: bool
) -> _Pass:
    reference = Reference(model, stated=stated)
    arguments: dict[str, Any] = {n: model.input(x) if _floating(x) else x for n, x in inputs.items()}
    recorded = {name: Tensor(arguments[name]) for name in differentiate}
    with np.errstate(all="ignore"):
        outputs = optree.tree_leaves(program(reference, **{**arguments, **recorded}))
        leaves = [_as_ensemble(raw(o), model) for o in outputs]
        directions = cotangents(leaves, str(model.dtype), seed)
        gradients: dict[str, Any] = {}
        if differentiate:
            given = [None if c is None else model.exact(c) for c in directions]
            model.compute_in(working_dtype(str(model.dtype)))  # derivatives are taken inside of operations
            pairs = [(o, c) for o, c in zip(outputs, given, strict=True) if c is not None]
            pulled = pullback([o for o, _ in pairs], list(recorded.values()))([c for _, c in pairs])
            gradients = {n: _as_ensemble(g, model) for n, g in zip(recorded, pulled, strict=True)}
    return _Pass(leaves, gradients, directions, reference.stated_used)


def _as_ensemble(x: Any, model: Model) -> Any:
    """A floating result that no rounding touched (zeros, constants) is known exactly."""
    if isinstance(x, Condition):
        return x.outcome
    if isinstance(x, Ensemble) or not _floating(x):
        return x
    return model.exact(x)


def analyse(
    program: Program,
    inputs: Arrays,
    *,
    dtype: str,
    differentiate: Sequence[str] = (),
    seed: int = 0,
    members: int = 32,
    extended: Any = np.longdouble,
) -> Analysis:
    """Run a program on the reference, once, with its rounding.

    Args:
        program: called as program(backend, **inputs); returns a pytree of arrays.
        inputs: NumPy arrays by name; the floating ones in the dtype under test.
        dtype: the dtype under test.
        differentiate: names of floating inputs whose gradients are wanted, for random cotangents.
        seed: of the noise and the cotangents.
        members: how many histories of rounding.
        extended: the dtype values are computed in.
    """
    main = _analyse(program, inputs, dtype, differentiate, seed, members, extended)
    flushed = {name: _flush(x) for name, x in inputs.items()}
    if all(np.array_equal(flushed[n], inputs[n], equal_nan=_floating(inputs[n])) for n in inputs):
        return main
    alternative = _analyse(program, flushed, dtype, differentiate, seed, members, extended)
    return Analysis(main.values, main.gradients, main.cotangents, alternative)


def _flush(x: NDArray[Any]) -> NDArray[Any]:
    if not _floating(x):
        return x
    with np.errstate(invalid="ignore"):  # bfloat16 warns of NaN
        return np.where(abs(x) < limits(x.dtype).smallest_normal, np.copysign(x.dtype.type(0), x), x)


def _analyse(
    program: Program,
    inputs: Arrays,
    dtype: str,
    differentiate: Sequence[str],
    seed: int,
    members: int,
    extended: Any,
) -> Analysis:
    def run(stated: bool) -> tuple[Model, _Pass]:
        model = Model(dtype, members=members, extended=extended, seed=seed)
        return model, _run(program, inputs, differentiate, seed, model, stated=stated)

    model, first = run(stated=False)
    ways = [first]
    if differentiate and first.stated:
        ways.append(run(stated=True)[1])
    return Analysis(
        values=[_expected(model, [leaf]) for leaf in first.leaves],
        gradients={name: _expected(model, [way.gradients[name] for way in ways]) for name in differentiate},
        cotangents=first.cotangents,
    )


# -- the reference checked against itself -------------------------------------------------------------------

#: relative agreement asked of the tape and of finite differences; a wrong derivative is off by far more
_AGREEMENT = 1e-6
_STEPS = (1e-3, 1e-5, 1e-7, 1e-10)


def crosscheck(program: Program, inputs: Arrays, analysis: Analysis, *, seed: int) -> None:
    """Compare the reference's gradients with Richardson-extrapolated central differences of its values.

    One random direction an input, steps scaled to the data; several step sizes, since a large one may cross a kink.

    Raises:
        SuiteError: they disagree, so the reference disagrees with itself.
    """
    generator = np.random.Generator(np.random.Philox(seed + 1))
    for name, gradient in analysis.gradients.items():
        x = inputs[name].astype(np.longdouble)
        direction = generator.standard_normal(x.shape).astype(np.longdouble) * _scale(x)
        slope = np.sum(gradient.value * direction)
        size = np.sum(abs(gradient.value * direction))
        if not np.isfinite(size):
            continue  # an infinite gradient has no difference quotient
        closest = np.longdouble(np.inf)
        for step in _STEPS:
            numeric, noise = _difference(program, inputs, name, direction, analysis.cotangents, step)
            closest = min(closest, abs(numeric - slope) / max(size, noise, np.finfo(np.longdouble).tiny))
            if closest <= _AGREEMENT:
                break
        else:
            raise SuiteError(
                f"the reference derivative with respect to {name} is {slope:.9g} along a random direction, "
                f"finite differences of the definition disagree by {float(closest):.3g} of its size"
            )


def _scale(x: Any) -> Any:
    top = np.max(abs(x), initial=0.0)
    return top if np.isfinite(top) and top > 0 else np.longdouble(1)


def _difference(
    program: Program, inputs: Arrays, name: str, direction: Any, weights: Sequence[Any], step: float
) -> tuple[Any, Any]:
    """The extrapolated difference quotient, and the size of the rounding in it."""
    reference = Reference()
    fixed = {n: x.astype(np.longdouble) if _floating(x) else x for n, x in inputs.items()}
    magnitude = np.longdouble(0)

    def at(h: Any) -> Any:
        nonlocal magnitude
        with np.errstate(all="ignore"):
            leaves = optree.tree_leaves(program(reference, **{**fixed, name: fixed[name] + h * direction}))
            parts = [x.astype(np.longdouble) * w for x, w in zip(leaves, weights, strict=True) if w is not None]
        magnitude = max(magnitude, np.longdouble(sum(np.sum(abs(p)) for p in parts)))
        return sum(np.sum(p) for p in parts)

    h = np.longdouble(step)
    coarse, fine = ((at(k * h) - at(-k * h)) / (2 * k * h) for k in (np.longdouble(1), np.longdouble(0.5)))
    rounding = magnitude * np.finfo(np.longdouble).eps / h / _AGREEMENT * 100
    return (4 * fine - coarse) / 3, rounding
