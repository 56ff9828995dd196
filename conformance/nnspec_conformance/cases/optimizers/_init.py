"""Inputs for the starts of optimizers."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec import Backend
from nnspec.errors import ArgumentError, DTypeError
from nnspec_conformance.case import Case, Source, error_case, integers, normal, only_calls, values
from nnspec_conformance.cases.optimizers._steps import INF, NAN, STEP

__all__ = ["CASES", "init_cases"]

_SPECIAL = values([NAN, 0.0, -INF])


def _start_judge(operation: str, **options: Any) -> Any:
    """The counter's kind, which no other check looks at."""

    def judge(backend: Backend, dtype: str, seed: int) -> str | None:
        del seed
        state = getattr(backend, operation)({"w": backend.asarray([[1.0]], dtype=dtype)}, **options)
        step = state["step"]
        host = backend.to_numpy(step)
        if not backend.is_integer(step) or tuple(step.shape) != () or host.dtype != np.int32 or host != 0:
            return f"step: expected an int32 array of rank 0 that is 0, got {host.dtype} {tuple(step.shape)} {host}"
        return None

    return judge


def _product_judge(backend: Backend, dtype: str, seed: int) -> str | None:
    """The dtype of NAdam's product beside parameters of two dtypes."""
    del seed
    params = [backend.asarray([1.0], dtype="float32"), backend.asarray([1.0], dtype=dtype)]
    product = backend.to_numpy(backend.nadam_init(params)["mu_product"])
    if product.dtype != np.dtype(dtype) or product.shape != ():
        return f"mu_product: expected rank 0 in {dtype}, got {product.dtype} {product.shape}"
    return None


def init_cases(operation: str, variants: dict[str, dict[str, Any]], b: Source = _SPECIAL) -> list[Case]:
    """A start with every variant of its options, `b` being one of the parameters; and bad parameters."""
    requires = (f"{operation.upper()}-1",)

    def program(options: dict[str, Any]) -> Any:
        return only_calls(lambda backend, w, b: getattr(backend, operation)({"w": [w], "b": b}, **options))

    return [
        *(
            Case(
                operation=operation,
                name=name,
                requires=requires,
                inputs={"w": normal(3, 2), "b": b},
                program=program(options),
                checks=STEP,
                level="quick",
            )
            for name, options in variants.items()
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
            for _ in range(operation in ("sgd_init", "rmsprop_init"))
        ),
    ]


_INIT = [
    *init_cases("sgd_init", {"momentum": {"momentum": 0.9}, "plain": {}}),
    *init_cases(
        "rmsprop_init",
        {
            "all": {"momentum": 0.9, "centered": True},
            "plain": {},
            "centered": {"centered": True},
            "momentum": {"momentum": 0.5},
        },
    ),
    *init_cases("adam_init", {"moments": {}}),
    *init_cases("adamw_init", {"moments": {}}),
    *init_cases("adagrad_init", {"plain": {}, "accumulator": {"initial_accumulator": 0.1}}),
    *init_cases("adadelta_init", {"moments": {}}),
    *init_cases("rprop_init", {"plain": {}, "larger": {"initial_step": 0.3}}),
    *init_cases("adamax_init", {"moments": {}}),
    *init_cases("nadam_init", {"moments": {}}),
    *init_cases("radam_init", {"moments": {}}),
    *init_cases("amsgrad_init", {"moments": {}}),
    *(
        error_case(
            f"{optimizer}_init",
            name,
            (f"{optimizer.upper()}_INIT-1",),
            lambda backend, w, optimizer=optimizer, name=name, value=value: getattr(backend, f"{optimizer}_init")(
                w, **{name: value}
            ),
            ArgumentError,
            words,
            inputs={"w": normal(3)},
        )
        for optimizer, name, value, words in (
            ("adagrad", "initial_accumulator", -0.1, "initial_accumulator: expected a finite number >= 0, got -0.1"),
            ("rprop", "initial_step", 0.0, "initial_step: expected a finite number > 0, got 0.0"),
        )
    ),
    Case(
        operation="nadam_init",
        name="product",
        requires=("NADAM_INIT-1",),
        checks=("statistics",),
        judge=_product_judge,
    ),
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

CASES = _INIT
