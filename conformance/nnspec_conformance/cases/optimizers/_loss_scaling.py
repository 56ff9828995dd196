"""Inputs for loss scaling."""

from __future__ import annotations

from typing import Any

from nnspec import Backend
from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, Source, cases, constant, error_case, integers, normal, only_calls, values
from nnspec_conformance.cases.optimizers._steps import INF, NAN, STEP

__all__ = ["CASES"]


def _call(**options: Any) -> dict[str, Any]:
    @only_calls
    def program(backend: Any, a: Any, b: Any, scale: Any, count: Any) -> Any:
        grads, state = {"layer": [a], "b": b}, {"scale": scale, "count": count}
        return backend.loss_scaling_update(grads, state, **options)

    return {"program": program, "options": options}


def _next(**options: Any) -> dict[str, Any]:
    """The new state alone."""
    one = _call(**options)["program"]

    @only_calls
    def program(backend: Any, **arrays: Any) -> Any:
        return one(backend, **arrays)[1:]

    return {"program": program, "options": options}


@only_calls
def _run(backend: Any, g: Any, scale: Any, count: Any) -> Any:
    """Many steps: finite ones, and some that are not."""
    state = {"scale": scale, "count": count}
    update = backend.compile(lambda g, state: backend.loss_scaling_update([g], state, growth_interval=3, min_scale=0.5))
    found = []
    for t in range(g.shape[0]):
        unscaled, finite, state = update(g[t, ...], state)
        found.append([unscaled, finite, state])
    return found


def _stays_finite(backend: Backend, dtype: str, seed: int) -> str | None:
    """The reference, whose range is wider, would go on."""
    state = backend.loss_scaling_init(initial_scale=2.0 ** (1023 if backend.dtype == "float64" else 127))
    grads = [backend.asarray([1.0])]
    for _ in range(2):
        state = backend.loss_scaling_update(grads, state, growth_interval=1)[2]
    scale = float(backend.to_numpy(state["scale"]))
    return None if scale < INF else f"scale: expected it to stay finite, got {scale}"


def _state(scale: float = 1024.0, count: int = 4) -> dict[str, Source]:
    return {"scale": values(scale), "count": constant(count, "int32")}


_GRADS = {"a": normal(3, 2, std=30.0), "b": values([0.0, -2.5, 1e-7, -6e-8])}
_ORDINARY = values([1.0, -2.0])


def _steps(*last: float) -> Source:
    return values([[1.0, x] for x in last])


CASES = [
    *cases(
        "loss_scaling_init",
        {"default": {}, "scale": {"options": {"initial_scale": 7.0}}},
        requires=("LOSS_SCALING_INIT-1",),
        checks=("values", "shapes", "compiled", "repeat"),
    ),
    *cases(
        "loss_scaling_update",
        {
            "unscaled": {
                **_call(),
                "inputs": {**_GRADS, **_state()},
                "requires": ("LOSS_SCALING_UPDATE-1", "LOSS_SCALING_UPDATE-4"),
            },
            # no power of two: a reciprocal that is rounded first would show in float64 and in the limit's use
            "odd-scale": {
                **_call(),
                "inputs": {**_GRADS, **_state(1234.5)},
                "requires": ("LOSS_SCALING_UPDATE-1",),
            },
            # by the scale that the loss was multiplied by, not by the next one
            "unscaled-growing": {
                **_call(growth_interval=1),
                "inputs": {**_GRADS, **_state()},
                "requires": ("LOSS_SCALING_UPDATE-1", "LOSS_SCALING_UPDATE-4"),
            },
            "tiny": {
                **_call(),
                "inputs": {"a": values([[6e-8, -1.2e-7]]), "b": values([1e-6]), **_state(32768.0)},
                "requires": ("LOSS_SCALING_UPDATE-1",),
            },
            **{
                f"not-finite-{name}-special": {
                    **_next(),
                    "inputs": {"a": values([[1.0, a]]), "b": values([b, 2.0]), **_state()},
                    "requires": ("LOSS_SCALING_UPDATE-2", "LOSS_SCALING_UPDATE-3"),
                }
                for name, a, b in (("inf", INF, 1.0), ("minus-inf", 1.0, -INF), ("nan", 1.0, NAN))
            },
            "backoff": {
                **_next(backoff_factor=0.3),
                "inputs": {"a": values([[INF]]), "b": _ORDINARY, **_state()},
                "requires": ("LOSS_SCALING_UPDATE-3",),
            },
            "least-special": {
                **_next(min_scale=600.0),
                "inputs": {"a": values([[INF]]), "b": _ORDINARY, **_state()},
                "exact": True,
                "requires": ("LOSS_SCALING_UPDATE-3",),
            },
            "below-the-least-special": {
                **_next(min_scale=4096.0),
                "inputs": {"a": values([[INF]]), "b": _ORDINARY, **_state()},
                "exact": True,
                "requires": ("LOSS_SCALING_UPDATE-3",),
            },
            "growth": {
                **_next(growth_interval=5, growth_factor=3.0),
                "inputs": {"a": values([[1.0]]), "b": _ORDINARY, **_state()},
                "requires": ("LOSS_SCALING_UPDATE-4",),
            },
            "no-growth-yet-special": {
                **_next(growth_interval=6, growth_factor=3.0),
                "inputs": {"a": values([[1.0]]), "b": _ORDINARY, **_state()},
                "exact": True,
                "requires": ("LOSS_SCALING_UPDATE-4",),
            },
            "no-growth-by-default-special": {
                **_next(),
                "inputs": {"a": values([[1.0]]), "b": _ORDINARY, **_state(count=1998)},
                "exact": True,
                "requires": ("LOSS_SCALING_UPDATE-4",),
            },
            "growth-by-default-special": {
                **_next(),
                "inputs": {"a": values([[1.0]]), "b": _ORDINARY, **_state(count=1999)},
                "exact": True,
                "requires": ("LOSS_SCALING_UPDATE-4",),
            },
        },
        checks=STEP,
    ),
    *cases(
        "loss_scaling_update",
        {
            "trajectory": {
                "program": _run,
                "inputs": {"g": _steps(1, 2, 3, INF, 1, 2, 3, 4, 5, 6, NAN, -INF, 7), **_state(8.0, 1)},
                "requires": ("LOSS_SCALING_UPDATE-4", "LOSS_SCALING_UPDATE-3"),
            },
        },
        checks=("trajectory",),
    ),
    Case(
        operation="loss_scaling_update",
        name="largest-scale",
        requires=("LOSS_SCALING_UPDATE-4",),
        checks=("statistics",),
        judge=_stays_finite,
    ),
    error_case(
        "loss_scaling_init",
        "scale",
        ("LOSS_SCALING_INIT-1",),
        lambda backend: backend.loss_scaling_init(initial_scale=0.0),
        ArgumentError,
        "initial_scale: expected a finite number > 0, got 0.0",
    ),
    *(
        error_case(
            "loss_scaling_update",
            f"{name}-{value}",
            (f"LOSS_SCALING_UPDATE-{number}",),
            lambda backend, w, name=name, value=value: backend.loss_scaling_update(
                {"w": w}, backend.loss_scaling_init(), **{name: value}
            ),
            ArgumentError,
            f"{name}: expected {words}, got {value!r}",
            inputs={"w": normal(3)},
        )
        for name, value, words, number in (
            ("growth_factor", 1.0, "a finite number > 1", 4),
            ("backoff_factor", 1.0, "a finite number > 0 and < 1", 3),
            ("backoff_factor", 0.0, "a finite number > 0 and < 1", 3),
            ("growth_interval", 0, "an integer >= 1", 4),
            ("min_scale", 0.0, "a finite number > 0", 3),
        )
    ),
    *(
        error_case(
            "loss_scaling_update",
            name,
            ("LOSS_SCALING_UPDATE-1",),
            program,
            error,
            words,
            inputs={"w": normal(3), "n": integers(3, high=4)},
        )
        for name, error, words, program in (
            (
                "integers",
                DTypeError,
                "grads['w']: expected a floating array",
                lambda backend, w, n: backend.loss_scaling_update({"w": n}, backend.loss_scaling_init()),
            ),
            (
                "nothing",
                ArgumentError,
                "grads: expected a pytree of at least one array",
                lambda backend, w, n: backend.loss_scaling_update({}, backend.loss_scaling_init()),
            ),
            (
                "entries",
                ArgumentError,
                "state: expected the entries scale, count, got scale",
                lambda backend, w, n: backend.loss_scaling_update({"w": w}, {"scale": w}),
            ),
            (
                "vector",
                ShapeError,
                "state['scale']: expected shape (), got (3,)",
                lambda backend, w, n: backend.loss_scaling_update({"w": w}, {"scale": w, "count": n}),
            ),
            (
                "count",
                DTypeError,
                "state['count']: expected an integer array",
                lambda backend, w, n: backend.loss_scaling_update(
                    {"w": w}, {**backend.loss_scaling_init(), "count": w}
                ),
            ),
        )
    ),
]
