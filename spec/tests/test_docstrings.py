"""Every example in the trunk's docstrings and in the pages written by hand runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import nnspec
from nnspec import Backend, Operation

MODULES = sorted(
    found.name for found in pkgutil.walk_packages(nnspec.__path__, "nnspec.") if not found.name.endswith("__main__")
)
PAGES = Path(__file__).parents[1] / "docs"


def _name(op: Operation) -> str:
    return f"{op.definition.__module__}.{op.definition.__qualname__}"


def _examples() -> Iterator[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in ("nnspec", *MODULES):
        module = importlib.import_module(name)
        yield from finder.find(module, name)
    # The finder passes over operations: what the class holds is their validating wrapper.
    for op in Backend.operations().values():
        yield from finder.find(op.definition, _name(op))
    for page in sorted(PAGES.rglob("*.md")):
        yield doctest.DocTestParser().get_doctest(page.read_text(encoding="utf-8"), {}, page.name, str(page), 0)


EXAMPLES = {test.name: test for test in _examples() if test.examples}


@pytest.fixture(scope="module")
def numpy_backend() -> Backend:
    return nnspec.get_backend("numpy")


@pytest.mark.parametrize("test", EXAMPLES.values(), ids=EXAMPLES)
def test_example(test: doctest.DocTest, numpy_backend: Backend) -> None:
    test.globs.update({"B": numpy_backend, "nnspec": nnspec, "np": np})
    assert not any(doctest.SKIP in example.options for example in test.examples)
    said: list[str] = []
    failed = doctest.DocTestRunner(verbose=False).run(test, out=said.append).failed
    assert not failed, "".join(said)


def test_the_examples_are_found() -> None:
    """The collection is what guards them: one a operation, and those of the trunk's own functions."""
    operations = {_name(op) for op in Backend.operations().values()}
    assert operations <= set(EXAMPLES)
    assert {
        "nnspec.plugins.get_backend",
        "nnspec.plugins.list_backends",
        "nnspec.backend.Backend.value_and_grad",
        "nnspec.results.conclusion",
    } <= set(EXAMPLES)
    assert "generator.md" in EXAMPLES


@pytest.mark.parametrize("package", ["nnspec.optim", "nnspec.metrics"])
def test_every_public_class_shows_how_it_is_used(package: str) -> None:
    module = importlib.import_module(package)
    classes = [found for name in module.__all__ if inspect.isclass(found := getattr(module, name))]
    concrete = [found for found in classes if not inspect.isabstract(found) and not found.__name__.startswith("_")]
    assert concrete
    assert [c.__name__ for c in concrete if f"{c.__module__}.{c.__qualname__}" not in EXAMPLES] == []
