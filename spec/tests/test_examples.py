"""The examples run as the README says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("backend", ["numpy", "torch", "jax"])
def test_training_prints_what_the_readme_shows(backend: str) -> None:
    command = [sys.executable, str(ROOT / "examples" / "train.py"), backend]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    shown = (ROOT / "README.md").read_text()
    losses = [line for line in done.stdout.splitlines() if line.startswith("epoch")]
    assert len(losses) == 10
    assert losses[0] in shown
    assert re.search(rf"{backend}: 9\d\.\d% of 397 unseen digits right", done.stdout)


def test_the_tiny_backend_conforms(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nnspec", "conform", "tiny_backend:TinyBackend", "--only", "gelu"]
    done = subprocess.run(command, cwd=ROOT / "examples", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_python_in_the_readme_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert len(blocks) >= 2
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
