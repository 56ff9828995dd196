"""How time and memory grow with the size of the input, and whether faster than the definition's own work."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nnspec.results import Bench
from nnspec_conformance.bench._inputs import GROWING, SCALES, WORK
from nnspec_conformance.bench._load import Load
from nnspec_conformance.bench._measured import Measured
from nnspec_conformance.bench._operations import matching
from nnspec_conformance.bench._processes import Processes, Remote
from nnspec_conformance.bench._timing import paired_rounds

__all__ = ["ALLOWED", "chosen_operations", "exponent", "measure_growth"]

#: what an exponent may exceed that of the definition by: halfway to the next power. Sizes that leave the cache make a
#: step of their own, of up to .43 for an operation that only moves memory
ALLOWED = 0.5
#: rounds that tell an exponent: no ratio is taken, and the largest size of all operations takes long
_ROUNDS = 10


def chosen_operations(only: str | None) -> list[str]:
    """The operations whose growth is measured and that a pattern names."""
    return matching(GROWING, only)


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The b of `value = a size^b`, by least squares of the logarithms.

    >>> round(exponent([1, 2, 4, 8], [3, 12, 48, 192]), 6)
    2.0
    """
    x, y = [math.log(s) for s in sizes], [math.log(max(v, 1e-30)) for v in values]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)


def measure_growth(
    processes: Processes,
    backends: Mapping[str, str],
    *,
    devices: Mapping[str, str],
    operations: Sequence[str],
    rounds: int,
    measured: Measured,
    done: Callable[[], None] = lambda: None,
) -> None:
    """The exponent of forward and backward together, of every operation on every backend.

    Memory is what NumPy allocates at most at once; of other frameworks on the host nothing tells, and their whole
    training steps are measured instead (`--what memory`).
    """
    for given, framework in backends.items():
        for operation in operations:
            with measured.attempting(f"growth of {operation} of {given}"):
                measured.record(_measured(processes, given, framework, devices[framework], operation, rounds))
            done()


def _measured(
    processes: Processes, given: str, framework: str, device: str, operation: str, rounds: int
) -> list[Bench]:
    process = processes[framework]
    options: dict[str, Any] = {"operation": operation, "backend": given, "device": device, "backward": True}
    contestants = {
        f"x{scale:g}": Remote(
            process, f"x{scale:g}", "nnspec_conformance.bench._calls:make_ours", scale=scale, **options
        )
        for scale in SCALES
    }
    found = paired_rounds(contestants, min(rounds, _ROUNDS), watch=Load(processes.pids))
    values = {"seconds": [found.median(name) for name in contestants]}
    if framework == "numpy":
        values["bytes"] = [contestant.call("peak") for contestant in contestants.values()]
    for contestant in contestants.values():
        contestant.drop()
    bound = WORK[operation].growth + ALLOWED
    common: dict[str, Any] = {
        "what": "growth",
        "backend": given,
        "device": device,
        "case": operation,
        "quantity": "exponent",
        "bound": bound,
        "rounds": found.count,
        "disturbed": found.disturbed,
        "kept": found.kept,
        "threads": processes.threads,
    }
    records = []
    for quantity, series in values.items():
        fitted = exponent(SCALES, series)
        told = ", ".join(f"{value:.3g}" for value in series)
        text = f"{quantity} at {', '.join(contestants)}: {told}"
        records.append(Bench(**common, variant=quantity, value=fitted, met=fitted <= bound, message=text))
    return records
