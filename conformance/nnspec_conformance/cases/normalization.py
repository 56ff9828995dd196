"""Inputs for the normalizations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec_conformance.case import Case, Source, cases, error_case, integers, normal, uniform, values

__all__ = ["CASES"]

_NAN = math.nan
_FORWARD = ("values", "shapes", "compiled", "purity", "repeat")


# -- batch_norm ---------------------------------------------------------------------------------------------


def _batch(*shape: int, axis: int = 1, mean: float = 0.0, std: float = 1.0, affine: str = "weight bias") -> Any:
    """x, running statistics unlike its own, and the affine parameters asked for."""
    n = shape[axis]
    made = {
        "x": normal(*shape, mean=mean, std=std),
        "running_mean": normal(n, mean=mean + 2 * std, std=std),
        "running_var": uniform(n, low=0.5 * std * std, high=2.0 * std * std),
    }
    more = {"weight": normal(n, mean=1.5), "bias": normal(n, mean=3.0)}
    return {**made, **{name: more[name] for name in affine.split()}}


def _result(options: Mapping[str, Any], *leaves: int) -> Any:
    """Some of the three results; the running statistics carry no gradient, so differences leave them out."""

    def program(backend: Any, **arrays: Any) -> Any:
        found = backend.batch_norm(**arrays, **options)
        return [found[i] for i in leaves]

    return program


def _training(
    name: str, requires: tuple[str, ...], inputs: dict[str, Source], *, level: Any = "quick", **options: Any
) -> Case:
    """The normalized batch, and its gradients."""
    options = {"training": True, **options}
    return Case(
        operation="batch_norm",
        name=name,
        requires=requires,
        inputs=inputs,
        options=options,
        program=_result(options, 0),
        differentiate=tuple(n for n in ("x", "weight", "bias") if n in inputs),
        level=level,
    )


def _running(
    name: str,
    requires: tuple[str, ...],
    inputs: dict[str, Source],
    *leaves: int,
    level: Any = "quick",
    **options: Any,
) -> Case:
    """What the running statistics become."""
    options = {"training": True, **options}
    return Case(
        operation="batch_norm",
        name=name,
        requires=requires,
        inputs=inputs,
        options=options,
        program=_result(options, *leaves),
        checks=_FORWARD,
        level=level,
    )


def _two_decays(backend: Any, **arrays: Any) -> Any:
    """The running means of the same call twice with one number changed."""
    return [backend.batch_norm(**arrays, training=True, decay=decay)[1] for decay in (0.3, 0.99)]


def _batch_residual(backend: Any, x: Any, running_mean: Any, running_var: Any, weight: Any) -> Any:
    """Beside a path that receives the same cotangent, which the gradient may not overwrite."""
    return backend.batch_norm(x, running_mean, running_var, weight, training=True)[0] + x


def _turned(backend: Any, x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any) -> Any:
    """Of images stored with their channels last; the cotangent comes in that layout too."""
    xp = backend.xp
    y = backend.batch_norm(
        xp.permute_dims(x, (0, 3, 1, 2)), running_mean, running_var, weight, bias, training=True, eps=0.1
    )[0]
    return xp.permute_dims(y, (0, 2, 3, 1))


_BATCH = [
    _training("rows", ("BATCH_NORM-1", "BATCH_NORM-6"), _batch(17, 3)),
    _training("images", ("BATCH_NORM-1", "BATCH_NORM-6"), _batch(3, 4, 5, 2, mean=2.0), eps=0.1),
    _training("axis", ("BATCH_NORM-1",), _batch(4, 3, 3, axis=2, std=30.0), axis=-1, eps=0.1),
    _training("large-mean", ("BATCH_NORM-4",), _batch(17, 3, mean=1e3)),
    _training("gradient", ("BATCH_NORM-6",), _batch(5, 3, 2, affine="", std=0.3), eps=0.1),
    _training("one-value", ("BATCH_NORM-8",), _batch(1, 3, mean=2.0), decay=0.3),
    Case(
        operation="batch_norm",
        name="running-mean",
        requires=("BATCH_NORM-2",),
        inputs=_batch(5, 3, mean=4.0),
        program=_two_decays,
        checks=_FORWARD,
    ),
    _running("running-variance", ("BATCH_NORM-3", "BATCH_NORM-2"), _batch(3, 3, affine=""), 2, decay=0.3),
    _running("running-one-value", ("BATCH_NORM-8", "BATCH_NORM-3"), _batch(1, 3, 1), 1, 2, decay=0.3),
    Case(
        operation="batch_norm",
        name="evaluation",
        requires=("BATCH_NORM-5",),
        inputs=_batch(5, 3, 2, mean=4.0),
        options={"training": False, "eps": 0.1},
        differentiate=("x", "weight", "bias"),
    ),
    # special: the reference carries no gradient where a difference quotient finds one
    Case(
        operation="batch_norm",
        name="special-running",
        requires=("BATCH_NORM-7",),
        inputs=_batch(5, 3),
        options={"training": True, "decay": 0.3},
    ),
    Case(
        operation="batch_norm",
        name="special-evaluation",
        requires=("BATCH_NORM-7", "BATCH_NORM-5"),
        inputs=_batch(5, 3),
        options={"training": False},
    ),
    Case(
        operation="batch_norm",
        name="empty",
        requires=("BATCH_NORM-9",),
        inputs=_batch(0, 3, 2),
        options={"training": True, "decay": 0.3},
        differentiate=("x", "weight", "bias"),
    ),
    Case(
        operation="batch_norm",
        name="channels-last",
        requires=("BATCH_NORM-1", "BATCH_NORM-6"),
        inputs={
            **_batch(3, 5, 2, 4, axis=3),
            "weight": normal(4).laid_out("strided"),
            "bias": normal(4).laid_out("strided"),
        },
        program=_turned,
        differentiate=("x", "weight", "bias"),
    ),
]

_CONSTANT = {**_batch(4, 3), "x": values([[1.0, -2.0, 0.25]] * 4)}
_LAID_OUT = {n: s.laid_out("strided") for n, s in _batch(4, 3, 5).items()}

_BATCH_FULL = [
    _training("weight-alone", ("BATCH_NORM-1",), _batch(5, 3, 2, affine="weight"), level="full"),
    _training("bias-alone", ("BATCH_NORM-1",), _batch(5, 3, 2, affine="bias"), level="full"),
    _training("two-values", ("BATCH_NORM-1", "BATCH_NORM-6"), _batch(2, 3), eps=0.1, level="full"),
    _training("one-channel", ("BATCH_NORM-1",), _batch(17, 1), level="full"),
    _training("many-channels", ("BATCH_NORM-1",), _batch(3, 129), level="full"),
    _training("many-rows", ("BATCH_NORM-1",), _batch(1025, 2, mean=-3.0), level="full"),
    _training("volume", ("BATCH_NORM-1",), _batch(2, 3, 2, 4, 3), level="full"),
    _training("first-axis", ("BATCH_NORM-1",), _batch(3, 4, 5, axis=0), axis=0, level="full"),
    _training("one-axis", ("BATCH_NORM-8",), _batch(4, axis=0), axis=0, level="full"),
    _training("larger-mean", ("BATCH_NORM-4",), _batch(5, 3, 4, mean=1e4), level="full"),
    _training("small", ("BATCH_NORM-1",), _batch(5, 3, 4, std=1e-3), level="full"),
    _training("tiny", ("BATCH_NORM-1",), _batch(5, 3, 4, std=1e-18), level="full"),
    _training("huge", ("BATCH_NORM-1",), _batch(5, 3, 4, std=1e18), level="full"),
    _training("constant", ("BATCH_NORM-1", "BATCH_NORM-4"), _CONSTANT, level="full"),
    _training("one-pixel", ("BATCH_NORM-8",), _batch(1, 3, 1, 1, mean=-5.0), level="full"),
    _training("strided", ("BATCH_NORM-1",), _LAID_OUT, level="full"),
    _running("running", ("BATCH_NORM-2", "BATCH_NORM-3"), _batch(5, 3, 2, mean=4.0), 1, 2, level="full"),
    _running("running-kept", ("BATCH_NORM-2",), _batch(5, 3), 1, 2, decay=1.0, level="full"),
    _running("running-replaced", ("BATCH_NORM-2", "BATCH_NORM-3"), _batch(5, 3), 1, 2, decay=0.0, level="full"),
    _running("running-large-mean", ("BATCH_NORM-4",), _batch(5, 3, mean=1e3), 1, 2, decay=0.3, level="full"),
    _running("running-axis", ("BATCH_NORM-1",), _batch(4, 3, 5, axis=2), 1, 2, axis=2, level="full"),
    _running("running-huge", ("BATCH_NORM-3",), _batch(5, 3, std=1e18), 1, 2, decay=0.3, level="full"),
    _running("running-strided", ("BATCH_NORM-2",), _LAID_OUT, 1, 2, level="full"),
    *cases(
        "batch_norm",
        {
            "evaluation-plain": {"inputs": _batch(5, 3, affine="")},
            "evaluation-weight": {"inputs": _batch(5, 3, affine="weight")},
            "evaluation-bias": {"inputs": _batch(5, 3, affine="bias")},
            "evaluation-one-value": {"inputs": _batch(1, 3)},
            "evaluation-axis": {
                "inputs": _batch(4, 3, 5, axis=2),
                "options": {"training": False, "axis": -1},
            },
            "evaluation-large-mean": {"inputs": _batch(5, 3, mean=1e3)},
            "evaluation-small": {"inputs": _batch(5, 3, std=1e-3)},
            "evaluation-constant": {
                "inputs": {**_batch(4, 3), "running_var": values([0.0, 1e-5, 4.0])},
            },
            "evaluation-strided": {"inputs": _LAID_OUT},
            "evaluation-empty": {"inputs": _batch(0, 3, 2)},
            "evaluation-decay": {"inputs": _batch(5, 3), "options": {"training": False, "decay": 0.0}},
        },
        **{
            "requires": ("BATCH_NORM-5",),
            "options": {"training": False},
            "differentiate": ("x",),
            "level": "full",
        },
    ),
    Case(
        operation="batch_norm",
        name="residual",
        requires=("BATCH_NORM-6",),
        inputs=_batch(5, 3, affine="weight"),
        program=_batch_residual,
        differentiate=("x", "weight"),
        level="full",
    ),
    Case(
        operation="batch_norm",
        name="empty-plain",
        requires=("BATCH_NORM-9",),
        inputs=_batch(2, 3, 0, affine=""),
        options={"training": True, "decay": 0.0},
        differentiate=("x",),
        level="full",
    ),
]

# -- layer_norm ---------------------------------------------------------------------------------------------


def _rows(*shape: int, features: tuple[int, ...] | None = None, mean: float = 0.0, std: float = 1.0) -> Any:
    """x, and a weight and a bias that show."""
    features = shape[-1:] if features is None else features
    return {
        "x": normal(*shape, mean=mean, std=std),
        "weight": normal(*features, mean=1.5),
        "bias": normal(*features, mean=3.0),
    }


def _two_eps(backend: Any, **arrays: Any) -> Any:
    """The same call twice with one number changed."""
    return [backend.layer_norm(**arrays, eps=eps) for eps in (0.1, 10.0)]


def _residual(backend: Any, x: Any, weight: Any) -> Any:
    """Beside a path that receives the same cotangent, which the gradient may not overwrite."""
    return backend.layer_norm(x, weight) + x


def _sum_of_gradient(backend: Any, x: Any, cotangent: Any) -> Any:
    """What the gradient of x adds up to over each normalized axis: 0."""
    _, pull = backend.vjp(lambda rows: backend.layer_norm(rows, eps=0.1), x)
    return backend.xp.sum(pull(cotangent)[0], axis=-1)


def _layer_turned(backend: Any, x: Any, weight: Any, bias: Any) -> Any:
    """Of columns seen as rows; the cotangent comes in that layout too."""
    xp = backend.xp
    return xp.permute_dims(backend.layer_norm(xp.permute_dims(x, (1, 0)), weight, bias, eps=0.1), (1, 0))


_LAYER = cases(
    "layer_norm",
    {
        "rows": {"inputs": _rows(5, 33), "requires": ("LAYER_NORM-1",)},
        "eps": {"inputs": _rows(4, 7, std=0.3), "requires": ("LAYER_NORM-1",), "program": _two_eps},
        "residual": {
            "inputs": {"x": normal(4, 7), "weight": normal(7, mean=1.5)},
            "requires": ("LAYER_NORM-1",),
            "program": _residual,
        },
        "two-values": {"inputs": _rows(17, 2), "requires": ("LAYER_NORM-1",)},
        "large-mean": {"inputs": _rows(5, 33, mean=1e3), "requires": ("LAYER_NORM-2",)},
        "unsorted-axes": {
            "inputs": _rows(3, 4, 5, features=(3, 5)),
            "options": {"axis": (2, 0), "eps": 0.1},
            "requires": ("LAYER_NORM-3",),
        },
        # both orders of the weight's axes have the same shape
        "square-axes": {
            "inputs": _rows(2, 3, 3, features=(3, 3)),
            "options": {"axis": (-1, 1)},
            "requires": ("LAYER_NORM-3",),
        },
        "first-axis": {
            "inputs": _rows(7, 3, features=(7,), std=30.0),
            "options": {"axis": 0},
            "requires": ("LAYER_NORM-3",),
        },
        "one-value": {
            "inputs": _rows(5, 1, mean=3.0),
            "requires": ("LAYER_NORM-4",),
        },
        "plain": {
            "inputs": {"x": normal(5, 7, std=0.3)},
            "options": {"eps": 0.1},
            "requires": ("LAYER_NORM-5",),
        },
        "sum-of-gradient": {
            "inputs": {"x": normal(5, 7), "cotangent": normal(5, 7, mean=3.0)},
            "requires": ("LAYER_NORM-5",),
            "program": _sum_of_gradient,
            "checks": ("values",),
        },
        "turned": {
            "inputs": {
                "x": normal(7, 5),
                "weight": normal(7).laid_out("strided"),
                "bias": normal(7).laid_out("strided"),
            },
            "requires": ("LAYER_NORM-1",),
            "program": _layer_turned,
        },
        "empty": {"inputs": _rows(0, 7), "requires": ("LAYER_NORM-3",)},
    },
)

_LAYER_FULL = cases(
    "layer_norm",
    {
        "vector": {"inputs": _rows(17), "requires": ("LAYER_NORM-1",)},
        "cube": {"inputs": _rows(2, 3, 17), "requires": ("LAYER_NORM-1",)},
        "long": {"inputs": _rows(2, 1025, mean=-3.0), "requires": ("LAYER_NORM-1",)},
        "weight-alone": {
            "inputs": {"x": normal(5, 7), "weight": normal(7, mean=1.5)},
            "requires": ("LAYER_NORM-1",),
        },
        "bias-alone": {
            "inputs": {"x": normal(5, 7), "bias": normal(7, mean=3.0)},
            "requires": ("LAYER_NORM-1",),
        },
        "small": {"inputs": _rows(5, 7, std=1e-3), "requires": ("LAYER_NORM-1",)},
        "tiny": {"inputs": _rows(5, 7, std=1e-18), "requires": ("LAYER_NORM-1",)},
        "huge": {"inputs": _rows(5, 7, std=1e18), "requires": ("LAYER_NORM-1",)},
        "wide": {"inputs": _rows(5, 7, std=30.0), "requires": ("LAYER_NORM-1",)},
        "large-eps": {"inputs": _rows(5, 7), "options": {"eps": 10.0}, "requires": ("LAYER_NORM-1",)},
        "larger-mean": {"inputs": _rows(5, 7, mean=1e4), "requires": ("LAYER_NORM-2",)},
        "negative-mean": {"inputs": _rows(5, 129, mean=-300.0), "requires": ("LAYER_NORM-2",)},
        "constant": {
            "inputs": {**_rows(3, 4), "x": values([[1.0] * 4, [-2.0] * 4, [0.0] * 4])},
            "requires": ("LAYER_NORM-1", "LAYER_NORM-2"),
        },
        "last-axes": {
            "inputs": _rows(3, 4, 5, features=(4, 5)),
            "options": {"axis": (1, 2)},
            "requires": ("LAYER_NORM-3",),
        },
        "first-axes": {
            "inputs": _rows(3, 4, 5, features=(3, 4)),
            "options": {"axis": (1, 0)},
            "requires": ("LAYER_NORM-3",),
        },
        "middle-axis": {
            "inputs": _rows(3, 4, 5, features=(4,)),
            "options": {"axis": -2},
            "requires": ("LAYER_NORM-3",),
        },
        "every-axis": {
            "inputs": _rows(3, 4, 5, features=(3, 4, 5)),
            "options": {"axis": (2, 0, 1)},
            "requires": ("LAYER_NORM-3",),
        },
        "three-of-four": {
            "inputs": _rows(3, 3, 2, 3, features=(3, 3, 3)),
            "options": {"axis": (3, 0, 1), "eps": 0.1},
            "requires": ("LAYER_NORM-3",),
        },
        "axes-large-mean": {
            "inputs": _rows(3, 4, 5, features=(3, 5), mean=1e3),
            "options": {"axis": (0, 2)},
            "requires": ("LAYER_NORM-2", "LAYER_NORM-3"),
        },
        "one-value-axes": {
            "inputs": _rows(4, 1, 3, 1, features=(1, 1), mean=-7.0),
            "options": {"axis": (3, 1)},
            "requires": ("LAYER_NORM-4", "LAYER_NORM-3"),
        },
        "one-value-large": {"inputs": _rows(4, 1, mean=1e4), "requires": ("LAYER_NORM-4",)},
        "plain-axes": {
            "inputs": {"x": normal(3, 4, 5)},
            "options": {"axis": (2, 0)},
            "requires": ("LAYER_NORM-5", "LAYER_NORM-3"),
        },
        "plain-large-mean": {"inputs": {"x": normal(5, 7, mean=1e3)}, "requires": ("LAYER_NORM-2",)},
        "strided": {
            "inputs": {n: s.laid_out("strided") for n, s in _rows(3, 17).items()},
            "requires": ("LAYER_NORM-1",),
        },
        "transposed": {
            "inputs": {n: s.laid_out("transposed") for n, s in _rows(2, 3, 5, features=(3, 5)).items()},
            "options": {"axis": (1, 2)},
            "requires": ("LAYER_NORM-3",),
        },
        "nothing": {"inputs": _rows(5, 0), "requires": ("LAYER_NORM-3",)},
        "empty-axes": {
            "inputs": _rows(3, 0, 5, features=(3, 5)),
            "options": {"axis": (2, 0)},
            "requires": ("LAYER_NORM-3",),
        },
        **{
            f"gradient-{'-'.join(names)}": {
                "inputs": _rows(5, 7),
                "requires": ("LAYER_NORM-1",),
                "differentiate": names,
            }
            for names in (("x",), ("weight",), ("bias",), ("x", "bias"), ("weight", "bias"))
        },
    },
    level="full",
)

# -- errors -------------------------------------------------------------------------------------------------


def _rejected(
    operation: str,
    name: str,
    requirement: str,
    error: type[NnspecError],
    *words: str,
    inputs: Mapping[str, Source],
    **options: Any,
) -> Case:
    return error_case(
        operation,
        name,
        (requirement,),
        lambda backend, **arrays: getattr(backend, operation)(**arrays, **options),
        error,
        *words,
        inputs=inputs,
    )


def _mixed(operation: str, argument: str, requirement: str, inputs: Mapping[str, Source], **options: Any) -> Case:
    """One argument in float32, where the others are in float64."""

    def program(backend: Any, **arrays: Any) -> Any:
        narrow = backend.asarray(backend.to_numpy(arrays[argument]), dtype="float32")
        return getattr(backend, operation)(**{**arrays, argument: narrow}, **options)

    case = error_case(
        operation,
        f"mixed-{argument}",
        (requirement,),
        program,
        DTypeError,
        f"{argument}: expected the dtype of x",
        "float32",
        inputs=inputs,
    )
    return replace(case, dtypes=("float64",))


def _bad_batch(name: str, requirement: str, error: type[NnspecError], *words: str, **options: Any) -> Case:
    """Good arrays, bad options; or an array in the place of a good one."""
    arrays = {n: options.pop(n) for n in list(options) if isinstance(options[n], Source)}
    inputs = {**_batch(2, 3), **arrays}
    return _rejected("batch_norm", name, requirement, error, *words, inputs=inputs, **{"training": True, **options})


def _bad_layer(name: str, requirement: str, error: type[NnspecError], *words: str, **options: Any) -> Case:
    """Good arrays, bad options; or an array in the place of a good one."""
    arrays = {n: options.pop(n) for n in list(options) if isinstance(options[n], Source)}
    inputs = {**_rows(2, 3), **arrays}
    return _rejected("layer_norm", name, requirement, error, *words, inputs=inputs, **options)


_EPS = "eps: expected a finite number > 0, got"
_DECAY = "decay: expected a finite number >= 0 and <= 1, got"
_AXIS = "axis: expected an integer in [-2, 2), got"

_ERRORS = [
    *(
        _bad_batch(
            f"{name.replace('_', '-')}-size",
            requirement,
            ShapeError,
            f"{name}: expected shape (3,) (the channels of x), got (2,)",
            **{name: normal(2)},
        )
        for name, requirement in (
            ("running_mean", "BATCH_NORM-2"),
            ("running_var", "BATCH_NORM-2"),
            ("weight", "BATCH_NORM-1"),
            ("bias", "BATCH_NORM-1"),
        )
    ),
    *(
        _bad_batch(
            f"integer-{name.replace('_', '-')}",
            "BATCH_NORM-1",
            DTypeError,
            f"{name}: expected a floating array",
            **{name: integers(*shape, high=5)},
        )
        for name, shape in (("x", (2, 3)), ("running_mean", (3,)), ("running_var", (3,)), ("bias", (3,)))
    ),
    _bad_batch("scalar", "BATCH_NORM-1", ShapeError, "x: expected at least 1 axes, got shape ()", x=normal()),
    _bad_batch("axis", "BATCH_NORM-1", ArgumentError, f"{_AXIS} 2", axis=2),
    _bad_batch("axis-type", "BATCH_NORM-1", ArgumentError, f"{_AXIS} (1,)", axis=(1,)),
    _bad_batch("flag", "BATCH_NORM-5", ArgumentError, "training: expected True or False, got 1", training=1),
    _bad_batch("flag-none", "BATCH_NORM-5", ArgumentError, "training: expected True or False", training=None),
    _bad_batch("decay-high", "BATCH_NORM-2", ArgumentError, f"{_DECAY} 1.5", decay=1.5),
    _bad_batch("decay-low", "BATCH_NORM-2", ArgumentError, f"{_DECAY} -0.1", decay=-0.1),
    _bad_batch("decay-nan", "BATCH_NORM-2", ArgumentError, f"{_DECAY} nan", decay=_NAN),
    _bad_batch("eps-zero", "BATCH_NORM-1", ArgumentError, f"{_EPS} 0.0", eps=0.0),
    _bad_batch("eps-nan", "BATCH_NORM-1", ArgumentError, f"{_EPS} nan", eps=_NAN),
    _bad_batch("eps-in-evaluation", "BATCH_NORM-5", ArgumentError, f"{_EPS} -1e-05", eps=-1e-5, training=False),
    *(
        _mixed("batch_norm", name, "BATCH_NORM-1", _batch(2, 3), training=True)
        for name in ("running_mean", "running_var", "weight", "bias")
    ),
    _bad_layer(
        "weight-size",
        "LAYER_NORM-3",
        ShapeError,
        "weight: expected shape (3,) (the normalized axes of x), got (2,)",
        weight=normal(2),
    ),
    _bad_layer(
        "weight-order",
        "LAYER_NORM-3",
        ShapeError,
        "weight: expected shape (2, 3) (the normalized axes of x), got (3, 2)",
        weight=normal(3, 2),
        axis=(1, 0),
    ),
    _bad_layer(
        "bias-size",
        "LAYER_NORM-3",
        ShapeError,
        "bias: expected shape (3,) (the normalized axes of x), got (1, 3)",
        bias=normal(1, 3),
    ),
    _bad_layer("scalar", "LAYER_NORM-3", ShapeError, "x: expected at least 1 axes, got shape ()", x=normal()),
    _bad_layer("axis", "LAYER_NORM-3", ArgumentError, f"{_AXIS} -3", axis=-3),
    _bad_layer(
        "axis-twice",
        "LAYER_NORM-3",
        ArgumentError,
        "axis: expected distinct axes, got (1, -1)",
        axis=(1, -1),
    ),
    _bad_layer(
        "axis-none",
        "LAYER_NORM-3",
        ArgumentError,
        "axis: expected an axis or a tuple of axes, got ()",
        axis=(),
    ),
    _bad_layer(
        "axis-type",
        "LAYER_NORM-3",
        ArgumentError,
        "axis: expected an axis or a tuple of axes, got 1.0",
        axis=1.0,
    ),
    _bad_layer("eps-zero", "LAYER_NORM-1", ArgumentError, f"{_EPS} 0", eps=0),
    _bad_layer("eps-nan", "LAYER_NORM-1", ArgumentError, f"{_EPS} nan", eps=_NAN),
    _bad_layer("eps-infinite", "LAYER_NORM-1", ArgumentError, f"{_EPS} inf", eps=math.inf),
    *(
        _bad_layer(
            f"integer-{name}",
            "LAYER_NORM-1",
            DTypeError,
            f"{name}: expected a floating array",
            **{name: integers(*shape, high=5)},
        )
        for name, shape in (("x", (2, 3)), ("weight", (3,)), ("bias", (3,)))
    ),
    error_case(
        "layer_norm",
        "no-array",
        ("LAYER_NORM-1",),
        lambda backend: backend.layer_norm([[1.0, 2.0]]),
        DTypeError,
        "x: expected a floating array, got list",
    ),
    *(_mixed("layer_norm", name, "LAYER_NORM-1", _rows(2, 3)) for name in ("weight", "bias")),
]

CASES: list[Case] = [*_BATCH, *_BATCH_FULL, *_LAYER, *_LAYER_FULL, *_ERRORS]
