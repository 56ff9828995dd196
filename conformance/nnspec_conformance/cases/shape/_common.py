"""Bad calls of an operation of one array."""

from __future__ import annotations

from typing import Any

from nnspec_conformance.case import Case, Source, error_case

__all__ = ["refused"]


def refused(operation: str, name: str, number: int, error: Any, words: str, source: Source, options: Any) -> Case:
    """A call of one array `x` that has to raise."""
    return error_case(
        operation,
        name,
        (f"{operation.upper()}-{number}",),
        lambda backend, x: getattr(backend, operation)(x, **options),
        error,
        words,
        inputs={"x": source},
    )
