"""Laws of penalties and constraints."""

from __future__ import annotations

import math

from nnspec_conformance.laws._batches import PARTS_ADD_UP, ROW_ALONE, ROW_GRADIENT, SUM_OF_LEAVES
from nnspec_conformance.laws._call import ALL
from nnspec_conformance.laws._gradients import GRADIENT_IS_ORTHOGONAL
from nnspec_conformance.laws._ignored import MASKED_LEAF
from nnspec_conformance.laws._law import Applied
from nnspec_conformance.laws._symmetries import REORDERED, SCALED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]


def _tree(of: str = "params") -> tuple[Applied, ...]:
    return SUM_OF_LEAVES("tree", of=of), MASKED_LEAF("tree", 3, of=of)


def _units() -> tuple[Applied, ...]:
    """Units along axis 0, each by itself."""
    return (
        ROW_ALONE("kernel", rows={"weight": 0}),
        ROW_GRADIENT("kernel", rows={"weight": 0}, of=("weight",)),
        REORDERED("kernel", along={"weight": ALL}, result=ALL),
    )


LAWS: dict[str, tuple[Applied, ...]] = {
    "l1_penalty": (*_tree(), SCALED("tree", by={"params": 1, "l1": 2}, result=3)),
    "l2_penalty": (*_tree(), SCALED("tree", by={"params": 1, "l2": 1}, result=3)),
    "elastic_net_penalty": (*_tree(), SCALED("tree", by={"params": 1, "l2": -1}, result=1)),
    "orthogonal_penalty": (
        *_tree("weight"),
        SCALED("kernel", by={"weight": 1, "strength": -2}, result=0),
        REORDERED("kernel", along={"weight": 0}, named="units"),
        REORDERED("kernel", along={"weight": (1, 2, 3)}, named="entries"),
    ),
    "activity_penalty": (
        PARTS_ADD_UP("both", rows={"x": 0}, counted=False),
        SCALED("both", by={"x": 1, "l2": -1}, result=1),
        REORDERED("both", along={"x": ALL}),
    ),
    "max_norm_constraint": (*_units(), SCALED("kernel", by={"weight": 1, "max_norm": 1}, result=1)),
    "unit_norm_constraint": (
        *_units(),
        SCALED("kernel", by={"weight": 1}),
        GRADIENT_IS_ORTHOGONAL("kernel", of="weight", axis=(1, 2, 3)),
    ),
    "non_negative_constraint": (
        ROW_ALONE("matrix", rows={"weight": 0}),
        ROW_GRADIENT("matrix", rows={"weight": 0}, of=("weight",)),
        REORDERED("matrix", along={"weight": ALL}, result=ALL),
        SCALED("matrix", by={"weight": 1}, result=1),
    ),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "l1_penalty": {
        "tree": {"l1": 0.01},
        "mask": {"mask": None},
    },
    "l2_penalty": {
        "tree": {"l2": 0.01},
        "mask": {"mask": None},
    },
    "elastic_net_penalty": {
        "tree": {"l1": 0.01, "l2": 0.01},
        "mask": {"mask": None},
    },
    "orthogonal_penalty": {
        "default": {"strength": 0.3},
        "mask-first": {"mask": None},
    },
    "activity_penalty": {
        "default": {"l1": 0.7, "l2": 0.03},
    },
    "max_norm_constraint": {
        "rows": {"max_norm": 3.0, "order": math.inf},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {}
