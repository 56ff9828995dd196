"""From a requirement to the cases that test it and their last verdicts, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.backend import Backend
from nnspec.errors import MissingExtraError
from nnspec.plugins import CaseRecord, plugin_manager

if TYPE_CHECKING:
    from nnspec.results import Results

__all__ = ["Run", "Trace", "Verdicts", "known_cases", "trace"]


@dataclass(frozen=True)
class Run:
    """A results file that verdicts come from."""

    path: str
    #: ISO 8601, UTC
    started: str
    level: str
    #: backend -> package -> version
    versions: dict[str, dict[str, str]]


@dataclass(frozen=True)
class Verdicts:
    """What the checks of some cases came to on one backend."""

    #: verdict -> how many checks
    counts: dict[str, int]
    #: how many of them judged another text of the definition than today's
    outdated: int
    #: the largest margin, in units; None where no check has one
    margin: float | None


@dataclass(frozen=True)
class Trace:
    """The two directions, and what has no partner."""

    #: case id -> the case
    cases: dict[str, CaseRecord]
    #: requirement id -> ids of its cases
    tested_by: dict[str, list[str]]
    #: case id -> backend -> the last verdicts
    verdicts: dict[str, dict[str, Verdicts]] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)

    @property
    def untested(self) -> list[str]:
        """Requirements without a case."""
        return [name for name, cases in self.tested_by.items() if not cases]

    @property
    def unfounded(self) -> list[str]:
        """Cases that are evidence for nothing, or for what is no requirement."""
        return [
            c.id for c in self.cases.values() if not c.requirements or not set(c.requirements) <= set(self.tested_by)
        ]

    @property
    def backends(self) -> list[str]:
        """The backends that there are verdicts of."""
        return list(dict.fromkeys(name for by_backend in self.verdicts.values() for name in by_backend))

    def of(self, requirement: str) -> dict[str, Verdicts]:
        """The verdicts on a requirement: of all its cases together, by backend."""
        return {
            backend: _joined([v for case in self.tested_by[requirement] if (v := self._verdict(case, backend))])
            for backend in self.backends
        }

    def _verdict(self, case: str, backend: str) -> Verdicts | None:
        return self.verdicts.get(case, {}).get(backend)

    def record(self, operation: str | None = None) -> dict[str, Any]:
        """What `nnspec trace --json` writes: of one operation, or of all."""
        sentences = _sentences(operation)
        chosen = {
            name: case
            for name, case in self.cases.items()
            if operation is None or case.operation == operation or set(case.requirements) & set(sentences)
        }
        return {
            "runs": [asdict(run) for run in self.runs],
            "requirements": {
                name: {
                    "sentence": sentence,
                    "cases": self.tested_by[name],
                    "verdicts": {backend: asdict(v) for backend, v in self.of(name).items()},
                }
                for name, sentence in sentences.items()
            },
            "cases": {
                name: asdict(case) | {"verdicts": {b: asdict(v) for b, v in self.verdicts.get(name, {}).items()}}
                for name, case in chosen.items()
            },
            "orphans": {
                "requirements": [name for name in self.untested if name in sentences],
                "cases": [name for name in self.unfounded if name in chosen],
            },
        }


def _sentences(operation: str | None) -> dict[str, str]:
    operations = Backend.operations()
    chosen = operations.values() if operation is None else [operations[operation]]
    return {name: sentence for op in chosen for name, sentence in op.requirements.items()}


def _joined(parts: Sequence[Verdicts]) -> Verdicts:
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part.counts)
    margins = [part.margin for part in parts if part.margin is not None]
    return Verdicts(dict(counts), sum(part.outdated for part in parts), _largest(margins))


def _largest(margins: Iterable[float]) -> float | None:
    """The worst margin; not-a-number is worse than any."""
    return max(margins, key=lambda m: (m != m, m), default=None)


def known_cases() -> list[CaseRecord]:
    """The cases that the installed plugins offer.

    Raises:
        MissingExtraError: none offers any.
    """
    found = [case for offered in plugin_manager().hook.nnspec_cases() for case in offered]
    if not found:
        raise MissingExtraError('cases are in the conformance suite; run: pip install "nnspec[conformance]"')
    return found


def trace(results: Sequence[Path] = (), cases: Sequence[CaseRecord] | None = None) -> Trace:
    """Tie requirements to cases and, with results files of `nnspec conform`, to their last verdicts.

    Args:
        results: files; where several judge the same, the run that began last counts.
        cases: None is `known_cases()`.

    Raises:
        MissingExtraError: there is no plugin with cases, or nothing that reads results files.
        ResultsError: a file is missing, empty, cut short or no results file.
    """
    known = {case.id: case for case in (known_cases() if cases is None else cases)}
    tested_by: dict[str, list[str]] = {name: [] for name in _sentences(None)}
    for case in known.values():
        for requirement in case.requirements:
            if requirement in tested_by:
                tested_by[requirement].append(case.id)
    read = sorted(_read(results), key=lambda result: result.header.started)
    return Trace(known, tested_by, _verdicts(read, known), [_run(result) for result in read])


def _read(paths: Sequence[Path]) -> list[Results]:
    if not paths:
        return []
    try:
        from nnspec.results import read_results
    except ModuleNotFoundError as error:
        raise MissingExtraError(f'reading results needs {error.name}; run: pip install "nnspec[reports]"') from error
    return [read_results(path) for path in paths]


def _run(result: Results) -> Run:
    header = result.header
    return Run(result.path, header.started, header.level, {b.name: b.versions for b in header.backends})


def _verdicts(read: Sequence[Results], known: dict[str, CaseRecord]) -> dict[str, dict[str, Verdicts]]:
    digests = {op.name: op.digest for op in Backend.operations().values()}
    last = {
        (result.header.judged(c.backend), c.case, c.check, c.dtype): c
        for result in read
        for c in result.checks
        if c.case in known
    }
    found: dict[str, dict[str, list[Verdicts]]] = {}
    for (judged, *_), check in last.items():
        outdated = check.definition_digest != digests.get(check.operation, check.definition_digest)
        one = Verdicts({check.verdict: 1}, int(outdated), check.margin)
        found.setdefault(check.case, {}).setdefault(judged, []).append(one)
    return {case: {backend: _joined(ones) for backend, ones in of.items()} for case, of in found.items()}
