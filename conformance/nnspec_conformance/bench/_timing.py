"""Paired, interleaved rounds: contestants take turns, and ratios are taken within a round."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nnspec_conformance.bench._load import Load

__all__ = ["BLOCK", "ROUNDS", "Contestant", "Ratio", "Rounds", "paired_rounds", "ratio_of"]

#: rounds of a run: fewer say too little
ROUNDS = 30
#: seconds that a block of steps takes at least
BLOCK = 0.005
#: rounds in place of disturbed ones, as a multiple of the rounds asked for
_PATIENCE = 2


class Contestant(Protocol):
    """Whatever can be made to run some steps."""

    def block(self, steps: int) -> float:
        """Run so many steps; the seconds they took together."""


class Watch(Protocol):
    """Tells whether a round was disturbed; `Load` is one."""

    def start(self) -> None: ...

    def excess(self) -> float: ...


@dataclass(frozen=True)
class Rounds:
    """Seconds a step of each contestant, one entry a round, the same rounds for all."""

    seconds: Mapping[str, Sequence[float]]
    #: rounds that were disturbed, and repeated as long as there was patience
    disturbed: int
    #: how many of those had to be kept
    kept: int

    @property
    def count(self) -> int:
        """How many rounds there are."""
        return len(next(iter(self.seconds.values())))

    def median(self, name: str) -> float:
        """Seconds a step of one contestant."""
        return statistics.median(self.seconds[name])

    def ratio(self, ours: str, theirs: str) -> Ratio:
        """How long `ours` takes over `theirs`."""
        return ratio_of(self.seconds[ours], self.seconds[theirs])


@dataclass(frozen=True)
class Ratio:
    """The median over rounds of paired ratios, and the interval that holds it in 95 of 100 runs."""

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Of that interval."""
        return (self.high - self.low) / 2


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Of seconds, paired by round.

    >>> ratio_of([2.0, 4.0, 9.0], [1.0, 2.0, 3.0])
    Ratio(value=2.0, low=2.0, high=3.0)
    """
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    low = _rank(len(ratios))
    return Ratio(statistics.median(ratios), ratios[low], ratios[-1 - low])


def _rank(count: int) -> int:
    """Position from either end between which the median of a distribution lies with 95 % probability.

    It asks nothing of the distribution: each draw lies below the median with probability 1/2.

    >>> _rank(5), _rank(30), _rank(100)
    (0, 9, 39)
    """
    below, rank = 0.0, 0
    while rank < count // 2:
        below += math.comb(count, rank) / 2.0**count
        if below > 0.025:
            break
        rank += 1
    return max(0, rank - 1)


def paired_rounds(
    contestants: Mapping[str, Contestant],
    rounds: int = ROUNDS,
    *,
    watch: Watch | None = None,
    least: float = BLOCK,
) -> Rounds:
    """Let contestants take turns.

    In each round each of them runs one block of steps, enough of them to take `least` seconds; who begins goes round.
    A round in which `watch` saw others at work is repeated; where that happens again and again, the least disturbed
    are kept, and `Rounds.kept` says so.

    Args:
        contestants: by name.
        rounds: how many to keep.
        watch: sees who else is at work (default: a `Load`).
        least: seconds of a block.
    """
    watch = Load() if watch is None else watch
    steps = {name: _steps_of(contestant, least) for name, contestant in contestants.items()}
    names = list(contestants)
    good: list[dict[str, float]] = []
    bad: list[tuple[float, dict[str, float]]] = []
    for number in range(rounds * (1 + _PATIENCE)):
        if len(good) == rounds:
            break
        first = number % len(names)
        watch.start()
        taken = {n: contestants[n].block(steps[n]) / steps[n] for n in [*names[first:], *names[:first]]}
        excess = watch.excess()
        if excess > 0:
            bad.append((excess, taken))
        else:
            good.append(taken)
    missing = rounds - len(good)
    chosen = good + [taken for _, taken in sorted(bad, key=lambda pair: pair[0])[:missing]]
    seconds = {name: [taken[name] for taken in chosen] for name in names}
    return Rounds(seconds, disturbed=len(bad), kept=missing)


def _steps_of(contestant: Contestant, least: float) -> int:
    """How many steps make a block of at least so many seconds."""
    steps = 1
    while (taken := contestant.block(steps)) < least:
        # by no more than tenfold: the first steps may be slow, or the clock coarse
        steps = min(10 * steps, max(steps + 1, math.ceil(1.2 * steps * least / max(taken, 1e-9))))
    return steps
