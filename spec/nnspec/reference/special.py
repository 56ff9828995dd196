"""erf, erfc, lgamma and digamma at the precision of `np.longdouble`, which NumPy and SciPy lack.

Every method here is a series or a quadrature whose number of terms follows from the precision, with
coefficients that are made at import from exact rationals and from decimal constants of 50 digits. So one text
serves 80-bit, IEEE quadruple and, where `longdouble` is no wider, float64.

Relative errors, in units of `np.finfo(np.longdouble).eps`, are below 4 for erf and erfc everywhere (among
subnormal results: below one smallest subnormal), for lgamma at x > -2 and for digamma at x >= 0. That holds
close to the zeros of lgamma at 1 and 2 and of digamma at 1.4616 too. Further left both have infinitely many
zeros between the poles; there the bound is 4 eps of the largest term of the reflection formula: of
max(|result|, |lgamma(-x)|, 1), and of max(|result|, |digamma(-x)|, 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["TWO_OVER_SQRT_PI", "digamma", "erf", "erfc", "lgamma"]

Real: TypeAlias = npt.NDArray[np.longdouble]
_Part: TypeAlias = tuple[npt.NDArray[np.bool_], Callable[[Real], Real]]

_DIGITS = 50
_PI = np.longdouble("3.14159265358979323846264338327950288419716939937510582")
_EULER = Decimal("0.57721566490153286060651209008240243104215933593992360")
_HALF_LOG_2PI = Decimal("0.91893853320467274178032973640561763986139747363778341")
#: the positive zero of digamma
_ZERO_OF_DIGAMMA = Decimal("1.4616321449683623412626595423257213284681962040064463512959884086")
#: derivative of erf at 0
TWO_OVER_SQRT_PI = np.longdouble("1.12837916709551257389615890312154517168810125865799771")

_EPS = float(np.finfo(np.longdouble).eps)
_BITS = np.finfo(np.longdouble).nmant + 1
#: what is neglected, relative to the result, is below exp(-_DECAY)
_DECAY = 4 - math.log(_EPS)


def _terms(ratio: float) -> int:
    """How many terms of a power series whose terms shrink by `ratio` matter."""
    return math.ceil(_DECAY / -math.log(ratio))


def _rounded(values: Sequence[Decimal | Fraction]) -> list[np.longdouble]:
    with localcontext(prec=_DIGITS):
        return [
            np.longdouble(str(Decimal(v.numerator) / v.denominator if isinstance(v, Fraction) else v)) for v in values
        ]


def _polynomial(coefficients: Sequence[np.longdouble], z: Real) -> Real:
    result = np.full_like(z, coefficients[-1])
    for c in coefficients[-2::-1]:
        result *= z
        result += c
    return result


def _assemble(x: Real, parts: Sequence[_Part]) -> Real:
    """Each function on its own elements of `x`: the first that claims one has it; NaN where none does."""
    result = np.full_like(x, np.nan)
    free = np.ones(x.shape, dtype=np.bool_)
    for claimed, function in parts:
        mine = claimed & free
        if mine.any():
            result[mine] = function(x[mine])
            free &= ~mine
    return result


def _as_real(x: npt.ArrayLike) -> Real:
    return np.asarray(x, dtype=np.longdouble)


# -- erf and erfc --------------------------------------------------------------------------------------

#: erf is a power series below, erfc a quadrature above
_ERF_SPLIT = 0.6
_ERF_SERIES = [
    c * TWO_OVER_SQRT_PI
    for c in _rounded(
        [Fraction((-1) ** n, math.factorial(n) * (2 * n + 1)) for n in range(_terms(_ERF_SPLIT**2) // 2 + 4)]
    )
]

# erfc(x) = x exp(-x^2) / pi * integral of exp(-t^2) / (t^2 + x^2), by the trapezoidal rule with step h, whose
# error is exp(-(pi / h)^2); the residue of the pole at t = ix is subtracted in closed form while it matters.
# (Chiarella and Reichl, "On the Evaluation of Integrals Related to the Error Function", 1968.)
# A short binary fraction, so that the squared nodes are exact.
_STEP = math.floor(64 * math.pi / math.sqrt(_DECAY + 4)) / 64
_NODES = [np.longdouble(n * _STEP) ** 2 for n in range(math.ceil(math.sqrt(_DECAY + 4) / _STEP), 0, -1)]
_WEIGHTS = [2 * np.exp(-node) for node in _NODES]
_POLE_MATTERS = math.pi / _STEP
#: beyond, exp(-x^2) is 0 in every binary format with 15 bits of exponent or fewer
_ERFC_VANISHES = 110.0
#: keeps the head of x < 2^7 short enough for an exact square
_HEAD = np.longdouble(2.0) ** (_BITS // 2 - 7)


def _exp_minus_square(x: Real) -> Real:
    """exp(-x^2) with the rounding error of x^2, which exp would magnify by x^2, kept out."""
    head = np.rint(x * _HEAD) / _HEAD
    result: Real = np.exp(-head * head) * np.exp((head - x) * (head + x))
    return result


def _erf_near_zero(x: Real) -> Real:
    return x * _polynomial(_ERF_SERIES, x * x)


def _erfc_right(x: Real) -> Real:
    x = np.minimum(x, np.longdouble(_ERFC_VANISHES))
    square = x * x
    total = np.zeros_like(x)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        total += weight / (square + node)
    total += 1 / square
    pole = np.where(x < _POLE_MATTERS, 2 / np.expm1(x * (2 * _PI / _STEP)), 0)
    return _exp_minus_square(x) * (x * total * (_STEP / _PI)) - pole


def erf(x: npt.ArrayLike) -> Real:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    x = _as_real(x)
    with np.errstate(all="ignore"):
        return _assemble(
            x,
            [
                (np.abs(x) < _ERF_SPLIT, _erf_near_zero),
                (x > 0, lambda x: 1 - _erfc_right(x)),
                (x < 0, lambda x: _erfc_right(-x) - 1),
            ],
        )


def erfc(x: npt.ArrayLike) -> Real:
    """The complement 1 - erf(x), to full relative accuracy down to underflow at x = 106."""
    x = _as_real(x)
    with np.errstate(all="ignore"):
        return _assemble(
            x,
            [
                (np.abs(x) < _ERF_SPLIT, lambda x: 1 - _erf_near_zero(x)),
                (x > 0, _erfc_right),
                (x < 0, lambda x: 2 - _erfc_right(-x)),
            ],
        )


# -- coefficients of lgamma and digamma ----------------------------------------------------------------


def _even_bernoulli(count: int) -> list[Fraction]:
    """The Bernoulli numbers B_2, B_4, ..., `count` of them."""
    numbers = [Fraction(1), Fraction(-1, 2)]
    for m in range(2, 2 * count + 1):
        if m % 2:
            numbers.append(Fraction(0))
        else:
            total = sum((math.comb(m + 1, k) * b for k, b in enumerate(numbers)), Fraction(0))
            numbers.append(-total / (m + 1))
    return numbers[2::2]


_BERNOULLI = _even_bernoulli(30)


def _zeta(s: int, a: Decimal) -> Decimal:
    """Hurwitz' zeta function, the sum of (a + n)^-s over n >= 0, by Euler and Maclaurin's formula."""
    count = 24
    with localcontext(prec=_DIGITS + 10):
        end = a + count
        total = sum(((a + n) ** -s for n in range(count)), Decimal(0))
        total += end ** (1 - s) / (s - 1) + end**-s / 2
        rising, power = Decimal(s), end ** (-s - 1)  # s (s + 1) ... over (2j)!, and end^(1 - s - 2j)
        for j, b in enumerate(_BERNOULLI, start=1):
            rising /= 2 * j * (2 * j - 1) if j > 1 else 2
            total += b.numerator * rising * power / b.denominator
            rising *= (s + 2 * j - 1) * (s + 2 * j)
            power /= end * end
        return total


#: half the widths of the intervals around 2, 1 and the zero of digamma on which the Taylor series are used
_WIDE, _NARROW, _AROUND_ZERO = 0.75, 0.25, 0.36

_ZETA_2 = [_zeta(k, Decimal(2)) for k in range(2, _terms(_WIDE / 2) + 2)]
_ZETA_1 = [_zeta(k, Decimal(1)) for k in range(2, _terms(_NARROW) + 2)]
_ZETA_0 = [_zeta(k, _ZERO_OF_DIGAMMA) for k in range(2, _terms(_AROUND_ZERO / 1.46) + 3)]


def _alternating(values: Sequence[Decimal]) -> list[Decimal]:
    return [v if i % 2 == 0 else -v for i, v in enumerate(values)]


_LGAMMA_2 = _rounded([1 - _EULER, *(z / k for k, z in enumerate(_alternating(_ZETA_2), start=2))])
_LGAMMA_1 = _rounded([-_EULER, *(z / k for k, z in enumerate(_alternating(_ZETA_1), start=2))])
_DIGAMMA_2 = _rounded([1 - _EULER, *_alternating(_ZETA_2)])
_DIGAMMA_0 = _rounded(_alternating(_ZETA_0))
_ZERO_HIGH = np.longdouble(str(_ZERO_OF_DIGAMMA))


def _remainder(exact: Decimal, high: np.longdouble) -> np.longdouble:
    """`exact - high`: the digits that rounding `exact` to `high` cut off."""
    numerator, denominator = high.as_integer_ratio()
    with localcontext(prec=2 * _DIGITS):
        return np.longdouble(str(exact - Decimal(numerator) / denominator))


_ZERO_LOW = _remainder(_ZERO_OF_DIGAMMA, _ZERO_HIGH)

#: Stirling's series is used from here on: its smallest term, exp(-2 pi x), is far below what is neglected
_LARGE = math.ceil(_DECAY / 4)
_STIRLING_TERMS = next(
    k for k, b in enumerate(_BERNOULLI, start=1) if abs(float(b)) / _LARGE ** (2 * k) < math.exp(-_DECAY)
)
_LGAMMA_STIRLING = _rounded([b / (2 * k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI[:_STIRLING_TERMS], start=1)])
_DIGAMMA_STIRLING = _rounded([b / (2 * k) for k, b in enumerate(_BERNOULLI[:_STIRLING_TERMS], start=1)])
(_LGAMMA_CONSTANT,) = _rounded([_HALF_LOG_2PI - Decimal("0.5")])


# -- lgamma --------------------------------------------------------------------------------------------


def _lgamma_2(z: Real) -> Real:
    """lgamma(2 + z) for |z| <= 3/4."""
    return z * _polynomial(_LGAMMA_2, z)


def _lgamma_around_zero(x: Real) -> Real:
    return _lgamma_2(x) - np.log(np.abs(x) * (1 + x))


def _lgamma_by_product(x: Real) -> Real:
    """Down to [1.75, 2.75) in steps of 1, all of them exact."""
    steps = np.floor(x - (2 - _NARROW))
    product = np.ones_like(x)
    for j in range(1, int(steps.max()) + 1):
        product *= np.where(j <= steps, x - j, 1)
    return _lgamma_2(x - steps - 2) + np.log(product)


def _lgamma_by_stirling(x: Real) -> Real:
    inverse = 1 / x
    tail = inverse * _polynomial(_LGAMMA_STIRLING, inverse * inverse)
    result: Real = (x - 0.5) * (np.log(x) - 1) + (tail + _LGAMMA_CONSTANT)
    return result


def _lgamma_by_reflection(x: Real) -> Real:
    sine = np.abs(np.sin(_off_integer(x) * _PI))
    result: Real = np.log(_PI / (sine * -x)) - _lgamma(-x)
    return result


def _off_integer(x: Real) -> Real:
    """Distance to the nearest integer, signed and exact: x may be replaced by it where pi x is an angle."""
    result: Real = x - np.rint(x)
    return result


def _poles_of_gamma(x: Real) -> npt.NDArray[np.bool_]:
    result: npt.NDArray[np.bool_] = (x <= 0) & (_off_integer(x) == 0)
    return result


def _lgamma(x: Real) -> Real:
    return _assemble(
        x,
        [
            (np.isinf(x) | _poles_of_gamma(x), lambda x: np.full_like(x, np.inf)),
            (x < -_WIDE, _lgamma_by_reflection),
            (x < 0.5, _lgamma_around_zero),
            (x < 1 - _NARROW, lambda x: _lgamma_2(x - 1) - np.log(x)),
            (x < 1 + _NARROW, lambda x: (x - 1) * _polynomial(_LGAMMA_1, x - 1)),
            (x < 2 + _WIDE, lambda x: _lgamma_2(x - 2)),
            (x < _LARGE, _lgamma_by_product),
            (x >= _LARGE, _lgamma_by_stirling),
        ],
    )


def lgamma(x: npt.ArrayLike) -> Real:
    """log |gamma(x)|; inf at 0, at the negative integers and at both infinities, as C's lgamma."""
    with np.errstate(all="ignore"):
        return _lgamma(_as_real(x))


# -- digamma -------------------------------------------------------------------------------------------


def _digamma_2(z: Real) -> Real:
    """digamma(2 + z) for |z| <= 3/4."""
    return _polynomial(_DIGAMMA_2, z)


def _digamma_around_its_zero(x: Real) -> Real:
    z = (x - _ZERO_HIGH) - _ZERO_LOW
    return z * _polynomial(_DIGAMMA_0, z)


def _digamma_by_sum(x: Real) -> Real:
    """Down to [1.75, 2.75) in steps of 1, all of them exact; every term is positive."""
    steps = np.floor(x - (2 - _NARROW))
    total = np.zeros_like(x)
    for j in range(1, int(steps.max()) + 1):
        total += np.where(j <= steps, 1 / (x - j), 0)
    return _digamma_2(x - steps - 2) + total


def _digamma_by_stirling(x: Real) -> Real:
    inverse = 1 / x
    tail = inverse * _polynomial(_DIGAMMA_STIRLING, inverse * inverse)
    result: Real = np.log(x) - inverse * (tail + 0.5)
    return result


def _digamma_by_reflection(x: Real) -> Real:
    tangent = np.tan(_off_integer(x) * _PI)
    result: Real = _digamma(-x) - (1 / x + _PI / tangent)
    return result


def _digamma(x: Real) -> Real:
    return _assemble(
        x,
        [
            (x == 0, lambda x: np.copysign(np.full_like(x, np.inf), -x)),
            (_poles_of_gamma(x), lambda x: np.full_like(x, np.nan)),
            (x < -_WIDE, _digamma_by_reflection),
            (x < 0.75, lambda x: _digamma_2(x) - (1 / x + 1 / (1 + x))),
            (np.abs(x - _ZERO_HIGH) < _AROUND_ZERO, _digamma_around_its_zero),
            (x < 1.25, lambda x: _digamma_2(x - 1) - 1 / x),
            (x < 2 + _WIDE, lambda x: _digamma_2(x - 2)),
            (x < _LARGE, _digamma_by_sum),
            (x >= _LARGE, _digamma_by_stirling),
        ],
    )


def digamma(x: npt.ArrayLike) -> Real:
    """The derivative of lgamma; -inf at +0, inf at -0, NaN at the negative integers and at -inf."""
    with np.errstate(all="ignore"):
        return _digamma(_as_real(x))
