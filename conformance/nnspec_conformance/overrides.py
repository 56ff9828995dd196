"""`--override OP=MODULE:FUNCTION`: an author's function, judged in place of a backend's own implementation.

The function stands where the backend's method would: the trunk validates before it and widens float16 and bfloat16
around it. What it does not take is unsupported, not wrong.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib
import inspect
import re
import shlex
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optree

from nnspec import Backend
from nnspec._low_precision import LOW
from nnspec.errors import ArgumentError, NnspecError, UnsupportedOperationError
from nnspec.operation import Operation
from nnspec.results import Check, Note, OverrideHeader
from nnspec.tape import Tensor, raw

if TYPE_CHECKING:
    from nnspec_conformance.session import Session

__all__ = ["DTYPES", "Override", "headers_of", "load_overrides", "options_of", "overriding", "told"]

#: floating dtypes that a function may declare
DTYPES = ("float32", "float64", *LOW)
_FORM = re.compile(r"(?P<operation>\w+)=(?P<module>[\w.]+):(?P<function>[\w.]+)")
_EMPTY = inspect.Parameter.empty


@dataclass(frozen=True)
class _Plan:
    """How the arguments of an operation reach a function that need not take them all."""

    by_position: tuple[str, ...]
    by_name: tuple[str, ...]
    #: what the function does not take, and the values under which it does not matter
    left_out: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Override:
    """A function in place of one operation."""

    operation: Operation
    #: "module:function"
    target: str
    function: Callable[..., Any]
    #: the floating dtypes it declares to take itself; None where it declares none
    dtypes: tuple[str, ...] | None
    #: hash of its module's text
    digest: str
    plan: _Plan

    @property
    def takes_low(self) -> bool:
        """Whether float16 or bfloat16 reaches the function as it is, instead of widened."""
        return self.dtypes is not None and not set(LOW).isdisjoint(self.dtypes)

    def takes(self, dtype: str) -> bool:
        """Whether it is judged in a dtype."""
        return self.dtypes is None or dtype in self.dtypes

    def __str__(self) -> str:
        return f"{self.operation.name}={self.target}"

    def __call__(self, arguments: dict[str, Any]) -> Any:
        """The function's result for the arguments of the operation, every one of them given."""
        self._check_dtypes(arguments)
        for name, value in self.plan.left_out.items():
            if not _is_same(arguments[name], value):
                raise UnsupportedOperationError(f"{self.target} takes no {name}, which is {_told(arguments[name])}")
        arrays = [arguments[name] for name in self.plan.by_position]
        options = {name: arguments[name] for name in self.plan.by_name}
        try:
            return self.function(*arrays, **options)
        except NnspecError:
            raise
        except NotImplementedError as error:
            raise _unsupported(error, self.target) from error
        except Exception as error:
            if any(isinstance(leaf, Tensor) for leaf in _leaves([arrays, options])):
                self._blame_the_tape(error, arrays, options)
            raise

    def _check_dtypes(self, arguments: dict[str, Any]) -> None:
        if self.dtypes is None:
            return
        found = {_dtype_of(leaf) for leaf in _leaves(list(arguments.values()))} & {*DTYPES}
        lows = found & {*LOW}  # beside them float32 is what statistics and moments are kept in
        other = (lows or found) - {*self.dtypes}
        if other:
            raise UnsupportedOperationError(f"{self.target} declares {', '.join(self.dtypes)}, got {min(other)}")

    def _blame_the_tape(self, error: Exception, arrays: list[Any], options: dict[str, Any]) -> None:
        """Say what to do about a plain NumPy function, which computes values and cannot be differentiated."""
        try:
            self.function(*map(_unrecorded, arrays), **{name: _unrecorded(x) for name, x in options.items()})
        except Exception:
            return  # it fails anyway, for a reason of its own
        raise UnsupportedOperationError(
            f"{self.target} takes plain arrays, and raised {type(error).__name__} on those that are differentiated: "
            "NumPy records no derivatives; give the function its backward with nnspec.tape.kernel(forward, backward), "
            "or write it with the functions of nnspec.tape.namespace"
        ) from error


def _leaves(tree: Any) -> list[Any]:
    return optree.tree_leaves(tree)


def _dtype_of(x: Any) -> str:
    return str(getattr(x, "dtype", "")).rpartition(".")[2]


def _unrecorded(tree: Any) -> Any:
    return optree.tree_map(raw, tree)


def _is_same(value: Any, default: Any) -> bool:
    return value is default or (type(value) in (bool, int, float, str, tuple) and bool(value == default))


def _told(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return repr(value) if shape is None else f"an array of shape {tuple(shape)}"


def _unsupported(error: NotImplementedError, target: str) -> UnsupportedOperationError:
    return UnsupportedOperationError(f"{target}: {error}" if str(error) else f"{target} does not offer this")


# -- in place of a backend's own -----------------------------------------------------------------------------


def overriding(backend: type[Backend], overrides: Mapping[str, Override]) -> type[Backend]:
    """The backend's class with the functions in place of its own operations."""
    if not overrides:
        return backend
    members: dict[str, Any] = {name: _method(override) for name, override in overrides.items()}
    targets = ", ".join(override.target for override in overrides.values())

    def implementation(self: Backend, operation: str) -> str:
        return "override" if operation in overrides else backend.implementation(operation)

    def flat_vjp(self: Backend, function: Any, leaves: Any) -> Any:
        outputs, pull = backend.flat_vjp(self, function, leaves)
        return outputs, _honest(pull, targets)  # a torch.autograd.Function without backward says so only there

    def flat_value_and_grad(self: Backend, function: Any, leaves: Any) -> Any:
        return _honest(backend.flat_value_and_grad, targets)(self, function, leaves)

    members |= {
        "__module__": backend.__module__,
        "implementation": implementation,
        "flat_vjp": flat_vjp,
        "flat_value_and_grad": flat_value_and_grad,
        "native_low": backend.native_low - {*overrides} | {name for name, own in overrides.items() if own.takes_low},
    }
    return types.new_class(backend.__name__, (backend,), exec_body=lambda namespace: namespace.update(members))


def _method(override: Override) -> Callable[..., Any]:
    """A method with the operation's signature, which the trunk wraps with the operation's validation."""
    signature = override.operation.signature

    def method(self: Backend, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        return override(dict(list(bound.arguments.items())[1:]))

    method.__name__ = override.operation.name
    method.__signature__ = signature  # type: ignore[attr-defined]
    return method


def _honest(function: Callable[..., Any], targets: str) -> Callable[..., Any]:
    """Where something is not implemented, it is unsupported."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except NnspecError:
            raise
        except NotImplementedError as error:
            raise _unsupported(error, targets) from error

    return call


# -- as it is told -------------------------------------------------------------------------------------------


def headers_of(overrides: Mapping[str, Override]) -> dict[str, OverrideHeader]:
    """What the header of the results says."""
    return {
        name: OverrideHeader(
            function=override.target,
            digest=override.digest,
            dtypes=None if override.dtypes is None else list(override.dtypes),
        )
        for name, override in overrides.items()
    }


def told(session: Session, checks: Sequence[Check]) -> list[Note]:
    """Words for the summary and the report: what was judged, and what of it."""
    notes = []
    for name, override in session.overrides.items():
        own = [check for check in checks if check.operation == name]
        parts = [f"{name} is {override.target}, not the backend's own"]
        if session.only is None:
            parts.append(f"only cases of {', '.join(session.overrides)} were judged")
        elif not own:
            parts.append(f"no case of {name} matches --only {session.only!r}: tried only where others call it")
        if override.dtypes is not None:
            parts.append(f"judged in {', '.join(override.dtypes)}, which it declares")
        elif any(check.dtype in LOW for check in own):
            parts.append("arrays of float16 and bfloat16 were widened to float32 before it")
        parts += _not_offered(own)
        notes.append(Note(level="info" if own else "warning", message="; ".join(parts)))
    return notes


def _not_offered(checks: Sequence[Check]) -> list[str]:
    lacking = sum(check.verdict == "unsupported" for check in checks)
    rest = [check for check in checks if check.verdict not in ("unsupported", "blocked")]
    if not lacking:
        return []
    sound = bool(rest) and all(check.verdict == "pass" for check in rest)
    said = f"{len(checks) - len(rest)} of {len(checks)} checks ask for what it does not offer"
    return [said + (", all others passed" if sound else "")]


# -- as typed ------------------------------------------------------------------------------------------------


def options_of(overrides: Mapping[str, Override]) -> str:
    """What repeats them on a command line."""
    return "".join(f" --override {shlex.quote(str(override))}" for override in overrides.values())


def load_overrides(given: Sequence[str]) -> dict[str, Override]:
    """The functions by the operation they stand for.

    Args:
        given: as typed, "operation=module:function"; modules are looked for as Python does, from the current folder.

    Raises:
        ArgumentError: a text of another form, an unknown operation or one named twice, a module that cannot be
            imported, no such function, or one that cannot be called with the operation's arguments.
    """
    found: dict[str, Override] = {}
    for text in given:
        override = _loaded(text)
        if override.operation.name in found:
            raise ArgumentError(f"override: {override.operation.name} is given twice: {_twice(given, override)}")
        found[override.operation.name] = override
    return found


def _twice(given: Sequence[str], override: Override) -> str:
    """The texts that speak of one operation."""
    return " and ".join(text for text in given if text.startswith(f"{override.operation.name}="))


def _loaded(text: str) -> Override:
    match = _FORM.fullmatch(text)
    if match is None:
        raise ArgumentError(f"override: expected OP=MODULE:FUNCTION, such as gelu=my_kernels:fast_gelu, got {text!r}")
    op = _operation(match["operation"])
    target = f"{match['module']}:{match['function']}"
    module = _imported(match["module"])
    function = _found(module, match["function"], target)
    return Override(op, target, function, _declared(function, target), _digest(module), _plan(op, function, target))


def _operation(name: str) -> Operation:
    operations = Backend.operations()
    if name not in operations:
        near = difflib.get_close_matches(name, operations, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "nnspec spec lists them"
        raise ArgumentError(f"override: no operation is named {name!r}; {hint}")
    return operations[name]


def _imported(name: str) -> types.ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        where = ""
        if isinstance(error, ModuleNotFoundError) and name.startswith(error.name or name):
            where = "; it is looked for from the current folder, as with python -m"
        raise ArgumentError(f"override: cannot import {name} ({type(error).__name__}: {error}){where}") from error


def _found(module: types.ModuleType, name: str, target: str) -> Callable[..., Any]:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, [n for n in dir(found) if callable(getattr(found, n, None))], n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ArgumentError(f"override: {target}: there is no {part!r} in {module.__name__}{hint}")
        found = getattr(found, part)
    if inspect.isclass(found):
        raise ArgumentError(
            f"override: {target} is a class, expected a function; for a torch.autograd.Function name one that "
            "calls its apply"
        )
    if not callable(found):
        raise ArgumentError(f"override: {target} is no function but {found!r:.60}")
    return found  # type: ignore[no-any-return]


def _declared(function: Callable[..., Any], target: str) -> tuple[str, ...] | None:
    """What the attribute `dtypes` of the function says."""
    said = getattr(function, "dtypes", None)
    if said is None:
        return None
    if isinstance(said, str) or not isinstance(said, Sequence) or not said or not {*said} <= {*DTYPES}:
        raise ArgumentError(f"override: {target}.dtypes: expected some of {', '.join(DTYPES)}, got {said!r}")
    return tuple(said)


def _digest(module: types.ModuleType) -> str:
    path = Path(module.__file__ or "")
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""


# -- which argument goes where -------------------------------------------------------------------------------


def _plan(op: Operation, function: Callable[..., Any], target: str) -> _Plan:
    """By position, as far as the function names its parameters alike or otherwise; then by name."""
    given = list(op.signature.parameters.values())[1:]
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of a compiled function nothing is known
        positions = tuple(p.name for p in given if p.kind is not p.KEYWORD_ONLY)
        return _Plan(positions, tuple(p.name for p in given if p.name not in positions), {})
    positions = _by_position(given, signature)
    names = tuple(p.name for p in given if p.name not in positions and _takes_by_name(signature, p.name))
    left_out = {p.name: p.default for p in given if p.name not in (*positions, *names)}
    missing = [name for name, default in left_out.items() if default is _EMPTY]
    if missing:
        raise ArgumentError(
            f"override: {target}{signature} takes no {' and no '.join(missing)}, which {op.name} always has; "
            f"it is called as {_call_of(op)}"
        )
    unfilled = _unfilled(signature, positions, names)
    if unfilled:
        raise ArgumentError(
            f"override: {target}{signature} needs {' and '.join(unfilled)}, which {op.name} does not have; "
            f"it is called as {_call_of(op)}"
        )
    return _Plan(positions, names, left_out)


def _by_position(given: Sequence[inspect.Parameter], signature: inspect.Signature) -> tuple[str, ...]:
    named = {p.name for p in given}
    takes = list(signature.parameters.values())
    slots = [p for p in takes if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    any_number = any(p.kind is p.VAR_POSITIONAL for p in takes)
    found: list[str] = []
    for i, wanted in enumerate(p for p in given if p.kind is not p.KEYWORD_ONLY):
        alike = i < len(slots) and slots[i].name == wanted.name
        renamed = i < len(slots) and slots[i].name not in named and wanted.name not in signature.parameters
        if not (alike or renamed or (i >= len(slots) and any_number)):
            break
        found.append(wanted.name)
    return tuple(found)


def _takes_by_name(signature: inspect.Signature, name: str) -> bool:
    if any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
        return True
    parameter = signature.parameters.get(name)
    return parameter is not None and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)


def _unfilled(signature: inspect.Signature, positions: Sequence[str], names: Sequence[str]) -> list[str]:
    """Parameters without a default that nothing is given for."""
    filled = {*signature.bind_partial(*positions, **dict.fromkeys(names)).arguments}
    return [
        p.name
        for p in signature.parameters.values()
        if p.default is _EMPTY and p.name not in filled and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]


def _call_of(op: Operation) -> str:
    """The operation's own parameters, without self and without annotations."""
    plain = [p.replace(annotation=_EMPTY) for p in list(op.signature.parameters.values())[1:]]
    return f"{op.name}{inspect.Signature(plain)}"
