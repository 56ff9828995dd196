"""How long nnspec keeps one waiting before it computes: imports, `nnspec backends`, and `get_backend("numpy")`.

Each figure is the median over fresh interpreters that find compiled bytecode, as pip and Python leave it: wall time,
which is what the bound is for, and CPU time, which is less where something else runs on the machine. Beside them stands
the wall time in the environment as it is: with PYTHONDONTWRITEBYTECODE=1, Python compiles every module of a checkout
at every start. Exit code 1: the wall time is beyond the bound.

Run alone on the machine: python benchmarks/import_time.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

RUNS = 9
#: runs a program in a process of its own and prints wall and CPU time
PROCESS = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run([sys.executable, "-c", {program!r}], stdout=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - start, used.ru_utime + used.ru_stime)
"""
#: prints wall and CPU time of a statement
STATEMENT = """
import time
{before}
start, used = time.perf_counter(), time.process_time()
{program}
print(time.perf_counter() - start, time.process_time() - used)
"""
COMMAND = "from nnspec.cli import main; main([{!r}], prog_name='nnspec')"

Times: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Figure:
    """Something that is timed in a process of its own."""

    title: str
    program: str
    #: None where it is printed for comparison only
    bound: float | None = None
    #: what is run and not timed; None where the whole process is timed
    before: str | None = None

    def times(self, environment: Mapping[str, str]) -> Times:
        """Wall and CPU time of one run."""
        template = PROCESS if self.before is None else STATEMENT
        command = [sys.executable, "-c", template.format(program=self.program, before=self.before)]
        run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        wall, cpu = map(float, run.stdout.split())
        return wall, cpu


FIGURES = (
    Figure("python -c pass, whole process", "pass"),
    Figure("import numpy", "import numpy", before=""),
    Figure("import nnspec", "import nnspec", 0.2, before=""),
    Figure("get_backend('numpy')", "nnspec.get_backend('numpy')", 0.3, before="import nnspec"),
    Figure("nnspec backends, whole process", COMMAND.format("backends"), 0.5),
    Figure("nnspec --help, whole process", COMMAND.format("--help")),
)


def median(figure: Figure, environment: Mapping[str, str]) -> Times:
    """Of wall and of CPU time, over several runs."""
    figure.times(environment)  # writes the bytecode, and fills the cache of files
    wall, cpu = zip(*(figure.times(environment) for _ in range(RUNS)), strict=True)
    return statistics.median(wall), statistics.median(cpu)


def main() -> int:
    """Print the times; 1 where a bound is exceeded."""
    print(f"{f'seconds, median of {RUNS} processes':33}  bound   wall    CPU   wall in this environment")
    exceeded = False
    with tempfile.TemporaryDirectory() as folder:
        compiled = os.environ | {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        for figure in FIGURES:
            wall, cpu = median(figure, compiled)
            here, _ = median(figure, os.environ)
            bound = "-" if figure.bound is None else f"{figure.bound:.1f}"
            print(f"{figure.title:33}{bound:>7}{wall:7.3f}{cpu:7.3f}{here:12.3f}", flush=True)
            exceeded |= figure.bound is not None and wall > figure.bound
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main())
