"""Inputs for batch_norm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnspec.errors import ArgumentError, DTypeError, NnspecError, ShapeError
from nnspec_conformance.case import Case, Source, cases, integers, normal, only_calls, uniform, values
from nnspec_conformance.cases.normalization._common import EPS, FORWARD, NAN, mixed, rejected

__all__ = ["CASES"]


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

    @only_calls
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
        checks=FORWARD,
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
    _training("gradient", ("BATCH_NORM-6",), _batch(5, 2, 2, 3, axis=3, affine="", std=0.3), eps=0.1, axis=-1),
    _training("one-value", ("BATCH_NORM-8",), _batch(1, 3, mean=2.0), decay=0.3),
    Case(
        operation="batch_norm",
        name="running-mean",
        requires=("BATCH_NORM-2",),
        inputs=_batch(5, 3, mean=4.0),
        program=_two_decays,
        checks=FORWARD,
    ),
    _running("running-variance", ("BATCH_NORM-3", "BATCH_NORM-2"), _batch(3, 3, affine=""), 2, decay=0.3),
    _running("running-one-value", ("BATCH_NORM-8", "BATCH_NORM-3"), _batch(1, 3, 1), 1, 2, decay=0.3),
    Case(
        operation="batch_norm",
        name="evaluation",
        requires=("BATCH_NORM-5",),
        inputs=_batch(5, 2, 2, 3, axis=3, mean=4.0),
        options={"training": False, "eps": 0.1, "axis": -1},
        differentiate=("x", "weight", "bias"),
    ),
    Case(
        operation="batch_norm",
        name="evaluation-one-axis",
        requires=("BATCH_NORM-5",),
        inputs=_batch(4, axis=0),
        options={"training": False, "eps": 0.1, "axis": 0},
        differentiate=("x", "weight", "bias"),
        plain_only=True,
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
        inputs=_batch(5, 2, 3, axis=2),
        options={"training": False, "axis": 2},
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

# -- errors -------------------------------------------------------------------------------------------------


def _bad_batch(name: str, requirement: str, error: type[NnspecError], *words: str, **options: Any) -> Case:
    """Good arrays, bad options; or an array in the place of a good one."""
    arrays = {n: options.pop(n) for n in list(options) if isinstance(options[n], Source)}
    inputs = {**_batch(2, 3), **arrays}
    return rejected("batch_norm", name, requirement, error, *words, inputs=inputs, **{"training": True, **options})


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
    _bad_batch("decay-nan", "BATCH_NORM-2", ArgumentError, f"{_DECAY} nan", decay=NAN),
    _bad_batch("eps-zero", "BATCH_NORM-1", ArgumentError, f"{EPS} 0.0", eps=0.0),
    _bad_batch("eps-nan", "BATCH_NORM-1", ArgumentError, f"{EPS} nan", eps=NAN),
    _bad_batch("eps-in-evaluation", "BATCH_NORM-5", ArgumentError, f"{EPS} -1e-05", eps=-1e-5, training=False),
    *(
        mixed("batch_norm", name, "BATCH_NORM-1", _batch(2, 3), training=True)
        for name in ("running_mean", "running_var", "weight", "bias")
    ),
]

CASES: list[Case] = [*_BATCH, *_BATCH_FULL, *_ERRORS]
