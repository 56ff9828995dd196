"""Inputs for Muon: everything is a matrix, wide or tall."""

from __future__ import annotations

from nnspec.errors import ArgumentError, ShapeError
from nnspec_conformance.case import Source, cases, constant, error_case, normal, uniform, values
from nnspec_conformance.cases.optimizers._errors import mask_errors, update_errors
from nnspec_conformance.cases.optimizers._init import init_cases
from nnspec_conformance.cases.optimizers._steps import (
    NAN,
    RUN,
    STEP,
    first_update,
    scaled,
    state_after,
    trajectory,
    update_from,
    updates,
)

__all__ = ["CASES"]

_ENTRIES = ("momentum",)
_MASK = {"w": True, "b": False}

_PARAMS = {"w": values([[0.0, 1.5, -2.0], [0.75, 0.0, 0.0]]), "b": values([[0.0, -1.0], [2.0, 0.0], [0.0, 0.0]])}
_ZERO = {"w": values([[0.0] * 3] * 2), "b": values([[0.0] * 2] * 2)}
_WIDE = {"gw": normal(2, 3), "gb": normal(2, 2)}
_PLAIN = {"gw": normal(2, 3), "gb": normal(3, 2)}


def _state(step: int) -> dict[str, Source]:
    return {
        "step": constant(step, "int32"),
        "momentum_w": uniform(2, 3, low=-1.0, high=2.0),
        "momentum_b": uniform(3, 2, low=-1.0, high=2.0),
    }


_LATER = {**_PARAMS, **_PLAIN, **_state(41)}


_UPDATE = [
    *cases(
        "muon_update",
        {
            "counter": {
                **state_after("muon", _ENTRIES, "step"),
                "inputs": _LATER,
                "requires": ("MUON_UPDATE-7",),
            },
            "velocity": {
                **state_after("muon", _ENTRIES, "momentum", momentum=0.6),
                "inputs": _LATER,
                "requires": ("MUON_UPDATE-2",),
            },
            # wide and square: no factor of tall ones
            "first": {
                **first_update("muon", lr=0.3),
                "inputs": {**_ZERO, **_WIDE},
                "requires": ("MUON_UPDATE-1",),
            },
            "one-step": {
                **first_update("muon", lr=0.3, ns_steps=1),
                "inputs": {**_ZERO, **_WIDE},
                "requires": ("MUON_UPDATE-1",),
            },
            "nine-steps": {
                **first_update("muon", lr=0.3, ns_steps=9),
                "inputs": {**_ZERO, **_WIDE},
                "requires": ("MUON_UPDATE-1",),
                "level": "full",
            },
            "tall": {
                **first_update("muon", lr=0.3, ns_steps=2),
                "inputs": {
                    "w": values([[0.0]] * 5),
                    "b": values([[0.0] * 2] * 7),
                    "gw": normal(5, 1),
                    "gb": normal(7, 2),
                },
                "requires": ("MUON_UPDATE-3",),
            },
            "nesterov": {
                **update_from("muon", _ENTRIES, lr=0.3, ns_steps=1, momentum=0.6),
                "inputs": _LATER,
                "requires": ("MUON_UPDATE-2",),
            },
            "plain": {
                **update_from("muon", _ENTRIES, lr=0.3, ns_steps=1, nesterov=False),
                "inputs": _LATER,
                "requires": ("MUON_UPDATE-2",),
            },
            "changing-lr": {
                **updates("muon", (0.5, 0.05, 0.2)),
                "inputs": {**_PARAMS, **_PLAIN},
                "requires": ("MUON_UPDATE-2",),
                "level": "full",
            },
            "no-memory": {
                **update_from("muon", _ENTRIES, lr=0.3, momentum=0.0),
                "inputs": _LATER,
                "requires": ("MUON_UPDATE-2",),
                "level": "full",
            },
            "flattened": {
                **first_update("muon", lr=0.3, ns_steps=2),
                "inputs": {"w": normal(2, 3, 2), "b": normal(4, 1, 3), "gw": normal(2, 3, 2), "gb": normal(4, 1, 3)},
                "requires": ("MUON_UPDATE-4",),
            },
            # norms of the size of eps
            "tiny-gradients": {
                **first_update("muon", lr=0.3),
                "inputs": {**_ZERO, "gw": normal(2, 3, std=1e-7), "gb": normal(2, 2, std=1e-9)},
                "requires": ("MUON_UPDATE-1",),
            },
            "still-special": {
                **first_update("muon", lr=0.5),
                "inputs": {**_PARAMS, "gw": values([[0.0] * 3] * 2), "gb": values([[0.0, -0.0]] * 3)},
                "exact": True,
                "requires": ("MUON_UPDATE-5",),
            },
            # a dead row, and rank 1
            "deficient": {
                **first_update("muon", lr=0.3),
                "inputs": {
                    **_ZERO,
                    "gw": values([[0.0] * 3, [1.0, -2.0, 0.5]]),
                    "gb": values([[1.0, 2.0], [-0.5, -1.0]]),
                },
                "requires": ("MUON_UPDATE-1",),
                "level": "full",
            },
            "sizes": {
                **first_update("muon", lr=0.3),
                "inputs": {
                    "w": normal(17, 33).laid_out("transposed"),
                    "b": normal(33, 8),
                    "gw": normal(17, 33, mean=1.0).laid_out("strided"),
                    "gb": normal(33, 8).laid_out("transposed"),
                },
                "requires": ("MUON_UPDATE-1", "MUON_UPDATE-3"),
                "level": "full",
            },
            "decay": {
                **update_from("muon", _ENTRIES, lr=0.5, ns_steps=1, weight_decay=0.3),
                "inputs": _LATER,
                "requires": ("MUON_UPDATE-6",),
            },
            "mask": {
                **update_from("muon", _ENTRIES, lr=0.5, ns_steps=1, weight_decay=0.3, decay_mask=_MASK),
                "inputs": _LATER,
                "requires": ("MUON_UPDATE-6",),
            },
            "default": {
                **update_from("muon", _ENTRIES),
                "inputs": _LATER,
                "requires": ("MUON_UPDATE-1",),
            },
            "array-lr": {
                **first_update("muon"),
                "inputs": {**_PARAMS, **_PLAIN, "lr": values(0.3)},
                "requires": ("MUON_UPDATE-2",),
                "level": "full",
            },
        },
        checks=STEP,
    ),
    *cases(
        "muon_update",
        {
            "trajectory": {
                **trajectory("muon", ns_steps=2, weight_decay=0.05, decay_mask=_MASK),
                "requires": ("MUON_UPDATE-1", "MUON_UPDATE-2", "MUON_UPDATE-6"),
                "level": "full",
            },
            "trajectory-default": {
                **trajectory("muon"),
                "requires": ("MUON_UPDATE-1", "MUON_UPDATE-2"),
                "level": "full",
            },
            "trajectory-plain": {
                **trajectory("muon", momentum=0.5, nesterov=False),
                "requires": ("MUON_UPDATE-1", "MUON_UPDATE-2"),
                "level": "full",
            },
        },
        inputs={**RUN, "b": normal(2, 4), "gb": scaled(2, 4)},
        checks=("trajectory",),
    ),
    *mask_errors("muon", "MUON_UPDATE-6", (3, 2)),
    *update_errors("muon", (("momentum", 1.0, " >= 0 and < 1"), ("weight_decay", NAN, " >= 0")), shape=(3, 2)),
    *(
        error_case(
            "muon_update",
            f"{name}-{value}",
            (requirement,),
            lambda backend, w, name=name, value=value: backend.muon_update(w, w, backend.muon_init(w), **{name: value}),
            ArgumentError,
            words,
            inputs={"w": normal(3, 2)},
        )
        for name, value, requirement, words in (
            ("ns_steps", 0, "MUON_UPDATE-1", "ns_steps: expected an integer >= 1, got 0"),
            ("ns_steps", 2.0, "MUON_UPDATE-1", "ns_steps: expected an integer >= 1, got 2.0"),
            ("nesterov", 1, "MUON_UPDATE-2", "nesterov: expected True or False, got 1"),
        )
    ),
    error_case(
        "muon_update",
        "vector",
        ("MUON_UPDATE-4",),
        lambda backend, w: backend.muon_update([w], [w], {}),
        ShapeError,
        "params[0]: expected at least 2 axes, got shape (3,); give it to another optimizer",
        inputs={"w": normal(3)},
    ),
]

_INIT = [
    *init_cases("muon_init", {"moments": {}}, b=values([[NAN, 0.0]])),
    error_case(
        "muon_init",
        "vector",
        ("MUON_INIT-2",),
        lambda backend, w: backend.muon_init({"b": w}),
        ShapeError,
        "params['b']: expected at least 2 axes, got shape (3,); give it to another optimizer, adamw_update for one",
        inputs={"w": normal(3)},
    ),
]

CASES = [*_INIT, *_UPDATE]
