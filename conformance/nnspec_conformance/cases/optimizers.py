"""Inputs for optimizers and gradient clipping.

Updates are not differentiated. Every optimizer is tried on single steps, one a requirement, and on trajectories of 20
steps whose rounding the reference carries all the way. Parameters are partly 0, so that nothing hides behind their
size; gradients go from 1 down to 1e-10 and to exact zeros, since that is where the places of eps differ; the learning
rate changes, since that is where the kinds of momentum differ. The cases of one operation come in the order of what
builds on what: the first that fails names the requirement to blame.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnspec import Backend
from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import (
    Case,
    Source,
    cases,
    constant,
    error_case,
    integers,
    normal,
    uniform,
    values,
)

__all__ = ["CASES"]

_INF, _NAN = math.inf, math.nan
_STEP = ("values", "shapes", "compiled", "purity", "repeat")
#: steps of a trajectory
_LENGTH = 20

# -- programs ----------------------------------------------------------------------------------------------


def _init_options(operation: str, options: dict[str, Any]) -> dict[str, Any]:
    """What the optimizer's `_init` takes of the hyper-parameters of its `_update`."""
    taken = {"sgd": ("momentum",), "rmsprop": ("momentum", "centered")}.get(operation, ())
    return {name: options[name] for name in taken if name in options}


def _start(backend: Any, optimizer: str, params: Any, options: dict[str, Any]) -> Any:
    return getattr(backend, f"{optimizer}_init")(params, **_init_options(optimizer, options))


# The functions below return the program and, for its digest, the options that it closes over.


def _first(optimizer: str, *, whole: bool = True, **options: Any) -> dict[str, Any]:
    """One update from the start: new parameters, and where `whole` the new state."""

    def program(backend: Any, w: Any, b: Any, gw: Any, gb: Any, **arrays: Any) -> Any:
        params, grads = {"w": w, "b": b}, {"w": gw, "b": gb}
        state = _start(backend, optimizer, params, options)
        result = getattr(backend, f"{optimizer}_update")(params, grads, state, **options, **arrays)
        return result if whole else result[0]

    return {"program": program, "options": {**options, "whole": whole}}


def _sequence(optimizer: str, rates: tuple[float, ...], *, result: str = "params", **options: Any) -> dict[str, Any]:
    """An update a rate with gradients that change; returns the parameters or the step counter."""

    def program(backend: Any, w: Any, b: Any, gw: Any, gb: Any) -> Any:
        params, grads = {"w": w, "b": b}, {"w": gw, "b": gb}
        state = _start(backend, optimizer, params, options)
        for i, lr in enumerate(rates):
            scaled = {name: g * (1.0 - 0.75 * i) for name, g in grads.items()}
            params, state = getattr(backend, f"{optimizer}_update")(params, scaled, state, lr=lr, **options)
        return params if result == "params" else state["step"]

    return {"program": program, "options": {**options, "rates": rates, "result": result}}


def _from_state(optimizer: str, entries: tuple[str, ...], *, whole: bool = True, **options: Any) -> dict[str, Any]:
    """One update from a state given as inputs `step`, `<entry>_w`, `<entry>_b`."""

    def program(backend: Any, w: Any, b: Any, gw: Any, gb: Any, step: Any, **moments: Any) -> Any:
        state = {
            "step": step,
            **{entry: {"w": moments[f"{entry}_w"], "b": moments[f"{entry}_b"]} for entry in entries},
        }
        update = getattr(backend, f"{optimizer}_update")
        result = update({"w": w, "b": b}, {"w": gw, "b": gb}, state, **options)
        return result if whole else result[0]

    return {"program": program, "options": {**options, "whole": whole}}


def _trajectory(optimizer: str, **options: Any) -> dict[str, Any]:
    """As many updates as there are gradients and rates; the parameters and the state that they end in."""

    def program(backend: Any, w: Any, b: Any, gw: Any, gb: Any, lr: Any) -> Any:
        params = {"w": w, "b": b}
        state = _start(backend, optimizer, params, options)
        update = getattr(backend, f"{optimizer}_update")
        for t in range(gw.shape[0]):
            params, state = update(params, {"w": gw[t, ...], "b": gb[t, ...]}, state, lr=lr[t], **options)
        return params, state

    return {"program": program, "options": options}


# -- inputs ------------------------------------------------------------------------------------------------

#: parameters of which some are 0 and some are not
_PARAMS = {
    "w": values([[0.0, 1.5, -2.0], [0.75, 0.0, 0.0]]),
    "b": values([0.0, -1.0]),
}
#: all 0: what an update leaves is the step itself, to its own relative accuracy
_ZERO = {"w": values([[0.0] * 3] * 2), "b": values([0.0] * 2)}
#: from ordinary down to tiny, and exactly 0
_GRADS = {
    "gw": values([[1.5, -0.3, 1e-4], [-1e-6, 3e-8, -1e-10]]),
    "gb": values([0.0, -2.5]),
}
_PLAIN = {"gw": normal(2, 3), "gb": normal(2)}


def _scaled(*shape: int) -> Source:
    """Gradients of a trajectory: every entry has its own size, from 30 down to 1e-9, and one is always 0."""

    def make(generator: np.random.Generator) -> Any:
        sizes = 10.0 ** generator.uniform(-9, 1.5, shape)
        sizes.reshape(-1)[0] = 0.0
        return sizes * (0.3 + generator.standard_normal((_LENGTH, *shape)))

    return Source(make, floating=True)


_RUN = {
    "w": normal(3, 2),
    "b": values([0.0, 0.0, 1.0, -1.0]),
    "gw": _scaled(3, 2),
    "gb": _scaled(4),
    # a schedule that drops, by a factor that shows
    "lr": Source(lambda _: 0.3 * np.array([1.0] * 7 + [0.1] * 6 + [0.5] * 7), floating=True),
}


def _state(entries: tuple[str, ...], step: int, low: float = -1.0) -> dict[str, Source]:
    moments = {
        f"{entry}_{leaf}": uniform(*shape, low=low, high=2.0)
        for entry in entries
        for leaf, shape in (("w", (2, 3)), ("b", (2,)))
    }
    return {"step": constant(step, "int32"), **moments}


def _start_judge(operation: str, **options: Any) -> Any:
    """The counter's kind, which no other check looks at."""

    def judge(backend: Backend, dtype: str, seed: int) -> str | None:
        del seed
        state = getattr(backend, operation)({"w": backend.asarray([1.0], dtype=dtype)}, **options)
        step = state["step"]
        host = backend.to_numpy(step)
        if not backend.is_integer(step) or tuple(step.shape) != () or host.dtype != np.int32 or host != 0:
            return f"step: expected an int32 array of rank 0 that is 0, got {host.dtype} {tuple(step.shape)} {host}"
        return None

    return judge


def _init_cases(operation: str, variants: dict[str, dict[str, Any]]) -> list[Case]:
    requires = (f"{operation.upper()}-1",)

    def program(options: dict[str, Any]) -> Any:
        return lambda backend, w, b: getattr(backend, operation)({"w": [w], "b": b}, **options)

    return [
        *(
            Case(
                operation=operation,
                name=name,
                requires=requires,
                inputs={"w": normal(3, 2), "b": values([_NAN, 0.0, -_INF])},
                program=program(options),
                checks=_STEP,
                level="quick" if i == 0 else "full",
            )
            for i, (name, options) in enumerate(variants.items())
        ),
        Case(
            operation=operation,
            name="step",
            requires=requires,
            checks=("statistics",),
            judge=_start_judge(operation),
        ),
        error_case(
            operation,
            "nothing",
            requires,
            lambda backend: getattr(backend, operation)({}),
            ArgumentError,
            "params: expected a pytree of at least one array, got {}",
        ),
        error_case(
            operation,
            "integers",
            requires,
            lambda backend, n: getattr(backend, operation)({"a": [n]}),
            DTypeError,
            "params['a'][0]: expected a floating array",
            inputs={"n": integers(3, high=4)},
        ),
        *(
            error_case(
                operation,
                "momentum",
                requires,
                lambda backend, w: getattr(backend, operation)(w, momentum=1.0),
                ArgumentError,
                "momentum: expected a finite number >= 0 and < 1, got 1.0",
                inputs={"w": normal(3)},
            )
            for _ in range(not operation.startswith("adam"))
        ),
    ]


_INIT = [
    *_init_cases("sgd_init", {"momentum": {"momentum": 0.9}, "plain": {}}),
    *_init_cases(
        "rmsprop_init",
        {
            "all": {"momentum": 0.9, "centered": True},
            "plain": {},
            "centered": {"centered": True},
            "momentum": {"momentum": 0.5},
        },
    ),
    *_init_cases("adam_init", {"moments": {}}),
    *_init_cases("adamw_init", {"moments": {}}),
    error_case(
        "rmsprop_init",
        "centered",
        ("RMSPROP_INIT-1",),
        lambda backend, w: backend.rmsprop_init(w, centered=1),
        ArgumentError,
        "centered: expected True or False, got 1",
        inputs={"w": normal(3)},
    ),
]

# -- errors that all updates share -------------------------------------------------------------------------


def _update_errors(optimizer: str, hyper: tuple[tuple[str, float, str], ...]) -> list[Case]:
    """Bad trees, a bad state, and every hyper-parameter out of its range."""
    operation = f"{optimizer}_update"
    requires = (f"{operation.upper()}-1",)

    def call(backend: Any, w: Any, g: Any, change: Any = lambda state: state, **options: Any) -> Any:
        params = {"w": w}
        state = change(getattr(backend, f"{optimizer}_init")(params))
        return getattr(backend, operation)(params, g if isinstance(g, dict) else {"w": g}, state, **options)

    pair = {"w": normal(3), "g": normal(3)}
    found = [
        error_case(
            operation,
            f"{name}-{value}",
            requires,
            lambda backend, name=name, value=value, **x: call(backend, **x, **{name: value}),
            ArgumentError,
            f"{name}: expected a finite number{range_}, got {value!r}",
            inputs=pair,
        )
        for name, value, range_ in (("lr", _NAN, " >= 0"), ("lr", -0.1, " >= 0"), *hyper)
    ]
    shared: tuple[tuple[str, type[Any], str, dict[str, Source], Any], ...] = (
        (
            "grads-shape",
            ShapeError,
            "grads['w']: expected shape (3,) (that of params['w']), got (3, 1)",
            {"g": normal(3, 1)},
            call,
        ),
        ("grads-integer", DTypeError, "grads['w']: expected a floating array", {"g": integers(3, high=2)}, call),
        (
            "grads-structure",
            ArgumentError,
            "grads: expected the structure of params",
            {},
            lambda backend, w, g: call(backend, w, {"v": g}),
        ),
        (
            "state-entries",
            ArgumentError,
            "state: expected the entries step",
            {},
            lambda backend, w, g: call(backend, w, g, lambda state: {**state, "more": state["step"]}),
        ),
        (
            "state-step",
            DTypeError,
            "state['step']: expected an integer array",
            {},
            lambda backend, w, g: call(backend, w, g, lambda state: {**state, "step": w}),
        ),
        (
            "lr-vector",
            ShapeError,
            "lr: expected shape (), got (3,)",
            {},
            lambda backend, w, g: call(backend, w, g, lr=w),
        ),
        (
            "lr-integer",
            DTypeError,
            "lr: expected a floating array",
            {"n": constant(1, "int32")},
            lambda backend, w, g, n: call(backend, w, g, lr=n),
        ),
    )
    found += [
        error_case(operation, name, requires, program, error, words, inputs={**pair, **inputs})
        for name, error, words, inputs, program in shared
    ]
    return found


_DECAYS = (("l2", -1.0, " >= 0"), ("weight_decay", _NAN, " >= 0"))

# -- gradient descent --------------------------------------------------------------------------------------

_SGD = [
    *cases(
        "sgd_update",
        {
            "counter": {
                **_sequence("sgd", (0.1, 0.1, 0.1), result="step", momentum=0.5),
                "inputs": {**_PARAMS, **_PLAIN},
                "requires": ("SGD_UPDATE-5",),
            },
            # no velocity to multiply, no rate to accumulate: what is left is the first gradient
            "first": {
                **_first("sgd", whole=False, lr=0.3, momentum=0.9),
                "inputs": {**_PARAMS, **_PLAIN},
                "requires": ("SGD_UPDATE-2",),
            },
            "plain": {
                **_first("sgd", lr=0.3),
                "inputs": {**_PARAMS, **_GRADS},
                "requires": ("SGD_UPDATE-1",),
                "level": "full",
            },
            "changing-lr": {
                **_sequence("sgd", (0.5, 0.05, 0.2), momentum=0.9),
                "inputs": {**_PARAMS, **_PLAIN},
                "requires": ("SGD_UPDATE-1",),
            },
            "nesterov": {
                **_from_state("sgd", ("momentum",), lr=0.3, momentum=0.9, nesterov=True),
                "inputs": {**_PARAMS, **_PLAIN, **_state(("momentum",), 3)},
                "requires": ("SGD_UPDATE-3",),
            },
            "l2": {
                **_from_state("sgd", ("momentum",), lr=0.3, momentum=0.9, l2=0.2),
                "inputs": {**_PARAMS, **_PLAIN, **_state(("momentum",), 3)},
                "requires": ("SGD_UPDATE-4",),
            },
            "weight-decay": {
                **_from_state("sgd", ("momentum",), lr=0.5, momentum=0.9, weight_decay=0.3),
                "inputs": {**_PARAMS, **_PLAIN, **_state(("momentum",), 3)},
                "requires": ("SGD_UPDATE-4",),
            },
            "everything": {
                **_from_state("sgd", ("momentum",), lr=0.5, momentum=0.9, nesterov=True, l2=0.1, weight_decay=0.3),
                "inputs": {**_PARAMS, **_GRADS, **_state(("momentum",), 3)},
                "requires": ("SGD_UPDATE-4", "SGD_UPDATE-3"),
                "level": "full",
            },
            "plain-decays": {
                **_first("sgd", lr=0.5, l2=0.1, weight_decay=0.3),
                "inputs": {**_PARAMS, **_PLAIN},
                "requires": ("SGD_UPDATE-4",),
                "level": "full",
            },
            "array-lr": {
                **_first("sgd", momentum=0.9),
                "inputs": {**_PARAMS, **_PLAIN, "lr": values(0.3)},
                "requires": ("SGD_UPDATE-1",),
                "level": "full",
            },
            "default": {
                **_first("sgd"),
                "inputs": {**_PARAMS, **_PLAIN},
                "requires": ("SGD_UPDATE-1",),
                "level": "full",
            },
            "zero-lr": {
                **_first("sgd", lr=0.0, momentum=0.9, weight_decay=0.3),
                "inputs": {**_PARAMS, **_PLAIN},
                "requires": ("SGD_UPDATE-1", "SGD_UPDATE-4"),
                "level": "full",
            },
        },
        checks=_STEP,
    ),
    *cases(
        "sgd_update",
        {
            "trajectory": {
                **_trajectory("sgd", momentum=0.9, l2=0.01, weight_decay=0.02),
                "requires": ("SGD_UPDATE-1", "SGD_UPDATE-2", "SGD_UPDATE-4"),
            },
            "trajectory-plain": {
                **_trajectory("sgd"),
                "requires": ("SGD_UPDATE-1",),
                "level": "full",
            },
            "trajectory-nesterov": {
                **_trajectory("sgd", momentum=0.9, nesterov=True),
                "requires": ("SGD_UPDATE-3", "SGD_UPDATE-1"),
                "level": "full",
            },
        },
        inputs=_RUN,
        checks=("trajectory",),
    ),
    *_update_errors("sgd", (("momentum", 1.0, " >= 0 and < 1"), *_DECAYS)),
    error_case(
        "sgd_update",
        "nesterov-alone",
        ("SGD_UPDATE-3",),
        lambda backend, w: backend.sgd_update(w, w, backend.sgd_init(w), nesterov=True),
        ArgumentError,
        "nesterov: expected False without momentum, got True",
        inputs={"w": normal(3)},
    ),
    error_case(
        "sgd_update",
        "forgotten-momentum",
        ("SGD_UPDATE-1",),
        lambda backend, w: backend.sgd_update(w, w, backend.sgd_init(w), momentum=0.9),
        ArgumentError,
        "state: expected the entries step, momentum, as _init makes them with the same arguments, got step",
        inputs={"w": normal(3)},
    ),
]

# -- RMSprop -----------------------------------------------------------------------------------------------

_SQUARES = ("square_avg",)
_CENTERED = ("square_avg", "grad_avg")


def _centered_state(step: int) -> dict[str, Source]:
    """Second moments well above the squares of the first."""
    return {
        **_state(("grad_avg",), step),
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
                **_sequence("rmsprop", (0.1, 0.1, 0.1), result="step"),
                "inputs": {**_PARAMS, **_PLAIN},
                "requires": ("RMSPROP_UPDATE-5",),
            },
            "eps": {
                **_first("rmsprop", lr=0.3, eps=0.1),
                "inputs": {**_ZERO, **_GRADS},
                "requires": ("RMSPROP_UPDATE-1",),
            },
            "tiny-gradients": {
                **_first("rmsprop", lr=0.3),
                "inputs": {**_ZERO, **_GRADS},
                "requires": ("RMSPROP_UPDATE-1",),
            },
            "alpha": {
                **_from_state("rmsprop", _SQUARES, lr=0.3, alpha=0.7, eps=1e-3),
                "inputs": {**_PARAMS, **_GRADS, **_state(_SQUARES, 7, low=0.0)},
                "requires": ("RMSPROP_UPDATE-1",),
                "level": "full",
            },
            "centered": {
                **_from_state("rmsprop", _CENTERED, lr=0.3, alpha=0.7, centered=True),
                "inputs": {**_PARAMS, **_PLAIN, **_centered_state(3)},
                "requires": ("RMSPROP_UPDATE-2",),
            },
            "special-negative-variance": {
                **_from_state("rmsprop", _CENTERED, lr=0.3, eps=0.1, centered=True),
                "inputs": {**_PARAMS, **_NEGATIVE},
                "requires": ("RMSPROP_UPDATE-2",),
            },
            # s = g^2 and the mean is g: the variance is 0, or what fusing leaves of it
            "no-memory": {
                **_first("rmsprop", lr=0.3, alpha=0.0, eps=0.1, centered=True),
                "inputs": {**_PARAMS, **_PLAIN},
                "requires": ("RMSPROP_UPDATE-2",),
                "level": "full",
            },
            "changing-lr": {
                **_sequence("rmsprop", (0.5, 0.05, 0.2), momentum=0.9),
                "inputs": {**_PARAMS, **_PLAIN},
                "requires": ("RMSPROP_UPDATE-3",),
            },
            "l2": {
                **_from_state("rmsprop", _SQUARES, lr=0.3, l2=0.2),
                "inputs": {**_PARAMS, **_PLAIN, **_state(_SQUARES, 3, low=0.5)},
                "requires": ("RMSPROP_UPDATE-4",),
            },
            "weight-decay": {
                **_from_state("rmsprop", _SQUARES, lr=0.5, weight_decay=0.3),
                "inputs": {**_PARAMS, **_PLAIN, **_state(_SQUARES, 3, low=0.5)},
                "requires": ("RMSPROP_UPDATE-4",),
            },
            "everything": {
                **_from_state(
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
                    **_PARAMS,
                    **_GRADS,
                    **_state(("momentum",), 3),
                    **_centered_state(3),
                },
                "requires": ("RMSPROP_UPDATE-4", "RMSPROP_UPDATE-3"),
                "level": "full",
            },
            "array-lr": {
                **_first("rmsprop", momentum=0.9),
                "inputs": {**_PARAMS, **_PLAIN, "lr": values(0.3)},
                "requires": ("RMSPROP_UPDATE-3",),
                "level": "full",
            },
            "default": {
                **_first("rmsprop"),
                "inputs": {**_PARAMS, **_GRADS},
                "requires": ("RMSPROP_UPDATE-1",),
                "level": "full",
            },
        },
        checks=_STEP,
    ),
    *cases(
        "rmsprop_update",
        {
            "trajectory": {
                **_trajectory("rmsprop", momentum=0.9, l2=0.01, weight_decay=0.02),
                "requires": ("RMSPROP_UPDATE-1", "RMSPROP_UPDATE-3", "RMSPROP_UPDATE-4"),
            },
            "trajectory-plain": {
                **_trajectory("rmsprop"),
                "requires": ("RMSPROP_UPDATE-1",),
                "level": "full",
            },
            "trajectory-centered": {
                **_trajectory("rmsprop", alpha=0.9, eps=0.1, centered=True),
                "requires": ("RMSPROP_UPDATE-2", "RMSPROP_UPDATE-1"),
                "level": "full",
            },
            "trajectory-all": {
                **_trajectory("rmsprop", alpha=0.9, eps=1e-4, momentum=0.7, centered=True, l2=0.02, weight_decay=0.03),
                "requires": ("RMSPROP_UPDATE-4", "RMSPROP_UPDATE-2", "RMSPROP_UPDATE-3"),
                "level": "full",
            },
        },
        inputs=_RUN,
        checks=("trajectory",),
    ),
    *_update_errors(
        "rmsprop",
        (
            ("alpha", 1.0, " >= 0 and < 1"),
            ("eps", 0.0, " > 0"),
            ("eps", _NAN, " > 0"),
            ("momentum", -0.1, " >= 0 and < 1"),
            *_DECAYS,
        ),
    ),
]

# -- Adam and AdamW ----------------------------------------------------------------------------------------

_MOMENTS = ("exp_avg", "exp_avg_sq")


def _moments(step: int) -> dict[str, Source]:
    return {
        **_state(("exp_avg",), step),
        "exp_avg_sq_w": uniform(2, 3, low=0.5, high=2.0),
        "exp_avg_sq_b": uniform(2, low=0.5, high=2.0),
    }


def _adam_steps(optimizer: str, eps: str, correction: str, counter: str, **common: Any) -> list[Case]:
    """Single steps of Adam; `common` takes the decay out of AdamW."""
    operation = f"{optimizer}_update"
    return cases(
        operation,
        {
            "counter": {
                **_sequence(optimizer, (0.1, 0.1, 0.1), result="step"),
                "inputs": {**_PARAMS, **_PLAIN},
                "requires": (counter,),
            },
            # eps too small to matter and parameters 0: each step is 0.3 times a quotient of corrected moments
            "first": {
                **_first(optimizer, lr=0.3, eps=1e-30, **common),
                "inputs": {**_ZERO, **_PLAIN},
                "requires": (correction,),
            },
            "later": {
                **_from_state(optimizer, _MOMENTS, lr=0.3, eps=1e-30, **common),
                "inputs": {**_ZERO, **_PLAIN, **_moments(41)},
                "requires": (correction,),
            },
            "late": {
                **_from_state(optimizer, _MOMENTS, lr=0.3, eps=1e-30, beta2=0.9999, **common),
                "inputs": {**_ZERO, **_PLAIN, **_moments(3000)},
                "requires": (correction,),
                "level": "full",
            },
            "wide-counter": {
                **_from_state(optimizer, _MOMENTS, lr=0.3, **common),
                "inputs": {**_PARAMS, **_PLAIN, **_moments(3), "step": constant(3, "int64")},
                "requires": (correction,),
                "level": "full",
            },
            "no-memory": {
                **_first(optimizer, lr=0.3, beta1=0.0, beta2=0.0, eps=0.1, **common),
                "inputs": {**_PARAMS, **_PLAIN},
                "requires": (correction,),
                "level": "full",
            },
            "eps": {
                **_first(optimizer, lr=0.3, eps=0.1, **common),
                "inputs": {**_ZERO, **_GRADS},
                "requires": (eps,),
            },
            "tiny-gradients": {
                **_first(optimizer, lr=0.3, **common),
                "inputs": {**_ZERO, **_GRADS},
                "requires": (eps,),
            },
            "array-lr": {
                **_first(optimizer, **common),
                "inputs": {**_PARAMS, **_PLAIN, "lr": values(0.3)},
                "requires": (correction,),
                "level": "full",
            },
        },
        checks=_STEP,
    )


def _without_decay(backend: Any, w: Any, b: Any, gw: Any, gb: Any, step: Any, **moments: Any) -> Any:
    """Adam's step, and AdamW's without decay."""
    options: dict[str, Any] = {"lr": 0.3, "beta1": 0.8, "beta2": 0.95, "eps": 0.1}
    given = {"w": w, "b": b, "gw": gw, "gb": gb, "step": step, **moments}
    return [
        _from_state("adam", _MOMENTS, **options)["program"](backend, **given),
        _from_state("adamw", _MOMENTS, weight_decay=0.0, **options)["program"](backend, **given),
    ]


_ADAM = [
    *_adam_steps("adam", "ADAM_UPDATE-1", "ADAM_UPDATE-2", "ADAM_UPDATE-4"),
    *cases(
        "adam_update",
        {
            "l2": {
                **_from_state("adam", _MOMENTS, lr=0.3, l2=0.2),
                "inputs": {**_PARAMS, **_PLAIN, **_moments(3)},
                "requires": ("ADAM_UPDATE-3",),
            },
            "default": {
                **_first("adam"),
                "inputs": {**_PARAMS, **_GRADS},
                "requires": ("ADAM_UPDATE-1",),
                "level": "full",
            },
        },
        checks=_STEP,
    ),
    *cases(
        "adam_update",
        {
            "trajectory": {
                **_trajectory("adam", l2=0.01),
                "requires": ("ADAM_UPDATE-2", "ADAM_UPDATE-1", "ADAM_UPDATE-3"),
            },
            "trajectory-plain": {
                **_trajectory("adam", beta1=0.7, beta2=0.9, eps=1e-4),
                "requires": ("ADAM_UPDATE-2", "ADAM_UPDATE-1"),
                "level": "full",
            },
        },
        inputs=_RUN,
        checks=("trajectory",),
    ),
    *_update_errors(
        "adam",
        (
            ("beta1", 1.0, " >= 0 and < 1"),
            ("beta2", -0.5, " >= 0 and < 1"),
            ("beta2", _NAN, " >= 0 and < 1"),
            ("eps", 0.0, " > 0"),
            ("l2", -1.0, " >= 0"),
        ),
    ),
]

_DECAYING = {**_PARAMS, **_PLAIN, **_moments(3)}
_MASK = {"w": True, "b": False}

_ADAMW = [
    *_adam_steps("adamw", "ADAMW_UPDATE-2", "ADAMW_UPDATE-2", "ADAMW_UPDATE-4", weight_decay=0.0),
    *cases(
        "adamw_update",
        {
            "without-decay": {
                "program": _without_decay,
                "requires": ("ADAMW_UPDATE-2",),
                "level": "full",
            },
            "decay": {
                **_from_state("adamw", _MOMENTS, lr=0.5, weight_decay=0.3),
                "requires": ("ADAMW_UPDATE-1",),
            },
            "mask": {
                **_from_state("adamw", _MOMENTS, lr=0.5, weight_decay=0.3, decay_mask=_MASK),
                "requires": ("ADAMW_UPDATE-3",),
            },
            "mask-nothing": {
                **_from_state("adamw", _MOMENTS, lr=0.5, weight_decay=0.3, decay_mask={"w": False, "b": False}),
                "requires": ("ADAMW_UPDATE-3",),
                "level": "full",
            },
            "default": {
                **_from_state("adamw", _MOMENTS, lr=0.5),
                "requires": ("ADAMW_UPDATE-1",),
                "level": "full",
            },
        },
        inputs=_DECAYING,
        checks=_STEP,
    ),
    *cases(
        "adamw_update",
        {
            "trajectory": {
                **_trajectory("adamw", weight_decay=0.05, decay_mask=_MASK),
                "requires": ("ADAMW_UPDATE-1", "ADAMW_UPDATE-2", "ADAMW_UPDATE-3"),
            },
            "trajectory-default": {
                **_trajectory("adamw"),
                "requires": ("ADAMW_UPDATE-1",),
                "level": "full",
            },
        },
        inputs=_RUN,
        checks=("trajectory",),
    ),
    *_update_errors("adamw", (("beta1", 1.0, " >= 0 and < 1"), ("eps", 0.0, " > 0"), ("weight_decay", _NAN, " >= 0"))),
    *(
        error_case(
            "adamw_update",
            f"mask-{name}",
            ("ADAMW_UPDATE-3",),
            lambda backend, w, mask=mask: backend.adamw_update(
                {"w": w}, {"w": w}, backend.adamw_init({"w": w}), decay_mask=mask
            ),
            ArgumentError,
            words,
            inputs={"w": normal(3)},
        )
        for name, mask, words in (
            ("structure", {"v": True}, "decay_mask: expected the structure of params"),
            ("values", {"w": 1.0}, "decay_mask: expected True or False, got 1.0"),
        )
    ),
]

# -- clipping ----------------------------------------------------------------------------------------------


def _tree(operation: str, **options: Any) -> dict[str, Any]:
    def program(backend: Any, a: Any, b: Any) -> Any:
        return getattr(backend, operation)({"layer": [a], "b": b}, **options)

    return {"program": program, "options": options}


_CLIP = [
    *cases(
        "clip_by_value",
        {
            "limit-kink": {
                "inputs": {
                    "a": values([[0.5, -0.5, 0.50000006], [-0.50000006, 0.49999997, -0.0]]),
                    "b": values([_INF, -_INF, 3.0, -7.0]),
                },
                **_tree("clip_by_value", max_value=0.5),
                "requires": ("CLIP_BY_VALUE-1",),
            },
            "nan-special": {
                "inputs": {"a": values([[_NAN, 3.0]]), "b": values([0.5, _NAN])},
                **_tree("clip_by_value", max_value=1.0),
                "requires": ("CLIP_BY_VALUE-2",),
            },
            "inexact-limit": {
                "inputs": {"a": normal(3, 5), "b": normal(7)},
                **_tree("clip_by_value", max_value=0.1),
                "requires": ("CLIP_BY_VALUE-1",),
                "level": "full",
            },
            "default": {
                "inputs": {"a": normal(3, 5, std=2.0), "b": normal()},
                **_tree("clip_by_value"),
                "requires": ("CLIP_BY_VALUE-1",),
                "level": "full",
            },
        },
        checks=_STEP,
    ),
    *cases(
        "clip_by_norm",
        {
            # at the limit, below it, and zeros; no rounding shows
            "within-special": {
                "inputs": {"a": values([[-3.0, 4.0]]), "b": values([0.1, 0.7, -0.3])},
                **_tree("clip_by_norm", max_norm=5.0),
                "exact": True,
                "requires": ("CLIP_BY_NORM-2",),
            },
            "zeros-special": {
                "inputs": {"a": values([[0.0, -0.0]]), "b": values([0.0])},
                **_tree("clip_by_norm", max_norm=1e-3),
                "exact": True,
                "requires": ("CLIP_BY_NORM-2",),
                "level": "full",
            },
            # each by itself: of the three, one only is above the limit in any way of counting
            "above": {
                "inputs": {"a": normal(3, 4, std=0.1), "b": normal(5, std=1e-3)},
                **_tree("clip_by_norm", max_norm=1e-2),
                "requires": ("CLIP_BY_NORM-1",),
            },
            "both-above": {
                "inputs": {"a": normal(3, 4, std=30.0), "b": normal(5)},
                **_tree("clip_by_norm"),
                "requires": ("CLIP_BY_NORM-1",),
                "level": "full",
            },
            "infinite-special": {
                "inputs": {"a": values([[_INF, 1.0]]), "b": values([_NAN, 30.0])},
                **_tree("clip_by_norm", max_norm=1.0),
                "exact": True,
                "requires": ("CLIP_BY_NORM-3",),
            },
        },
        checks=_STEP,
    ),
    *cases(
        "clip_by_global_norm",
        {
            "within-special": {
                "inputs": {"a": values([[-3.0, 0.0]]), "b": values([4.0, -0.0])},
                **_tree("clip_by_global_norm", max_norm=5.0),
                "exact": True,
                "requires": ("CLIP_BY_GLOBAL_NORM-2",),
            },
            "zeros-special": {
                "inputs": {"a": values([[0.0, -0.0]]), "b": values([0.0])},
                **_tree("clip_by_global_norm", max_norm=1e-3),
                "exact": True,
                "requires": ("CLIP_BY_GLOBAL_NORM-2",),
                "level": "full",
            },
            # 1e-6 beside the norm, or one norm an array, would show
            "above": {
                "inputs": {"a": normal(3, 4, std=1e-2), "b": normal(5, std=1e-3)},
                **_tree("clip_by_global_norm", max_norm=1e-3),
                "requires": ("CLIP_BY_GLOBAL_NORM-1",),
            },
            "default": {
                "inputs": {"a": normal(3, 4, std=30.0), "b": normal(5)},
                **_tree("clip_by_global_norm"),
                "requires": ("CLIP_BY_GLOBAL_NORM-1",),
                "level": "full",
            },
            "infinite-special": {
                "inputs": {"a": values([[_INF, 1.0]]), "b": values([0.5, 30.0])},
                **_tree("clip_by_global_norm", max_norm=1.0),
                "exact": True,
                "requires": ("CLIP_BY_GLOBAL_NORM-3",),
            },
            "nan-special": {
                "inputs": {"a": values([[_NAN, 1.0]]), "b": values([-_INF, 30.0])},
                **_tree("clip_by_global_norm", max_norm=1.0),
                "exact": True,
                "requires": ("CLIP_BY_GLOBAL_NORM-3",),
                "level": "full",
            },
        },
        checks=_STEP,
    ),
    *(
        error_case(
            operation,
            name,
            (f"{operation.upper()}-1",),
            lambda backend, operation=operation, bad=bad, **given: getattr(backend, operation)(given, **bad),
            error,
            words,
            inputs=inputs,
        )
        for operation, limit in (
            ("clip_by_value", "max_value"),
            ("clip_by_norm", "max_norm"),
            ("clip_by_global_norm", "max_norm"),
        )
        for name, inputs, bad, error, words in (
            (
                "limit",
                {"g": normal(3)},
                {limit: 0.0},
                ArgumentError,
                f"{limit}: expected a finite number > 0, got 0.0",
            ),
            (
                "limit-nan",
                {"g": normal(3)},
                {limit: _NAN},
                ArgumentError,
                f"{limit}: expected a finite number > 0, got nan",
            ),
            ("integers", {"g": integers(3, high=4)}, {}, DTypeError, "grads['g']: expected a floating array"),
            ("nothing", {}, {}, ArgumentError, "grads: expected a pytree of at least one array, got {}"),
        )
    ),
]

CASES = [*_INIT, *_SGD, *_RMSPROP, *_ADAM, *_ADAMW, *_CLIP]
