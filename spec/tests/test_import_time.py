"""`import nnspec` stays light: its wall time is measured by benchmarks/import_time.py."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "jax", "scipy", "pydantic", "click", "rich", "pytest", "matplotlib", "sklearn", "jinja2")


def loaded_by(statement: str) -> set[str]:
    program = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    return set(run.stdout.split())


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import nnspec", set()),
        ("import nnspec; nnspec.list_backends()", {"click"}),
        ("import nnspec; nnspec.get_backend('numpy')", {"click"}),
        ("import nnspec.cli", {"click"}),
    ],
)
def test_nothing_heavy_is_imported(statement: str, allowed: set[str]) -> None:
    loaded = loaded_by(statement)
    assert "nnspec" in loaded
    assert loaded & set(HEAVY) <= allowed
