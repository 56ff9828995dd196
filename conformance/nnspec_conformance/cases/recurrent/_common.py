"""Cases that all recurrent networks share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import (
    Case,
    Source,
    booleans,
    cases,
    constant,
    error_case,
    integers,
    keys,
    normal,
    values,
)
from nnspec_conformance.cases.recurrent._networks import BATCH, FEATURES, TIME, Net, ran, split

__all__ = ["errors", "lengths", "shared"]

_NAN, _INF = math.nan, math.inf
_X = normal(BATCH, TIME, FEATURES)


def lengths(*entries: int, dtype: str = "int32") -> Source:
    """Numbers of steps, one a sequence."""
    return constant(entries, dtype)


def _beyond(*ends: int) -> Source:
    """Sequences with every kind of value beyond their ends."""
    x = np.random.Generator(np.random.Philox(5)).standard_normal((BATCH, TIME, FEATURES))
    for row, end in zip(x, ends, strict=True):
        row[end:] = np.resize([_NAN, _INF, 1e30, -_INF, 7.0], row[end:].shape)
    return values(x)


def _one_bad_row() -> Source:
    x = np.random.Generator(np.random.Philox(6)).standard_normal((BATCH, TIME, FEATURES))
    x[1, 1, :] = _NAN, _INF
    return values(x)


def _all_inputs(net: Net) -> dict[str, Source]:
    mask = booleans(*net.outputs(0), probability=0.7)
    return {"x": _X, "theta": net.theta(), "start": net.start(), "mask": mask, "lengths": lengths(2, 3, 1, 3)}


def shared(operation: str, first: int) -> list[Case]:
    """Layers, directions, states, lengths and dropout; `first` numbers the first requirement they have in common."""

    def ids(*which: int) -> tuple[str, ...]:
        return tuple(f"{operation.upper()}-{number + first}" for number in which)

    stack, way, start, ends, beyond, drop, off, rows, ieee = range(9)
    plain, one, two = Net(operation), Net(operation, both=True), Net(operation, (5, 2))
    deep, wide = Net(operation, (5, 2), both=True), Net(operation, (7,), features=33)
    ended = {"x": _X, "theta": one.theta(), "start": one.start()}
    # what does not depend on the dtype is tried in one at level quick
    single = {"dtypes": ("float32",)}
    quick = cases(
        operation,
        {
            # a backend that traces tries, at level quick, what is listed first
            "length-zero": {
                **ran(one),
                "inputs": {**ended, "lengths": lengths(2, 0, 3, 1)},
                "requires": ids(ends, way, start),
                **single,
            },
            "padding-special": {
                **ran(one),
                "inputs": {**ended, "x": _beyond(2, 1, 2, 2), "lengths": lengths(2, 1, 2, 2)},
                "requires": ids(beyond),
                **single,
            },
            "both-ways": {
                **ran(one),
                "inputs": {"x": _X, "theta": one.theta()},
                "requires": ids(way, start),
                **single,
            },
            "key": {
                **ran(two, rate=0.4, site=3),
                "inputs": {"x": _X, "theta": two.theta(), "key": keys()},
                "requires": ids(drop, stack),
                **single,
            },
            "masks": {
                **ran(two, rate=0.3),
                "inputs": {"x": _X, "theta": two.theta(), "mask": booleans(*two.outputs(0), probability=0.7)},
                "requires": ids(drop, stack),
                **single,
            },
            "many-features": {
                **ran(wide),
                "inputs": {"x": normal(2, 2, 33), "theta": wide.theta(std=0.3)},
                "requires": ids(ieee),
                **single,
            },
            "split": {
                **split(plain, 1),
                "inputs": {"x": _X, "theta": plain.theta()},
                "requires": ids(start),
                **single,
            },
            "row-special": {
                **ran(plain),
                "inputs": {"x": _one_bad_row(), "theta": plain.theta()},
                "differentiate": ("x",),
                "requires": ids(rows),
                **single,
            },
            "everything": {
                **ran(deep, rate=0.3),
                "inputs": _all_inputs(deep),
                "requires": ids(stack, ends, way, start, drop),
                **single,
                "level": "quick" if operation == "lstm" else "full",
            },
            "evaluation": {
                **ran(two, rate=0.3, training=False),
                "inputs": {"x": _X, "theta": two.theta(), "mask": booleans(*two.outputs(0))},
                "checks": ("values", "purity"),
                "requires": ids(off),
                **single,
            },
        },
    )
    return quick + _full(operation, ids, (stack, way, start, ends, beyond, drop, off))


def _full(operation: str, ids: Callable[..., tuple[str, ...]], numbers: tuple[int, ...]) -> list[Case]:
    stack, way, start, ends, beyond, drop, off = numbers
    plain, two = Net(operation), Net(operation, (5, 5))
    three, deep = Net(operation, (2, 3, 2)), Net(operation, (5, 2), both=True)
    one = Net(operation, both=True)
    x, theta = {"x": _X}, {"theta": plain.theta()}
    return cases(
        operation,
        {
            "everything-double": {
                **ran(deep, rate=0.3),
                "inputs": _all_inputs(deep),
                "requires": ids(stack, ends, way, start, drop),
                "dtypes": ("float64",),
            },
            "lengths": {
                **ran(plain),
                "inputs": {**x, **theta, "start": plain.start(), "lengths": lengths(2, 3, 1, 3, dtype="int64")},
                "requires": ids(ends, start),
            },
            "state": {
                **ran(plain),
                "inputs": {**x, **theta, "start": plain.start()},
                "requires": ids(start),
            },
            "lengths-zero-both-ways": {
                **ran(deep),
                "inputs": {**x, "theta": deep.theta(), "start": deep.start(), "lengths": lengths(3, 0, 2, 1)},
                "requires": ids(ends, way, start),
            },
            "padding-both-ways-special": {
                **ran(deep),
                "inputs": {**x, "x": _beyond(2, 3, 1, 3), "theta": deep.theta(), "lengths": lengths(2, 3, 1, 3)},
                "requires": ids(beyond),
            },
            "one-layer-both-ways": {
                **ran(one),
                "inputs": {**x, "theta": one.theta(), "start": one.start(), "lengths": lengths(1, 3, 3, 2)},
                "requires": ids(way, ends),
            },
            "padding-length-zero-special": {
                **ran(plain),
                "inputs": {"x": _beyond(1, 0, 3, 2), **theta, "lengths": lengths(1, 0, 3, 2)},
                "requires": ids(beyond),
            },
            "layers": {
                **ran(two),
                "inputs": {**x, "theta": two.theta(), "start": two.start()},
                "requires": ids(stack, start),
            },
            "more-masks": {
                **ran(three, rate=0.3),
                "inputs": {
                    **x,
                    "theta": three.theta(),
                    "mask": booleans(*three.outputs(0), probability=0.7),
                    "more_mask": booleans(*three.outputs(1), probability=0.7),
                },
                "requires": ids(drop, stack),
            },
            "keys": {
                **ran(three, rate=0.5),
                "inputs": {**x, "theta": three.theta(), "key": keys()},
                "requires": ids(drop),
            },
            "key-of-one-layer": {**ran(plain, rate=0.5), "inputs": {**x, **theta}, "requires": ids(drop)},
            "rate-one": {
                **ran(two, rate=1.0),
                "inputs": {**x, "theta": two.theta(), "key": keys()},
                "requires": ids(drop),
            },
            "rate-zero": {
                **ran(two, rate=0.0),
                "inputs": {**x, "theta": two.theta(), "mask": booleans(*two.outputs(0))},
                "requires": ids(off),
            },
            "only-params": {
                **ran(deep),
                "inputs": {**x, "theta": deep.theta(), "start": deep.start()},
                "differentiate": ("theta",),
                "requires": ids(stack, way),
            },
            "only-state": {
                **ran(deep),
                "inputs": {**x, "theta": deep.theta(), "start": deep.start()},
                "differentiate": ("start",),
                "requires": ids(start),
            },
            "strided": {
                **ran(plain),
                "inputs": {
                    "x": _X.laid_out("transposed"),
                    "theta": plain.theta().laid_out("strided"),
                    "start": plain.start().laid_out("strided"),
                },
                "requires": ids(stack, start),
            },
            "one-step": {
                **ran(deep),
                "inputs": {"x": normal(1, 1, FEATURES), "theta": deep.theta(), "start": deep.start(batch=1)},
                "requires": ids(way, start),
            },
            "no-step": {
                **ran(deep),
                "inputs": {"x": normal(2, 0, FEATURES), "theta": deep.theta(), "start": deep.start(batch=2)},
                "requires": ids(ends, start),
                "level": "quick" if operation == "rnn" else "full",
            },
            "no-sequence": {
                **ran(deep),
                "inputs": {"x": normal(0, 3, FEATURES), "theta": deep.theta(), "lengths": lengths()},
                "requires": ids(ends),
            },
        },
        level="full",
    )


# -- errors ------------------------------------------------------------------------------------------------

_Change = Callable[[dict[str, Any]], Any]


def _changed(net: Net, change: _Change) -> Callable[..., Any]:
    def program(backend: Any, x: Any, theta: Any, start: Any, **given: Any) -> Any:
        call = {"x": x, "params": net.params(backend, theta), "state": net.state(backend, start, BATCH), **given}
        change(call)
        return getattr(backend, net.operation)(**call)

    return program


def _both_start(call: dict[str, Any]) -> None:
    call["params"][1] = {"forward": call["params"][1], "backward": call["params"][1]}


def errors(operation: str, first: int, gates: str) -> list[Case]:
    """Bad calls of a net of two layers; `gates` is what its rows are called."""
    net = Net(operation, (5, 5))
    rows = {"rnn": 5, "lstm": 20, "gru": 15}[operation]
    own, stack, start, ends, drop, off = (
        f"{operation.upper()}-{n}" for n in (1, *(first + i for i in (0, 2, 3, 5, 6)))
    )
    key, mask = {"key": keys()}, {"mask": booleans(BATCH, TIME, 5)}
    entries = "weight, recurrent_weight, bias" + (", recurrent_bias" if operation == "gru" else "")
    states = "hidden, cell" if operation == "lstm" else "hidden"

    def shorter(call: dict[str, Any], layer: int, entry: str) -> None:
        call["params"][layer][entry] = call["params"][layer][entry][1:]

    def masked(call: dict[str, Any], **more: Any) -> None:
        call.update(more, masks=[call.pop("mask")], rate=0.5)

    table: tuple[tuple[str, str, type[Any], str, _Change, dict[str, Source]], ...] = (
        ("x-axes", own, ShapeError, "x: expected shape (batch, time, features), got (3, 8)", lambda c: None,
         {"x": normal(3, 8)}),
        ("x-integer", own, DTypeError, "x: expected a floating array", lambda c: None,
         {"x": integers(BATCH, TIME, FEATURES, high=3)}),
        ("no-layer", stack, ArgumentError, "params: expected a list of layers, at least one, got list of 0",
         lambda c: c.update(params=[], state=None), {}),
        ("a-layer-alone", stack, ArgumentError, "params: expected a list of layers, at least one, got dict",
         lambda c: c.update(params=c["params"][0]), {}),
        ("entries", own, ArgumentError, f"params[1]: expected a dict with the entries {entries}, got the entries w",
         lambda c: c["params"].__setitem__(1, {"w": c["x"]}), {}),
        ("one-layer-both-ways", stack, ArgumentError, "params[1]: expected a dict with the entries weight, recurrent",
         _both_start, {}),
        ("recurrent-weight", own, ShapeError,
         f"params[0]['recurrent_weight']: expected shape ({rows}, 5) ({gates}, hidden), got ({rows - 1}, 5)",
         lambda c: shorter(c, 0, "recurrent_weight"), {}),
        ("weight", stack, ShapeError,
         f"params[1]['weight']: expected shape ({rows}, 5) ({gates}, the outputs of the layer before)",
         lambda c: shorter(c, 1, "weight"), {}),
        ("bias", own, ShapeError, f"params[0]['bias']: expected shape ({rows},) ({gates}), got ({rows - 1},)",
         lambda c: shorter(c, 0, "bias"), {}),
        ("state-layers", start, ArgumentError, "state: expected a list of 2, one a layer, got list of 1",
         lambda c: c["state"].pop(), {}),
        ("state-entries", start, ArgumentError, f"state[0]: expected a dict with the entries {states}, got",
         lambda c: c["state"].__setitem__(0, {"h": c["x"]}), {}),
        ("state-shape", start, ShapeError, "state[1]['hidden']: expected shape (4, 5) (batch, hidden), got (3, 5)",
         lambda c: c["state"][1].update(hidden=c["state"][1]["hidden"][1:]), {}),
        ("lengths-shape", ends, ShapeError, "lengths: expected shape (4,) (the first axis of x), got (2,)",
         lambda c: None, {"lengths": lengths(1, 2)}),
        ("lengths-floating", ends, DTypeError, "lengths: expected an integer array", lambda c: None,
         {"lengths": values([1.0, 2.0, 3.0, 1.0])}),
        ("lengths-large", ends, ArgumentError, "lengths: expected numbers of steps in [0, 3], got 5", lambda c: None,
         {"lengths": lengths(1, 5, 2, 1)}),
        ("lengths-negative", ends, ArgumentError, "lengths: expected numbers of steps in [0, 3], got -1",
         lambda c: None, {"lengths": lengths(1, -1, 2, 1)}),
        ("rate", drop, ArgumentError, "rate: expected a finite number >= 0 and <= 1, got 1.5",
         lambda c: c.update(rate=1.5), key),
        ("neither", drop, ArgumentError, "key, masks: expected one of the two in training, got neither",
         lambda c: c.update(rate=0.5), {}),
        ("both", drop, ArgumentError, "key, masks: expected one of the two in training, got both", masked,
         {**key, **mask}),
        ("mask-shape", drop, ShapeError,
         "masks[0]: expected shape (4, 3, 5) (that of the outputs of layer 0), got (4, 3)", masked,
         {"mask": booleans(4, 3)}),
        ("mask-alone", drop, ArgumentError, "masks: expected a list of 1, one a layer but the last, got",
         lambda c: c.update(masks=c.pop("mask"), rate=0.5), mask),
        ("site", drop, ArgumentError, "site: expected an integer <= 2**32 - 1, got 4294967296",
         lambda c: c.update(site=1 << 32, rate=0.5), key),
        ("training", off, ArgumentError, "training: expected True or False, got 0",
         lambda c: c.update(training=0, rate=0.5), key),
    )  # fmt: skip
    inputs = {"x": _X, "theta": net.theta(), "start": net.start()}
    return [
        error_case(operation, name, (requirement,), _changed(net, change), error, words, inputs={**inputs, **more})
        for name, requirement, error, words, change, more in table
    ]
