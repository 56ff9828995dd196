"""Modules beside the tests are importable, here and in the processes that tests start."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def nnspec_command(tmp_path: Path) -> Run:
    """Runs `nnspec ARGS` in an empty folder outside the repository, with the modules beside the tests importable."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        return subprocess.run(
            [sys.executable, "-m", "nnspec", *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run
