"""Buffers that an update may overwrite, because a compiled step was given them to use up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import optree
from numpy.lib.array_utils import byte_bounds

from nnspec.operation import Array

__all__ = ["donating", "donation", "outputs"]


#: dtypes of spoilt arrays, by the size of an element: nothing can be computed with them
_NOTHING = {size: np.dtype((np.void, size)) for size in (1, 2, 4, 8, 16)}


class _Donated(threading.local):
    """What this thread's running step may overwrite: the array it was handed out as, and the array itself, by id."""

    arrays: dict[int, tuple[Array, Array]]

    def __init__(self) -> None:
        self.arrays = {}


_donated = _Donated()


@contextmanager
def donation(args: Sequence[Any], kwargs: Mapping[str, Any], positions: Sequence[int]) -> Iterator[list[Any]]:
    """The positional arguments to call a step with; updates in it may overwrite the arrays in those at `positions`.

    A donated array is handed out under a new name, which is spoilt once the buffer is overwritten. One that
    shares memory with another array of the arguments is not donated.
    """
    given, names, offered = list(args), [], []
    for i in positions:
        if i < len(args):
            leaves, spec = optree.tree_flatten(args[i])
            handed = [x.view() if type(x) is np.ndarray else x for x in leaves]
            names += handed
            offered += leaves
            given[i] = optree.tree_unflatten(spec, handed)
    rest = [*(arg for i, arg in enumerate(args) if i not in positions), *kwargs.values()]
    others = [leaf for arg in rest for leaf in optree.tree_leaves(arg) if isinstance(leaf, np.ndarray)]
    arrays = [x for x in offered if type(x) is np.ndarray]
    shared = {id(arrays[i]) for i in _overlapping([*arrays, *others]) if i < len(arrays)}
    kept = {
        id(name): (name, x) for name, x in zip(names, offered, strict=True) if name is not x and id(x) not in shared
    }
    before = _donated.arrays
    _donated.arrays = before | kept
    try:
        yield given
    finally:
        _donated.arrays = before


def donating() -> bool:
    """Whether this thread's running step was given arrays to use up."""
    return bool(_donated.arrays)


def outputs(columns: Sequence[Sequence[Array]], grads: Sequence[Array]) -> tuple[list[list[Array]], Callable[[], None]]:
    """An array for each new value of `columns`: the old one's buffer where it was donated, or a fresh one.

    Returns them, and what to call when they are written: a later look at a value that is overwritten fails then,
    and does not see the new one.
    """
    arrays = [x for column in columns for x in column]
    used = [_usable(x) for x in arrays] if _donated.arrays else [None] * len(arrays)
    if any(used):
        for i in _overlapping([*arrays, *grads]):
            if i < len(arrays):
                used[i] = None
    # a view of the array that was given, and not of its new name, which is spoilt
    written = iter(
        [np.empty(x.shape, x.dtype) if u is None else u[1].view() for x, u in zip(arrays, used, strict=True)]
    )

    def spoil() -> None:
        for found in used:
            if found is not None:
                name = found[0]
                del _donated.arrays[id(name)]
                name.dtype = _NOTHING[name.itemsize]

    return [[next(written) for _ in column] for column in columns], spoil


def _usable(x: Array) -> tuple[Array, Array] | None:
    found = _donated.arrays.get(id(x))
    if found is None or not (x.flags.c_contiguous and x.flags.writeable):
        return None
    return found


def _overlapping(arrays: Sequence[Array]) -> set[int]:
    """Which of the arrays share memory with another of them."""
    owners = [x if x.base is None else x.base for x in arrays]
    if all(type(o) is np.ndarray and o.base is None for o in owners) and len(set(map(id, owners))) == len(owners):
        return set()  # each has an owner of its own
    spans = sorted((*_span(x), i) for i, x in enumerate(arrays) if x.size)
    found = set()
    end, last = -1, -1
    for start, stop, i in spans:
        if start < end:
            found |= {i, last}
        if stop > end:
            end, last = stop, i
    return found


def _span(x: Array) -> tuple[int, int]:
    if not x.flags.c_contiguous:
        return byte_bounds(x)
    start = x.__array_interface__["data"][0]
    return start, start + x.nbytes
