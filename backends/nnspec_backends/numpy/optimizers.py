"""Native optimizer steps: by blocks that stay in the cache, and in place where the buffers were donated.

Every kernel does the operations of the definition in their order, so that its results are equal to the bit.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from nnspec.operation import Array
from nnspec.ops.optimizers import Optimizers
from nnspec.ops.optimizers._checks import ADAM, rmsprop_entries, sgd_entries
from nnspec.ops.optimizers._steps import State, decays, next_step
from nnspec.tape import Tensor
from nnspec_backends.numpy._donation import donating, outputs
from nnspec_backends.numpy._plan import Recorder, Traced, recorder_of

__all__ = ["NumpyOptimizers"]

#: the arguments are checked already
_sgd_by_definition: Callable[..., tuple[Any, State]] = inspect.unwrap(Optimizers.sgd_update)
#: elements of a block
_BLOCK = 32768
_ZEROS: dict[Any, Array] = {}
Columns = list[list[Array]]
#: of the gradient, p and moments, new p and moments, and three arrays to work in
_Kernel = Callable[..., None]


def _columns(params: Any, grads: Any, state: State, entries: tuple[str, ...], lr: Any) -> Columns | None:
    """The leaves of the gradients, the parameters and each moment; None where something is recorded."""
    columns = [optree.tree_leaves(tree) for tree in (grads, params, *(state[entry] for entry in entries))]
    recorded = isinstance(lr, Tensor) or any(isinstance(leaf, Tensor) for column in columns for leaf in column)
    return None if recorded else columns


def _updated(
    columns: Columns,
    params: Any,
    step: Array,
    entries: tuple[str, ...],
    each: list[float],
    kernel: Callable[[Any, float], _Kernel],
) -> tuple[Any, State]:
    """Parameters and state after `kernel(dtype, decay)` of every leaf; `each` holds the decays."""
    recorder = recorder_of([leaf for column in columns for leaf in column])
    new = _computed(columns, each, kernel) if recorder is None else _recorded(recorder, columns, each, kernel)
    spec = optree.tree_structure(params)
    trees = [optree.tree_unflatten(spec, column) for column in new]
    return trees[0], {"step": step, **dict(zip(entries, trees[1:], strict=True))}


def _computed(columns: Columns, each: list[float], kernel: Callable[[Any, float], _Kernel]) -> Columns:
    new, written = outputs(columns[1:], columns[0])
    kernels: dict[Any, _Kernel] = {}
    for decay, *arrays in zip(each, *columns, *new, strict=True):
        key = arrays[0].dtype, decay
        if key not in kernels:
            kernels[key] = kernel(*key)
        _by_blocks(kernels[key], arrays)
    written()
    return new


def _recorded(
    recorder: Recorder, columns: Columns, each: list[float], kernel: Callable[[Any, float], _Kernel]
) -> Columns:
    """The step over one buffer for all leaves of a dtype and decay."""
    new: Columns = [[None] * len(each) for _ in columns[1:]]
    groups: dict[Any, list[int]] = {}
    for i, (leaf, decay) in enumerate(zip(columns[0], each, strict=True)):
        groups.setdefault((leaf.dtype, decay), []).append(i)
    for key, members in groups.items():
        step = kernel(*key)
        parts = [[column[i] for i in members] for column in columns]
        old = [recorder.flat(leaves) for leaves in parts]
        written = [recorder.like(x) for x in old[1:]]
        work = [recorder.work(old[0], _BLOCK) for _ in range(3)]
        with recorder.section(_BLOCK, list(zip(old[1:], written, strict=True))):
            step(*old, *written, *work)
        for column, flat in zip(new, written, strict=True):
            for i, leaf in zip(members, recorder.rows(flat, parts[0]), strict=True):
                column[i] = leaf
    return new


def _by_blocks(kernel: _Kernel, arrays: Sequence[Array]) -> None:
    flat = [x.reshape(-1) for x in arrays]
    size = flat[0].size
    work = [np.empty(min(size, _BLOCK), flat[0].dtype) for _ in range(3)]
    whole = size - size % _BLOCK
    if whole:
        # the rows of a matrix are faster to come by than as many slices
        for rows in zip(*(x[:whole].reshape(-1, _BLOCK) for x in flat), strict=True):
            kernel(*rows, *work)
    if whole < size:
        kernel(*(x[whole:] for x in flat), *(w[: size - whole] for w in work))


def _scalars(dtype: Any, *numbers: Any) -> list[Array]:
    """As arrays of rank 0: operands that cost a call the least."""
    return [x.astype(dtype, copy=False) if isinstance(x, Traced) else np.asarray(x, dtype) for x in numbers]


def _one_minus_powers(dtype: Any, step: Array, *betas: float) -> list[Array]:
    """`1 - beta^step` of each, of rank 0."""
    logs = np.array([math.log(beta) if beta > 0 else -math.inf for beta in betas], dtype)
    powers = -np.expm1(step.astype(dtype) * logs)
    return [powers[i, ...] for i in range(len(betas))]


def _coupling(dtype: Any, l2: float) -> Callable[[Array, Array, Array], Array]:
    """A function of g, p and work that returns `g + 2 l2 p`."""
    if l2 == 0:
        return lambda g, p, work: g
    (twice,) = _scalars(dtype, 2 * l2)

    def coupled(g: Array, p: Array, work: Array) -> Array:
        np.multiply(p, twice, out=work)
        return np.add(g, work, out=work)

    return coupled


def _moving(dtype: Any, lr: Any, decay: float) -> Callable[[Array, Array, Array, Array], None]:
    """A function of p, the direction, the new p and work other than the direction."""
    rate, weight_decay = _scalars(dtype, lr, decay)

    def moved(p: Array, direction: Array, new: Array, work: Array) -> None:
        if decay > 0:
            np.multiply(p, weight_decay, out=work)
            direction = np.add(direction, work, out=work)
        np.multiply(direction, rate, out=work)
        np.subtract(p, work, out=new)

    return moved


def _mean(dtype: Any, beta: float) -> Callable[[Array, Array, Array, Array], None]:
    """A function of the average a, the value x, the new a and work: `beta a + (1 - beta) x`; work may be x."""
    kept, taken = _scalars(dtype, beta, 1 - beta)

    def mean(a: Array, x: Array, new: Array, work: Array) -> None:
        np.multiply(x, taken, out=work)
        np.multiply(a, kept, out=new)
        np.add(new, work, out=new)

    return mean


def _zeros_like(x: Array) -> Array:
    """Zeros for a block: a maximum with an array is found in a third of the time it takes with a scalar."""
    if isinstance(x, Traced):
        return x.recorder.zeros(x, _BLOCK)
    if x.dtype not in _ZEROS or _ZEROS[x.dtype].size < x.size:
        _ZEROS[x.dtype] = np.zeros(x.size, x.dtype)
    return _ZEROS[x.dtype][: x.size]


def _rooting(dtype: Any, eps: float) -> Callable[[Array, Array], None]:
    """A function of x and where to put `sqrt(max(x, 0)) + eps`."""
    (small,) = _scalars(dtype, eps)

    def root(x: Array, new: Array) -> None:
        np.maximum(x, _zeros_like(x), out=new)
        np.sqrt(new, out=new)
        np.add(new, small, out=new)

    return root


class NumpyOptimizers(Optimizers):
    """The definitions over buffers that are reused."""

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
        decay_mask: Any = None,
    ) -> tuple[Any, State]:
        entries = sgd_entries(momentum)
        columns = _columns(params, grads, state, entries, lr)
        if not donating() and columns is not None and recorder_of(columns[0] + columns[1]) is None:
            columns = None
        if columns is None:  # two or three passes: new buffers cost less than blocks do
            return _sgd_by_definition(
                self,
                params,
                grads,
                state,
                lr=lr,
                momentum=momentum,
                nesterov=nesterov,
                l2=l2,
                weight_decay=weight_decay,
                decay_mask=decay_mask,
            )

        def plain(dtype: Any, decay: float) -> _Kernel:
            coupled, moved = _coupling(dtype, l2), _moving(dtype, lr, decay)

            def kernel(g: Array, p: Array, p_: Array, t: Array, u: Array, w: Array) -> None:
                moved(p, coupled(g, p, w), p_, t)

            return kernel

        def with_momentum(dtype: Any, decay: float) -> _Kernel:
            coupled, moved = _coupling(dtype, l2), _moving(dtype, lr, decay)
            (kept,) = _scalars(dtype, momentum)

            def kernel(g: Array, p: Array, v: Array, p_: Array, v_: Array, t: Array, u: Array, w: Array) -> None:
                g = coupled(g, p, w)
                np.multiply(v, kept, out=v_)
                direction = np.add(v_, g, out=v_)
                if nesterov:
                    np.multiply(v_, kept, out=t)
                    direction = np.add(g, t, out=t)
                moved(p, direction, p_, u)

            return kernel

        make = with_momentum if entries else plain
        each = decays(params, weight_decay, decay_mask)
        return _updated(columns, params, next_step(self, state["step"]), entries, each, make)

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
        decay_mask: Any = None,
    ) -> tuple[Any, State]:
        entries = rmsprop_entries(momentum, centered)
        columns = _columns(params, grads, state, entries, lr)
        if columns is None:
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
                decay_mask=decay_mask,
            )

        def make(dtype: Any, decay: float) -> _Kernel:
            coupled, moved = _coupling(dtype, l2), _moving(dtype, lr, decay)
            mean, root = _mean(dtype, alpha), _rooting(dtype, eps)
            (kept,) = _scalars(dtype, momentum)

            def kernel(g: Array, p: Array, *more: Array) -> None:
                old, (p_, *new), (t, u, w) = more[: len(entries)], more[len(entries) : -3], more[-3:]
                g = coupled(g, p, w)
                np.multiply(g, g, out=t)
                mean(old[0], t, new[0], t)
                variance = new[0]
                if centered:
                    mean(old[1], g, new[1], t)
                    np.multiply(new[1], new[1], out=t)
                    variance = np.subtract(variance, t, out=t)
                root(variance, t)
                direction = np.divide(g, t, out=t)
                if momentum > 0:
                    np.multiply(old[-1], kept, out=new[-1])
                    direction = np.add(new[-1], t, out=new[-1])
                moved(p, direction, p_, u)

            return kernel

        each = decays(params, weight_decay, decay_mask)
        return _updated(columns, params, next_step(self, state["step"]), entries, each, make)

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
        columns = _columns(params, grads, state, ADAM, lr)
        if columns is None:
            return super().adam_update(params, grads, state, lr=lr, beta1=beta1, beta2=beta2, eps=eps, l2=l2)
        step = next_step(self, state["step"])
        make = self._adam(step, lr, beta1, beta2, eps, l2)
        return _updated(columns, params, step, ADAM, decays(params, 0.0, None), make)

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
        columns = _columns(params, grads, state, ADAM, lr)
        if columns is None:
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
        step = next_step(self, state["step"])
        make = self._adam(step, lr, beta1, beta2, eps, 0.0)
        return _updated(columns, params, step, ADAM, decays(params, weight_decay, decay_mask), make)

    def _adam(
        self, step: Array, lr: Any, beta1: float, beta2: float, eps: float, l2: float
    ) -> Callable[[Any, float], _Kernel]:
        def make(dtype: Any, decay: float) -> _Kernel:
            coupled, moved = _coupling(dtype, l2), _moving(dtype, lr, decay)
            first, second, root = _mean(dtype, beta1), _mean(dtype, beta2), _rooting(dtype, eps)
            c1, c2 = _one_minus_powers(dtype, step, beta1, beta2)

            def kernel(
                g: Array, p: Array, m: Array, v: Array, p_: Array, m_: Array, v_: Array, t: Array, u: Array, w: Array
            ) -> None:
                g = coupled(g, p, w)
                first(m, g, m_, t)
                np.multiply(g, g, out=t)
                second(v, t, v_, t)
                np.divide(v_, c2, out=t)
                root(t, t)
                np.divide(m_, c1, out=u)
                np.divide(u, t, out=t)
                moved(p, t, p_, u)

            return kernel

        return make
