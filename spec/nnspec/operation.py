"""The `operation` decorator, and `Family`, the base whose subclasses are validated once for every backend."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, MappingProxyType
from typing import Any, ClassVar, TypeAlias, TypeVar

__all__ = ["Array", "Family", "Operation", "catalogue", "operation"]

Array: TypeAlias = Any  # an array of whichever backend the method belongs to

_F = TypeVar("_F", bound=Callable[..., Any])
_REQUIREMENT = re.compile(r"^\s*\[([A-Z][A-Z0-9_]*-\d+)\]\s+(.*(?:\n(?!\s*\[|\s*$).*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Operation:
    """One entry of the specification."""

    name: str
    family: str
    since: str
    #: raises one of nnspec.errors for arguments the operation does not accept
    check: Callable[..., None] = field(repr=False)
    #: the normative text, as a function of (self, ...)
    definition: Callable[..., Any] = field(repr=False)
    #: the gradient written with the saved output, (self, g, out, *args, **kwargs) -> one cotangent an array
    derivative: Callable[..., tuple[Any, ...]] | None = field(default=None, repr=False)
    #: whether the result only selects or rearranges its inputs, so that it is equal to the bit everywhere
    exact: bool = False
    #: what becomes of floating results where the arguments are of float16 or bfloat16: "round" to that dtype,
    #: "wide" to stay in float32, or "master" for an optimizer, which steps on a float32 copy
    low: str = "round"
    #: positions of results that stay in float32 in any case
    wide_results: tuple[int, ...] = ()
    #: names of arguments that have to be float32 there: running statistics
    wide_arguments: tuple[str, ...] = ()

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        """Of the definition, `self` included."""
        return inspect.signature(self.definition)

    @functools.cached_property
    def requirements(self) -> dict[str, str]:
        """id -> sentence, read from the docstring's "Requires" section."""
        text = inspect.getdoc(self.definition) or ""
        return {name: " ".join(sentence.split()) for name, sentence in _REQUIREMENT.findall(text)}

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.definition) or "").partition("\n")[0]

    @functools.cached_property
    def digest(self) -> str:
        """Hash of the family's text and of its helpers: runs of different texts are told apart."""
        return _digest(inspect.getsourcefile(self.definition) or "")


@functools.cache
def _digest(path: str) -> str:
    import hashlib

    module = Path(path)
    family = sorted(module.parent.glob("*.py")) if module.stem.startswith("_") else [module]
    trunk = Path(__file__).parent
    helpers = [*trunk.glob("ops/_*.py"), trunk / "_windows.py", trunk / "_threefry.py"]
    state = hashlib.sha256()
    for file in (*family, *sorted(helpers)):
        state.update(file.read_bytes())
    return state.hexdigest()[:16]


def _family(module: str) -> str:
    """The family a module belongs to: its own name, or where that is private the name of its package."""
    return next((part for part in reversed(module.split(".")) if not part.startswith("_")), module)


def _parameters(function: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


def _same_parameters(first: Callable[..., Any], second: Callable[..., Any]) -> bool:
    """Whether names, kinds, order and defaults of their parameters are the same."""
    a, b = _layout(first), _layout(second)
    return (a is not None and a == b) or _parameters(first) == _parameters(second)


def _layout(function: Callable[..., Any]) -> tuple[Any, ...] | None:
    """What `inspect.signature` reads, at a hundredth of its time, which `import nnspec` would spend 500 times.

    None for what has another signature than its code, such as a wrapper.
    """
    if type(function) is not FunctionType or function.__dict__:
        return None
    code = function.__code__
    variadic = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    count = code.co_argcount + code.co_kwonlyargcount + variadic.bit_count()
    kinds = (code.co_posonlyargcount, code.co_argcount, code.co_kwonlyargcount, variadic)
    return kinds, code.co_varnames[:count], function.__defaults__, function.__kwdefaults__


def validated(function: _F, op: Operation) -> _F:
    """`function` as a method that implements `op`, called where the arguments are valid.

    Where a call like this one was valid, and its validity was no matter of values, it is not validated again.
    """
    name, check = op.name, op.check

    @functools.wraps(function)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        arrays = self.array_types
        likeness = None
        if arrays and not self.is_tracing():
            # equal for calls that differ in the values of arrays alone; not a function, whose call would be felt
            found: list[Any] = [name, *kwargs]
            for x in (*args, *kwargs.values()) if kwargs else args:
                kind = type(x)
                if kind in arrays:
                    found.append(x.dtype)
                    found.append(x.shape)
                elif kind in _ATOMS or (kind is tuple and all(type(entry) is int for entry in x)):
                    found.append(kind)  # 1, 1.0 and True are equal and not alike
                    found.append(x)
                else:
                    break
            else:
                likeness = tuple(found)
                if self.decided_calls.get(likeness):
                    return function(self, *args, **kwargs)
        low = self.low_dtype(op, args, kwargs)
        if low is not None and name not in self.native_low:
            return self.in_low_precision(op, function, args, kwargs, low)
        # the check has the operation's own signature, so Python itself binds
        if likeness is None or likeness in self.decided_calls:  # where values decide about calls like it
            check(self, *args, **kwargs)
        else:
            _decide(self, check, likeness, args, kwargs)
        return function(self, *args, **kwargs)

    call.__operation__ = op  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]


#: how many kinds of calls a backend remembers; sizes that change at every call are forgotten now and then
_REMEMBERED = 4096
#: what a check may ask of a backend and be decided by types, dtypes and shapes
_WITHOUT_VALUES = frozenset({"is_floating", "is_integer", "is_low", "is_wide", "xp"})


class _Watched:
    """A backend in the hands of a check; notes whether it is asked for what may depend on values."""

    def __init__(self, backend: Family) -> None:
        self.asked_more = False
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        self.asked_more |= name not in _WITHOUT_VALUES
        return getattr(self._backend, name)


def _decide(
    backend: Family, check: Callable[..., None], likeness: Hashable, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Check a call, and note whether others like it need no check."""
    watched = _Watched(backend)
    check(watched, *args, **kwargs)
    if len(backend.decided_calls) >= _REMEMBERED:
        backend.decided_calls.clear()
    backend.decided_calls[likeness] = not watched.asked_more


#: Python values of which equal ones of one type are alike
_ATOMS = frozenset({int, float, bool, str, type(None)})


def operation(
    *,
    since: str,
    check: Callable[..., None],
    derivative: Callable[..., tuple[Any, ...]] | None = None,
    exact: bool = False,
    low: str = "round",
    wide_results: tuple[int, ...] = (),
    wide_arguments: tuple[str, ...] = (),
) -> Callable[[_F], _F]:
    """Make a method of a `Family` an operation of the specification.

    Args:
        since: version of the specification that introduced it.
        check: validates the arguments; has the method's own signature. Shapes and dtypes always,
            values only where `Family.is_concrete` says that looking at them is free: a check that did not ask it
            is not called again for arrays of the same dtypes and shapes.
        derivative: the gradient in terms of the saved output, as native kernels compute it. The rounding
            model admits the larger of the definition's own error and this formula's with the output off
            by one rounding.
        exact: the result is equal to the bit on every backend.
        low: floating results for float16 and bfloat16: "round", "wide" (float32) or "master" (an optimizer).
        wide_results: positions of results that stay in float32 there.
        wide_arguments: names of arguments that have to be float32 there.

    Raises:
        TypeError: the docstring names no requirement, or `check` has another signature.
    """

    def decorate(function: _F) -> _F:
        if not _REQUIREMENT.search(function.__doc__ or ""):
            raise TypeError(f"{function.__qualname__}: the docstring names no requirement")
        if not _same_parameters(check, function):
            raise TypeError(f"{function.__qualname__}: its check has another signature")
        op = Operation(
            name=function.__name__,
            family=_family(function.__module__),
            since=since,
            check=check,
            definition=function,
            derivative=derivative,
            exact=exact,
            low=low,
            wide_results=wide_results,
            wide_arguments=wide_arguments,
        )
        return validated(function, op)

    return decorate


class Family:
    """Base of every family mixin; wraps the overrides of its subclasses with the operation's checks.

    The attributes below are what definitions may use of the backend they run on.
    """

    #: the Array API namespace of the backend's arrays
    xp: Any
    #: floating dtype of arrays where none is asked for
    dtype: str
    #: its float16 and bfloat16, as the `dtype` of its arrays names them
    low_dtypes: ClassVar[frozenset[Any]] = frozenset()
    #: exact types of arrays that are alike to checks where dtype and shape are, unless they look at values: calls that
    #: differ in nothing else are validated once. None: every call is
    array_types: ClassVar[frozenset[type]] = frozenset()
    #: operations whose override takes float16 and bfloat16 itself, with sums in float32 and one rounding
    native_low: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        members: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            members.update(vars(base))
        for op in catalogue(cls).values():
            value = members[op.name]  # from this class, or from a mixin that is no Family
            if hasattr(value, "__operation__"):
                continue
            if not inspect.isfunction(value):
                raise TypeError(f"{cls.__name__}.{op.name} must be a function, as the operation it overrides")
            if not _same_parameters(value, op.definition):
                raise TypeError(
                    f"{cls.__name__}.{op.name}{inspect.signature(value)} must have the operation's signature "
                    f"{op.signature}"
                )
            setattr(cls, op.name, validated(value, op))

    @functools.cached_property
    def decided_calls(self) -> dict[Hashable, bool]:
        """Of kinds of calls that were valid: whether the next one is too, whatever the values."""
        return {}

    @staticmethod
    def is_tracing() -> bool:
        """Whether a compiler records this very Python code, so that it must not depend on what was called before."""
        return False

    def is_floating(self, x: Array) -> bool:
        """Whether `x` is a floating array of this backend."""
        raise NotImplementedError

    def copied(self, x: Array) -> Array:
        """The same bits in a new buffer, on every backend: a donated array shares its buffer with no other."""
        return self.xp.where(x == x, x, x)

    # -- float16 and bfloat16 --------------------------------------------------------------------------

    def low_dtype(self, op: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The low dtype among the arguments of a call of `op`, trees included; None where there is none."""
        lows = self.low_dtypes
        for x in (*args, *kwargs.values()) if kwargs else args:
            dtype = getattr(x, "dtype", None)
            if dtype is None:
                if isinstance(x, (dict, list, tuple)):
                    found = next((leaf.dtype for leaf in _leaves(x) if getattr(leaf, "dtype", None) in lows), None)
                    if found is not None:
                        return found
            elif dtype in lows:
                return dtype
        return None

    def in_low_precision(
        self, op: Operation, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], low: Any
    ) -> Any:
        """`function(self, *args, **kwargs)` in float32, its results rounded to the low dtype `low`."""
        raise NotImplementedError

    def is_low(self, x: Any) -> bool:
        """Whether `x` is an array of float16 or bfloat16."""
        return getattr(x, "dtype", None) in self.low_dtypes

    def is_wide(self, x: Any) -> bool:
        """Whether `x` is an array of float32."""
        return bool(getattr(x, "dtype", None) == self.xp.float32)

    def widened(self, x: Array) -> Array:
        """`x` in float32, which holds every value of the low dtypes."""
        return self.xp.astype(x, self.xp.float32)

    def rounded(self, x: Array, low: Any) -> Array:
        """`x` rounded to the low dtype."""
        return self.xp.astype(x, low)

    def kept_wide(self, x: Array) -> Array:
        """`x`, which stays in float32 though the arguments were of a low dtype."""
        return x

    def resumed(self, master: Array, param: Array) -> Array:
        """An optimizer's float32 copy of a parameter, or where they differ the parameter."""
        return self.xp.where(self.rounded(master, param.dtype) == param, master, self.widened(param))

    def in_float32(self) -> AbstractContextManager[None]:
        """What surrounds the body of an operation whose arguments were widened."""
        return nullcontext()

    @property
    def working_dtype(self) -> str:
        """The dtype that is computed in where none is asked for: float32 at least."""
        raise NotImplementedError

    def is_integer(self, x: Array) -> bool:
        """Whether `x` is an integer array of this backend, of any width."""
        raise NotImplementedError

    def is_concrete(self, x: Array) -> bool:
        """Whether looking at the values of `x` is possible and forces no device to wait."""
        raise NotImplementedError

    def to_numpy(self, x: Array) -> Any:
        """A NumPy copy of `x`."""
        raise NotImplementedError

    def asarray(self, x: Any, *, dtype: str | None = None) -> Array:
        """An array of this backend."""
        raise NotImplementedError

    def placement(self, x: Array) -> dict[str, Any]:
        """Keyword arguments that make the namespace's creation functions put an array where `x` is."""
        return {}

    def stop_gradient(self, x: Array) -> Array:
        """The same values, through which no derivative flows."""
        raise NotImplementedError

    def erf(self, x: Array) -> Array:
        """The error function, elementwise."""
        raise NotImplementedError

    def add_bias(self, y: Array, bias: Array, terms: int) -> Array:
        """`y + bias`, where `y` is a sum of `terms` products: the bias may be accumulated as one of them."""
        return y + bias


def _leaves(tree: Any) -> list[Any]:
    import optree

    return optree.tree_leaves(tree)


def catalogue(cls: type[Family]) -> Mapping[str, Operation]:
    """Every operation of a backend class, by name, in the order of its families."""
    return MappingProxyType({op.name: op for op in _operations(cls)})


def _operations(cls: type[Family]) -> Iterator[Operation]:
    for base in cls.__mro__:
        for value in vars(base).values():
            op = getattr(value, "__operation__", None)
            if isinstance(op, Operation):
                yield op
