"""Laws of metrics."""

from __future__ import annotations

from nnspec_conformance.laws._batches import PARTS_ADD_UP
from nnspec_conformance.laws._call import ALL
from nnspec_conformance.laws._gradients import ADJOINT, LINEAR
from nnspec_conformance.laws._law import Applied
from nnspec_conformance.laws._symmetries import REORDERED, SCALED, SHIFTED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]

_CLASSES = {"predicted": ALL, "target": ALL}
_RENAMED = {"predicted": 4, "target": 4}


def _rates() -> tuple[Applied, ...]:
    return (
        REORDERED("each", along=_CLASSES, named="samples"),
        REORDERED("each", along={}, classes=_RENAMED, result=0, named="classes"),
        REORDERED("macro", 3, along={}, classes=_RENAMED, named="classes-macro"),
        REORDERED("weighted", 3, along={}, classes=_RENAMED, named="classes-weighted"),
    )


LAWS: dict[str, tuple[Applied, ...]] = {
    "accuracy": (
        PARTS_ADD_UP("scores", rows={"predicted": 0, "target": 0}, counted=False, sampled=True),
        REORDERED("scores", along={"predicted": (0, 1), "target": (0, 1)}, named="samples"),
        REORDERED("scores", along={"predicted": 2}, classes={"target": 4}, named="classes"),
        SCALED("scores", by={"predicted": 3}),
    ),
    "top_k_accuracy": (
        PARTS_ADD_UP("two", rows={"scores": 0, "target": 0}, counted=False),
        REORDERED("two", along={"scores": (0, 1), "target": (0, 1)}, named="samples"),
        REORDERED("two", along={"scores": 2}, classes={"target": 8}, named="classes"),
        SCALED("two", by={"scores": 3}),
    ),
    "confusion_matrix": (
        PARTS_ADD_UP("classes", rows={"predicted": 0, "target": 0}),
        REORDERED("classes", along=_CLASSES, named="samples"),
        REORDERED("classes", along={}, classes=_RENAMED, result=(0, 1), named="classes"),
    ),
    "precision": _rates(),
    "recall": _rates(),
    "f1": _rates(),
    "roc_auc": (
        REORDERED("distinct", along={"scores": 0, "target": 0}, named="samples"),
        SCALED("distinct", by={"scores": 3}),
    ),
    "mean": (
        PARTS_ADD_UP("weights", rows={"values": 0, "weight": 0}, counted=False, weights="weight"),
        REORDERED("weights", along={"values": ALL, "weight": ALL}, named="samples"),
        LINEAR("weights", of="values"),
        ADJOINT("weights", of="values"),
        SHIFTED("weights", of={"values": ALL}, moves=True),
        SCALED("weights", by={"weight": 1}),
    ),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "accuracy": {
        "threshold": {"threshold": -0.8},
    },
    "top_k_accuracy": {
        "eight": {"k": 2},
    },
    "confusion_matrix": {
        "classes": {"num_classes": 5},
        "threshold": {"threshold": 0.5},
    },
    "precision": {
        "each": {"num_classes": 5, "average": "macro"},
        "kink": {"threshold": 0.5},
    },
    "recall": {
        "each": {"num_classes": 5, "average": "macro"},
        "kink": {"threshold": 0.5},
    },
    "f1": {
        "each": {"num_classes": 5, "average": "macro"},
        "kink": {"threshold": 0.5},
    },
    "mean": {
        "weights": {"weight": None},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {}
