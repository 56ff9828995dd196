"""Inputs for penalties and constraints."""

from __future__ import annotations

import math
from typing import Any

from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec_conformance.case import Case, cases, error_case, integers, normal, only_calls, values

__all__ = ["CASES"]

_INF, _NAN = math.inf, math.nan
#: zeros of both signs beside numbers of both signs
_ZEROS = {"weight": values([[0.0, -1.5, 2.0], [-0.0, 0.25, -1e-30]]), "bias": values([0.0, 3.0])}
_FORWARD = ("values", "shapes", "compiled", "purity", "repeat")
_PENALTIES = ("l1_penalty", "l2_penalty", "elastic_net_penalty")


def _penalty(operation: str, **options: Any) -> dict[str, Any]:
    """The program, and for its digest the options that it closes over."""

    @only_calls
    def program(backend: Any, weight: Any, bias: Any) -> Any:
        return getattr(backend, operation)({"layer": [weight], "bias": bias}, **options)

    return {"program": program, "options": options}


def _only(*, weight: bool, bias: bool) -> Any:
    return {"layer": [weight], "bias": bias}


def _penalty_cases(operation: str, value: str, derivative: str, **options: float) -> list[Case]:
    return cases(
        operation,
        {
            "tree": {
                "inputs": {"weight": normal(3, 2, 5), "bias": normal(7, std=30.0)},
                "checks": _FORWARD,
                "requires": (value,),
            },
            "derivative": {
                "inputs": {"weight": normal(3, 2), "bias": normal(7, std=30.0)},
                "requires": (derivative, value),
            },
            "kink": {"inputs": _ZEROS, "requires": (derivative,)},
            "odd": {
                "inputs": {"weight": normal(33, 17).laid_out("transposed"), "bias": normal(1025, mean=1e2)},
                "requires": (value,),
                "level": "full",
            },
            "small": {
                "inputs": {"weight": normal(3, 2, std=1e-8), "bias": normal(3, std=1e-6)},
                "requires": (value,),
                "level": "full",
            },
            "scalar-and-empty": {
                "inputs": {"weight": normal(), "bias": normal(0)},
                "requires": (value,),
                "level": "full",
            },
        },
        **_penalty(operation, **options),
    )


_CASES = [
    *_penalty_cases("l1_penalty", "L1_PENALTY-1", "L1_PENALTY-2", l1=0.3),
    *_penalty_cases("l2_penalty", "L2_PENALTY-1", "L2_PENALTY-2", l2=0.3),
    *_penalty_cases("elastic_net_penalty", "ELASTIC_NET_PENALTY-1", "ELASTIC_NET_PENALTY-2", l1=0.7, l2=0.03),
    *(
        Case(
            operation=operation,
            name=name,
            requires=(f"{operation.upper()}-1",),
            inputs={"weight": normal(3, 4), "bias": normal(4)},
            **_penalty(operation, **options),
            level="quick" if name == "default" else "full",
        )
        for operation, name, options in (
            ("l1_penalty", "default", {}),
            ("l2_penalty", "default", {}),
            ("elastic_net_penalty", "default", {}),
            ("l1_penalty", "zero", {"l1": 0.0}),
            ("l2_penalty", "zero", {"l2": 0.0}),
            ("elastic_net_penalty", "l1-only", {"l2": 0.0}),
            ("elastic_net_penalty", "l2-only", {"l1": 0.0}),
        )
    ),
]

_MASKS = [
    Case(
        operation=operation,
        name=name,
        requires=(f"{operation.upper()}-3",),
        inputs={"weight": normal(3, 2), "bias": normal(7, std=30.0)},
        **_penalty(operation, mask=mask),
        level="full" if name in ("mask-first", "mask-everything") else "quick",
    )
    for operation in _PENALTIES
    for name, mask in (
        ("mask", _only(weight=True, bias=False)),
        ("mask-first", _only(weight=False, bias=True)),
        ("mask-everything", _only(weight=True, bias=True)),
        ("mask-nothing", _only(weight=False, bias=False)),
    )
] + [
    Case(
        operation=operation,
        name="mask-special",
        requires=(f"{operation.upper()}-3",),
        inputs={"weight": normal(3, 2), "bias": values([_NAN, _INF, 1.0])},
        **_penalty(operation, mask=_only(weight=True, bias=False)),
        plain_only=True,
    )
    for operation in _PENALTIES
]

_PENALTY_ERRORS = [
    error_case(operation, name, (f"{operation.upper()}-1",), program, error, words, inputs=inputs)
    for operation in _PENALTIES
    for name, program, error, words, inputs in (
        (
            "nothing",
            lambda backend, operation=operation: getattr(backend, operation)({}),
            ArgumentError,
            "params: expected a pytree of at least one array, got {}",
            {},
        ),
        (
            "integers",
            lambda backend, n, operation=operation: getattr(backend, operation)({"a": [n]}),
            DTypeError,
            "params['a'][0]: expected a floating array",
            {"n": integers(3, high=4)},
        ),
        (
            "strength",
            lambda backend, w, operation=operation: getattr(backend, operation)(
                [w], **{"l2" if operation.startswith("l2") else "l1": _NAN}
            ),
            ArgumentError,
            f"{'l2' if operation.startswith('l2') else 'l1'}: expected a finite number >= 0, got nan",
            {"w": normal(3)},
        ),
        (
            "mask-structure",
            lambda backend, w, operation=operation: getattr(backend, operation)([w], mask=(True,)),
            ArgumentError,
            "mask: expected the structure of params, PyTreeSpec([*]), got PyTreeSpec((*,))",
            {"w": normal(3)},
        ),
        (
            "mask-values",
            lambda backend, w, operation=operation: getattr(backend, operation)([w], mask=[0.0]),
            ArgumentError,
            "mask: expected True or False, got 0.0",
            {"w": normal(3)},
        ),
    )
] + [
    error_case(
        "elastic_net_penalty",
        "negative",
        ("ELASTIC_NET_PENALTY-1",),
        lambda backend, w: backend.elastic_net_penalty([w], l2=-1.0),
        ArgumentError,
        "l2: expected a finite number >= 0, got -1.0",
        inputs={"w": normal(3)},
    )
]

#: units of norm 13, 5, 1 and 0; the limit is 5: above it, exactly at it, below it, and zeros
_UNITS = values([[12.0, -5.0], [-3.0, 4.0], [0.6, 0.8], [0.0, -0.0]])
#: at most the limit, rows and columns alike; no rounding shows
_WITHIN = values([[-3.0, 4.0], [0.1, 0.7], [0.0, -0.0], [1e-30, 0.0], [2.0, 0.3]])
_LIMIT = {"max_norm": 5.0}
_CLIP = {"max_norm": 0.5, "order": _INF}

_CONSTRAINT = [
    *cases(
        "max_norm_constraint",
        {
            "within-special": {
                "inputs": {"weight": _WITHIN},
                "options": _LIMIT,
                "exact": True,
                "checks": _FORWARD,
                "requires": ("MAX_NORM_CONSTRAINT-2",),
            },
            "rows": {
                "inputs": {"weight": normal(5, 3)},
                "options": {"max_norm": 1.25},
                "requires": ("MAX_NORM_CONSTRAINT-1",),
            },
            "kernel": {
                "inputs": {"weight": normal(4, 3, 2, 2)},
                "options": {"max_norm": 3.0},
                "requires": ("MAX_NORM_CONSTRAINT-1",),
            },
            "infinity": {
                "inputs": {"weight": normal(5, 3)},
                "options": _CLIP,
                "exact": True,
                "requires": ("MAX_NORM_CONSTRAINT-3",),
            },
            # exactly at the limit, and one rounding of float32 to either side of it
            "infinity-kink": {
                "inputs": {
                    "weight": values(
                        [[0.5, -0.5, 0.0], [0.50000006, -0.50000006, 0.49999997], [-0.49999997, 2.0, -0.0]]
                    )
                },
                "options": _CLIP,
                "exact": True,
                "requires": ("MAX_NORM_CONSTRAINT-4", "MAX_NORM_CONSTRAINT-3"),
            },
            "zeros-kink": {
                "inputs": {"weight": values([[0.0, 0.0, 0.0], [0.0, -0.0, 0.0]])},
                "options": _LIMIT,
                "exact": True,
                "requires": ("MAX_NORM_CONSTRAINT-4",),
            },
        },
    ),
    *cases(
        "max_norm_constraint",
        {
            "limit-kink": {
                "inputs": {"weight": _UNITS},
                "options": _LIMIT,
                "checks": _FORWARD,
                "requires": ("MAX_NORM_CONSTRAINT-1", "MAX_NORM_CONSTRAINT-2"),
            },
            "vector": {
                "inputs": {"weight": normal(7, std=3.0)},
                "requires": ("MAX_NORM_CONSTRAINT-1",),
            },
            "one-input": {
                "inputs": {"weight": normal(7, 1, std=3.0)},
                "options": {"max_norm": 1.0},
                "requires": ("MAX_NORM_CONSTRAINT-1",),
            },
            "strided": {
                "inputs": {"weight": normal(17, 33).laid_out("strided")},
                "requires": ("MAX_NORM_CONSTRAINT-1",),
            },
            "transposed": {
                "inputs": {"weight": normal(5, 9).laid_out("transposed")},
                "requires": ("MAX_NORM_CONSTRAINT-1",),
            },
            "small": {
                "inputs": {"weight": normal(5, 3, std=1e-6)},
                "options": {"max_norm": 1e-6},
                "requires": ("MAX_NORM_CONSTRAINT-1",),
            },
            "infinity-default": {
                "inputs": {"weight": normal(5, 3, 2, std=3.0)},
                "options": {"order": _INF},
                "exact": True,
                "requires": ("MAX_NORM_CONSTRAINT-3",),
                "level": "quick",
            },
        },
        level="full",
    ),
    *(
        error_case(
            "max_norm_constraint",
            name,
            (f"MAX_NORM_CONSTRAINT-{requirement}",),
            lambda backend, weight, options=options: backend.max_norm_constraint(weight, **options),
            error,
            words,
            inputs={"weight": weight},
        )
        for name, requirement, weight, options, error, words in (
            (
                "limit",
                1,
                normal(2, 3),
                {"max_norm": 0.0},
                ArgumentError,
                "max_norm: expected a finite number > 0, got 0.0",
            ),
            (
                "limit-nan",
                1,
                normal(2, 3),
                {"max_norm": _NAN},
                ArgumentError,
                "max_norm: expected a finite number > 0, got nan",
            ),
            ("order", 3, normal(2, 3), {"order": 1}, ArgumentError, "order: expected one of 2, inf, got 1"),
            ("rank", 1, normal(), {}, ShapeError, "weight: expected at least 1 axes, got shape ()"),
            ("integers", 1, integers(3, high=4), {}, DTypeError, "weight: expected a floating array"),
        )
    ),
]

#: orthogonal units, one of them zeros; their products and all sums are exact
_ORTHOGONAL_UNITS = values([[2.0, 0.0, 0.0, 0.0], [0.0, 3.0, 4.0, 0.0], [0.0, 4.0, -3.0, 0.0], [0.0, 0.0, -0.0, 0.0]])

_ORTHOGONAL = [
    *cases(
        "orthogonal_penalty",
        {
            "default": {"inputs": {"weight": normal(4, 3)}},
            "kernel": {"inputs": {"weight": normal(5, 2, 3, 2, mean=0.5)}, "options": {"strength": 0.3}},
            "orthogonal-special": {
                "inputs": {"weight": _ORTHOGONAL_UNITS},
                "options": {"strength": 3.0},
                "requires": ("ORTHOGONAL_PENALTY-2",),
            },
            "one-unit": {"inputs": {"weight": normal(1, 5)}, "requires": ("ORTHOGONAL_PENALTY-2",)},
            # nearly orthogonal: the norms are far larger than what is summed
            "nearly": {
                "inputs": {"weight": values([[1e3, 1e-2, 0.3], [2e-3, 1e3, 0.1]])},
                "requires": ("ORTHOGONAL_PENALTY-1", "ORTHOGONAL_PENALTY-2"),
            },
            "transposed": {"inputs": {"weight": normal(5, 9).laid_out("transposed")}, "level": "full"},
            "strided": {"inputs": {"weight": normal(17, 33).laid_out("strided")}, "level": "full"},
            "zero": {"inputs": {"weight": normal(4, 3)}, "options": {"strength": 0.0}, "level": "full"},
            "empty": {"inputs": {"weight": normal(0, 3)}, "level": "full"},
            "no-inputs": {"inputs": {"weight": normal(3, 0)}, "level": "full"},
        },
        requires=("ORTHOGONAL_PENALTY-1",),
    ),
]


def _orthogonal(*masks: bool) -> dict[str, Any]:
    """The penalty of both arrays, with a mask where one is given."""
    options: dict[str, Any] = {"strength": 0.3, **({"mask": list(masks)} if masks else {})}

    def program(backend: Any, first: Any, second: Any) -> Any:
        return backend.orthogonal_penalty([first, second], **options)

    return {"program": program, "options": options}


_ORTHOGONAL_TREES = [
    *(
        Case(
            operation="orthogonal_penalty",
            name=name,
            requires=("ORTHOGONAL_PENALTY-3",),
            inputs={"first": normal(4, 3), "second": second},
            **_orthogonal(*masks),
            level="full" if name == "mask-first" else "quick",
        )
        for name, second, masks in (
            ("tree", normal(2, 3), ()),
            ("mask", normal(4), (True, False)),
            ("mask-first", normal(2, 3), (False, True)),
            ("mask-nothing", normal(2, 3), (False, False)),
        )
    ),
    *(
        error_case(
            "orthogonal_penalty",
            name,
            ("ORTHOGONAL_PENALTY-3",),
            lambda backend, w, b, mask=mask: backend.orthogonal_penalty({"w": w, "b": b}, mask=mask),
            error,
            words,
            inputs={"w": normal(2, 3), "b": normal(2)},
        )
        for name, mask, error, words in (
            ("tree-rank", None, ShapeError, "weight['b']: expected at least 2 axes, got shape (2,); exempt"),
            ("mask-structure", {"w": True}, ArgumentError, "mask: expected the structure of weight"),
            ("mask-values", {"w": True, "b": 0}, ArgumentError, "mask: expected True or False, got 0"),
        )
    ),
]

_ACTIVITY = [
    *cases(
        "activity_penalty",
        {
            "default": {"inputs": {"x": normal(5, 7)}},
            "both": {"inputs": {"x": normal(3, 4, 2, std=30.0)}, "options": {"l1": 0.7, "l2": 0.03}},
            "squares": {
                "inputs": {"x": normal(3, 4, mean=1e2)},
                "options": {"l1": 0.0, "l2": 0.3},
                "level": "full",
            },
            "kink": {
                "inputs": {"x": values([[0.0, -1.5, 2.0], [-0.0, 0.25, -1e-30]])},
                "options": {"l1": 0.5, "l2": 0.25},
                "requires": ("ACTIVITY_PENALTY-2",),
            },
            "vector": {"inputs": {"x": normal(7)}, "level": "full"},
            "empty": {"inputs": {"x": normal(0, 3)}, "options": {"l2": 0.1}},
            "nothing": {"inputs": {"x": normal(3, 0)}, "level": "full"},
            "strided": {"inputs": {"x": normal(17, 33).laid_out("strided")}, "options": {"l2": 0.1}, "level": "full"},
            "transposed": {
                "inputs": {"x": normal(5, 9).laid_out("transposed")},
                "options": {"l2": 0.1},
                "level": "full",
            },
        },
        requires=("ACTIVITY_PENALTY-1",),
    ),
]

_MORE_CONSTRAINTS = [
    *cases(
        "unit_norm_constraint",
        {
            "rows": {"inputs": {"weight": normal(5, 3)}},
            "kernel": {"inputs": {"weight": normal(4, 3, 2, 2, mean=2.0)}},
            "zeros-kink": {
                "inputs": {"weight": values([[0.0, -0.0, 0.0], [3.0, 0.0, -4.0], [0.0, 0.0, 0.0]])},
                "requires": ("UNIT_NORM_CONSTRAINT-2", "UNIT_NORM_CONSTRAINT-1"),
            },
            # squares beyond the range of float32, and below of float64
            "range": {
                "inputs": {"weight": values([[3e25, -4e25], [3e-25, 4e-25], [1.0, 1e-30]])},
                "dtypes": ("float32",),
                "requires": ("UNIT_NORM_CONSTRAINT-3",),
                "checks": _FORWARD,
            },
            "range-double": {
                "inputs": {"weight": values([[3e200, -4e200], [3e-200, 4e-200], [1.0, 1e-230]])},
                "dtypes": ("float64",),
                "requires": ("UNIT_NORM_CONSTRAINT-3",),
                "checks": _FORWARD,
                "level": "full",
            },
            # two weights of the largest magnitude
            "tie": {
                "inputs": {"weight": values([[2.0, -2.0, 1.0], [0.5, 0.5, 0.5]])},
                "requires": ("UNIT_NORM_CONSTRAINT-1",),
            },
            "vector": {"inputs": {"weight": normal(7, std=3.0)}, "level": "full"},
            "strided": {"inputs": {"weight": normal(17, 33).laid_out("strided")}, "level": "full"},
            "transposed": {"inputs": {"weight": normal(5, 9).laid_out("transposed")}, "level": "full"},
            "empty": {"inputs": {"weight": normal(0, 3)}, "level": "full"},
            "no-inputs": {"inputs": {"weight": normal(3, 0)}, "level": "full"},
        },
        requires=("UNIT_NORM_CONSTRAINT-1",),
    ),
    *cases(
        "non_negative_constraint",
        {
            "matrix": {"inputs": {"weight": normal(5, 3)}},
            "kink": {
                "inputs": {"weight": values([[0.0, -0.0, 1e-30], [-1e-30, 2.0, -2.0]])},
                "requires": ("NON_NEGATIVE_CONSTRAINT-2", "NON_NEGATIVE_CONSTRAINT-1"),
            },
            "special": {"inputs": {"weight": values([_NAN, _INF, -_INF, -0.0, 1.0])}, "checks": _FORWARD},
            "scalar": {"inputs": {"weight": normal(mean=3.0)}, "level": "full"},
            "empty": {"inputs": {"weight": normal(0, 2)}, "level": "full"},
            "strided": {"inputs": {"weight": normal(3, 2, 5).laid_out("strided")}, "level": "full"},
        },
        requires=("NON_NEGATIVE_CONSTRAINT-1",),
    ),
]

_MORE_ERRORS = [
    error_case(
        operation,
        name,
        (f"{operation.upper()}-1",),
        lambda backend, x, operation=operation, options=options: getattr(backend, operation)(x, **options),
        error,
        words,
        inputs={"x": x},
    )
    for operation, name, x, options, error, words in (
        ("orthogonal_penalty", "integers", integers(2, 3, high=4), {}, DTypeError, "weight: expected a floating array"),
        ("orthogonal_penalty", "rank", normal(3), {}, ShapeError, "weight: expected at least 2 axes, got shape (3,)"),
        (
            "orthogonal_penalty",
            "strength",
            normal(2, 3),
            {"strength": -0.5},
            ArgumentError,
            "strength: expected a finite number >= 0, got -0.5",
        ),
        ("activity_penalty", "integers", integers(2, 3, high=4), {}, DTypeError, "x: expected a floating array"),
        ("activity_penalty", "rank", normal(), {}, ShapeError, "x: expected at least 1 axes, got shape ()"),
        (
            "activity_penalty",
            "l1",
            normal(2, 3),
            {"l1": _NAN},
            ArgumentError,
            "l1: expected a finite number >= 0, got nan",
        ),
        (
            "activity_penalty",
            "l2",
            normal(2, 3),
            {"l2": -1.0},
            ArgumentError,
            "l2: expected a finite number >= 0, got -1.0",
        ),
        ("unit_norm_constraint", "integers", integers(3, high=4), {}, DTypeError, "weight: expected a floating array"),
        ("unit_norm_constraint", "rank", normal(), {}, ShapeError, "weight: expected at least 1 axes, got shape ()"),
        (
            "non_negative_constraint",
            "integers",
            integers(3, high=4),
            {},
            DTypeError,
            "weight: expected a floating array",
        ),
    )
]

CASES = [
    *_CASES,
    *_MASKS,
    *_PENALTY_ERRORS,
    *_CONSTRAINT,
    *_ORTHOGONAL,
    *_ORTHOGONAL_TREES,
    *_ACTIVITY,
    *_MORE_CONSTRAINTS,
    *_MORE_ERRORS,
]
