"""Laws of attention."""

from __future__ import annotations

from nnspec_conformance.laws._batches import FUTURE, FUTURE_GRADIENT, GRADIENTS_ACCUMULATE, ROW_ALONE, ROW_GRADIENT
from nnspec_conformance.laws._gradients import ADJOINT, GRADIENT_SUMS_TO_ZERO, LINEAR
from nnspec_conformance.laws._ignored import MASKED_KEY
from nnspec_conformance.laws._law import Applied, Flipped
from nnspec_conformance.laws._symmetries import REORDERED, SCALED, SHIFTED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]

_ALL = {"query": 0, "key": 0, "value": 0}
_INPUTS = ("query", "key", "value")
_TIME = {"query": 2, "key": 2, "value": 2}
_CAUSAL = "future-mask-bias-groups-scale"

LAWS: dict[str, tuple[Applied, ...]] = {
    "scaled_dot_product_attention": (
        LINEAR("unit", of="value"),
        ADJOINT("unit", of="value"),
        SHIFTED("scale-bias", 9, of={"bias": 3}),
        GRADIENT_SUMS_TO_ZERO("scale-bias", 1, of="bias", axis=3),
        SCALED("scale-bias", by={"query": 1, "scale": -1}),
        ROW_ALONE("scale-bias", 11, rows={**_ALL, "bias": 0}),
        ROW_GRADIENT("scale-bias", 11, rows={**_ALL, "bias": 0}, of=(*_INPUTS, "bias")),
        ROW_ALONE("scale-bias", rows={"query": 2, "bias": 2}, result=2, named="query"),
        REORDERED("scale-bias", 11, along={"key": 2, "value": 2, "bias": 3}, named="keys"),
        REORDERED("scale-bias", along={"query": 1, "key": 1, "value": 1, "bias": 1}, result=1, named="heads"),
        MASKED_KEY("scale-bias", 2, keys={"key": 2, "value": 2, "bias": 3}, queries=("query", 2)),
        FUTURE(_CAUSAL, 4, over=_TIME, result=2, sampled=True),
        FUTURE_GRADIENT(_CAUSAL, 4, over=_TIME, result=2),
    ),
    "multi_head_attention": (
        LINEAR("cross", of="value"),
        ADJOINT("cross", of="value"),
        ROW_ALONE("self", rows=_ALL),
        ROW_GRADIENT("self", rows=_ALL, of=_INPUTS),
        GRADIENTS_ACCUMULATE("self", rows=_ALL, of=("params",)),
        ROW_ALONE("cross", rows={"query": 1}, result=1, named="query"),
        REORDERED("cross", along={"key": 1, "value": 1}, named="keys"),
        MASKED_KEY("cross", keys={"key": 1, "value": 1}, queries=("query", 1)),
        FUTURE("causal", over={"query": 1, "key": 1, "value": 1}, result=1),
        FUTURE_GRADIENT("causal", over={"query": 1, "key": 1, "value": 1}, result=1),
    ),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "scaled_dot_product_attention": {
        "scale-bias": {"bias": None, "causal": True, "scale": None},
        "mask": {"mask": None},
        "dropout-mask": {"rate": 0.0, "dropout_mask": Flipped(), "training": False},
        "dropout-key": {"dropout_key": Flipped(), "site": 0},
    },
    "multi_head_attention": {
        "self": {"num_heads": 4, "causal": True, "scale": 0.3},
        "options": {"mask": None, "bias": None},
        "dropout-mask": {"rate": 0.0, "dropout_mask": Flipped(), "training": False},
        "dropout-key": {"dropout_key": Flipped(), "site": 0},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {
    "multi_head_attention": {"num_kv_heads": "fixed by the shapes of the weights: another value is refused"},
}
