"""The processes that contestants run in, seen from outside."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from nnspec.errors import NnspecError

__all__ = ["BenchError", "Process", "Processes", "Remote", "SkippedError", "default_threads", "environment"]

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
#: by these XLA makes its thread pool smaller than the machine
_XLA_THREADS = ("NPROC", "PJRT_NPROC")
_KERAS = "keras on "


class BenchError(NnspecError, RuntimeError):
    """A contestant crashed, or the process that it runs in."""


class SkippedError(Exception):
    """A contestant that cannot be had here; the text says why."""


def default_threads() -> int:
    """Two, as the bounds are about, or as many as there are."""
    return min(2, _processors())


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def environment(framework: str, threads: int) -> dict[str, str]:
    """Of a process for one framework: the user's, with as many threads for every library."""
    made = {**os.environ, **dict.fromkeys((*_THREADS, *_XLA_THREADS), str(threads))}
    if framework.startswith(_KERAS):
        made["KERAS_BACKEND"] = framework.removeprefix(_KERAS)
    made["PYTHONPATH"] = os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))
    return made


class Process:
    """One process, for one framework."""

    def __init__(self, framework: str, threads: int) -> None:
        self.framework = framework
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "nnspec_conformance.bench._worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=environment(framework, threads),
            text=True,
            encoding="utf-8",
        )
        _bind(self._process.pid, threads)
        self.ask("settle", threads=threads, framework=framework)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, do: str, **message: Any) -> Any:
        """Send a message and wait for its answer.

        Raises:
            SkippedError: what is asked for cannot be had here.
            BenchError: it went wrong, or the process is gone.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **message}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise BenchError(f"bench: the process of {self.framework} ended{self._last_words()}")
        answer = json.loads(line)
        if "skip" in answer:
            raise SkippedError(answer["skip"])
        if "error" in answer:
            raise BenchError(f"bench: {message.get('name', self.framework)}: {answer['error']}")
        return answer["value"]

    def _last_words(self) -> str:
        code = self._process.wait()
        self._said.seek(0)
        lines = [line.strip() for line in self._said.read().splitlines() if line.strip()]
        return f" with exit code {code}" + (f": {lines[-1]}" if lines else "")

    def close(self) -> None:
        """End it, and wait until it has."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._said.close()


def _bind(pid: int, threads: int) -> None:
    """To as many processors, so that no pool is larger, whatever it counts."""
    try:
        os.sched_setaffinity(pid, sorted(os.sched_getaffinity(0))[:threads])
    except (AttributeError, OSError):
        return


class Processes:
    """One for each framework, started when it is first asked for."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._started: dict[str, Process] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started.values():
            process.close()

    def __getitem__(self, framework: str) -> Process:
        if framework not in self._started:
            self._started[framework] = Process(framework, self.threads)
        return self._started[framework]

    def pids(self) -> Sequence[int]:
        """Of those started."""
        return [process.pid for process in self._started.values()]


class Remote:
    """A contestant in another process."""

    def __init__(self, process: Process, name: str, maker: str, **options: Any) -> None:
        self._process, self.name = process, name
        process.ask("make", name=name, maker=maker, options=options)

    def block(self, steps: int) -> float:
        """Seconds of so many steps."""
        return float(self._process.ask("block", name=self.name, steps=steps))

    def call(self, method: str, **options: Any) -> Any:
        """What a method of it returns."""
        return self._process.ask("call", name=self.name, method=method, options=options)

    def drop(self) -> None:
        """Forget it."""
        self._process.ask("drop", name=self.name)
