"""Inputs for weight_norm and spectral_norm."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec_conformance.case import Case, Source, cases, integers, normal, values
from nnspec_conformance.cases.normalization._common import EPS, FORWARD, NAN, mixed, rejected

__all__ = ["CASES"]

# -- weight_norm --------------------------------------------------------------------------------------------


def _pair(*shape: int, axis: int = 0, mean: float = 0.0, std: float = 1.0) -> Any:
    return {"v": normal(*shape, mean=mean, std=std), "g": normal(shape[axis], mean=1.5)}


def _along(backend: Any, v: Any, g: Any, cotangent: Any) -> Any:
    """What the gradient of v has along v, unit by unit: nothing."""
    _, pull = backend.vjp(backend.weight_norm, v, g)
    return backend.xp.sum(pull(cotangent)[0] * v, axis=-1)


def _turned(backend: Any, v: Any, g: Any) -> Any:
    """Of a kernel stored with its units last."""
    return backend.weight_norm(backend.xp.permute_dims(v, (2, 0, 1)), g)


_WEIGHT = cases(
    "weight_norm",
    {
        "kernels": {"inputs": _pair(4, 3, 5), "requires": ("WEIGHT_NORM-1",)},
        "large-mean": {"inputs": _pair(4, 3, 5, mean=1e3), "requires": ("WEIGHT_NORM-2",)},
        "small": {"inputs": _pair(4, 3, 5, std=1e-3), "requires": ("WEIGHT_NORM-2", "WEIGHT_NORM-1")},
        "last-axis": {
            "inputs": _pair(4, 3, 4, axis=2),
            "options": {"axis": -1},
            "requires": ("WEIGHT_NORM-3",),
        },
        "special-zero": {
            "inputs": {"v": values([[3.0, 4.0], [0.0, -0.0], [0.0, -5.0]]), "g": values([10.0, 1.0, 2.0])},
            "requires": ("WEIGHT_NORM-4",),
            "checks": FORWARD,
        },
    },
)

_WEIGHT_FULL = cases(
    "weight_norm",
    {
        "matrix": {"inputs": _pair(5, 33)},
        "middle-axis": {"inputs": _pair(4, 3, 5, axis=1), "options": {"axis": 1}},
        "volume": {"inputs": _pair(3, 2, 2, 3, 2)},
        "one-unit": {"inputs": _pair(1, 7)},
        "one-entry": {"inputs": _pair(5, 1)},
        "long": {"inputs": _pair(2, 1025)},
        "huge": {"inputs": _pair(4, 7, std=1e17)},
        "tiny": {"inputs": _pair(4, 7, std=1e-16)},
        "zero-length": {"inputs": {"v": normal(3, 4), "g": values([0.0, -2.0, 1.0])}},
        "empty": {"inputs": _pair(0, 4)},
        "strided": {"inputs": {n: s.laid_out("strided") for n, s in _pair(4, 3, 5).items()}},
        "transposed": {"inputs": {n: s.laid_out("transposed") for n, s in _pair(4, 5, 5).items()}},
        "turned": {"inputs": {"v": normal(3, 5, 4), "g": normal(4)}, "program": _turned},
        "along": {
            "inputs": {**_pair(4, 7), "cotangent": normal(4, 7, mean=2.0)},
            "program": _along,
            "checks": ("values",),
            "requires": ("WEIGHT_NORM-2",),
        },
        **{f"gradient-{name}": {"inputs": _pair(4, 7), "differentiate": (name,)} for name in ("v", "g")},
    },
    requires=("WEIGHT_NORM-1", "WEIGHT_NORM-3"),
    level="full",
)

# -- spectral_norm ------------------------------------------------------------------------------------------


def _start(*shape: int, mean: float = 0.0, std: float = 1.0) -> Any:
    return {"weight": normal(*shape, mean=mean, std=std), "u": normal(shape[0], mean=0.5)}


def _states(backend: Any, weight: Any, u: Any) -> Any:
    """Three calls, each from the state of the one before."""
    found = []
    for _ in range(3):
        normalized, u = backend.spectral_norm(weight, u)
        found.append(normalized)
    return [*found, u]


# special: the reference carries no gradient where a difference quotient finds one
_SPECTRAL = cases(
    "spectral_norm",
    {
        "special-matrix": {
            "inputs": _start(5, 7),
            "requires": ("SPECTRAL_NORM-1", "SPECTRAL_NORM-2", "SPECTRAL_NORM-3"),
        },
        "special-large-mean": {"inputs": _start(5, 7, mean=100.0), "requires": ("SPECTRAL_NORM-2",)},
        "special-small": {"inputs": _start(5, 7, std=1e-3), "requires": ("SPECTRAL_NORM-2",)},
        "special-kernels": {
            "inputs": _start(4, 3, 2),
            "options": {"n_power_iterations": 3},
            "requires": ("SPECTRAL_NORM-4", "SPECTRAL_NORM-1", "SPECTRAL_NORM-3"),
        },
        "special-evaluation": {
            "inputs": _start(5, 7),
            "options": {"n_power_iterations": 0},
            "requires": ("SPECTRAL_NORM-5", "SPECTRAL_NORM-3"),
        },
        "special-zero": {
            "inputs": {"weight": values([[0.0] * 7] * 5), "u": values([1.0, 0.0, 0.0, 0.0, 0.0])},
            "requires": ("SPECTRAL_NORM-6",),
            "checks": FORWARD,
        },
    },
)

_SPECTRAL_FULL = cases(
    "spectral_norm",
    {
        "special-states": {"inputs": _start(5, 7), "program": _states},
        "special-tall": {"inputs": _start(17, 3)},
        "special-square": {"inputs": _start(4, 4)},
        "special-one-unit": {"inputs": _start(1, 7)},
        "special-one-entry": {"inputs": _start(5, 1)},
        "special-volume": {"inputs": _start(3, 2, 2, 3, 2)},
        "special-long-u": {"inputs": {"weight": normal(5, 7), "u": normal(5, std=1e3)}},
        "special-floor": {"inputs": _start(5, 7), "options": {"eps": 10.0}},
        "special-ten": {"inputs": _start(5, 7), "options": {"n_power_iterations": 10}},
        "special-strided": {"inputs": {n: s.laid_out("strided") for n, s in _start(4, 3, 2).items()}},
        "special-transposed": {"inputs": {n: s.laid_out("transposed") for n, s in _start(4, 4).items()}},
    },
    requires=("SPECTRAL_NORM-1", "SPECTRAL_NORM-2", "SPECTRAL_NORM-3"),
    level="full",
)

# -- errors -------------------------------------------------------------------------------------------------


def _bad(operation: str, name: str, requirement: str, error: type[NnspecError], *words: str, **options: Any) -> Case:
    """Good arrays, bad options; or an array in the place of a good one."""
    arrays = {n: options.pop(n) for n in list(options) if isinstance(options[n], Source)}
    good = _pair(2, 3) if operation == "weight_norm" else _start(2, 3)
    return rejected(operation, name, requirement, error, *words, inputs={**good, **arrays}, **options)


_COUNT = "n_power_iterations: expected an integer >= 0, got"

_ERRORS = [
    _bad(
        "weight_norm",
        "size",
        "WEIGHT_NORM-3",
        ShapeError,
        "g: expected shape (3,) (axis 1 of v), got (2,)",
        axis=1,
    ),
    _bad(
        "weight_norm", "rank", "WEIGHT_NORM-3", ShapeError, "v: expected at least 2 axes, got shape (3,)", v=normal(3)
    ),
    _bad("weight_norm", "g-rank", "WEIGHT_NORM-3", ShapeError, "g: expected shape (2,)", g=normal(2, 1)),
    _bad("weight_norm", "axis", "WEIGHT_NORM-3", ArgumentError, "axis: expected an integer in [-2, 2), got 2", axis=2),
    _bad(
        "weight_norm",
        "axis-none",
        "WEIGHT_NORM-3",
        ArgumentError,
        "axis: expected an integer in [-2, 2), got None",
        axis=None,
    ),
    *(
        _bad(
            "weight_norm",
            f"integer-{name}",
            "WEIGHT_NORM-1",
            DTypeError,
            f"{name}: expected a floating array",
            **{name: integers(*shape, high=5)},
        )
        for name, shape in (("v", (2, 3)), ("g", (2,)))
    ),
    mixed("weight_norm", "g", "WEIGHT_NORM-1", _pair(2, 3), like="v"),
    _bad(
        "spectral_norm",
        "size",
        "SPECTRAL_NORM-1",
        ShapeError,
        "u: expected shape (2,) (axis 0 of weight), got (3,)",
        u=normal(3),
    ),
    _bad(
        "spectral_norm",
        "rank",
        "SPECTRAL_NORM-4",
        ShapeError,
        "weight: expected at least 2 axes, got shape (2,)",
        weight=normal(2),
    ),
    _bad("spectral_norm", "count", "SPECTRAL_NORM-5", ArgumentError, f"{_COUNT} -1", n_power_iterations=-1),
    _bad("spectral_norm", "count-type", "SPECTRAL_NORM-5", ArgumentError, f"{_COUNT} 1.0", n_power_iterations=1.0),
    _bad("spectral_norm", "eps", "SPECTRAL_NORM-1", ArgumentError, f"{EPS} 0", eps=0),
    _bad("spectral_norm", "eps-nan", "SPECTRAL_NORM-1", ArgumentError, f"{EPS} nan", eps=NAN),
    *(
        _bad(
            "spectral_norm",
            f"integer-{name}",
            "SPECTRAL_NORM-1",
            DTypeError,
            f"{name}: expected a floating array",
            **{name: integers(*shape, high=5)},
        )
        for name, shape in (("weight", (2, 3)), ("u", (2,)))
    ),
    mixed("spectral_norm", "u", "SPECTRAL_NORM-1", _start(2, 3), like="weight"),
]

CASES: list[Case] = [*_WEIGHT, *_WEIGHT_FULL, *_SPECTRAL, *_SPECTRAL_FULL, *_ERRORS]
