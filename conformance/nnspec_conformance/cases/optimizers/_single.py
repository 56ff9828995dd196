"""Single steps that several optimizers have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from nnspec_conformance.case import Case, Source, cases, constant, uniform, values
from nnspec_conformance.cases.optimizers._steps import (
    GRADS,
    INF,
    MASK,
    PARAMS,
    PLAIN,
    STEP,
    ZERO,
    first_update,
    state_inputs,
    update_from,
    updates,
)

__all__ = ["adam_steps", "decay_cases", "moments"]


def decay_cases(
    optimizer: str, entries: tuple[str, ...], state: dict[str, Source], requires: tuple[str, str], **options: Any
) -> list[Case]:
    """Coupled and decoupled decay, and the mask; `requires` has the requirement of the decays and that of the mask."""
    decays, mask = requires
    hyper: dict[str, tuple[str, dict[str, Any]]] = {
        "l2": (decays, {"l2": 0.2}),
        "weight-decay": (decays, {"weight_decay": 0.3}),
        "mask": (mask, {"weight_decay": 0.3, "decay_mask": MASK}),
        "both-decays": (decays, {"l2": 0.1, "weight_decay": 0.3, "decay_mask": {"w": False, "b": True}}),
    }
    return [
        Case(
            operation=f"{optimizer}_update",
            name=name,
            requires=(requirement,),
            inputs={**PARAMS, **PLAIN, **state},
            checks=STEP,
            level="full" if name == "both-decays" else "quick",
            **update_from(optimizer, entries, lr=0.5, **options, **given),
        )
        for name, (requirement, given) in hyper.items()
    ]


def moments(step: int) -> dict[str, Source]:
    """The state of Adam."""
    return {
        **state_inputs(("exp_avg",), step),
        "exp_avg_sq_w": uniform(2, 3, low=0.5, high=2.0),
        "exp_avg_sq_b": uniform(2, low=0.5, high=2.0),
    }


def adam_steps(
    optimizer: str,
    entries: tuple[str, ...],
    state: Callable[[int], dict[str, Source]],
    requires: tuple[str, str, str],
    *,
    start: dict[str, Source] | None = None,
    own: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    **common: Any,
) -> list[Case]:
    """Single steps that Adam has in common with its variants.

    Args:
        optimizer: name of the optimizer.
        entries: the trees of its state.
        state: the inputs that make its state after so many updates.
        requires: the requirements of the place of eps, of the correction, and of the counter.
        start: the inputs that make the state in which eps is looked at; None: the first.
        own: cases that come before the others but the counter, because what they look at disturbs the others too.
        common: options of all; they take the decay out of AdamW.
    """
    operation = f"{optimizer}_update"
    eps, correction, counter = requires
    given = start or {}

    def beginning(**options: Any) -> dict[str, Any]:
        if start is None:
            return first_update(optimizer, **common, **options)
        return update_from(optimizer, entries, **common, **options)

    return cases(
        operation,
        {
            "counter": {
                **updates(optimizer, (0.1, 0.1, 0.1), result="step"),
                "inputs": {**PARAMS, **PLAIN},
                "requires": (counter,),
            },
            **own,
            # eps too small to matter and parameters 0: each step is 0.3 times a quotient of corrected moments
            "first": {
                **first_update(optimizer, lr=0.3, eps=1e-30, **common),
                "inputs": {**ZERO, **PLAIN},
                "requires": (correction,),
            },
            "later": {
                **update_from(optimizer, entries, lr=0.3, eps=1e-30, **common),
                "inputs": {**ZERO, **PLAIN, **state(41)},
                "requires": (correction,),
            },
            "late": {
                **update_from(optimizer, entries, lr=0.3, eps=1e-30, beta2=0.9999, **common),
                "inputs": {**ZERO, **PLAIN, **state(3000)},
                "requires": (correction,),
                "level": "full",
            },
            "wide-counter": {
                **update_from(optimizer, entries, lr=0.3, **common),
                "inputs": {**PARAMS, **PLAIN, **state(3), "step": constant(3, "int64")},
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
                **beginning(lr=0.3, eps=0.1),
                "inputs": {**ZERO, **GRADS, **given},
                "requires": (eps,),
            },
            "tiny-gradients": {
                **beginning(lr=0.3),
                "inputs": {**ZERO, **GRADS, **given},
                "requires": (eps,),
            },
            # an average that starts from the infinite number is NaN; and without a memory log(beta1) is infinite
            "infinite": {
                **first_update(optimizer, lr=0.3, beta1=0.0, eps=0.1, **common),
                "inputs": {**PARAMS, **PLAIN, "gb": values([INF, 1.0])},
                "requires": (correction,),
                "dtypes": ("float32",),
                "plain_only": True,
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
