"""The NumPy backend: trains by a tape of its own, no framework needed."""

from nnspec_backends.numpy.backend import NumpyBackend

__all__ = ["NumpyBackend"]
