"""Whether contestants train alike: their losses, and how far losses of the same training may lie apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

__all__ = ["MOVED", "STEPS", "TOLERANCE", "allowed", "curves_differ"]

#: steps that are compared
STEPS = 10
#: relative distance of two losses of float32 that is no difference, at any step
TOLERANCE = 1e-3
#: runs from weights moved by one rounding unit, by which is known how far rounding alone carries a loss
MOVED = 4
#: as many times as far losses may lie apart: the limit of the suite, in units of what rounding does
_TIMES = 8


def allowed(curve: Sequence[float], moved: Sequence[Sequence[float]]) -> list[float]:
    """How far losses may lie apart at each step.

    Training amplifies rounding: where a gradient is nearly 0, Adam turns its sign into a whole step. How much of it
    has come together by a step is seen where the same code starts from weights that are moved by one unit in the last
    place, up or down: what two summations in another order do at each step is of that size.

    Args:
        curve: the losses of one contestant.
        moved: those of the same contestant from moved weights.

    >>> [round(bound, 6) for bound in allowed([8.0, 4.0, 2.0], [[8.0, 4.0, 2.01], [8.0, 4.004, 2.0]])]
    [0.001, 0.008, 0.04]
    """
    apart = [[_apart(run[k], loss) for run in moved] for k, loss in enumerate(curve)]
    spread = [max(filter(math.isfinite, found), default=0.0) for found in apart]
    return [max(TOLERANCE, _TIMES * worst) for worst in accumulate(spread, max)]


def curves_differ(curves: Mapping[str, Sequence[float]], bounds: Sequence[float] | None = None) -> dict[str, str]:
    """Which contestants do not train as the others do, and why: no time of theirs means anything.

    The curve that most others agree with is taken for right.

    Args:
        curves: losses by contestant.
        bounds: how far they may lie apart at each step.
    """
    if not curves:
        return {}
    bounds = [TOLERANCE] * len(next(iter(curves.values()))) if bounds is None else bounds
    agree = {name: sum(_first(c, other, bounds) is None for other in curves.values()) for name, c in curves.items()}
    right = max(agree, key=lambda name: agree[name])
    found = {}
    for name, curve in curves.items():
        step = _first(curve, curves[right], bounds)
        if step is not None:
            a, b = curve[step], curves[right][step]
            found[name] = (
                f"its losses are off those of {right} by {_apart(a, b):.1e}, where {bounds[step]:.1e} "
                f"is allowed: step {step}, {a:.7g} and {b:.7g}"
            )
    return found


def _first(curve: Sequence[float], other: Sequence[float], bounds: Sequence[float]) -> int | None:
    """The first step at which they lie too far apart."""
    steps = enumerate(zip(curve, other, bounds, strict=True))
    return next((k for k, (a, b, bound) in steps if not _apart(a, b) <= bound), None)


def _apart(a: float, b: float) -> float:
    """The relative distance of two losses; infinite where one is not finite."""
    return abs(a - b) / max(abs(b), 1e-9) if math.isfinite(a) and math.isfinite(b) else math.inf
