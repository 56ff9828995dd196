"""Which native operations run which part of a backend's source: by name, so rather too many than too few."""

from __future__ import annotations

import ast
import functools
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from nnspec import Backend

__all__ = ["Texts", "is_self"]

#: a module, and a function, variable or class of it, or a member of one of the backend's own: "NumpyPooling.max_pool"
_Key: TypeAlias = tuple[str, str]
#: where it stands ("NumpyPooling.max_pool"), and what stands there
_Part: TypeAlias = tuple[str, ast.stmt]


class Texts:
    """The modules of a backend's package, and what `nnspec_backends` and other packages of backends share.

    Args:
        backend: whose native operations count.
    """

    def __init__(self, backend: type[Backend]) -> None:
        self._backend = backend
        package = backend.__module__.rpartition(".")[0] or backend.__module__
        used = [n for n in sys.modules if n == package or n.startswith(package + ".")]
        above = package.rpartition(".")[0]
        shared = [n for n in sys.modules if above and n.startswith(above + "._")]
        paths = {name: getattr(sys.modules[name], "__file__", None) for name in [*sorted(used), *sorted(shared)]}
        self.trees = {n: ast.parse(Path(p).read_text(encoding="utf-8")) for n, p in paths.items() if p}
        self._imported = {name: _imported_names(tree) for name, tree in self.trees.items()}
        own = {(c.__module__, c.__name__) for c in backend.__mro__}
        self._parts: dict[_Key, list[_Part]] = defaultdict(list)
        #: of the backend's own classes, by the member's name
        self._members: dict[str, list[_Key]] = defaultdict(list)
        for module, tree in self.trees.items():
            for statement in tree.body:
                self._file(module, statement, own)

    def _file(self, module: str, statement: ast.stmt, own: set[_Key]) -> None:
        if not isinstance(statement, ast.ClassDef):
            for name in _names(statement):
                self._parts[module, name].append((name, statement))
            return
        for base in statement.bases:
            self._parts[module, statement.name].append((statement.name, ast.Expr(base)))
        for member in statement.body:
            for name in _names(member):
                where = f"{statement.name}.{name}"
                if (module, statement.name) in own:
                    self._parts[module, where].append((where, member))
                    self._members[name].append((module, where))
                else:  # methods of other objects are called by names that say nothing of the class
                    self._parts[module, statement.name].append((where, member))

    def owners(self, module: str) -> dict[int, tuple[str, frozenset[str]]]:
        """Of every node that an operation runs, by its id: where it stands, and the operations."""
        found = {}
        for (here, name), parts in self._parts.items():
            operations = self._users.get((here, name), frozenset())
            for where, statement in parts if operations and here == module else ():
                for node in _running(statement):
                    found[id(node)] = (where, operations)
        return found

    @functools.cached_property
    def _users(self) -> Mapping[_Key, frozenset[str]]:
        """The native operations that reach each name."""
        found: defaultdict[_Key, set[str]] = defaultdict(set)
        for operation in self._backend.operations():
            if self._backend.implementation(operation) == "native":
                self._spread(operation, found)
        return {key: frozenset(operations) for key, operations in found.items()}

    def _spread(self, operation: str, found: Mapping[_Key, set[str]]) -> None:
        open_keys = list(self._members.get(operation, ()))
        while open_keys:
            key = open_keys.pop()
            if operation not in found[key]:
                found[key].add(operation)
                open_keys += self._used(key)

    @functools.lru_cache(maxsize=4096)  # noqa: B019 - one is made and thrown away with its results
    def _used(self, key: _Key) -> tuple[_Key, ...]:
        module, _ = key
        nodes = [node for _, statement in self._parts[key] for node in _mentioning(statement)]
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        members = {node.attr for node in nodes if isinstance(node, ast.Attribute) and is_self(node.value)}
        near = [(module, name) for name in names]
        far = [self._imported[module][name] for name in names if name in self._imported[module]]
        own = [k for name in members - {*self._backend.operations()} for k in self._members.get(name, ())]
        return tuple(k for k in [*near, *far, *own] if k in self._parts)


def is_self(node: ast.expr) -> bool:
    """Whether it is `self` or `super()`."""
    called = node.func if isinstance(node, ast.Call) else node
    return isinstance(called, ast.Name) and called.id in ("self", "super")


def _imported_names(tree: ast.Module) -> dict[str, _Key]:
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {a.asname or a.name: (node.module or "", a.name) for node in imports for a in node.names}


def _names(statement: ast.stmt) -> list[str]:
    """What a statement of a module or a class makes."""
    if isinstance(statement, ast.FunctionDef):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    else:
        return []
    return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]


def _mentioning(statement: ast.stmt) -> Iterator[ast.AST]:
    """What runs, and what makes it: decorators."""
    for decorator in getattr(statement, "decorator_list", ()):
        yield from ast.walk(decorator)
    yield from _running(statement)


# -- what runs ---------------------------------------------------------------------------------------------


def _running(statement: ast.stmt) -> Iterator[ast.AST]:
    """Everything that runs: no signature, decorator, annotation or docstring, no words of errors."""
    if isinstance(statement, ast.FunctionDef):
        for inner in statement.body:
            yield from _running(inner)
    elif isinstance(statement, ast.AnnAssign):
        yield from ast.walk(statement.value) if statement.value is not None else ()
    elif isinstance(statement, (ast.Raise, ast.Assert)) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    ):
        return
    elif isinstance(statement, (ast.If, ast.For, ast.While, ast.With)):
        for field in ("test", "iter", "items"):
            for part in _as_list(getattr(statement, field, None)):
                yield from ast.walk(part)
        body = [] if isinstance(statement, ast.If) and _is_cuda(statement.test) else statement.body
        for inner in [*body, *getattr(statement, "orelse", [])]:
            yield from _running(inner)
    else:
        yield from ast.walk(statement)


def _is_cuda(test: ast.expr) -> bool:
    """Whether what it guards runs on CUDA alone: mutants are tried on the CPU."""
    return isinstance(test, ast.Attribute) and test.attr == "is_cuda"


def _as_list(part: Any) -> list[Any]:
    return part if isinstance(part, list) else [] if part is None else [part]
