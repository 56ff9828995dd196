"""The processes that contestants run in, seen from outside."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import Any

from nnspec.errors import NnspecError

__all__ = ["PATIENCE", "BenchError", "Process", "Processes", "Remote", "SkippedError", "default_threads", "environment"]

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
#: by these XLA makes its thread pool smaller than the machine
_XLA_THREADS = ("NPROC", "PJRT_NPROC")
_KERAS = "keras on "


#: seconds that one answer may take: compiling a whole training step is the longest
PATIENCE = 300.0


class BenchError(NnspecError, RuntimeError):
    """A contestant crashed or hangs, or the process that it runs in."""

    def __init__(self, message: str, contestant: str = "") -> None:
        super().__init__(message)
        #: whom it happened to
        self.contestant = contestant


class SkippedError(Exception):
    """A contestant that cannot be had here; the text says why."""

    def __init__(self, message: str, contestant: str = "") -> None:
        super().__init__(message)
        self.contestant = contestant


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
    """One process, for one framework.

    Args:
        framework: whose.
        threads: that it may use.
        patience: seconds that an answer may take.
    """

    def __init__(self, framework: str, threads: int, patience: float = PATIENCE) -> None:
        self.framework = framework
        self._patience = patience
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
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
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
        name = message.get("name", self.framework)
        answer = json.loads(self._answer(do, message, name))
        if "skip" in answer:
            raise SkippedError(answer["skip"], name)
        if "error" in answer:
            raise BenchError(answer["error"], name)
        return answer["value"]

    def _answer(self, do: str, message: dict[str, Any], name: str) -> str:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **message}) + "\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=self._patience)
        except BrokenPipeError:
            line = ""
        except queue.Empty:
            self._process.kill()
            self._process.wait()
            raise BenchError(f"no answer for {self._patience:g} s", name) from None
        if not line:
            raise BenchError(f"the process of {self.framework} ended{self._last_words()}", name)
        return line

    def _listen(self) -> None:
        """Lines as they come; an empty one at the end."""
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):  # closed meanwhile
            for line in self._process.stdout:
                self._answers.put(line)
        self._answers.put("")

    @property
    def is_alive(self) -> bool:
        """Whether it may answer."""
        return self._process.poll() is None

    def _last_words(self) -> str:
        code = self._process.wait()
        self._said.seek(0)
        lines = [line.strip() for line in self._said.read().splitlines() if line.strip()]
        return f" with exit code {code}" + (f": {lines[-1]}" if lines else "")

    def close(self) -> None:
        """End it, and wait until it has."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):  # it has ended, and there was something left to send
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(timeout=5)
        if not self._listener.is_alive():  # a child of it may hold the pipe open: then it is left to the system
            self._process.stdout.close()
        self._said.close()


def _bind(pid: int, threads: int) -> None:
    """To as many processors, so that no pool is larger, whatever it counts."""
    try:
        os.sched_setaffinity(pid, sorted(os.sched_getaffinity(0))[:threads])
    except (AttributeError, OSError):
        return


class Processes:
    """One for each framework, started when it is first asked for, and again when it has ended."""

    def __init__(self, threads: int, patience: float = PATIENCE) -> None:
        self.threads, self.patience = threads, patience
        self._started: dict[str, Process] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started.values():
            process.close()

    def __getitem__(self, framework: str) -> Process:
        process = self._started.get(framework)
        if process is not None and not process.is_alive:
            process.close()
            process = None
        if process is None:
            process = self._started[framework] = Process(framework, self.threads, self.patience)
        return process

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
        """Forget it, if it is still there."""
        with contextlib.suppress(BenchError):
            if self._process.is_alive:
                self._process.ask("drop", name=self.name)
