"""What no exception can stop: workers that hang in C or take too much memory are killed from outside.

Every worker says in a small shared file when its case began. The controller of pytest-xdist looks there and at the
worker's resident memory, which is the memory that is really used: limits of the address space would stop CUDA and XLA,
which reserve far more of it than they use. The replacement of a killed worker goes on with the next case.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

__all__ = ["ALONE", "Beat", "Watch", "default_memory", "in_words", "resident"]

#: the name of a process that has no controller: `nnspec conform` itself looks after it
ALONE = "alone"
#: when the case began by the monotonic clock, or 0 between cases; the process; whether it still makes its backend
_BEAT = struct.Struct("<dqq")
_INTERVAL = 0.05
#: seconds beyond the limit before a worker is killed: what can be interrupted has been by then
_GRACE = 5.0
MIB = 1 << 20
#: no default is smaller: frameworks load code late, and compile
_LEAST = 4096
#: MiB that stay free on the machine; below that the worker that has grown beyond the bound goes
_RESERVE = 512


def _path(results: str, worker: str) -> Path:
    return Path(results).with_suffix(f".{worker}.beat")


class Beat:
    """A worker's side.

    Args:
        results: the file of records of the run.
        worker: the name of this worker, such as gw0.
    """

    def __init__(self, results: str, worker: str) -> None:
        path = _path(results, worker)
        path.write_bytes(_BEAT.pack(0.0, os.getpid(), 0))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _BEAT.size)
        self._started = 0.0

    @contextlib.contextmanager
    def case(self) -> Iterator[None]:
        """While a case runs."""
        self._write(time.monotonic(), making=False)
        try:
            yield
        finally:
            self._write(0.0, making=False)

    @contextlib.contextmanager
    def making(self) -> Iterator[None]:
        """While a case's backend is made."""
        self._write(self._started, making=True)
        try:
            yield
        finally:
            self._write(self._started, making=False)

    def _write(self, started: float, *, making: bool) -> None:
        self._started = started
        _BEAT.pack_into(self._memory, 0, started, os.getpid(), making)


@dataclass
class _Worker:
    """What is known of a worker."""

    path: Path
    #: when the running case began
    started: float = 0.0
    process: int = 0
    making: bool = False
    #: resident MiB: when it was first seen in a case, before the running one, and now
    first: float = 0.0
    before: float = 0.0
    now: float = 0.0
    #: why it was killed
    reason: str = ""

    def look(self) -> None:
        with contextlib.suppress(OSError, struct.error):
            started, self.process, making = _BEAT.unpack(self.path.read_bytes())
            self.making = bool(making)
            if started != self.started:
                self.started, self.before = started, self.now
            self.now = resident(self.process)
            self.first = self.first or (self.now if started else 0.0)
            self.before = self.before or self.now


class Watch:
    """The side of the controller, or of whoever started the process.

    Args:
        results: the file of records of the run.
        timeout: seconds after which pytest-timeout interrupts a case.
        memory: MiB by which a case may make its worker grow; None where nothing bounds it.
    """

    def __init__(self, results: str, *, timeout: float, memory: float | None) -> None:
        self._results = results
        self._timeout = timeout
        self._memory = memory
        self._workers: dict[str, _Worker] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Any) -> None:
        self.add(node.gateway.id)

    def add(self, worker: str) -> None:
        """Look after a worker."""
        self._workers[worker] = _Worker(_path(self._results, worker))

    @pytest.hookimpl
    def pytest_unconfigure(self) -> None:
        self._over.set()

    def was_making(self, node: Any) -> bool:
        """Whether a worker that is gone was making its backend."""
        worker = self._workers.get(node.gateway.id)
        if worker is None:
            return False
        worker.look()
        return worker.making

    def reason(self, node: Any) -> str:
        """Why a worker is gone."""
        worker = self._workers.get(node.gateway.id)
        if worker is not None and worker.reason:
            return worker.reason
        return f"the worker process died: {_status(node)}"

    def _run(self) -> None:
        while not self._over.wait(_INTERVAL):
            for worker in list(self._workers.values()):
                if not worker.reason:
                    worker.look()
                    self._judge(worker)

    def _judge(self, worker: _Worker) -> None:
        if not worker.started:
            return
        here = time.monotonic() - worker.started
        reason = ""
        if here > self._timeout + min(_GRACE, self._timeout):
            reason = f"Timeout (>{self._timeout:.1f}s): the call could not be interrupted, its process was killed"
        elif self._memory is not None:
            reason = _too_much(worker, self._memory)
        if reason:
            worker.reason = reason
            with contextlib.suppress(OSError):
                os.kill(worker.process, signal.SIGKILL)


def _too_much(worker: _Worker, bound: float) -> str:
    grown, whole = worker.now - worker.before, worker.now - worker.first
    told = f"the bound of {in_words(bound)} (--memory); its process was killed"
    if grown > bound:
        return f"Memory: the process grew by {in_words(grown)} during the case, beyond {told}"
    if whole > bound and _available() < _RESERVE:
        return (
            f"Memory: the process grew by {in_words(whole)} since its first case, {in_words(grown)} of it in this one, "
            f"while the machine has less than {in_words(_RESERVE)} left: beyond {told}"
        )
    return ""


def _status(node: Any) -> str:
    """How a worker's process ended, as far as execnet lets one see."""
    process = getattr(getattr(node.gateway, "_io", None), "popen", None)
    try:
        code = process.wait(timeout=5)  # type: ignore[union-attr]
    except Exception:
        return "for a reason unknown"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"{signal.Signals(-code).name} ({signal.strsignal(-code)})"
    return f"it ended itself with exit code {code}"


# -- memory --------------------------------------------------------------------------------------------------

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def resident(process: int) -> float:
    """Resident MiB of a process; 0 where the platform does not say."""
    try:
        return int(Path(f"/proc/{process}/statm").read_bytes().split()[1]) * _PAGE / MIB
    except (OSError, IndexError, ValueError):
        return 0.0


def _available() -> float:
    """MiB that the machine, or the container this runs in, has left; infinite where the platform does not say."""
    found = [float("inf")]
    with contextlib.suppress(OSError, IndexError, ValueError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        found.append(next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1024)
    with contextlib.suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        found.append((int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())) / MIB)
    return min(found)


def default_memory(workers: int) -> float | None:
    """MiB by which a case may make its worker grow: most of what is available, shared out; None if that is unknown."""
    available = _available()
    if available == float("inf"):
        return None
    return min(max(0.8 * available / workers, _LEAST), 0.8 * available)


def in_words(mib: float) -> str:
    """An amount of memory."""
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.0f} MiB"
