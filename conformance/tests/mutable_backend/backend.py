"""NumPy's backend with three operations of its own."""

from __future__ import annotations

from mutable_backend.activations import MutableActivations
from nnspec_backends.numpy import NumpyBackend

__all__ = ["MutableBackend"]


class MutableBackend(MutableActivations, NumpyBackend):
    """Judged by the suite like any other."""
