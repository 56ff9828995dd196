"""The tape: nodes, primitives and the backward pass. It knows nothing of the arrays but + and NumPy's protocols."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["Tensor", "cast", "kernel", "primitive", "pullback", "raw"]

_count = itertools.count(1).__next__
#: given the cotangent of the output, the cotangents of the parents
_Back = Callable[[Any], Sequence[Any]]


class Tensor:
    """An array whose making is recorded. The operators are set by nnspec.tape.namespace."""

    __slots__ = ("back", "order", "parents", "value")
    __array_ufunc__ = None  # so that ndarray operators defer to ours
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Any, parents: Sequence[Tensor] = (), back: _Back | None = None) -> None:
        self.value = value
        self.parents = parents
        self.back = back
        self.order = _count()

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        return self.value.ndim  # type: ignore[no-any-return]

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def size(self) -> int:
        return self.value.size  # type: ignore[no-any-return]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        """Refused: what NumPy's own functions did with it would be lost to the derivative."""
        raise TypeError(
            "NumPy's functions cannot record derivatives; use those of nnspec.tape.namespace, or nnspec.tape.kernel"
        )

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __repr__(self) -> str:
        return f"Tensor({self.value!r})"


def raw(x: Any) -> Any:
    """The array inside a Tensor; anything else as it is."""
    return x.value if isinstance(x, Tensor) else x


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum a cotangent over the axes along which its array was repeated."""
    if g.shape == shape:
        return g
    lead = g.ndim - len(shape)
    axes = (*range(lead), *(i + lead for i, n in enumerate(shape) if n == 1 and g.shape[i + lead] != 1))
    return np.add.reduce(g, axis=axes, keepdims=True).reshape(shape) if axes else g.reshape(shape)


def primitive(forward: Callable[..., Any], *vjps: Callable[..., Any] | None) -> Callable[..., Any]:
    """A differentiable function of arrays.

    Args:
        forward: of raw arrays (positional) and options (keyword).
        *vjps: one an array argument, called as vjp(g, out, *arrays, **options) for the cotangent of that argument
            in the broadcast shape; None where nothing flows.
    """

    def call(*args: Any, **options: Any) -> Any:
        for a in args:
            if isinstance(a, Tensor):
                break
        else:
            return forward(*args, **options)
        arrays = [raw(a) for a in args]
        out = forward(*arrays, **options)
        live = [i for i, a in enumerate(args) if isinstance(a, Tensor) and vjps[i] is not None]

        def back(g: Any) -> list[Any]:
            return [unbroadcast(vjps[i](g, out, *arrays, **options), arrays[i].shape) for i in live]  # type: ignore[misc]

        return Tensor(out, [args[i] for i in live], back)

    return call


def _cast(a: Any, *, dtype: Any) -> Any:
    with np.errstate(over="ignore"):  # that a scaled gradient leaves the range of float16 is no accident
        return np.asarray(a.astype(dtype))


#: another dtype, which the cotangent leaves again
cast = primitive(_cast, lambda g, out, a, *, dtype: _cast(g, dtype=a.dtype))


def kernel(forward: Callable[..., tuple[Any, Any]], backward: Callable[..., Sequence[Any]]) -> Callable[..., Any]:
    """A differentiable function whose gradients share work.

    Args:
        forward: of raw arrays and options; returns the output and what the backward pass needs of it.
        backward: called as backward(g, saved, needed) with one flag an argument; returns one cotangent an argument,
            anything where it is not needed.
    """

    def call(*args: Any, **options: Any) -> Any:
        out, saved = forward(*[raw(a) for a in args], **options)
        needed = tuple(isinstance(a, Tensor) for a in args)
        if not any(needed):
            return out

        def back(g: Any) -> list[Any]:
            return [c for c, wanted in zip(backward(g, saved, needed), needed, strict=True) if wanted]

        return Tensor(out, [a for a in args if isinstance(a, Tensor)], back)

    return call


def pullback(outputs: Sequence[Any], leaves: Sequence[Tensor]) -> Callable[[Sequence[Any]], list[Any]]:
    """The map from cotangents of `outputs` to those of `leaves`; a leaf that was not used gets zeros."""
    reached: dict[int, Tensor] = {}
    todo = [o for o in outputs if isinstance(o, Tensor)]
    while todo:
        node = todo.pop()
        if node.order not in reached:
            reached[node.order] = node
            todo.extend(node.parents)
    nodes = [reached[order] for order in sorted(reached, reverse=True)]

    def pull(cotangents: Sequence[Any]) -> list[Any]:
        grads: dict[int, Any] = {}

        def accumulate(node: Tensor, g: Any) -> None:
            grads[node.order] = grads[node.order] + g if node.order in grads else g

        for output, g in zip(outputs, cotangents, strict=True):
            if isinstance(output, Tensor):
                accumulate(output, g)
        for node in nodes:
            if node.back is not None and node.order in grads:
                for parent, g in zip(node.parents, node.back(grads[node.order]), strict=True):
                    accumulate(parent, g)
        return [grads[leaf.order] if leaf.order in grads else np.zeros_like(leaf.value) for leaf in leaves]

    return pull
