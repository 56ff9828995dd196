"""Inputs for weights whose variance follows from their fans."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec import Backend
from nnspec_conformance.case import Case, seed_of
from nnspec_conformance.cases.initializers._common import (
    CONV,
    INF,
    LINEAR,
    LOG,
    Judge,
    bits,
    distributed,
    normal,
    statistics,
    truncated,
    uniform,
)


def _fan_bits(operation: str) -> list[Case]:
    return bits(
        operation,
        {
            "grouped": {"options": {"shape": CONV, "groups": 6, "scale": 0.7}},
            "conv": {"options": {"shape": CONV}, "level": "full"},
            "fan-zero": {"options": {"shape": (3, 0)}, "level": "full"},
            "long": {"options": {"shape": (130, 129)}, "level": "full"},
        },
    )


#: shape, options, fan_in, fan_out: counted by hand; output units come first, then the inputs of a group, then the field
_FANS: dict[str, tuple[tuple[int, ...], dict[str, Any], int, int]] = {
    "square": ((64, 64), {}, 64, 64),
    "linear": (LINEAR, {}, 16, 128),
    "grouped": (CONV, {"groups": 6, "scale": 0.5}, 60, 60),
    "conv": (CONV, {}, 60, 360),
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
            wanted, limit = uniform(0.0, std), math.sqrt(3) * std
        else:
            wanted, limit = normal(0.0, std), INF
        rounding = 1 + 4 * np.finfo(np.float64).eps  # of the limit computed here
        within = (-limit * rounding, limit * rounding)
        found.append(
            Case(
                operation=operation,
                name=f"statistics-{name}",
                requires=(distribution,) if name == "square" else tuple(dict.fromkeys((counts, distribution))),
                checks=("statistics",),
                judge=distributed(operation, shape, wanted, within, **options),
                level="quick" if name in _QUICK_FANS else "full",
            )
        )
    return found


def _mean_fan(fan_in: int, fan_out: int) -> float:
    return (fan_in + fan_out) / 2


def _fan_in(fan_in: int, fan_out: int) -> float:
    del fan_out
    return fan_in


_GROWTH: dict[str, Any] = {"width": 128, "depth": 16}


def _growth(width: int, depth: int, *, rectified: bool) -> tuple[float, float]:
    """Bounds on log(|h_depth|^2 / |h_0|^2), each exceeded with probability 5e-10 at most.

    With normal weights the layers' ratios are independent, (c / n) chi-square with b degrees of freedom, where b is
    n in a linear layer (c = 1), binomial with 1/2 in a relu layer (c = 2). Chernoff's bound on the sum of logarithms
    needs their moments alone; b < n / 8 is left out, which has probability below 1e-17 at n = 128.
    """
    from scipy.special import gammaln, logsumexp

    b = np.arange(width // 8, width + 1) if rectified else np.array([width])
    weight = (
        gammaln(width + 1) - gammaln(b + 1) - gammaln(width - b + 1) - width * math.log(2) if rectified else 0.0 * b
    )
    s = np.geomspace(0.1, 7.9, 200)[:, None]

    def cumulant(power: NDArray[np.float64]) -> NDArray[np.float64]:
        moments = power * math.log((4 if rectified else 2) / width) + gammaln(b / 2 + power) - gammaln(b / 2)
        return np.asarray(logsumexp(weight + moments, axis=1))

    up, down = (float(np.min((depth * cumulant(sign * s) + LOG) / s[:, 0])) for sign in (1, -1))
    return -down, up


def _stack(operation: str, width: int, depth: int, *, rectified: bool) -> Judge:
    """A signal through layers of fresh weights keeps its mean square within what chance allows."""

    def judge(backend: Backend, dtype: str, seed: int) -> str | None:
        start = h = np.cos(np.arange(width))
        for layer in range(depth):
            key = backend.key(seed_of(operation, "stack", layer, seed))
            h = backend.to_numpy(getattr(backend, operation)(key, (width, width), dtype=dtype)).astype(np.float64) @ h
            h = np.maximum(h, 0) if rectified else h
        low, high = _growth(width, depth, rectified=rectified)
        ratio = math.log(float(h @ h) / float(start @ start)) if np.any(h) else -INF
        if low <= ratio <= high:
            return None
        return f"log of the mean square's growth over {depth} layers: expected {low:.3g} to {high:.3g}, got {ratio:.3g}"

    return judge


def _same(backend: Backend, dtype: str, seed: int) -> str | None:
    """The initializers that have a name of their own, by scale, fan and distribution."""
    key = backend.key(seed_of("same", seed))
    for rule, scale, mode in (("xavier", 1.0, "fan_avg"), ("he", 2.0, "fan_in"), ("lecun", 1.0, "fan_in")):
        for distribution in ("uniform", "normal"):
            named = getattr(backend, f"init_{rule}_{distribution}")(key, CONV, groups=6, dtype=dtype)
            general = backend.init_variance_scaling(
                key, CONV, groups=6, scale=scale, mode=mode, distribution=distribution, dtype=dtype
            )
            if not np.array_equal(backend.to_numpy(named), backend.to_numpy(general)):
                return f"differs from init_{rule}_{distribution}"
    return None


def _scaled(mode: str, distribution: str, fan: float, level: str = "full", **options: Any) -> dict[str, Any]:
    """Statistics of variance scaling at (24, 4, 3, 5) in 6 groups: fan_in 60, fan_out 60; one group: 60, 360."""
    std = math.sqrt(options.get("scale", 1.0) / fan)
    sigma = std / _TRUNCATED
    wanted, limit = {
        "uniform": (uniform(0.0, std), math.sqrt(3) * std),
        "normal": (normal(0.0, std), INF),
        "truncated_normal": (truncated(-2.0, 2.0, sigma), 2 * sigma),
    }[distribution]
    within = (-limit * (1 + 1e-14), limit * (1 + 1e-14))
    chosen = {"mode": mode, "distribution": distribution, **options}
    return {
        "operation": "init_variance_scaling",
        "requires": ("INIT_VARIANCE_SCALING-2", "INIT_VARIANCE_SCALING-3"),
        "judge": distributed("init_variance_scaling", CONV, wanted, within, **chosen),
        "level": level,
    }


#: standard deviation of the standard normal between -2 and 2
_TRUNCATED = 0.8796256610342398

_VARIANCE_SCALING = [
    *bits(
        "init_variance_scaling",
        {
            f"{mode}-{distribution}": {
                "options": {"shape": CONV, "mode": mode, "distribution": distribution, "scale": 0.7},
                "level": "quick" if mode == "fan_out" else "full",
            }
            for mode in ("fan_in", "fan_out", "fan_avg")
            for distribution in ("truncated_normal", "normal", "uniform")
        },
    ),
    *statistics(
        {
            "named": {
                "operation": "init_variance_scaling",
                "requires": ("INIT_VARIANCE_SCALING-4", "INIT_VARIANCE_SCALING-1"),
                "judge": _same,
            },
            "statistics-truncated": _scaled("fan_in", "truncated_normal", 60, "quick", scale=2.0),
            "statistics-normal": _scaled("fan_out", "normal", 360, "quick"),
            "statistics-uniform": _scaled("fan_avg", "uniform", 210, "quick"),
            "statistics-grouped": _scaled("fan_out", "truncated_normal", 60, groups=6),
        }
    ),
]

_STACKS = statistics(
    {
        "stack": {
            "operation": "init_he_normal",
            "requires": ("INIT_HE_NORMAL-3",),
            "judge": _stack("init_he_normal", **_GROWTH, rectified=True),
        }
    }
) + statistics(
    {
        "stack": {
            "operation": "init_lecun_normal",
            "requires": ("INIT_LECUN_NORMAL-3",),
            "judge": _stack("init_lecun_normal", **_GROWTH, rectified=False),
        }
    }
)

CASES = [
    *_VARIANCE_SCALING,
    *_STACKS,
    *_fan_statistics("init_lecun_uniform", "INIT_LECUN_UNIFORM-2", _fan_in, 1.0),
    *_fan_statistics("init_lecun_normal", "INIT_LECUN_NORMAL-2", _fan_in, 1.0),
    *_fan_bits("init_lecun_uniform"),
    *_fan_bits("init_lecun_normal"),
    *_fan_statistics("init_xavier_uniform", "INIT_XAVIER_UNIFORM-3", _mean_fan, 1.0),
    *_fan_statistics("init_xavier_normal", "INIT_XAVIER_NORMAL-2", _mean_fan, 1.0),
    *_fan_statistics("init_he_uniform", "INIT_HE_UNIFORM-2", _fan_in, 2.0),
    *_fan_statistics("init_he_normal", "INIT_HE_NORMAL-2", _fan_in, 2.0),
    *_fan_bits("init_xavier_uniform"),
    *_fan_bits("init_xavier_normal"),
    *_fan_bits("init_he_uniform"),
    *_fan_bits("init_he_normal"),
]
