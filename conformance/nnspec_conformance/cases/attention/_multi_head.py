"""Inputs for multi_head_attention."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

from nnspec_conformance.case import Case, Source, booleans, cases, constant, keys, normal, only_calls, uniform
from nnspec_conformance.cases.attention._common import holed, mask, multi, projections

__all__ = ["CASES"]

_NAME = "multi_head_attention"
_ALL = ("query", "key", "value", "output")
_SELF = normal(2, 4, 6)
_CROSS = {"query": normal(2, 3, 6), "key": normal(2, 4, 5), "value": normal(2, 4, 3)}
_TRIANGLE = mask("xxxx", ".xx.", "....", "x..x")
#: of the samples of four steps the first has three, the second two
_STEPS = constant([[[[True] * 3 + [False]]], [[[True] * 2 + [False] * 2]]], "bool")
_BOTH = constant(
    [[[[i < n and j < n for j in range(4)] for i in range(4)]] for n in (3, 2)],
    "bool",
)


def _split(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Params by their names, and what else there is."""
    params = {n: x for n, x in given.items() if n.endswith(("_weight", "_bias"))}
    return params, {n: x for n, x in given.items() if n not in params}


@functools.cache  # cases of the same options and shapes share a compilation
def _attend(**options: Any) -> Callable[..., Any]:
    """Attention of the inputs query, key and value, or x for all three."""

    @only_calls
    def program(backend: Any, **given: Any) -> Any:
        params, rest = _split(given)
        inputs = [rest.pop("x")] * 3 if "x" in rest else [rest.pop(n) for n in ("query", "key", "value")]
        return backend.multi_head_attention(*inputs, params, **options, **rest)

    return program


@functools.cache
def _future(**options: Any) -> Callable[..., Any]:
    """Earlier outputs of self-attention while later inputs change: the difference is 0."""

    def program(backend: Any, x: Any, later: Any, **given: Any) -> Any:
        params, rest = _split(given)
        xp = backend.xp
        places = xp.reshape(xp.arange(x.shape[1], **backend.placement(x)), (1, -1, 1))
        changed = xp.where(places < 2, x, later)
        attend = functools.partial(backend.multi_head_attention, params=params, causal=True, **options, **rest)
        return attend(x, x, x)[:, :2] - attend(changed, changed, changed)[:, :2]

    return program


def _alone(backend: Any, x: Any, mask: Any, **params: Any) -> Any:
    """The last sample by itself: the difference is 0."""
    attend = functools.partial(backend.multi_head_attention, params=params, num_heads=2)
    last = attend(x[1:], x[1:], x[1:], mask=mask[1:])
    return attend(x, x, x, mask=mask)[1:] - last, last


_FORMULA = cases(
    _NAME,
    {
        "self": {
            "inputs": {"x": _SELF, **projections(biases=_ALL)},
            "program": _attend(num_heads=2),
            "requires": multi(1, 3),
        },
        "cross": {
            "inputs": {**_CROSS, **projections((6, 5, 3), value_dim=3, out=5)},
            "program": _attend(num_heads=2),
            "requires": multi(2, 1),
        },
        "groups": {
            "inputs": {"x": _SELF, **projections(heads=4, kv_heads=2, biases=("key", "output"))},
            "program": _attend(num_heads=4, num_kv_heads=2),
            "requires": multi(4, 3),
        },
        "one-head": {
            "inputs": {"x": _SELF, **projections(heads=1, dim=3, biases=("query", "value"))},
            "program": _attend(num_heads=1),
            "requires": multi(1, 3),
            "level": "full",
        },
        "one-shared-head": {
            "inputs": {"x": _SELF, **projections(heads=3, kv_heads=1)},
            "program": _attend(num_heads=3, num_kv_heads=1),
            "requires": multi(4),
            "level": "full",
        },
        "strided": {
            "inputs": {n: s.laid_out("strided") for n, s in {"x": _SELF, **projections(biases=_ALL)}.items()},
            "program": _attend(num_heads=2),
            "requires": multi(1),
            "level": "full",
        },
        "transposed": {
            "inputs": {n: s.laid_out("transposed") for n, s in {"x": _SELF, **projections()}.items()},
            "program": _attend(num_heads=2),
            "requires": multi(1),
            "level": "full",
        },
        # a sum of many numbers of one sign shows coarse products best
        "products": {
            "inputs": {
                "x": uniform(1, 2, 256, low=0.5, high=1.5),
                **{
                    name: uniform(*shape, low=1e-3, high=3e-3)
                    for name, shape in {
                        "query_weight": (2, 256),
                        "key_weight": (2, 256),
                        "value_weight": (2, 256),
                        "output_weight": (3, 2),
                    }.items()
                },
            },
            "program": _attend(num_heads=1),
            "dtypes": ("float32",),
            "requires": multi(11),
        },
    },
)

_OPTIONS = cases(
    _NAME,
    {
        "options": {
            "inputs": {"x": _SELF, **projections(), "mask": _TRIANGLE, "bias": normal(1, 2, 4, 4)},
            "program": _attend(num_heads=2, scale=0.3, causal=True),
            "requires": multi(5),
        },
        "causal": {
            "inputs": {"x": _SELF, **projections()},
            "program": _attend(num_heads=2, causal=True),
            "requires": multi(5),
            "level": "full",
        },
        "scale": {
            "inputs": {**_CROSS, **projections((6, 5, 3))},
            "program": _attend(num_heads=2, scale=0.3),
            "requires": multi(5),
            "level": "full",
        },
        "mask-of-heads": {
            "inputs": {**_CROSS, **projections((6, 5, 3)), "mask": booleans(2, 2, 3, 4)},
            "program": _attend(num_heads=2),
            "requires": multi(5),
            "level": "full",
        },
        "bias-of-heads": {
            "inputs": {**_CROSS, **projections((6, 5, 3)), "bias": normal(1, 2, 3, 4)},
            "program": _attend(num_heads=2),
            "requires": multi(5),
            "level": "full",
        },
        "dead": {
            "inputs": {"x": _SELF, **projections(biases=_ALL), "mask": _TRIANGLE},
            "program": _attend(num_heads=2),
            "requires": multi(6, 5),
            "level": "full",
        },
        # padding as keys: its own outputs are those of queries like any other
        "padding-special": {
            "inputs": {
                **_CROSS,
                "key": holed((2, 4, 5), (slice(None), [3]), 1),
                "value": holed((2, 4, 5), (slice(None), [3]), 2),
                **projections((6, 5, 5), biases=_ALL),
                "mask": _STEPS,
            },
            "program": _attend(num_heads=2),
            "requires": multi(7, 2),
        },
        "padding-of-both-special": {
            "inputs": {"x": holed((2, 4, 6), (slice(None), [3]), 1), **projections(biases=_ALL), "mask": _BOTH},
            "program": _attend(num_heads=2),
            "requires": multi(7, 6),
        },
        "no-keys": {
            "inputs": {
                "query": normal(2, 3, 6),
                "key": normal(2, 0, 6),
                "value": normal(2, 0, 6),
                **projections(biases=_ALL),
            },
            "program": _attend(num_heads=2),
            "requires": multi(6),
            "level": "full",
        },
        "sample-alone": {
            "inputs": {"x": _SELF, **projections(biases=_ALL), "mask": _STEPS},
            "program": _alone,
            "requires": multi(10),
            "checks": ("values", "shapes", "compiled", "purity", "repeat"),
        },
        "future-dropout": {
            "inputs": {
                **{"x": _SELF, "later": normal(2, 4, 6, std=10.0), **projections()},
                "dropout_mask": booleans(2, 2, 4, 4, probability=0.7),
            },
            "program": _future(num_heads=2, rate=0.3),
            "requires": multi(8),
            "level": "full",
            "plain_only": True,
        },
    },
)

_DROPOUT = cases(
    _NAME,
    {
        "dropout-mask": {
            "inputs": {"x": _SELF, **projections(), "dropout_mask": booleans(2, 2, 4, 4, probability=0.7)},
            "program": _attend(num_heads=2, rate=0.3),
        },
        "dropout-key": {
            "inputs": {"x": _SELF, **projections(), "dropout_key": keys()},
            "program": _attend(num_heads=2, rate=0.5, site=7),
        },
        "dropout-evaluation": {
            "inputs": {"x": _SELF, **projections(), "dropout_key": keys()},
            "program": _attend(num_heads=2, rate=0.5, training=False),
        },
    },
    requires=multi(9),
)


def _futures() -> list[Case]:
    """Every combination of the other options; at level quick the one with all of them."""
    found = []
    for masked, biased, grouped, scaled in itertools.product((False, True), repeat=4):
        chosen = [n for n, on in (("mask", masked), ("bias", biased), ("groups", grouped), ("scale", scaled)) if on]
        inputs: dict[str, Source] = {
            "x": _SELF,
            "later": normal(2, 4, 6, std=10.0),
            **projections(heads=2, kv_heads=1 if grouped else 2, biases=_ALL),
        }
        inputs |= {"mask": _TRIANGLE} if masked else {}
        inputs |= {"bias": normal(1, 2, 4, 4)} if biased else {}
        options = {"num_heads": 2, "num_kv_heads": 1 if grouped else 2} | ({"scale": 0.3} if scaled else {})
        found.append(
            Case(
                operation=_NAME,
                name="-".join(["future", *chosen]),
                requires=multi(8),
                inputs=inputs,
                program=_future(**options),
                level="quick" if len(chosen) == 4 else "full",
            )
        )
    return found


CASES: list[Case] = [*_FORMULA, *_OPTIONS, *_DROPOUT, *_futures()]
