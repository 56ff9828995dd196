"""What a law is, and the case that a law makes of an existing one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import optree

from nnspec import Backend
from nnspec_conformance.case import Case
from nnspec_conformance.laws._call import ALL, Instead, Pair, bound, captured, counts, flip

__all__ = ["Applied", "Counts", "Flipped", "Law", "Tried", "law_case", "option_case", "pairs_of"]


@dataclass(frozen=True)
class Law:
    """Two ways to the same numbers, for every operation that it is declared for.

    Calling it declares it: the base case, the requirements that imply it (by number), and its parameters.
    """

    name: str
    #: for people
    sentence: str
    #: what the base case has to be like, and what the parameters mean
    asks: str
    #: of a call of the base case and the parameters
    ways: Callable[..., list[Pair]]
    #: "law", or where derivatives are taken "gradient-law"
    check: str = "law"

    def __call__(
        self,
        base: str,
        *requires: int,
        named: str = "",
        sampled: bool = False,
        options: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> Applied:
        """The law for an operation.

        Args:
            base: name of one of its cases.
            requires: numbers of the requirements that state or imply it; if none is given, the base's.
            named: tells several uses of one law apart.
            sampled: tried on backends that trace, too.
            options: what the call has besides.
            parameters: of the law.
        """
        return Applied(self, base, requires, parameters, dict(options or {}), named, sampled)


@dataclass(frozen=True)
class Applied:
    """A law that is declared for an operation."""

    law: Law
    base: str
    requires: tuple[int, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    named: str = ""
    sampled: bool = False

    @property
    def name(self) -> str:
        """Name of the case."""
        return f"law-{self.law.name}" + (f"-{self.named}" if self.named else "")


@dataclass(frozen=True)
class Tried:
    """An option that has to change the result: its base case, and its other value."""

    base: str
    option: str
    other: Any

    @property
    def name(self) -> str:
        """Name of the case."""
        return f"law-option-{self.option.replace('_', '-')}"


@dataclass(frozen=True)
class Flipped:
    """Another value of an option that is an array, or several: the same in the opposite order."""

    axis: Any = ALL


@dataclass(frozen=True)
class Counts:
    """Another value of an option that was not given: 1.5, 2.5 and 3.5, for weights."""

    shape: tuple[int, ...]


def _value(backend: Any, other: Any, current: Any) -> Any:
    if isinstance(other, Flipped):
        return flip(backend, current, other.axis)
    return counts(backend, other.shape, low=1) + 0.5 if isinstance(other, Counts) else other


def _derived(base: Case, **own: Any) -> Case:
    return replace(base, exact=False, differentiate=None, level="full", judge=None, dtypes=("float32",), **own)


def law_case(applied: Applied, base: Case) -> Case:
    """The case that tries a law on the inputs and options of another."""
    own = {**applied.parameters, **applied.options}
    return _derived(
        base,
        name=applied.name,
        requires=tuple(f"{base.operation.upper()}-{n}" for n in applied.requires) or base.requires,
        # for the digest
        options={"law": applied.law.name, "base": base.name, "of_base": dict(base.options), **own},
        program=_differences(applied.law.ways, base.program, base, applied),
        checks=(applied.law.check,),
        plain_only=not applied.sampled,
    )


def option_case(tried: Tried, base: Case) -> Case:
    """The case that tries another value of an option."""
    return _derived(
        base,
        name=tried.name,
        options={"law": "option", "base": base.name, "of_base": dict(base.options), tried.option: tried.other},
        program=_before_and_after(base.program, base.operation, dict(base.options), tried.option, tried.other),
        checks=("law",),
        plain_only=True,
    )


# Programs close over functions, whose text enters the digest.


def _differences(
    ways: Callable[..., list[Pair]], given: Callable[..., Any] | None, base: Case, applied: Applied
) -> Callable[..., Any]:
    operation, options = base.operation, {**base.options}
    changes, parameters = applied.options, applied.parameters

    def program(backend: Any, **arrays: Any) -> Any:
        call = captured(backend, operation, given, arrays, options).but(**changes)
        return [_difference(backend, *pair) for pair in ways(call, **parameters)]

    return program


def pairs_of(applied: Applied, base: Case, backend: Any, arrays: Mapping[str, Any]) -> list[Pair]:
    """Both ways, on the inputs of a law's case."""
    call = captured(backend, base.operation, base.program, arrays, dict(base.options)).but(**applied.options)
    return applied.law.ways(call, **applied.parameters)


def _difference(backend: Any, left: Any, right: Any) -> list[Any]:
    """Leaf by leaf: of numbers the difference, of what is counted or true whether it differs."""

    def of(a: Any, b: Any) -> Any:
        if "bool" in str(getattr(a, "dtype", "bool")):
            return (a | b) & ~(a & b)
        return a != b if backend.is_integer(a) else a - b

    return [of(a, b) for a, b in zip(optree.tree_leaves(left), optree.tree_leaves(right), strict=True)]


def _before_and_after(
    given: Callable[..., Any] | None, operation: str, options: dict[str, Any], option: str, other: Any
) -> Callable[..., Any]:
    # an optimizer's state is made for the options that the optimizer is called with
    initial = operation.replace("_update", "_init")
    changing = [
        name
        for name in dict.fromkeys((operation, initial))
        if name in Backend.operations() and option in Backend.operations()[name].signature.parameters
    ]

    def program(backend: Any, **arrays: Any) -> Any:
        def changed(name: str) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                arguments = bound(name, args, kwargs)
                arguments[option] = _value(backend, other, arguments.get(option))
                return getattr(backend, name)(**arguments)

            return call

        if given is None:
            return getattr(backend, operation)(**arrays, **options), changed(operation)(**arrays, **options)
        instead = backend
        for name in changing:
            instead = Instead(instead, name, changed(name))
        return given(backend, **arrays), given(instead, **arrays)

    return program
