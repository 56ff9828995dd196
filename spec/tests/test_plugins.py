"""Discovery of backends, and what is said when one cannot be had."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from types import ModuleType

import pluggy
import pytest

from nnspec import (
    Backend,
    BackendEntry,
    BackendNotFoundError,
    BackendUnavailableError,
    DTypeError,
    UnsupportedOperationError,
    backend_class,
    get_backend,
    list_backends,
    plugins,
)

Registry = Callable[..., pluggy.PluginManager]

PIP = 'pip install "nnspec[absent]"'
WORKING = BackendEntry("fake_backends:Working")
ABSENT = BackendEntry("absent.backend:Absent", ("package_that_is_absent", "json"), PIP)


def backends(**entries: BackendEntry) -> dict[str, Callable[[], dict[str, BackendEntry]]]:
    return {"nnspec_backends": lambda: entries}


def test_a_registered_backend_is_made_by_name(registry: Registry, fake_backends: ModuleType) -> None:
    registry(backends(working=WORKING))
    made = get_backend("working", dtype="float64")
    assert type(made) is fake_backends.Working
    assert made.dtype == "float64"
    assert get_backend("working").dtype == "float32"


@pytest.mark.usefixtures("fake_backends")
def test_dtype_the_backend_does_not_offer(registry: Registry) -> None:
    registry(backends(working=WORKING))
    with pytest.raises(DTypeError, match="dtype: the working backend offers float32, float64, got 'float8'"):
        get_backend("working", dtype="float8")


def test_unknown_name_lists_the_names(registry: Registry) -> None:
    registry(backends(working=WORKING), backends(absent=ABSENT))
    with pytest.raises(BackendNotFoundError, match=r"'numpi'.*there are absent, working, or name a class as"):
        get_backend("numpi")


def test_a_missing_framework_gives_the_pip_command(registry: Registry) -> None:
    registry(backends(absent=ABSENT))
    with pytest.raises(BackendUnavailableError) as caught:
        get_backend("absent")
    assert str(caught.value) == (f"backend: 'absent' is unavailable: package_that_is_absent not installed; run: {PIP}")
    (info,) = list_backends()
    assert (info.name, info.entry) == ("absent", ABSENT)
    assert info.unavailable == f"package_that_is_absent not installed; run: {PIP}"


def test_a_framework_that_fails_to_import_gives_the_pip_command(registry: Registry) -> None:
    registry(backends(absent=BackendEntry("package_that_is_absent.backend:Absent", (), PIP)))
    with pytest.raises(BackendUnavailableError, match=r"No module named 'package_that_is_absent'.*run: pip inst"):
        get_backend("absent")


def test_nothing_is_imported_to_list_backends(registry: Registry) -> None:
    registry(backends(absent=BackendEntry("package_that_is_absent.backend:Absent")))
    (info,) = list_backends()
    assert info.unavailable is None


def test_import_path(fake_backends: ModuleType) -> None:
    assert backend_class("fake_backends:Working") is fake_backends.Working
    assert isinstance(get_backend("fake_backends:Working"), Backend)


@pytest.mark.usefixtures("fake_backends")
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("package_that_is_absent:Working", "cannot import 'package_that_is_absent:Working'.*No module named"),
        ("fake_backends:Nothing", "cannot import 'fake_backends:Nothing'.*has no attribute 'Nothing'"),
        ("fake_backends:", "cannot import 'fake_backends:'"),
        (":Working", "cannot import ':Working'"),
        ("fake_backends:NoBackend", "'fake_backends:NoBackend' is no subclass of nnspec.Backend"),
        ("fake_backends:number", "'fake_backends:number' is no subclass of nnspec.Backend"),
    ],
)
def test_bad_import_paths_name_the_backends_there_are(registry: Registry, path: str, words: str) -> None:
    registry(backends(working=WORKING))
    with pytest.raises(BackendNotFoundError, match=f"{words}.*there are working"):
        get_backend(path)


@pytest.mark.usefixtures("fake_backends")
def test_an_unfinished_class_says_what_it_owes() -> None:
    with pytest.raises(UnsupportedOperationError) as caught:
        get_backend("fake_backends:Unfinished")
    owed = sorted(Backend.__abstractmethods__ - {"erf", "devices"})
    assert str(caught.value) == f"backend: 'fake_backends:Unfinished' still owes {', '.join(owed)}"


def test_a_plugin_that_cannot_be_imported_is_reported(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    registry(backends(working=WORKING))
    (working,) = importlib.metadata.entry_points(group="nnspec")

    class Broken:
        name, value = "broken", "package_that_is_absent.hooks"

        def load(self) -> object:
            raise ModuleNotFoundError("No module named 'package_that_is_absent'")

    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Broken(), working])
    plugins.plugin_manager.cache_clear()
    with pytest.warns(UserWarning, match=r"plugin broken \(package_that_is_absent\.hooks\) cannot be loaded"):
        names = [info.name for info in list_backends()]
    assert names == ["working"]


def test_a_mistyped_hook_is_said_and_its_plugin_left_out(registry: Registry) -> None:
    with pytest.warns(UserWarning, match="unknown hook 'nnspec_backend'"):
        registry({"nnspec_backend": lambda: {}}, backends(working=WORKING))
    assert [info.name for info in list_backends()] == ["working"]


def test_two_backends_of_one_name(registry: Registry) -> None:
    """The plugin that was registered first keeps the name, and the clash is said."""
    other = BackendEntry("elsewhere:Backend")
    registry(backends(working=WORKING), backends(working=other))
    with pytest.warns(UserWarning, match="'working' is registered twice; fake_backends:Working is used"):
        (info,) = list_backends()
    assert info.entry == WORKING
