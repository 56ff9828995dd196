"""The case with an option ignored, an input left out or two inputs exchanged: what would then be expected."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from nnspec import Backend
from nnspec.reference import Expected, analyse
from nnspec_conformance.case import Case, seed_of
from nnspec_conformance.explain._evidence import Hypothesis, picked
from nnspec_conformance.regimes._calls import adjusted
from nnspec_conformance.regimes._corpus import options_seen

__all__ = ["hypotheses"]

#: options that are no choice of the mathematics
_FIXED = ("dtype", "key")
#: entries of all inputs together, above which nothing is computed again
_MOST = 4000


def hypotheses(case: Case, dtype: str, seed: int, name: str) -> tuple[Hypothesis, ...]:
    """What may have been ignored or exchanged, and what would then be expected of the array of that name."""
    if sum(x.size for x in case.arrays(dtype, seed).values()) > _MOST or "law" in case.options:
        return ()
    return tuple(_all(case, dtype, seed, name))


def _all(case: Case, dtype: str, seed: int, name: str) -> Iterator[Hypothesis]:
    parameters = Backend.operations()[case.operation].signature.parameters
    expected = functools.partial(_expected, case, dtype, seed, name)
    for option, value in options_seen(case).items():
        if option not in parameters or option in case.inputs or option in _FIXED:
            continue
        default = parameters[option].default
        others = [] if default is inspect.Parameter.empty or repr(default) == repr(value) else [default]
        others += [not value] if isinstance(value, bool) and default is inspect.Parameter.empty else []
        for other in others:
            words = f"as if the option {option}={value!r} were ignored: this is the result of {option}={other!r}"
            yield words, functools.partial(expected, options={option: other})
    if case.program is not None:
        return
    arrays = case.arrays(dtype, seed)
    for given in arrays:
        if parameters[given].default is None and name != f"gradient of {given}":
            yield f"as if the input {given} were ignored", functools.partial(expected, without=given)
    for a, b in itertools.combinations(arrays, 2):
        if arrays[a].shape == arrays[b].shape and arrays[a].dtype == arrays[b].dtype:
            yield f"as if the inputs {a} and {b} were exchanged", functools.partial(expected, exchange=(a, b))


def _expected(
    case: Case,
    dtype: str,
    seed: int,
    name: str,
    *,
    options: dict[str, Any] | None = None,
    without: str = "",
    exchange: tuple[str, str] | None = None,
) -> Expected:
    arrays = {n: x for n, x in case.arrays(dtype, seed).items() if n != without}
    run = _changed(case, options or {}, exchange)
    names = tuple(n for n in case.differentiated if n in arrays) if name.startswith("gradient") else ()
    noise = seed_of(case.source.id, "noise", seed)
    return picked(analyse(run, arrays, dtype=dtype, differentiate=names, seed=noise), name)


def _changed(case: Case, options: dict[str, Any], exchange: tuple[str, str] | None) -> Callable[..., Any]:
    def run(backend: Any, **arrays: Any) -> Any:
        if exchange is not None:
            a, b = exchange
            arrays = {**arrays, a: arrays[b], b: arrays[a]}
        return case.run(adjusted(backend, case.operation, options), **arrays)

    return run
