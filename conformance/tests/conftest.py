"""Modules beside the tests are importable, here and in the processes that tests start."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The tests share references with one another, and with no earlier run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    before = os.environ.get("NNSPEC_CACHE")
    os.environ["NNSPEC_CACHE"] = str(shared / "cache")
    yield
    os.environ.pop("NNSPEC_CACHE")
    if before is not None:
        os.environ["NNSPEC_CACHE"] = before


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
