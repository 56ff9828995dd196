"""Wall time of `import nnspec` in fresh interpreters: the smallest of five, which must stay below 0.2 s.

Run: python benchmarks/import_time.py
"""

from __future__ import annotations

import subprocess
import sys

RUNS = 5
LIMIT = 0.2
PROGRAM = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def seconds(module: str) -> float:
    """The smallest of several wall times; each run has an interpreter of its own."""
    command = [sys.executable, "-c", PROGRAM.format(module)]
    runs = (subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(RUNS))
    return min(float(run.stdout) for run in runs)


def main() -> int:
    """Print the times; 1 where the limit is exceeded."""
    for module in ("numpy", "optree"):
        print(f"import {module:8} {seconds(module):6.3f} s  (part of nnspec's)")
    found = seconds("nnspec")
    print(f"import {'nnspec':8} {found:6.3f} s  (min of {RUNS}, limit {LIMIT} s)")
    return int(found > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
