"""Inputs for AdaMax, NAdam, RAdam and AMSGrad."""

from __future__ import annotations

from nnspec.errors import DTypeError, ShapeError
from nnspec_conformance.case import Case, Source, cases, constant, error_case, normal, uniform, values
from nnspec_conformance.cases.optimizers._errors import DECAYS, mask_errors, update_errors
from nnspec_conformance.cases.optimizers._single import adam_steps, decay_cases, moments
from nnspec_conformance.cases.optimizers._steps import (
    GRADS,
    MASK,
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

_BETAS = (("beta1", 1.0, " >= 0 and < 1"), ("beta2", 1.0, " >= 0 and < 1"), ("eps", 0.0, " > 0"))


def _errors(optimizer: str, mask: str) -> list[Case]:
    return [*update_errors(optimizer, (*_BETAS, *DECAYS)), *mask_errors(optimizer, mask)]


def _trajectories(optimizer: str, *requires: str) -> list[Case]:
    return single_first(
        cases(
            f"{optimizer}_update",
            {
                "trajectory": {
                    **trajectory(optimizer, l2=0.01, weight_decay=0.05, decay_mask=MASK),
                    "requires": requires,
                    "level": "quick" if optimizer == "nadam" else "full",  # whose state is more than moments
                },
                "trajectory-plain": {
                    **trajectory(optimizer, beta1=0.7, beta2=0.9, eps=1e-4),
                    "requires": requires,
                    "level": "full",
                },
            },
            inputs=RUN,
            checks=("trajectory",),
        )
    )


# -- AdaMax ------------------------------------------------------------------------------------------------

_ADAMAX = ("exp_avg", "exp_inf")


def _maxima(step: int) -> dict[str, Source]:
    """Maxima of which some decay to below the gradients and some do not."""
    return {
        **state_inputs(("exp_avg",), step),
        "exp_inf_w": values([[0.1, 3.0, 0.5], [5.0, 0.2, 4.0]]),
        "exp_inf_b": values([0.1, 6.0]),
    }


_ADAMAX_CASES = [
    *adam_steps(
        "adamax",
        _ADAMAX,
        _maxima,
        ("ADAMAX_UPDATE-1", "ADAMAX_UPDATE-3", "ADAMAX_UPDATE-6"),
        own={
            "maximum": {
                **update_from("adamax", _ADAMAX, lr=0.3, beta1=0.0, beta2=0.7, eps=1e-30),
                "inputs": {**PARAMS, **PLAIN, **_maxima(3)},
                "requires": ("ADAMAX_UPDATE-2",),
            },
            "slow": {
                **update_from("adamax", _ADAMAX, lr=0.3, beta1=0.9999),
                "inputs": {**ZERO, **PLAIN, **_maxima(41)},
                "requires": ("ADAMAX_UPDATE-3",),
            },
        },
    ),
    *cases(
        "adamax_update",
        {
            "default": {
                **first_update("adamax"),
                "inputs": {**PARAMS, **GRADS},
                "requires": ("ADAMAX_UPDATE-1",),
            },
        },
        checks=STEP,
    ),
    *decay_cases("adamax", _ADAMAX, _maxima(3), ("ADAMAX_UPDATE-4", "ADAMAX_UPDATE-5")),
    *_trajectories("adamax", "ADAMAX_UPDATE-2", "ADAMAX_UPDATE-3", "ADAMAX_UPDATE-1", "ADAMAX_UPDATE-4"),
    *_errors("adamax", "ADAMAX_UPDATE-5"),
]

# -- NAdam -------------------------------------------------------------------------------------------------

_MOMENTS = ("exp_avg", "exp_avg_sq")


def _with_product(step: int) -> dict[str, Source]:
    return {**moments(step), "mu_product": values(0.3)}


_NADAM_CASES = [
    *adam_steps(
        "nadam",
        _MOMENTS,
        _with_product,
        ("NADAM_UPDATE-1", "NADAM_UPDATE-2", "NADAM_UPDATE-6"),
        own={
            "momenta": {
                **update_from(
                    "nadam", _MOMENTS, whole=False, lr=0.3, beta1=0.8, beta2=0.0, eps=1e-30, momentum_decay=2.0
                ),
                "inputs": {**PARAMS, **PLAIN, **_with_product(3)},
                "requires": ("NADAM_UPDATE-3",),
            },
            # after a while the default schedule shows too
            "default-momenta": {
                **update_from("nadam", _MOMENTS, whole=False, beta2=0.0, eps=1e-30),
                "inputs": {**ZERO, **PLAIN, **_with_product(600)},
                "requires": ("NADAM_UPDATE-3",),
            },
            "product": {
                **updates("nadam", (0.5, 0.05, 0.2), beta2=0.0, eps=1e-30, momentum_decay=0.7),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("NADAM_UPDATE-3",),
            },
        },
    ),
    *cases(
        "nadam_update",
        {
            "default": {
                **first_update("nadam"),
                "inputs": {**PARAMS, **GRADS},
                "requires": ("NADAM_UPDATE-1",),
            },
            "constant-momenta": {
                **updates("nadam", (0.5, 0.05, 0.2), momentum_decay=0.0),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("NADAM_UPDATE-3",),
                "level": "full",
            },
        },
        checks=STEP,
    ),
    *decay_cases("nadam", _MOMENTS, _with_product(3), ("NADAM_UPDATE-4", "NADAM_UPDATE-5")),
    *_trajectories("nadam", "NADAM_UPDATE-3", "NADAM_UPDATE-2", "NADAM_UPDATE-1", "NADAM_UPDATE-4"),
    *_errors("nadam", "NADAM_UPDATE-5"),
    *(
        error_case(
            "nadam_update",
            f"product-{name}",
            ("NADAM_UPDATE-3",),
            lambda backend, w, wrong: backend.nadam_update(w, w, {**backend.nadam_init(w), "mu_product": wrong}),
            error,
            words,
            inputs={"w": normal(3), "wrong": wrong},
        )
        for name, wrong, error, words in (
            ("shape", normal(1), ShapeError, "state['mu_product']: expected shape (), got (1,)"),
            ("integer", constant(1, "int32"), DTypeError, "state['mu_product']: expected a floating array"),
        )
    ),
]

# -- RAdam -------------------------------------------------------------------------------------------------

#: late enough for adaptive steps, with no gradient so far
_STILL = {
    "step": constant(41, "int32"),
    **{f"{entry}_{leaf}": ZERO[leaf] for entry in _MOMENTS for leaf in ("w", "b")},
}

_RADAM_CASES = [
    *adam_steps(
        "radam",
        _MOMENTS,
        moments,
        ("RADAM_UPDATE-1", "RADAM_UPDATE-2", "RADAM_UPDATE-6"),
        start=_STILL,
        own={
            # rho_5 is just below 5, rho_6 just below 6
            "below-the-threshold": {
                **update_from("radam", _MOMENTS, lr=0.3, beta1=0.0),
                "inputs": {**ZERO, **PLAIN, **moments(4)},
                "requires": ("RADAM_UPDATE-3",),
            },
        },
    ),
    *cases(
        "radam_update",
        {
            "default": {
                **update_from("radam", _MOMENTS),
                "inputs": {**PARAMS, **GRADS, **_STILL},
                "requires": ("RADAM_UPDATE-1",),
            },
            "above-the-threshold": {
                **update_from("radam", _MOMENTS, lr=0.3),
                "inputs": {**ZERO, **PLAIN, **moments(5)},
                "requires": ("RADAM_UPDATE-3",),
            },
            "short-memory": {
                **update_from("radam", _MOMENTS, lr=0.3, beta2=0.7),
                "inputs": {**ZERO, **PLAIN, **moments(30)},
                "requires": ("RADAM_UPDATE-3",),
                "level": "full",
            },
            "never-adaptive": {
                **update_from("radam", _MOMENTS, lr=0.3, beta2=0.6),
                "inputs": {**ZERO, **PLAIN, **moments(30)},
                "requires": ("RADAM_UPDATE-3",),
            },
            # on both sides of where rho_t is computed in another way, t log(1 / beta2) = 2
            "before-the-bend": {
                **update_from("radam", _MOMENTS, lr=0.3, beta2=0.95),
                "inputs": {**ZERO, **PLAIN, **moments(37)},
                "requires": ("RADAM_UPDATE-3",),
                "level": "full",
            },
            "after-the-bend": {
                **update_from("radam", _MOMENTS, lr=0.3, beta2=0.95),
                "inputs": {**ZERO, **PLAIN, **moments(39)},
                "requires": ("RADAM_UPDATE-3",),
                "level": "full",
            },
            "very-late": {
                **update_from("radam", _MOMENTS, lr=0.3),
                "inputs": {**ZERO, **PLAIN, **moments(10**6)},
                "requires": ("RADAM_UPDATE-3",),
                "level": "full",
            },
        },
        checks=STEP,
    ),
    *decay_cases("radam", _MOMENTS, moments(7), ("RADAM_UPDATE-4", "RADAM_UPDATE-5")),
    *_trajectories("radam", "RADAM_UPDATE-3", "RADAM_UPDATE-2", "RADAM_UPDATE-1", "RADAM_UPDATE-4"),
    *_errors("radam", "RADAM_UPDATE-5"),
]

# -- AMSGrad -----------------------------------------------------------------------------------------------

_AMSGRAD = (*_MOMENTS, "max_exp_avg_sq")


def _largest(step: int) -> dict[str, Source]:
    """Some maxima are above the new second moments, some below."""
    return {
        **moments(step),
        "max_exp_avg_sq_w": uniform(2, 3, low=0.1, high=3.0),
        "max_exp_avg_sq_b": values([0.1, 4.0]),
    }


_AMSGRAD_CASES = [
    *adam_steps(
        "amsgrad",
        _AMSGRAD,
        _largest,
        ("AMSGRAD_UPDATE-2", "AMSGRAD_UPDATE-3", "AMSGRAD_UPDATE-6"),
        own={
            "maximum": {
                **update_from("amsgrad", _AMSGRAD, lr=0.3, beta1=0.0, beta2=0.7, eps=1e-30),
                "inputs": {**PARAMS, **PLAIN, **_largest(1000)},
                "requires": ("AMSGRAD_UPDATE-1",),
            },
        },
    ),
    *cases(
        "amsgrad_update",
        {
            "default": {
                **first_update("amsgrad"),
                "inputs": {**PARAMS, **GRADS},
                "requires": ("AMSGRAD_UPDATE-2",),
            },
            # the gradients shrink: the first second moment stays the largest, but is corrected anew
            "shrinking": {
                **updates("amsgrad", (0.5, 0.05, 0.2), beta2=0.5),
                "inputs": {**PARAMS, **PLAIN},
                "requires": ("AMSGRAD_UPDATE-1",),
            },
        },
        checks=STEP,
    ),
    *decay_cases("amsgrad", _AMSGRAD, _largest(3), ("AMSGRAD_UPDATE-4", "AMSGRAD_UPDATE-5")),
    *_trajectories("amsgrad", "AMSGRAD_UPDATE-1", "AMSGRAD_UPDATE-3", "AMSGRAD_UPDATE-2", "AMSGRAD_UPDATE-4"),
    *_errors("amsgrad", "AMSGRAD_UPDATE-5"),
]

CASES = [*_ADAMAX_CASES, *_NADAM_CASES, *_RADAM_CASES, *_AMSGRAD_CASES]
