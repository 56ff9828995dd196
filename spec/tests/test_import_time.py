"""What is imported when: times depend on the machine and are measured by benchmarks/import_time.py."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

import nnspec

#: frameworks, and what else takes longer to import than nnspec
HEAVY = {
    *("numpy", "torch", "jax", "scipy", "ml_dtypes", "optree", "pydantic", "click", "rich", "pytest", "matplotlib"),
    *("sklearn", "jinja2", "hypothesis", "importlib.metadata", "nnspec.backend", "nnspec.results"),
}
COMMAND = "from nnspec.cli import main; main({!r}, standalone_mode=False)"


def loaded_by(statement: str) -> set[str]:
    program = f"import sys\n{statement}\nprint(list(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    return set(ast.literal_eval(run.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import nnspec", set()),
        ("import nnspec; nnspec.list_backends()", {"importlib.metadata"}),
        (
            "import nnspec; nnspec.get_backend('numpy')",
            {"importlib.metadata", "nnspec.backend", "numpy", "ml_dtypes", "optree"},
        ),
        ("import nnspec.cli", {"click"}),
        (COMMAND.format(["backends"]), {"click", "rich", "importlib.metadata"}),
        (COMMAND.format(["--help"]), {"click", "importlib.metadata"}),
        (COMMAND.format(["conform", "--help"]), {"click", "importlib.metadata"}),
        (COMMAND.format(["report", "--help"]), {"click", "importlib.metadata"}),
        (COMMAND.format(["spec", "relu"]), {"click", "rich", "nnspec.backend", "numpy", "ml_dtypes", "optree"}),
    ],
)
def test_nothing_is_imported_that_is_not_needed(statement: str, allowed: set[str]) -> None:
    loaded = loaded_by(statement)
    assert "nnspec" in loaded
    assert loaded & HEAVY <= allowed


def test_no_framework_is_imported_to_read_results_and_write_a_report() -> None:
    loaded = loaded_by("from nnspec_reports.commands import rendering; rendering()")
    assert "nnspec_reports._render" in loaded
    assert not loaded & {"torch", "jax"}


def test_what_is_imported_late_has_its_name_at_once() -> None:
    assert set(nnspec.__all__) <= set(dir(nnspec))
    for name in nnspec.__all__:
        assert getattr(nnspec, name) is not None
    with pytest.raises(AttributeError, match="module 'nnspec' has no attribute 'Backnd'"):
        _ = nnspec.Backnd  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "statement",
    [
        "from nnspec import *; Backend.operations()",
        "from nnspec import Backend, operation; assert callable(operation)",
        "import nnspec; nnspec.backend.Backend is nnspec.Backend or 1 / 0; assert callable(nnspec.operation)",
        "import nnspec; nnspec.ops.activations",
        "import nnspec; nnspec.ops.activations; assert callable(nnspec.operation)",
        "import nnspec.operation; assert callable(nnspec.operation)",
    ],
)
def test_the_first_name_asked_for_may_be_any(statement: str) -> None:
    assert "nnspec" in loaded_by(statement)
