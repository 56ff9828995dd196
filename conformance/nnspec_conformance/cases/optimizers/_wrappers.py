"""Inputs for lookahead, averages of parameters and accumulated gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nnspec import Backend
from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, Source, cases, constant, error_case, integers, normal, values
from nnspec_conformance.cases.optimizers._init import init_cases
from nnspec_conformance.cases.optimizers._steps import INF, NAN, RUN, STEP, state_inputs

__all__ = ["CASES"]

_PARAMS = {"w": values([[0.1, 1.5, -2.0], [0.75, 0.0, 0.3]]), "b": values([0.0, -1.0])}
_SPECIAL = {"w": values([[NAN, 1.5, -INF], [0.75, -0.0, 1e-3]]), "b": values([0.1, -0.7])}
_LATEST = {"pw": normal(2, 3), "pb": normal(2)}
_MASK = {"w": True, "b": False}


def _own_buffers(init: str, entry: str) -> Case:
    """Parameters may be donated to the next step: what has been kept of them must not be lost with them."""

    def judge(backend: Backend, dtype: str, seed: int) -> str | None:
        host = np.random.Generator(np.random.Philox(seed)).standard_normal((4, 3)).astype(dtype)
        params = {"w": backend.asarray(host, dtype=dtype)}
        kept = getattr(backend, init)(params)[entry]
        descend = backend.compile(lambda p, s: backend.sgd_update(p, {"w": p["w"] * 0.5 + 1.0}, s, lr=0.5), donate=(0,))
        descend(params, backend.sgd_init(params))
        after = backend.to_numpy(kept["w"])
        return (
            None if np.array_equal(after, host) else f"{entry}: changed by a step that the parameters were donated to"
        )

    return Case(
        operation=init,
        name="own-buffers",
        requires=(f"{init.upper()}-1",),
        checks=("statistics",),
        judge=judge,
    )


# -- lookahead ---------------------------------------------------------------------------------------------


def _calls(count: int, result: str = "all", **options: Any) -> dict[str, Any]:
    """So many calls from the start; before each the parameters move by the same."""

    def program(backend: Any, w: Any, b: Any, pw: Any, pb: Any) -> Any:
        params = {"w": w, "b": b}
        state = backend.lookahead_init(params)
        for _ in range(count):
            params = {"w": params["w"] + pw, "b": params["b"] + pb}
            params, state = backend.lookahead_update(params, state, **options)
        return state["step"] if result == "step" else (params, state)

    return {"program": program, "options": {**options, "count": count, "result": result}}


def _one_call(**options: Any) -> dict[str, Any]:
    """One call from a state given as inputs."""

    def program(backend: Any, w: Any, b: Any, step: Any, slow_w: Any, slow_b: Any) -> Any:
        state = {"step": step, "slow": {"w": slow_w, "b": slow_b}}
        return backend.lookahead_update({"w": w, "b": b}, state, **options)

    return {"program": program, "options": options}


def _around_descent(backend: Any, w: Any, b: Any, gw: Any, gb: Any, lr: Any) -> Any:
    def step(params: Any, grads: Any, inner: Any, state: Any, rate: Any) -> Any:
        params, inner = backend.sgd_update(params, grads, inner, lr=rate, momentum=0.9)
        params, state = backend.lookahead_update(params, state, alpha=0.8, sync_period=5)
        return params, inner, state

    params, compiled = {"w": w, "b": b}, backend.compile(step)
    inner, state = backend.sgd_init(params, momentum=0.9), backend.lookahead_init(params)
    for t in range(gw.shape[0]):
        params, inner, state = compiled(params, {"w": gw[t, ...], "b": gb[t, ...]}, inner, state, lr[t])
    return params, inner, state


_LOOKAHEAD = [
    *init_cases("lookahead_init", {"copy": {}}),
    _own_buffers("lookahead_init", "slow"),
    *cases(
        "lookahead_update",
        {
            "counter": {
                **_calls(3, "step", sync_period=2),
                "inputs": {**_PARAMS, **_LATEST},
                "requires": ("LOOKAHEAD_UPDATE-3",),
            },
            # nothing but the counter changes, to the bit; the fifth call of six, the first after one
            "between-special": {
                **_one_call(),
                "inputs": {**_SPECIAL, **state_inputs(("slow",), 4)},
                "exact": True,
                "requires": ("LOOKAHEAD_UPDATE-2",),
            },
            "start-special": {
                **_one_call(),
                "inputs": {**_SPECIAL, **state_inputs(("slow",), 0)},
                "exact": True,
                "requires": ("LOOKAHEAD_UPDATE-2",),
            },
            "default": {
                **_one_call(),
                "inputs": {**_PARAMS, **state_inputs(("slow",), 5)},
                "requires": ("LOOKAHEAD_UPDATE-1",),
            },
            "alpha": {
                **_one_call(alpha=0.3, sync_period=4),
                "inputs": {**_PARAMS, **state_inputs(("slow",), 7)},
                "requires": ("LOOKAHEAD_UPDATE-1",),
            },
            "several": {
                **_calls(7, alpha=0.8, sync_period=3),
                "inputs": {**_PARAMS, **_LATEST},
                "requires": ("LOOKAHEAD_UPDATE-1",),
            },
            "every": {
                **_calls(2, alpha=1.0, sync_period=1),
                "inputs": {**_PARAMS, **_LATEST},
                "requires": ("LOOKAHEAD_UPDATE-1",),
                "level": "full",
            },
        },
        checks=STEP,
    ),
    *cases(
        "lookahead_update",
        {"trajectory": {"program": _around_descent, "requires": ("LOOKAHEAD_UPDATE-1",)}},
        inputs=RUN,
        checks=("trajectory",),
    ),
]

# -- averages of parameters ----------------------------------------------------------------------------------


def _one_average(**options: Any) -> dict[str, Any]:
    """One update from a state given as inputs."""

    def program(backend: Any, w: Any, b: Any, step: Any, average_w: Any, average_b: Any) -> Any:
        state = {"step": step, "average": {"w": average_w, "b": average_b}}
        return backend.ema_update(state, {"w": w, "b": b}, **options)

    return {"program": program, "options": options}


def _standing_still(backend: Any, w: Any, b: Any) -> Any:
    params = {"w": w, "b": b}
    state = backend.ema_init(params)
    for _ in range(3):
        state = backend.ema_update(state, params, decay=0.99)
    return state["average"]


def _averages(**options: Any) -> dict[str, Any]:
    """Of parameters that are given one after the other."""

    def program(backend: Any, w: Any, b: Any, gw: Any, gb: Any) -> Any:
        state = backend.ema_init({"w": w, "b": b})
        update = backend.compile(lambda state, params: backend.ema_update(state, params, **options))
        for t in range(gw.shape[0]):
            state = update(state, {"w": gw[t, ...], "b": gb[t, ...]})
        return state

    return {"program": program, "options": options}


_RUN = {name: x for name, x in RUN.items() if name != "lr"}
_FOLLOWED = {**_PARAMS, **state_inputs(("average",), 41)}

_EMA = [
    *init_cases("ema_init", {"copy": {}}),
    _own_buffers("ema_init", "average"),
    *cases(
        "ema_update",
        {
            "counter": {
                "program": lambda backend, w, b, **state: _one_average()["program"](backend, w, b, **state)["step"],
                "inputs": _FOLLOWED,
                "requires": ("EMA_UPDATE-4",),
            },
            "decay": {
                **_one_average(decay=0.3),
                "inputs": _FOLLOWED,
                "requires": ("EMA_UPDATE-1",),
            },
            # correcting the start, or warming the decay up, would show
            "first": {
                **_one_average(decay=0.9),
                "inputs": {**_PARAMS, **state_inputs(("average",), 0)},
                "requires": ("EMA_UPDATE-1",),
            },
            "default": {
                **_one_average(),
                "inputs": _FOLLOWED,
                "requires": ("EMA_UPDATE-1",),
            },
            "still-special": {
                "program": _standing_still,
                "inputs": {**_PARAMS, "b": values([1 / 3, -0.7])},
                "exact": True,
                "requires": ("EMA_UPDATE-2",),
            },
            "mask": {
                **_one_average(decay=0.3, averaged=_MASK),
                "inputs": _FOLLOWED,
                "requires": ("EMA_UPDATE-3",),
            },
            "copied-special": {
                **_one_average(averaged={"w": False, "b": False}),
                "inputs": {**_FOLLOWED, **_SPECIAL},
                "exact": True,
                "requires": ("EMA_UPDATE-3",),
            },
            "no-memory": {
                **_one_average(decay=0.0),
                "inputs": _FOLLOWED,
                "requires": ("EMA_UPDATE-1",),
                "level": "full",
            },
        },
        checks=STEP,
    ),
    *cases(
        "ema_update",
        {
            "trajectory": {**_averages(decay=0.9, averaged=_MASK), "requires": ("EMA_UPDATE-1", "EMA_UPDATE-3")},
            "trajectory-default": {**_averages(), "requires": ("EMA_UPDATE-1",), "level": "full"},
        },
        inputs=_RUN,
        checks=("trajectory",),
    ),
]

# -- accumulation ------------------------------------------------------------------------------------------


def _accumulated(*counts: float, mean: bool = False) -> dict[str, Any]:
    """Batches of gradients with these counts."""

    def program(backend: Any, gw: Any, gb: Any) -> Any:
        state = backend.accumulation_init({"w": gw[0, ...], "b": gb[0, ...]})
        for t, count in enumerate(counts):
            state = backend.accumulation_update(state, {"w": gw[t, ...], "b": gb[t, ...]}, count=count)
        return backend.accumulation_mean(state) if mean else state

    return {"program": program, "options": {"counts": counts, "mean": mean}}


def _counted(backend: Any, gw: Any, gb: Any, total_w: Any, total_b: Any, before: Any, count: Any) -> Any:
    """One batch more, the count being an array."""
    state = {"count": before, "total": {"w": total_w, "b": total_b}}
    return backend.accumulation_update(state, {"w": gw, "b": gb}, count=count)


def _mean_of(backend: Any, total_w: Any, total_b: Any, before: Any) -> Any:
    return backend.accumulation_mean({"count": before, "total": {"w": total_w, "b": total_b}})


def _init_judge(backend: Backend, dtype: str, seed: int) -> str | None:
    del seed
    count = backend.accumulation_init({"w": backend.asarray([1.0], dtype=dtype)})["count"]
    if not backend.is_floating(count) or tuple(count.shape) != () or backend.to_numpy(count) != 0:
        return f"count: expected a floating array of rank 0 that is 0, got {count!r}"
    return None


_BATCHES = {"gw": normal(3, 2, 3), "gb": normal(3, 4, mean=1e3)}
_BEFORE = {"total_w": normal(2, 3, std=30.0), "total_b": normal(2), "before": values(7.0)}
_BATCH = {"gw": normal(2, 3), "gb": normal(2)}
_NOTHING = {"gw": values([[NAN, INF, 1.0]] * 2), "gb": values([-INF, 0.5])}

_ACCUMULATION = [
    *cases(
        "accumulation_init",
        {
            "zeros": {
                "program": lambda backend, w, b: backend.accumulation_init({"w": [w], "b": b}),
                "inputs": _SPECIAL,
                "checks": STEP,
            },
            "count": {"checks": ("statistics",), "judge": _init_judge},
        },
        requires=("ACCUMULATION_INIT-1",),
    ),
    *cases(
        "accumulation_update",
        {
            "numbers": {
                **_accumulated(3, 0.25, 17),
                "inputs": _BATCHES,
                "requires": ("ACCUMULATION_UPDATE-1",),
            },
            "integer-array": {
                "program": _counted,
                "inputs": {**_BATCH, **_BEFORE, "count": constant(5, "int32")},
                "requires": ("ACCUMULATION_UPDATE-1",),
            },
            "floating-array": {
                "program": _counted,
                "inputs": {**_BATCH, **_BEFORE, "count": values(0.3)},
                "requires": ("ACCUMULATION_UPDATE-1",),
            },
            "empty-special": {
                "program": _counted,
                "inputs": {**_NOTHING, **_BEFORE, "count": constant(0, "int32")},
                "exact": True,
                "requires": ("ACCUMULATION_UPDATE-2",),
            },
            "none-special": {
                **_accumulated(2, 0),
                "inputs": {"gw": values([[[1.5, -2.0]], [[NAN, INF]]]), "gb": values([[0.25], [NAN]])},
                "exact": True,
                "requires": ("ACCUMULATION_UPDATE-2",),
            },
        },
        checks=STEP,
    ),
    *cases(
        "accumulation_mean",
        {
            "batches": {
                **_accumulated(3, 0.25, 17, mean=True),
                "inputs": _BATCHES,
                "requires": ("ACCUMULATION_MEAN-1",),
            },
            "mean": {
                "program": _mean_of,
                "inputs": _BEFORE,
                "requires": ("ACCUMULATION_MEAN-1",),
            },
            "nothing-special": {
                **_accumulated(0.0, 0, mean=True),
                "inputs": {"gw": normal(2, 2, 3), "gb": values([[NAN], [1.0]])},
                "exact": True,
                "requires": ("ACCUMULATION_MEAN-2",),
            },
        },
        checks=STEP,
    ),
]

# -- errors ------------------------------------------------------------------------------------------------


def _lookahead(backend: Any, p: Any, change: Callable[[Any], Any] = lambda s: s, **options: Any) -> Any:
    return backend.lookahead_update(p, change(backend.lookahead_init(p)), **options)


def _ema(backend: Any, p: Any, change: Callable[[Any], Any] = lambda s: s, **options: Any) -> Any:
    return backend.ema_update(change(backend.ema_init(p)), p, **options)


def _state_errors(
    operation: str, call: Callable[..., Any], entry: str, options: tuple[tuple[str, Any, str], ...]
) -> list[Case]:
    """Options out of their ranges, and states of something else."""
    shared: dict[str, tuple[type[Any], str, Callable[..., Any], dict[str, Source]]] = {
        "state-entries": (
            ArgumentError,
            f"state: expected the entries step, {entry}, as _init makes them",
            lambda backend, w: call(backend, {"w": w}, lambda state: {**state, "more": w}),
            {},
        ),
        "state-step": (
            DTypeError,
            "state['step']: expected an integer array",
            lambda backend, w: call(backend, {"w": w}, lambda state: {**state, "step": w}),
            {},
        ),
        "state-shape": (
            ShapeError,
            f"state['{entry}']['w']: expected shape (3,) (that of params['w']), got (2,)",
            lambda backend, w, v: call(backend, {"w": w}, lambda state: {**state, entry: {"w": v}}),
            {"v": normal(2)},
        ),
        "params": (
            DTypeError,
            "params['w']: expected a floating array",
            lambda backend, w, n: call(backend, {"w": n}),
            {"n": integers(3, high=4)},
        ),
    }
    return [
        *(
            error_case(
                operation,
                name,
                (f"{operation.upper()}-1",),
                program,
                error,
                words,
                inputs={"w": normal(3), **inputs},
            )
            for name, (error, words, program, inputs) in shared.items()
        ),
        *(
            error_case(
                operation,
                f"{name}-{value}",
                (f"{operation.upper()}-1",),
                lambda backend, w, name=name, value=value: call(backend, {"w": w}, **{name: value}),
                ArgumentError,
                f"{name}: expected {words}",
                inputs={"w": normal(3)},
            )
            for name, value, words in options
        ),
    ]


def _accumulation_error(name: str, error: type[Any], words: str, program: Any, **inputs: Source) -> Case:
    return error_case(
        "accumulation_update",
        name,
        ("ACCUMULATION_UPDATE-1",),
        lambda backend, w, **more: program(backend, w, backend.accumulation_init({"w": w}), **more),
        error,
        words,
        inputs={"w": normal(3), **inputs},
    )


_ERRORS = [
    *_state_errors(
        "lookahead_update",
        _lookahead,
        "slow",
        (
            ("alpha", 0.0, "a finite number > 0 and <= 1, got 0.0"),
            ("alpha", 1.5, "a finite number > 0 and <= 1, got 1.5"),
            ("sync_period", 0, "an integer >= 1, got 0"),
            ("sync_period", 2.0, "an integer >= 1, got 2.0"),
        ),
    ),
    *_state_errors(
        "ema_update",
        _ema,
        "average",
        (
            ("decay", 1.0, "a finite number >= 0 and < 1, got 1.0"),
            ("decay", NAN, "a finite number >= 0 and < 1, got nan"),
            ("averaged", {"v": True}, "the structure of params"),
            ("averaged", {"w": 1}, "True or False, got 1"),
        ),
    ),
    _accumulation_error(
        "negative",
        ArgumentError,
        "count: expected a finite number >= 0, got -1",
        lambda backend, w, state: backend.accumulation_update(state, {"w": w}, count=-1),
    ),
    _accumulation_error(
        "vector",
        ShapeError,
        "count: expected shape (), got (3,)",
        lambda backend, w, state, n: backend.accumulation_update(state, {"w": w}, count=n),
        n=integers(3, high=4),
    ),
    _accumulation_error(
        "structure",
        ArgumentError,
        "grads: expected the structure of state['total']",
        lambda backend, w, state: backend.accumulation_update(state, {"v": w}, count=1),
    ),
    _accumulation_error(
        "state",
        ArgumentError,
        "state: expected the entries count, total, got count",
        lambda backend, w, state: backend.accumulation_update({"count": state["count"]}, {"w": w}, count=1),
    ),
    error_case(
        "accumulation_init",
        "nothing",
        ("ACCUMULATION_INIT-1",),
        lambda backend: backend.accumulation_init({}),
        ArgumentError,
        "grads: expected a pytree of at least one array, got {}",
    ),
    error_case(
        "accumulation_mean",
        "count",
        ("ACCUMULATION_MEAN-1",),
        lambda backend, w, n: backend.accumulation_mean({"count": n, "total": {"w": w}}),
        DTypeError,
        "state['count']: expected a floating array",
        inputs={"w": normal(3), "n": constant(2, "int32")},
    ),
]

CASES = [*_LOOKAHEAD, *_EMA, *_ACCUMULATION, *_ERRORS]
