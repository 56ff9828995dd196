"""What the checks of one case on one backend share: inputs, reference, and the backend's results."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import optree
from numpy.typing import NDArray

from nnspec import Backend
from nnspec.margins import Analysis, Expected, Margin, worst_margin
from nnspec.results import Verdict
from nnspec_conformance.bundles import Bundles
from nnspec_conformance.canaries import Canaries
from nnspec_conformance.case import Case, Source
from nnspec_conformance.explain import Evidence
from nnspec_conformance.explain._hypotheses import hypotheses
from nnspec_conformance.layouts import Layout, placed
from nnspec_conformance.references import analysis

__all__ = ["BlockedError", "Context", "Outcome", "worst_margin"]


@dataclass(frozen=True)
class Outcome:
    """What a check found; the record adds who and where."""

    verdict: Verdict
    message: str = ""
    margin: Margin | None = None
    #: the array that is wrong and what is known of it, if an array is
    evidence: Callable[[], Evidence] | None = None
    #: curves and other by-products, as records
    records: tuple[Any, ...] = ()


#: the operation that a backend is at, and its compiled functions by what distinguishes them: all of a run take 2 GiB
_COMPILED: weakref.WeakKeyDictionary[Backend, tuple[str, dict[Any, Callable[..., Any]]]] = weakref.WeakKeyDictionary()


class BlockedError(Exception):
    """A check cannot say anything because an earlier one already failed to produce what it needs."""


def _restricted(whole: Analysis, names: tuple[str, ...]) -> Analysis:
    """The same reference where fewer inputs require a gradient."""
    gradients = {name: whole.gradients[name] for name in names}
    return replace(whole, gradients=gradients, flushed=whole.flushed and _restricted(whole.flushed, names))


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
        #: the compilations it shares with other cases
        self.bundles: Bundles | None = None

    @functools.cached_property
    def numpy_inputs(self) -> dict[str, NDArray[Any]]:
        return self.case.arrays(self.dtype, self.seed)

    @functools.cached_property
    def inputs(self) -> dict[str, Any]:
        """The inputs as the backend's arrays."""
        sources: Mapping[str, Source] = self.case.inputs
        return {n: self._placed(n, x, sources[n].layout) for n, x in self.numpy_inputs.items()}

    @functools.cached_property
    def canaries(self) -> Canaries:
        """What the inputs were laid down in."""
        return Canaries(self.backend)

    def _placed(self, name: str, x: NDArray[Any], layout: Layout) -> Any:
        return placed(self.backend, x, layout, lambda contiguous: self.canaries.put(name, contiguous))

    @property
    def exact(self) -> bool:
        """Whether the result only selects or rearranges, so that it has to be equal to the bit."""
        derivation = self.case.derivation
        selects = self.case.exact or self.backend.operations()[self.case.operation].exact
        return selects and not (derivation is not None and derivation.computes)

    @property
    def analysis(self) -> Analysis:
        """The reference and its units; the same object for every backend in this process."""
        whole, names = analysis(self.case.source, self.dtype, self.seed), self.case.differentiated
        return whole if names == tuple(whole.gradients) else _restricted(whole, names)

    @property
    def traces(self) -> bool:
        """Whether values come from a compiled function, together with the gradients if there are any."""
        if not self.backend.traced or "compiled" not in self.case.checks:
            return False
        return not self.case.differentiated or all(c is not None for c in self.analysis.cotangents)

    def evidence(
        self, name: str, got: Sequence[tuple[str, Any]], expected: Sequence[Expected], limit: float
    ) -> Callable[[], Evidence]:
        """Of the array of that name among those that came."""

        def made() -> Evidence:
            wanted = {n: e for (n, _), e in zip(got, expected, strict=True)}
            return Evidence.of(
                name,
                list(got),
                wanted,
                dtype=self.dtype,
                limit=limit,
                inputs=self.numpy_inputs,
                hypotheses=hypotheses(self.case, self.dtype, self.seed, name),
            )

        return made

    def call(self) -> Any:
        """The result, computed anew: eagerly, or compiled where the backend traces."""
        return self._pull()[0] if self.traces else self.eager()

    def _program(self, arrays: dict[str, Any]) -> Any:
        return self.case.run(self.backend, **arrays)

    def eager(self) -> Any:
        """The result of plain calls."""
        with np.errstate(all="ignore"):
            return self.case.run(self.backend, **self.inputs)

    def donated(self) -> Any:
        """The result of the case compiled so that it may overwrite its inputs, which are fresh."""
        sources = self.case.inputs
        fresh = {
            n: placed(self.backend, x, sources[n].layout, lambda y: self.backend.asarray(y, dtype=str(y.dtype)))
            for n, x in self.numpy_inputs.items()
        }
        return self.backend.compile(self._program, donate=(0,))(fresh)

    def compiled(self) -> Callable[[dict[str, Any]], Any]:
        """The case as a compiled function of its inputs."""
        return self._compiled("run", self._program)

    def _compiled(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The compiled function, one for all cases that differ in their inputs alone: compiling is what costs."""
        case = self.case
        if _COMPILED.setdefault(self.backend, ("", {}))[0] != case.operation:
            _COMPILED[self.backend] = (case.operation, {})
        made = _COMPILED[self.backend][1]
        key = (kind, repr(sorted(case.options.items())), case.differentiated, tuple(case.inputs), case.program)
        if key not in made:
            made[key] = self.backend.compile(function)
        return made[key]

    @functools.cached_property
    def _first(self) -> tuple[Any, Exception | None]:
        try:
            return (self.pulled[0] if self.traces else self.eager()), None
        except Exception as error:
            return None, error

    @property
    def outputs(self) -> Any:
        """The result, computed once; raises what the call raised."""
        result, error = self._first
        if error is not None:
            raise error
        return result

    def leaves(self, check: str) -> list[Any]:
        """Leaves of the result; `BlockedError` for every check but the first if there is none."""
        if self._first[1] is not None and check != self.case.checks[0]:
            raise BlockedError(f"{self.case.checks[0]}: the call raised {self._first[1]!r:.200}")
        return list(optree.tree_leaves(self.outputs))

    @functools.cached_property
    def pulled(self) -> tuple[list[Any], dict[str, Any]]:
        """Leaves of the result, and gradients by input for the analysis' cotangents: then floating leaves only."""
        return self._pull()

    def _pull(self) -> tuple[list[Any], dict[str, Any]]:
        shared = self.bundles.result(self.case) if self.bundles is not None and self.traces else None
        if shared is not None:
            return shared
        function = self.traced_program
        if self.backend.judged_compiled:
            function = self._compiled("differentiate", function)
        with np.errstate(all="ignore"):
            outputs, gradients = function(*self.traced_arguments)
        return outputs, gradients

    @property
    def traced_program(self) -> Callable[..., tuple[list[Any], dict[str, Any]]]:
        """Of `traced_arguments`: what `pulled` is made by."""
        return self._differentiate if self.case.differentiated else self._leaves_alone

    @functools.cached_property
    def traced_arguments(self) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
        """Inputs to differentiate, the other inputs, and cotangents."""
        names = self.case.differentiated
        variables = {n: self.inputs[n] for n in names}
        constants = {n: x for n, x in self.inputs.items() if n not in names}
        cotangents = self.analysis.cotangents if names else []
        given = [(f"cotangent {i}", c) for i, c in enumerate(cotangents) if c is not None]
        weights = [self._placed(name, c, self.case.cotangent_layout) for name, c in given]
        return variables, constants, weights

    def _leaves_alone(self, _: dict[str, Any], constants: dict[str, Any], __: list[Any]) -> Any:
        return list(optree.tree_leaves(self.case.run(self.backend, **constants))), {}

    def _differentiate(self, variables: dict[str, Any], constants: dict[str, Any], weights: list[Any]) -> Any:
        backend = self.backend

        def floating_leaves(moving: dict[str, Any]) -> list[Any]:
            leaves = optree.tree_leaves(self.case.run(backend, **constants, **moving))
            return [leaf for leaf in leaves if backend.is_floating(leaf)]

        outputs, pull = backend.vjp(floating_leaves, variables)
        return outputs, pull(weights)[0]
