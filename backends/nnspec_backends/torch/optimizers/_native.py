"""When an update runs on torch's own kernel, and what the kernel is given."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeAlias, TypeVar

import optree
import torch

from nnspec.operation import Array, Family, Operation
from nnspec.ops.optimizers._steps import State, decays, next_step
from nnspec_backends.torch._modes import is_recording, traced
from nnspec_backends.torch.optimizers._donation import writable

__all__ = ["BOTH", "SINGLE", "Columns", "native", "steps_before", "unused_steps"]

#: the leaves of "params", "grads" and every moment, in one order
Columns: TypeAlias = dict[str, list[Array]]
_Kernel: TypeAlias = Callable[[Columns, SimpleNamespace], None]
_F = TypeVar("_F", bound=Callable[..., Any])

SINGLE: tuple[torch.dtype, ...] = (torch.float32,)
BOTH: tuple[torch.dtype, ...] = (torch.float32, torch.float64)


def native(
    definition: _F,
    kernel: _Kernel,
    *,
    entries: Callable[[SimpleNamespace], tuple[str, ...]],
    dtypes: tuple[torch.dtype, ...],
    accepts: Callable[[SimpleNamespace], bool] = lambda o: True,
    reads_step: bool = False,
) -> _F:
    """An override of `definition`: `kernel` where torch can take the arguments, else the definition.

    Args:
        definition: an operation `NAME_update`.
        kernel: called with the columns, all to be updated in place but "grads", and with the operation's options;
            beside these there are `step`, the counter before this update, `decay`, the decoupled decay of each
            parameter, and copies of those entries of the state that are no trees, also to be updated in place.
        entries: the state's entries that are trees like the parameters.
        dtypes: those in which the kernel is as exact as the definition.
        accepts: the options with which it is the same mathematics.
        reads_step: whether the kernel looks at the value of the counter: not where a device would have to wait.
    """
    operation: Operation = definition.__operation__  # type: ignore[attr-defined]
    parameters = operation.signature.parameters.values()
    defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    @functools.wraps(definition, updated=())
    def call(self: Family, params: Any, grads: Any, state: State, **given: Any) -> tuple[Any, State]:
        if torch.compiler.is_compiling():  # which does not follow what is below, and has fast code of its own
            return operation.definition(self, params, grads, state, **given)  # type: ignore[no-any-return]
        o = SimpleNamespace(**(defaults | given))
        names = entries(o)
        others = {name: state[name] for name in state if name not in (*names, "step")}
        columns = _columns({"params": params, "grads": grads, **{name: state[name] for name in names}}, dtypes)
        rate = _number(o.lr)
        if (
            columns is None
            or rate is None
            or traced(state["step"])
            or (reads_step and (is_recording() or not all(x.is_cpu for x in (state["step"], *others.values()))))
            or (_positive(o, "l2") and _positive(o, "weight_decay"))  # the penalty is of p before it decays
            or not accepts(o)
        ):
            return operation.definition(self, params, grads, state, **given)  # type: ignore[no-any-return]
        others = {name: x.clone() for name, x in others.items()}
        o.lr, o.step = rate, state["step"]
        o.decay = decays(params, getattr(o, "weight_decay", 0.0), getattr(o, "decay_mask", None))
        vars(o).update(others)
        taken = columns.pop("grads")
        columns = writable(columns, taken)
        with torch.no_grad():
            step = {**columns, "grads": [g.contiguous() for g in taken]}
            if any(o.decay):
                _decaying(kernel, step, o)
            else:
                kernel(step, o)
        spec = optree.tree_structure(params)
        new = {name: optree.tree_unflatten(spec, columns[name]) for name in ("params", *names)}
        return new.pop("params"), {"step": next_step(self, state["step"]), **new, **others}

    call.__signature__ = inspect.signature(definition)  # type: ignore[attr-defined]
    del call.__wrapped__  # an override is what it is, and no definition underneath
    return call  # type: ignore[return-value]


def _decaying(kernel: _Kernel, c: Columns, o: SimpleNamespace) -> None:
    """The kernel's steps from 0, then `p + (step - lr decay p)` with one rounding.

    The kernels' own decay, p (1 - lr decay), rounds by itself and alike in every step: by 13 units in 300.
    """
    steps = [torch.zeros_like(p) for p in c["params"]]
    kernel({**c, "params": steps}, o)
    for p, step, decay in zip(c["params"], steps, o.decay, strict=True):
        p.add_(step.sub_(p, alpha=o.lr * decay))


def _positive(o: SimpleNamespace, name: str) -> bool:
    return getattr(o, name, 0.0) > 0


def _number(lr: Any) -> float | None:
    """The learning rate where reading it forces no device to wait."""
    if not isinstance(lr, torch.Tensor):
        return float(lr)
    return None if traced(lr) or is_recording() or not lr.is_cpu else float(lr)


def _columns(trees: dict[str, Any], dtypes: tuple[torch.dtype, ...]) -> Columns | None:
    """The leaves of each tree, where the kernels can take them all."""
    columns = {name: optree.tree_leaves(tree) for name, tree in trees.items()}
    if not all(_is_plain(x, dtypes) for column in columns.values() for x in column):
        return None
    return columns


def _is_plain(x: Array, dtypes: tuple[torch.dtype, ...]) -> bool:
    return x.dtype in dtypes and not traced(x) and not (x.requires_grad and torch.is_grad_enabled())


# -- for the kernels ---------------------------------------------------------------------------------------


def steps_before(o: SimpleNamespace, like: list[Array]) -> list[Array]:
    """The count of updates before this one for every parameter: the kernels count for each by itself."""
    return list(o.step.to(torch.float32).to(like[0].device).expand(len(like)).clone().unbind())


def unused_steps(c: Columns) -> list[Array]:
    """Counters for a kernel whose arithmetic does not look at them."""
    return [torch.zeros(()) for _ in c["params"]]
