"""A step that is given back the arrays that it returned: its arguments are looked through, and not flattened."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec_backends.numpy._plan._bound import Bound

__all__ = ["Shortcut", "shortcut"]

_CONTAINERS = (list, tuple, dict)


class Shortcut:
    """The arguments of a call of `bound`: what lives there in containers of known sizes, and bare arrays.

    Args:
        bound: whose inputs they are.
        size: how many arguments there are.
    """

    def __init__(self, bound: Bound, size: int) -> None:
        self.bound = bound
        self._size = size
        #: where each container is found (in which of those before it, the arguments first, and by which key), its
        #: type and its size
        self._containers: list[tuple[int, Any, Any, int]] = []
        #: where each array that lives in `bound` is found, and the array
        self._leaves: list[tuple[int, Any, Any]] = []
        #: the position of each bare array, what it has to be, and where it is copied to
        self._given: list[tuple[Any, ...]] = []
        self._held = {id(x) for x in bound.held.values()}

    def hold(self, parent: int, key: Any, tree: Any) -> bool:
        """Expect `tree` at a place; False where that is not possible."""
        if tree is None or id(tree) in self._held:
            self._leaves.append((parent, key, tree))
            return True
        if type(tree) not in _CONTAINERS:
            return False
        self._containers.append((parent, key, type(tree), len(tree)))
        here = len(self._containers)  # the arguments are number 0
        entries = tree.items() if type(tree) is dict else enumerate(tree)
        return all(self.hold(here, name, entry) for name, entry in entries)

    @property
    def is_complete(self) -> bool:
        """Whether every input is expected at one place."""
        held = sum(leaf is not None for _, _, leaf in self._leaves)
        return held == len(self.bound.held) and len(self._given) == len(self.bound.copied)

    def give(self, position: int, expected: tuple[Any, ...]) -> None:
        """Expect an array to be copied in."""
        self._given.append((position, *expected))

    def takes(self, args: tuple[Any, ...]) -> bool:
        """Whether the arguments are as expected, and copied in."""
        if len(args) != self._size:
            return False
        found: list[Any] = [args]
        try:
            for parent, key, kind, size in self._containers:
                container: Any = found[parent][key]
                if type(container) is not kind or len(container) != size:
                    return False
                found.append(container)
            for parent, key, leaf in self._leaves:
                if found[parent][key] is not leaf:
                    return False
        except KeyError:
            return False
        for position, kind, shape, dtype, buffer in self._given:
            x = args[position]
            if type(x) is not kind or x.shape != shape or x.dtype != dtype or not x.flags.c_contiguous:
                return False
            np.copyto(buffer, x)
        return True


def shortcut(bound: Bound, args: tuple[Any, ...]) -> Shortcut | None:
    """A shortcut for calls with arguments like these, which were taken just now; None where there is none."""
    if bound.passes_on:
        return None
    bare = bound.bare(args)
    made = Shortcut(bound, len(args))
    for position, arg in enumerate(args):
        if position in bare:
            made.give(position, bare[position])
        elif not made.hold(0, position, arg):
            return None
    return made if made.is_complete else None
