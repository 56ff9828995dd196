"""Native optimizer steps: PyTorch's fused kernels, in place where the buffers were donated."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import optree
import torch
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from nnspec.operation import Array, Family
from nnspec.ops.optimizers import Optimizers
from nnspec.ops.optimizers._steps import State, next_step
from nnspec_backends.torch._modes import traced

__all__ = ["TorchOptimizers", "donation"]

Columns = list[list[Array]]


class _Donated(threading.local):
    """The tensors whose buffers this thread's running step may overwrite, by id."""

    tensors: dict[int, Array]

    def __init__(self) -> None:
        self.tensors = {}


_donated = _Donated()


@contextmanager
def donation(values: Sequence[Any]) -> Iterator[None]:
    """Within it, updates may overwrite the tensors in the pytrees `values`."""
    before = _donated.tensors
    leaves = [leaf for value in values for leaf in optree.tree_leaves(value)]
    _donated.tensors = before | {id(leaf): leaf for leaf in leaves if isinstance(leaf, torch.Tensor)}
    try:
        yield
    finally:
        _donated.tensors = before


def _is_writable(x: Array) -> bool:
    return id(x) in _donated.tensors and x.is_contiguous()


def _written(columns: Columns, grads: list[Array]) -> Columns:
    """The tensors to update in place: fresh names of the donated buffers, or copies of what is not donated.

    A donated tensor lets go of its buffer, so that a later look at the old value fails and does not see
    the new one.
    """
    tensors = [x for column in columns for x in column]
    if not all(map(_is_writable, tensors)) or _overlap(tensors, grads):
        layout = torch.contiguous_format
        return [[x.detach().clone(memory_format=layout) for x in column] for column in columns]
    kept = [[x.detach() for x in column] for column in columns]
    for x in tensors:
        x.data = x.new_empty(0)
    return kept


def _overlap(tensors: list[Array], grads: list[Array]) -> bool:
    """Whether a buffer occurs twice among `tensors` (tied weights), or a gradient lies in one of them."""
    addresses = [x.data_ptr() for x in tensors if x.numel()]
    buffers = {x.untyped_storage().data_ptr() for x in tensors if x.numel()}
    return len(set(addresses)) < len(addresses) or any(
        g.untyped_storage().data_ptr() in buffers for g in grads if g.numel()
    )


def _is_plain(x: Array, dtypes: tuple[torch.dtype, ...]) -> bool:
    return x.dtype in dtypes and not traced(x) and not (x.requires_grad and torch.is_grad_enabled())


def _number(lr: Any) -> float | None:
    """The learning rate where reading it forces no device to wait."""
    if not isinstance(lr, torch.Tensor):
        return float(lr)
    return None if traced(lr) or not lr.is_cpu else float(lr)


def _columns(trees: Sequence[Any], dtypes: tuple[torch.dtype, ...]) -> Columns | None:
    """The leaves of each tree, where the native kernels can take them all."""
    columns = [optree.tree_leaves(tree) for tree in trees]
    if not all(_is_plain(x, dtypes) for column in columns for x in column):
        return None
    return columns


def _updated(
    self: Family,
    kernel: Callable[[Columns], None],
    columns: Columns,
    params: Any,
    state: State,
    entries: tuple[str, ...],
) -> tuple[Any, State]:
    """Parameters and state after `kernel(params, grads, *moments)`; `columns` is in that order."""
    spec = optree.tree_structure(params)
    first, *moments = _written([columns[0], *columns[2:]], columns[1])
    with torch.no_grad():
        kernel([first, [g.contiguous() for g in columns[1]], *moments])
    new = {name: optree.tree_unflatten(spec, column) for name, column in zip(entries, moments, strict=True)}
    return optree.tree_unflatten(spec, first), {"step": next_step(self, state["step"]), **new}


def _steps(step: Array, like: list[Array]) -> list[Array]:
    """The count of updates before this one for every parameter: the kernels count for each by itself."""
    return list(step.to(torch.float32).to(like[0].device).expand(len(like)).clone().unbind())


class TorchOptimizers(Optimizers):
    """PyTorch's own kernels for the arguments of which they agree with the definitions.

    Adam's kernels form 1 - beta^t in float64 by the power: good for float32 parameters only.
    """

    def sgd_update(
        self,
        params: Any,
        grads: Any,
        state: State,
        *,
        lr: float | Array = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        l2: float = 0.0,
        weight_decay: float = 0.0,
    ) -> tuple[Any, State]:
        entries = ("momentum",) if momentum > 0 else ()
        rate = _number(lr)
        columns = _columns([params, grads, *(state[e] for e in entries)], (torch.float32, torch.float64))
        if columns is None or rate is None or weight_decay > 0:
            return super().sgd_update(
                params,
                grads,
                state,
                lr=lr,
                momentum=momentum,
                nesterov=nesterov,
                l2=l2,
                weight_decay=weight_decay,
            )

        def kernel(c: Columns) -> None:
            sgd(
                c[0],
                c[1],
                list(c[2]) if momentum > 0 else [None] * len(c[0]),
                fused=True,
                weight_decay=2 * l2,
                momentum=momentum,
                lr=rate,
                dampening=0.0,
                nesterov=nesterov,
                maximize=False,
            )

        return _updated(self, kernel, columns, params, state, entries)

    def rmsprop_update(
        self,
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
    ) -> tuple[Any, State]:
        entries = ("square_avg", "momentum") if momentum > 0 else ("square_avg",)
        rate = _number(lr)
        columns = None
        if not centered:  # the kernel takes the root of a variance rounded below 0
            columns = _columns([params, grads, *(state[e] for e in entries)], (torch.float32, torch.float64))
        if columns is None or rate is None or weight_decay > 0:
            return super().rmsprop_update(
                params,
                grads,
                state,
                lr=lr,
                alpha=alpha,
                eps=eps,
                momentum=momentum,
                centered=centered,
                l2=l2,
                weight_decay=weight_decay,
            )

        def kernel(c: Columns) -> None:
            rmsprop(
                c[0],
                c[1],
                c[2],
                [],
                c[3] if momentum > 0 else [],
                [torch.zeros(()) for _ in c[0]],
                foreach=True,
                lr=rate,
                alpha=alpha,
                eps=eps,
                weight_decay=2 * l2,
                momentum=momentum,
                centered=False,
            )

        return _updated(self, kernel, columns, params, state, entries)

    def adam_update(
        self,
        params: Any,
        grads: Any,
        state: State,
        *,
        lr: float | Array = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        l2: float = 0.0,
    ) -> tuple[Any, State]:
        entries = ("exp_avg", "exp_avg_sq")
        rate = _number(lr)
        columns = _columns([params, grads, *(state[e] for e in entries)], (torch.float32,))
        if columns is None or rate is None or traced(state["step"]):
            return super().adam_update(params, grads, state, lr=lr, beta1=beta1, beta2=beta2, eps=eps, l2=l2)

        def kernel(c: Columns) -> None:
            adam(
                c[0],
                c[1],
                c[2],
                c[3],
                [],
                _steps(state["step"], c[0]),
                fused=True,
                amsgrad=False,
                beta1=beta1,
                beta2=beta2,
                lr=rate,
                weight_decay=2 * l2,
                eps=eps,
                maximize=False,
            )

        return _updated(self, kernel, columns, params, state, entries)

    def adamw_update(
        self,
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
    ) -> tuple[Any, State]:
        entries = ("exp_avg", "exp_avg_sq")
        rate = _number(lr)
        columns = _columns([params, grads, *(state[e] for e in entries)], (torch.float32,))
        if columns is None or rate is None or traced(state["step"]):
            return super().adamw_update(
                params,
                grads,
                state,
                lr=lr,
                beta1=beta1,
                beta2=beta2,
                eps=eps,
                weight_decay=weight_decay,
                decay_mask=decay_mask,
            )
        flags = [True] * len(columns[0]) if decay_mask is None else optree.tree_leaves(decay_mask)

        def kernel(c: Columns) -> None:
            for decays in set(flags):
                group = [[x for x, flag in zip(column, flags, strict=True) if flag is decays] for column in c]
                adamw(
                    group[0],
                    group[1],
                    group[2],
                    group[3],
                    [],
                    _steps(state["step"], group[0]),
                    fused=True,
                    amsgrad=False,
                    beta1=beta1,
                    beta2=beta2,
                    lr=rate,
                    weight_decay=weight_decay if decays else 0.0,
                    eps=eps,
                    maximize=False,
                )

        return _updated(self, kernel, columns, params, state, entries)
