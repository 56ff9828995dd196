"""`python -m nnspec_conformance.drawn --seed 0 --count 2`: draw the frozen cases of this release anew."""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings

from nnspec import Backend
from nnspec_conformance.case import seed_of
from nnspec_conformance.drawn import FROZEN, numbered
from nnspec_conformance.drawn._strategy import changes
from nnspec_conformance.regimes import Change, apply
from nnspec_conformance.regimes._corpus import bases
from nnspec_conformance.regimes._validity import rejection

__all__ = ["draw"]

#: how many changes of one operation are drawn before it has as many as it gets, and how many of them are left out
_TRIES, _SIMPLE = 150, 5
#: changed things that a case has at least
_PARTS = 2


class _EnoughError(BaseException):
    """Ends the drawing; Hypothesis takes an Exception for a failure."""


def draw(operation: str, seed: int, count: int) -> list[Change]:
    """Valid changes of an operation's cases, the same ones every time."""
    found: dict[str, Change] = {}
    written = {case.id: case for case in bases(operation)}
    tried = 0

    @hypothesis.seed(seed_of(operation, "drawn", seed))
    @settings(
        max_examples=_TRIES,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(changes([operation], ("float32", "float64")))
    def look(change: Change) -> None:
        nonlocal tried
        tried += 1
        if tried <= _SIMPLE or len(change.to_json()) < 2 + _PARTS or str(change) in found:
            return
        if not rejection(apply(change, written[change.base], numbered(operation, len(found) + 1).partition("/")[2])):
            found[str(change)] = change
            if len(found) == count:
                raise _EnoughError

    if written:
        with contextlib.suppress(_EnoughError):
            look()
    return list(found.values())


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw, and replace the file."""
    parser = argparse.ArgumentParser(prog="python -m nnspec_conformance.drawn", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=2, help="cases an operation (default: 2)")
    given = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    operations = tuple(Backend.operations())
    with ProcessPoolExecutor() as pool:
        drawn = pool.map(functools.partial(draw, seed=given.seed, count=given.count), operations)
        for operation, changes_of in zip(operations, drawn, strict=True):
            print(operation, file=sys.stderr)
            for number, change in enumerate(changes_of, start=1):
                rows.append({"id": numbered(operation, number), "change": change.to_json()})
    FROZEN.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
