"""What a call of an operation costs besides its kernel: dispatch by dtype and the validation of its arguments.

Every operation of `nnspec bench --what operations` is called with small arguments through the wrapper that every
backend's methods have, around a kernel that does nothing, less the call of that kernel itself: CPU time in
microseconds, the least of several repeats. Where the arguments are arrays and plain values of which dtypes and shapes
decide, a call like an earlier one is not validated again; those that look at values (labels, probabilities) or take
trees (optimizers, states) are validated at every call, and listed after the others. Exit code 1: the median of the
first kind is beyond the bound.

Run: python benchmarks/dispatch_time.py [BACKEND ...]
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import optree

import nnspec
from nnspec.operation import Operation, validated
from nnspec_conformance.bench._inputs import WORK, arrays_of

BOUND = 2.0
CALLS, REPEATS = 100, 80
#: of the sizes that operations are measured at: values that are looked at are few
SCALE = 1 / 256


def microseconds(*calls: Callable[[], Any]) -> list[float]:
    """CPU time of each call; they take turns, so that what else the machine does hits all of them."""
    least = [math.inf] * len(calls)
    for _ in range(REPEATS):
        for i, call in enumerate(calls):
            start = time.process_time_ns()
            for _ in range(CALLS):
                call()
            least[i] = min(least[i], (time.process_time_ns() - start) / CALLS / 1000)
    return least


def overhead(backend: nnspec.Backend, op: Operation) -> tuple[bool, float]:
    """Whether every call is validated, and what the wrapper of `op` adds to one."""
    work = WORK[op.name]
    given = optree.tree_map(lambda x: backend.asarray(x, dtype=str(x.dtype)), arrays_of(work, SCALE))
    if op.name.endswith("_update"):
        given["state"] = getattr(backend, op.name.removesuffix("update") + "init")(given["params"])
    given |= work.options

    def kernel(self: nnspec.Backend, *args: Any, **kwargs: Any) -> None:
        """Nothing."""

    whole = validated(kernel, op)
    backend.decided_calls.clear()
    whole_time, kernel_time = microseconds(lambda: whole(backend, **given), lambda: kernel(backend, **given))
    return not any(backend.decided_calls.values()), whole_time - kernel_time


def main(names: list[str]) -> int:
    """Print the costs; 1 where a median is beyond the bound."""
    exceeded = False
    for name in names or ["numpy", "torch"]:
        backend = nnspec.get_backend(name)
        rows = sorted((*overhead(backend, backend.operations()[op]), op) for op in WORK)
        for always, cost, op in rows:
            print(f"{name:8}{op:36}{cost:8.2f} us{'   validated at every call' if always else ''}")
        once = [cost for always, cost, _ in rows if not always]
        median = statistics.median(once)
        print(f"{name:8}{f'median of {len(once)} operations':36}{median:8.2f} us   bound {BOUND:.0f} us")
        (empty,) = microseconds(lambda: None)
        print(f"{name:8}within the bound: {sum(cost <= BOUND for cost in once)}; an empty call takes {empty:.3f} us")
        exceeded |= median > BOUND
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
