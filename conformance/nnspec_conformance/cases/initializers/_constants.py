"""Inputs for constants, and the dtype asked for by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec import Backend
from nnspec_conformance.case import Case
from nnspec_conformance.cases.initializers._common import BITS, Judge, statistics


def _constants(backend: Any) -> Any:
    return [backend.init_constant((2, 3), value=value) for value in (0.1, -1e-30, 3e5)]


CASES = [
    Case(
        operation="init_zeros",
        name="shapes",
        requires=("INIT_ZEROS-1",),
        program=lambda backend: [backend.init_zeros(shape) for shape in ((3, 2), (), (0, 4))],
        checks=BITS,
    ),
    Case(
        operation="init_ones",
        name="shapes",
        requires=("INIT_ONES-1",),
        program=lambda backend: [backend.init_ones(shape) for shape in ((3, 2), (), (0, 4))],
        checks=BITS,
    ),
    Case(
        operation="init_constant",
        name="values",
        requires=("INIT_CONSTANT-1",),
        program=_constants,
        checks=BITS,
    ),
]


def _single(operation: str, **options: Any) -> Judge:
    """Asked for float32 by name, on a backend of either dtype."""

    def judge(backend: Backend, dtype: str, seed: int) -> str | None:
        del dtype, seed
        got = backend.to_numpy(getattr(backend, operation)((3,), dtype="float32", **options)).dtype
        return None if got == np.float32 else f"dtype {got}, expected float32"

    return judge


CASES += statistics(
    {
        "dtype": {
            "operation": "init_zeros",
            "requires": ("INIT_ZEROS-1",),
            "judge": _single("init_zeros"),
        }
    }
) + statistics(
    {
        "dtype": {
            "operation": "init_ones",
            "requires": ("INIT_ONES-1",),
            "judge": _single("init_ones"),
        }
    }
)
