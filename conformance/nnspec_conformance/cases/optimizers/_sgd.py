"""Inputs for gradient descent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec import Backend
from nnspec.errors import ArgumentError
from nnspec_conformance.case import Case, cases, error_case, normal, uses_up, values
from nnspec_conformance.cases.optimizers._errors import DECAYS, mask_errors, update_errors
from nnspec_conformance.cases.optimizers._steps import (
    GRADS,
    MASK,
    PARAMS,
    PLAIN,
    RUN,
    STEP,
    first_update,
    single_first,
    state_inputs,
    trajectory,
    update_from,
    updates,
)

__all__ = ["CASES"]

_VELOCITY = state_inputs(("momentum",), 3)


def _momentum(backend: Any, params: dict[str, Any], grads: dict[str, Any], momentum: dict[str, Any]) -> Any:
    state = {**backend.sgd_init(params, momentum=0.9), "momentum": momentum}
    return backend.sgd_update(params, grads, state, lr=0.3, momentum=0.9)


# None of the places that an array is in may see what is written to another.


@uses_up
def _tied(backend: Any, w: Any, velocity: Any, g: Any, h: Any) -> Any:
    return _momentum(backend, {"a": w, "b": w}, {"a": g, "b": h}, {"a": velocity, "b": velocity})


@uses_up
def _own_gradient(backend: Any, w: Any, velocity: Any, g: Any, h: Any) -> Any:
    return _momentum(backend, {"a": w, "b": h}, {"a": velocity, "b": h}, {"a": velocity, "b": g})


def _long(backend: Backend, dtype: str, seed: int) -> str | None:
    """More elements than native kernels take at a time, in numbers of which the step is exact; inf stays inf."""
    del dtype, seed
    w, g = (np.arange(32773, dtype=np.float32) % period - 3.0 for period in (11, 7))
    w[-1] = math.inf
    step = backend.compile(lambda p, grads, state: backend.sgd_update(p, grads, state, lr=0.5), donate=(0, 2))
    p = backend.asarray(w, dtype="float32")
    found, _ = step({"w": p}, {"w": backend.asarray(g, dtype="float32")}, backend.sgd_init({"w": p}))
    wrong = np.flatnonzero(backend.to_numpy(found["w"]) != w - 0.5 * g)
    return f"{wrong.size} parameters differ, the first at {wrong[0]}" if wrong.size else None


_SGD = [
    *cases(
        "sgd_update",
        {
            "counter": {
                **updates("sgd", (0.1, 0.1, 0.1), result="step", momentum=0.5),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("SGD_UPDATE-5",),
            },
            # no velocity to multiply, no rate to accumulate: what is left is the first gradient
            "first": {
                **first_update("sgd", whole=False, lr=0.3, momentum=0.9),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("SGD_UPDATE-2",),
            },
            "plain": {
                **first_update("sgd", lr=0.3),
                "inputs": {**PARAMS, **GRADS},
                "requires": ("SGD_UPDATE-1",),
                "level": "full",
            },
            "changing-lr": {
                **updates("sgd", (0.5, 0.05, 0.2), momentum=0.9),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("SGD_UPDATE-1",),
            },
            "nesterov": {
                **update_from("sgd", ("momentum",), lr=0.3, momentum=0.9, nesterov=True),
                "inputs": {n: s.laid_out("transposed") for n, s in {**PARAMS, **PLAIN, **_VELOCITY}.items()},
                "requires": ("SGD_UPDATE-3",),
            },
            "l2": {
                **update_from("sgd", ("momentum",), lr=0.3, momentum=0.9, l2=1.0),
                "inputs": {**PARAMS, **PLAIN, **_VELOCITY},
                "requires": ("SGD_UPDATE-4",),
            },
            "weight-decay": {
                **update_from("sgd", ("momentum",), lr=0.5, momentum=0.9, weight_decay=0.3),
                "inputs": {**PARAMS, **PLAIN, **_VELOCITY},
                "requires": ("SGD_UPDATE-4",),
            },
            "mask": {
                **update_from("sgd", ("momentum",), lr=0.5, momentum=0.9, weight_decay=0.3, decay_mask=MASK),
                "inputs": {**PARAMS, **PLAIN, **_VELOCITY},
                "requires": ("SGD_UPDATE-6",),
            },
            **{
                name: {
                    "program": program,
                    "inputs": {n: normal(3) for n in ("w", "velocity", "g", "h")},
                    "requires": ("SGD_UPDATE-1", "SGD_UPDATE-2"),
                    "dtypes": ("float32",),
                    "plain_only": True,
                }
                for name, program in (("tied", _tied), ("own-gradient", _own_gradient))
            },
            "everything": {
                **update_from("sgd", ("momentum",), lr=0.5, momentum=0.9, nesterov=True, l2=0.1, weight_decay=0.3),
                "inputs": {**PARAMS, **GRADS, **_VELOCITY},
                "requires": ("SGD_UPDATE-4", "SGD_UPDATE-3"),
                "level": "full",
            },
            "plain-decays": {
                **first_update("sgd", lr=0.5, l2=0.1, weight_decay=0.3),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("SGD_UPDATE-4",),
                "level": "full",
            },
            "array-lr": {
                **first_update("sgd", momentum=0.9),
                "inputs": {**PARAMS, **PLAIN, "lr": values(0.3)},
                "requires": ("SGD_UPDATE-1",),
                "level": "full",
            },
            "default": {
                **first_update("sgd"),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("SGD_UPDATE-1",),
            },
            "zero-lr": {
                **first_update("sgd", lr=0.0, momentum=0.9, weight_decay=0.3),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("SGD_UPDATE-1", "SGD_UPDATE-4"),
                "level": "full",
            },
        },
        checks=STEP,
    ),
    *single_first(
        cases(
            "sgd_update",
            {
                "trajectory": {
                    **trajectory("sgd", momentum=0.9, l2=0.01, weight_decay=0.02),
                    "requires": ("SGD_UPDATE-1", "SGD_UPDATE-2", "SGD_UPDATE-4"),
                },
                "trajectory-plain": {
                    **trajectory("sgd"),
                    "requires": ("SGD_UPDATE-1",),
                    "level": "full",
                },
                "trajectory-nesterov": {
                    **trajectory("sgd", momentum=0.9, nesterov=True),
                    "requires": ("SGD_UPDATE-3", "SGD_UPDATE-1"),
                    "level": "full",
                },
            },
            inputs=RUN,
            checks=("trajectory",),
        )
    ),
    Case(
        operation="sgd_update",
        name="long-exact",
        requires=("SGD_UPDATE-1",),
        checks=("statistics",),
        judge=_long,
        dtypes=("float32",),
        plain_only=True,
    ),
    *update_errors("sgd", (("momentum", 1.0, " >= 0 and < 1"), *DECAYS)),
    *mask_errors("sgd", "SGD_UPDATE-6"),
    error_case(
        "sgd_update",
        "nesterov-alone",
        ("SGD_UPDATE-3",),
        lambda backend, w: backend.sgd_update(w, w, backend.sgd_init(w), nesterov=True),
        ArgumentError,
        "nesterov: expected False without momentum, got True",
        inputs={"w": normal(3)},
    ),
    error_case(
        "sgd_update",
        "forgotten-momentum",
        ("SGD_UPDATE-1",),
        lambda backend, w: backend.sgd_update(w, w, backend.sgd_init(w), momentum=0.9),
        ArgumentError,
        "state: expected the entries step, momentum, as _init makes them with the same arguments, got step",
        inputs={"w": normal(3)},
    ),
]

CASES = _SGD
