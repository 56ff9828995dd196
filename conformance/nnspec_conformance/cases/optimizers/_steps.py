"""What is done with every optimizer, and what it is done to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec_conformance.case import Source, constant, normal, only_calls, uniform, values

__all__ = [
    "GRADS",
    "INF",
    "NAN",
    "PARAMS",
    "PLAIN",
    "RUN",
    "STEP",
    "ZERO",
    "first_update",
    "state_inputs",
    "trajectory",
    "update_from",
    "updates",
]

INF, NAN = math.inf, math.nan
STEP = ("values", "shapes", "compiled", "purity", "repeat")
#: steps of a trajectory
_LENGTH = 20

# -- programs ----------------------------------------------------------------------------------------------


def _init_options(operation: str, options: dict[str, Any]) -> dict[str, Any]:
    """What the optimizer's `_init` takes of the hyper-parameters of its `_update`."""
    taken = {"sgd": ("momentum",), "rmsprop": ("momentum", "centered")}.get(operation, ())
    return {name: options[name] for name in taken if name in options}


def _start(backend: Any, optimizer: str, params: Any, options: dict[str, Any]) -> Any:
    return getattr(backend, f"{optimizer}_init")(params, **_init_options(optimizer, options))


# The functions below return the program and, for its digest, the options that it closes over.


def first_update(optimizer: str, *, whole: bool = True, **options: Any) -> dict[str, Any]:
    """One update from the start: new parameters, and where `whole` the new state."""

    @only_calls
    def program(backend: Any, w: Any, b: Any, gw: Any, gb: Any, **arrays: Any) -> Any:
        params, grads = {"w": w, "b": b}, {"w": gw, "b": gb}
        state = _start(backend, optimizer, params, options)
        result = getattr(backend, f"{optimizer}_update")(params, grads, state, **options, **arrays)
        return result if whole else result[0]

    return {"program": program, "options": {**options, "whole": whole}}


def updates(optimizer: str, rates: tuple[float, ...], *, result: str = "params", **options: Any) -> dict[str, Any]:
    """An update a rate with gradients that change; returns the parameters or the step counter."""

    def program(backend: Any, w: Any, b: Any, gw: Any, gb: Any) -> Any:
        params, grads = {"w": w, "b": b}, {"w": gw, "b": gb}
        state = _start(backend, optimizer, params, options)
        for i, lr in enumerate(rates):
            scaled = {name: g * (1.0 - 0.75 * i) for name, g in grads.items()}
            params, state = getattr(backend, f"{optimizer}_update")(params, scaled, state, lr=lr, **options)
        return params if result == "params" else state["step"]

    return {"program": program, "options": {**options, "rates": rates, "result": result}}


def update_from(optimizer: str, entries: tuple[str, ...], *, whole: bool = True, **options: Any) -> dict[str, Any]:
    """One update from a state given as inputs `step`, `<entry>_w`, `<entry>_b`."""

    def program(backend: Any, w: Any, b: Any, gw: Any, gb: Any, step: Any, **moments: Any) -> Any:
        state = {
            "step": step,
            **{entry: {"w": moments[f"{entry}_w"], "b": moments[f"{entry}_b"]} for entry in entries},
        }
        update = getattr(backend, f"{optimizer}_update")
        result = update({"w": w, "b": b}, {"w": gw, "b": gb}, state, **options)
        return result if whole else result[0]

    return {"program": program, "options": {**options, "whole": whole}}


def trajectory(optimizer: str, **options: Any) -> dict[str, Any]:
    """As many updates as there are gradients and rates; the parameters and the state that they end in."""

    @only_calls
    def program(backend: Any, w: Any, b: Any, gw: Any, gb: Any, lr: Any) -> Any:
        params = {"w": w, "b": b}
        state = _start(backend, optimizer, params, options)
        update = getattr(backend, f"{optimizer}_update")
        for t in range(gw.shape[0]):
            params, state = update(params, {"w": gw[t, ...], "b": gb[t, ...]}, state, lr=lr[t], **options)
        return params, state

    return {"program": program, "options": options}


# -- inputs ------------------------------------------------------------------------------------------------

#: parameters of which some are 0 and some are not
PARAMS = {
    "w": values([[0.0, 1.5, -2.0], [0.75, 0.0, 0.0]]),
    "b": values([0.0, -1.0]),
}
#: all 0: what an update leaves is the step itself, to its own relative accuracy
ZERO = {"w": values([[0.0] * 3] * 2), "b": values([0.0] * 2)}
#: from ordinary down to tiny, and exactly 0
GRADS = {
    "gw": values([[1.5, -0.3, 1e-4], [-1e-6, 3e-8, -1e-10]]),
    "gb": values([0.0, -2.5]),
}
PLAIN = {"gw": normal(2, 3), "gb": normal(2)}


def _scaled(*shape: int) -> Source:
    """Gradients of a trajectory: every entry has its own size, from 30 down to 1e-9, and one is always 0."""

    def make(generator: np.random.Generator) -> Any:
        sizes = 10.0 ** generator.uniform(-9, 1.5, shape)
        sizes.reshape(-1)[0] = 0.0
        return sizes * (0.3 + generator.standard_normal((_LENGTH, *shape)))

    return Source(make, floating=True)


RUN = {
    "w": normal(3, 2),
    "b": values([0.0, 0.0, 1.0, -1.0]),
    "gw": _scaled(3, 2),
    "gb": _scaled(4),
    # a schedule that drops, by a factor that shows
    "lr": Source(lambda _: 0.3 * np.array([1.0] * 7 + [0.1] * 6 + [0.5] * 7), floating=True),
}


def state_inputs(entries: tuple[str, ...], step: int, low: float = -1.0) -> dict[str, Source]:
    moments = {
        f"{entry}_{leaf}": uniform(*shape, low=low, high=2.0)
        for entry in entries
        for leaf, shape in (("w", (2, 3)), ("b", (2,)))
    }
    return {"step": constant(step, "int32"), **moments}
