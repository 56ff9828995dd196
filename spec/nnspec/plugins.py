"""Hook specifications, discovery of plugins, and `get_backend`."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from nnspec.errors import BackendNotFoundError, BackendUnavailableError, UnsupportedOperationError

if TYPE_CHECKING:
    from nnspec.backend import Backend

__all__ = [
    "PROFILES",
    "BackendDescription",
    "BackendEntry",
    "BackendInfo",
    "CaseRecord",
    "backend_class",
    "get_backend",
    "hookimpl",
    "hookspec",
    "list_backends",
    "plugin_manager",
]

PROJECT = "nnspec"
hookspec = pluggy.HookspecMarker(PROJECT)
#: marks a plugin's hook implementations
hookimpl = pluggy.HookimplMarker(PROJECT)
#: What a backend can claim; each is judged by itself.
PROFILES = ("inference", "training", "reproducible", "double", "low-precision")


@dataclass(frozen=True)
class BackendDescription:
    """What its class would say of a backend, so that `nnspec backends` need not import the framework."""

    #: distributions that its results depend on, as pip names them
    distributions: tuple[str, ...]
    #: floating dtypes it computes in
    dtypes: tuple[str, ...]
    #: what it claims
    profiles: frozenset[str]
    #: devices it has wherever it is installed
    devices: tuple[str, ...] = ("cpu",)
    #: whether these are all that it can have anywhere; otherwise only the framework knows what is there
    all_devices: bool = False
    #: `Backend.traced`
    traced: bool = False

    def versions(self) -> dict[str, str] | None:
        """The installed versions; None where a distribution has none on record."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            return {name: version(name) for name in self.distributions}
        except PackageNotFoundError:
            return None


@dataclass(frozen=True)
class BackendEntry:
    """Where a backend is and what it needs; the framework itself is imported only when the backend is made."""

    #: "package.module:Class"
    target: str
    #: top-level modules that must be importable
    requires: tuple[str, ...] = ()
    #: the command that brings them
    install: str = ""
    #: what can be said of it without importing it; without one it is imported to be listed
    description: BackendDescription | None = None


@dataclass(frozen=True)
class BackendInfo:
    """A known backend and, where it cannot be used here, why."""

    name: str
    entry: BackendEntry
    #: None when it can be used
    unavailable: str | None


@dataclass(frozen=True)
class CaseRecord:
    """A case of a conformance suite, as far as others have to know it."""

    #: "operation/name"
    id: str
    family: str
    operation: str
    #: ids of what it is evidence for
    requirements: tuple[str, ...]
    checks: tuple[str, ...]
    dtypes: tuple[str, ...]
    level: str


class Hooks:
    """What a plugin (entry-point group "nnspec") may contribute."""

    @hookspec
    def nnspec_backends(self) -> Mapping[str, BackendEntry]:
        """Backends by the name users pick them by."""
        raise NotImplementedError

    @hookspec
    def nnspec_commands(self) -> Sequence[Any]:
        """click commands to add to `nnspec`."""
        raise NotImplementedError

    @hookspec
    def nnspec_cases(self) -> Sequence[CaseRecord]:
        """The cases that test the specification."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def nnspec_render(self, results: Sequence[Path], output: Path) -> bool | None:
        """Render results files to `output`, its format by its suffix; True when done."""


@functools.cache
def plugin_manager() -> pluggy.PluginManager:
    """The plugin manager with every installed plugin loaded; one that cannot be imported is reported and skipped."""
    from importlib.metadata import entry_points  # takes as long to import as nnspec, which may not need it

    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    for point in entry_points(group=PROJECT):
        name = f"{point.name} ({point.value})"
        try:
            manager.register(point.load(), name=name)
            manager.check_pending()  # a mistyped hook would otherwise register silently
        except Exception as error:
            warnings.warn(f"nnspec plugin {name} cannot be loaded: {error!r}", stacklevel=2)
            if manager.has_plugin(name):
                manager.unregister(name=name)
    return manager


def _entries() -> dict[str, BackendEntry]:
    entries: dict[str, BackendEntry] = {}
    for contributed in reversed(plugin_manager().hook.nnspec_backends()):
        for name, entry in contributed.items():
            if name in entries and entries[name] != entry:
                warnings.warn(f"backend {name!r} is registered twice; {entries[name].target} is used", stacklevel=3)
            entries.setdefault(name, entry)
    return entries


def _missing(entry: BackendEntry) -> str | None:
    absent = [module for module in entry.requires if importlib.util.find_spec(module) is None]
    if not absent:
        return None
    return f"{' and '.join(absent)} not installed" + (f"; run: {entry.install}" if entry.install else "")


def list_backends() -> list[BackendInfo]:
    """Every known backend, usable or not.

    Example:
        >>> [info.name for info in nnspec.list_backends() if info.name == "numpy" and info.unavailable is None]
        ['numpy']
    """
    return [BackendInfo(name, entry, _missing(entry)) for name, entry in sorted(_entries().items())]


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    return found


def _known_names() -> str:
    names = [info.name for info in list_backends()]
    return f"there are {', '.join(names) or 'none'}, or name a class as package.module:Class"


def _by_path(target: str) -> type[Backend]:
    from nnspec.backend import Backend

    try:
        found = _load(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise BackendNotFoundError(f"backend: cannot import {target!r} ({error}); {_known_names()}") from error
    if not (inspect.isclass(found) and issubclass(found, Backend)):
        raise BackendNotFoundError(f"backend: {target!r} is no subclass of nnspec.Backend; {_known_names()}")
    if inspect.isabstract(found):
        owed = ", ".join(sorted(found.__abstractmethods__))
        raise UnsupportedOperationError(f"backend: {target!r} still owes {owed}")
    return found


def backend_class(name: str) -> type[Backend]:
    """The class of a backend by its name or its import path "package.module:Class".

    Raises:
        BackendNotFoundError: unknown name or path; the message lists the names there are.
        BackendUnavailableError: known, but its framework cannot be imported; the message says how to install it.
    """
    if ":" in name:
        return _by_path(name)
    entry = _entries().get(name)
    if entry is None:
        raise BackendNotFoundError(f"backend: no backend is named {name!r}; {_known_names()}")
    missing = _missing(entry)
    if missing is not None:
        raise BackendUnavailableError(f"backend: {name!r} is unavailable: {missing}")
    try:
        found: type[Backend] = _load(entry.target)
    except ImportError as error:
        raise BackendUnavailableError(f"backend: {name!r} is unavailable: {error}; run: {entry.install}") from error
    return found


def get_backend(name: str, *, device: str | None = None, dtype: str | None = None) -> Backend:
    """Make a backend. There is no global current backend: the value returned is what computes.

    Args:
        name: a registered name ("numpy", "torch", "jax"), or "package.module:Class".
        device: "cpu", "cuda", "cuda:1", "tpu", "mps"; None is the backend's default.
        dtype: floating dtype of arrays made from Python numbers and NumPy data; None is float32.

    Raises:
        BackendNotFoundError: no such name; the message lists the names there are.
        BackendUnavailableError: its framework is missing; the message gives the pip command.
        DeviceUnavailableError: no such device here; the message lists the devices there are.

    Example:
        >>> nnspec.get_backend("numpy").name
        'numpy'
    """
    return backend_class(name)(device=device, dtype=dtype)
