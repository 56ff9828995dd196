"""Errors that all updates share."""

from __future__ import annotations

from typing import Any

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, Source, constant, error_case, integers, normal
from nnspec_conformance.cases.optimizers._steps import NAN

__all__ = ["DECAYS", "mask_errors", "update_errors"]

DECAYS = (("l2", -1.0, " >= 0"), ("weight_decay", NAN, " >= 0"))


def update_errors(
    optimizer: str, hyper: tuple[tuple[str, float, str], ...], *, shape: tuple[int, ...] = (3,), lr: bool = True
) -> list[Case]:
    """Bad trees, a bad state, and every hyper-parameter out of its range; `shape` is that of the parameters."""
    operation = f"{optimizer}_update"
    requires = (f"{operation.upper()}-1",)

    def call(backend: Any, w: Any, g: Any, change: Any = lambda state: state, **options: Any) -> Any:
        params = {"w": w}
        state = change(getattr(backend, f"{optimizer}_init")(params))
        return getattr(backend, operation)(params, g if isinstance(g, dict) else {"w": g}, state, **options)

    pair = {"w": normal(*shape), "g": normal(*shape)}
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
        for name, value, range_ in (*((("lr", NAN, " >= 0"), ("lr", -0.1, " >= 0")) if lr else ()), *hyper)
    ]
    shared: tuple[tuple[str, type[Any], str, dict[str, Source], Any], ...] = (
        (
            "grads-shape",
            ShapeError,
            f"grads['w']: expected shape {shape} (that of params['w']), got {(*shape, 1)}",
            {"g": normal(*shape, 1)},
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
            f"lr: expected shape (), got {shape}",
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
        if lr or not name.startswith("lr-")
    ]
    return found


def mask_errors(optimizer: str, requirement: str, shape: tuple[int, ...] = (3,)) -> list[Case]:
    """Masks that do not fit the parameters, or hold no bools."""

    def call(backend: Any, w: Any, mask: Any) -> Any:
        state = getattr(backend, f"{optimizer}_init")({"w": w})
        return getattr(backend, f"{optimizer}_update")({"w": w}, {"w": w}, state, decay_mask=mask)

    return [
        error_case(
            f"{optimizer}_update",
            f"mask-{name}",
            (requirement,),
            lambda backend, w, mask=mask: call(backend, w, mask),
            ArgumentError,
            words,
            inputs={"w": normal(*shape)},
        )
        for name, mask, words in (
            ("structure", {"v": True}, "decay_mask: expected the structure of params"),
            ("values", {"w": 1.0}, "decay_mask: expected True or False, got 1.0"),
        )
    ]
