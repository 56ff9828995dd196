"""The run in a child process, so that a backend that hangs or dies when it is imported or made is told in a line.

Cases run in workers, which are watched one by one. What a backend claims is asked in the run's own process, and a
backend may end that with exit code 0.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

from nnspec.errors import BackendUnavailableError

__all__ = ["making", "over", "supervised"]

#: where the child tells what it is doing; empty where nobody listens
_TOLD: list[int] = []


@contextlib.contextmanager
def making(name: str) -> Iterator[None]:
    """While a backend is imported and made."""
    _tell(f"making {name}")
    try:
        yield
    finally:
        _tell("")


def over(code: int) -> int:
    """The run has come to its end, and this is its exit code, whatever becomes of the process."""
    _tell(f"over {code}")
    return code


def _tell(text: str) -> None:
    for pipe in _TOLD:
        with contextlib.suppress(OSError):
            os.write(pipe, f"{text}\n".encode())


def supervised(patience: float) -> None:
    """Go on in a child, where the platform has fork; the parent waits for it and never returns.

    Args:
        patience: seconds that a backend may take to be imported and made.

    Raises:
        SystemExit: in the parent, with the child's exit code.
        BackendUnavailableError: in the parent, where the child did not come to its end.
    """
    if not hasattr(os, "fork"):
        return
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _TOLD.append(writing)
        signal.signal(signal.SIGTERM, _stop)
        return
    os.close(writing)
    _wait(child, reading, patience)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    """Leave in order, so that what the run has started ends with it."""
    raise SystemExit(128 + number)


def _wait(child: int, reading: int, patience: float) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _forward(child))
    told, since, hung = "", time.monotonic(), False
    status = (0, 0)
    while status[0] == 0:
        status = os.waitpid(child, os.WNOHANG)
        while select.select([reading], [], [], 0.1 if status[0] == 0 else 0)[0]:
            text = os.read(reading, 65536).decode()
            if not text:
                break
            told, since = text.removesuffix("\n").split("\n")[-1], time.monotonic()
        if told.startswith("making") and time.monotonic() - since > patience and not hung:
            os.kill(child, signal.SIGKILL)
            hung = True
    code = os.waitstatus_to_exitcode(status[1])
    if told.startswith("over"):
        raise SystemExit(int(told.split()[1]))
    if code == 2 and not told:
        raise SystemExit(2)  # bad usage, which the child has explained
    raise BackendUnavailableError(_sentence(told, code, patience if hung else None))


def _forward(child: int) -> Callable[[int, FrameType | None], None]:
    """Ctrl-C reaches the child by itself; what is sent to the parent alone is handed on."""

    def handle(number: int, _: FrameType | None) -> None:
        if number != signal.SIGINT:
            with contextlib.suppress(OSError):
                os.kill(child, number)

    return handle


def _sentence(told: str, code: int, hung: float | None) -> str:
    how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
    if not told.startswith("making"):
        return f"the run ended before its end, with {how}"
    name = told.partition(" ")[2]
    if hung is not None:
        return f"backend: {name!r} took longer than {hung:.0f} s to be imported and made"
    return f"backend: {name!r} ended the process with {how} when it was imported or made"
