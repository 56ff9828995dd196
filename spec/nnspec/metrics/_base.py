"""What all streaming metrics are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, Self

from nnspec.backend import Backend
from nnspec.errors import ArgumentError

__all__ = ["Metric"]


@dataclass
class Metric(ABC):
    """A metric that is fed batch by batch and keeps what it needs on the host.

    `update` takes the arrays of the operation of its name; batches may differ in size and be empty.
    """

    backend: Backend

    def __post_init__(self) -> None:
        self.reset()

    @abstractmethod
    def reset(self) -> None:
        """Forget everything seen."""

    @abstractmethod
    def compute(self) -> Any:
        """The metric of everything seen since the last reset: a Python number or a NumPy array; 0/0 is 0."""

    def merge(self, other: Self) -> None:
        """Take in what another metric of the same class and options has seen, which stays as it is.

        Raises:
            ArgumentError: `other` is of another class or has other options.
        """
        if type(other) is not type(self) or self._options() != other._options():
            raise ArgumentError(f"other: expected a metric like {self!r}, got {other!r}")
        self._add(other)

    @abstractmethod
    def _add(self, other: Self) -> None: ...

    def _options(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "backend"}
