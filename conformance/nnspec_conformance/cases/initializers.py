"""Inputs for initializers: equal to the reference to the bit, and distributed as promised.

The statistics ask of every distribution what its requirements state, by bounds that hold for every number n of draws.
Each bound is exceeded with probability alpha = 1e-9 at most by draws that are what they should be; a case makes seven
such tests at most, so its false-alarm rate is below 1e-8. Keys are fixed: a verdict never changes from run to run.

- the distribution function: Kolmogorov and Smirnov's distance, sqrt(log(2 / alpha) / 2n) (Dvoretzky, Kiefer, Wolfowitz;
  constant of Massart);
- the mean: Hoeffding's bound for the uniform, the normal quantile for the normal;
- the variance: Hoeffding's bound on (x - mean)^2 for the uniform, Laurent and Massart's for the chi-square;
- no correlation of neighbours, of halves and of keys: Hoeffding's bound on products of the distribution
  function's values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec import Backend
from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, cases, error_case, integers, keys, seed_of

__all__ = ["CASES"]

_NAN, _INF = math.nan, math.inf
_BITS = ("bits", "shapes", "repeat")
_FALSE_ALARM = 1e-9
_LOG = math.log(2 / _FALSE_ALARM)

# -- distributions -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Distribution:
    """What draws are compared with."""

    mean: float
    std: float
    normal: bool

    def function(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The distribution function."""
        from scipy.special import ndtr

        z = (x - self.mean) / self.std
        return np.asarray(ndtr(z) if self.normal else np.clip(z / math.sqrt(12) + 0.5, 0, 1))

    def mean_bound(self, count: int) -> float:
        from scipy.special import ndtri

        if self.normal:
            return float(-ndtri(_FALSE_ALARM / 2)) * self.std / math.sqrt(count)
        return self._width * math.sqrt(_LOG / (2 * count))

    def variance_bound(self, count: int) -> float:
        if self.normal:
            x = _LOG / count
            return self.std**2 * (2 * math.sqrt(x) + 2 * x)
        return (self._width / 2) ** 2 * math.sqrt(_LOG / (2 * count))

    @property
    def _width(self) -> float:
        return math.sqrt(12) * self.std


def _uniform(mean: float, std: float) -> _Distribution:
    return _Distribution(mean, std, normal=False)


def _normal(mean: float, std: float) -> _Distribution:
    return _Distribution(mean, std, normal=True)


def _distance(u: NDArray[np.float64]) -> float:
    """Kolmogorov and Smirnov's, of numbers that should be uniform in [0, 1]."""
    ordered, steps = np.sort(u), np.arange(len(u) + 1) / len(u)
    return float(max(np.max(steps[1:] - ordered), np.max(ordered - steps[:-1])))


def _complaint(draws: list[NDArray[np.float64]], wanted: _Distribution) -> str | None:
    """The first test that draws, a key each, fail."""
    x = np.concatenate(draws)
    u = wanted.function(x)
    v = 2 * u - 1  # of mean 0, and so are products of independent ones
    first, second = (2 * wanted.function(draw) - 1 for draw in draws[:2])
    half = len(x) // 2

    def products(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float]:
        return abs(float(np.mean(a * b))), math.sqrt(2 * _LOG / len(a))

    tests = {
        "mean": (abs(float(np.mean(x)) - wanted.mean), wanted.mean_bound(len(x))),
        "variance": (
            abs(float(np.mean((x - wanted.mean) ** 2)) - wanted.std**2),
            wanted.variance_bound(len(x)),
        ),
        "distribution function": (_distance(u), math.sqrt(_LOG / (2 * len(u)))),
        "correlation of neighbours": products(v[0 : 2 * half : 2], v[1 : 2 * half : 2]),
        "correlation of halves": products(v[:half], v[half : 2 * half]),
        "correlation of keys": products(first, second),
    }
    for what, (distance, bound) in tests.items():
        if not distance <= bound:
            return (
                f"{what} of {len(x)} draws: off by {distance:.4g}, at most {bound:.4g} expected "
                f"(mean {np.mean(x):.4g}, std {np.std(x):.4g}; promised {wanted.mean:.4g}, {wanted.std:.4g})"
            )
    return None


_Judge = Callable[[Backend, str, int], str | None]


def _distributed(
    operation: str,
    shape: tuple[int, ...],
    wanted: _Distribution,
    within: tuple[float, float] = (-_INF, _INF),
    *,
    count: int = 1 << 15,
    **options: Any,
) -> _Judge:
    """Draws `count` numbers, as many arrays of that shape as that takes; all have to lie in [within[0], within[1])."""
    lowest, highest = within

    def judge(backend: Backend, dtype: str, seed: int) -> str | None:
        draws = []
        for i in range(max(2, -(-count // math.prod(shape)))):
            key = backend.key(seed_of(operation, shape, i, seed))
            drawn = getattr(backend, operation)(key, shape, dtype=dtype, **options)
            x = backend.to_numpy(drawn).astype(np.float64).reshape(-1)
            if not np.all(np.isfinite(x)):
                return "drew numbers that are not finite"
            if not np.all((x >= lowest) & (x < highest)):
                return f"expected numbers in [{lowest!r}, {highest!r}), got {x.min()!r} to {x.max()!r}"
            draws.append(x)
        return _complaint(draws, wanted)

    return judge


def _statistics(named: dict[str, dict[str, Any]]) -> list[Case]:
    """Cases of one judge: name -> operation, requires, judge, level."""
    return [Case(name=name, checks=("statistics",), **own) for name, own in named.items()]


# -- constants ---------------------------------------------------------------------------------------------


def _constants(backend: Any) -> Any:
    return [backend.init_constant((2, 3), value=value) for value in (0.1, -1e-30, 3e5)]


_CONSTANT = [
    Case(
        operation="init_zeros",
        name="shapes",
        requires=("INIT_ZEROS-1",),
        program=lambda backend: [backend.init_zeros(shape) for shape in ((3, 2), (), (0, 4))],
        checks=_BITS,
    ),
    Case(
        operation="init_ones",
        name="shapes",
        requires=("INIT_ONES-1",),
        program=lambda backend: [backend.init_ones(shape) for shape in ((3, 2), (), (0, 4))],
        checks=_BITS,
    ),
    Case(
        operation="init_constant",
        name="values",
        requires=("INIT_CONSTANT-1",),
        program=_constants,
        checks=_BITS,
    ),
]


def _single(operation: str, **options: Any) -> _Judge:
    """Asked for float32 by name, on a backend of either dtype."""

    def judge(backend: Backend, dtype: str, seed: int) -> str | None:
        del dtype, seed
        got = backend.to_numpy(getattr(backend, operation)((3,), dtype="float32", **options)).dtype
        return None if got == np.float32 else f"dtype {got}, expected float32"

    return judge


_CONSTANT += _statistics(
    {
        "dtype": {
            "operation": "init_zeros",
            "requires": ("INIT_ZEROS-1",),
            "judge": _single("init_zeros"),
        }
    }
) + _statistics(
    {
        "dtype": {
            "operation": "init_ones",
            "requires": ("INIT_ONES-1",),
            "judge": _single("init_ones"),
        }
    }
)

# -- draws -------------------------------------------------------------------------------------------------

#: (out, in) and (out, in / groups, height, width), out and in far apart
_LINEAR, _CONV = (128, 16), (24, 4, 3, 5)


def _bits(operation: str, more: dict[str, dict[str, Any]]) -> list[Case]:
    """The key is made by the program: initializers draw on the host, so it may not be traced."""

    def program(name: str, options: dict[str, Any]) -> Callable[[Any], Any]:
        seed = seed_of(operation, name)
        return lambda backend: getattr(backend, operation)(backend.key(seed), **options)

    named: dict[str, dict[str, Any]] = {
        "default": {"options": {"shape": _LINEAR}},
        "empty": {"options": {"shape": (0, 3)}, "level": "full"},
        **more,
    }
    return cases(
        operation,
        {name: {"program": program(name, own["options"]), **own} for name, own in named.items()},
        requires=(f"{operation.upper()}-1",),
        checks=_BITS,
    )


def _fan_bits(operation: str) -> list[Case]:
    return _bits(
        operation,
        {
            "grouped": {"options": {"shape": _CONV, "groups": 6, "scale": 0.7}},
            "conv": {"options": {"shape": _CONV}, "level": "full"},
            "fan-zero": {"options": {"shape": (3, 0)}, "level": "full"},
            "long": {"options": {"shape": (130, 129)}, "level": "full"},
        },
    )


#: of random_uniform, whose entries there are the lowest and the highest number (see cases.random)
_LOWEST, _HIGHEST = (2468, 1005), (6331, 1594)


def _extremes(operation: str, **options: Any) -> Callable[[Any], Any]:
    """The entries drawn from the ends of the stream, where a careless inverse is infinite or a bound is met."""

    def program(backend: Any) -> Any:
        draw = getattr(backend, operation)
        return [draw(backend.key(seed), (index + 1, 1), **options) for seed, index in (_LOWEST, _HIGHEST)]

    return program


_UNIFORM = [
    *_bits(
        "init_uniform",
        {
            "interval": {"options": {"shape": (5, 33), "low": 0.3, "high": 7.1}},
            # five numbers of float32: rounding would reach the upper bound
            "narrow": {
                "options": {"shape": (257,), "low": 1.0, "high": 1.0 + 2.0**-21},
                "requires": ("INIT_UNIFORM-2",),
            },
            "symmetric": {"options": {"shape": (17,), "low": -0.1, "high": 0.1}, "level": "full"},
        },
    ),
    Case(
        operation="init_uniform",
        name="ends",
        requires=("INIT_UNIFORM-2",),
        program=_extremes("init_uniform", low=-0.3, high=0.3),
        checks=_BITS,
        level="full",
    ),
    *_statistics(
        {
            "statistics": {
                "operation": "init_uniform",
                "requires": ("INIT_UNIFORM-3", "INIT_UNIFORM-2"),
                "judge": _distributed(
                    "init_uniform", (64, 8), _uniform(2.0, 6 / 12**0.5), (-1.0, 5.0), low=-1.0, high=5.0
                ),
            },
            "statistics-default": {
                "operation": "init_uniform",
                "requires": ("INIT_UNIFORM-3", "INIT_UNIFORM-2"),
                "judge": _distributed("init_uniform", (4096,), _uniform(0.0, 0.1 / 12**0.5), (-0.05, 0.05)),
                "level": "full",
            },
            # bounds that are no numbers of the dtype: rounding may carry a draw past either of them
            "bounds": {
                "operation": "init_uniform",
                "requires": ("INIT_UNIFORM-2",),
                "judge": _distributed(
                    "init_uniform", (4096,), _uniform(0.5, 0.4 / 12**0.5), (0.3, 0.7), low=0.3, high=0.7
                ),
                "level": "full",
            },
        }
    ),
]


def _narrow(backend: Backend, dtype: str, seed: int) -> str | None:
    """An interval of a few numbers of float32, its bounds between them; about every second draw rounds to a bound."""
    del dtype
    low, high = 1.0 + 2.0**-25, 1.0 + 3 * 2.0**-24
    x = backend.to_numpy(
        backend.init_uniform(backend.key(seed_of("narrow", seed)), (999,), low=low, high=high, dtype="float32")
    ).astype(np.float64)
    outside = ~((x >= low) & (x < high))
    return f"{int(outside.sum())} of {len(x)} draws outside [{low!r}, {high!r})" if outside.any() else None


def _traced(backend: Backend, dtype: str, seed: int) -> str | None:
    """In compiled code: the same bits, or the specification's own error, never something else."""
    key = backend.key(seed_of("traced", seed))
    eager = backend.to_numpy(backend.init_uniform(key, (3,), dtype=dtype))
    try:
        got = backend.to_numpy(backend.compile(lambda k: backend.init_uniform(k, (3,), dtype=dtype))(key))
    except ArgumentError as error:
        return None if "key: expected a key of known value" in str(error) else f"raised {error}"
    return None if np.array_equal(got, eager) else "compiled code draws other numbers"


_UNIFORM += _statistics(
    {
        "narrow-bounds": {
            "operation": "init_uniform",
            "requires": ("INIT_UNIFORM-2",),
            "judge": _narrow,
            "dtypes": ("float32",),
        },
        "traced": {
            "operation": "init_uniform",
            "requires": ("INIT_UNIFORM-1",),
            "judge": _traced,
            "level": "full",
        },
    }
)


def _finite(backend: Backend, dtype: str, seed: int) -> str | None:
    """The lowest and the highest number of the stream: a plain inverse is infinite at the lowest."""
    del dtype, seed
    for number, index in (_LOWEST, _HIGHEST):
        x = backend.to_numpy(backend.init_normal(backend.key(number), (index + 1,), std=1.0, dtype="float32"))
        if not np.all(np.isfinite(x)):
            return f"key({number}): drew {int(np.sum(~np.isfinite(x)))} numbers that are not finite"
    return None


_NORMAL = [
    Case(
        operation="init_normal",
        name="finite",
        requires=("INIT_NORMAL-2",),
        checks=("statistics",),
        judge=_finite,
    ),
    *_bits(
        "init_normal",
        {
            "moments": {"options": {"shape": (5, 33), "mean": -2.0, "std": 0.3}},
            "constant": {"options": {"shape": (7,), "mean": 1.5, "std": 0.0}, "level": "full"},
            "long": {"options": {"shape": (16385,)}, "level": "full"},
        },
    ),
    Case(
        operation="init_normal",
        name="ends",
        requires=("INIT_NORMAL-1",),
        program=_extremes("init_normal", std=1.0),
        checks=_BITS,
        level="full",
    ),
    *_statistics(
        {
            "statistics": {
                "operation": "init_normal",
                "requires": ("INIT_NORMAL-3", "INIT_NORMAL-2"),
                "judge": _distributed("init_normal", (64, 8), _normal(3.0, 0.5), mean=3.0, std=0.5),
            },
            "statistics-default": {
                "operation": "init_normal",
                "requires": ("INIT_NORMAL-3",),
                "judge": _distributed("init_normal", (4096,), _normal(0.0, 0.05)),
                "level": "full",
            },
        }
    ),
]

#: shape, options, fan_in, fan_out: counted by hand; output units come first, then the inputs of a group, then the field
_FANS: dict[str, tuple[tuple[int, ...], dict[str, Any], int, int]] = {
    "square": ((64, 64), {}, 64, 64),
    "linear": (_LINEAR, {}, 16, 128),
    "grouped": (_CONV, {"groups": 6, "scale": 0.5}, 60, 60),
    "conv": (_CONV, {}, 60, 360),
    "depthwise": ((48, 1, 3, 3), {"groups": 24}, 9, 18),
    "wide": ((4, 512), {"scale": 3.0}, 512, 4),
}
_QUICK_FANS = {"square", "linear", "grouped"}


def _fan_statistics(operation: str, counts: str, fan: Callable[[int, int], float], scale: float) -> list[Case]:
    """`counts` is the requirement about fans; where both are equal only the distribution is left to blame."""
    distribution = f"{operation.upper()}-2"
    found = []
    for name, (shape, options, fan_in, fan_out) in _FANS.items():
        std = math.sqrt(options.get("scale", scale) / fan(fan_in, fan_out))
        if operation.endswith("uniform"):
            # "never beyond l in magnitude": -l itself may be drawn, l not
            wanted, limit = _uniform(0.0, std), math.sqrt(3) * std
        else:
            wanted, limit = _normal(0.0, std), _INF
        rounding = 1 + 4 * np.finfo(np.float64).eps  # of the limit computed here
        within = (-limit * rounding, limit * rounding)
        found.append(
            Case(
                operation=operation,
                name=f"statistics-{name}",
                requires=(distribution,) if name == "square" else tuple(dict.fromkeys((counts, distribution))),
                checks=("statistics",),
                judge=_distributed(operation, shape, wanted, within, **options),
                level="quick" if name in _QUICK_FANS else "full",
            )
        )
    return found


def _mean_fan(fan_in: int, fan_out: int) -> float:
    return (fan_in + fan_out) / 2


def _fan_in(fan_in: int, fan_out: int) -> float:
    del fan_out
    return fan_in


_FAN = [
    *_fan_statistics("init_xavier_uniform", "INIT_XAVIER_UNIFORM-3", _mean_fan, 1.0),
    *_fan_statistics("init_xavier_normal", "INIT_XAVIER_NORMAL-2", _mean_fan, 1.0),
    *_fan_statistics("init_he_uniform", "INIT_HE_UNIFORM-2", _fan_in, 2.0),
    *_fan_statistics("init_he_normal", "INIT_HE_NORMAL-2", _fan_in, 2.0),
    *_fan_bits("init_xavier_uniform"),
    *_fan_bits("init_xavier_normal"),
    *_fan_bits("init_he_uniform"),
    *_fan_bits("init_he_normal"),
]

# -- errors ------------------------------------------------------------------------------------------------

_DRAWN = (
    "init_uniform",
    "init_normal",
    "init_xavier_uniform",
    "init_xavier_normal",
    "init_he_uniform",
    "init_he_normal",
)
_SHAPED: dict[str, Any] = {"shape": (4, 3)}


def _refused(operation: str, name: str, error: Any, words: str, inputs: Any = None, **options: Any) -> Case:
    return error_case(
        operation,
        name,
        (f"{operation.upper()}-1",),
        lambda backend, **given: getattr(backend, operation)(**given, **{**_SHAPED, **options}),
        error,
        words,
        inputs={"key": keys()} if inputs is None else inputs,
    )


_ERRORS = [
    case
    for operation in (*_DRAWN, "init_zeros", "init_ones")
    for case in (
        _refused(
            operation,
            "shape",
            ArgumentError,
            "shape: expected a tuple of integers >= 0, got (3, -1)",
            None if operation in _DRAWN else {},
            shape=(3, -1),
        ),
        _refused(
            operation,
            "dtype",
            DTypeError,
            "dtype: expected one of float32, float64",
            None if operation in _DRAWN else {},
            dtype="int32",
        ),
    )
] + [
    case
    for operation in _DRAWN
    for case in (
        _refused(
            operation,
            "key-shape",
            ShapeError,
            "key: expected shape (2,) (a key, as key(seed) makes it), got (3,)",
            {"key": integers(3, high=9)},
        ),
        _refused(
            operation,
            "key-dtype",
            DTypeError,
            "key: expected an int32 array",
            {"key": integers(2, high=9, dtype="int8")},
        ),
    )
]
_ERRORS += [
    _refused("init_constant", "value", ArgumentError, "value: expected a finite number, got nan", {}, value=_NAN),
    _refused("init_constant", "dtype", DTypeError, "dtype: expected one of", {}, value=1.0, dtype="bool"),
    _refused(
        "init_uniform",
        "order",
        ArgumentError,
        "high: expected a finite number > 0.5, got 0.5",
        low=0.5,
        high=0.5,
    ),
    _refused("init_uniform", "low", ArgumentError, "low: expected a finite number, got -inf", low=-_INF),
    _refused("init_normal", "std", ArgumentError, "std: expected a finite number >= 0, got -1.0", std=-1.0),
    _refused("init_normal", "mean", ArgumentError, "mean: expected a finite number, got nan", mean=_NAN),
]
_ERRORS += [
    case
    for operation in _DRAWN[2:]
    for case in (
        _refused(
            operation,
            "rank",
            ArgumentError,
            "shape: expected at least 2 axes (out, in / groups, ...) to count fans, got (4,)",
            shape=(4,),
        ),
        _refused(
            operation,
            "groups",
            ArgumentError,
            "groups: expected a divisor of the 4 output units, got 3",
            groups=3,
        ),
        _refused(operation, "scale", ArgumentError, "scale: expected a finite number > 0, got 0.0", scale=0.0),
    )
]

CASES = [*_CONSTANT, *_UNIFORM, *_NORMAL, *_FAN, *_ERRORS]
