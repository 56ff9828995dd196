"""Laws of operations that rearrange."""

from __future__ import annotations

from nnspec_conformance.laws._batches import ROW_ALONE, ROW_GRADIENT
from nnspec_conformance.laws._call import ALL
from nnspec_conformance.laws._gradients import ADJOINT, LINEAR, TRANSPOSE
from nnspec_conformance.laws._law import Applied
from nnspec_conformance.laws._symmetries import REORDERED, SHIFTED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]


def _map(base: str, named: str = "", **options: object) -> tuple[Applied, ...]:
    """A linear map of x, and its adjoint."""
    return tuple(law(base, of="x", options=options, named=named) for law in (LINEAR, ADJOINT))


def _rows(base: str) -> tuple[Applied, ...]:
    return ROW_ALONE(base, rows={"x": 0}), ROW_GRADIENT(base, rows={"x": 0}, of=("x",))


LAWS: dict[str, tuple[Applied, ...]] = {
    "flatten": (*_map("images"), *_rows("images"), REORDERED("images", along={"x": (1, 2, 3)}, result=1)),
    "pad": (
        *_map("constant", "constant", value=0.0),
        *(law for mode in ("reflect", "replicate", "circular") for law in _map(mode, mode)),
        SHIFTED("reflect", of={"x": ALL}, moves=True),
        *_rows("constant"),
    ),
    "upsample": (
        *_map("nearest", "nearest"),
        *_map("linear", "linear"),
        SHIFTED("linear", of={"x": ALL}, moves=True),
        REORDERED("linear", along={"x": (2, 3)}, result=(2, 3), named="places"),
        *_rows("linear"),
    ),
    "unfold": (*_map("plane"), *_rows("plane")),
    "fold": (
        *_map("plane"),
        TRANSPOSE("plane", 1, of="x", by="unfold", to="x", without=("output_size",), sampled=True),
        *_rows("plane"),
    ),
    "one_hot": (
        ROW_ALONE("matrix", rows={"x": 0}),
        REORDERED("matrix", along={}, classes={"x": 5}, result=2, named="classes"),
    ),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "flatten": {
        "images": {"start_axis": 0, "end_axis": 2},
    },
    "pad": {
        "constant": {"padding": ((1, 2), (0, 0), (2, 1)), "value": 0.0},
        "reflect": {"mode": "constant"},
    },
    "upsample": {
        "nearest": {"size": (9, 5, 3), "mode": "linear"},
    },
    "unfold": {
        "plane": {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 1},
    },
    "fold": {
        "apart": {"output_size": (6, 5), "kernel_size": (3, 2), "stride": (4, 5), "padding": 1},
        "line-same": {"dilation": 3},
    },
    "one_hot": {
        "matrix": {"num_classes": 300},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {
    "one_hot": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
}
