"""Inputs for Rprop."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError
from nnspec_conformance.case import cases, constant, error_case, normal, values
from nnspec_conformance.cases.optimizers._errors import update_errors
from nnspec_conformance.cases.optimizers._steps import (
    GRADS,
    NAN,
    PARAMS,
    PLAIN,
    RUN,
    STEP,
    first_update,
    single_first,
    trajectory,
    update_from,
    updates,
)

__all__ = ["CASES"]

_ENTRIES = ("previous_grad", "step_size")
#: gradients beside the ones before: of one sign, of opposite signs, and with a zero on either side
_SIGNS = {
    "gw": values([[0.3, -2.0, 1.5], [-0.7, 0.0, 4.0]]),
    "previous_grad_w": values([[1.0, -0.5, -3.0], [2.0, -1.0, 0.0]]),
    "gb": values([0.0, -1.0]),
    "previous_grad_b": values([0.0, 1e-3]),
    "step_size_w": values([[0.3, 0.1, 0.7], [0.2, 0.4, 0.6]]),
    "step_size_b": values([0.5, 0.9]),
    "step": constant(3, "int32"),
}
#: no gradient has the sign of the one before
_CHANGES = {
    "gw": values([[0.3, -2.0, 1.5], [-0.7, 1.0, -4.0]]),
    "previous_grad_w": values([[-1.0, 0.5, -3.0], [2.0, -1.0, 0.1]]),
    "gb": values([2.0, -1.0]),
    "previous_grad_b": values([-0.1, 1e-3]),
}
#: the same of sizes whose products are 0 in float32
_TINY = {
    **_SIGNS,
    "gw": values([[1e-30, -1e-25, 1e-30], [-1e-20, 0.0, 1e-35]]),
    "previous_grad_w": values([[1e-25, -1e-30, -1e-20], [1e-30, -1e-30, 0.0]]),
    "gb": values([0.0, -1e-30]),
    "previous_grad_b": values([0.0, 1e-30]),
}
#: steps that would leave [1e-6, 50], from within and from outside, and stay at the limits
_LIMITS = {
    **_SIGNS,
    "step_size_w": values([[45.0, 60.0, 1.5e-6], [1e-7, 1e-7, 70.0]]),
    "step_size_b": values([50.0, 1e-6]),
}
_OWN: dict[str, Any] = {"eta_minus": 0.3, "eta_plus": 1.7}
_RATES = (0.0,) * 3


def _two_updates(backend: Any, w: Any, b: Any, gw: Any, gb: Any, step: Any, **moments: Any) -> Any:
    """Two updates with the same gradients: after a change of sign the second is as after a gradient of 0."""
    params, grads = {"w": w, "b": b}, {"w": gw, "b": gb}
    state = {"step": step, **{e: {leaf: moments[f"{e}_{leaf}"] for leaf in ("w", "b")} for e in _ENTRIES}}
    params, state = backend.rprop_update(params, grads, state, **_OWN)
    return backend.rprop_update(params, grads, state, **_OWN)


_RPROP = [
    *cases(
        "rprop_update",
        {
            "counter": {
                **updates("rprop", _RATES, result="step"),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("RPROP_UPDATE-5",),
            },
            # a step size that cannot change
            "step": {
                **first_update("rprop", whole=False, initial_step=0.3, min_step=0.3, max_step=0.3),
                "inputs": {**PARAMS, **GRADS},
                "requires": ("RPROP_UPDATE-1",),
            },
            "change": {
                **update_from("rprop", _ENTRIES, whole=False),
                "inputs": {**PARAMS, **_SIGNS, **_CHANGES},
                "requires": ("RPROP_UPDATE-3",),
            },
            "first": {
                **first_update("rprop", initial_step=0.3),
                "inputs": {**PARAMS, **GRADS},
                "requires": ("RPROP_UPDATE-2",),
            },
            "signs-whole": {
                **update_from("rprop", _ENTRIES, **_OWN),
                "inputs": {**PARAMS, **_SIGNS},
                "requires": ("RPROP_UPDATE-2", "RPROP_UPDATE-3"),
            },
            "tiny": {
                **update_from("rprop", _ENTRIES, **_OWN),
                "inputs": {**PARAMS, **_TINY},
                "requires": ("RPROP_UPDATE-1",),
            },
            "after-a-change": {
                "program": _two_updates,
                "inputs": {**PARAMS, **_SIGNS},
                "requires": ("RPROP_UPDATE-3",),
            },
            # the third gradient has the other sign
            "default": {
                **updates("rprop", _RATES),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("RPROP_UPDATE-2",),
            },
            "default-limits": {
                **update_from("rprop", _ENTRIES),
                "inputs": {**PARAMS, **_LIMITS},
                "requires": ("RPROP_UPDATE-4",),
            },
            "limits": {
                **update_from("rprop", _ENTRIES, min_step=0.15, max_step=0.5),
                "inputs": {**PARAMS, **_SIGNS},
                "requires": ("RPROP_UPDATE-4",),
            },
            "first-limits": {
                **first_update("rprop", initial_step=7.0, max_step=0.3),
                "inputs": {**PARAMS, **GRADS},
                "requires": ("RPROP_UPDATE-4",),
                "level": "full",
            },
            "one-step-size": {
                **update_from("rprop", _ENTRIES, min_step=0.25, max_step=0.25),
                "inputs": {**PARAMS, **_SIGNS},
                "requires": ("RPROP_UPDATE-4",),
                "level": "full",
            },
        },
        checks=STEP,
    ),
    *single_first(
        cases(
            "rprop_update",
            {
                "trajectory": {
                    **trajectory("rprop", initial_step=0.1, max_step=0.5, min_step=1e-3),
                    "requires": ("RPROP_UPDATE-2", "RPROP_UPDATE-3", "RPROP_UPDATE-4"),
                },
                "trajectory-plain": {
                    **trajectory("rprop"),
                    "requires": ("RPROP_UPDATE-2", "RPROP_UPDATE-3"),
                    "level": "full",
                },
                "trajectory-other": {
                    **trajectory("rprop", initial_step=0.1, **_OWN),
                    "requires": ("RPROP_UPDATE-2", "RPROP_UPDATE-3"),
                    "level": "full",
                },
            },
            inputs=RUN,
            checks=("trajectory",),
        )
    ),
    *update_errors(
        "rprop",
        (
            ("eta_minus", 1.0, " > 0 and < 1"),
            ("eta_minus", 0.0, " > 0 and < 1"),
            ("eta_plus", 1.0, " > 1"),
            ("min_step", -1.0, " >= 0"),
            ("max_step", 0.0, " > 0"),
            ("max_step", NAN, " > 0"),
        ),
        lr=False,
    ),
    error_case(
        "rprop_update",
        "limits",
        ("RPROP_UPDATE-4",),
        lambda backend, w: backend.rprop_update(w, w, backend.rprop_init(w), min_step=0.5, max_step=0.25),
        ArgumentError,
        "max_step: expected a number >= min_step, 0.5, got 0.25",
        inputs={"w": normal(3)},
    ),
]

CASES = _RPROP
