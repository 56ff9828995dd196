"""What several families share: pytrees of arrays, magnitudes and norms."""

from __future__ import annotations

from typing import Any

import optree

from nnspec import _validate as check
from nnspec.errors import ArgumentError, DTypeError, ShapeError
from nnspec.operation import Array, Family

__all__ = ["magnitude", "norm", "only", "require_arrays", "require_axes", "require_like", "require_mask", "root"]


def _names(name: str, tree: optree.PyTreeSpec) -> list[str]:
    """What the leaves are called in messages: params['dense']['weight']."""
    return [name + "".join(f"[{key!r}]" for key in path) for path in optree.treespec_paths(tree)]


def require_arrays(backend: Family, name: str, tree: Any, *, one_dtype: bool = False) -> None:
    """`tree` is a pytree of at least one floating array, of one dtype if so required."""
    leaves, spec = optree.tree_flatten(tree)
    if not leaves:
        raise ArgumentError(f"{name}: expected a pytree of at least one array, got {tree!r:.80}")
    if not all(map(backend.is_floating, leaves)):
        for where, leaf in zip(_names(name, spec), leaves, strict=True):
            check.floating(backend, where, leaf)
    if one_dtype and any(leaf.dtype != leaves[0].dtype for leaf in leaves):
        found = ", ".join(sorted({str(leaf.dtype).removeprefix("torch.") for leaf in leaves}))
        raise DTypeError(f"{name}: expected arrays of one dtype, got {found}")


def require_like(backend: Family, name: str, tree: Any, like: str, model: Any) -> None:
    """`tree` has the structure of `model`, and its leaves the shapes and dtypes of those of `model`."""
    leaves, spec = optree.tree_flatten(tree)
    expected, expected_spec = optree.tree_flatten(model)
    if spec != expected_spec:
        raise ArgumentError(f"{name}: expected the structure of {like}, {expected_spec}, got {spec}")
    for i, (leaf, wanted) in enumerate(zip(leaves, expected, strict=True)):
        # the common case is decided here: an update checks several trees a step
        if backend.is_floating(leaf) and leaf.dtype == wanted.dtype and leaf.shape == wanted.shape:
            continue
        where, of = _names(name, spec)[i], _names(like, spec)[i]
        check.same_dtype(backend, where, leaf, of, wanted)
        check.shape(where, leaf, tuple(wanted.shape), f"(that of {of})")


def require_axes(name: str, tree: Any, low: int, advice: str) -> None:
    """The leaves of `tree` have at least `low` axes; `advice` says what to do with others."""
    leaves, spec = optree.tree_flatten(tree)
    for i, leaf in enumerate(leaves):
        if leaf.ndim < low:
            where = _names(name, spec)[i]
            raise ShapeError(f"{where}: expected at least {low} axes, got shape {tuple(leaf.shape)}; {advice}")


def require_mask(name: str, mask: Any, like: str, model: Any) -> None:
    """`mask` is None, or a pytree of Python bools in the structure of `model`."""
    if mask is None:
        return
    flags, spec = optree.tree_flatten(mask)
    expected = optree.tree_structure(model)
    if spec != expected:
        raise ArgumentError(f"{name}: expected the structure of {like}, {expected}, got {spec}")
    for value in flags:
        check.flag(name, value)


def only(mask: Any, tree: Any) -> Any:
    """`tree` with None, which is no leaf, in place of the leaves where `mask` is False; all of it for None."""
    return tree if mask is None else optree.tree_map(lambda chosen, leaf: leaf if chosen else None, mask, tree)


def magnitude(backend: Family, x: Array) -> Array:
    """|x|, with derivative 0 at 0; NaN propagates."""
    return x * backend.stop_gradient(backend.xp.sign(x))


def root(backend: Family, x: Array) -> Array:
    """The square root, with value and derivative 0 where `x <= 0`; NaN propagates."""
    xp = backend.xp
    none = x <= 0
    return xp.where(none, 0.0, xp.sqrt(xp.where(none, 1.0, x)))


def norm(backend: Family, arrays: list[Array]) -> Array:
    """The Euclidean norm of all elements of `arrays` together, of rank 0; its derivative at 0 is 0."""
    total = backend.xp.sum(arrays[0] * arrays[0])
    for array in arrays[1:]:
        total = total + backend.xp.sum(array * array)
    return root(backend, total)
