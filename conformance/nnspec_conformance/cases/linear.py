"""Inputs for linear."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nnspec.errors import DTypeError, ShapeError
from nnspec_conformance.case import Case, Source, cases, error_case, integers, normal, uniform
from nnspec_conformance.cases._one_by_one import one_by_one

__all__ = ["CASES"]


def _turned(backend: Any, x: Any, weight: Any, bias: Any) -> Any:
    """Columns as rows, in and out: the layouts a transposed view has, the cotangent's among them."""
    xp = backend.xp
    return xp.permute_dims(backend.linear(xp.permute_dims(x, (1, 0)), weight, bias), (1, 0))


def _residual(backend: Any, x: Any, weight: Any) -> Any:
    """Beside a path that receives the same cotangent, which the gradient may not overwrite."""
    return backend.linear(x, weight) + x


def _stacked_and_flat(backend: Any, x: Any, weight: Any, bias: Any) -> Any:
    """The same rows along two leading axes and along one: native kernels take different ways."""
    rows = backend.xp.reshape(x, (x.shape[0] * x.shape[1], x.shape[2]))
    return [backend.linear(x, weight, bias), backend.linear(rows, weight, bias)]


def _repeated(backend: Any, x: Any, weight: Any, bias: Any) -> Any:
    """The same row many times, by a view of stride 0."""
    rows = backend.xp.broadcast_to(x, (5, *x.shape))
    return backend.linear(rows, weight, backend.xp.broadcast_to(bias, (weight.shape[0],)))


_QUICK = cases(
    "linear",
    {
        "unit": {
            "inputs": {"x": normal(17, 33), "weight": normal(3, 33), "bias": normal(3)},
            "requires": ("LINEAR-1", "LINEAR-3"),
        },
        "square": {"inputs": {"x": normal(3, 3), "weight": normal(3, 3)}, "requires": ("LINEAR-1", "LINEAR-2")},
        "vector": {
            "inputs": {"x": normal(33), "weight": normal(3, 33), "bias": normal(3)},
            "requires": ("LINEAR-2", "LINEAR-3"),
        },
        "leading-axes": {
            "inputs": {"x": normal(2, 3, 1, 5), "weight": normal(7, 5), "bias": normal(7)},
            "requires": ("LINEAR-2", "LINEAR-3"),
        },
        "bias": {
            "inputs": {"x": normal(5, 3, 2), "weight": normal(3, 2, std=1e-2), "bias": normal(3, mean=30.0)},
            "requires": ("LINEAR-3",),
            "program": _stacked_and_flat,
        },
        # a sum of many numbers of one sign shows coarse products, and a term too few, best
        "products": {
            "inputs": {"x": uniform(2, 512, low=0.5, high=1.5), "weight": uniform(3, 512, low=0.5, high=1.5)},
            "requires": ("LINEAR-4",),
        },
        "empty": {
            "inputs": {"x": normal(0, 5), "weight": normal(7, 5), "bias": normal(7)},
            "requires": ("LINEAR-5",),
        },
        "layouts": {
            "inputs": {
                "x": normal(17, 3).laid_out("strided"),
                "weight": normal(33, 3).laid_out("transposed"),
                "bias": normal(33).laid_out("strided"),
            },
            "requires": ("LINEAR-1", "LINEAR-3"),
        },
        "turned": {
            "inputs": {"x": normal(3, 17), "weight": normal(2, 3).laid_out("strided"), "bias": normal(2)},
            "requires": ("LINEAR-1", "LINEAR-3"),
            "program": _turned,
        },
        "residual": {
            "inputs": {"x": normal(5, 3), "weight": normal(3, 3)},
            "requires": ("LINEAR-1",),
            "program": _residual,
        },
        "tiny": {
            "inputs": {"x": normal(5, 33, std=1e-20), "weight": normal(3, 33), "bias": normal(3, std=1e-20)},
            "requires": ("LINEAR-4",),
        },
    },
)

_FULL = cases(
    "linear",
    {
        "one": {
            "inputs": {"x": normal(1, 1), "weight": normal(1, 1), "bias": normal(1)},
            "requires": ("LINEAR-1",),
        },
        "one-output": {
            "inputs": {"x": normal(33, 17), "weight": normal(1, 17), "bias": normal(1)},
            "requires": ("LINEAR-1",),
        },
        "one-input": {
            "inputs": {"x": normal(17, 1), "weight": normal(33, 1), "bias": normal(33)},
            "requires": ("LINEAR-1",),
        },
        "large-mean": {
            "inputs": {"x": normal(5, 33, mean=1e3), "weight": normal(3, 33), "bias": normal(3)},
            "requires": ("LINEAR-4",),
        },
        "huge": {
            "inputs": {"x": normal(5, 33, std=1e18), "weight": normal(3, 33), "bias": normal(3, std=1e18)},
            "requires": ("LINEAR-4",),
        },
        "long": {"inputs": {"x": normal(3, 4099), "weight": normal(2, 4099)}, "requires": ("LINEAR-4",)},
        "many-rows": {
            "inputs": {"x": normal(1025, 3), "weight": normal(2, 3), "bias": normal(2)},
            "requires": ("LINEAR-3", "LINEAR-1"),
        },
        "vector-square": {
            "inputs": {"x": normal(3), "weight": normal(3, 3), "bias": normal(3)},
            "requires": ("LINEAR-2", "LINEAR-1"),
        },
        "vector-strided": {
            "inputs": {"x": normal(17).laid_out("strided"), "weight": normal(17, 17).laid_out("transposed")},
            "requires": ("LINEAR-2", "LINEAR-1"),
        },
        "square-cube": {
            "inputs": {"x": normal(3, 3, 3), "weight": normal(3, 3), "bias": normal(3)},
            "requires": ("LINEAR-2", "LINEAR-1"),
        },
        "transposed-rows": {
            "inputs": {"x": normal(2, 5, 3).laid_out("transposed"), "weight": normal(4, 3)},
            "requires": ("LINEAR-2",),
        },
        "repeated": {
            "inputs": {"x": normal(2, 3), "weight": normal(4, 3), "bias": normal(1)},
            "requires": ("LINEAR-2", "LINEAR-3"),
            "program": _repeated,
        },
        "empty-inside": {
            "inputs": {"x": normal(2, 0, 5), "weight": normal(7, 5), "bias": normal(7)},
            "requires": ("LINEAR-5",),
        },
        "no-terms": {
            "inputs": {"x": normal(2, 0), "weight": normal(3, 0), "bias": normal(3)},
            "requires": ("LINEAR-3", "LINEAR-2"),
        },
        "no-outputs": {
            "inputs": {"x": normal(2, 3), "weight": normal(0, 3), "bias": normal(0)},
            "requires": ("LINEAR-1",),
        },
        **{
            f"gradient-{'-'.join(names)}": {
                "inputs": {"x": normal(5, 3), "weight": normal(2, 3), "bias": normal(2)},
                "requires": ("LINEAR-1", "LINEAR-3"),
                "differentiate": names,
            }
            for names in (("x",), ("weight",), ("bias",), ("x", "bias"), ("weight", "bias"))
        },
    },
    level="full",
)


def _bilinear_turned(backend: Any, x1: Any, x2: Any, weight: Any, bias: Any) -> Any:
    """Views in, and a view of the result, so that the cotangent is one too."""
    xp = backend.xp
    y = backend.bilinear(xp.permute_dims(x1, (1, 0)), x2, xp.permute_dims(weight, (2, 0, 1)), bias)
    return xp.permute_dims(y, (1, 0))


_BILINEAR = cases(
    "bilinear",
    {
        "leading-axes": {
            "inputs": {
                "x1": normal(2, 3, 5),
                "x2": normal(2, 3, 4),
                "weight": normal(6, 5, 4),
                "bias": normal(6, mean=3.0),
            },
            "requires": ("BILINEAR-1", "BILINEAR-2", "BILINEAR-3"),
        },
        "products": {
            "inputs": {
                "x1": uniform(2, 33, low=0.5, high=1.5),
                "x2": uniform(2, 33, low=0.5, high=1.5),
                "weight": uniform(3, 33, 33, low=0.5, high=1.5),
            },
            "requires": ("BILINEAR-4", "BILINEAR-1"),
        },
    },
)

_BILINEAR_FULL = cases(
    "bilinear",
    {
        "square": {  # all sizes equal: only the order of the axes tells them apart
            "inputs": {"x1": normal(3, 3), "x2": normal(3, 3), "weight": normal(3, 3, 3)},
            "requires": ("BILINEAR-1", "BILINEAR-2"),
        },
        "empty": {
            "inputs": {"x1": normal(0, 5), "x2": normal(0, 4), "weight": normal(6, 5, 4), "bias": normal(6)},
            "requires": ("BILINEAR-5",),
        },
        "vector": {
            "inputs": {"x1": normal(5), "x2": normal(4), "weight": normal(3, 5, 4), "bias": normal(3)},
            "requires": ("BILINEAR-2", "BILINEAR-3"),
        },
        "one": {
            "inputs": {"x1": normal(1, 1), "x2": normal(1, 1), "weight": normal(1, 1, 1), "bias": normal(1)},
            "requires": ("BILINEAR-1",),
        },
        "one-output": {
            "inputs": {"x1": normal(17, 3), "x2": normal(17, 33), "weight": normal(1, 3, 33)},
            "requires": ("BILINEAR-1",),
        },
        "turned": {
            "inputs": {
                "x1": normal(3, 7),
                "x2": normal(7, 5).laid_out("strided"),
                "weight": normal(3, 5, 2),
                "bias": normal(2).laid_out("strided"),
            },
            "requires": ("BILINEAR-1", "BILINEAR-3"),
            "program": _bilinear_turned,
        },
        "large-mean": {
            "inputs": {
                "x1": normal(5, 9, mean=1e3),
                "x2": normal(5, 17, mean=1e2),
                "weight": normal(3, 9, 17),
                "bias": normal(3),
            },
            "requires": ("BILINEAR-4",),
        },
        "tiny": {
            "inputs": {"x1": normal(5, 9, std=1e-12), "x2": normal(5, 7, std=1e-12), "weight": normal(3, 9, 7)},
            "requires": ("BILINEAR-4",),
        },
        "long": {
            "inputs": {"x1": normal(2, 257), "x2": normal(2, 129), "weight": normal(1, 257, 129)},
            "requires": ("BILINEAR-4",),
        },
        "no-terms": {
            "inputs": {"x1": normal(2, 0), "x2": normal(2, 3), "weight": normal(4, 0, 3), "bias": normal(4)},
            "requires": ("BILINEAR-3", "BILINEAR-2"),
        },
        "no-terms-second": {
            "inputs": {"x1": normal(2, 3), "x2": normal(2, 0), "weight": normal(4, 3, 0)},
            "requires": ("BILINEAR-2",),
        },
        **{
            f"gradient-{name}": {
                "inputs": {"x1": normal(5, 3), "x2": normal(5, 2), "weight": normal(4, 3, 2), "bias": normal(4)},
                "requires": ("BILINEAR-1", "BILINEAR-3"),
                "differentiate": (name,),
            }
            for name in ("x1", "x2", "weight", "bias")
        },
    },
    level="full",
)

_X, _WEIGHT, _BIAS = normal(2, 3), normal(4, 3), normal(4)


def _call(backend: Any, **arrays: Any) -> Any:
    return backend.linear(**arrays)


def _in_float32(name: str) -> Any:
    """The call with one argument in float32, where the others are in float64."""

    def program(backend: Any, **arrays: Any) -> Any:
        narrow = backend.asarray(backend.to_numpy(arrays[name]), dtype="float32")
        return backend.linear(**{**arrays, name: narrow})

    return program


_ERRORS = [
    error_case(
        "linear",
        "in-axis",
        ("LINEAR-1",),
        _call,
        ShapeError,
        "weight: expected shape (out, 4) (the last axis of x), got (4, 3)",
        inputs={"x": normal(3, 4), "weight": _WEIGHT},
    ),
    error_case(
        "linear",
        "weight-rank",
        ("LINEAR-1",),
        _call,
        ShapeError,
        "weight: expected shape (out, 3) (the last axis of x), got (3,)",
        inputs={"x": _X, "weight": normal(3)},
    ),
    error_case(
        "linear",
        "scalar",
        ("LINEAR-2",),
        _call,
        ShapeError,
        "x: expected at least 1 axes, got shape ()",
        inputs={"x": normal(), "weight": _WEIGHT},
    ),
    error_case(
        "linear",
        "bias-size",
        ("LINEAR-3",),
        _call,
        ShapeError,
        "bias: expected shape (4,) (the first axis of weight), got (3,)",
        inputs={"x": _X, "weight": _WEIGHT, "bias": normal(3)},
    ),
    error_case(
        "linear",
        "bias-that-broadcasts",
        ("LINEAR-3",),
        _call,
        ShapeError,
        "bias: expected shape (4,) (the first axis of weight), got (1, 4)",
        inputs={"x": _X, "weight": _WEIGHT, "bias": normal(1, 4)},
    ),
    error_case(
        "linear",
        "integer-x",
        ("LINEAR-4",),
        _call,
        DTypeError,
        "x: expected a floating array",
        inputs={"x": integers(2, 3, high=5), "weight": _WEIGHT},
    ),
    error_case(
        "linear",
        "integer-weight",
        ("LINEAR-4",),
        _call,
        DTypeError,
        "weight: expected a floating array",
        inputs={"x": _X, "weight": integers(4, 3, high=5)},
    ),
    error_case(
        "linear",
        "integer-bias",
        ("LINEAR-3",),
        _call,
        DTypeError,
        "bias: expected a floating array",
        inputs={"x": _X, "weight": _WEIGHT, "bias": integers(4, high=5)},
    ),
    error_case(
        "linear",
        "no-array",
        ("LINEAR-4",),
        lambda backend, weight: backend.linear([[1.0, 2.0, 3.0]], weight),
        DTypeError,
        "x: expected a floating array, got list",
        inputs={"weight": _WEIGHT},
    ),
    *(
        replace(
            error_case(
                "linear",
                f"mixed-{name}",
                ("LINEAR-4",),
                _in_float32(name),
                DTypeError,
                f"{name}: expected the dtype of x",
                "float32",
                inputs={"x": _X, "weight": _WEIGHT, "bias": _BIAS},
            ),
            dtypes=("float64",),
        )
        for name in ("weight", "bias")
    ),
]


def _bilinear_rejected(name: str, requirement: str, error: Any, words: str, **inputs: Source) -> Case:
    return error_case(
        "bilinear",
        name,
        (requirement,),
        lambda backend, **arrays: backend.bilinear(**arrays),
        error,
        words,
        inputs={"x1": normal(2, 5), "x2": normal(2, 4), "weight": normal(3, 5, 4), **inputs},
    )


_BILINEAR_ERRORS = [
    _bilinear_rejected(
        "leading-axes-that-broadcast",
        "BILINEAR-2",
        ShapeError,
        "x2: expected shape (2, in2) (the leading axes of x1), got (1, 4)",
        x2=normal(1, 4),
    ),
    _bilinear_rejected(
        "leading-rank",
        "BILINEAR-2",
        ShapeError,
        "x2: expected shape (2, in2) (the leading axes of x1), got (4,)",
        x2=normal(4),
    ),
    _bilinear_rejected(
        "turned-weight",
        "BILINEAR-1",
        ShapeError,
        "weight: expected shape (out, 5, 4) (the last axes of x1 and x2), got (3, 4, 5)",
        weight=normal(3, 4, 5),
    ),
    _bilinear_rejected("scalar", "BILINEAR-2", ShapeError, "x1: expected at least 1 axes, got shape ()", x1=normal()),
    _bilinear_rejected(
        "bias-size",
        "BILINEAR-3",
        ShapeError,
        "bias: expected shape (3,) (the first axis of weight), got (1,)",
        bias=normal(1),
    ),
    _bilinear_rejected(
        "integer-x2", "BILINEAR-4", DTypeError, "x2: expected a floating array", x2=integers(2, 4, high=5)
    ),
    _bilinear_rejected(
        "integer-weight",
        "BILINEAR-4",
        DTypeError,
        "weight: expected a floating array",
        weight=integers(3, 5, 4, high=5),
    ),
]

_ONE_BY_ONE = one_by_one(
    "linear",
    ("LINEAR-1", "LINEAR-3"),
    {"x": normal(5, 3), "weight": normal(2, 3), "bias": normal(2)},
    lambda backend, **arrays: backend.linear(**arrays),
)

CASES: list[Case] = [*_QUICK, _ONE_BY_ONE, *_FULL, *_BILINEAR, *_BILINEAR_FULL, *_ERRORS, *_BILINEAR_ERRORS]
