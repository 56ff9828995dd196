"""Single operations, forward and with their gradients, against the framework's own calls and the machine's ceilings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from nnspec import Backend
from nnspec.errors import ArgumentError
from nnspec.results import Bench
from nnspec_conformance.bench._inputs import WORK
from nnspec_conformance.bench._load import Load
from nnspec_conformance.bench._measured import Measured
from nnspec_conformance.bench._processes import Processes, Remote, SkippedError
from nnspec_conformance.bench._timing import Rounds, paired_rounds

__all__ = ["Ceilings", "chosen_operations", "matching", "measure_operations"]

_CALLS = "nnspec_conformance.bench._calls"
#: relative distance of what two calls return at which they do not compute the same
_SAME = 1e-3
#: operations whose results everyone draws in another way
_DRAWN = ("dropout",)
PASSES = ("forward", "forward+backward")


@dataclass(frozen=True)
class Ceilings:
    """What the machine can do at most."""

    #: multiplications and additions a second, of float32
    flops: float
    #: bytes a second, read and written
    bandwidth: float

    def least(self, flops: float, moved: float) -> float:
        """Seconds that so much work takes at least."""
        return max(flops / self.flops, moved / self.bandwidth)


def matching(names: Sequence[str], only: str | None) -> list[str]:
    """Those that a pattern of operations or families names.

    Raises:
        ArgumentError: there are none.
    """
    table = Backend.operations()
    found = [n for n in names if only is None or fnmatchcase(n, only) or table[n].family == only]
    if not found:
        raise ArgumentError(
            f"only: {only!r} matches nothing that is measured; give an operation, a family or a pattern"
        )
    return found


def chosen_operations(only: str | None) -> list[str]:
    """The operations measured that a pattern names."""
    return matching(list(WORK), only)


def measure_operations(
    processes: Processes,
    backends: Mapping[str, str],
    *,
    devices: Mapping[str, str],
    operations: Sequence[str],
    rounds: int,
    measured: Measured,
    done: Callable[[], None] = lambda: None,
) -> None:
    """Every operation on every backend.

    Args:
        processes: where calls run.
        backends: as given -> the framework whose process it runs in.
        devices: of each such framework.
        operations: to measure.
        rounds: of each.
        measured: where records go.
        done: called after every operation.
    """
    for given, framework in backends.items():
        with measured.attempting(f"operations of {given}"):
            place = _place(processes, given, framework, devices[framework], rounds, measured)
            for operation in operations:
                with measured.attempting(f"{operation} of {given}"):
                    measured.record(_measured(place, operation, rounds, measured))
                done()


@dataclass(frozen=True)
class _Place:
    """Where operations of one backend are measured."""

    processes: Processes
    backend: str
    framework: str
    device: str
    ceilings: Ceilings
    #: operations that the framework has a call of its own for
    own: frozenset[str]

    def made(self, name: str, maker: str, **options: Any) -> Remote:
        """A contestant in the framework's process."""
        return Remote(self.processes[self.framework], name, f"{_CALLS}:{maker}", device=self.device, **options)

    def rounds(self, contestants: Mapping[str, Remote], count: int) -> Rounds:
        """They take turns, and are dropped."""
        found = paired_rounds(contestants, count, watch=Load(self.processes.pids))
        for contestant in contestants.values():
            contestant.drop()
        return found


def _place(processes: Processes, given: str, framework: str, device: str, rounds: int, measured: Measured) -> _Place:
    try:
        asked = {"function": f"{_CALLS}:offered", "options": {"framework": framework}}
        own = frozenset(processes[framework].ask("run", **asked))
    except SkippedError as skipped:
        own = frozenset()
        measured.note("info", f"{framework} has no calls to compare with: {skipped}")
    place = _Place(processes, given, framework, device, Ceilings(1.0, 1.0), own)
    return replace(place, ceilings=_ceilings(place, min(rounds, 10)))


def _ceilings(place: _Place, rounds: int) -> Ceilings:
    """Measured in the same run, as anything else; the best round counts."""
    rates = []
    for kind in ("gemm", "copy"):
        ceiling = place.made(kind, "make_ceiling", kind=kind)
        amount = ceiling.call("amount")
        rates.append(amount / min(place.rounds({kind: ceiling}, rounds).seconds[kind]))
    return Ceilings(*rates)


def _measured(place: _Place, operation: str, rounds: int, measured: Measured) -> list[Bench]:
    passes = PASSES if WORK[operation].wrt else PASSES[:1]
    contestants: dict[str, Remote] = {}
    for way in passes:
        options: dict[str, Any] = {"operation": operation, "backward": way != "forward"}
        contestants[way] = place.made(way, "make_ours", backend=place.backend, **options)
        if operation in place.own:
            contestants |= _own(place, way, options, contestants[way], measured)
    moved = {way: contestants[way].call("facts")["bytes"] for way in passes}
    found = place.rounds(contestants, rounds)
    return [_record(place, operation, way, moved[way], found) for way in passes]


def _record(place: _Place, operation: str, way: str, moved: float, found: Rounds) -> Bench:
    # the backward pass reads and writes as much again, and has two products for each of the forward pass
    again, products = (1.0, 1.0) if way == "forward" else (2.0, 3.0)
    least = place.ceilings.least(products * WORK[operation].flops, again * moved)
    compared: dict[str, Any] = {}
    if (own := f"{way} own") in found.seconds:
        ratio = found.ratio(way, own)
        compared = {
            "against": f"{place.framework}'s own call",
            "reference": found.median(own),
            "ratio": ratio.value,
            "low": ratio.low,
            "high": ratio.high,
            "noise": found.ratio(f"{own} again", own).half_width,
        }
    return Bench(
        what="operations",
        backend=place.backend,
        device=place.device,
        case=f"{operation}/{way}",
        quantity="seconds",
        value=found.median(way),
        roofline=least / found.median(way),
        rounds=found.count,
        disturbed=found.disturbed,
        kept=found.kept,
        threads=place.processes.threads,
        **compared,
    )


def _own(place: _Place, way: str, options: Mapping[str, Any], ours: Remote, measured: Measured) -> dict[str, Remote]:
    """The framework's own call, twice, where there is one and it computes the same."""
    names = (f"{way} own", f"{way} own again")
    try:
        made = {name: place.made(name, "make_idiom", framework=place.framework, **options) for name in names}
    except SkippedError:
        return {}
    first, other = ours.call("facts"), made[names[0]].call("facts")
    size = max(abs(other["mean"]), other["spread"], 1e-30)
    apart = max(abs(first[part] - other[part]) for part in ("mean", "spread")) / size
    if options["operation"] not in _DRAWN and not apart <= _SAME:
        text = f"{options['operation']}/{way}: {place.framework}'s own call returns something else (by {apart:.1e})"
        measured.note("info", f"{text}; not compared")
        for contestant in made.values():
            contestant.drop()
        return {}
    return made
