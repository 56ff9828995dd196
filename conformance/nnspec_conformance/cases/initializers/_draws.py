"""Inputs for draws that do not depend on the shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nnspec import Backend
from nnspec.errors import ArgumentError
from nnspec_conformance.case import Case, seed_of
from nnspec_conformance.cases.initializers._common import (
    BITS,
    bits,
    distributed,
    normal,
    statistics,
    truncated,
    uniform,
)

#: of random_uniform, whose entries there are the lowest and the highest number (see cases.random)
LOWEST, HIGHEST = (2468, 1005), (6331, 1594)


def extremes(operation: str, **options: Any) -> Callable[[Any], Any]:
    """The entries drawn from the ends of the stream, where a careless inverse is infinite or a bound is met."""

    def program(backend: Any) -> Any:
        draw = getattr(backend, operation)
        return [draw(backend.key(seed), (index + 1, 1), **options) for seed, index in (LOWEST, HIGHEST)]

    return program


_UNIFORM = [
    *bits(
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
        program=extremes("init_uniform", low=-0.3, high=0.3),
        checks=BITS,
        level="full",
    ),
    *statistics(
        {
            "statistics": {
                "operation": "init_uniform",
                "requires": ("INIT_UNIFORM-3", "INIT_UNIFORM-2"),
                "judge": distributed(
                    "init_uniform", (64, 8), uniform(2.0, 6 / 12**0.5), (-1.0, 5.0), low=-1.0, high=5.0
                ),
            },
            "statistics-default": {
                "operation": "init_uniform",
                "requires": ("INIT_UNIFORM-3", "INIT_UNIFORM-2"),
                "judge": distributed("init_uniform", (4096,), uniform(0.0, 0.1 / 12**0.5), (-0.05, 0.05)),
                "level": "full",
            },
            # bounds that are no numbers of the dtype: rounding may carry a draw past either of them
            "bounds": {
                "operation": "init_uniform",
                "requires": ("INIT_UNIFORM-2",),
                "judge": distributed(
                    "init_uniform", (4096,), uniform(0.5, 0.4 / 12**0.5), (0.3, 0.7), low=0.3, high=0.7
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


_UNIFORM += statistics(
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


def _narrow_normal(backend: Backend, dtype: str, seed: int) -> str | None:
    """Bounds between numbers of float32, where about every second draw rounds to one beyond them."""
    del dtype
    std = 2.0**-25
    drawn = backend.init_truncated_normal(
        backend.key(seed_of("narrow-normal", seed)), (999,), mean=1.0 + 3 * std, std=std, dtype="float32"
    )
    x = backend.to_numpy(drawn).astype(np.float64)
    outside = ~((x >= 1.0 + std) & (x <= 1.0 + 5 * std))
    return f"{int(outside.sum())} of {len(x)} draws beyond two standard deviations" if outside.any() else None


def _finite(backend: Backend, dtype: str, seed: int) -> str | None:
    """The lowest and the highest number of the stream: a plain inverse is infinite at the lowest."""
    del dtype, seed
    for number, index in (LOWEST, HIGHEST):
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
    *bits(
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
        program=extremes("init_normal", std=1.0),
        checks=BITS,
        level="full",
    ),
    *statistics(
        {
            "statistics": {
                "operation": "init_normal",
                "requires": ("INIT_NORMAL-3", "INIT_NORMAL-2"),
                "judge": distributed("init_normal", (64, 8), normal(3.0, 0.5), mean=3.0, std=0.5),
            },
            "statistics-default": {
                "operation": "init_normal",
                "requires": ("INIT_NORMAL-3",),
                "judge": distributed("init_normal", (4096,), normal(0.0, 0.05)),
                "level": "full",
            },
        }
    ),
]

#: name, bounds, standard deviation before truncation, options, level
_BOUNDS: tuple[tuple[str, float, float, float, dict[str, Any], str], ...] = (
    ("statistics-default", -2.0, 2.0, 0.05, {}, "quick"),
    ("statistics", -0.5, 3.0, 2.0, {"low": -0.5, "high": 3.0, "std": 2.0}, "quick"),
    ("statistics-unbounded", -37.0, 37.0, 1.0, {"low": -37.0, "high": 37.0, "std": 1.0}, "full"),
    ("statistics-left", -3.0, -1.0, 1.0, {"low": -3.0, "high": -1.0, "std": 1.0}, "full"),
)

_TRUNCATED = [
    *bits(
        "init_truncated_normal",
        {
            "moments": {"options": {"shape": (5, 33), "mean": -2.0, "std": 0.3}},
            "bounds": {"options": {"shape": (5, 33), "low": -0.5, "high": 3.0, "std": 1.0}},
            "tail": {"options": {"shape": (65,), "low": 6.0, "high": 37.0, "std": 1.0}},
            "long": {"options": {"shape": (16385,)}, "level": "full"},
        },
    ),
    Case(
        operation="init_truncated_normal",
        name="ends",
        requires=("INIT_TRUNCATED_NORMAL-2",),
        program=extremes("init_truncated_normal", mean=0.1, std=0.3),
        checks=BITS,
        level="full",
    ),
    *statistics(
        {
            name: {
                "operation": "init_truncated_normal",
                "requires": ("INIT_TRUNCATED_NORMAL-3", "INIT_TRUNCATED_NORMAL-2"),
                "judge": distributed(
                    "init_truncated_normal",
                    (64, 64),
                    truncated(low, high, std),
                    (low * std, high * std * (1 + 1e-15)),
                    **options,
                ),
                "level": level,
            }
            for name, low, high, std, options, level in _BOUNDS
        }
    ),
    *statistics(
        {
            "narrow-bounds": {
                "operation": "init_truncated_normal",
                "requires": ("INIT_TRUNCATED_NORMAL-2",),
                "judge": _narrow_normal,
                "dtypes": ("float32",),
            }
        }
    ),
]

CASES = [*_UNIFORM, *_NORMAL, *_TRUNCATED]
