"""What a planted fault is: NumPy's backend with one operation wrong in one way that real code has been wrong in.

Most are a definition with one change of its text (`Planted.edit`), which is short, and says by itself what is wrong;
the others are a function in place of the operation (`Planted.fault`).
"""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from nnspec import Backend
from nnspec.plugins import backend_class

__all__ = ["KINDS", "Fault", "Planted"]

#: ways of being wrong, as issue trackers tell of them
KINDS = (
    "wrong constant",
    "missing term",
    "swapped argument",
    "wrong axis",
    "wrong kink",
    "wrong tie",
    "lost state",
    "ignored option",
    "precision loss",
    "overflow",
    "special value",
    "leaked mask",
    "in-place write",
    "layout",
    "stale cache",
    "wrong gradient",
    "wrong value",
    "wrong order",
    "wrong shape or dtype",
    "wrong reduction",
    "rare option",
    "wrong bits",
    "wrong distribution",
    "unchecked argument",
)

#: of the faulty backend, the sound operation as a function of the same arguments, and the operation's arguments
Faulty = Callable[..., Any]


@dataclass(frozen=True)
class Fault:
    """One faulty backend."""

    #: "operation/name", the filter of --only
    id: str
    operation: str
    #: which has to catch it
    requirement: str
    #: one of KINDS
    kind: str
    #: what is wrong, in the words of its code
    text: str
    #: the methods that are replaced, given the sound class
    methods: Callable[[type[Backend]], Mapping[str, Any]]

    @property
    def family(self) -> str:
        """Of the operation."""
        return Backend.operations()[self.operation].family

    def planted(self) -> type[Backend]:
        """NumPy's backend with the fault in it."""
        sound = backend_class("numpy")
        return type(self.id, (sound,), dict(self.methods(sound)))


class Planted(list[Fault]):
    """The faults of one family; `edit` and `fault` append to it."""

    def edit(self, requirement: str, kind: str, name: str, old: str, new: str, *, within: str | None = None) -> None:
        """The operation's definition with one change of its text.

        Args:
            requirement: which has to catch it; its first part names the operation.
            kind: one of KINDS.
            name: of the fault, unique in its operation.
            old: text that occurs once in the definition, below its docstring.
            new: what stands there instead.
            within: a helper to change in place of the definition, as "package.module:function" or
                "package.module:Class.method"; it is changed while the operation and its checks run.
        """
        methods = functools.partial(_edited, _operation(requirement), old, new, within)
        self._add(requirement, kind, name, f"{_line(old)} -> {_line(new)}", methods)

    def fault(self, requirement: str, kind: str, *, replaces: str | None = None) -> Callable[[Faulty], Faulty]:
        """A function in place of the operation, called as function(backend, sound, *arguments, **options).

        Args:
            requirement: which has to catch it; its first part names the operation.
            kind: one of KINDS.
            replaces: another method that is wrong in place of the operation, such as "flat_vjp" or "log_softmax".
        """

        def note(function: Faulty) -> Faulty:
            method = replaces or _operation(requirement)
            text = (inspect.getdoc(function) or "").partition("\n")[0]
            name = function.__name__.strip("_").replace("_", "-")
            self._add(requirement, kind, name, text, functools.partial(_replaced, method, function))
            return function

        return note

    def _add(self, requirement: str, kind: str, name: str, text: str, methods: Any) -> None:
        operation = _operation(requirement)
        if kind not in KINDS:
            raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
        if requirement not in Backend.operations()[operation].requirements:
            raise ValueError(f"requirement: {operation} has no {requirement}")
        self.append(Fault(f"{operation}/{name}", operation, requirement, kind, text, methods))


def _operation(requirement: str) -> str:
    return requirement.rpartition("-")[0].lower()


def _line(text: str) -> str:
    return " ".join(text.split()) or "nothing"


# -- a function in place of a method ---------------------------------------------------------------------------


def _replaced(method: str, function: Faulty, sound: type[Backend]) -> dict[str, Any]:
    true = inspect.unwrap(getattr(sound, method))

    def faulty(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, functools.partial(true, self), *args, **kwargs)

    faulty.__signature__ = inspect.signature(true)  # type: ignore[attr-defined]
    return {method: faulty}


# -- a change of a text ----------------------------------------------------------------------------------------


def _edited(operation: str, old: str, new: str, within: str | None, sound: type[Backend]) -> dict[str, Any]:
    definition = sound.operations()[operation].definition
    if within is None:
        return {operation: _rewritten(definition, old, new)}
    owner, name = _place_of(within)
    helper = getattr(owner, name)
    wrong = _rewritten(inspect.unwrap(helper), old, new)
    checked = getattr(Backend, operation)  # the definition behind its checks, which may use the helper too

    def faulty(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _in_place_of(owner, name, wrong):
            return checked(self, *args, **kwargs)

    faulty.__operation__ = checked.__operation__  # type: ignore[attr-defined]
    return {operation: faulty}


def _place_of(within: str) -> tuple[Any, str]:
    """The module, class or object that holds a helper, and its name there."""
    module, _, path = within.partition(":")
    *owners, name = path.split(".")
    return functools.reduce(getattr, owners, importlib.import_module(module)), name


def _rewritten(function: Any, old: str, new: str) -> Any:
    """The function with a part of its body replaced, in the same module."""
    source = textwrap.dedent(inspect.getsource(function))
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.FunctionDef)
    lines = source.splitlines(keepends=True)
    documented = ast.get_docstring(node) is not None
    start = (node.body[0].end_lineno or 0) if documented else node.body[0].lineno - 1
    head, body = "".join(lines[node.lineno - 1 : start]), "".join(lines[start:])
    if body.count(old) != 1:
        raise ValueError(f"{function.__qualname__}: {old!r} occurs {body.count(old)} times in it, expected once")
    namespace: dict[str, Any] = {}
    code = "from __future__ import annotations\n" + head + body.replace(old, new)
    exec(compile(code, f"<{node.name} with a fault>", "exec"), function.__globals__, namespace)
    made: FunctionType = namespace[node.name]
    made.__kwdefaults__, made.__defaults__ = function.__kwdefaults__, function.__defaults__
    return made


@contextlib.contextmanager
def _in_place_of(owner: Any, name: str, wrong: Any) -> Iterator[None]:
    """The wrong helper where the true one is; one of a module's in every module of the definitions."""
    helper = getattr(owner, name)
    places = [(owner, name)]
    if isinstance(owner, ModuleType):
        places = [(m, n) for m in _definitions() for n, value in vars(m).items() if value is helper]
    for place, n in places:
        _put(place, n, wrong)
    try:
        yield
    finally:
        for place, n in places:
            _put(place, n, helper)


def _put(owner: Any, name: str, value: Any) -> None:
    # also into a frozen dataclass
    (type if isinstance(owner, type) else object).__setattr__(owner, name, value)


def _definitions() -> list[ModuleType]:
    return [module for name, module in list(sys.modules.items()) if name.startswith("nnspec.")]
