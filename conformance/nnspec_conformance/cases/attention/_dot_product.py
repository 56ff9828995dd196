"""Inputs for scaled_dot_product_attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec_conformance.case import Case, booleans, cases, constant, keys, normal, uniform, values
from nnspec_conformance.cases.attention._common import INF, dot, heads, holed, mask

__all__ = ["CASES"]

_NAME = "scaled_dot_product_attention"
#: the second query may attend to nothing
_DEAD = mask("xx.xx", ".....", "x..x.")
#: no query may attend to the second and the last key
_PADDED = mask("x.xx.", "x..x.", "x.xx.")
_BIAS = normal(2, 4, 3, 5, std=2.0)
#: as masks that are False, and a query that may attend to nothing
_MINUS_INF = values([[0.5, -INF, 1.0, -INF, -2.0], [-INF] * 5, [0.0, 1.5, -INF, -0.5, 0.25]])
_IDENTITY = values(np.broadcast_to(np.eye(5), (2, 2, 5, 5)))
#: which keys each head attends to
_OF_HEADS = [[[[place == "x" for place in row]] for row in (".xxxx", "x.xxx", "x.x..", ".xxx.")]]
_PADDING = (slice(None), slice(None), [1, 4])


_FORMULA = cases(
    _NAME,
    {
        "unit": {"inputs": heads(), "requires": dot(1, 7)},
        "large-scores": {"inputs": heads(std=30.0), "requires": dot(9)},
        "shifted-scores": {"inputs": heads(mean=30.0), "requires": dot(9), "level": "full"},
        "scale-bias": {
            "inputs": {**heads(), "bias": _BIAS},
            "options": {"scale": 0.3},
            "requires": dot(1),
        },
        "value-size": {"inputs": heads(value_dim=3), "requires": dot(1)},
        "scale-negative": {"inputs": heads(), "options": {"scale": -2.0}, "requires": dot(1), "level": "full"},
        "scale-zero": {"inputs": heads(), "options": {"scale": 0.0}, "requires": dot(1), "level": "full"},
        "size-one": {"inputs": heads(1, 1, 1, 1, 3, 1), "requires": dot(1), "level": "full"},
        "one-key": {"inputs": heads(keys=1), "requires": dot(9), "level": "full"},
        "single-heads": {"inputs": heads(heads=3, kv_heads=3), "requires": dot(7), "level": "full"},
        "one-shared-head": {"inputs": heads(heads=3, kv_heads=1), "requires": dot(7), "level": "full"},
        "groups-of-three": {"inputs": heads(heads=6, kv_heads=2), "requires": dot(7), "level": "full"},
        "long": {
            "inputs": {**heads(1, 2, 1, 33, 70, 3), "mask": booleans(1, 2, 33, 70, probability=0.3)},
            "options": {"causal": True},
            "requires": dot(4, 2),
            "level": "full",
        },
        # a sum of many numbers of one sign shows coarse products best
        "products": {
            "inputs": {
                "query": uniform(1, 1, 2, 256, low=0.5, high=1.5),
                "key": uniform(1, 1, 3, 256, low=0.5, high=1.5),
                "value": uniform(1, 1, 3, 256, low=0.5, high=1.5),
            },
            "requires": dot(13),
            "dtypes": ("float32",),
        },
    },
)

_MASKS = cases(
    _NAME,
    {
        "mask": {"inputs": {**heads(), "mask": mask("x.x.x", ".xx..", "xx.x.")}, "requires": dot(2)},
        "dead-special": {
            "inputs": {**heads(), "query": holed((2, 4, 3, 4), (slice(None), slice(None), [1]), 1), "mask": _DEAD},
            "requires": dot(5),
        },
        "padding-special": {
            "inputs": {
                **heads(),
                "key": holed((2, 2, 5, 4), _PADDING, 1),
                "value": holed((2, 2, 5, 4), _PADDING, 2),
                "mask": _PADDED,
            },
            "requires": dot(6),
        },
        # no head of the second group attends to the last key; the heads of a group differ in the others
        "padding-of-a-group-special": {
            "inputs": {
                **heads(),
                "key": holed((2, 2, 5, 4), (slice(None), 1, [4]), 1),
                "value": holed((2, 2, 5, 4), (slice(None), 1, [4]), 2),
                "mask": constant(_OF_HEADS, "bool"),
            },
            "requires": dot(6, 8),
        },
        "padding-of-samples": {
            "inputs": {**heads(), "mask": constant([[[[True] * 5]], [[[True] * 2 + [False] * 3]]], "bool")},
            "requires": dot(8, 2),
        },
        "mask-of-queries": {
            "inputs": {**heads(), "mask": constant([[[[True], [False], [True]]]], "bool")},
            "requires": dot(8, 5),
            "level": "full",
        },
        "mask-of-heads": {
            "inputs": {**heads(), "mask": booleans(1, 4, 3, 5)},
            "requires": dot(8),
            "level": "full",
        },
        "mask-of-all": {"inputs": {**heads(), "mask": booleans(2, 4, 3, 5)}, "requires": dot(2), "level": "full"},
        "mask-false": {"inputs": {**heads(), "mask": constant([[False]], "bool")}, "requires": dot(5), "level": "full"},
        "mask-true": {"inputs": {**heads(), "mask": constant([[True]], "bool")}, "requires": dot(2), "level": "full"},
        "weights": {
            "inputs": {**heads(), "value": _IDENTITY, "mask": _DEAD},
            "requires": dot(5),
            "level": "full",
        },
        "mask-large-scores": {"inputs": {**heads(std=30.0), "mask": _DEAD}, "requires": dot(9, 5), "level": "full"},
    },
)

_CAUSAL = cases(
    _NAME,
    {
        "causal": {"inputs": heads(queries=5, keys=4), "options": {"causal": True}, "requires": dot(4)},
        "causal-special": {  # keys after the last query are padding
            "inputs": {
                **heads(),
                "key": holed((2, 2, 5, 4), (slice(None), slice(None), [3, 4]), 1),
                "value": holed((2, 2, 5, 4), (slice(None), slice(None), [3, 4]), 2),
            },
            "options": {"causal": True},
            "requires": dot(4, 6),
        },
        "causal-square": {"inputs": heads(queries=5), "options": {"causal": True}, "requires": dot(4), "level": "full"},
        "causal-mask": {  # the first query is left with nothing
            "inputs": {**heads(queries=5), "mask": mask(".xxxx", "x.xxx", ".xx.x", "xxxxx", "x.x.x")},
            "options": {"causal": True},
            "requires": dot(4, 5),
        },
        "causal-bias": {
            "inputs": {**heads(queries=5), "bias": normal(5, 5)},
            "options": {"causal": True},
            "differentiate": ("query", "key", "value"),
            "requires": dot(4, 1),
        },
    },
)

_BIASES = cases(
    _NAME,
    {
        "bias-infinite-special": {"inputs": {**heads(), "bias": _MINUS_INF}, "requires": dot(3)},
        "bias-repeated": {"inputs": {**heads(), "bias": normal(2, 1, 1, 5), "mask": _DEAD}, "requires": dot(8)},
        "bias-of-queries-and-keys": {"inputs": {**heads(), "bias": normal(3, 5)}, "requires": dot(8), "level": "full"},
        "bias-of-heads": {"inputs": {**heads(), "bias": normal(1, 4, 1, 5)}, "requires": dot(8), "level": "full"},
        "bias-number": {"inputs": {**heads(), "bias": normal(1, 1)}, "requires": dot(8), "level": "full"},
        "bias-constant": {
            "inputs": {**heads(), "bias": _BIAS},
            "differentiate": ("query", "key", "value"),
            "requires": dot(1),
            "level": "full",
        },
        "bias-constant-infinite-special": {
            "inputs": {**heads(), "bias": _MINUS_INF},
            "differentiate": ("query", "key", "value"),
            "requires": dot(3, 5),
        },
        "bias-constant-mask-causal": {
            "inputs": {**heads(), "bias": normal(1, 4, 3, 5), "mask": _DEAD},
            "options": {"causal": True},
            "differentiate": ("query", "key", "value"),
            "requires": dot(4, 5),
            "level": "full",
        },
    },
)

_DROPPED: dict[str, Any] = {"dropout_mask": booleans(2, 4, 3, 5, probability=0.7)}
_DROPOUT = cases(
    _NAME,
    {
        "dropout-mask": {
            "inputs": {**heads(), **_DROPPED, "mask": mask("x.x.x", ".xx..", "xx.x.")},
            "options": {"rate": 0.3, "causal": True, "scale": 0.7},
        },
        "dropout-key": {"inputs": {**heads(), "dropout_key": keys()}, "options": {"rate": 0.5, "site": 3}},
        "dropout-evaluation": {
            "inputs": {**heads(queries=2), "dropout_key": keys()},
            "options": {"rate": 0.5, "training": False},
        },
        "dropout-rate-zero": {"inputs": {**heads(), **_DROPPED}, "level": "full"},
        "dropout-rate-one": {"inputs": {**heads(), **_DROPPED}, "options": {"rate": 1.0}, "level": "full"},
        "dropout-everything": {
            "inputs": {**heads(), **_DROPPED, "bias": _BIAS, "mask": _DEAD},
            "options": {"rate": 0.2, "causal": True, "scale": 0.7},
            "level": "full",
        },
    },
    requires=dot(10),
)

_LAYOUTS = cases(
    _NAME,
    {
        "no-keys": {
            "inputs": {**heads(keys=0), "mask": booleans(3, 0)},
            "options": {"rate": 0.5, "training": False},
            "requires": dot(12),
        },
        "no-queries": {"inputs": {**heads(queries=0), "mask": booleans(0, 5)}, "requires": dot(12), "level": "full"},
        "no-samples": {"inputs": heads(batch=0), "options": {"causal": True}, "requires": dot(12), "level": "full"},
        "transposed": {
            "inputs": {n: s.laid_out("transposed") for n, s in {**heads(), "bias": _BIAS, "mask": _DEAD}.items()},
            "requires": dot(1),
            "level": "full",
        },
        "strided": {
            "inputs": {n: s.laid_out("strided") for n, s in {**heads(), "mask": _DEAD}.items()},
            "requires": dot(1),
            "level": "full",
        },
    },
)

CASES: list[Case] = [*_FORMULA, *_MASKS, *_CAUSAL, *_BIASES, *_DROPOUT, *_LAYOUTS]
