"""True backends over many seeds: no check may fail, and the worst margins say what the two limits have to be.

python benchmarks/false_alarms.py --seeds numpy,torch=20 jax=5 --output reports/published/margins.json

Every case is drawn afresh for every seed. The largest margin of values and of gradients, rounded up to a power of two,
is the limit of DESIGN 4. Exit code 1 if anything failed. The document shows the file that is written.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from nnspec.results import Check, Results, read_results

BAD = ("fail", "error", "unsupported", "blocked")


def judged(backends: str, seed: int, options: argparse.Namespace) -> Results:
    """One run of the suite on some backends, drawn from a seed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.jsonl"
        command = [
            sys.executable,
            "-m",
            "nnspec",
            "conform",
            *backends.split(","),
            "--seed",
            str(seed),
            "--no-cache",
            "--timeout",
            "900",
        ]
        command += ["--level", options.level, "--results", str(path)]
        command += ["--only", options.only] if options.only else []
        command += ["-n", str(options.workers)] if options.workers else []
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        return read_results(path)


def kind_of(check: Check) -> str:
    """Which of the two limits judges it."""
    return "gradients" if check.check == "gradients" else "values"


def told(results: Results, seed: int) -> list[dict[str, Any]]:
    """What one run says of each of its backends."""
    found = []
    for backend in results.header.backends:
        checks = [c for c in results.checks if c.backend == backend.name]
        measured = [c for c in checks if c.margin is not None and c.verdict == "pass"]
        margins = {}
        for kind in ("values", "gradients"):
            own = [c for c in measured if kind_of(c) == kind]
            worst = max(own, key=lambda c: c.margin or 0.0, default=None)
            margins[kind] = {
                "worst": worst.margin if worst else 0.0,
                "where": f"{worst.case} {worst.dtype}" if worst else "",
                "octaves": dict(sorted(Counter(map(octave, own)).items())),
            }
        alarms = [f"{c.verdict}: {c.case} {c.check} {c.dtype}: {c.message}" for c in checks if c.verdict in BAD]
        found.append(
            {
                "backend": backend.name,
                "versions": backend.versions,
                "seed": seed,
                "checks": len(checks),
                "alarms": alarms,
                "margins": margins,
            }
        )
    return found


def octave(check: Check) -> int:
    """The k of the smallest power of two 2^k that the margin does not exceed; -20 for all below."""
    return max(-20, math.ceil(math.log2(check.margin))) if check.margin else -20


def conclusion(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The worst margins over all runs, and the limits they give."""
    worst = {k: max((r["margins"][k]["worst"] for r in runs), default=0.0) for k in ("values", "gradients")}
    return {
        "checks": sum(r["checks"] for r in runs),
        "alarms": sum(len(r["alarms"]) for r in runs),
        "worst": worst,
        "needed": {kind: 2 ** math.ceil(math.log2(max(margin, 1.0))) for kind, margin in worst.items()},
    }


def main() -> int:
    """Run, say what was found as it is found, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", default=["numpy,torch=20", "jax=5"], metavar="BACKENDS=N")
    parser.add_argument("--level", choices=["quick", "full"], default="quick")
    parser.add_argument("--only", default=None)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--output", type=Path, default=None)
    options = parser.parse_args()
    runs: list[dict[str, Any]] = []
    head: dict[str, Any] = {}
    for backends, number in (given.split("=") for given in options.seeds):
        for seed in range(1, int(number) + 1):
            results = judged(backends, seed, options)
            keys = ("spec_digest", "suite_version", "limits", "platform", "cpu", "python", "started")
            head = head or {key: getattr(results.header, key) for key in keys}
            for run in told(results, seed):
                runs.append(run)
                worst = {kind: round(run["margins"][kind]["worst"], 2) for kind in run["margins"]}
                print(
                    run["backend"], "seed", seed, run["checks"], "checks", worst, *run["alarms"], sep="  ", flush=True
                )
            if options.output is not None:  # after every seed: a run of an hour may be cut short
                document = {**head, "level": options.level, "only": options.only, **conclusion(runs), "runs": runs}
                options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    said = conclusion(runs)
    print(json.dumps(said))
    return 1 if said["alarms"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
