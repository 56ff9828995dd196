"""Inputs for Adagrad and Adadelta."""

from __future__ import annotations

from nnspec_conformance.case import Source, cases, uniform, values
from nnspec_conformance.cases.optimizers._errors import DECAYS, mask_errors, update_errors
from nnspec_conformance.cases.optimizers._single import decay_cases
from nnspec_conformance.cases.optimizers._steps import (
    GRADS,
    MASK,
    NAN,
    PARAMS,
    PLAIN,
    RUN,
    STEP,
    ZERO,
    first_update,
    single_first,
    state_inputs,
    trajectory,
    update_from,
    updates,
)

__all__ = ["CASES"]


_SUM = ("square_sum",)
_SUMS = state_inputs(_SUM, 3, low=0.5)

_ADAGRAD = [
    *cases(
        "adagrad_update",
        {
            "counter": {
                **updates("adagrad", (0.1, 0.1, 0.1), result="step"),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("ADAGRAD_UPDATE-5",),
            },
            "sum": {
                **update_from("adagrad", _SUM, lr=0.3, eps=1e-30),
                "inputs": {**PARAMS, **PLAIN, **_SUMS},
                "requires": ("ADAGRAD_UPDATE-2",),
            },
            "eps": {
                **first_update("adagrad", lr=0.3, eps=0.1),
                "inputs": {**ZERO, **GRADS},
                "requires": ("ADAGRAD_UPDATE-1",),
            },
            "default": {
                **first_update("adagrad"),
                "inputs": {**ZERO, **GRADS},
                "requires": ("ADAGRAD_UPDATE-1",),
            },
            "changing-lr": {
                **updates("adagrad", (0.5, 0.05, 0.2), initial_accumulator=0.3),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("ADAGRAD_UPDATE-2",),
            },
            "array-lr": {
                **first_update("adagrad"),
                "inputs": {**PARAMS, **PLAIN, "lr": values(0.3)},
                "requires": ("ADAGRAD_UPDATE-1",),
                "level": "full",
            },
            "zero-lr": {
                **first_update("adagrad", lr=0.0, weight_decay=0.3),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("ADAGRAD_UPDATE-1", "ADAGRAD_UPDATE-3"),
                "level": "full",
            },
        },
        checks=STEP,
    ),
    *decay_cases("adagrad", _SUM, _SUMS, ("ADAGRAD_UPDATE-3", "ADAGRAD_UPDATE-4")),
    *single_first(
        cases(
            "adagrad_update",
            {
                "trajectory": {
                    **trajectory("adagrad", initial_accumulator=0.01, l2=0.01, weight_decay=0.02, decay_mask=MASK),
                    "requires": ("ADAGRAD_UPDATE-2", "ADAGRAD_UPDATE-1", "ADAGRAD_UPDATE-3"),
                    "level": "full",
                },
                "trajectory-plain": {
                    **trajectory("adagrad"),
                    "requires": ("ADAGRAD_UPDATE-2", "ADAGRAD_UPDATE-1"),
                    "level": "full",
                },
            },
            inputs=RUN,
            checks=("trajectory",),
        )
    ),
    *update_errors("adagrad", (("eps", 0.0, " > 0"), ("eps", NAN, " > 0"), *DECAYS)),
    *mask_errors("adagrad", "ADAGRAD_UPDATE-4"),
]

_AVERAGES = ("square_avg", "square_step_avg")


def _averages(step: int) -> dict[str, Source]:
    """Steps that were smaller than the gradients."""
    return {
        **state_inputs(("square_avg",), step, low=0.5),
        "square_step_avg_w": uniform(2, 3, low=0.01, high=0.1),
        "square_step_avg_b": uniform(2, low=0.01, high=0.1),
    }


_ADADELTA = [
    *cases(
        "adadelta_update",
        {
            "counter": {
                **updates("adadelta", (0.1, 0.1, 0.1), result="step"),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("ADADELTA_UPDATE-5",),
            },
            "averages": {
                **update_from("adadelta", _AVERAGES, lr=0.3, rho=0.7, eps=1e-30),
                "inputs": {**PARAMS, **GRADS, **_averages(7)},
                "requires": ("ADADELTA_UPDATE-2",),
            },
            "eps": {
                **first_update("adadelta", lr=0.3, eps=0.1),
                "inputs": {**ZERO, **GRADS},
                "requires": ("ADADELTA_UPDATE-1",),
            },
            "default": {
                **first_update("adadelta"),
                "inputs": {**ZERO, **GRADS},
                "requires": ("ADADELTA_UPDATE-1",),
            },
            "changing-lr": {
                **updates("adadelta", (0.5, 0.05, 2.0), eps=0.01, weight_decay=0.3),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("ADADELTA_UPDATE-2",),
            },
            "no-memory": {
                **updates("adadelta", (0.5, 0.05, 2.0), rho=0.0, eps=0.01),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("ADADELTA_UPDATE-2",),
                "level": "full",
            },
            "array-lr": {
                **first_update("adadelta"),
                "inputs": {**PARAMS, **PLAIN, "lr": values(0.3)},
                "requires": ("ADADELTA_UPDATE-2",),
                "level": "full",
            },
        },
        checks=STEP,
    ),
    *decay_cases("adadelta", _AVERAGES, _averages(3), ("ADADELTA_UPDATE-3", "ADADELTA_UPDATE-4")),
    *single_first(
        cases(
            "adadelta_update",
            {
                "trajectory": {
                    **trajectory("adadelta", l2=0.01, weight_decay=0.02, decay_mask=MASK),
                    "requires": ("ADADELTA_UPDATE-2", "ADADELTA_UPDATE-1", "ADADELTA_UPDATE-3"),
                    "level": "full",
                },
                "trajectory-plain": {
                    **trajectory("adadelta", rho=0.6, eps=1e-3),
                    "requires": ("ADADELTA_UPDATE-2", "ADADELTA_UPDATE-1"),
                    "level": "full",
                },
            },
            inputs=RUN,
            checks=("trajectory",),
        )
    ),
    *update_errors("adadelta", (("rho", 1.0, " >= 0 and < 1"), ("eps", 0.0, " > 0"), *DECAYS)),
    *mask_errors("adadelta", "ADADELTA_UPDATE-4"),
]

CASES = [*_ADAGRAD, *_ADADELTA]
