"""Laws of normalization."""

from __future__ import annotations

from typing import Any

from nnspec_conformance.laws._batches import GRADIENTS_ACCUMULATE, ROW_ALONE, ROW_GRADIENT
from nnspec_conformance.laws._gradients import ADJOINT, GRADIENT_IS_ORTHOGONAL, GRADIENT_SUMS_TO_ZERO, LINEAR
from nnspec_conformance.laws._law import Applied
from nnspec_conformance.laws._symmetries import REORDERED, SCALED, SHIFTED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]

#: x times 2, and eps, which stands beside its square, times 4
_UNIT = {"x": 1, "eps": 2}


def _centered(base: str, axis: Any, **more: Any) -> tuple[Applied, ...]:
    """The mean is taken away over `axis`."""
    return (
        SHIFTED(base, of={"x": axis}, **more),
        GRADIENT_SUMS_TO_ZERO(base, of="x", axis=axis, **more),
    )


def _by_row(base: str, *parameters: str, axis: int = 0) -> tuple[Applied, ...]:
    rows = {"x": axis}
    return (
        ROW_ALONE(base, rows=rows, result=axis),
        ROW_GRADIENT(base, rows=rows, of=("x",), result=axis),
        GRADIENTS_ACCUMULATE(base, rows=rows, of=parameters, result=axis),
    )


_CHANNELS = {"x": 1, "weight": 0, "bias": 0}

LAWS: dict[str, tuple[Applied, ...]] = {
    "batch_norm": (
        *_centered("images", (0, 2, 3), part=0),
        SCALED(
            "images",
            by={**_UNIT, "running_mean": 1, "running_var": 2},
            result=(0, 1, 2),
        ),
        REORDERED("images", along={"x": (0, 2, 3)}, result=(0, 2, 3), part=0, named="samples"),
        REORDERED(
            "images",
            along={**_CHANNELS, "running_mean": 0, "running_var": 0},
            result=1,
            part=0,
            named="channels",
        ),
        *(REORDERED("images", along={"x": (0, 2, 3)}, part=part, named=f"running-{part}") for part in (1, 2)),
        ROW_ALONE("evaluation", rows={"x": 0}, part=0, named="evaluation"),
        ROW_GRADIENT("evaluation", rows={"x": 0}, of=("x",), part=0, named="evaluation"),
    ),
    "layer_norm": (
        *_centered("unsorted-axes", (2, 0)),
        *_centered("rows", -1, named="rows"),
        SCALED("unsorted-axes", by=_UNIT),
        *_by_row("unsorted-axes", "weight", "bias", axis=1),
        REORDERED("rows", along={"x": 1, "weight": 0, "bias": 0}, result=1, named="entries"),
    ),
    "group_norm": (
        *_centered("images", (1, 2, 3)),
        SCALED("images", by=_UNIT),
        *_by_row("images", "weight", "bias"),
        REORDERED("images", along=_CHANNELS, result=1, named="channels"),
    ),
    "instance_norm": (
        *_centered("images", (2, 3)),
        SCALED("images", by=_UNIT),
        *_by_row("images", "weight", "bias"),
        ROW_ALONE("images", rows=_CHANNELS, result=1, named="channel"),
        REORDERED("images", along=_CHANNELS, result=1, named="channels"),
    ),
    "rms_norm": (
        SCALED("unsorted-axes", by=_UNIT),
        *_by_row("unsorted-axes", "weight", axis=1),
        LINEAR("rows", of="weight"),
        ADJOINT("rows", of="weight"),
        REORDERED("rows", along={"x": 1, "weight": 0}, result=1, named="entries"),
    ),
    "local_response_norm": (
        SCALED("even", by={"x": 1, "alpha": -2}, result=1),
        ROW_ALONE("even", rows={"x": 0}),
        ROW_ALONE("even", rows={"x": 2}, result=2, named="place"),
        ROW_GRADIENT("even", rows={"x": 0}, of=("x",)),
        REORDERED("odd", along={"x": 1}, result=1, options={"alpha": 2.0}, named="channels"),
        REORDERED("even", along={"x": (0, 2, 3)}, result=(0, 2, 3), named="places"),
    ),
    "weight_norm": (
        SCALED("kernels", 2, by={"v": 1}),
        GRADIENT_IS_ORTHOGONAL("kernels", 2, of="v", axis=(1, 2), sampled=True),
        LINEAR("kernels", of="g"),
        ADJOINT("kernels", of="g"),
        ROW_ALONE("kernels", rows={"v": 0, "g": 0}),
        ROW_GRADIENT("kernels", rows={"v": 0, "g": 0}, of=("v", "g")),
        REORDERED("kernels", along={"v": (0, 1, 2), "g": 0}, result=(0, 1, 2)),
    ),
    "spectral_norm": (
        SCALED("special-matrix", by={"weight": 1}, result=(0, 0)),
        GRADIENT_IS_ORTHOGONAL("special-matrix", 3, of="weight", axis=(0, 1), part=0),
        REORDERED("special-matrix", along={"weight": (0, 1), "u": 0}, result=(0, 1), part=0),
        REORDERED("special-matrix", along={"weight": (0, 1), "u": 0}, result=0, part=1, named="state"),
    ),
    "l2_normalize": (
        SCALED("axes", by={"x": 1}),
        GRADIENT_IS_ORTHOGONAL("axes", of="x", axis=(2, 0)),
        ROW_ALONE("axes", rows={"x": 1}, result=1),
        ROW_GRADIENT("axes", rows={"x": 1}, of=("x",), result=1),
        REORDERED("axes", along={"x": (0, 1, 2)}, result=(0, 1, 2)),
    ),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "batch_norm": {
        "rows": {"weight": None, "bias": None, "training": False, "eps": 0.1},
        "running-mean": {"decay": 0.9},
        "axis": {"axis": 1},
    },
    "layer_norm": {
        "rows": {"weight": None, "bias": None, "eps": 0.1},
        "plain": {"axis": 0},
    },
    "group_norm": {
        "images": {"weight": None, "bias": None, "groups": 3, "eps": 1e-05},
    },
    "instance_norm": {
        "images": {"weight": None, "bias": None, "eps": 1e-05},
    },
    "rms_norm": {
        "rows": {"weight": None, "eps": 0.1},
        "plain": {"axis": 0},
    },
    "local_response_norm": {
        "odd": {"size": 4, "alpha": 3.0, "beta": 0.5, "k": 0.7},
    },
    "weight_norm": {
        "last-axis": {"axis": 0},
    },
    "spectral_norm": {
        "special-matrix": {"n_power_iterations": 3, "eps": 10.0},
    },
    "l2_normalize": {
        "rows": {"axis": (-1, 0), "eps": 3.0},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {}
