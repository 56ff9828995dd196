"""Cases as data: which operation, which inputs, which requirements; the id is the filter and the repro line."""

from __future__ import annotations

import functools
import hashlib
import inspect
import linecache
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import CodeType
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from nnspec import Backend
from nnspec._low_precision import LOW, WIDE
from nnspec.errors import NnspecError
from nnspec_conformance.layouts import Layout

__all__ = [
    "REGIMES",
    "Case",
    "Derivation",
    "Expectation",
    "Source",
    "booleans",
    "cases",
    "constant",
    "error_case",
    "integers",
    "keys",
    "normal",
    "only_calls",
    "regimes",
    "seed_of",
    "uniform",
    "uses_up",
    "values",
]

#: what is judged in float16 and bfloat16
_LOW_CHECKS = frozenset({"values", "bits", "shapes", "gradients", "compiled", "trajectory"})

Level = Literal["quick", "full"]

#: mean and spread of inputs: never unit variance alone
REGIMES: Mapping[str, tuple[float, float]] = {
    "unit": (0.0, 1.0),
    "wide": (0.0, 30.0),
    "large-mean": (1e3, 1.0),
    "small": (0.0, 1e-3),
}


def seed_of(*parts: object) -> int:
    """A seed that depends on nothing but its parts, the same on every machine."""
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


@dataclass(frozen=True)
class Source:
    """How one input is made from a seed."""

    make: Callable[[np.random.Generator], NDArray[Any]]
    floating: bool
    layout: Layout = "contiguous"

    def array(self, seed: int, dtype: str) -> NDArray[Any]:
        """The input; floating ones in `dtype`."""
        made = self.make(np.random.Generator(np.random.Philox(seed)))
        return made.astype(dtype) if self.floating else made

    def laid_out(self, layout: Layout) -> Source:
        """The same values in another memory layout, where the backend's arrays have one."""
        return replace(self, layout=layout)


def normal(*shape: int, mean: float = 0.0, std: float = 1.0) -> Source:
    """Normally distributed entries."""
    return Source(lambda generator: mean + std * generator.standard_normal(shape), floating=True)


def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Source:
    """Uniformly distributed entries."""
    return Source(lambda generator: generator.uniform(low, high, shape), floating=True)


def values(entries: Any) -> Source:
    """Exactly these floating numbers."""
    return Source(lambda _: np.asarray(entries, np.float64), floating=True)


def integers(*shape: int, low: int = 0, high: int, dtype: str = "int32") -> Source:
    """Integers in [low, high)."""
    return Source(lambda generator: generator.integers(low, high, shape).astype(dtype), floating=False)


def booleans(*shape: int, probability: float = 0.5) -> Source:
    """True with the given probability."""
    return Source(lambda generator: generator.random(shape) < probability, floating=False)


def constant(entries: Any, dtype: str) -> Source:
    """Exactly this array of integers or booleans."""
    return Source(lambda _: np.asarray(entries, dtype), floating=False)


def keys() -> Source:
    """A key of the portable generator."""
    return Source(
        lambda generator: generator.integers(-(2**31), 2**31, 2, dtype=np.int64).astype(np.int32),
        floating=False,
    )


@dataclass(frozen=True)
class Expectation:
    """The error a bad call has to raise."""

    error: type[NnspecError]
    #: what its message has to contain: the argument's name first
    words: tuple[str, ...]


@dataclass(frozen=True)
class Derivation:
    """Where a case comes from that nobody wrote by hand."""

    base: Case
    #: what was changed, as JSON
    change: str
    #: whether inputs, cotangents and therefore the reference are those of the base
    same_values: bool
    #: whether results are computed with, after the operation, so that they are not exact even where it is
    computes: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One thing to try on a backend.

    By default the operation is called with the inputs and options as keyword arguments; `program`, a function of
    the backend and the inputs, replaces that call where more than one operation is involved.
    """

    operation: str
    name: str
    #: requirement ids that this case is evidence for
    requires: tuple[str, ...]
    inputs: Mapping[str, Source] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    program: Callable[..., Any] | None = None
    #: names of checks, see nnspec_conformance.checks
    checks: tuple[str, ...] = ("values", "shapes", "gradients", "compiled", "purity", "repeat")
    #: values and gradients have to equal the rounded reference
    exact: bool = False
    #: inputs to differentiate; None is every floating one
    differentiate: tuple[str, ...] | None = None
    level: Level = "quick"
    #: not tried on a backend that traces, where anything new costs a compilation
    plain_only: bool = False
    dtypes: tuple[str, ...] = ("float32", "float64")
    #: the error expected, for check "errors"
    expect: Expectation | None = None
    #: the test of check "statistics": called with (backend, dtype, seed), returns a complaint or None
    judge: Callable[[Backend, str, int], str | None] | None = None
    #: of the cotangents that gradients are taken for
    cotangent_layout: Layout = "contiguous"
    #: None where it is written by hand
    derivation: Derivation | None = None
    #: the family the case is filed under; filled in by the catalogue
    family: str = ""

    @property
    def id(self) -> str:
        """ "operation/name"."""
        return f"{self.operation}/{self.name}"

    @property
    def source(self) -> Case:
        """The case whose inputs and reference it has: itself, unless derived from another without new values."""
        return self.derivation.base if self.derivation is not None and self.derivation.same_values else self

    @property
    def sharp(self) -> bool:
        """Whether the inputs are kinks, ties, specials or subnormal: there is no difference quotient there."""
        source = self.source
        return source.derivation is None and any(w in source.name for w in ("kink", "tie", "special", "subnormal"))

    def run(self, backend: Backend, **arrays: Any) -> Any:
        """The result on a backend."""
        if self.program is not None:
            # in the order in which the case names its inputs: jax.jit hands a dict on sorted by its keys
            return self.program(backend, **{name: arrays[name] for name in self.inputs})
        return getattr(backend, self.operation)(**arrays, **self.options)

    def arrays(self, dtype: str, seed: int = 0) -> dict[str, NDArray[Any]]:
        """The inputs as NumPy arrays, which cannot be written to; every one derives from a case's id."""
        return dict(self._drawn(dtype, seed))

    @functools.lru_cache(maxsize=32)  # noqa: B019 - the backends take turns over a case
    def _drawn(self, dtype: str, seed: int) -> dict[str, NDArray[Any]]:
        wide = Backend.operations()[self.operation].wide_arguments if dtype in LOW else ()
        name = self.source.id
        found = {n: s.array(seed_of(name, n, seed), WIDE if n in wide else dtype) for n, s in self.inputs.items()}
        for array in found.values():
            if isinstance(array, np.ndarray):  # and no scalar
                array.flags.writeable = False
        return found

    def is_tried_in(self, dtype: str) -> bool:
        """Whether it is a case of that dtype.

        In float16 and bfloat16 no program is tried that does arithmetic of its own: NumPy promotes bfloat16 times a
        Python number to float32, where other libraries do not.
        """
        if dtype not in LOW:
            return dtype in self.dtypes
        computes = self.program is not None and not hasattr(self.program, "only_calls") and "bits" not in self.checks
        usual = {"float32", "float64"} <= {*self.dtypes} and "trajectory" not in self.checks  # those have their own
        asked = dtype in self.dtypes or usual
        return asked and bool(self.checks_in(dtype)) and not computes and self._fits(dtype)

    def checks_in(self, dtype: str) -> tuple[str, ...]:
        """The checks that say something in that dtype: errors and repetition do not depend on it."""
        return tuple(c for c in self.checks if c in _LOW_CHECKS) if dtype in LOW else self.checks

    @functools.lru_cache(maxsize=4096)  # noqa: B019 - cases live as long as the process
    def _fits(self, dtype: str) -> bool:
        """Whether the range of a low dtype holds the inputs: no number of float32 becomes 0 or infinite."""
        wide = self.arrays("float32")
        with np.errstate(all="ignore"):
            low = {n: x.astype(np.float32) for n, x in self.arrays(dtype).items()}
        return all(
            np.array_equal(np.isfinite(low[n]), np.isfinite(x)) and np.array_equal(low[n] == 0, x == 0)
            for n, x in wide.items()
            if self.inputs[n].floating
        )

    @property
    def differentiated(self) -> tuple[str, ...]:
        """Names of the inputs whose gradients are checked."""
        if "gradients" not in self.checks:
            return ()
        if self.differentiate is not None:
            return self.differentiate
        return tuple(n for n, s in self.inputs.items() if s.floating)

    @functools.lru_cache(maxsize=4096)  # noqa: B019 - cases live as long as the process
    def digest(self, dtype: str, seed: int = 0) -> str:
        """Hash of everything that defines the case: its inputs, options and program."""
        state = hashlib.sha256(repr((self.id, dtype, sorted(self.options.items(), key=str))).encode())
        if self.derivation is not None:
            state.update(f"{self.derivation.base.digest(dtype, seed)}{self.derivation.change}".encode())
        elif self.program is not None:
            state.update(_text_of(self.program).encode())
        for name, array in self.arrays(dtype, seed).items():
            state.update(f"{name}{array.dtype}{array.shape}".encode())
            state.update(np.ascontiguousarray(array).tobytes())
        return state.hexdigest()[:16]


@functools.cache
def _lines_of(function: Callable[..., Any]) -> str:
    """The lines that a function stands on: `inspect.getsource` reads them word by word, a second a process."""
    code = inspect.unwrap(function).__code__
    last = max((end for _, end, _, _ in _positions(code) if end), default=code.co_firstlineno)
    return "".join(linecache.getlines(code.co_filename)[code.co_firstlineno - 1 : last])


def _positions(code: CodeType) -> Iterator[tuple[Any, ...]]:
    """Line and column where each instruction begins and ends, those of inner functions included."""
    yield from code.co_positions()
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _positions(inner)


def _text_of(program: Callable[..., Any]) -> str:
    """A program's source, and what it closes over or has as defaults, without addresses."""
    closed = [cell.cell_contents for cell in getattr(program, "__closure__", None) or ()]
    inner = "".join(_lines_of(x) for x in closed if inspect.isfunction(x))
    told = repr([x for x in closed if not inspect.isfunction(x)]) + repr(getattr(program, "__defaults__", None))
    return _lines_of(program) + inner + re.sub(r" at 0x[0-9a-f]+", "", told)


_P = TypeVar("_P", bound=Callable[..., Any])


def uses_up(program: _P) -> _P:
    """Mark a program that gives each of its inputs to one operation once, so that they may be donated."""
    program.uses_up = True  # type: ignore[attr-defined]
    return program


def only_calls(program: _P) -> _P:
    """Mark a program that puts arguments together and calls operations, without arithmetic of its own."""
    program.only_calls = True  # type: ignore[attr-defined]
    return program


def cases(operation: str, named: Mapping[str, Mapping[str, Any]], **common: Any) -> list[Case]:
    """Several cases of one operation: name -> what differs, over what they have in common."""
    return [Case(operation=operation, name=name, **{**common, **own}) for name, own in named.items()]


def regimes(
    operation: str,
    requires: tuple[str, ...],
    shape: Sequence[int] = (7, 33),
    only: Iterable[str] = REGIMES,
    **common: Any,
) -> list[Case]:
    """An operation of one array `x`, in several regimes of its values."""
    return [
        Case(
            operation=operation,
            name=name,
            requires=requires,
            inputs={"x": normal(*shape, mean=REGIMES[name][0], std=REGIMES[name][1])},
            **common,
        )
        for name in only
    ]


def error_case(
    operation: str,
    name: str,
    requires: tuple[str, ...],
    program: Callable[..., Any],
    error: type[NnspecError],
    *words: str,
    inputs: Mapping[str, Source] | None = None,
) -> Case:
    """A bad call: `program(backend, **inputs)` has to raise `error` with every one of `words` in its message."""
    return Case(
        operation=operation,
        name=f"error-{name}",
        requires=requires,
        inputs=inputs or {},
        program=program,
        checks=("errors",),
        dtypes=("float32",),
        expect=Expectation(error, words),
    )
