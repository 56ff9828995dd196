"""What a run of `nnspec bench` has found so far, told to whoever keeps it as soon as it is there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from nnspec.results import Bench, Note
from nnspec_conformance.bench._processes import BenchError, SkippedError

__all__ = ["Measured", "one_line"]

#: advice that frameworks put behind their messages
_ADVICE = ("TORCHDYNAMO_VERBOSE", "TORCH_LOGS", "TORCH_COMPILE_DEBUG", "JAX_TRACEBACK_FILTERING")
_LONGEST = 300


def one_line(message: str) -> str:
    """The first paragraph of a message, in one line and without advice about the framework's own variables.

    >>> one_line("backend='inductor' raised:\\nNotImplementedError: no storage\\n\\nSet TORCHDYNAMO_VERBOSE=1 for more")
    "backend='inductor' raised: NotImplementedError: no storage"
    """
    paragraphs = [
        [line.strip() for line in paragraph.splitlines() if not any(word in line for word in _ADVICE)]
        for paragraph in message.strip().split("\n\n")
    ]
    first = next((" ".join(filter(None, lines)) for lines in paragraphs if any(lines)), "")
    return first if len(first) <= _LONGEST else first[: _LONGEST - 3] + "..."


@dataclass
class Measured:
    """Records and notes; each is given to `keep` when it is made."""

    keep: Callable[[Bench | Note], None] = lambda _: None
    records: list[Bench] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def record(self, records: Iterable[Bench]) -> None:
        """Something was measured."""
        for record in records:
            self.records.append(record)
            self.keep(record)

    def note(self, level: Literal["info", "warning", "suite-error"], message: str) -> None:
        """Say something, in one line."""
        self.say(Note(level=level, message=one_line(message)))

    def say(self, *notes: Note) -> None:
        """Say what is in words already."""
        for note in notes:
            self.notes.append(note)
            self.keep(note)

    @contextlib.contextmanager
    def attempting(self, what: str) -> Iterator[None]:
        """What cannot be measured is said, and the run goes on."""
        try:
            yield
        except SkippedError as skipped:
            self.note("info", f"{what} not measured: {skipped}")
        except BenchError as error:
            self.note("suite-error", f"{what} not measured: {error}")
