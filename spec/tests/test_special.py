"""erf, erfc, lgamma and digamma against mpmath at 40 digits and SciPy."""

from __future__ import annotations

import importlib.util
import itertools
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special

from nnspec.reference import special

LD = np.longdouble
#: bound on the relative error, in units of eps, that the module promises
BOUND = 4.0

REFERENCE: dict[str, Callable[[Any], Any]] = {
    "erf": mpmath.erf,
    "erfc": mpmath.erfc,
    "lgamma": lambda x: mpmath.re(mpmath.loggamma(x)),
    "digamma": mpmath.digamma,
}
#: where each function changes its method, and where its relative error is promised
BOUNDARIES = {
    "erf": [-7.0, -0.6, 0.0, 0.6, 2.0, 7.0],
    "erfc": [-7.0, -0.6, 0.0, 0.6, 2.0, 7.4, 12.0, 27.0, 60.0, 106.0],
    "lgamma": [
        -1.999,
        -1.5,
        -0.75,
        0.0,
        0.5,
        0.75,
        1.0,
        1.25,
        1.5,
        2.0,
        2.75,
        5.0,
        11.0,
        12.0,
        13.0,
        1e3,
        1e9,
    ],
    "digamma": [0.0, 0.75, 1.1, 1.25, 1.4616321449683623, 1.82, 2.75, 5.0, 11.0, 12.0, 13.0, 1e3, 1e9],
}
SEGMENTS = [
    pytest.param(name, low, high, id=f"{name}[{low:g},{high:g}]")
    for name, points in BOUNDARIES.items()
    for low, high in itertools.pairwise(points)
]


def exact(value: Any) -> Any:
    numerator, denominator = value.as_integer_ratio()
    return mpmath.mpf(numerator) / denominator


def beside(value: Any, towards: Any) -> Any:
    """The next number; beside 0, a small one whose reciprocal does not overflow."""
    if value == 0:
        return np.copysign(4 * np.finfo(type(value)).tiny, towards)
    return np.nextafter(value, towards)


def drawn(low: float, high: float, count: int, real: Any = LD) -> Any:
    """Random points with all bits of the mantissa in use, a grid, and both ends with their neighbours."""
    rng = np.random.default_rng(zlib.crc32(f"{low} {high}".encode()))
    fine = rng.random(count).astype(real) + rng.random(count).astype(real) * real(2.0) ** -50
    ends = [beside(real(low), real(high)), beside(real(high), real(low)), real(low), real(high)]
    return np.concatenate([real(low) + real(high - low) * fine, np.linspace(low, high, 41, dtype=real), ends])


def errors(name: str, x: Any, computed: Any, floor: Callable[[Any], Any] | None = None) -> Any:
    """Error of each element in eps of the exact value, or of `floor` of the argument where that is larger."""
    eps = float(np.finfo(computed.dtype).eps)
    with mpmath.workdps(40):
        found = []
        for argument, value in zip(x, computed, strict=True):
            wanted = REFERENCE[name](exact(argument))
            scale = abs(wanted) if floor is None else max(abs(wanted), floor(exact(argument)))
            found.append(float(abs(exact(value) - wanted) / scale / eps) if scale else float(value != 0))
    return np.asarray(found)


def without_poles(name: str, x: Any) -> Any:
    return x[(x > 0) | (x != np.rint(x))] if name in ("lgamma", "digamma") else x


@pytest.mark.parametrize(("name", "low", "high"), SEGMENTS)
def test_relative_error_in_every_region(name: str, low: float, high: float) -> None:
    x = without_poles(name, drawn(low, high, 150))
    if name == "lgamma":
        x = x[(x != 1) & (x != 2)]
    found = errors(name, x, getattr(special, name)(x))
    worst = int(found.argmax())
    assert found[worst] <= BOUND, f"{name}({x[worst]!r}) is off by {found[worst]:.1f} eps"


@pytest.mark.parametrize(
    ("name", "where"),
    [("lgamma", "1"), ("lgamma", "2"), ("digamma", "1.46163214496836234126"), ("erf", "0")],
)
def test_relative_error_close_to_zeros(name: str, where: str) -> None:
    zero = LD(where)
    offsets = LD(10.0) ** -np.arange(1, 18, dtype=LD)
    neighbours = [beside(zero, LD(3)), beside(zero, LD(-3))]
    x = np.concatenate([zero - offsets, zero + offsets, neighbours])
    x = x[x != zero]
    assert errors(name, x, getattr(special, name)(x)).max() <= BOUND


@pytest.mark.parametrize("name", ["erf", "lgamma", "digamma"])
def test_relative_error_of_tiny_and_huge_arguments(name: str) -> None:
    tiny = LD(10.0) ** -np.arange(1, 300, 23, dtype=LD)
    x = tiny if name == "erf" else np.concatenate([tiny, -tiny, 1 / tiny])
    assert errors(name, x, getattr(special, name)(x)).max() <= BOUND


@pytest.mark.parametrize("name", ["lgamma", "digamma"])
def test_reflection(name: str) -> None:
    """Between the poles the largest term of the reflection formula bounds the error."""
    x = without_poles(name, np.concatenate([drawn(-n - 1.0, -n, 30) for n in (0, 1, 2, 3, 7, 20, 170)]))

    def largest_term(x: Any) -> Any:
        return max(abs(REFERENCE[name](-x)), 1)

    assert errors(name, x, getattr(special, name)(x), largest_term).max() <= BOUND


def test_erfc_tail_down_to_underflow() -> None:
    """Among subnormal results the error is below one smallest subnormal, and zero follows."""
    info = np.finfo(LD)
    edge = np.sqrt(-np.log(info.smallest_subnormal))
    x = np.linspace(float(edge) - 0.6, float(edge) + 0.5, 400, dtype=LD)
    computed = special.erfc(x)
    with mpmath.workdps(40):
        for argument, value in zip(x, computed, strict=True):
            wanted = mpmath.erfc(exact(argument))
            allowed = max(BOUND * float(info.eps) * wanted, exact(info.smallest_subnormal))
            assert abs(exact(value) - wanted) <= allowed, argument
    assert computed[0] > info.tiny
    assert computed[-1] == 0


#: argument, as text -> result
SPECIAL_VALUES: dict[str, dict[str, float]] = {
    "erf": {"0": 0, "inf": 1, "-inf": -1, "1e300": 1, "-1e300": -1},
    "erfc": {"0": 1, "-0": 1, "inf": 0, "-inf": 2, "1e300": 0, "-1e300": 2},
    "lgamma": {
        "0": np.inf,
        "1": 0,
        "2": 0,
        "-1": np.inf,
        "-170": np.inf,
        "-1e300": np.inf,
        "inf": np.inf,
        "-inf": np.inf,
    },
    "digamma": {"0": -np.inf, "-1": np.nan, "-170": np.nan, "-1e300": np.nan, "inf": np.inf, "-inf": np.nan},
}


@pytest.mark.parametrize("name", REFERENCE)
def test_special_values(name: str) -> None:
    function = getattr(special, name)
    x = np.asarray([LD(text) for text in SPECIAL_VALUES[name]])
    wanted = np.asarray(list(SPECIAL_VALUES[name].values()), dtype=LD)
    np.testing.assert_array_equal(function(x), wanted)
    assert np.isnan(function(np.nan))


def test_signed_zeros() -> None:
    assert np.signbit(special.erf(LD("-0.0")))
    assert not np.signbit(special.erf(LD("0.0")))
    assert special.lgamma(LD("-0.0")) == np.inf
    assert special.digamma(LD("-0.0")) == np.inf


@pytest.mark.parametrize("name", REFERENCE)
def test_agrees_with_scipy_in_float64(name: str) -> None:
    """SciPy's own error of a few units dominates; it is an implementation unrelated to mpmath's."""
    x = np.concatenate([np.linspace(-3.45, 26, 2000), np.linspace(0.9, 2.1, 500)])
    theirs = getattr(scipy.special, {"lgamma": "gammaln"}.get(name, name))(x)
    np.testing.assert_allclose(getattr(special, name)(x).astype(np.float64), theirs, rtol=2e-13, atol=1e-14)


@pytest.mark.parametrize("name", REFERENCE)
def test_keeps_shape_and_dtype(name: str) -> None:
    function = getattr(special, name)
    x = np.linspace(0.3, 15, 24, dtype=np.float64).reshape(4, 6)
    whole = function(x)
    assert whole.dtype == LD
    assert whole.shape == (4, 6)
    assert function(x[:0]).shape == (0, 6)
    np.testing.assert_array_equal(function(x.T[::-2]), whole.T[::-2])
    single = function(1.3)
    assert isinstance(single, np.ndarray)
    assert single.shape == ()
    assert single == function([1.3])[0]


def test_arguments_are_left_alone() -> None:
    x = np.linspace(-5, 120, 50, dtype=LD)
    before = x.copy()
    for name in REFERENCE:
        getattr(special, name)(x)
    np.testing.assert_array_equal(x, before)


def test_derivative_constant() -> None:
    with mpmath.workdps(40):
        wanted = 2 / mpmath.sqrt(mpmath.pi)
        assert abs(exact(special.TWO_OVER_SQRT_PI) - wanted) <= wanted * float(np.finfo(LD).eps) / 2


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("exp", -11000.0, 0.0),
        ("exp", -1.0, 1.0),
        ("log", 1e-3, 1e3),
        ("sin", -1.6, 1.6),
        ("tan", -1.57, 1.57),
    ],
)
def test_elementary_functions_of_this_machine_are_accurate_enough(name: str, low: float, high: float) -> None:
    x = drawn(low, high, 300)
    x = x[(x != 0) & (x != 1)]
    computed = getattr(np, name)(x)
    with mpmath.workdps(40):
        wanted = [getattr(mpmath, name)(exact(v)) for v in x]
        worst = max(abs(exact(c) - w) / abs(w) for c, w in zip(computed, wanted, strict=True))
    assert worst <= 1.5 * float(np.finfo(LD).eps)


@pytest.fixture(scope="module")
def narrow() -> ModuleType:
    """The module as it is on machines where longdouble is no wider than float64."""
    spec = importlib.util.find_spec("nnspec.reference.special")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "longdouble", np.float64)
        spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "low", "high"), SEGMENTS)
def test_where_longdouble_is_float64(
    narrow: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str, low: float, high: float
) -> None:
    monkeypatch.setattr(np, "longdouble", np.float64)
    x = without_poles(name, drawn(low, min(high, 26.0), 100, np.float64)) if low < 26 else np.asarray([low])
    if name == "lgamma":
        x = x[(x != 1) & (x != 2)]
    elif name == "erfc":
        x = x[x <= 26.0]  # smaller results are subnormal
        x = x if x.size else np.asarray([26.0])
    computed = getattr(narrow, name)(x)
    assert computed.dtype == np.float64
    assert errors(name, x, computed).max() <= BOUND
