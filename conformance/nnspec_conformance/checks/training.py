"""Training: the whole of it together, on real data; see nnspec_conformance.digits."""

from __future__ import annotations

import math

import numpy as np

from nnspec.results import Curve
from nnspec_conformance import digits, limits
from nnspec_conformance.context import Context, Outcome

__all__ = ["ACCURACY", "run"]

#: test accuracy asked of every backend, mean over the seeds
ACCURACY = 0.95


def run(context: Context) -> Outcome:
    """Identical starts, the first losses within the limit of the reference, and a network that has learned."""
    backend, seeds = context.backend, context.case.options["seeds"]
    if differs := digits.identical(backend, seeds):
        return Outcome("fail", differs)
    histories = {seed: digits.train(backend, seed) for seed in seeds}
    curves = tuple(c for seed, history in histories.items() for c in _curves(context, seed, history))
    complaint = _complaint(histories)
    return Outcome("fail" if complaint else "pass", complaint, records=curves)


def _complaint(histories: dict[int, digits.History]) -> str:
    for seed, history in histories.items():
        if not abs(history.initial_loss - math.log(10)) <= 0.1 * math.log(10):
            return f"seed {seed}: the loss before training is {history.initial_loss:.4f}, expected log(10) within 10 %"
        margins = _margins(seed, history)
        worst = int(np.argmax(margins))
        if not margins[worst] <= limits.VALUES:
            expected = digits.expectation(seed).losses[worst]
            return (
                f"seed {seed}: loss of step {worst}: expected {expected:.9g}, "
                f"got {history.first_losses[worst]:.9g}, {margins[worst]:.3g} units"
            )
    mean = float(np.mean([h.accuracy for h in histories.values()]))
    return "" if mean >= ACCURACY else f"mean test accuracy {mean:.4f}, expected at least {ACCURACY}"


def _margins(seed: int, history: digits.History) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    expected = digits.expectation(seed)
    return np.asarray(np.abs(np.array(history.first_losses) - expected.losses) / expected.units)


def _curves(context: Context, seed: int, history: digits.History) -> list[Curve]:
    def curve(quantity: str, x_label: str, y: list[float]) -> Curve:
        return Curve(
            backend=context.backend.name,
            device=context.backend.device,
            case=context.case.id,
            quantity=quantity,
            seed=seed,
            dtype=context.dtype,
            x_label=x_label,
            x=[float(i) for i in range(len(y))],
            y=y,
        )

    reference = digits.expectation(seed).losses
    drift = [abs(a - float(b)) / float(b) for a, b in zip(history.first_losses, reference, strict=True)]
    return [
        curve("training loss", "epoch", history.epoch_losses),
        curve("loss of the first steps", "step", history.first_losses),
        curve("relative distance of the first losses from the reference", "step", drift),
        curve("distance of the first losses in units of rounding", "step", _margins(seed, history).tolist()),
        curve("test accuracy", "run", [history.accuracy]),
    ]
