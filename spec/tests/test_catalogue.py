"""What every operation's text contains, and the rules that ids, families and names keep."""

from __future__ import annotations

import inspect
import re
from collections import Counter

import pytest

import nnspec
from nnspec import Backend, Operation

OPERATIONS = Backend.operations()
EVERY = pytest.mark.parametrize("op", OPERATIONS.values(), ids=OPERATIONS)
SECTIONS = ("Args", "Returns", "Raises", "Requires", "Differs", "Source", "Example")


def sections(op: Operation) -> dict[str, str]:
    """Title -> body, in the order of the text."""
    parts = re.split(r"(?m)^(\w+):\n(?=    )", inspect.getdoc(op.definition) or "")
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def entries(body: str) -> list[str]:
    """The names before the colons of an Args or Raises section."""
    names = re.findall(r"(?m)^    (\*{0,2}\w+(?:, \*{0,2}\w+)*): \S", body)
    return [name for group in names for name in group.split(", ")]


@EVERY
def test_sections(op: Operation) -> None:
    found = list(sections(op))
    assert found == [title for title in SECTIONS if title in found]
    assert {"Args", "Returns", "Requires", "Source", "Example"} <= set(found)


@EVERY
def test_summary_is_one_sentence(op: Operation) -> None:
    assert op.summary.endswith(".")
    assert (inspect.getdoc(op.definition) or "").startswith(f"{op.summary}\n\n")


@EVERY
def test_args_name_every_parameter_in_order(op: Operation) -> None:
    assert entries(sections(op)["Args"]) == list(op.signature.parameters)[1:]


@EVERY
def test_raises_name_error_classes_of_nnspec(op: Operation) -> None:
    for name in entries(sections(op).get("Raises", "")):
        assert issubclass(getattr(nnspec, name), nnspec.NnspecError)


@EVERY
def test_example_computes_with_the_operation(op: Operation) -> None:
    example = sections(op)["Example"]
    assert f"B.{op.name}(" in example
    assert re.search(r">>> .*\n(?:    \.\.\. .*\n)*    (?!>>>|\.\.\.)\S", example), "no output is shown"


@EVERY
def test_requirements_are_numbered_sentences(op: Operation) -> None:
    prefix = op.name.upper()
    assert list(op.requirements) == [f"{prefix}-{i + 1}" for i in range(len(op.requirements))]
    body = sections(op)["Requires"]
    for requirement, sentence in op.requirements.items():
        assert sentence.endswith("."), f"{requirement} is cut short: {sentence}"
    assert " ".join(body.split()) == " ".join(f"[{k}] {v}" for k, v in op.requirements.items())


def test_requirement_ids_are_unique() -> None:
    counts = Counter(requirement for op in OPERATIONS.values() for requirement in op.requirements)
    assert [requirement for requirement, n in counts.items() if n > 1] == []


@EVERY
def test_family_is_the_module_that_defines_it(op: Operation) -> None:
    module = inspect.getmodule(op.definition)
    assert module is not None
    assert f"{module.__name__}.".startswith(f"nnspec.ops.{op.family}.")  # the module, or one of that package


@EVERY
def test_parameters_are_annotated(op: Operation) -> None:
    parameters = list(op.signature.parameters.values())[1:]
    assert all(p.annotation is not p.empty for p in parameters)
    assert op.signature.return_annotation is not op.signature.empty


def test_since_is_no_later_than_the_specification() -> None:
    def number(version: str) -> tuple[int, ...]:
        return tuple(map(int, version.split(".")))

    assert all(number(op.since) <= number(nnspec.SPEC_VERSION) for op in OPERATIONS.values())


def test_operations_are_methods_of_the_backend_and_named_as_such() -> None:
    for name, op in OPERATIONS.items():
        assert getattr(Backend, name).__operation__ is op
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
