"""What a function closes over, so that a recording of it is not replayed when that has changed."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from types import FunctionType
from typing import Any

__all__ = ["closed_over", "is_unchanged"]


def closed_over(function: Any) -> Iterator[tuple[Any, Any]]:
    """The variables that a function and the functions among them close over, with what they hold."""
    todo, seen = [function], set[int]()
    while todo:
        one = todo.pop()
        one = getattr(one, "func", getattr(one, "__func__", one))
        for cell in getattr(one, "__closure__", None) or ():
            if id(cell) in seen:
                continue
            seen.add(id(cell))
            try:
                held = cell.cell_contents
            except ValueError:  # not yet bound
                continue
            yield cell, held
            if isinstance(held, (FunctionType, functools.partial)):
                todo.append(held)


def is_unchanged(guards: Sequence[tuple[Any, Any]]) -> bool:
    """Whether the variables hold what `closed_over` found in them."""
    try:
        for cell, held in guards:
            if cell.cell_contents is not held:
                return False
    except ValueError:
        return False
    return True
