"""Inputs for Lion."""

from __future__ import annotations

from nnspec_conformance.case import cases, normal, values
from nnspec_conformance.cases.optimizers._errors import mask_errors, update_errors
from nnspec_conformance.cases.optimizers._init import init_cases
from nnspec_conformance.cases.optimizers._steps import (
    GRADS,
    INF,
    NAN,
    PARAMS,
    PLAIN,
    RUN,
    STEP,
    first_update,
    state_after,
    state_inputs,
    trajectory,
    update_from,
    updates,
)

__all__ = ["CASES"]

_ENTRIES = ("exp_avg",)
_LATER = {**PARAMS, **PLAIN, **state_inputs(_ENTRIES, 41)}
_MASK = {"w": True, "b": False}

_UPDATE = [
    *cases(
        "lion_update",
        {
            "counter": {
                **state_after("lion", _ENTRIES, "step"),
                "inputs": _LATER,
                "requires": ("LION_UPDATE-5",),
            },
            # the second column has another sign with the new momentum, the third with the shares swapped
            "direction": {
                **update_from("lion", _ENTRIES, whole=False, lr=0.3, beta1=0.9, beta2=0.99),
                "inputs": {
                    **PARAMS,
                    **state_inputs(_ENTRIES, 41),
                    "gw": values([[2.0, -8.5, -20.0], [-2.0, 8.5, 20.0]]),
                    "exp_avg_w": values([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]]),
                    "gb": values([3e-9, -2.5]),
                    "exp_avg_b": values([0.0, 0.0]),
                },
                "requires": ("LION_UPDATE-1",),
            },
            "momentum": {
                **update_from("lion", _ENTRIES, lr=0.3, beta1=0.6, beta2=0.3),
                "inputs": _LATER,
                "requires": ("LION_UPDATE-3",),
            },
            # halves that cancel, and nothing at all: no step, to the bit
            "zero-tie": {
                **update_from("lion", _ENTRIES, lr=0.5, beta1=0.5, beta2=0.5),
                "inputs": {
                    **PARAMS,
                    **state_inputs(_ENTRIES, 3),
                    "gw": values([[1.0, -0.5, 3.0], [0.0, -0.0, 0.0]]),
                    "exp_avg_w": values([[-1.0, 0.5, -3.0], [0.0, 0.0, -0.0]]),
                    "gb": values([0.0, 2.0]),
                    "exp_avg_b": values([0.25, -2.0]),
                },
                "exact": True,
                "requires": ("LION_UPDATE-2",),
            },
            "nan-special": {
                **update_from("lion", _ENTRIES, lr=0.5, beta1=0.5, beta2=0.5),
                "inputs": {
                    **PARAMS,
                    **state_inputs(_ENTRIES, 3),
                    "gw": values([[NAN, 1.0, INF], [-INF, 0.0, INF]]),
                    "exp_avg_w": values([[1.0, NAN, 0.0], [0.0, 0.0, -INF]]),
                    "gb": values([1.0, 2.0]),
                    "exp_avg_b": values([0.25, -2.0]),
                },
                "exact": True,
                "requires": ("LION_UPDATE-2",),
            },
            "changing-lr": {
                **updates("lion", (0.5, 0.05, 0.2), beta1=0.4),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("LION_UPDATE-3", "LION_UPDATE-1"),
                "level": "full",
            },
            "decay": {
                **update_from("lion", _ENTRIES, lr=0.5, weight_decay=0.3),
                "inputs": _LATER,
                "requires": ("LION_UPDATE-4",),
            },
            "mask": {
                **update_from("lion", _ENTRIES, lr=0.5, weight_decay=0.3, decay_mask=_MASK),
                "inputs": _LATER,
                "requires": ("LION_UPDATE-4",),
            },
            "default": {
                **first_update("lion"),
                "inputs": {**PARAMS, **GRADS},
                "requires": ("LION_UPDATE-1",),
            },
            "array-lr": {
                **first_update("lion"),
                "inputs": {**PARAMS, **PLAIN, "lr": values(0.3)},
                "requires": ("LION_UPDATE-1",),
                "level": "full",
            },
            "strided": {
                **update_from("lion", _ENTRIES, lr=0.5, weight_decay=0.3),
                "inputs": {**_LATER, "w": normal(2, 3).laid_out("transposed"), "gw": normal(2, 3).laid_out("strided")},
                "requires": ("LION_UPDATE-1",),
                "level": "full",
            },
        },
        checks=STEP,
    ),
    *cases(
        "lion_update",
        {
            "trajectory": {
                **trajectory("lion", weight_decay=0.05, decay_mask=_MASK),
                "requires": ("LION_UPDATE-1", "LION_UPDATE-3", "LION_UPDATE-4"),
            },
            "trajectory-shares": {
                **trajectory("lion", beta1=0.3, beta2=0.8),
                "requires": ("LION_UPDATE-1", "LION_UPDATE-3"),
                "level": "full",
            },
        },
        inputs=RUN,
        checks=("trajectory",),
    ),
    *mask_errors("lion", "LION_UPDATE-4"),
    *update_errors(
        "lion",
        (("beta1", 1.0, " >= 0 and < 1"), ("beta2", -0.5, " >= 0 and < 1"), ("weight_decay", NAN, " >= 0")),
    ),
]

CASES = [*init_cases("lion_init", {"moments": {}}), *_UPDATE]
