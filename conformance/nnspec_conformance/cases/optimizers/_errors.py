"""Errors that all updates share."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, Source, constant, error_case, integers, normal
from nnspec_conformance.cases.optimizers._steps import NAN

__all__ = ["DECAYS", "update_errors"]

DECAYS = (("l2", -1.0, " >= 0"), ("weight_decay", NAN, " >= 0"))


def update_errors(optimizer: str, hyper: tuple[tuple[str, float, str], ...]) -> list[Case]:
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
        for name, value, range_ in (("lr", NAN, " >= 0"), ("lr", -0.1, " >= 0"), *hyper)
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
