"""A results file that can be read at any time: every record is on the disk as soon as it is made."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from nnspec.results import Footer, Header

__all__ = ["Journal"]


class Journal:
    """Records between a header and a footer, which says that the run is not complete until it is.

    A record is written over the footer, and another footer behind it, in one go: whatever ends the run, the file is
    one that `nnspec report` reads.

    Args:
        path: of the file; what is there is overwritten.
        header: of the run.
        started: when it began, in seconds since 1970.
        clock: of the same kind.
    """

    def __init__(self, path: Path, header: Header, started: float, clock: Callable[[], float] = time.time) -> None:
        self._started, self._clock = started, clock
        self._file = path.open("wb")
        self._end = 0
        self.add(header)

    def add(self, record: Any) -> None:
        """One more record."""
        line = _line(record)
        self._write(line, complete=False)
        self._end += len(line)

    def _write(self, line: bytes, *, complete: bool) -> None:
        seconds = round(self._clock() - self._started, 1)
        footer = _line(Footer(counts={}, conclusions={}, seconds=seconds, complete=complete))
        self._file.seek(self._end)
        self._file.write(line + footer)
        self._file.truncate()  # which writes through first

    def complete(self) -> None:
        """Nothing more will come, and nothing is missing."""
        self._write(b"", complete=True)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _line(record: Any) -> bytes:
    return (json.dumps(record.model_dump(mode="json"), ensure_ascii=False) + "\n").encode("utf-8")
