"""What the cases of the initializers share: draws of fixed keys, and tests of their distribution.

The statistics ask of every distribution what its requirements state, by bounds that hold for every number n of draws.
Each bound is exceeded with probability alpha = 1e-9 at most by draws that are what they should be; a case makes seven
such tests at most, so its false-alarm rate is below 1e-8. Keys are fixed: a verdict never changes from run to run.

- the distribution function: Kolmogorov and Smirnov's distance, sqrt(log(2 / alpha) / 2n) (Dvoretzky, Kiefer, Wolfowitz;
  constant of Massart);
- the mean: Hoeffding's bound for the uniform and whatever else is bounded, the normal quantile for the normal;
- the variance: Hoeffding's bound on (x - mean)^2 for what is bounded, Laurent and Massart's for the chi-square;
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
from nnspec_conformance.case import Case, cases, seed_of

INF = math.inf
BITS = ("bits", "shapes", "repeat")
FALSE_ALARM = 1e-9
LOG = math.log(2 / FALSE_ALARM)


@dataclass(frozen=True)
class Distribution:
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
            return float(-ndtri(FALSE_ALARM / 2)) * self.std / math.sqrt(count)
        return self.width * math.sqrt(LOG / (2 * count))

    def variance_bound(self, count: int) -> float:
        if self.normal:
            x = LOG / count
            return self.std**2 * (2 * math.sqrt(x) + 2 * x)
        return (self.width / 2) ** 2 * math.sqrt(LOG / (2 * count))

    @property
    def width(self) -> float:
        return math.sqrt(12) * self.std


def uniform(mean: float, std: float) -> Distribution:
    return Distribution(mean, std, normal=False)


def normal(mean: float, std: float) -> Distribution:
    return Distribution(mean, std, normal=True)


@dataclass(frozen=True)
class Truncated(Distribution):
    """Normal of mean 0, between two bounds; `mean` and `std` are those of the result."""

    low: float
    high: float
    sigma: float

    def function(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy.special import ndtr

        below = ndtr(self.low)
        return np.asarray((ndtr(x / self.sigma) - below) / (ndtr(self.high) - below))

    def variance_bound(self, count: int) -> float:
        furthest = max(self.high * self.sigma - self.mean, self.mean - self.low * self.sigma)
        return float(furthest**2 * math.sqrt(LOG / (2 * count)))

    @property
    def width(self) -> float:
        return (self.high - self.low) * self.sigma


def truncated(low: float, high: float, sigma: float) -> Truncated:
    """What a normal of mean 0 and deviation `sigma` becomes between bounds in units of `sigma`."""
    density = [math.exp(-(bound**2) / 2) / math.sqrt(2 * math.pi) for bound in (low, high)]
    mass = (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2
    mean = (density[0] - density[1]) / mass
    std = math.sqrt(1 + (low * density[0] - high * density[1]) / mass - mean**2)
    return Truncated(mean * sigma, std * sigma, normal=False, low=low, high=high, sigma=sigma)


def distance_to_uniform(u: NDArray[np.float64]) -> float:
    """Kolmogorov and Smirnov's, of numbers that should be uniform in [0, 1]."""
    ordered, steps = np.sort(u), np.arange(len(u) + 1) / len(u)
    return float(max(np.max(steps[1:] - ordered), np.max(ordered - steps[:-1])))


def complaint(draws: list[NDArray[np.float64]], wanted: Distribution) -> str | None:
    """The first test that draws, a key each, fail."""
    x = np.concatenate(draws)
    u = wanted.function(x)
    v = 2 * u - 1  # of mean 0, and so are products of independent ones
    first, second = (2 * wanted.function(draw) - 1 for draw in draws[:2])
    half = len(x) // 2

    def products(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float]:
        return abs(float(np.mean(a * b))), math.sqrt(2 * LOG / len(a))

    tests = {
        "mean": (abs(float(np.mean(x)) - wanted.mean), wanted.mean_bound(len(x))),
        "variance": (
            abs(float(np.mean((x - wanted.mean) ** 2)) - wanted.std**2),
            wanted.variance_bound(len(x)),
        ),
        "distribution function": (distance_to_uniform(u), math.sqrt(LOG / (2 * len(u)))),
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


Judge = Callable[[Backend, str, int], str | None]


def distributed(
    operation: str,
    shape: tuple[int, ...],
    wanted: Distribution,
    within: tuple[float, float] = (-INF, INF),
    *,
    count: int = 1 << 15,
    **options: Any,
) -> Judge:
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
        return complaint(draws, wanted)

    return judge


def statistics(named: dict[str, dict[str, Any]]) -> list[Case]:
    """Cases of one judge: name -> operation, requires, judge, level."""
    return [Case(name=name, checks=("statistics",), **own) for name, own in named.items()]


#: (out, in) and (out, in / groups, height, width), out and in far apart
LINEAR, CONV = (128, 16), (24, 4, 3, 5)


def bits(operation: str, more: dict[str, dict[str, Any]]) -> list[Case]:
    """The key is made by the program: initializers draw on the host, so it may not be traced."""

    def program(name: str, options: dict[str, Any]) -> Callable[[Any], Any]:
        seed = seed_of(operation, name)
        return lambda backend: getattr(backend, operation)(backend.key(seed), **options)

    named: dict[str, dict[str, Any]] = {
        "default": {"options": {"shape": LINEAR}},
        "empty": {"options": {"shape": (0, 3)}, "level": "full"},
        **more,
    }
    return cases(
        operation,
        {name: {"program": program(name, own["options"]), **own} for name, own in named.items()},
        requires=(f"{operation.upper()}-1",),
        checks=BITS,
    )
