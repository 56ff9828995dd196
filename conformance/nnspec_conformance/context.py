"""What the checks of one case on one backend share: inputs, reference, and the backend's results."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import optree
from numpy.typing import NDArray

from nnspec import Backend
from nnspec.reference import Analysis, Expected, Margin, Program, analyse, crosscheck, margin
from nnspec.results import Verdict
from nnspec_conformance.case import Case, Source, seed_of

__all__ = ["Blocked", "Context", "Outcome", "worse", "worst_margin"]


@dataclass(frozen=True)
class Outcome:
    """What a check found; the record adds who and where."""

    verdict: Verdict
    message: str = ""
    margin: Margin | None = None
    #: curves and other by-products, as records
    records: tuple[Any, ...] = ()


class Blocked(Exception):
    """A check cannot say anything because an earlier one already failed to produce what it needs."""


@functools.lru_cache(maxsize=64)
def _analysis(case: Case, dtype: str, seed: int) -> Analysis:
    return _analyse(case, dtype, seed)


def _analyse(case: Case, dtype: str, seed: int) -> Analysis:
    inputs = case.arrays(dtype, seed)
    names = case.differentiated
    analysis = analyse(
        case.run, inputs, dtype=dtype, differentiate=names, seed=seed_of(case.id, "noise", seed)
    )
    if names and not case.sharp:
        crosscheck(case.run, inputs, analysis, seed=seed_of(case.id, "direction", seed))
    return analysis


class Context:
    """One case on one backend, in one dtype.

    Args:
        backend: under test.
        case: what to try.
        dtype: of the floating inputs.
        seed: 0 for the released inputs; others draw the same case afresh.
    """

    def __init__(self, backend: Backend, case: Case, dtype: str, seed: int = 0) -> None:
        self.backend = backend
        self.case = case
        self.dtype = dtype
        self.seed = seed

    @functools.cached_property
    def numpy_inputs(self) -> dict[str, NDArray[Any]]:
        return self.case.arrays(self.dtype, self.seed)

    @functools.cached_property
    def inputs(self) -> dict[str, Any]:
        """The inputs as the backend's arrays."""
        sources: Mapping[str, Source] = self.case.inputs
        return {n: _placed(self.backend, x, sources[n]) for n, x in self.numpy_inputs.items()}

    @property
    def exact(self) -> bool:
        """Whether the result only selects or rearranges, so that it has to be equal to the bit."""
        return self.case.exact or self.backend.operations()[self.case.operation].exact

    @property
    def analysis(self) -> Analysis:
        """The reference and its units; the same object for every backend in this process."""
        return _analysis(self.case, self.dtype, self.seed)

    def call(self) -> Any:
        """The result, eagerly."""
        with np.errstate(all="ignore"):
            return self.case.run(self.backend, **self.inputs)

    @functools.cached_property
    def _eager(self) -> tuple[Any, Exception | None]:
        try:
            return self.call(), None
        except Exception as error:
            return None, error

    @property
    def outputs(self) -> Any:
        """The eager result, computed once; raises what the call raised."""
        result, error = self._eager
        if error is not None:
            raise error
        return result

    def leaves(self, check: str) -> list[Any]:
        """Leaves of the eager result; `Blocked` for every check but the first if there is none."""
        if self._eager[1] is not None and check != self.case.checks[0]:
            raise Blocked(f"{self.case.checks[0]}: the call raised {self._eager[1]!r:.200}")
        return list(optree.tree_leaves(self.outputs))

    @functools.cached_property
    def pulled(self) -> tuple[list[Any], dict[str, Any]]:
        """Leaves of the result and gradients by input, for the analysis' cotangents; traced where the backend traces."""
        names = self.case.differentiated
        constants = {n: x for n, x in self.inputs.items() if n not in names}
        given = [
            c if c is None else self.backend.asarray(c, dtype=self.dtype) for c in self.analysis.cotangents
        ]

        def differentiate(variables: dict[str, Any], rest: dict[str, Any], weights: list[Any]) -> Any:
            def floating_leaves(moving: dict[str, Any]) -> list[Any]:
                result = optree.tree_leaves(self.case.run(self.backend, **{**rest, **moving}))
                return [leaf for leaf, c in zip(result, given, strict=True) if c is not None]

            outputs, pull = self.backend.vjp(floating_leaves, variables)
            return outputs, pull(weights)[0]

        function: Callable[..., Any] = (
            self.backend.compile(differentiate) if self.backend.traced else differentiate
        )
        with np.errstate(all="ignore"):
            outputs, gradients = function(
                {n: self.inputs[n] for n in names}, constants, [c for c in given if c is not None]
            )
        return outputs, gradients


def _placed(backend: Backend, x: NDArray[Any], source: Source) -> Any:
    """The input on the backend, in the layout asked for (the same values either way)."""
    dtype = str(x.dtype)
    if source.layout == "transposed" and x.ndim >= 2:
        axes = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
        turned = backend.asarray(np.ascontiguousarray(x.transpose(axes)), dtype=dtype)
        return backend.xp.permute_dims(turned, axes)
    if source.layout == "strided" and x.ndim >= 1:
        spread = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        spread[..., ::2] = x
        return backend.asarray(spread, dtype=dtype)[..., ::2]
    return backend.asarray(x, dtype=dtype)


def worse(a: Margin | None, b: Margin) -> Margin:
    """The larger of two margins."""
    return b if a is None or b.margin > a.margin else a


def worst_margin(
    got: list[tuple[str, NDArray[Any]]],
    expected: list[Expected],
    flushed: list[Expected] | None,
    dtype: str,
    *,
    exact: bool,
) -> tuple[str, Margin | None]:
    """The worst margin of several arrays, and the name of the array it is in.

    A subnormal input may count as 0: where there are any, the better of two references decides.
    """
    found: tuple[str, Margin | None] = ("", None)
    for i, ((name, array), wanted) in enumerate(zip(got, expected, strict=True)):
        here = margin(array, wanted, dtype, exact=exact)
        if flushed is not None:
            here = min(here, margin(array, flushed[i], dtype, exact=exact), key=lambda m: m.margin)
        if found[1] is None or here.margin > found[1].margin:
            found = (name, here)
    return found


__all__ += ["Program"]
