"""Mutants of a backend's own source: one small change of one expression in what its native operations run."""

from __future__ import annotations

import ast
import copy
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
from nnspec.reference import SuiteError
from nnspec_conformance.faults._owners import Texts, is_self

__all__ = ["SourceMutant", "loaded", "sampled", "shown", "source_mutants"]

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
    #: "NumpyPooling.max_pool"
    function: str
    #: the kind of change, and the code before and after
    kind: str
    old: str
    new: str
    #: which of the changes in that function that read alike, from 1
    number: int
    #: the native operations that run it
    operations: tuple[str, ...]

    @property
    def id(self) -> str:
        """ "torch.activations:42/arithmetic-0"."""
        return f"{self.module.partition('.')[2]}:{self.line}/{self.kind.replace(' ', '-')}-{self.node}.{self.change}"

    @property
    def text(self) -> str:
        """What is changed, and where."""
        which = f" ({self.number})" if self.number > 1 else ""
        return f"{self.function}: {self.old} -> {self.new}{which}"


# -- where there is something to change --------------------------------------------------------------------


def source_mutants(backend: str) -> list[SourceMutant]:
    """Every change of what the backend's native operations run, in the order of the files."""
    texts = Texts(backend_class(backend))
    return [mutant for module in texts.trees for mutant in _of_module(backend, module, texts)]


def _of_module(backend: str, module: str, texts: Texts) -> Iterator[SourceMutant]:
    tree, owners = texts.trees[module], texts.owners(module)
    left_out = _left_out(tree)
    places: defaultdict[tuple[str, str, str], list[tuple[int, int, int]]] = defaultdict(list)
    found = []
    for number, node in enumerate(ast.walk(tree)):
        if id(node) not in owners or id(node) in left_out:
            continue
        function, operations = owners[id(node)]
        old, line, column = shown(node), getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
        for change, (kind, _, new) in enumerate(_changes(node)):
            places[function, old, new].append((line, column, number))
            found.append((number, change, line, function, kind, old, new, operations))
    for number, change, line, function, kind, old, new, operations in found:
        which = 1 + [n for _, _, n in sorted(places[function, old, new])].index(number)
        by = tuple(sorted(operations))
        yield SourceMutant(backend, module, number, change, line, function, kind, old, new, which, by)


#: arguments that say how something is computed, or is to fail, and not what
_MANNER = frozenset({"strict", "fused", "foreach"})


def _left_out(tree: ast.Module) -> set[int]:
    """Ids of nodes whose change would say nothing where mutants are tried, which is on the CPU.

    Beside the arguments above these are choices between CUDA and other devices, and -1 as a size: NumPy takes any
    negative number for it.
    """
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in _MANNER:
            found |= {id(x) for x in ast.walk(node.value)}
        elif isinstance(node, ast.IfExp) and any(getattr(x, "attr", "") == "is_cuda" for x in ast.walk(node.test)):
            found |= {id(node), *(id(x) for x in ast.walk(node.test))}
        elif isinstance(node, ast.Call) and _called(node) == "reshape":
            negative = [x for x in ast.walk(node) if isinstance(x, ast.UnaryOp) and isinstance(x.op, ast.USub)]
            found |= {id(x.operand) for x in negative}
    return found


def sampled(mutants: Sequence[SourceMutant], number: int, seed: int) -> list[SourceMutant]:
    """So many of them, drawn from a seed; the order stays."""
    if number >= len(mutants):
        return list(mutants)
    chosen = set(random.Random(seed).sample(range(len(mutants)), number))
    return [mutant for i, mutant in enumerate(mutants) if i in chosen]


def shown(node: ast.AST) -> str:
    """Its code in one line, that of a long one cut off."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 100 else text[:97] + "..."


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    """What a node may be replaced by, each with the kind of the change, and in words."""
    if isinstance(node, ast.Call):
        yield from _other_calls(node)
    else:
        yield from ((kind, changed, shown(changed)) for kind, changed in _other_expressions(node))


def _other_expressions(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
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
_TYPED = frozenset({"isinstance", "getattr", "issubclass", "TypeVar"})


def _other_calls(node: ast.Call) -> Iterator[tuple[str, ast.AST, str]]:
    """Without a keyword argument, and with two positional ones swapped."""
    if _called(node) in _COMMUTATIVE | _TYPED:
        return
    for i, keyword in enumerate(node.keywords):
        if keyword.arg is not None and keyword.arg not in _MANNER and not _is_default(node, keyword):
            changed = copy.deepcopy(node)
            del changed.keywords[i]
            yield "dropped argument", changed, f"without {keyword.arg}={shown(keyword.value)}"
    plain = not any(isinstance(x, ast.Starred) for x in node.args)
    if plain and len(node.args) >= 2 and ast.dump(node.args[0]) != ast.dump(node.args[1]):
        changed = copy.deepcopy(node)
        changed.args[0], changed.args[1] = changed.args[1], changed.args[0]
        yield "swapped arguments", changed, f"with {shown(node.args[1])}, {shown(node.args[0])}"


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_default(node: ast.Call, keyword: ast.keyword) -> bool:
    """Whether an operation is given what it takes by itself."""
    operation = Backend.operations().get(_called(node))
    if operation is None or not isinstance(node.func, ast.Attribute) or not is_self(node.func.value):
        return False
    parameter = operation.signature.parameters.get(keyword.arg or "")
    try:
        return parameter is not None and ast.literal_eval(keyword.value) == parameter.default
    except ValueError:
        return False


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
    if shown(node) != mutant.old:
        raise SuiteError(f"{mutant.module}: was edited while its mutants were tried")
    changed = [other for _, other, _ in _changes(node)][mutant.change]
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
