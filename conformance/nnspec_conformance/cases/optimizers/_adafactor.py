"""Inputs for Adafactor."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError, ShapeError
from nnspec_conformance.case import Source, cases, constant, error_case, normal, uniform, values
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
    trajectory,
    update_from,
    updates,
)

__all__ = ["CASES"]

_FACTORS = ("row_avg_sq", "col_avg_sq")
_ALL = (*_FACTORS, "exp_avg")
_MASK = {"w": True, "b": False}


def _state(step: int, w: tuple[int, ...] = (2, 3), b: tuple[int, ...] = (2,)) -> dict[str, Source]:
    """Of a matrix or more, and of a vector or a number."""
    return {
        "step": constant(step, "int32"),
        "row_avg_sq_w": uniform(*w[:1], low=0.5, high=2.0),
        "col_avg_sq_w": uniform(*w[1:], low=0.5, high=2.0),
        "row_avg_sq_b": uniform(*b, low=0.5, high=2.0),
        "col_avg_sq_b": values([]),
    }


_LATER = {**PARAMS, **PLAIN, **_state(41)}
_MOMENT = {"exp_avg_w": uniform(2, 3, low=-1.0), "exp_avg_b": uniform(2, low=-1.0)}


def _relative(**options: Any) -> dict[str, Any]:
    """A trajectory of the paper's own step sizes."""

    def program(backend: Any, w: Any, b: Any, gw: Any, gb: Any) -> Any:
        params = {"w": w, "b": b}
        state = backend.adafactor_init(params)
        update = backend.compile(lambda p, g, s: backend.adafactor_update(p, g, s, **options))
        for t in range(gw.shape[0]):
            params, state = update(params, {"w": gw[t, ...], "b": gb[t, ...]}, state)
        return params, state

    return {"program": program, "options": options}


# a threshold of 100 keeps the clipping out
_SHARES = {
    "counter": {
        **state_after("adafactor", _FACTORS, "step"),
        "inputs": _LATER,
        "requires": ("ADAFACTOR_UPDATE-10",),
    },
    # what the state was before the first update does not matter
    "first-share": {
        **state_after("adafactor", _FACTORS),
        "inputs": {**_LATER, **_state(0)},
        "requires": ("ADAFACTOR_UPDATE-3",),
    },
    "share": {
        **state_after("adafactor", _FACTORS),
        "inputs": _LATER,
        "requires": ("ADAFACTOR_UPDATE-3",),
    },
    "decay-rate": {
        **state_after("adafactor", _FACTORS, decay_rate=0.3),
        "inputs": _LATER,
        "requires": ("ADAFACTOR_UPDATE-3",),
    },
    "eps1-share": {
        **state_after("adafactor", _FACTORS, eps1=0.5),
        "inputs": {**_LATER, **GRADS},
        "requires": ("ADAFACTOR_UPDATE-4",),
    },
    "vectors": {
        **update_from("adafactor", _FACTORS, lr=0.3, clip_threshold=100.0),
        "inputs": {
            **ZERO,
            **_state(41, (2, 1), (2,)),
            "w": values(0.0),
            "gw": normal(std=0.3),
            "gb": normal(2, std=0.3),
            "row_avg_sq_w": values(0.7),
            "col_avg_sq_w": values([]),
        },
        "requires": ("ADAFACTOR_UPDATE-2",),
    },
    "matrix": {
        **update_from("adafactor", _FACTORS, lr=0.3, clip_threshold=100.0),
        "inputs": {**ZERO, **PLAIN, **_state(41)},
        "requires": ("ADAFACTOR_UPDATE-1", "ADAFACTOR_UPDATE-2"),
    },
    "late": {
        **update_from("adafactor", _FACTORS, lr=0.3, clip_threshold=100.0),
        "inputs": {**ZERO, **PLAIN, **_state(300_000)},
        "requires": ("ADAFACTOR_UPDATE-3",),
        "level": "full",
    },
    "layouts": {
        **update_from("adafactor", _FACTORS, lr=0.3, clip_threshold=100.0),
        "inputs": {
            **_state(7, (4, 3), ()),
            "w": normal(4, 3).laid_out("transposed"),
            "b": normal(),
            "gw": normal(4, 3).laid_out("strided"),
            "gb": normal(),
        },
        "requires": ("ADAFACTOR_UPDATE-2", "ADAFACTOR_UPDATE-1"),
        "level": "full",
    },
    # rows against all other axes together
    "tensor": {
        **update_from("adafactor", _FACTORS, lr=0.3, clip_threshold=100.0),
        "inputs": {
            **_state(7, (3, 2, 4)),
            "w": normal(3, 2, 4),
            "b": normal(2),
            "gw": normal(3, 2, 4),
            "gb": normal(2),
        },
        "requires": ("ADAFACTOR_UPDATE-1",),
    },
    # a row and a column without gradients: their product would underflow
    "dead-special": {
        **first_update("adafactor", lr=0.3, clip_threshold=100.0),
        "inputs": {
            **PARAMS,
            "gw": values([[0.0, 0.0, 0.0], [0.0, 2.0, -1.5]]),
            "gb": values([0.0, -1e-10]),
        },
        "requires": ("ADAFACTOR_UPDATE-1", "ADAFACTOR_UPDATE-2"),
    },
    "still-special": {
        **first_update("adafactor", lr=0.5),
        "inputs": {**PARAMS, "gw": values([[0.0] * 3] * 2), "gb": values([0.0] * 2)},
        "requires": ("ADAFACTOR_UPDATE-1", "ADAFACTOR_UPDATE-2"),
    },
}

_SIZES = {
    "eps1": {
        **update_from("adafactor", _FACTORS, lr=0.3, eps1=0.5, clip_threshold=100.0),
        "inputs": {**ZERO, **GRADS, **_state(3)},
        "requires": ("ADAFACTOR_UPDATE-4",),
    },
    "tiny-gradients": {
        **first_update("adafactor", lr=0.3, clip_threshold=100.0),
        "inputs": {**ZERO, "gw": values([[3e-15, -1e-15, 0.0], [2e-15, 4e-16, 1e-16]]), "gb": values([0.0, -2e-15])},
        "requires": ("ADAFACTOR_UPDATE-4",),
    },
    # both arrays are above the threshold, by different factors
    "clipped": {
        **update_from("adafactor", _FACTORS, lr=0.3, clip_threshold=0.3),
        "inputs": {**_LATER, "gb": values([9.0, -7.0])},
        "requires": ("ADAFACTOR_UPDATE-5",),
    },
    # one below and one above, which a norm of all would not tell apart
    "one-clipped": {
        **update_from("adafactor", _FACTORS, lr=0.3),
        "inputs": {**_LATER, "gw": normal(2, 3, std=0.1), "gb": values([19.0, -7.0])},
        "requires": ("ADAFACTOR_UPDATE-5",),
    },
    "eps2": {
        **update_from("adafactor", _FACTORS, lr=0.3, eps2=0.9),
        "inputs": {**_LATER, "b": values([0.3, -0.1])},
        "requires": ("ADAFACTOR_UPDATE-6",),
    },
    "relative": {
        **update_from("adafactor", _FACTORS),
        "inputs": {**_LATER, **_state(9998)},
        "requires": ("ADAFACTOR_UPDATE-7", "ADAFACTOR_UPDATE-6"),
    },
    "relative-tie": {
        **update_from("adafactor", _FACTORS),
        "inputs": {**_LATER, **_state(9999)},
        "requires": ("ADAFACTOR_UPDATE-7",),
        "level": "full",
    },
    "relative-late": {
        **update_from("adafactor", _FACTORS),
        "inputs": {**_LATER, **_state(39_999)},
        "requires": ("ADAFACTOR_UPDATE-7",),
    },
    "default": {
        **first_update("adafactor"),
        "inputs": {**PARAMS, **GRADS},
        "requires": ("ADAFACTOR_UPDATE-7", "ADAFACTOR_UPDATE-6"),
    },
    "array-lr": {
        **first_update("adafactor"),
        "inputs": {**PARAMS, **PLAIN, "lr": values(0.3)},
        "requires": ("ADAFACTOR_UPDATE-6",),
        "level": "full",
    },
    "moment": {
        **update_from("adafactor", _ALL, lr=0.3, clip_threshold=0.5, beta1=0.7),
        "inputs": {**_LATER, **_MOMENT},
        "requires": ("ADAFACTOR_UPDATE-8",),
    },
    "changing-lr": {
        **updates("adafactor", (0.5, 0.05, 0.2), beta1=0.7),
        "inputs": {**PARAMS, **PLAIN},
        "requires": ("ADAFACTOR_UPDATE-8",),
        "level": "full",
    },
    "decay": {
        **update_from("adafactor", _FACTORS, lr=0.5, weight_decay=0.3),
        "inputs": _LATER,
        "requires": ("ADAFACTOR_UPDATE-9",),
    },
    "mask": {
        **update_from("adafactor", _FACTORS, lr=0.5, weight_decay=0.3, decay_mask=_MASK),
        "inputs": _LATER,
        "requires": ("ADAFACTOR_UPDATE-9",),
    },
    "relative-decay": {
        **update_from("adafactor", _FACTORS, weight_decay=30.0),
        "inputs": _LATER,
        "requires": ("ADAFACTOR_UPDATE-9",),
    },
}

_UPDATE = [
    *cases("adafactor_update", {**_SHARES, **_SIZES}, checks=STEP),
    *cases(
        "adafactor_update",
        {
            "trajectory": {
                **trajectory("adafactor", beta1=0.8, weight_decay=0.05, decay_mask=_MASK),
                "inputs": RUN,
                "requires": ("ADAFACTOR_UPDATE-1", "ADAFACTOR_UPDATE-3", "ADAFACTOR_UPDATE-8"),
                "level": "full",
            },
            "trajectory-relative": {
                **_relative(),
                "inputs": {name: x for name, x in RUN.items() if name != "lr"},
                "requires": ("ADAFACTOR_UPDATE-7", "ADAFACTOR_UPDATE-3"),
                "level": "full",
            },
        },
        checks=("trajectory",),
    ),
    *mask_errors("adafactor", "ADAFACTOR_UPDATE-9"),
    *update_errors(
        "adafactor",
        (
            ("eps1", 0.0, " > 0"),
            ("eps2", -1.0, " > 0"),
            ("clip_threshold", 0.0, " > 0"),
            ("decay_rate", 1.5, " > 0 and <= 1"),
            ("beta1", 1.0, " >= 0 and < 1"),
            ("weight_decay", NAN, " >= 0"),
        ),
    ),
    error_case(
        "adafactor_update",
        "factors",
        ("ADAFACTOR_UPDATE-1",),
        lambda backend, w, v: backend.adafactor_update({"w": w}, {"w": w}, backend.adafactor_init({"w": v})),
        ShapeError,
        "state['row_avg_sq']['w']: expected shape (3,) (that of the factors of params['w']), got (2,)",
        inputs={"w": normal(3, 2), "v": normal(2, 3)},
    ),
    error_case(
        "adafactor_update",
        "forgotten-moment",
        ("ADAFACTOR_UPDATE-8",),
        lambda backend, w: backend.adafactor_update({"w": w}, {"w": w}, backend.adafactor_init({"w": w}), beta1=0.5),
        ArgumentError,
        "state: expected the entries step, row_avg_sq, col_avg_sq, exp_avg, as _init makes them",
        inputs={"w": normal(3, 2)},
    ),
]

_INIT = [
    *init_cases("adafactor_init", {"factors": {}, "moment": {"beta1": 0.9}}),
    *cases(
        "adafactor_init",
        {
            "shapes": {
                "program": lambda backend, w, b, n: backend.adafactor_init([w, b, n]),
                "inputs": {"w": normal(3, 2, 4), "b": normal(5), "n": normal()},
                "requires": ("ADAFACTOR_INIT-2",),
            }
        },
        checks=STEP,
    ),
    error_case(
        "adafactor_init",
        "beta1",
        ("ADAFACTOR_INIT-1",),
        lambda backend, w: backend.adafactor_init(w, beta1=1.0),
        ArgumentError,
        "beta1: expected a finite number >= 0 and < 1, got 1.0",
        inputs={"w": normal(3)},
    ),
]

CASES = [*_INIT, *_UPDATE]
