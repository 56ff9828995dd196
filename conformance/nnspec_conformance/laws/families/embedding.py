"""Laws of embeddings and positions."""

from __future__ import annotations

from nnspec_conformance.laws._batches import GRADIENTS_ACCUMULATE, PREFIX, ROW_ALONE, ROW_GRADIENT
from nnspec_conformance.laws._gradients import ADJOINT, LINEAR
from nnspec_conformance.laws._ignored import PADDING_ROW
from nnspec_conformance.laws._law import Applied
from nnspec_conformance.laws._symmetries import REORDERED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]

LAWS: dict[str, tuple[Applied, ...]] = {
    "embedding": (
        LINEAR("rows", of="weight"),
        ADJOINT("rows", 2, of="weight", sampled=True),
        PADDING_ROW("rows", 3),
        ROW_ALONE("rows", rows={"indices": 0}),
        GRADIENTS_ACCUMULATE("rows", 2, rows={"indices": 0}, of=("weight",)),
        REORDERED("rows", along={"indices": (0, 1)}, result=(0, 1)),
        REORDERED("rows", along={"weight": 0}, classes={"indices": 7}, named="rows"),
    ),
    "sinusoidal_positions": (PREFIX("table", fewer={"length": 3}, axis=0),),
    "rotary_positions": (
        LINEAR("interleaved", of="x"),
        ADJOINT("interleaved", of="x"),
        ROW_ALONE("interleaved", rows={"x": 0}),
        ROW_GRADIENT("interleaved", rows={"x": 0}, of=("x",)),
    ),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "sinusoidal_positions": {
        "table": {"base": 2.5},
    },
    "rotary_positions": {
        "table": {"table": None},
        "interleaved": {"base": 500000.0, "interleaved": False},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {
    "sinusoidal_positions": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
    "embedding": {"padding_index": "changes the gradient alone: law padding-row shows it"},
}
