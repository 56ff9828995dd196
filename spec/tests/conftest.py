"""What several tests of the trunk share: plugins and backends that exist for one test only."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType, SimpleNamespace
from typing import Any, TypeAlias

import pluggy
import pytest

from nnspec import Backend, hookimpl, plugins

Hooks: TypeAlias = Mapping[str, Callable[[], Any]]


class _EntryPoint:
    def __init__(self, name: str, hooks: Hooks) -> None:
        self.name, self.value = name, f"{name}.hooks"
        self._hooks = hooks

    def load(self) -> object:
        return SimpleNamespace(**{name: hookimpl(function) for name, function in self._hooks.items()})


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., pluggy.PluginManager]]:
    """A function that replaces the installed plugins by others, each a mapping from hook to function."""

    def replace(*given: Hooks) -> pluggy.PluginManager:
        points = [_EntryPoint(f"fake{i}", hooks) for i, hooks in enumerate(given)]
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points if group == "nnspec" else [])
        plugins.plugin_manager.cache_clear()
        return plugins.plugin_manager()

    yield replace
    plugins.plugin_manager.cache_clear()


@pytest.fixture
def fake_backends(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An importable module `fake_backends` with a backend, an unfinished one, and what is none."""
    module = ModuleType("fake_backends")
    owed = {name: lambda *_args, **_kwargs: "cpu" for name in Backend.__abstractmethods__}
    told = {
        "name": "working",
        "devices": classmethod(lambda _cls: ("cpu", "cuda:0")),
        "versions": classmethod(lambda _cls: {"framework": "1.2.3"}),
        "profiles": frozenset({"double", "inference"}),
    }
    contents = {
        "Working": type("Working", (Backend,), owed | told),
        "Unfinished": type("Unfinished", (Backend,), {**told, "erf": owed["erf"]}),
        "NoBackend": dict,
        "number": 3,
    }
    vars(module).update(contents)
    monkeypatch.setitem(sys.modules, "fake_backends", module)
    return module
