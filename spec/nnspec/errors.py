"""What can go wrong, one class a cause; the same class and words on every backend."""

from __future__ import annotations

__all__ = [
    "ArgumentError",
    "BackendNotFoundError",
    "BackendUnavailableError",
    "CheckpointError",
    "DTypeError",
    "DeviceUnavailableError",
    "MissingExtraError",
    "NnspecError",
    "ResultsError",
    "ShapeError",
    "UnsupportedOperationError",
    "VectorsError",
]


class NnspecError(Exception):
    """Base of every error that nnspec raises on purpose."""


class ShapeError(NnspecError, ValueError):
    """An array has the wrong rank or shape."""


class DTypeError(NnspecError, TypeError):
    """An array has the wrong dtype, or is no array of this backend."""


class ArgumentError(NnspecError, ValueError):
    """An argument that is not an array's shape or dtype has a value outside its domain."""


class BackendNotFoundError(NnspecError, LookupError):
    """No backend of that name; the message lists the names there are."""


class BackendUnavailableError(NnspecError, ImportError):
    """The backend is known but its framework is missing; the message gives the pip command."""


class DeviceUnavailableError(NnspecError, RuntimeError):
    """The backend cannot use that device here; the message lists the devices there are."""


class UnsupportedOperationError(NnspecError, NotImplementedError):
    """The backend says honestly that it does not offer this."""


class MissingExtraError(NnspecError, ImportError):
    """A command needs an optional dependency; the message gives the pip command."""


class CheckpointError(NnspecError, ValueError):
    """A file is no checkpoint, is damaged, or holds another pytree than was asked for."""


class ResultsError(NnspecError, ValueError):
    """A results file is empty, cut short, or of another schema version."""


class VectorsError(NnspecError, ValueError):
    """A folder of golden vectors, or of outputs to be judged by them, is damaged or something else."""
