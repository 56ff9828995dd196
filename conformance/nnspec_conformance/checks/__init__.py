"""One module a kind of check. Each has `run(context)` returning an `Outcome`, and says which profile it speaks for."""

from __future__ import annotations

from collections.abc import Callable

from nnspec._low_precision import LOW
from nnspec_conformance.checks import (
    bits,
    compiled,
    errors,
    gradients,
    laws,
    purity,
    repeat,
    shapes,
    statistics,
    training,
    trajectories,
    values,
)
from nnspec_conformance.context import Context, Outcome

__all__ = ["CHECKS", "profile_of"]

#: in the order they run: what the later ones build on comes first
CHECKS: dict[str, Callable[[Context], Outcome]] = {
    "values": values.run,
    "bits": bits.run,
    "shapes": shapes.run,
    "gradients": gradients.run,
    "compiled": compiled.run,
    "purity": purity.run,
    "repeat": repeat.run,
    "law": laws.run,
    "gradient-law": laws.run,
    "errors": errors.run,
    "statistics": statistics.run,
    "trajectory": trajectories.run,
    "training": training.run,
}

_TRAINING_CHECKS = {"gradients", "gradient-law", "statistics", "trajectory", "training"}
_TRAINING_FAMILIES = {"losses", "initializers", "regularizers", "optimizers"}


def profile_of(check: str, family: str, dtype: str) -> str:
    """The profile that a check of an operation is evidence for."""
    if dtype in LOW:
        return "low-precision"
    if check in ("bits", "repeat"):
        return "reproducible"
    if dtype == "float64":
        return "double"
    return "training" if check in _TRAINING_CHECKS or family in _TRAINING_FAMILIES else "inference"
