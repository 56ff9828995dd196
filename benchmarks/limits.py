"""Where the two limits of DESIGN 4 come from: the worst margins of true backends over many seeds.

python benchmarks/limits.py [--seeds 20] [--backend numpy ...] [--only PATTERN]

Every case is drawn afresh for every seed; the largest margin of values and of gradients decides, rounded up to a
power of two.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from pathlib import Path

from nnspec.results import read_results


def worst(backend: str, seed: int, only: str | None) -> dict[str, tuple[float, str]]:
    """Largest margin a kind of check, with the case it is from."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.jsonl"
        command = [sys.executable, "-m", "nnspec", "conform", backend, "--seed", str(seed), "--results", str(path)]
        subprocess.run([*command, *(["--only", only] if only else [])], stdout=subprocess.DEVNULL, check=False)
        checks = read_results(path).checks
    found: dict[str, tuple[float, str]] = {}
    for check in checks:
        kind = "gradients" if check.check == "gradients" else "values"
        if check.margin is not None and check.verdict != "waived" and check.margin > found.get(kind, (-1.0, ""))[0]:
            found[kind] = (check.margin, f"{check.case} {check.check} {check.dtype}")
        if check.verdict in ("fail", "error"):
            print(f"  seed {seed} {backend}: {check.verdict} {check.case} {check.check} {check.dtype}: {check.message}")
    return found


def main() -> None:
    """Print the worst margins a backend, and the limits they give."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--backend", action="append", default=[])
    parser.add_argument("--only", default=None)
    options = parser.parse_args()
    overall: dict[str, float] = {}
    for backend in options.backend or ["numpy", "torch", "jax"]:
        for seed in range(options.seeds):
            for kind, (margin, where) in worst(backend, seed, options.only).items():
                if margin > overall.get(kind, 0.0):
                    overall[kind] = margin
                    print(f"{backend} seed {seed}: {kind} {margin:.3g} at {where}", flush=True)
    for kind, margin in overall.items():
        print(f"{kind}: worst {margin:.3g}, limit {2 ** math.ceil(math.log2(max(margin, 1.0)))}")


if __name__ == "__main__":
    main()
