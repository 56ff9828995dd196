"""Two results files compared check by check: what became worse, what better, and what made the difference."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnspec.backend import PROFILES
from nnspec.errors import ResultsError
from nnspec.results import BackendHeader, Check, Results, read_results
from nnspec_reports._answer import why_invalid
from nnspec_reports._causes import Cause, Causes, Difference, differences, kinds_of
from nnspec_reports._evidence import backends_of, by, order_of_check

__all__ = ["Change", "Comparison", "Conclusion", "compare", "compare_files"]

FAILED = ("fail", "error", "unsupported", "blocked")
#: by how much a margin has to change
_FACTOR = 2.0
#: margins below half a unit, less than one rounding, count as that
_FLOOR = 0.5

#: case, check, dtype, and which of several alike
_Key = tuple[str, str, str, int]


@dataclass(frozen=True)
class Change:
    """A check that is not what it was."""

    #: the backend in the second run, or where it is there no more in the first
    backend: str
    #: None where only one run has the check
    old: Check | None
    new: Check | None
    causes: tuple[Cause, ...]

    @property
    def check(self) -> Check:
        """The newer of the two."""
        found = self.new or self.old
        assert found is not None
        return found

    @property
    def kinds(self) -> str:
        """What it is attributed to, in a few words."""
        return kinds_of(self.causes)

    @property
    def ratio(self) -> float:
        """How many times larger the new margin is."""
        assert self.old is not None
        assert self.new is not None
        return _counted(self.new) / _counted(self.old)


@dataclass(frozen=True)
class Conclusion:
    """What was concluded about a backend in a profile, by both runs."""

    backend: str
    profile: str
    old: str
    new: str


@dataclass(frozen=True)
class Comparison:
    """Everything that is said about two runs."""

    old: Results
    new: Results
    differences: list[Difference]
    conclusions: list[Conclusion]
    failures: list[Change]
    fixed: list[Change]
    #: other verdicts, neither of them a new failure nor a pass that was none
    verdicts: list[Change]
    larger: list[Change]
    smaller: list[Change]
    added: list[Change]
    removed: list[Change]
    #: backends that only one of the runs judged, and how many checks of them
    backends_added: dict[str, int]
    backends_removed: dict[str, int]
    unchanged: int

    @property
    def worse(self) -> bool:
        """Whether something fails that did not."""
        return bool(self.failures)

    @property
    def headline(self) -> str:
        """The answer in one sentence."""
        told = [
            f"{len(changes):,} {words[len(changes) > 1]}"
            for changes, words in (
                (self.failures, ("new failure", "new failures")),
                (self.fixed, ("check fixed", "checks fixed")),
                (self.verdicts, ("other verdict", "other verdicts")),
                (self.larger, ("margin larger by 2x or more", "margins larger by 2x or more")),
                (self.smaller, ("margin smaller by 2x or more", "margins smaller by 2x or more")),
                (self.added, ("check added", "checks added")),
                (self.removed, ("check removed", "checks removed")),
            )
            if changes
        ]
        said = ", ".join(told) or f"no change in {self.unchanged:,} checks"
        return f"{'Worse' if self.worse else 'Nothing worse'}: {said}."


def compare_files(old: Path, new: Path) -> Comparison:
    """Compare two results files.

    Raises:
        ResultsError: one is missing, incomplete, or of a run that is invalid.
    """
    results = []
    for path in (old, new):
        result = read_results(path)
        reason = why_invalid(result) or (None if result.checks else "no check was executed")
        if reason is not None:
            raise ResultsError(f"{path}: an invalid run proves nothing: {reason}")
        results.append(result)
    return compare(*results)


def compare(old: Results, new: Results) -> Comparison:
    """What changed from one run to another."""
    pairs = list(_pairs(backends_of(old), backends_of(new)))
    checks = [by(result.checks, lambda c: c.backend) for result in (old, new)]
    found: list[Change] = []
    unchanged = 0
    told = differences(old.header, new.header)
    for before, after in pairs:
        if before is None or after is None:
            continue
        causes = Causes(old.header, new.header, before, after)
        told += causes.differences
        olds, news = _by_key(checks[0].get(before.name, [])), _by_key(checks[1].get(after.name, []))
        changes = list(_changes(after.name, olds, news, causes))
        found += changes
        unchanged += len(news) - sum(change.new is not None for change in changes)
    found.sort(key=_order)
    return Comparison(
        old=old,
        new=new,
        differences=told,
        conclusions=list(_conclusions(old, new, pairs)),
        **_sorted_out(found),
        backends_added=_alone(pairs, checks[1], 1),
        backends_removed=_alone(pairs, checks[0], 0),
        unchanged=unchanged,
    )


def _sorted_out(found: Sequence[Change]) -> dict[str, list[Change]]:
    groups = by(found, _group)
    names = ("failures", "fixed", "verdicts", "larger", "smaller", "added", "removed")
    return {name: groups.get(name, []) for name in names} | {
        "larger": sorted(groups.get("larger", []), key=lambda c: -c.ratio),
        "smaller": sorted(groups.get("smaller", []), key=lambda c: c.ratio),
    }


def _group(change: Change) -> str:
    old, new = change.old, change.new
    if new is None:
        return "removed"
    if new.verdict in FAILED and (old is None or old.verdict not in FAILED):
        return "failures"
    if old is None:
        return "added"
    if old.verdict in FAILED and new.verdict == "pass":
        return "fixed"
    if old.verdict != new.verdict:
        return "verdicts"
    return "larger" if change.ratio > 1 else "smaller"


def _changes(backend: str, olds: dict[_Key, Check], news: dict[_Key, Check], causes: Causes) -> Iterator[Change]:
    for key, new in news.items():
        old = olds.get(key)
        if old is None:
            yield Change(backend, None, new, causes.of_presence(new))
        elif old.verdict != new.verdict or _margin_changed(old, new):
            yield Change(backend, old, new, causes.of_change(old, new))
    for key, old in olds.items():
        if key not in news:
            yield Change(backend, old, None, causes.of_presence(old))


def _margin_changed(old: Check, new: Check) -> bool:
    if old.margin is None or new.margin is None or old.margin == new.margin:
        return False
    small, large = sorted((_counted(old), _counted(new)))
    return small < large and large >= _FACTOR * small


def _counted(check: Check) -> float:
    """The margin as it is compared; not-a-number is as bad as infinity."""
    assert check.margin is not None
    return math.inf if math.isnan(check.margin) else max(check.margin, _FLOOR)


def _by_key(checks: Sequence[Check]) -> dict[_Key, Check]:
    seen: Counter[tuple[str, str, str]] = Counter()
    found: dict[_Key, Check] = {}
    for check in checks:
        key = (check.case, check.check, check.dtype)
        found[(*key, seen[key])] = check
        seen[key] += 1
    return found


def _order(change: Change) -> tuple[object, ...]:
    c = change.check
    return c.family, c.operation, c.case, order_of_check(c.check), c.dtype, change.backend


# -- backends ----------------------------------------------------------------------------------------------------


def _pairs(
    old: Sequence[BackendHeader], new: Sequence[BackendHeader]
) -> Iterator[tuple[BackendHeader | None, BackendHeader | None]]:
    """Backends of the same name; where each run has one of its own left, those two."""
    olds, news = {b.name: b for b in old}, {b.name: b for b in new}
    for name in olds:
        if name in news:
            yield olds[name], news[name]
    gone, come = [b for n, b in olds.items() if n not in news], [b for n, b in news.items() if n not in olds]
    if len(gone) == len(come) == 1:
        yield gone[0], come[0]
        return
    yield from ((b, None) for b in gone)
    yield from ((None, b) for b in come)


def _alone(
    pairs: Sequence[tuple[BackendHeader | None, BackendHeader | None]], checks: dict[str, list[Check]], side: int
) -> dict[str, int]:
    names = [pair[side].name for pair in pairs if pair[1 - side] is None]  # type: ignore[union-attr]
    return {name: len(checks.get(name, [])) for name in names}


def _conclusions(
    old: Results, new: Results, pairs: Sequence[tuple[BackendHeader | None, BackendHeader | None]]
) -> Iterator[Conclusion]:
    for before, after in pairs:
        if before is None or after is None:
            continue
        was, now = (
            result.footer.conclusions.get(backend.name, {}) for result, backend in ((old, before), (new, after))
        )
        for profile in (*PROFILES, *sorted((was.keys() | now.keys()) - {*PROFILES})):
            if profile in was or profile in now:
                yield Conclusion(after.name, profile, was.get(profile, "not judged"), now.get(profile, "not judged"))
