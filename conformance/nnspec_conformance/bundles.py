"""Bundles: the cases of an operation, or of a family, compiled together, on a backend that traces.

XLA takes some 40 ms to compile anything at all, so one function a case would spend most of a run there. Cases that
differ in the values of their inputs alone share an entry of a bundle; the other entries run once more meanwhile.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from nnspec import Backend
from nnspec_conformance.case import Case

if TYPE_CHECKING:
    from nnspec_conformance.context import Context

__all__ = ["Bundles", "bundled", "group_of"]

#: entries compiled together: XLA's time and memory grow faster than their number
_MOST = 8

#: floating leaves of a result, and gradients by input
Pulled = tuple[list[Any], dict[str, Any]]


def group_of(case: Case, dtype: str, seed: int = 0) -> Hashable:
    """What cases have to agree in to share an entry: everything but the values of their inputs."""
    shapes = tuple((name, x.shape, str(x.dtype)) for name, x in case.arrays(dtype, seed).items())
    return case.operation, repr(sorted(case.options.items(), key=str)), case.program, case.differentiated, shapes


class _Bundle:
    """Some groups of cases in one compiled function; if any of them cannot be compiled, all go alone."""

    def __init__(self, backend: Backend, groups: list[list[Context]]) -> None:
        self._groups = [ready for group in groups if (ready := [c for c in group if _is_ready(c)])]
        first = [group[0].traced_program for group in self._groups]
        self._function = backend.compile(lambda entries: [f(*e) for f, e in zip(first, entries, strict=True)])
        #: results by case id, one list a run of the whole bundle
        self._runs: list[dict[str, Pulled]] = []
        self._taken: dict[str, int] = {}
        self._broken = len(self._groups) < 2

    def result(self, case: Case) -> Pulled | None:
        """The next result of a case; None if it has to be run alone."""
        run = self._taken.get(case.id, 0)
        if run == len(self._runs) and not self._broken:
            self._execute()
        if self._broken:
            return None
        self._taken[case.id] = run + 1
        return self._runs[run].get(case.id)

    def _execute(self) -> None:
        found: dict[str, Pulled] = {}
        try:
            for turn in range(max(map(len, self._groups))):
                members = [group[turn % len(group)] for group in self._groups]
                results = self._function([member.traced_arguments for member in members])
                found |= {member.case.id: result for member, result in zip(members, results, strict=True)}
        except Exception:  # whose fault it is shows when each is run alone
            self._broken = True
        except BaseException:  # it took too long: the case whose turn it was is blamed, and only that one
            self._broken = True
            raise
        self._runs.append(found)


def _is_ready(context: Context) -> bool:
    """Whether a case can join; one that cannot even be prepared says why when its turn comes."""
    try:
        return context.traces and bool(context.traced_arguments)
    except Exception:
        return False


class Bundles:
    """The cases of one operation or family in one dtype on one backend.

    Args:
        backend: one that traces.
        contexts: of the cases that will be asked for.
    """

    def __init__(self, backend: Backend, contexts: Sequence[Context]) -> None:
        self._backend = backend
        groups: dict[Hashable, list[Context]] = {}
        for context in contexts:
            groups.setdefault(group_of(context.case, context.dtype, context.seed), []).append(context)
        self._chunks = [list(groups.values())[i : i + _MOST] for i in range(0, len(groups), _MOST)]
        self._made: dict[int, _Bundle] = {}

    def result(self, case: Case) -> Pulled | None:
        """The next result of a case; None if it has to be run alone."""
        for number, groups in enumerate(self._chunks):
            if any(context.case is case for group in groups for context in group):
                if number not in self._made:
                    self._made[number] = _Bundle(self._backend, groups)
                return self._made[number].result(case)
        return None


def bundled(backend: Backend, contexts: Sequence[Context]) -> dict[str, Context]:
    """Contexts by case id, those of cases that can be compiled sharing compilations."""
    joined = [context for context in contexts if "compiled" in context.case.checks]
    if len(joined) > 1:
        bundles = Bundles(backend, joined)
        for context in joined:
            context.bundles = bundles
    return {context.case.id: context for context in contexts}
