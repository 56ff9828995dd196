"""Laws of dropout."""

from __future__ import annotations

from nnspec_conformance.laws._batches import ROW_ALONE, ROW_GRADIENT
from nnspec_conformance.laws._gradients import ADJOINT, LINEAR
from nnspec_conformance.laws._ignored import DROPPED_ENTRY
from nnspec_conformance.laws._law import Applied, Flipped
from nnspec_conformance.laws._symmetries import REORDERED, SCALED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]

_ROWS = {"x": 0, "mask": 0}


def _masked(*, sampled: bool = False, row: int = -1) -> tuple[Applied, ...]:
    """`row` is not dropped as a whole."""
    return (
        DROPPED_ENTRY("mask", sampled=sampled),
        ROW_ALONE("mask", rows=_ROWS),
        ROW_GRADIENT("mask", rows={"x": 0, "mask": 0}, of=("x",), row=row),
        REORDERED("mask", along=_ROWS, result=0),
    )


def _linear() -> tuple[Applied, ...]:
    """With a mask, and with a key, which draws one that does not depend on x."""
    return (
        LINEAR("mask", of="x"),
        ADJOINT("mask", of="x"),
        LINEAR("key", of="x", named="key"),
        SCALED("key", by={"x": 1}, result=1),
    )


LAWS: dict[str, tuple[Applied, ...]] = {
    "dropout": (*_linear(), *_masked(sampled=True)),
    "spatial_dropout": (*_linear(), *_masked()),
    "alpha_dropout": _masked(),
    "drop_path": (*_linear(), *_masked(row=2)),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "dropout": {
        "mask": {"rate": 0.5, "mask": Flipped(), "training": False},
        "key": {"key": Flipped(), "site": 0},
    },
    "spatial_dropout": {
        "mask": {"rate": 0.5, "mask": Flipped(), "training": False},
        "key": {"key": Flipped(), "site": 0},
    },
    "alpha_dropout": {
        "mask": {"rate": 0.5, "mask": Flipped(), "training": False},
        "key": {"key": Flipped(), "site": 0},
    },
    "drop_path": {
        "mask": {"rate": 0.5, "mask": Flipped(), "training": False},
        "key": {"key": Flipped(), "site": 0},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {}
