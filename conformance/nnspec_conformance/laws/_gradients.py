"""Laws of linear maps and of gradients."""

from __future__ import annotations

from typing import Any

from nnspec_conformance.laws._call import ALL, Call, Pair, counts, flip, pick, zeros
from nnspec_conformance.laws._law import Law

__all__ = ["ADJOINT", "GRADIENT_IS_ORTHOGONAL", "GRADIENT_SUMS_TO_ZERO", "LINEAR", "TRANSPOSE"]


def _linear(
    call: Call, of: str, without: tuple[str, ...] = (), factors: tuple[float, float] = (0.75, -1.5)
) -> list[Pair]:
    plain, (a, b) = call.but(**dict.fromkeys(without)), factors
    x = call[of]
    other = flip(call.backend, x, ALL)
    return [(plain(**{of: a * x + b * other}), a * plain() + b * plain(**{of: other}))]


LINEAR = Law(
    "linear",
    "`f(a x + b y) = a f(x) + b f(y)`.",
    "`of` is the input that it is linear in; what is added to the result, a bias, is left out (`without`);"
    " `factors` are a and b, which for probabilities have to add up to 1.",
    _linear,
)


def _adjoint(call: Call, of: str, without: tuple[str, ...] = ()) -> list[Pair]:
    plain = call.but(**dict.fromkeys(without))
    y = plain()
    weights = counts(call.backend, y.shape)
    back = plain.gradients([of], weights=[weights])[of]
    return [(call.xp.sum(y * weights), call.xp.sum(call[of] * back))]


ADJOINT = Law(
    "adjoint",
    "`<f(x), y> = <x, f*(y)>`, where `f*` is the gradient with respect to x of a linear f.",
    "`of` is the input that it is linear in; a bias is left out (`without`).",
    _adjoint,
    check="gradient-law",
)


def _transpose(call: Call, of: str, by: str, to: str, without: tuple[str, ...]) -> list[Pair]:
    shared = {name: value for name, value in call.arguments.items() if name not in (*without, of)}
    y = call(**{name: None for name in without if name == "bias"})
    forward = Call(call.backend, by, {**shared, to: zeros(call.backend, y)})
    return [(y, forward.gradients([to], weights=[call[of]])[to])]


TRANSPOSE = Law(
    "transpose",
    "The operation is the gradient of the one that it transposes.",
    "`by` is that operation and `to` its input; `without` is what it does not take.",
    _transpose,
    check="gradient-law",
)


def _sums_to_zero(call: Call, of: str, axis: Any, part: int | None = None) -> list[Pair]:
    total = call.xp.sum(call.gradients([of], lambda y: pick(y, part))[of], axis=axis)
    return [(total, zeros(call.backend, total))]


GRADIENT_SUMS_TO_ZERO = Law(
    "gradient-sums-to-zero",
    "The gradient sums to 0 over the axes along which a constant added to the input changes nothing.",
    "`of` is the input, `axis` those axes.",
    _sums_to_zero,
    check="gradient-law",
)


def _orthogonal(call: Call, of: str, axis: Any, part: int | None = None) -> list[Pair]:
    gradient = call.gradients([of], lambda y: pick(y, part))[of]
    total = call.xp.sum(gradient * call[of], axis=axis)
    return [(total, zeros(call.backend, total))]


GRADIENT_IS_ORTHOGONAL = Law(
    "gradient-is-orthogonal",
    "The gradient is orthogonal to the input over the axes along which its scale changes nothing.",
    "`of` is the input, `axis` those axes; nothing is added under a root (eps is a floor).",
    _orthogonal,
    check="gradient-law",
)
