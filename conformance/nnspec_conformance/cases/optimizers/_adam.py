"""Inputs for Adam and AdamW."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError
from nnspec_conformance.case import Case, Source, cases, constant, error_case, normal, uniform, values
from nnspec_conformance.cases.optimizers._errors import update_errors
from nnspec_conformance.cases.optimizers._steps import (
    GRADS,
    NAN,
    PARAMS,
    PLAIN,
    RUN,
    STEP,
    ZERO,
    first_update,
    state_inputs,
    trajectory,
    update_from,
    updates,
)

__all__ = ["CASES"]

_MOMENTS = ("exp_avg", "exp_avg_sq")


def _moments(step: int) -> dict[str, Source]:
    return {
        **state_inputs(("exp_avg",), step),
        "exp_avg_sq_w": uniform(2, 3, low=0.5, high=2.0),
        "exp_avg_sq_b": uniform(2, low=0.5, high=2.0),
    }


def _adam_steps(optimizer: str, eps: str, correction: str, counter: str, **common: Any) -> list[Case]:
    """Single steps of Adam; `common` takes the decay out of AdamW."""
    operation = f"{optimizer}_update"
    return cases(
        operation,
        {
            "counter": {
                **updates(optimizer, (0.1, 0.1, 0.1), result="step"),
                "inputs": {**PARAMS, **PLAIN},
                "requires": (counter,),
            },
            # eps too small to matter and parameters 0: each step is 0.3 times a quotient of corrected moments
            "first": {
                **first_update(optimizer, lr=0.3, eps=1e-30, **common),
                "inputs": {**ZERO, **PLAIN},
                "requires": (correction,),
            },
            "later": {
                **update_from(optimizer, _MOMENTS, lr=0.3, eps=1e-30, **common),
                "inputs": {**ZERO, **PLAIN, **_moments(41)},
                "requires": (correction,),
            },
            "late": {
                **update_from(optimizer, _MOMENTS, lr=0.3, eps=1e-30, beta2=0.9999, **common),
                "inputs": {**ZERO, **PLAIN, **_moments(3000)},
                "requires": (correction,),
                "level": "full",
            },
            "wide-counter": {
                **update_from(optimizer, _MOMENTS, lr=0.3, **common),
                "inputs": {**PARAMS, **PLAIN, **_moments(3), "step": constant(3, "int64")},
                "requires": (correction,),
                "level": "full",
            },
            "no-memory": {
                **first_update(optimizer, lr=0.3, beta1=0.0, beta2=0.0, eps=0.1, **common),
                "inputs": {**PARAMS, **PLAIN},
                "requires": (correction,),
                "level": "full",
            },
            "eps": {
                **first_update(optimizer, lr=0.3, eps=0.1, **common),
                "inputs": {**ZERO, **GRADS},
                "requires": (eps,),
            },
            "tiny-gradients": {
                **first_update(optimizer, lr=0.3, **common),
                "inputs": {**ZERO, **GRADS},
                "requires": (eps,),
            },
            "array-lr": {
                **first_update(optimizer, **common),
                "inputs": {**PARAMS, **PLAIN, "lr": values(0.3)},
                "requires": (correction,),
                "level": "full",
            },
        },
        checks=STEP,
    )


def _without_decay(backend: Any, w: Any, b: Any, gw: Any, gb: Any, step: Any, **moments: Any) -> Any:
    """Adam's step, and AdamW's without decay."""
    options: dict[str, Any] = {"lr": 0.3, "beta1": 0.8, "beta2": 0.95, "eps": 0.1}
    given = {"w": w, "b": b, "gw": gw, "gb": gb, "step": step, **moments}
    return [
        update_from("adam", _MOMENTS, **options)["program"](backend, **given),
        update_from("adamw", _MOMENTS, weight_decay=0.0, **options)["program"](backend, **given),
    ]


_ADAM = [
    *_adam_steps("adam", "ADAM_UPDATE-1", "ADAM_UPDATE-2", "ADAM_UPDATE-4"),
    *cases(
        "adam_update",
        {
            "l2": {
                **update_from("adam", _MOMENTS, lr=0.3, l2=0.2),
                "inputs": {**PARAMS, **PLAIN, **_moments(3)},
                "requires": ("ADAM_UPDATE-3",),
            },
            "default": {
                **first_update("adam"),
                "inputs": {**PARAMS, **GRADS},
                "requires": ("ADAM_UPDATE-1",),
            },
        },
        checks=STEP,
    ),
    *cases(
        "adam_update",
        {
            "trajectory": {
                **trajectory("adam", l2=0.01),
                "requires": ("ADAM_UPDATE-2", "ADAM_UPDATE-1", "ADAM_UPDATE-3"),
            },
            "trajectory-plain": {
                **trajectory("adam", beta1=0.7, beta2=0.9, eps=1e-4),
                "requires": ("ADAM_UPDATE-2", "ADAM_UPDATE-1"),
                "level": "full",
            },
        },
        inputs=RUN,
        checks=("trajectory",),
    ),
    *update_errors(
        "adam",
        (
            ("beta1", 1.0, " >= 0 and < 1"),
            ("beta2", -0.5, " >= 0 and < 1"),
            ("beta2", NAN, " >= 0 and < 1"),
            ("eps", 0.0, " > 0"),
            ("l2", -1.0, " >= 0"),
        ),
    ),
]

_DECAYING = {**PARAMS, **PLAIN, **_moments(3)}
_MASK = {"w": True, "b": False}

_ADAMW = [
    *_adam_steps("adamw", "ADAMW_UPDATE-2", "ADAMW_UPDATE-2", "ADAMW_UPDATE-4", weight_decay=0.0),
    *cases(
        "adamw_update",
        {
            "without-decay": {
                "program": _without_decay,
                "requires": ("ADAMW_UPDATE-2",),
                "level": "full",
            },
            "decay": {
                **update_from("adamw", _MOMENTS, lr=0.5, weight_decay=0.3),
                "requires": ("ADAMW_UPDATE-1",),
            },
            "mask": {
                **update_from("adamw", _MOMENTS, lr=0.5, weight_decay=0.3, decay_mask=_MASK),
                "requires": ("ADAMW_UPDATE-3",),
            },
            "mask-nothing": {
                **update_from("adamw", _MOMENTS, lr=0.5, weight_decay=0.3, decay_mask={"w": False, "b": False}),
                "requires": ("ADAMW_UPDATE-3",),
                "level": "full",
            },
            "default": {
                **update_from("adamw", _MOMENTS),
                "requires": ("ADAMW_UPDATE-1",),
            },
        },
        inputs=_DECAYING,
        checks=STEP,
    ),
    *cases(
        "adamw_update",
        {
            "trajectory": {
                **trajectory("adamw", weight_decay=0.05, decay_mask=_MASK),
                "requires": ("ADAMW_UPDATE-1", "ADAMW_UPDATE-2", "ADAMW_UPDATE-3"),
            },
            "trajectory-default": {
                **trajectory("adamw"),
                "requires": ("ADAMW_UPDATE-1",),
                "level": "full",
            },
        },
        inputs=RUN,
        checks=("trajectory",),
    ),
    *update_errors("adamw", (("beta1", 1.0, " >= 0 and < 1"), ("eps", 0.0, " > 0"), ("weight_decay", NAN, " >= 0"))),
    *(
        error_case(
            "adamw_update",
            f"mask-{name}",
            ("ADAMW_UPDATE-3",),
            lambda backend, w, mask=mask: backend.adamw_update(
                {"w": w}, {"w": w}, backend.adamw_init({"w": w}), decay_mask=mask
            ),
            ArgumentError,
            words,
            inputs={"w": normal(3)},
        )
        for name, mask, words in (
            ("structure", {"v": True}, "decay_mask: expected the structure of params"),
            ("values", {"w": 1.0}, "decay_mask: expected True or False, got 1.0"),
        )
    ),
]

CASES = [*_ADAM, *_ADAMW]
