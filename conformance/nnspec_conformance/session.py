"""One pytest session over backends x cases x dtypes, and the records it leaves."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nnspec import backend_class, get_backend
from nnspec.backend import PROFILES
from nnspec.errors import ArgumentError, NnspecError
from nnspec.results import Check, Note, Verdict
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import select, thinned
from nnspec_conformance.checks import profile_of
from nnspec_conformance.judge import Subject, blank, judge, profiles_in_scope

__all__ = ["BAD", "DTYPES", "Item", "Recorder", "Session"]

#: in the order they run
DTYPES = ("float32", "float64")
#: verdicts that make a test fail
BAD = ("fail", "error", "blocked", "unsupported")
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

    Raises:
        ArgumentError: a profile is unknown, or the pattern matches no case.
        BackendNotFoundError, BackendUnavailableError, DeviceUnavailableError: as `get_backend`.
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
    ) -> None:
        for profile in profiles:
            if profile not in PROFILES:
                raise ArgumentError(f"profile: expected one of {', '.join(PROFILES)}, got {profile!r}")
        self.device = device
        self.seed = seed
        self.level = level
        self.only = only
        self._subjects: dict[tuple[str, str], Subject] = {}
        chosen = select(only=only, level=level)
        self.scope = {name: profiles_in_scope(backend_class(name), profiles) for name in given}
        every = [
            Item(name, case, dtype)
            for dtype in DTYPES
            for case in chosen
            for name in self.scope
            if dtype in case.dtypes and dtype in (dtypes or (dtype,)) and self._in_scope(name, case, dtype)
        ]
        self.items = every
        self.by_id = {item.id: item for item in every}

    @classmethod
    def from_config(cls, config: pytest.Config) -> Session:
        """From the plugin's options."""
        return cls(
            config.getoption("nnspec_backend"),
            device=config.getoption("nnspec_device"),
            profiles=tuple(config.getoption("nnspec_profile")),
            level=config.getoption("nnspec_level"),
            only=config.getoption("nnspec_only"),
            dtypes=tuple(config.getoption("nnspec_dtype")),
            seed=config.getoption("nnspec_seed"),
        )

    def _in_scope(self, given: str, case: Case, dtype: str) -> bool:
        backend = backend_class(given)
        if dtype not in backend.dtypes and "double" not in self.scope[given]:
            return False
        whole = self.level == "full" or self.only or not backend.traced
        if not whole and case.id not in thinned(dtype):
            return False
        return any(profile_of(check, case.family, dtype) in self.scope[given] for check in case.checks)

    def subject(self, given: str, dtype: str) -> Subject:
        """The backend, made when first needed: asking JAX for float64 changes the process."""
        key = (given, dtype)
        if key not in self._subjects:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # JAX says that it switches x64 on; here that is the intention
                backend = get_backend(given, device=self.device, dtype=dtype)
            self._subjects[key] = Subject.of(given, backend)
        return self._subjects[key]

    def run(self, item: Item, properties: list[tuple[str, object]]) -> list[Check]:
        """Judge one item; its records are appended to `properties` as they are made, so that a hang keeps them."""
        found = []
        for record in self._records(item):
            properties.append((PROPERTY, record.model_dump(mode="json")))
            if isinstance(record, Check):
                found.append(record)
        return found

    def _records(self, item: Item) -> Iterator[Any]:
        try:
            subject = self.subject(item.given, item.dtype)
        except NnspecError as error:  # claimed, and then not to be had
            yield from self.unfinished(item, set(), str(error), "unsupported")
            return
        yield from judge(
            subject, item.case, item.dtype, profiles=self.scope[item.given], level=self.level, seed=self.seed
        )

    def checks_in_scope(self, item: Item) -> list[str]:
        """The checks of an item that belong to a profile that is judged."""
        scope, case = self.scope[item.given], item.case
        return [check for check in case.checks if profile_of(check, case.family, item.dtype) in scope]

    def unfinished(self, item: Item, done: set[str], reason: str, verdict: Verdict = "error") -> Iterator[Check]:
        """Records of the checks that were not done: the first has the verdict, the rest is blocked by it."""
        subject = self.subject(item.given, backend_class(item.given).dtypes[0])
        rest = [check for check in self.checks_in_scope(item) if check not in done]
        for check in rest:
            here: tuple[Verdict, str] = (verdict, reason) if check == rest[0] else ("blocked", f"{rest[0]}: {reason}")
            yield blank(subject, item.case, item.dtype, check, *here, seed=self.seed)


class Recorder:
    """Collects the records of all workers and appends them to the results file as they come."""

    def __init__(self, session: Session, path: str | None) -> None:
        self.session = session
        self.path = None if path is None else Path(path)
        self._done: set[str] = set()

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        match = re.search(r"\[(.*)\]$", report.nodeid)
        item = self.session.by_id.get(match.group(1)) if match else None
        if item is None or report.when == "teardown" or (report.when == "setup" and report.passed):
            return
        records = [value for name, value in report.user_properties if name == PROPERTY]
        if report.failed and item.id not in self._done:
            records += self._unfinished(item, records, report)
        self._append(records)
        if item.id not in self._done:
            self._done.add(item.id)
            self._mark_done(item)

    def _unfinished(self, item: Item, records: list[Any], report: pytest.TestReport) -> list[Any]:
        """What a crash, a hang or an error of the suite left without a verdict."""
        text = report.longreprtext
        done = {r["check"] for r in records if r["kind"] == "check"}
        if "crashed while running" in text:  # pytest-xdist's words
            return self._told(item, done, f"the worker process died: {_last_line(text)}")
        if "Timeout" in text and "SuiteError" not in text:
            return self._told(item, done, _first_line(text, "Timeout"))
        if any(r["kind"] == "check" and r["verdict"] in BAD for r in records):
            return []
        note = Note(level="suite-error", message=f"{item.id}: {_last_line(text)}", backend=item.given)
        return [note.model_dump(mode="json")]

    def _told(self, item: Item, done: set[str], reason: str) -> list[Any]:
        return [record.model_dump(mode="json") for record in self.session.unfinished(item, done, reason)]

    def _append(self, records: list[Any]) -> None:
        if self.path is None or not records:
            return
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)

    def _mark_done(self, item: Item) -> None:
        if self.path is not None:
            with self.path.with_suffix(".done").open("a", encoding="utf-8") as file:
                file.write(item.id + "\n")


def _first_line(text: str, word: str) -> str:
    return next((line.strip(" E>") for line in text.splitlines() if word in line), text[:200])


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1][:300]
