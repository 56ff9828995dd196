"""Inputs for weights that are more than independent draws: orthogonal, identical maps, sparse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec import Backend
from nnspec_conformance.case import Case, cases, seed_of
from nnspec_conformance.cases.initializers._common import (
    BITS,
    CONV,
    FALSE_ALARM,
    LOG,
    Judge,
    bits,
    complaint,
    distance_to_uniform,
    distributed,
    normal,
    statistics,
)


def _weight(backend: Backend, operation: str, seed: tuple[object, ...], *args: Any, **options: Any) -> NDArray[Any]:
    """What an initializer draws, on the host."""
    drawn = getattr(backend, operation)(backend.key(seed_of(operation, *seed)), *args, **options)
    return np.asarray(backend.to_numpy(drawn).astype(np.float64))


# -- orthogonal --------------------------------------------------------------------------------------------


def _orthonormal(shape: tuple[int, ...], **options: float) -> Judge:
    """W W^T is gain^2 I: no element further from it than one rounding of each weight moves it, 2 u gain^2.

    In float64 the reflections' own rounding comes on top: at most 8 u for every one of the n summands.
    """

    def judge(backend: Backend, dtype: str, seed: int) -> str | None:
        w = _weight(backend, "init_orthogonal", ("law", seed), shape, dtype=dtype, **options).reshape(shape[0], -1)
        w = w if w.shape[0] <= w.shape[1] else w.T
        square = options.get("gain", 1.0) ** 2
        off = float(np.abs(w @ w.T - square * np.eye(len(w))).max())
        u = np.finfo(dtype).eps / 2
        bound = square * (2.01 * u + 8 * w.shape[1] * np.finfo(np.float64).eps / 2)
        return None if off <= bound else f"W W^T differs from gain^2 I by {off:.3g}, at most {bound:.3g} expected"

    return judge


def _haar(count: int) -> Judge:
    """Elements of 3 by 3 matrices are uniform in [-1, 1] (Archimedes), and half of the determinants are 1.

    Twelve tests over `count` keys, each with a false-alarm rate of 1e-9: the nine elements' distribution functions
    (Dvoretzky, Kiefer, Wolfowitz), the sign of the determinant, and the products of two pairs of elements that are
    orthogonal in the mean (Hoeffding).
    """

    def judge(backend: Backend, dtype: str, seed: int) -> str | None:
        q = np.stack([_weight(backend, "init_orthogonal", (i, seed), (3, 3), dtype=dtype) for i in range(count)])
        for i, j in np.ndindex(3, 3):
            distance = distance_to_uniform(np.clip((q[:, i, j] + 1) / 2, 0, 1))
            if not distance <= math.sqrt(LOG / (2 * count)):
                return f"element ({i}, {j}) of {count} matrices is not uniform in [-1, 1]: off by {distance:.3g}"
        bound = math.sqrt(2 * LOG / count)
        means = {
            "the determinant": np.linalg.det(q),
            "neighbours in a row": q[:, 0, 0] * q[:, 0, 1],
            "neighbours in a column": q[:, 0, 0] * q[:, 1, 0],
        }
        for what, values in means.items():
            if not abs(float(np.mean(values))) <= bound:
                return f"mean of {what} over {count} matrices: {np.mean(values):.3g}, at most {bound:.3g} expected"
        return None

    return judge


_ORTHOGONAL = [
    *bits(
        "init_orthogonal",
        {
            "wide": {"options": {"shape": (3, 70), "gain": -1.3}},
            "conv": {"options": {"shape": CONV}, "level": "full"},
            # more columns than are computed together
            "panels": {"options": {"shape": (131, 130)}, "level": "full"},
            "one": {"options": {"shape": (1, 1)}},
        },
    ),
    *statistics(
        {
            name: {
                "operation": "init_orthogonal",
                "requires": (f"INIT_ORTHOGONAL-{requirement}",),
                "judge": judge,
                "level": level,
            }
            for name, requirement, judge, level in (
                ("rows", 2, _orthonormal((17, 33)), "quick"),
                ("columns", 2, _orthonormal((33, 17), gain=0.3), "quick"),
                ("kernel", 2, _orthonormal((8, 3, 2, 2), gain=1.7), "quick"),
                ("square", 2, _orthonormal((100, 100)), "full"),
                ("haar", 3, _haar(100), "quick"),
                ("haar-many", 3, _haar(2000), "full"),
            )
        }
    ),
]

# -- identical maps ----------------------------------------------------------------------------------------


def _through_linear(backend: Backend, dtype: str, seed: int) -> str | None:
    """Integers, which products of any precision keep."""
    del seed
    x = np.arange(-3.0, 3.0).reshape(2, 3)
    for out in (2, 3, 5):
        y = backend.linear(backend.asarray(x, dtype=dtype), backend.init_identity((out, 3), dtype=dtype))
        kept = min(out, 3)
        expected = np.concatenate([x[:, :kept], np.zeros((2, out - kept))], axis=1)
        if not np.array_equal(backend.to_numpy(y), expected):
            return f"a linear layer of {out} units returned {backend.to_numpy(y).tolist()}"
    return None


def _through_conv(backend: Backend, dtype: str, seed: int) -> str | None:
    """Padded to keep the size, grouped and not."""
    del seed
    x = np.arange(-40.0, 40.0).reshape(2, 4, 2, 5)
    for groups in (1, 2, 4):
        weight = backend.init_dirac((4, 4 // groups, 3, 5), groups=groups, dtype=dtype)
        y = backend.conv(backend.asarray(x, dtype=dtype), weight, padding=(1, 2), groups=groups)
        if not np.array_equal(backend.to_numpy(y), x):
            return f"a convolution in {groups} groups changed its input"
    return None


_MAPS = [
    *cases(
        "init_identity",
        {
            "shapes": {"program": lambda b: [b.init_identity(shape) for shape in ((3, 2), (2, 5), (1, 1), (0, 3))]},
            "gain": {"program": lambda b: [b.init_identity((3, 4), gain=gain) for gain in (0.1, -2.0, 0.0)]},
        },
        requires=("INIT_IDENTITY-1",),
        checks=BITS,
    ),
    *cases(
        "init_dirac",
        {
            "fields": {
                "program": lambda b: [b.init_dirac(shape) for shape in ((2, 3, 4), (3, 2, 3, 5), (2, 2, 1, 3, 2))]
            },
            "groups": {"program": lambda b: [b.init_dirac((6, n, 3), groups=groups) for n, groups in ((2, 3), (4, 2))]},
            "empty": {"program": lambda b: [b.init_dirac(shape) for shape in ((0, 2, 3), (2, 0, 3), (2, 2, 0))]},
        },
        requires=("INIT_DIRAC-1",),
        checks=BITS,
    ),
    *(
        case
        for operation, judge in (("init_identity", _through_linear), ("init_dirac", _through_conv))
        for case in statistics(
            {"passes": {"operation": operation, "requires": (f"{operation.upper()}-2",), "judge": judge}}
        )
    ),
]

# -- sparse ------------------------------------------------------------------------------------------------


def _counted(backend: Backend, dtype: str, seed: int) -> str | None:
    """Nonzeros of every unit: as many as asked for, or all."""
    for shape, options, expected in (((9, 40), {}, 15), ((9, 3, 2, 4), {"nonzeros": 5}, 5), ((9, 2, 3), {}, 6)):
        w = _weight(backend, "init_sparse", ("count", seed), shape, dtype=dtype, **options)
        counts = np.count_nonzero(w.reshape(9, -1), axis=1)
        if np.any(counts != expected):
            return f"nonzeros of the units of {shape}: expected {expected}, got {counts.tolist()}"
    return None


def _placed(units: int) -> Judge:
    """Each place is taken with probability k / n, and two units have k^2 / n places in common in the mean.

    Hoeffding's bounds, with a false-alarm rate of 1e-9 for all places together, and of 1e-9 for neighbouring units.
    """
    inputs, nonzeros = 20, 3

    def judge(backend: Backend, dtype: str, seed: int) -> str | None:
        w = _weight(backend, "init_sparse", ("place", seed), (units, inputs), nonzeros=nonzeros, dtype=dtype)
        taken = w != 0
        off = float(np.abs(taken.mean(axis=0) - nonzeros / inputs).max())
        if not off <= math.sqrt(math.log(2 * inputs / FALSE_ALARM) / (2 * units)):
            return f"a place is taken {off:.3g} more or less often than {nonzeros} / {inputs}"
        common = float((taken[0::2] & taken[1::2]).sum(axis=1).mean())
        if not abs(common - nonzeros**2 / inputs) <= nonzeros * math.sqrt(LOG / units):
            return f"units have {common:.3g} places in common in the mean, expected {nonzeros**2 / inputs}"
        return None

    return judge


def _valued(**options: float) -> Judge:
    """The nonzero weights of two keys, against the normal distribution."""

    def judge(backend: Backend, dtype: str, seed: int) -> str | None:
        drawn = [_weight(backend, "init_sparse", (i, seed), (200, 40), dtype=dtype, **options) for i in range(2)]
        values = [w[w != 0] for w in drawn]
        if len({len(v) for v in values}) > 1:
            return f"different numbers of nonzeros: {[len(v) for v in values]}"
        return complaint(values, normal(0.0, options.get("std", 1.0)))

    return judge


_SPARSE = [
    *bits(
        "init_sparse",
        {
            "kernel": {"options": {"shape": (7, 3, 2, 4), "nonzeros": 5, "std": 0.1}},
            "dense": {"options": {"shape": (5, 3)}},
        },
    ),
    *statistics(
        {
            "count": {"operation": "init_sparse", "requires": ("INIT_SPARSE-2",), "judge": _counted},
            "places": {"operation": "init_sparse", "requires": ("INIT_SPARSE-3",), "judge": _placed(1000)},
            "values": {"operation": "init_sparse", "requires": ("INIT_SPARSE-4",), "judge": _valued()},
            "values-std": {
                "operation": "init_sparse",
                "requires": ("INIT_SPARSE-4",),
                "judge": _valued(std=0.1, nonzeros=9),
                "level": "full",
            },
            # all places taken: the values alone
            "values-dense": {
                "operation": "init_sparse",
                "requires": ("INIT_SPARSE-4",),
                "judge": distributed("init_sparse", (300, 15), normal(0.0, 1.0)),
                "level": "full",
            },
        }
    ),
]

CASES: list[Case] = [*_ORTHOGONAL, *_MAPS, *_SPARSE]
