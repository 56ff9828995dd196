"""What stands between a program and the operation it calls: other options, other layouts, summed results."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import optree

from nnspec import Backend
from nnspec.reference import Reference
from nnspec_conformance.layouts import Layout, relaid

__all__ = ["Intercepting", "adjusted", "relaying", "summed"]


class Intercepting:
    """A backend as a program sees it: its own in everything, but calls of one operation go through a function.

    Args:
        backend: the real one, or another of these.
        operation: whose calls are meant; those that operations make themselves stay as they are.
        through: called with the operation's own method and the arguments.
    """

    def __init__(self, backend: Any, operation: str, through: Callable[..., Any]) -> None:
        self._backend, self._operation, self._through = backend, operation, through

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._backend, name)
        return functools.partial(self._through, found) if name == self._operation else found


def adjusted(backend: Any, operation: str, options: Mapping[str, Any]) -> Any:
    """The backend with some options of an operation's calls replaced."""
    if not options:
        return backend
    signature = Backend.operations()[operation].signature

    def through(inner: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(None, *args, **kwargs)
        bound.arguments.update(options)
        return inner(*bound.args[1:], **bound.kwargs)

    return Intercepting(backend, operation, through)


def relaying(backend: Any, operation: str, layout: Layout) -> Any:
    """The backend with every array that the operation is called with in another layout; the reference has none."""
    if layout == "contiguous" or isinstance(backend, Reference):
        return backend

    def through(inner: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        def lay(leaf: Any) -> Any:
            return relaid(backend, leaf, layout) if hasattr(leaf, "shape") else leaf

        tree: Any = (args, kwargs)
        given, named = optree.tree_map(lay, tree)
        return inner(*given, **named)

    return Intercepting(backend, operation, through)


def summed(backend: Backend, result: Any) -> list[Any]:
    """The floating leaves of a result, each summed over its last axis; the other leaves as they are."""
    leaves = optree.tree_leaves(result)
    return [backend.xp.sum(leaf, axis=-1) if backend.is_floating(leaf) and len(leaf.shape) else leaf for leaf in leaves]
