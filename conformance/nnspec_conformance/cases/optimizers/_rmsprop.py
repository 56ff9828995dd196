"""Inputs for RMSprop."""

from __future__ import annotations

from nnspec_conformance.case import Source, cases, constant, uniform, values
from nnspec_conformance.cases.optimizers._errors import DECAYS, mask_errors, update_errors
from nnspec_conformance.cases.optimizers._steps import (
    GRADS,
    MASK,
    NAN,
    PARAMS,
    PLAIN,
    RUN,
    STEP,
    ZERO,
    differentiated,
    first_update,
    single_first,
    state_inputs,
    trajectory,
    update_from,
    updates,
)

__all__ = ["CASES"]

_SQUARES = ("square_avg",)
_CENTERED = ("square_avg", "grad_avg")


def _centered_state(step: int) -> dict[str, Source]:
    """Second moments well above the squares of the first."""
    return {
        **state_inputs(("grad_avg",), step),
        "square_avg_w": uniform(2, 3, low=5.0, high=9.0),
        "square_avg_b": uniform(2, low=5.0, high=9.0),
    }


#: the mean's square is above the second moment: what rounding makes of gradients that do not change, made large
_NEGATIVE = {
    "step": constant(3, "int32"),
    "square_avg_w": values([[1.0] * 3] * 2),
    "square_avg_b": values([1.0, 4.0]),
    "grad_avg_w": values([[2.0] * 3] * 2),
    "grad_avg_b": values([-2.0, 3.0]),
    "gw": values([[2.0] * 3] * 2),
    "gb": values([-2.0, 3.0]),
}

_RMSPROP = [
    *cases(
        "rmsprop_update",
        {
            "counter": {
                **updates("rmsprop", (0.1, 0.1, 0.1), result="step"),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("RMSPROP_UPDATE-5",),
            },
            "eps": {
                **first_update("rmsprop", lr=0.3, eps=0.1),
                "inputs": {**ZERO, **GRADS},
                "requires": ("RMSPROP_UPDATE-1",),
            },
            "tiny-gradients": {
                **first_update("rmsprop", lr=0.3),
                "inputs": {**ZERO, **GRADS},
                "requires": ("RMSPROP_UPDATE-1",),
            },
            "alpha": {
                **update_from("rmsprop", _SQUARES, lr=0.3, alpha=0.7, eps=1e-3),
                "inputs": {**PARAMS, **GRADS, **state_inputs(_SQUARES, 7, low=0.0)},
                "requires": ("RMSPROP_UPDATE-1",),
                "level": "full",
            },
            "centered": {
                **update_from("rmsprop", _CENTERED, lr=0.3, alpha=0.7, centered=True),
                "inputs": {**PARAMS, **PLAIN, **_centered_state(3)},
                "requires": ("RMSPROP_UPDATE-2",),
            },
            "special-negative-variance": {
                **update_from("rmsprop", _CENTERED, lr=0.3, eps=0.1, centered=True),
                "inputs": {**PARAMS, **_NEGATIVE},
                "requires": ("RMSPROP_UPDATE-2",),
            },
            # s = g^2 and the mean is g: the variance is 0, or what fusing leaves of it
            "no-memory": {
                **first_update("rmsprop", lr=0.3, alpha=0.0, eps=0.1, centered=True),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("RMSPROP_UPDATE-2",),
                "level": "full",
            },
            "changing-lr": {
                **updates("rmsprop", (0.5, 0.05, 0.2), momentum=0.9),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("RMSPROP_UPDATE-3",),
            },
            "l2": {
                **update_from("rmsprop", _SQUARES, lr=0.3, l2=0.2),
                "inputs": {**PARAMS, **PLAIN, **state_inputs(_SQUARES, 3, low=0.5)},
                "requires": ("RMSPROP_UPDATE-4",),
            },
            "weight-decay": {
                **update_from("rmsprop", _SQUARES, lr=0.5, weight_decay=0.3),
                "inputs": {**PARAMS, **PLAIN, **state_inputs(_SQUARES, 3, low=0.5)},
                "requires": ("RMSPROP_UPDATE-4",),
            },
            "mask": {
                **update_from("rmsprop", _SQUARES, lr=0.5, weight_decay=0.3, decay_mask=MASK),
                "inputs": {**PARAMS, **PLAIN, **state_inputs(_SQUARES, 3, low=0.5)},
                "requires": ("RMSPROP_UPDATE-6",),
            },
            "everything": {
                **update_from(
                    "rmsprop",
                    (*_CENTERED, "momentum"),
                    lr=0.5,
                    alpha=0.9,
                    eps=0.1,
                    momentum=0.8,
                    centered=True,
                    l2=0.1,
                    weight_decay=0.3,
                ),
                "inputs": {
                    **PARAMS,
                    **GRADS,
                    **state_inputs(("momentum",), 3),
                    **_centered_state(3),
                },
                "requires": ("RMSPROP_UPDATE-4", "RMSPROP_UPDATE-3"),
                "level": "full",
            },
            "array-lr": {
                **first_update("rmsprop", momentum=0.9),
                "inputs": {**PARAMS, **PLAIN, "lr": values(0.3)},
                "requires": ("RMSPROP_UPDATE-3",),
                "level": "full",
            },
            "default": {
                **first_update("rmsprop"),
                "inputs": {**PARAMS, **GRADS},
                "requires": ("RMSPROP_UPDATE-1",),
            },
            "differentiated": {
                **differentiated(
                    "rmsprop",
                    (*_CENTERED, "momentum"),
                    {**PARAMS, **PLAIN, **state_inputs(("momentum",), 3), **_centered_state(3), "lr": values(0.5)},
                    alpha=0.9,
                    eps=0.1,
                    momentum=0.8,
                    centered=True,
                    l2=0.1,
                    weight_decay=0.3,
                    decay_mask=MASK,
                ),
                "requires": ("RMSPROP_UPDATE-4", "RMSPROP_UPDATE-3", "RMSPROP_UPDATE-6"),
            },
        },
        checks=STEP,
    ),
    *single_first(
        cases(
            "rmsprop_update",
            {
                "trajectory": {
                    **trajectory("rmsprop", momentum=0.9, l2=0.01, weight_decay=0.02),
                    "requires": ("RMSPROP_UPDATE-1", "RMSPROP_UPDATE-3", "RMSPROP_UPDATE-4"),
                    "level": "full",
                },
                "trajectory-plain": {
                    **trajectory("rmsprop"),
                    "requires": ("RMSPROP_UPDATE-1",),
                    "level": "full",
                },
                "trajectory-centered": {
                    **trajectory("rmsprop", alpha=0.9, eps=0.1, centered=True),
                    "requires": ("RMSPROP_UPDATE-2", "RMSPROP_UPDATE-1"),
                    "level": "full",
                },
                "trajectory-all": {
                    **trajectory(
                        "rmsprop", alpha=0.9, eps=1e-4, momentum=0.7, centered=True, l2=0.02, weight_decay=0.03
                    ),
                    "requires": ("RMSPROP_UPDATE-4", "RMSPROP_UPDATE-2", "RMSPROP_UPDATE-3"),
                    "level": "full",
                },
            },
            inputs=RUN,
            checks=("trajectory",),
        )
    ),
    *update_errors(
        "rmsprop",
        (
            ("alpha", 1.0, " >= 0 and < 1"),
            ("eps", 0.0, " > 0"),
            ("eps", NAN, " > 0"),
            ("momentum", -0.1, " >= 0 and < 1"),
            *DECAYS,
        ),
    ),
    *mask_errors("rmsprop", "RMSPROP_UPDATE-6"),
]

CASES = _RMSPROP
