"""How long `nnspec conform --level quick` takes, backend by backend and together, in wall-clock seconds.

Run alone on the machine: python benchmarks/conform_time.py [BACKEND ...]
"""

from __future__ import annotations

import subprocess
import sys
import time

LIMIT = 90.0


def seconds(backends: list[str]) -> tuple[float, int]:
    """Wall-clock time of one run, and its exit code."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "nnspec", "conform", *backends, "--level", "quick"]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start, done.returncode


def main() -> None:
    """Print one line a run."""
    named = sys.argv[1:] or ["numpy", "torch", "jax"]
    runs = [[name] for name in named] + ([named] if len(named) > 1 else [])
    for backends in runs:
        wall, code = seconds(backends)
        print(f"{' '.join(backends):24} {wall:6.1f} s   exit code {code}")
    print(f"asked for: under {LIMIT:.0f} s for all three on 2 cores")


if __name__ == "__main__":
    main()
