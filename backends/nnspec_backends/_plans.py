"""What the plans of all backends have in common: which calls share one, and what is known of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

import optree

from nnspec_backends._closures import is_unchanged

__all__ = ["CHANGES", "SIGNATURES", "Entries", "Entry", "donated_leaves", "is_the_same", "signature_of"]

P = TypeVar("P")

#: signatures of a function that are remembered; the one used longest ago is forgotten first
SIGNATURES = 8
#: how often a plan is made anew because what the function closes over has changed
CHANGES = 3
_STATIC = (int, bool, str, bytes, type(None))


def signature_of(leaves: Sequence[Any], spec: Any, array: Callable[[Any], Hashable | None]) -> Hashable | None:
    """What calls have to agree in to share a plan; None where there cannot be one.

    Args:
        leaves: of the arguments.
        spec: their structure.
        array: what is said of a leaf that is an array a plan can take, else None.
    """
    parts: list[Hashable] = []
    for leaf in leaves:
        kind = type(leaf)
        if (said := array(leaf)) is not None:
            parts.append(said)
        elif kind in _STATIC:
            parts.append((kind, leaf))
        elif kind is float:
            parts.append((kind, leaf.hex()))
        else:
            return None
    return spec, tuple(parts)


def is_the_same(leaf: Any, value: Any) -> bool:
    """Whether a leaf that is no array is what was recorded: 1, 1.0 and True are not, nor are 0.0 and -0.0."""
    return type(leaf) is type(value) and leaf == value and (value != 0 or repr(leaf) == repr(value))


def donated_leaves(args: Sequence[Any], donate: Sequence[int]) -> frozenset[int]:
    """The leaves of the donated arguments; those of the positional ones come first, in their order."""
    ends = [0, *accumulate(len(optree.tree_leaves(arg)) for arg in args)]
    return frozenset(i for k in donate if k < len(args) for i in range(ends[k], ends[k + 1]))


class Entry(Generic[P]):
    """What is known of the calls of one signature."""

    def __init__(self) -> None:
        self.runs = 0
        self.plan: P | None = None
        #: what a run did that was recorded, to be compared with the next
        self.first: Any = None
        self.guards: list[tuple[Any, Any]] = []
        #: why there is no plan
        self.refused: str | None = None
        self._changes = 0

    def changed(self) -> None:
        """What the function closes over is another: what was recorded does not count."""
        self.first = self.plan = None
        self._changes += 1
        if self._changes > CHANGES:
            self.refused = "what the function closes over keeps changing"

    @property
    def holds(self) -> bool:
        """Whether what the function closes over is as it was."""
        return is_unchanged(self.guards)


class Entries(Generic[P]):
    """Those of one function."""

    def __init__(self) -> None:
        self._of: OrderedDict[Hashable, Entry[P]] = OrderedDict()

    def of(self, signature: Hashable) -> Entry[P]:
        """The entry of a signature, made where there is none."""
        entry = self._of.setdefault(signature, Entry())
        self._of.move_to_end(signature)
        if len(self._of) > SIGNATURES:
            self._of.popitem(last=False)
        return entry

    def is_full_for(self, signature: Hashable) -> bool:
        """Whether another one would have to be forgotten."""
        return len(self._of) == SIGNATURES and signature not in self._of

    @property
    def refusals(self) -> list[str]:
        """Why signatures have no plan."""
        return [entry.refused for entry in self._of.values() if entry.refused is not None]

    @property
    def plans(self) -> int:
        """How many signatures have one."""
        return sum(entry.plan is not None for entry in self._of.values())
