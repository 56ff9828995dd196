"""Inputs for LAMB.

The trust ratio takes out whatever scales a direction as a whole: the corrections of the moments are tried on
parameters that are 0, of which the ratio is 1.
"""

from __future__ import annotations

from nnspec_conformance.case import Source, cases, normal, uniform, values
from nnspec_conformance.cases.optimizers._errors import mask_errors, update_errors
from nnspec_conformance.cases.optimizers._init import init_cases
from nnspec_conformance.cases.optimizers._steps import (
    GRADS,
    NAN,
    PARAMS,
    PLAIN,
    RUN,
    STEP,
    ZERO,
    first_update,
    state_after,
    state_inputs,
    trajectory,
    update_from,
)

__all__ = ["CASES"]

_MOMENTS = ("exp_avg", "exp_avg_sq")
_MASK = {"w": True, "b": False}


def _moments(step: int) -> dict[str, Source]:
    return {
        **state_inputs(("exp_avg",), step),
        "exp_avg_sq_w": uniform(2, 3, low=0.5, high=2.0),
        "exp_avg_sq_b": uniform(2, low=0.5, high=2.0),
    }


_LATER = {**PARAMS, **PLAIN, **_moments(3)}
_STILL = {"gw": values([[0.0] * 3] * 2), "gb": values([0.0, -0.0])}

_UPDATE = [
    *cases(
        "lamb_update",
        {
            "counter": {
                **state_after("lamb", _MOMENTS, "step"),
                "inputs": _LATER,
                "requires": ("LAMB_UPDATE-6",),
            },
            "first": {
                **first_update("lamb", lr=0.3, eps=1e-30, weight_decay=0.0),
                "inputs": {**ZERO, **PLAIN},
                "requires": ("LAMB_UPDATE-1",),
            },
            "later": {
                **update_from("lamb", _MOMENTS, lr=0.3, beta1=0.8, beta2=0.95, eps=1e-30, weight_decay=0.0),
                "inputs": {**ZERO, **PLAIN, **_moments(41)},
                "requires": ("LAMB_UPDATE-1",),
            },
            "late": {
                **update_from("lamb", _MOMENTS, lr=0.3, eps=1e-30, beta2=0.9999),
                "inputs": {**ZERO, **PLAIN, **_moments(3000)},
                "requires": ("LAMB_UPDATE-1",),
                "level": "full",
            },
            "eps": {
                **first_update("lamb", lr=0.3, eps=0.1),
                "inputs": {**ZERO, **GRADS},
                "requires": ("LAMB_UPDATE-1",),
            },
            "tiny-gradients": {
                **first_update("lamb", lr=0.3),
                "inputs": {**ZERO, **GRADS},
                "requires": ("LAMB_UPDATE-1", "LAMB_UPDATE-3"),
            },
            # arrays of different norms: each has its own ratio
            "trust": {
                **update_from("lamb", _MOMENTS, whole=False, lr=0.3, weight_decay=0.0),
                "inputs": {**_LATER, "b": values([0.0, -0.01])},
                "requires": ("LAMB_UPDATE-2",),
            },
            "decay": {
                **update_from("lamb", _MOMENTS, lr=0.3, weight_decay=0.8),
                "inputs": _LATER,
                "requires": ("LAMB_UPDATE-4", "LAMB_UPDATE-2"),
            },
            "mask": {
                **update_from("lamb", _MOMENTS, lr=0.3, weight_decay=0.8, decay_mask=_MASK),
                "inputs": _LATER,
                "requires": ("LAMB_UPDATE-5",),
            },
            "no-direction-special": {
                **first_update("lamb", lr=0.5, weight_decay=0.0),
                "inputs": {**PARAMS, **_STILL},
                "exact": True,
                "requires": ("LAMB_UPDATE-3",),
            },
            # parameters of one array are 0, the direction of the other
            "no-norm": {
                **first_update("lamb", lr=0.5, weight_decay=0.5, decay_mask={"w": True, "b": False}),
                "inputs": {**ZERO, **PLAIN, "b": values([2.0, -1.0]), "gb": values([0.0, 0.0])},
                "requires": ("LAMB_UPDATE-3",),
            },
            "default": {
                **update_from("lamb", _MOMENTS),
                "inputs": _LATER,
                "requires": ("LAMB_UPDATE-2",),
            },
            "array-lr": {
                **first_update("lamb"),
                "inputs": {**PARAMS, **PLAIN, "lr": values(0.3)},
                "requires": ("LAMB_UPDATE-2",),
                "level": "full",
            },
            "no-memory": {
                **first_update("lamb", lr=0.3, beta1=0.0, beta2=0.0, eps=0.1),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("LAMB_UPDATE-1",),
                "level": "full",
            },
            "sizes": {
                **first_update("lamb", lr=0.3),
                "inputs": {
                    "w": normal(33, 17, std=1e-3).laid_out("transposed"),
                    "b": normal(),
                    "gw": normal(33, 17, mean=3.0).laid_out("strided"),
                    "gb": normal(),
                },
                "requires": ("LAMB_UPDATE-2",),
                "level": "full",
            },
        },
        checks=STEP,
    ),
    *cases(
        "lamb_update",
        {
            "trajectory": {
                **trajectory("lamb", weight_decay=0.05, decay_mask=_MASK),
                "requires": ("LAMB_UPDATE-2", "LAMB_UPDATE-1", "LAMB_UPDATE-4"),
                "level": "full",
            },
            "trajectory-default": {
                **trajectory("lamb"),
                "requires": ("LAMB_UPDATE-2",),
                "level": "full",
            },
        },
        inputs=RUN,
        checks=("trajectory",),
    ),
    *mask_errors("lamb", "LAMB_UPDATE-5"),
    *update_errors(
        "lamb",
        (
            ("beta1", 1.0, " >= 0 and < 1"),
            ("beta2", NAN, " >= 0 and < 1"),
            ("eps", 0.0, " > 0"),
            ("weight_decay", -1.0, " >= 0"),
        ),
    ),
]

CASES = [*init_cases("lamb_init", {"moments": {}}), *_UPDATE]
