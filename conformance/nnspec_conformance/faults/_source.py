"""Mutants of a backend's own source: one small change of one expression in what its native operations run."""

from __future__ import annotations

import ast
import copy
import functools
import importlib
import importlib.abc
import importlib.util
import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from nnspec import Backend
from nnspec.plugins import backend_class

__all__ = ["SourceMutant", "loaded", "sampled", "source_mutants"]

_SWAPPED: Mapping[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True)
class SourceMutant:
    """One change of a backend's source."""

    backend: str
    #: of the package that the backend is in
    module: str
    #: in the module's syntax tree, in the order of ast.walk, and which of its changes
    node: int
    change: int
    line: int
    #: the kind of change, and the code before and after
    kind: str
    old: str
    new: str
    #: the native operations that run it
    operations: tuple[str, ...]

    @property
    def id(self) -> str:
        """ "torch.activations:42/arithmetic-0"."""
        return f"{self.module.partition('.')[2]}:{self.line}/{self.kind.replace(' ', '-')}-{self.node}.{self.change}"

    @property
    def text(self) -> str:
        """What is changed."""
        return f"{self.old} -> {self.new}"


# -- where there is something to change --------------------------------------------------------------------


def source_mutants(backend: str) -> list[SourceMutant]:
    """Every change of what the backend's native operations run, in the order of the files."""
    texts = _Texts(backend_class(backend))
    found = []
    for name, tree in texts.trees.items():
        owners = texts.owners(name)
        told = {id(k.value) for k in ast.walk(tree) if isinstance(k, ast.keyword) and k.arg == "strict"}
        for number, node in enumerate(ast.walk(tree)):
            operations = owners.get(id(node), frozenset())
            if not operations or id(node) in told:
                continue
            for change, (kind, changed) in enumerate(_changes(node)):
                old, new = _shown(node), _shown(changed)
                where = (getattr(node, "lineno", 0), kind, old, new, tuple(sorted(operations)))
                found.append(SourceMutant(backend, name, number, change, *where))
    return found


def sampled(mutants: Sequence[SourceMutant], number: int, seed: int) -> list[SourceMutant]:
    """So many of them, drawn from a seed; the order stays."""
    if number >= len(mutants):
        return list(mutants)
    chosen = set(random.Random(seed).sample(range(len(mutants)), number))
    return [mutant for i, mutant in enumerate(mutants) if i in chosen]


def _shown(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 100 else text[:97] + "..."


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What a node may be replaced by, each with the kind of the change."""
    if isinstance(node, (ast.BinOp, ast.AugAssign)):
        yield from _with("arithmetic", node, "op", node.op)
    elif isinstance(node, ast.BoolOp):
        yield from _with("logic", node, "op", node.op)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        changed = copy.deepcopy(node)
        if swapped := _SWAPPED.get(type(node.ops[0])):
            changed.ops = [swapped()]  # type: ignore[list-item]
            yield "comparison", changed
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        yield "sign", node.operand
    elif isinstance(node, ast.IfExp):
        yield "branch", node.body
        yield "branch", node.orelse
    elif isinstance(node, ast.Constant):
        yield from (("constant", ast.Constant(value)) for value in _other_constants(node.value))
    elif isinstance(node, ast.Call):
        yield from _other_calls(node)


def _with(kind: str, node: Any, field: str, operator: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if swapped := _SWAPPED.get(type(operator)):
        changed = copy.deepcopy(node)
        setattr(changed, field, swapped())
        yield kind, changed


def _other_constants(value: Any) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, float):
        yield 1.01 * value if value else 1.0


#: functions whose first two arguments may change places
_COMMUTATIVE = frozenset(
    (
        "add",
        "multiply",
        "maximum",
        "minimum",
        "logical_and",
        "logical_or",
        "hypot",
        "max",
        "min",
        "swapaxes",
        "array_equal",
    )
)
#: functions that raise if they do, whatever the suite does
_TYPED = frozenset({"isinstance", "getattr", "issubclass"})


def _other_calls(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    """Without a keyword argument, and with two positional ones swapped."""
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called in _COMMUTATIVE | _TYPED:
        return
    for i, keyword in enumerate(node.keywords):
        if keyword.arg not in (None, "strict"):
            changed = copy.deepcopy(node)
            del changed.keywords[i]
            yield "dropped argument", changed
    plain = not any(isinstance(x, ast.Starred) for x in node.args)
    if plain and len(node.args) >= 2 and ast.dump(node.args[0]) != ast.dump(node.args[1]):
        changed = copy.deepcopy(node)
        changed.args[0], changed.args[1] = changed.args[1], changed.args[0]
        yield "swapped arguments", changed


# -- which operations run it -------------------------------------------------------------------------------


class _Texts:
    """The modules of a backend's package, and which of their names use which: by name, so rather too many."""

    def __init__(self, backend: type[Backend]) -> None:
        self._backend = backend
        package = backend.__module__.rpartition(".")[0] or backend.__module__
        used = [n for n in sys.modules if n == package or n.startswith(package + ".")]
        shared = [n for n in sys.modules if n.startswith(package.rpartition(".")[0] + "._")]
        paths = {name: getattr(sys.modules[name], "__file__", None) for name in [*sorted(used), *sorted(shared)]}
        self.trees = {n: ast.parse(Path(p).read_text(encoding="utf-8")) for n, p in paths.items() if p}
        self._imported = {name: _imported_names(tree) for name, tree in self.trees.items()}
        self._named = {name: dict(_named(tree)) for name, tree in self.trees.items()}

    def owners(self, module: str) -> dict[int, frozenset[str]]:
        """Of every node inside a named function that an operation runs: the operations."""
        found = {}
        for name, statements in self._named[module].items():
            operations = self._users.get((module, name), frozenset())
            for statement in statements if operations else ():
                for node in _body_nodes(statement):
                    found[id(node)] = operations
        return found

    @functools.cached_property
    def _users(self) -> dict[tuple[str, str], frozenset[str]]:
        """(module, name) -> the native operations that reach it."""
        found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for operation in self._backend.operations():
            if self._backend.implementation(operation) == "native":
                self._spread(operation, found)
        return {key: frozenset(operations) for key, operations in found.items()}

    def _spread(self, operation: str, found: Mapping[tuple[str, str], set[str]]) -> None:
        open_keys = [(module, operation) for module in self.trees if operation in self._named[module]]
        while open_keys:
            key = open_keys.pop()
            if operation not in found[key]:
                found[key].add(operation)
                open_keys += self._used(*key)

    def _used(self, module: str, name: str) -> list[tuple[str, str]]:
        mentioned = {
            node.id if isinstance(node, ast.Name) else node.attr
            for statement in self._named[module][name]
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _is_self(node.value))
        }
        near = [(module, other) for other in mentioned if other in self._named[module] and other != name]
        far = [self._imported[module][other] for other in mentioned if other in self._imported[module]]
        operations = self._backend.operations()
        return [key for key in [*near, *far] if key[1] in self._named.get(key[0], ()) and key[1] not in operations]


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _imported_names(tree: ast.Module) -> dict[str, tuple[str, str]]:
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {a.asname or a.name: (node.module or "", a.name) for node in imports for a in node.names}


def _named(tree: ast.Module) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Functions, methods and module-level names, each with the statements that make it."""
    found: defaultdict[str, list[ast.stmt]] = defaultdict(list)
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef):
            for member in statement.body:
                if isinstance(member, ast.FunctionDef):
                    found[member.name].append(member)
        elif isinstance(statement, ast.FunctionDef):
            found[statement.name].append(statement)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
                for node in ast.walk(target):
                    if isinstance(node, ast.Name):
                        found[node.id].append(statement)
    yield from found.items()


def _body_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """Everything that runs: no signature, no decorator, no annotation, no docstring."""
    if isinstance(statement, ast.FunctionDef):
        for inner in statement.body:
            yield from _body_nodes(inner)
    elif isinstance(statement, ast.AnnAssign):
        yield from ast.walk(statement.value) if statement.value is not None else ()
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return
    elif isinstance(statement, (ast.Raise, ast.Assert)):
        return  # words of errors
    elif isinstance(statement, (ast.If, ast.For, ast.While, ast.With)):
        for field in ("test", "iter", "items"):
            for part in _as_list(getattr(statement, field, None)):
                yield from ast.walk(part)
        for inner in [*statement.body, *getattr(statement, "orelse", [])]:
            yield from _body_nodes(inner)
    else:
        yield from ast.walk(statement)


def _as_list(part: Any) -> list[Any]:
    return part if isinstance(part, list) else [] if part is None else [part]


# -- the backend with the change in it ---------------------------------------------------------------------


def loaded(mutant: SourceMutant) -> type[Backend]:
    """The backend's class from its sources with the one change, beside the true one.

    Raises:
        Exception: whatever the changed sources raise when they are loaded.
    """
    sound = backend_class(mutant.backend)
    top = sound.__module__.partition(".")[0]
    set_aside = {name: module for name, module in sys.modules.items() if name == top or name.startswith(top + ".")}
    finder = _Changed(mutant.module, _changed_source(mutant, set_aside[mutant.module]))
    for name in set_aside:
        del sys.modules[name]
    sys.meta_path.insert(0, finder)
    try:
        made: type[Backend] = getattr(importlib.import_module(sound.__module__), sound.__name__)
        return made
    finally:
        sys.meta_path.remove(finder)
        for name in [n for n in sys.modules if n == top or n.startswith(top + ".")]:
            del sys.modules[name]
        sys.modules.update(set_aside)


def _changed_source(mutant: SourceMutant, module: ModuleType) -> str:
    tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    node = next(node for i, node in enumerate(ast.walk(tree)) if i == mutant.node)
    changed = [other for _, other in _changes(node)][mutant.change]
    return ast.unparse(ast.fix_missing_locations(_Replaced(node, changed).visit(tree)))


class _Replaced(ast.NodeTransformer):
    def __init__(self, node: ast.AST, other: ast.AST) -> None:
        self._node, self._other = node, other

    def visit(self, node: ast.AST) -> Any:
        return self._other if node is self._node else super().visit(node)


class _Changed(importlib.abc.Loader):
    """Finds one module, whose text it brings."""

    def __init__(self, name: str, source: str) -> None:
        self._name, self._source = name, source

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self._name:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=False)

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._source, f"<{self._name} with a change>", "exec"), module.__dict__)
