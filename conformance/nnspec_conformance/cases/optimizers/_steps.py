"""What is done with every optimizer, and what it is done to."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from nnspec_conformance.case import Case, Source, constant, normal, only_calls, uniform, uses_up, values

__all__ = [
    "GRADS",
    "INF",
    "MASK",
    "NAN",
    "PARAMS",
    "PLAIN",
    "RUN",
    "STEP",
    "ZERO",
    "differentiated",
    "first_update",
    "scaled",
    "single_first",
    "state_after",
    "state_inputs",
    "trajectory",
    "update_from",
    "updates",
]

INF, NAN = math.inf, math.nan
STEP = ("values", "shapes", "compiled", "purity", "repeat")
#: steps of a trajectory
_LENGTH = 50

# -- programs ----------------------------------------------------------------------------------------------


#: what an optimizer's `_init` takes too, and what it alone takes
_SHARED = {"sgd": ("momentum",), "rmsprop": ("momentum", "centered"), "adafactor": ("beta1",)}
_INITIAL = {"adagrad": ("initial_accumulator",), "rprop": ("initial_step",)}
_WITHOUT_LR = ("rprop",)


def _start(backend: Any, optimizer: str, params: Any, options: dict[str, Any]) -> Any:
    taken = (*_SHARED.get(optimizer, ()), *_INITIAL.get(optimizer, ()))
    given = {name: options[name] for name in taken if name in options}
    return getattr(backend, f"{optimizer}_init")(params, **given)


def _update(backend: Any, optimizer: str, options: dict[str, Any]) -> Any:
    """`(params, grads, state, lr)` -> new parameters and state."""
    operation = getattr(backend, f"{optimizer}_update")
    own = {name: value for name, value in options.items() if name not in _INITIAL.get(optimizer, ())}

    def update(params: Any, grads: Any, state: Any, **given: Any) -> Any:
        if optimizer in _WITHOUT_LR:
            given.pop("lr", None)
        return operation(params, grads, state, **own, **given)

    return update


# The functions below return the program and, for its digest, the options that it closes over.


def first_update(optimizer: str, *, whole: bool = True, **options: Any) -> dict[str, Any]:
    """One update from the start: new parameters, and where `whole` the new state."""

    @uses_up
    @only_calls
    def program(backend: Any, w: Any, b: Any, gw: Any, gb: Any, **arrays: Any) -> Any:
        params, grads = {"w": w, "b": b}, {"w": gw, "b": gb}
        state = _start(backend, optimizer, params, options)
        result = _update(backend, optimizer, options)(params, grads, state, **arrays)
        return result if whole else result[0]

    return {"program": program, "options": {**options, "whole": whole}}


def updates(optimizer: str, rates: tuple[float, ...], *, result: str = "params", **options: Any) -> dict[str, Any]:
    """An update a rate with gradients that change; returns the parameters or the step counter."""

    def program(backend: Any, w: Any, b: Any, gw: Any, gb: Any) -> Any:
        params, grads = {"w": w, "b": b}, {"w": gw, "b": gb}
        state = _start(backend, optimizer, params, options)
        for i, lr in enumerate(rates):
            scaled = {name: g * (1.0 - 0.75 * i) for name, g in grads.items()}
            params, state = _update(backend, optimizer, options)(params, scaled, state, lr=lr)
        return params if result == "params" else state["step"]

    return {"program": program, "options": {**options, "rates": rates, "result": result}}


def update_from(optimizer: str, entries: tuple[str, ...], *, whole: bool = True, **options: Any) -> dict[str, Any]:
    """One update from a state given as inputs `step`, `<entry>_w`, `<entry>_b`, and entries that are no trees.

    The learning rate may be an input too.
    """

    @uses_up
    def program(backend: Any, w: Any, b: Any, gw: Any, gb: Any, step: Any, **given: Any) -> Any:
        rate = {"lr": given.pop("lr")} if "lr" in given else {}
        moments = {entry: {leaf: given.pop(f"{entry}_{leaf}") for leaf in ("w", "b")} for entry in entries}
        state = {"step": step, **moments, **given}
        update = getattr(backend, f"{optimizer}_update")
        result = update({"w": w, "b": b}, {"w": gw, "b": gb}, state, **options, **rate)
        return result if whole else result[0]

    return {"program": program, "options": {**options, "whole": whole}}


def differentiated(
    optimizer: str, entries: tuple[str, ...], inputs: dict[str, Source], **options: Any
) -> dict[str, Any]:
    """One update, and its derivatives: those who learn how to learn take them, and native kernels have none."""
    return {
        **update_from(optimizer, entries, **options),
        "inputs": inputs,
        "checks": ("values", "gradients"),
        "dtypes": ("float32",),
        "plain_only": True,
    }


def state_after(optimizer: str, entries: tuple[str, ...], *only: str, **options: Any) -> dict[str, Any]:
    """The new state, or some entries of it, of one update from a state given as inputs: no size of a step."""
    one = update_from(optimizer, entries, **options)["program"]

    def program(backend: Any, **arrays: Any) -> Any:
        state = one(backend, **arrays)[1]
        return [state[entry] for entry in only] if only else state

    return {"program": program, "options": {**options, "only": only}}


def trajectory(optimizer: str, **options: Any) -> dict[str, Any]:
    """As many updates as there are gradients and rates; the parameters and the state that they end in."""

    @only_calls
    def program(backend: Any, w: Any, b: Any, gw: Any, gb: Any, lr: Any) -> Any:
        params = {"w": w, "b": b}
        state = _start(backend, optimizer, params, options)
        one = _update(backend, optimizer, options)
        # eagerly, a step by itself costs a tracing backend more than compiling it once for all steps
        update = backend.compile(lambda p, g, s, rate: one(p, g, s, lr=rate))
        for t in range(gw.shape[0]):
            params, state = update(params, {"w": gw[t, ...], "b": gb[t, ...]}, state, lr[t])
        return params, state

    return {"program": program, "options": options}


def single_first(trajectories: list[Case]) -> list[Case]:
    """What is at level quick there in float32 only, and in float64 at level full: references of 50 steps take time."""
    quick = [case for case in trajectories if case.level == "quick"]
    return [
        *(replace(case, dtypes=("float32",)) if case.level == "quick" else case for case in trajectories),
        *(replace(case, name=f"{case.name}-double", dtypes=("float64",), level="full") for case in quick),
    ]


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
#: which of them decay
MASK = {"w": True, "b": False}
PLAIN = {"gw": normal(2, 3), "gb": normal(2)}


def scaled(*shape: int) -> Source:
    """Gradients of a trajectory: every entry has its own size, from 30 down to 1e-9, and one is always 0."""

    def make(generator: np.random.Generator) -> Any:
        sizes = 10.0 ** generator.uniform(-9, 1.5, shape)
        sizes.reshape(-1)[0] = 0.0
        return sizes * (0.3 + generator.standard_normal((_LENGTH, *shape)))

    return Source(make, floating=True)


RUN = {
    "w": normal(3, 2),
    "b": values([0.0, 0.0, 1.0, -1.0]),
    "gw": scaled(3, 2),
    "gb": scaled(4),
    # a schedule that drops, by a factor that shows
    "lr": Source(lambda _: 0.3 * np.array([1.0] * 17 + [0.1] * 16 + [0.5] * 17), floating=True),
}


def state_inputs(entries: tuple[str, ...], step: int, low: float = -1.0) -> dict[str, Source]:
    moments = {
        f"{entry}_{leaf}": uniform(*shape, low=low, high=2.0)
        for entry in entries
        for leaf, shape in (("w", (2, 3)), ("b", (2,)))
    }
    return {"step": constant(step, "int32"), **moments}
