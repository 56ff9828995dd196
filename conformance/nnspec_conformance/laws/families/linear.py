"""Laws of linear maps."""

from __future__ import annotations

from nnspec_conformance.laws._batches import GRADIENTS_ACCUMULATE, ROW_ALONE, ROW_GRADIENT
from nnspec_conformance.laws._gradients import ADJOINT, LINEAR
from nnspec_conformance.laws._law import Applied
from nnspec_conformance.laws._symmetries import REORDERED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]

_BASE = "leading-axes"
_BIAS = ("bias",)
_BOTH = {"x1": 0, "x2": 0}

LAWS: dict[str, tuple[Applied, ...]] = {
    "linear": (
        *(LINEAR(_BASE, of=of, without=_BIAS, named=of) for of in ("x", "weight")),
        *(ADJOINT(_BASE, of=of, without=_BIAS, named=of, sampled=of == "x") for of in ("x", "weight")),
        ROW_ALONE(_BASE, rows={"x": 0}),
        ROW_GRADIENT(_BASE, rows={"x": 0}, of=("x",)),
        GRADIENTS_ACCUMULATE(_BASE, rows={"x": 0}, of=("weight", "bias")),
        REORDERED(_BASE, along={"x": 3, "weight": 1}, named="inputs"),
        REORDERED(_BASE, along={"weight": 0, "bias": 0}, result=3, named="outputs"),
    ),
    "bilinear": (
        *(LINEAR(_BASE, of=of, without=_BIAS, named=of) for of in ("x1", "x2", "weight")),
        *(ADJOINT(_BASE, of=of, without=_BIAS, named=of) for of in ("x1", "x2", "weight")),
        ROW_ALONE(_BASE, rows=_BOTH),
        ROW_GRADIENT(_BASE, rows=_BOTH, of=("x1", "x2")),
        GRADIENTS_ACCUMULATE(_BASE, rows=_BOTH, of=("weight", "bias")),
        REORDERED(_BASE, along={"x1": 2, "weight": 1}, named="first-inputs"),
        REORDERED(_BASE, along={"x2": 2, "weight": 2}, named="second-inputs"),
        REORDERED(_BASE, along={"weight": 0, "bias": 0}, result=2, named="outputs"),
    ),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "linear": {
        "unit": {"bias": None},
    },
    "bilinear": {
        "leading-axes": {"bias": None},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {}
