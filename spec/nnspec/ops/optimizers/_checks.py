"""What the optimizers accept, and which moments their states hold."""

from __future__ import annotations

from typing import Any

from nnspec import _validate as check
from nnspec.errors import ArgumentError
from nnspec.operation import Array, Family
from nnspec.ops._common import require_arrays, require_like, require_mask
from nnspec.ops.optimizers._steps import State

ADAM = ("exp_avg", "exp_avg_sq")


def sgd_entries(momentum: float) -> tuple[str, ...]:
    return ("momentum",) if momentum > 0 else ()


def rmsprop_entries(momentum: float, centered: bool) -> tuple[str, ...]:
    return ("square_avg", *(("grad_avg",) if centered else ()), *sgd_entries(momentum))


def fraction(name: str, value: float) -> None:
    check.number(name, value, low=0, high=1, high_open=True)


def positive(name: str, value: float) -> None:
    check.number(name, value, low=0, low_open=True)


def init(self: Family, params: Any) -> None:
    """Of an optimizer that starts from the parameters alone."""
    require_arrays(self, "params", params)


def moment_numbers(self: Family, lr: float | Array, beta1: float, beta2: float, eps: float, l2: float = 0.0) -> None:
    """The numbers that Adam and its variants share."""
    check.scalar(self, "lr", lr, low=0)
    fraction("beta1", beta1)
    fraction("beta2", beta2)
    positive("eps", eps)
    check.number("l2", l2, low=0)


def decay(params: Any, weight_decay: float, decay_mask: Any) -> None:
    """A decoupled decay, and which leaves of `params` it is for."""
    check.number("weight_decay", weight_decay, low=0)
    require_mask("decay_mask", decay_mask, "params", params)


def counted(self: Family, state: State, entries: tuple[str, ...]) -> None:
    """A state of a step and these entries."""
    wanted = ("step", *entries)
    said = f"the entries {', '.join(wanted)}, as _init makes them with the same arguments"
    check.entries("state", state, wanted, said)
    check.integer(self, "state['step']", state["step"])
    check.shape("state['step']", state["step"], ())


def trees(
    self: Family, params: Any, grads: Any, state: State, entries: tuple[str, ...], scalars: tuple[str, ...] = ()
) -> None:
    """The parameters, what is like them, and of the state the counter and `scalars`, floating of rank 0."""
    require_arrays(self, "params", params)
    require_like(self, "grads", grads, "params", params)
    counted(self, state, (*entries, *scalars))
    for entry in entries:
        require_like(self, f"state[{entry!r}]", state[entry], "params", params)
    for entry in scalars:
        check.floating(self, f"state[{entry!r}]", state[entry])
        check.shape(f"state[{entry!r}]", state[entry], ())


def sgd_init(self: Family, params: Any, *, momentum: float = 0.0) -> None:
    require_arrays(self, "params", params)
    fraction("momentum", momentum)


def sgd_update(
    self: Family,
    params: Any,
    grads: Any,
    state: State,
    *,
    lr: float | Array = 0.01,
    momentum: float = 0.0,
    nesterov: bool = False,
    l2: float = 0.0,
    weight_decay: float = 0.0,
    decay_mask: Any = None,
) -> None:
    check.scalar(self, "lr", lr, low=0)
    fraction("momentum", momentum)
    check.flag("nesterov", nesterov)
    if nesterov and momentum == 0:
        raise ArgumentError(f"nesterov: expected False without momentum, got {nesterov!r}")
    check.number("l2", l2, low=0)
    trees(self, params, grads, state, sgd_entries(momentum))
    decay(params, weight_decay, decay_mask)


def rmsprop_init(self: Family, params: Any, *, momentum: float = 0.0, centered: bool = False) -> None:
    sgd_init(self, params, momentum=momentum)
    check.flag("centered", centered)


def rmsprop_update(
    self: Family,
    params: Any,
    grads: Any,
    state: State,
    *,
    lr: float | Array = 0.01,
    alpha: float = 0.99,
    eps: float = 1e-8,
    momentum: float = 0.0,
    centered: bool = False,
    l2: float = 0.0,
    weight_decay: float = 0.0,
    decay_mask: Any = None,
) -> None:
    check.scalar(self, "lr", lr, low=0)
    fraction("alpha", alpha)
    positive("eps", eps)
    fraction("momentum", momentum)
    check.flag("centered", centered)
    check.number("l2", l2, low=0)
    trees(self, params, grads, state, rmsprop_entries(momentum, centered))
    decay(params, weight_decay, decay_mask)


def adam_update(
    self: Family,
    params: Any,
    grads: Any,
    state: State,
    *,
    lr: float | Array = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    l2: float = 0.0,
) -> None:
    moment_numbers(self, lr, beta1, beta2, eps, l2)
    trees(self, params, grads, state, ADAM)


def adamw_update(
    self: Family,
    params: Any,
    grads: Any,
    state: State,
    *,
    lr: float | Array = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.01,
    decay_mask: Any = None,
) -> None:
    adam_update(self, params, grads, state, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    decay(params, weight_decay, decay_mask)


def clip_by_value(self: Family, grads: Any, *, max_value: float = 1.0) -> None:
    require_arrays(self, "grads", grads)
    positive("max_value", max_value)


def clip_by_norm(self: Family, grads: Any, *, max_norm: float = 1.0) -> None:
    require_arrays(self, "grads", grads)
    positive("max_norm", max_norm)


def clip_by_global_norm(self: Family, grads: Any, *, max_norm: float = 1.0) -> None:
    require_arrays(self, "grads", grads, one_dtype=True)
    positive("max_norm", max_norm)
