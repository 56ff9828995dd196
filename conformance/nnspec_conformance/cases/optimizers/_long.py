"""150 steps of every optimizer in bfloat16, so small that each by itself would be rounded away.

A step is about 1e-4 of a parameter, and half a unit in the last place 2e-3 of it in bfloat16, 2e-4 in float16.
Parameters that are added up there stall or drift; the 1.5 percent that they should move are 30 times the limit. What
is kept in float32 does not depend on which of the two dtypes it is rounded to, so that float16 is left to some of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nnspec._low_precision import LOW
from nnspec_conformance.case import Case, Source, cases, only_calls, values
from nnspec_conformance.cases.optimizers._steps import trajectory

__all__ = ["CASES"]

_LENGTH = 150


def _steady(*shape: int) -> Source:
    """Gradients of which each has mostly one sign."""

    def make(generator: np.random.Generator) -> Any:
        return generator.choice((-1.0, 1.0), shape) * (0.5 + 0.4 * generator.standard_normal((_LENGTH, *shape)))

    return Source(make, floating=True)


def _rates(lr: float) -> Source:
    """A schedule that falls: steps of one size round alike, which adds up to more than the model's noise."""
    return Source(lambda _: lr * np.linspace(1.5, 0.75, _LENGTH), floating=True)


_INPUTS = {
    "w": values([[0.7, 1.5, -1.9], [-0.75, 1.1, 0.9]]),
    "b": values([[0.8, -1.3]]),
    "gw": _steady(2, 3),
    "gb": _steady(1, 2),
}
#: learning rate and options with which a step is about 1e-4
_OPTIONS: dict[str, tuple[float, dict[str, Any]]] = {
    "sgd": (2e-4, {"momentum": 0.5}),
    "rmsprop": (1e-4, {}),
    "adam": (1e-4, {}),
    "adamw": (1e-4, {"weight_decay": 0.1}),
    "adagrad": (1e-3, {}),
    "adadelta": (0.02, {}),
    "rprop": (1.0, {"initial_step": 1e-4, "max_step": 2e-3}),
    "adamax": (1e-4, {}),
    "nadam": (1e-4, {}),
    "radam": (1e-4, {}),
    "amsgrad": (1e-4, {}),
    "lion": (1e-4, {}),
    "lamb": (1e-4, {}),
    "adafactor": (1e-4, {}),
    "muon": (1e-4, {"ns_steps": 2}),
}


_IN_BOTH = ("sgd", "rmsprop", "adam", "adamw", "accumulation")
#: the requirement that says how parameters decay
_DECAY = {"sgd": 4, "rmsprop": 4, "adamw": 1}


@only_calls
def _averages(backend: Any, w: Any, b: Any, gw: Any, gb: Any) -> Any:
    """The gradients in the place of parameters."""
    state = backend.ema_init({"w": w, "b": b})
    update = backend.compile(lambda state, params: backend.ema_update(state, params, decay=0.99))
    for t in range(gw.shape[0]):
        state = update(state, {"w": gw[t, ...], "b": gb[t, ...]})
    return state


@only_calls
def _sums(backend: Any, w: Any, b: Any, gw: Any, gb: Any) -> Any:
    state = backend.accumulation_init({"w": w, "b": b})
    update = backend.compile(lambda state, grads: backend.accumulation_update(state, grads, count=3))
    for t in range(gw.shape[0]):
        state = update(state, {"w": gw[t, ...], "b": gb[t, ...]})
    return backend.accumulation_mean(state)


def _long(operation: str, program: dict[str, Any] | Callable[..., Any], requirement: str, **inputs: Source) -> Case:
    own = program if isinstance(program, dict) else {"program": program}
    named = {"trajectory-long": {**own, "requires": (requirement,), "inputs": {**_INPUTS, **inputs}}}
    dtypes = LOW if operation.partition("_")[0] in _IN_BOTH else ("bfloat16",)
    return cases(operation, named, checks=("trajectory",), dtypes=dtypes, level="full")[0]


def _constant(name: str, **options: Any) -> Case:
    """With one rate in float32: a factor 1 - lr weight_decay that is rounded is off alike in every step."""
    return Case(
        operation=f"{name}_update",
        name="trajectory-constant",
        requires=(f"{name.upper()}_UPDATE-{_DECAY[name]}",),
        inputs={**_INPUTS, "lr": values([1e-4] * _LENGTH)},
        checks=("trajectory",),
        dtypes=("float32",),
        level="full",
        **trajectory(name, weight_decay=0.01, **options),
    )


CASES = [
    *map(_constant, _DECAY),
    *(
        _long(f"{name}_update", trajectory(name, **options), f"{name.upper()}_UPDATE-1", lr=_rates(lr))
        for name, (lr, options) in _OPTIONS.items()
    ),
    _long("ema_update", _averages, "EMA_UPDATE-1"),
    _long("accumulation_mean", _sums, "ACCUMULATION_MEAN-1"),
]
