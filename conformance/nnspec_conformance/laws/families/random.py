"""Laws of the portable generator."""

from __future__ import annotations

from nnspec_conformance.laws._batches import PREFIX, ROW_ALONE
from nnspec_conformance.laws._call import ALL
from nnspec_conformance.laws._law import Applied
from nnspec_conformance.laws._symmetries import REORDERED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]

_COUNTERS = {"counter_high": 0, "counter_low": 0}

LAWS: dict[str, tuple[Applied, ...]] = {
    "threefry": (
        ROW_ALONE("counters", rows=_COUNTERS),
        REORDERED("counters", along={"counter_high": ALL, "counter_low": ALL}, result=ALL, named="counters"),
    ),
    "split": (PREFIX("many", fewer={"num": 3}, axis=0),),
    "random_bits": (PREFIX("words", 2, fewer={"shape": (3, 5)}, sampled=True),),
    "random_uniform": (PREFIX("default", 1, fewer={"shape": (2, 7)}),),
    "dropout_mask": (PREFIX("lanes", 3, fewer={"shape": (2, 7)}),),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "split": {
        "default": {"num": 1},
    },
    "dropout_mask": {
        "extremes": {"rate": 0.2},
        "lanes": {"site": 0},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {
    "random_uniform": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
}
