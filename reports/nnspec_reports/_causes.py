"""What a change between two runs is attributed to, by the headers and the digests of the records (DESIGN 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from nnspec.results import BackendHeader, Check, Header
from nnspec_reports._evidence import joined

__all__ = ["Cause", "Causes", "Difference", "Kind", "differences", "kinds_of"]

#: "run" is what was asked for: level, profiles, cases, seed
Kind = Literal["backend", "suite", "specification", "environment", "run", "unknown"]
#: packages that are what a backend runs in, unless they are what it is made of
_SURROUNDINGS = ("numpy", "scipy")


@dataclass(frozen=True)
class Difference:
    """One fact of the headers that is not the same in both runs."""

    kind: Kind
    name: str
    old: str
    new: str


@dataclass(frozen=True)
class Cause:
    """What may have made a check change, and how that shows."""

    kind: Kind
    #: what shows it on the check itself; empty where it is a difference between the runs
    shown: str = ""

    def __str__(self) -> str:
        return f"{self.kind} ({self.shown})" if self.shown else self.kind


#: where nothing differs that is recorded
UNKNOWN = Cause("unknown", "nothing recorded differs: not reproducible, or a local change")


def kinds_of(causes: Sequence[Cause]) -> str:
    """The kinds as words: "suite or backend"."""
    return " or ".join(dict.fromkeys(cause.kind for cause in causes))


# -- between the runs ------------------------------------------------------------------------------------------


def differences(old: Header, new: Header) -> list[Difference]:
    """The facts that differ between two runs, their backends aside."""
    facts: list[tuple[Kind, str, Callable[[Header], str]]] = [
        ("backend", "nnspec", lambda h: h.nnspec_version),
        ("backend", "overrides", _overrides),
        ("specification", "specification", lambda h: h.spec_version),
        ("specification", "its digest", lambda h: h.spec_digest),
        ("suite", "suite", lambda h: h.suite_version),
        ("suite", "limits", lambda h: ", ".join(f"{k} {v:g}" for k, v in sorted(h.limits.items()))),
        ("environment", "Python", lambda h: h.python),
        ("environment", "platform", lambda h: h.platform),
        ("environment", "CPU", lambda h: h.cpu),
        ("environment", "threads", lambda h: str(h.threads)),
        ("run", "level", lambda h: h.level),
        ("run", "cases", lambda h: h.only or ", ".join(sorted(h.overrides)) or "all"),
        ("run", "profiles", lambda h: ", ".join(sorted(h.profiles)) or "every claimed one"),
        ("run", "seed", lambda h: str(h.seed)),
    ]
    return [Difference(kind, name, told(old), told(new)) for kind, name, told in facts if told(old) != told(new)]


def _overrides(header: Header) -> str:
    return ", ".join(f"{name} is {o.function} ({o.digest})" for name, o in header.overrides.items()) or "none"


def _between_backends(old: BackendHeader, new: BackendHeader) -> Iterator[Difference]:
    if old.name != new.name:
        yield Difference("backend", "backend", old.name, new.name)
    if old.device != new.device:
        yield Difference("environment", f"device of {new.name}", old.device, new.device)
    own = next(iter(new.versions), None)
    for package in dict.fromkeys([*old.versions, *new.versions]):
        versions = old.versions.get(package, "none"), new.versions.get(package, "none")
        if versions[0] != versions[1]:
            kind: Kind = "environment" if package in _SURROUNDINGS and own not in _SURROUNDINGS else "backend"
            yield Difference(kind, f"{package} of {new.name}", *versions)
    if set(old.profiles) != set(new.profiles):
        yield Difference("backend", f"claims of {new.name}", ", ".join(old.profiles), ", ".join(new.profiles))


# -- of one check ------------------------------------------------------------------------------------------------


class Causes:
    """What the changes of one backend between two runs are attributed to.

    Args:
        old: header of the first run.
        new: header of the second.
        old_backend: the backend in the first run.
        new_backend: what it is compared with in the second.
    """

    def __init__(self, old: Header, new: Header, old_backend: BackendHeader, new_backend: BackendHeader) -> None:
        self._old, self._new = old, new
        self._backends = old_backend, new_backend
        #: the facts that differ between the backends
        self.differences = list(_between_backends(*self._backends))
        self._runs = differences(old, new)
        everywhere = [d for d in [*self.differences, *self._runs] if d.name not in ("limits", "its digest")]
        kinds = dict.fromkeys(d.kind for d in everywhere if d.kind != "run" and not d.name.startswith("claims of"))
        self._everywhere = [Cause(kind) for kind in kinds]

    def of_change(self, old: Check, new: Check) -> tuple[Cause, ...]:
        """Of another verdict or margin: what shows on the check itself, else all that differs between the runs."""
        limits = self._old.limits.get(new.check), self._new.limits.get(new.check)
        if limits[0] != limits[1] and old.verdict != new.verdict and old.margin == new.margin is not None:
            return (Cause("suite", f"limit {_number(limits[0])} → {_number(limits[1])}"),)
        shown = list(self._shown_by(old, new))
        text = old.definition_digest != new.definition_digest
        definition = [Cause("specification", f"the text of {new.operation} or its family is another")] if text else []
        if shown:
            return (*shown, *definition)
        found = [*definition, *(cause for cause in self._everywhere if not (text and cause.kind == "specification"))]
        if self._old.spec_digest != self._new.spec_digest and all(cause.kind != "specification" for cause in found):
            found.append(Cause("specification", "the reference, or another definition"))
        return tuple(found) or (UNKNOWN,)

    def _shown_by(self, old: Check, new: Check) -> Iterator[Cause]:
        if old.case_digest != new.case_digest:
            seeds = self._old.seed, self._new.seed
            yield Cause("suite", "the case is another") if seeds[0] == seeds[1] else Cause("run", "another seed")
        if old.implementation != new.implementation:
            yield Cause("backend", f"{old.implementation or 'nothing'} → {new.implementation or 'nothing'}")
        functions = self._old.overrides.get(new.operation), self._new.overrides.get(new.operation)
        if functions[0] is not None and functions[1] is not None and functions[0] != functions[1]:
            names = functions[0].function, functions[1].function
            yield Cause("backend", f"the text of {names[1]} is another" if names[0] == names[1] else " → ".join(names))
        if (old.waiver is None) != (new.waiver is None):
            yield Cause("backend", f"a deviation was {'recorded' if new.waiver else 'removed'}")

    def of_presence(self, check: Check) -> tuple[Cause, ...]:
        """Of a check that only one of the runs has."""
        asked = [d for d in self._runs if d.kind == "run" and d.name != "seed"]
        if asked:
            return (Cause("run", joined([f"{d.name} {d.old} → {d.new}" for d in asked])),)
        if check.profile in set(self._backends[0].profiles) ^ set(self._backends[1].profiles):
            return (Cause("backend", f"its claim of {check.profile}"),)
        known = [check.operation in backend.implementations for backend in self._backends]
        if known[0] != known[1]:
            return (Cause("specification", f"{check.operation} is {'new' if known[1] else 'gone'}"),)
        return (Cause("suite", "its cases are others"),)


def _number(limit: float | None) -> str:
    return "none" if limit is None else f"{limit:g}"
