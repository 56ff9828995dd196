"""One pytest session over backends x cases x dtypes, and the records it leaves."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pytest

from nnspec import Backend, backend_class
from nnspec._low_precision import LOW
from nnspec.backend import PROFILES
from nnspec.errors import ArgumentError, NnspecError
from nnspec.results import BAD, Check, Note, Verdict
from nnspec_conformance.basics import broken_basic
from nnspec_conformance.bundles import bundled
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import select
from nnspec_conformance.checks import profile_of
from nnspec_conformance.context import Context
from nnspec_conformance.given_up import GivenUp
from nnspec_conformance.judge import Subject, blank, broken_record, judge, profiles_in_scope
from nnspec_conformance.overrides import Override, load_overrides, overriding
from nnspec_conformance.portions import Claims, portion_of, portions
from nnspec_conformance.thinning import is_tried
from nnspec_conformance.watch import Beat, Watch

__all__ = ["BAD", "DTYPES", "Item", "Recorder", "Session"]

#: in the order they run
DTYPES = ("float32", "float64", *LOW)
#: the profile that a claim of a dtype belongs to
_PROVEN_BY = {"float64": "double", **dict.fromkeys(LOW, "low-precision")}
#: how many cases of a profile that is not claimed are tried
_SAMPLE = 12
#: key of the records among a test's user properties
PROPERTY = "nnspec"


@dataclass(frozen=True)
class Item:
    """One case on one backend in one dtype: one test."""

    given: str
    case: Case
    dtype: str

    @property
    def id(self) -> str:
        return f"{self.given}-{self.dtype}-{self.case.id}"


class Session:
    """What a pytest run was asked to judge.

    Cases and backends are looked up when first asked for.

    Raises:
        ArgumentError: a profile is unknown; later, the pattern matches no case, or an override is none.
        BackendNotFoundError, BackendUnavailableError, DeviceUnavailableError: later, as `get_backend`.
    """

    def __init__(
        self,
        given: Iterable[str],
        *,
        device: str | None = None,
        profiles: tuple[str, ...] = (),
        level: str = "quick",
        only: str | None = None,
        dtypes: tuple[str, ...] = (),
        seed: int = 0,
        overrides: tuple[str, ...] = (),
        probe: bool = False,
        claims: Claims | None = None,
        done: Path | None = None,
    ) -> None:
        for profile in profiles:
            if profile not in PROFILES:
                raise ArgumentError(f"profile: expected one of {', '.join(PROFILES)}, got {profile!r}")
        self.given = tuple(given)
        self.device = device
        self.profiles = profiles
        self.seed = seed
        self.level = level
        self.only = only
        self.dtypes = dtypes or DTYPES
        #: whether a sample of what the backends do not claim is tried in place of what they do
        self.probe = probe
        #: what this process has of the cases, where it is not all; and where the ids stand of those that it has run
        self._claims, self._done = claims, done
        self._given_overrides = overrides
        #: whether cases may be compiled together
        self.bundle = True
        self._classes: dict[str, type[Backend]] = {}
        self._subjects: dict[tuple[str, str], Subject] = {}
        #: backends by name and dtype whose making failed or whose basics are broken, and how
        self._broken: dict[tuple[str, str], str] = {}
        #: what tells a run's controller of this worker; None where there is no other process
        self.beat: Beat | None = None
        self.given_up: GivenUp | None = None
        self._bundled: dict[str, tuple[tuple[str, ...], dict[str, Context]]] = {}

    @functools.cached_property
    def _given_classes(self) -> dict[str, type[Backend]]:
        """By name, as the backends are; imports them."""
        return {name: backend_class(name) for name in self.given}

    @functools.cached_property
    def scope(self) -> dict[str, frozenset[str]]:
        """The profiles to judge of each backend; imports the backends."""
        if self.probe:
            return {name: frozenset(PROFILES) - made.profiles for name, made in self._given_classes.items()}
        return {name: profiles_in_scope(made, self.profiles) for name, made in self._given_classes.items()}

    @functools.cached_property
    def items(self) -> list[Item]:
        """Every test, in the order they run: the backends take turns, so that they share a case's reference."""
        chosen = select(only=self.only, level=self.level)
        if self.overrides and self.only is None:
            chosen = [case for case in chosen if case.operation in self.overrides]
        found = [
            Item(name, case, dtype)
            for dtype in DTYPES
            for case in chosen
            for name in self.scope
            # last what may have to draw the inputs
            if dtype in self.dtypes and self.in_scope(name, case, dtype) and case.is_tried_in(dtype)
        ]
        if self.overrides and not found:
            raise ArgumentError(
                f"override: nothing of {', '.join(self.overrides)} is to be judged in profiles "
                f"{', '.join(self.profiles) or 'claimed'} and dtypes {', '.join(self.dtypes)} that its function takes"
            )
        found = self._sampled(found) if self.probe else found
        if self._claims is not None:
            found = [item for portion in portions(found).values() for item in portion]
        return found if self._done is None else self._left(found, self._done)

    def _left(self, items: Sequence[Item], done: Path) -> list[Item]:
        """What a process that is gone had taken and did not finish."""
        finished = frozenset(done.read_text(encoding="utf-8").splitlines())
        return [i for i in items if i.id not in finished and (self._claims is None or self._claims.has(portion_of(i)))]

    def takes(self, item: Item) -> bool:
        """Whether the item is this process's to run."""
        return self._claims is None or self._claims.take(portion_of(item))

    def _sampled(self, items: Sequence[Item]) -> list[Item]:
        """Some of every profile of every backend, spread evenly; none in a dtype that the backend does not offer."""
        found: set[Item] = set()
        for given, profiles in self.scope.items():
            for profile in profiles:
                of_profile = [i for i in items if i.given == given and self._speaks_for(i, profile)]
                found.update(of_profile[:: max(1, len(of_profile) // _SAMPLE)])
        return [item for item in items if item in found]

    def _speaks_for(self, item: Item, profile: str) -> bool:
        case, offered = item.case, item.dtype in self._given_classes[item.given].dtypes
        return offered and any(profile_of(c, case.family, item.dtype) == profile for c in case.checks_in(item.dtype))

    @functools.cached_property
    def by_id(self) -> dict[str, Item]:
        return {item.id: item for item in self.items}

    @classmethod
    def from_config(cls, config: pytest.Config) -> Session:
        """From the plugin's options."""
        claims, left = config.getoption("nnspec_claims"), config.getoption("nnspec_left")
        return cls(
            config.getoption("nnspec_backend"),
            device=config.getoption("nnspec_device"),
            profiles=tuple(config.getoption("nnspec_profile")),
            level=config.getoption("nnspec_level"),
            only=config.getoption("nnspec_only"),
            dtypes=tuple(config.getoption("nnspec_dtype")),
            seed=config.getoption("nnspec_seed"),
            overrides=tuple(config.getoption("nnspec_override")),
            probe=config.getoption("nnspec_probe"),
            claims=None if claims is None else Claims(Path(claims)),
            done=Path(config.getoption("nnspec_results")).with_suffix(".left") if left else None,
        )

    def in_scope(self, given: str, case: Case, dtype: str) -> bool:
        backend = self._given_classes[given]
        if dtype not in backend.dtypes and _PROVEN_BY.get(dtype) not in self.scope[given]:
            return False
        override = self.overrides.get(case.operation)
        if override is not None and not override.takes(dtype):
            return False
        asked = _PROVEN_BY.get(dtype) in self.profiles
        native = case.operation in self._native[given]
        if not self.narrowed and not is_tried(
            case, dtype, level=self.level, traced=backend.traced, asked=asked, native=native
        ):
            return False
        return any(profile_of(check, case.family, dtype) in self.scope[given] for check in case.checks_in(dtype))

    @functools.cached_property
    def _native(self) -> dict[str, frozenset[str]]:
        """The operations that each backend computes by code of its own."""
        return {
            name: frozenset(op for op in made.operations() if made.implementation(op) == "native")
            for name, made in self._given_classes.items()
        }

    @property
    def narrowed(self) -> bool:
        """Whether cases were asked for, of which then nothing is left out."""
        return bool(self.only or self.overrides)

    @functools.cached_property
    def overrides(self) -> dict[str, Override]:
        """The functions in place of the backends' own operations; imports their modules."""
        return load_overrides(self._given_overrides)

    def _class(self, given: str) -> type[Backend]:
        if given not in self._classes:
            self._classes[given] = overriding(self._given_classes[given], self.overrides)
        return self._classes[given]

    def subject(self, given: str, dtype: str) -> Subject:
        """The backend, made when first needed: asking JAX for float64 changes the process."""
        key = (given, dtype)
        if key not in self._subjects:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # JAX says that it switches x64 on; here that is the intention
                backend = self._class(given)(device=self.device, dtype=dtype)
            self._subjects[key] = Subject.of(given, backend, self.overrides)
        return self._subjects[key]

    def run(self, item: Item, properties: list[tuple[str, object]]) -> list[Check]:
        """Judge one item; its records are appended to `properties` as they are made, so that a hang keeps them."""
        found = []
        with self.beat.case() if self.beat is not None else contextlib.nullcontext():
            for record in self._records(item):
                properties.append((PROPERTY, record.model_dump_json()))  # a text travels faster than what is in it
                if isinstance(record, Check):
                    found.append(record)
        return found

    def _records(self, item: Item) -> Iterator[Any]:
        key = (item.given, item.dtype)
        why = self.given_up.why(item) if self.given_up is not None else None
        if why is None and key not in self._subjects and key not in self._broken:
            yield from self._made(item)
            if key in self._broken:
                return
        why = why or self._broken.get(key)
        if why is not None:
            yield from self.unfinished(item, set(), why, "blocked")
            return
        subject = self.subject(item.given, item.dtype)
        context = self._context(subject.backend, item)
        whole = self.narrowed and (self.level == "full" or not subject.backend.traced)
        level = "everything" if whole else self.level
        yield from judge(subject, context, profiles=self.scope[item.given], level=level)

    def _made(self, item: Item) -> Iterator[Check]:
        """Make the backend of an item and look at what all cases build on; if that fails, its records."""
        key = (item.given, item.dtype)
        self._broken[key] = "the backend cannot be made"  # what a hang leaves
        with self.beat.making() if self.beat is not None else contextlib.nullcontext():
            try:
                subject = self.subject(item.given, item.dtype)
            except NnspecError as error:  # claimed, and then not to be had
                self._broken[key] = str(error)
                yield from self.unfinished(item, set(), str(error), "unsupported")
                return
            except Exception as error:
                self._broken[key] = f"the backend cannot be made: {type(error).__name__}: {error}"[:500]
                yield from self.unfinished(item, set(), self._broken[key])
                return
            broken = broken_basic(subject.backend)
        if broken is None:
            del self._broken[key]
            return
        self._broken[key] = broken
        yield broken_record(subject, item.dtype, broken)
        yield from self.unfinished(item, set(), broken, "blocked")

    def _context(self, backend: Backend, item: Item) -> Context:
        """Of an item; where the backend traces, cases share compilations: of a family at level quick, to save time."""
        alone = Context(backend, item.case, item.dtype, self.seed)
        if not backend.traced or not self.bundle:
            return alone
        together = self._together(item)
        if item.given not in self._bundled or self._bundled[item.given][0] != together:
            cases = [i.case for i in self.items if i.given == item.given and self._together(i) == together]
            self._bundled[item.given] = (
                together,
                bundled(backend, [Context(backend, case, item.dtype, self.seed) for case in cases]),
            )
        return self._bundled[item.given][1].get(item.case.id, alone)

    def _together(self, item: Item) -> tuple[str, ...]:
        """What items that are compiled together have in common; where others run some, that they are run here."""
        named = item.case.family if self.level == "quick" else item.case.operation
        return (named, item.dtype) if self._claims is None else (named, item.dtype, portion_of(item))

    def checks_in_scope(self, item: Item) -> list[str]:
        """The checks of an item that belong to a profile that is judged."""
        scope, case = self.scope[item.given], item.case
        return [check for check in case.checks_in(item.dtype) if profile_of(check, case.family, item.dtype) in scope]

    def unfinished(self, item: Item, done: set[str], reason: str, verdict: Verdict = "error") -> Iterator[Check]:
        """Records of the checks that were not done: the first has the verdict, the rest is blocked by it."""
        subject = self._subjects.get((item.given, item.dtype)) or self.unmade(item.given)
        rest = [check for check in self.checks_in_scope(item) if check not in done]
        for check in rest:
            here: tuple[Verdict, str] = (verdict, reason)
            if check != rest[0]:
                here = ("blocked", reason if verdict == "blocked" else f"{rest[0]}: {reason}")
            yield blank(subject, item.case, item.dtype, check, *here, seed=self.seed)

    def unmade(self, given: str) -> Subject:
        """What records need to know of a backend, without making it: that may be what hangs or dies."""
        backend: Backend = object.__new__(self._class(given))
        backend.device = backend.resolve_device(self.device)
        return Subject.of(given, backend, self.overrides)


class Recorder:
    """Collects the records of all workers and appends them to the results file as they come."""

    def __init__(self, session: Session, path: str | None, watch: Watch | None = None) -> None:
        self.session = session
        self.watch = watch
        self.given_up = None if path is None else GivenUp(path)
        self._files = contextlib.ExitStack()
        self._records = None if path is None else self._opened(Path(path))
        self._finished = None if path is None else self._opened(Path(path).with_suffix(".done"))
        self._done: set[str] = set()

    def _opened(self, path: Path) -> TextIO:
        return self._files.enter_context(path.open("a", encoding="utf-8"))

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        match = re.search(r"\[(.*)\]$", report.nodeid)
        if match is None or report.when == "teardown" or (report.when == "setup" and report.passed):
            return
        test = match.group(1)
        lines = [str(value) for name, value in report.user_properties if name == PROPERTY]
        if report.failed and test not in self._done:
            records = self._unfinished(self.session.by_id[test], [json.loads(line) for line in lines], report)
            lines += [record.model_dump_json() for record in records]
        _append(self._records, lines)
        if test not in self._done:
            self._done.add(test)
            _append(self._finished, [test])

    @pytest.hookimpl
    def pytest_unconfigure(self) -> None:
        self._files.close()

    def _unfinished(self, item: Item, records: list[Any], report: pytest.TestReport) -> Sequence[Check | Note]:
        """What a crash, a hang or an error of the suite left without a verdict."""
        text = report.longreprtext
        done = {r["check"] for r in records if r["kind"] == "check"}
        if "crashed while running" in text:  # pytest-xdist's words
            node, watch = getattr(report, "node", None), self.watch
            if watch is None or node is None:
                return self._lost(item, done, f"the worker process died: {_last_line(text)}")
            return self._lost(item, done, watch.reason(node), making=watch.was_making(node))
        if "Timeout" in text and "SuiteError" not in text:
            return self._lost(item, done, _first_line(text, "Timeout"))
        if any(r["kind"] == "check" and r["verdict"] in BAD for r in records):
            return []
        return [Note(level="suite-error", message=f"{item.id}: {_last_line(text)}", backend=item.given)]

    def _lost(self, item: Item, done: set[str], reason: str, *, making: bool = False) -> list[Check]:
        if self.given_up is not None:
            self.given_up.lost(item, reason, making=making)
        return list(self.session.unfinished(item, done, reason))


def _append(file: TextIO | None, lines: list[str]) -> None:
    """Written through, so that they outlive the process."""
    if file is not None and lines:
        file.writelines(line + "\n" for line in lines)
        file.flush()


def _first_line(text: str, word: str) -> str:
    return next((line.strip(" E>") for line in text.splitlines() if word in line), text[:200])


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1][:300]
