"""A candidate for the script: a case as plain arrays and options, and whether it fails as the original did."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec import Backend
from nnspec._low_precision import is_floating_dtype
from nnspec.errors import UnsupportedOperationError
from nnspec.reference import Analysis, Expected, SuiteError, analyse
from nnspec_conformance import limits
from nnspec_conformance.case import Case, Source, seed_of
from nnspec_conformance.checks import CHECKS
from nnspec_conformance.context import Context, Outcome
from nnspec_conformance.layouts import Layout
from nnspec_conformance.regimes._calls import adjusted

__all__ = ["Candidate", "Trials", "Tried"]

#: a shrunk failure stays so many times beyond the limit, or where it was: what is at the limit may vary
_CLEARLY = 4


@dataclass(frozen=True, eq=False)
class Candidate:
    """A case whose inputs are given, in one dtype."""

    case: Case
    dtype: str
    seed: int
    arrays: Mapping[str, NDArray[Any]]
    layouts: Mapping[str, Layout]
    cotangent_layout: Layout
    differentiate: tuple[str, ...]
    #: of the call where the case is one; else options of all calls that the program makes of the operation
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, case: Case, dtype: str, seed: int) -> Candidate:
        """The case itself."""
        return cls(
            case,
            dtype,
            seed,
            case.arrays(dtype, seed),
            {n: s.layout for n, s in case.inputs.items() if s.layout != "contiguous"},
            case.cotangent_layout,
            case.differentiated,
            dict(case.options) if case.program is None else {},
        )

    @functools.cached_property
    def made(self) -> Case:
        """A case with these inputs and options."""
        case = self.case
        return replace(
            case,
            inputs={n: _given(x, self.layouts.get(n, "contiguous")) for n, x in self.arrays.items()},
            options=self.options if case.program is None else case.options,
            program=case.program and _program(case.program, case.operation, self.options),
            differentiate=self.differentiate,
            cotangent_layout=self.cotangent_layout,
        )


def _given(x: NDArray[Any], layout: Layout) -> Source:
    return Source(lambda _: x, floating=is_floating_dtype(x.dtype), layout=layout)


def _program(program: Callable[..., Any], operation: str, options: Mapping[str, Any]) -> Callable[..., Any]:
    if not options:
        return program
    return lambda backend, **arrays: program(adjusted(backend, operation, options), **arrays)


class _Context(Context):
    """A context whose reference is computed here and now."""

    @functools.cached_property
    def analysis(self) -> Analysis:
        case, noise = self.case, seed_of(self.case.source.id, "noise", self.seed)
        return analyse(case.run, self.numpy_inputs, dtype=self.dtype, differentiate=case.differentiated, seed=noise)


@dataclass(frozen=True, eq=False)
class Tried:
    """A candidate that was judged."""

    candidate: Candidate
    context: Context
    outcome: Outcome

    @property
    def failed(self) -> bool:
        return self.outcome.verdict in ("fail", "error", "unsupported")


class Trials:
    """Judges candidates by one check on one backend.

    Args:
        backend: a class.
        device: where.
        check: name of the check.
    """

    def __init__(self, backend: type[Backend], device: str | None, check: str) -> None:
        self._class, self._device, self.check = backend, device, check
        self._backends: dict[str, Backend] = {}
        self._original: Tried | None = None
        self._sound: type[Backend] | None = None

    def offers(self, dtype: str) -> bool:
        return dtype in self._class.dtypes

    def backend(self, dtype: str) -> Backend:
        if dtype not in self._backends:
            self._backends[dtype] = _quietly(lambda: self._class(device=self._device, dtype=dtype))
        return self._backends[dtype]

    def start(self, candidate: Candidate, sound: type[Backend]) -> Tried:
        """Judge the case itself; what fails from now on has to fail like it, and to pass on a sound backend."""
        self._original = tried = self._judged(self.backend(candidate.dtype), candidate)
        if tried.failed and not self._judged(sound(dtype=candidate.dtype), candidate).failed:
            self._sound = sound
        return tried

    def fails_alike(self, candidate: Candidate) -> Tried | None:
        """The candidate if it is a valid case that fails as the original did."""
        original = self._original
        assert original is not None
        try:
            tried = self._judged(self.backend(candidate.dtype), candidate)
            alike = tried.failed and _alike(tried, original) and _well_defined(tried, original)
            sound = self._sound
            if alike and sound is not None and self._judged(sound(dtype=candidate.dtype), candidate).failed:
                return None
        except Exception:  # the change makes no case, or none that the reference has an answer to
            return None
        return tried if alike else None

    def _judged(self, backend: Backend, candidate: Candidate) -> Tried:
        context = _Context(backend, candidate.made, candidate.dtype, candidate.seed)
        if self.check != "errors":
            _quietly(lambda: context.analysis)
        return Tried(candidate, context, _quietly(lambda: _outcome(context, self.check)))


def _outcome(context: Context, check: str) -> Outcome:
    try:
        if check == "purity" and context.case.differentiated:
            context.pulled  # noqa: B018 - the check looks at what earlier ones did
        return CHECKS[check](context)
    except SuiteError:
        raise
    except UnsupportedOperationError as error:
        return Outcome("unsupported", str(error))
    except Exception as error:
        return Outcome("error", f"{type(error).__name__}: {error}"[:2000])


def _quietly(compute: Callable[[], Any]) -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return compute()


def _alike(tried: Tried, original: Tried) -> bool:
    mine, first = tried.outcome, original.outcome
    if mine.verdict != first.verdict or (mine.margin is None) != (first.margin is None):
        return False
    if mine.verdict == "error":
        return mine.message.partition(":")[0] == first.message.partition(":")[0]
    if mine.margin is None or first.margin is None:
        return True
    if math.isfinite(mine.margin.got) != math.isfinite(first.margin.got):
        return False
    return mine.margin.margin >= min(first.margin.margin, _CLEARLY * max(limits.VALUES, limits.GRADIENTS))


def _well_defined(tried: Tried, original: Tried) -> bool:
    """Whether all that is expected is a number within range, unless that was not so from the beginning."""
    if tried.context.case.expect is not None:
        return True
    return _is_plain(tried.context.analysis) or not _is_plain(original.context.analysis)


def _is_plain(found: Analysis) -> bool:
    return all(map(_finite, [*found.values, *found.gradients.values()])) and found.flushed is None


def _finite(expected: Expected) -> bool:
    escaped = expected.escaped is not None and bool(np.any(expected.escaped))
    return not escaped and (expected.value.dtype.kind != "f" or bool(np.all(np.isfinite(expected.value))))
