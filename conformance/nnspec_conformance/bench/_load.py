"""What other processes do on our processors meanwhile: a time taken beside them says little."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["Load"]

#: part of one processor that others may take before a round counts as disturbed
SHARE = 0.10
#: seconds that the kernel's counters may be off by: they move by the hundredth
_GRAIN = 0.03


class Load:
    """Foreign CPU time since `start`, on the processors that this process may run on.

    Args:
        own: the processes whose time is ours, this one aside.
    """

    def __init__(self, own: Callable[[], Sequence[int]] = lambda: ()) -> None:
        self._own = own
        self._at = (0.0, 0.0, 0.0)
        self.start()

    def start(self) -> None:
        """Count from now on."""
        self._at = (time.perf_counter(), _busy(), self._ours())

    def foreign(self) -> float:
        """Seconds of CPU time that others took; 0 where the system does not tell."""
        _, busy, ours = self._at
        return max(0.0, (_busy() - busy) - (self._ours() - ours))

    def excess(self) -> float:
        """Foreign time beyond what is let pass, as a share of the wall-clock time; 0 for an undisturbed round."""
        wall = time.perf_counter() - self._at[0]
        beyond = self.foreign() - _GRAIN - SHARE * wall
        return max(0.0, beyond / wall) if wall > 0 else 0.0

    def _ours(self) -> float:
        times = os.times()
        return times.user + times.system + sum(map(_of_process, self._own()))


def _busy() -> float:
    """CPU seconds of all processes on our processors, stolen ones of a virtual machine included."""
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
        ours = {f"cpu{i}" for i in os.sched_getaffinity(0)}
    except (OSError, AttributeError):
        return 0.0
    ticks = 0
    for line in lines:
        name, *fields = line.split()
        if name in ours:
            user, nice, system, _idle, _wait, irq, soft, *rest = map(int, fields)
            ticks += user + nice + system + irq + soft + (rest[0] if rest else 0)
    return ticks / os.sysconf("SC_CLK_TCK")


def _of_process(pid: int) -> float:
    with contextlib.suppress(OSError):
        # the name of a process, in parentheses, may hold anything
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0
