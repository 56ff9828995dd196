"""The bounds of training steps: what a step of ours may take, as a multiple of a step written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

__all__ = ["MODELS", "REPORTED", "TARGETS", "WHOLE", "Target", "by_hand", "is_met", "targets_of"]

MODELS = ("tiny", "mid", "mid+", "large", "CNN")
#: torch.compile over the whole step
WHOLE = "compiled whole"
#: noise, as a share of the bound, beyond which no bound is met
LOUD = 0.25


def by_hand(framework: str) -> str:
    """The name of the hand-written contestant of a framework."""
    return f"{framework} by hand"


@dataclass(frozen=True)
class Target:
    """One row of the table."""

    backend: str
    #: the framework whose hand-written loop it is compared with
    framework: str
    #: "" or "compiled whole"
    variant: str = ""
    #: model -> at most; on the CPU with two threads
    bounds: Mapping[str, float] | None = None
    #: the framework whose process it runs in
    process: str = ""
    #: whether it is a Backend, and not another library
    ours: bool = True

    @property
    def contestant(self) -> str:
        """Its name among the contestants."""
        return f"{self.backend} {self.variant}".strip()

    @property
    def against(self) -> str:
        """The name of what it is compared with."""
        return by_hand(self.framework)


def _row(backend: str, framework: str, variant: str, *bounds: float) -> Target:
    return Target(backend, framework, variant, dict(zip(MODELS, bounds, strict=True)), backend)


TARGETS = (
    _row("torch", "torch", "", 0.65, 0.85, 0.85, 1.00, 0.70),
    _row("torch", "torch", WHOLE, 0.30, 0.70, 0.75, 0.95, 0.70),
    _row("jax", "jax", "", 1.10, 1.05, 1.00, 1.03, 1.05),
    _row("numpy", "numpy", "", 1.20, 1.05, 1.10, 1.03, 1.05),
    _row("numpy", "torch", "", 0.15, 0.85, 0.90, 1.15, 1.10),
)
#: measured beside them and bound by nothing, by the backend that they are shown for
REPORTED = {
    "torch": Target("keras on torch", "torch", process="keras on torch", ours=False),
    "jax": Target("keras on jax", "jax", process="keras on jax", ours=False),
    "numpy": Target("autograd", "numpy", process="autograd", ours=False),
}


def is_met(ratio: float, bound: float, noise: float) -> bool | None:
    """Whether a ratio is within the bound and the noise of the same run; None where the noise would excuse anything.

    >>> is_met(1.06, 1.05, 0.02), is_met(1.08, 1.05, 0.02), is_met(1.15, 1.05, 5.2)
    (True, False, None)
    """
    if ratio > bound + noise:
        return False
    return True if noise <= LOUD * bound else None


def targets_of(backends: Mapping[str, str]) -> list[Target]:
    """The rows for these backends, by the name they were given, each with the name that it has itself.

    One that is none of ours is compared with NumPy written by hand, and bound by nothing.
    """
    rows: list[Target] = []
    for given, own in backends.items():
        known = [replace(t, backend=given) for t in TARGETS if t.backend == own]
        rows += known or [Target(given, "numpy", process=given)]
    return rows + [target for shown_for, target in REPORTED.items() if shown_for in backends.values()]
