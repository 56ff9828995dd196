"""nnspec: an executable specification of neural-network building blocks."""

from nnspec.backend import PROFILES, Backend
from nnspec.errors import (
    ArgumentError,
    BackendNotFoundError,
    BackendUnavailableError,
    CheckpointError,
    DeviceUnavailableError,
    DTypeError,
    MissingExtraError,
    NnspecError,
    ResultsError,
    ShapeError,
    UnsupportedOperationError,
    VectorsError,
)
from nnspec.operation import Family, Operation, operation
from nnspec.plugins import BackendEntry, BackendInfo, backend_class, get_backend, hookimpl, list_backends

__version__ = "0.1.0"
#: version of the specification: the operations and what they require
SPEC_VERSION = "1.0"

__all__ = [
    "PROFILES",
    "SPEC_VERSION",
    "ArgumentError",
    "Backend",
    "BackendEntry",
    "BackendInfo",
    "BackendNotFoundError",
    "BackendUnavailableError",
    "CheckpointError",
    "DTypeError",
    "DeviceUnavailableError",
    "Family",
    "MissingExtraError",
    "NnspecError",
    "Operation",
    "ResultsError",
    "ShapeError",
    "UnsupportedOperationError",
    "VectorsError",
    "__version__",
    "backend_class",
    "get_backend",
    "hookimpl",
    "list_backends",
    "operation",
]
