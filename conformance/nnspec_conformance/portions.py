"""Portions of a run: processes side by side take one after another, each when it is done with what it had.

How long cases take is not known before; shares made beforehand left one core idle for half of a run at level full. A
portion is an operation in one dtype, whose cases have references and compiled functions in common; whatever makes a
framework load its compiler, which takes seconds, is one portion. Portions are taken longest first, so that all
processes end together.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec_conformance.thinning import is_sample

if TYPE_CHECKING:
    from nnspec_conformance.session import Item

__all__ = ["Claims", "portion_of", "portions"]

#: how long an item takes, in those that compute something small
_ERROR, _LONG, _STEPS, _TRAINING, _LOADING = 0.3, 25.0, 50.0, 400.0, 600.0
#: all that is compiled whole: one process loads what takes seconds to load
_COMPILED = "compiled"


def portions(items: Sequence[Item]) -> dict[str, list[Item]]:
    """Items by the name of their portion, the longest first; all items of a case are in one."""
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(portion_of(item), []).append(item)
    return dict(sorted(found.items(), key=lambda entry: -_weight(*entry)))


def portion_of(item: Item) -> str:
    """The name of an item's portion, fit for a file."""
    is_compiled = item.case.family == "training" or is_sample(item.case, item.dtype)
    return _COMPILED if is_compiled else f"{item.dtype}-{item.case.operation}"


def _weight(name: str, items: Sequence[Item]) -> float:
    return sum(map(_seconds, items)) + (_LOADING if name == _COMPILED else 0.0)


def _seconds(item: Item) -> float:
    """In those of an item that computes something small."""
    case = item.case
    if case.expect is not None:
        return _ERROR
    if case.family == "training":
        return _TRAINING
    return _STEPS if "trajectory" in case.checks else _LONG if is_sample(case, item.dtype) else 1.0


class Claims:
    """What one process has taken of the portions.

    Args:
        signature: a file of the process's name, in the folder where every portion that is taken is a link to the
            signature of the process that has it.
    """

    def __init__(self, signature: Path) -> None:
        self.signature = signature
        self._answers: dict[str, bool] = {}

    @classmethod
    def made(cls, folder: Path, name: str) -> Claims:
        """For a process that is about to start."""
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")
        return cls(folder / name)

    @property
    def folder(self) -> Path:
        """Of all who share."""
        return self.signature.parent

    def take(self, portion: str) -> bool:
        """Whether the portion is this process's, which takes it where nobody has."""
        if portion not in self._answers:
            self._answers[portion] = self._linked(portion)
        return self._answers[portion]

    def _linked(self, portion: str) -> bool:
        try:  # a link is there with its content or not at all, even if this process dies now
            os.link(self.signature, self.folder / portion)
        except FileExistsError:
            return self.has(portion)
        return True

    def has(self, portion: str) -> bool:
        """Whether the portion has been taken by this process."""
        path = self.folder / portion
        return path.exists() and path.read_text(encoding="utf-8") == self.signature.name
