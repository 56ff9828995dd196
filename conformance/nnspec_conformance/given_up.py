"""A run ends in time however much hangs or dies: after some cases the rest of an operation is given up.

The controller of pytest-xdist writes what is given up to a file beside the records, the workers read it.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnspec_conformance.session import Item

__all__ = ["GivenUp"]

#: so many cases of an operation in one dtype may hang or die, and so many of a backend
_OF_OPERATION, _OF_BACKEND = 3, 24


class GivenUp:
    """What is not tried any more, and why.

    Args:
        results: the file of records of the run.
    """

    def __init__(self, results: str) -> None:
        self._path = Path(results).with_suffix(".given_up")
        self._path.touch()
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._read = 0
        self._reasons: dict[tuple[str, str, str], str] = {}

    def lost(self, item: Item, reason: str, *, making: bool) -> None:
        """A case hung, or died with its process; `making` if it had not got beyond its backend."""
        given, operation = item.given, item.case.operation
        self._counts[given,] += 1
        self._counts[given, operation, item.dtype] += 1
        if making:
            self._give_up((given, "*", item.dtype), f"the backend cannot be made: {reason}")
        elif self._counts[given,] == _OF_BACKEND:
            self._give_up((given, "*", "*"), f"given up after {_OF_BACKEND} cases that hung or died")
        elif self._counts[given, operation, item.dtype] == _OF_OPERATION:
            told = f"given up after {_OF_OPERATION} cases of {operation} that hung or died"
            self._give_up((given, operation, item.dtype), told)

    def _give_up(self, what: tuple[str, str, str], reason: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([*what, reason]) + "\n")

    def why(self, item: Item) -> str | None:
        """Why a case is not tried; None if it is."""
        if self._path.stat().st_size != self._read:
            text = self._path.read_text(encoding="utf-8")
            self._read = len(text.encode())
            rows = map(json.loads, text.splitlines())
            self._reasons = {(given, operation, dtype): reason for given, operation, dtype, reason in rows}
        if not self._reasons:
            return None
        given, operation, dtype = item.given, item.case.operation, item.dtype
        keys = ((given, "*", "*"), (given, "*", dtype), (given, operation, dtype))
        return next((self._reasons[key] for key in keys if key in self._reasons), None)
