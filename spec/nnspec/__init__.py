"""nnspec: an executable specification of neural-network building blocks."""

from importlib import import_module
from typing import TYPE_CHECKING

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
from nnspec.plugins import (
    PROFILES,
    BackendDescription,
    BackendEntry,
    BackendInfo,
    backend_class,
    get_backend,
    hookimpl,
    list_backends,
)

if TYPE_CHECKING:
    from nnspec import backend as backend
    from nnspec import ops as ops
    from nnspec.backend import Backend

__version__ = "0.1.0"
#: version of the specification: the operations and what they require
SPEC_VERSION = "1.0"

__all__ = [
    "PROFILES",
    "SPEC_VERSION",
    "ArgumentError",
    "Backend",
    "BackendDescription",
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

if not TYPE_CHECKING:  # where a module has __getattr__, no misspelt name of it is an error

    def __getattr__(name: str) -> object:
        """The definitions need NumPy and take most of the time, so they are imported when first asked for."""
        if name not in ("Backend", "backend", "ops"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()["Backend"] = import_module("nnspec.backend").Backend  # which makes the other two attributes as well
        return globals()[name]

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
