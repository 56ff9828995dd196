"""The docstring of an operation, taken apart."""

from __future__ import annotations

import pytest

from nnspec import Backend, Operation
from nnspec.docstring import docstring, entries

OPERATIONS = Backend.operations()


@pytest.mark.parametrize("op", OPERATIONS.values(), ids=OPERATIONS)
def test_every_operation_says_what_its_page_needs(op: Operation) -> None:
    parts = docstring(op)
    assert parts.summary == op.summary
    assert {"Args", "Returns", "Raises", "Requires", "Source", "Example"} <= set(parts.sections)
    documented = [name.strip() for key in parts.entries("Args") for name in key.split(",")]
    assert [name.lstrip("*") for name in documented] == list(op.signature.parameters)[1:]
    assert parts.entries("Raises")


def test_entries_are_joined_to_one_line() -> None:
    assert entries("x: one\n    two: three\nlow, high: four\n") == {"x": "one two: three", "low, high": "four"}


def test_a_section_that_is_absent_has_no_entries() -> None:
    assert docstring(OPERATIONS["relu"]).entries("Absent") == {}
