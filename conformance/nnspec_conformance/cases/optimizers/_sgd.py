"""Inputs for gradient descent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec.errors import ArgumentError
from nnspec_conformance.case import cases, constant, error_case, normal, uses_up, values
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


@uses_up
def _tied(backend: Any, w: Any, tied: Any, velocity: Any, other: Any, g: Any) -> Any:
    """One array in several places: none of them may see what is written to another."""
    params = {"a": w, "b": tied, "c": tied}
    momentum = {"a": velocity, "b": other, "c": other}
    state = {**backend.sgd_init(params, momentum=0.9), "momentum": momentum}
    return backend.sgd_update(params, {"a": velocity, "b": g, "c": tied}, state, lr=0.3, momentum=0.9)


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
            # longer than what native kernels take at a time, and no multiple of it; an infinite parameter stays one
            "long": {
                **update_from("sgd", (), lr=0.3),
                "inputs": {
                    **PARAMS,
                    **PLAIN,
                    "w": values([*np.linspace(-2.0, 2.0, 16388), math.inf]),
                    "gw": normal(16389),
                    "step": constant(3, "int32"),
                },
                "requires": ("SGD_UPDATE-1",),
                "dtypes": ("float32",),
                "plain_only": True,
            },
            "tied": {
                "program": _tied,
                "inputs": {n: normal(3) for n in ("w", "tied", "velocity", "other", "g")},
                "requires": ("SGD_UPDATE-1", "SGD_UPDATE-2"),
                "dtypes": ("float32",),
                "plain_only": True,
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
