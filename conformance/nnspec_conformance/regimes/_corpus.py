"""What the hand-written cases of an operation are and try: the corpus that regimes and drawing start from."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nnspec import Backend
from nnspec.plugins import get_backend
from nnspec_conformance.case import Case
from nnspec_conformance.catalogue import all_cases
from nnspec_conformance.regimes._calls import Intercepting

__all__ = ["bases", "is_pure", "options_seen", "shapes_of", "values_seen", "written"]

#: elements of all inputs together, above which a case is no base
_LARGE = 3000
#: options that say what a case says itself
_FIXED = ("dtype",)


@functools.cache
def written(operation: str) -> tuple[Case, ...]:
    """The hand-written cases of an operation that return something: no errors, no statistics, no whole trainings."""
    return tuple(
        c
        for c in all_cases()
        if c.operation == operation and c.expect is None and c.judge is None and {"values", "bits"} & {*c.checks}
    )


@functools.cache
def shapes_of(case: Case) -> Mapping[str, tuple[int, ...]]:
    """Shapes of the inputs."""
    return {name: x.shape for name, x in case.arrays(case.dtypes[0]).items()}


@functools.cache
def bases(operation: str) -> tuple[Case, ...]:
    """Cases to derive from, the most telling first: derivatives, no special values, many inputs, few elements."""
    small = [c for c in written(operation) if _size(c) <= _LARGE]

    def worth(case: Case) -> tuple[Any, ...]:
        calls_more = case.program is not None and not hasattr(case.program, "only_calls")
        many = sum(bool(shape) and 0 not in shape for shape in shapes_of(case).values())
        return (case.sharp, not case.differentiated, calls_more, _trivial(case), -many, -len(case.options), _size(case))

    return tuple(sorted(small, key=worth))


def _trivial(case: Case) -> bool:
    """Whether a short axis or an option that switches something off may hide what goes wrong."""
    short = any(n < 2 for shape in shapes_of(case).values() for n in shape)
    return short or any(v in (0, 1) for v in case.options.values() if isinstance(v, (int, float)))


def _size(case: Case) -> int:
    return sum(math.prod(shape) for shape in shapes_of(case).values())


@functools.cache
def options_seen(case: Case) -> Mapping[str, Any]:
    """The options that a case's first call of its operation is given, in `options` or by its program."""
    if case.program is None:
        return case.options
    found: list[Mapping[str, Any]] = []
    signature = Backend.operations()[case.operation].signature
    backend = get_backend("numpy", dtype=case.dtypes[0])

    def watch(inner: Any, *args: Any, **kwargs: Any) -> Any:
        found.append(signature.bind(None, *args, **kwargs).arguments)
        return inner(*args, **kwargs)

    arrays = {n: backend.asarray(x, dtype=str(x.dtype)) for n, x in case.arrays(case.dtypes[0]).items()}
    with np.errstate(all="ignore"):
        case.program(Intercepting(backend, case.operation, watch), **arrays)
    return {name: value for name, value in (found or [{}])[0].items() if name != "self" and is_pure(value)}


@functools.cache
def values_seen(operation: str) -> Mapping[str, tuple[Any, ...]]:
    """For every option of an operation the values that its cases give it, and its default."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in _given(operation):
        if is_pure(value):
            found.setdefault(name, {})[json.dumps(value)] = value
    return {name: tuple(values[text] for text in sorted(values)) for name, values in sorted(found.items())}


def _given(operation: str) -> Iterator[tuple[str, Any]]:
    parameters = Backend.operations()[operation].signature.parameters
    options = {p.name: p.default for p in parameters.values() if p.kind is p.KEYWORD_ONLY and p.name not in _FIXED}
    yield from ((name, default) for name, default in options.items() if default is not None)
    for case in written(operation):
        yield from ((name, value) for name, value in options_seen(case).items() if name in options)


def is_pure(value: Any) -> bool:
    """Whether JSON can hold it: numbers, texts, truth values, and tuples of them."""
    if isinstance(value, tuple):
        return all(map(is_pure, value))
    return value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value))
