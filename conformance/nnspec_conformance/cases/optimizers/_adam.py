"""Inputs for Adam and AdamW."""

from __future__ import annotations

from typing import Any

from nnspec_conformance.case import Case, cases, normal, uses_up
from nnspec_conformance.cases.optimizers._errors import mask_errors, update_errors
from nnspec_conformance.cases.optimizers._single import adam_steps, moments
from nnspec_conformance.cases.optimizers._steps import (
    GRADS,
    MASK,
    NAN,
    PARAMS,
    PLAIN,
    RUN,
    STEP,
    differentiated,
    first_update,
    single_first,
    trajectory,
    update_from,
)

__all__ = ["CASES"]

_MOMENTS = ("exp_avg", "exp_avg_sq")
_DECAYING = {**PARAMS, **PLAIN, **moments(3)}


def _without_decay(backend: Any, w: Any, b: Any, gw: Any, gb: Any, step: Any, **moments: Any) -> Any:
    """Adam's step, and AdamW's without decay."""
    options: dict[str, Any] = {"lr": 0.3, "beta1": 0.8, "beta2": 0.95, "eps": 0.1}
    given = {"w": w, "b": b, "gw": gw, "gb": gb, "step": step, **moments}
    return [
        update_from("adam", _MOMENTS, **options)["program"](backend, **given),
        update_from("adamw", _MOMENTS, weight_decay=0.0, **options)["program"](backend, **given),
    ]


@uses_up
def _one_leaf(backend: Any, w: Any, g: Any) -> Any:
    return backend.adam_update(w, g, backend.adam_init(w), lr=0.3)


_ADAM = [
    *adam_steps("adam", _MOMENTS, moments, ("ADAM_UPDATE-1", "ADAM_UPDATE-2", "ADAM_UPDATE-4")),
    *cases(
        "adam_update",
        {
            "l2": {
                **update_from("adam", _MOMENTS, lr=0.3, l2=0.2),
                "inputs": {**PARAMS, **PLAIN, **moments(3)},
                "requires": ("ADAM_UPDATE-3",),
            },
            "default": {
                **first_update("adam"),
                "inputs": {**PARAMS, **GRADS},
                "requires": ("ADAM_UPDATE-1",),
            },
            # not even a list of parameters
            "one-leaf": {
                "program": _one_leaf,
                "inputs": {"w": normal(3), "g": normal(3)},
                "requires": ("ADAM_UPDATE-1",),
                "dtypes": ("float32",),
                "plain_only": True,
            },
            "differentiated": {
                **differentiated("adam", _MOMENTS, _DECAYING, lr=0.3, beta1=0.8, beta2=0.95, eps=0.1, l2=0.2),
                "requires": ("ADAM_UPDATE-1", "ADAM_UPDATE-2", "ADAM_UPDATE-3"),
            },
        },
        checks=STEP,
    ),
    *single_first(
        cases(
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
        )
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

_ADAMW = [
    *adam_steps("adamw", _MOMENTS, moments, ("ADAMW_UPDATE-2", "ADAMW_UPDATE-2", "ADAMW_UPDATE-4"), weight_decay=0.0),
    *cases(
        "adamw_update",
        {
            "without-decay": {
                "program": _without_decay,
                "requires": ("ADAMW_UPDATE-2",),
            },
            "decay": {
                **update_from("adamw", _MOMENTS, lr=0.5, weight_decay=0.3),
                "requires": ("ADAMW_UPDATE-1",),
            },
            "mask": {
                **update_from("adamw", _MOMENTS, lr=0.5, weight_decay=0.3, decay_mask=MASK),
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
    Case(
        operation="adamw_update",
        name="differentiated",
        requires=("ADAMW_UPDATE-1", "ADAMW_UPDATE-2", "ADAMW_UPDATE-3"),
        **differentiated(
            "adamw",
            _MOMENTS,
            _DECAYING,
            lr=0.3,
            beta1=0.8,
            beta2=0.95,
            eps=0.1,
            weight_decay=0.3,
            decay_mask=MASK,
        ),
    ),
    *single_first(
        cases(
            "adamw_update",
            {
                "trajectory": {
                    **trajectory("adamw", weight_decay=0.05, decay_mask=MASK),
                    "requires": ("ADAMW_UPDATE-1", "ADAMW_UPDATE-2", "ADAMW_UPDATE-3"),
                    "level": "full",
                },
                "trajectory-default": {
                    **trajectory("adamw"),
                    "requires": ("ADAMW_UPDATE-1",),
                    "level": "full",
                },
            },
            inputs=RUN,
            checks=("trajectory",),
        )
    ),
    *update_errors("adamw", (("beta1", 1.0, " >= 0 and < 1"), ("eps", 0.0, " > 0"), ("weight_decay", NAN, " >= 0"))),
    *mask_errors("adamw", "ADAMW_UPDATE-3"),
]

CASES = [*_ADAM, *_ADAMW]
