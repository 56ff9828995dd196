"""`NumpyBackend.compile`: functions that are run, recorded, and from then on replayed."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from nnspec_backends._closures import closed_over, is_unchanged
from nnspec_backends._plans import Entries, Entry, donated_leaves, is_the_same, signature_of
from nnspec_backends.numpy._donation import donation
from nnspec_backends.numpy._plan._bound import Bound
from nnspec_backends.numpy._plan._program import Program
from nnspec_backends.numpy._plan._recorder import Recorder, Traced, UnplannableError
from nnspec_backends.numpy._plan._shortcut import Shortcut, shortcut
from nnspec_backends.numpy._plan._traced import BranchError

__all__ = ["Compiled"]

#: sets of donated arrays that a plan keeps buffers for
_HOMES = 4


def _signature(leaves: Sequence[Any], spec: Any) -> Any:
    if any(_is_array(leaf) and not _is_plannable(leaf) for leaf in leaves):
        return None
    return signature_of(leaves, spec, lambda x: (type(x), x.shape, x.dtype) if _is_array(x) else None)


def _is_array(leaf: Any) -> bool:
    return type(leaf) is np.ndarray or isinstance(leaf, np.generic)


def _is_plannable(array: Any) -> bool:
    return array.dtype.kind in "fiub" and array.flags.c_contiguous


class _Plan:
    """A program, and buffers for it."""

    def __init__(self, program: Program, spec: Any, leaves: Sequence[Any], guards: Any) -> None:
        program.forget()
        self.spec = spec
        self._program = program
        self._guards = guards
        self._static = [(i, leaf) for i, leaf in enumerate(leaves) if i not in program.inputs]
        self._workspace: dict[Any, Any] = {}
        self._bound: list[Bound] = []
        #: for a call with what the last one returned
        self.shortcut: Shortcut | None = None

    def fits(self, leaves: Sequence[Any]) -> bool:
        """Whether all that is no array is as it was recorded."""
        for i, value in self._static:
            if not is_the_same(leaves[i], value):
                return False
        return is_unchanged(self._guards)

    def holds(self) -> bool:
        """Whether what the function closes over is as it was."""
        return is_unchanged(self._guards)

    def ready(self, leaves: Sequence[Any]) -> Bound | None:
        """Buffers that hold the inputs; None where an input is not as it was recorded."""
        for i, bound in enumerate(self._bound):
            if bound.knows(leaves):
                if i:
                    self._bound.insert(0, self._bound.pop(i))
                return bound if bound.take(leaves) else None
        return None

    def prepared(self, leaves: Sequence[Any]) -> Bound:
        """As `ready`, for arrays of any origin that fit."""
        if self._bound and self._bound[0].settle(leaves):
            bound = self._bound[0]
        else:
            bound = Bound(self._program, self._workspace)
            bound.fill(leaves)
            self._bound = [bound, *self._bound[: _HOMES - 1]]
        bound.take(leaves)
        return bound


def plan_mode() -> str:
    """ "never", "always" (at the first call), or anything else: once two calls did the same."""
    return os.environ.get("NNSPEC_NUMPY_PLAN", "")


class Compiled:
    """A function that is replayed where it can be.

    The first call of a signature (structure, shapes, dtypes, and values that are no arrays) runs the function as
    it is; two more record what it does with its arrays, and if they did the same, later calls repeat that. Whatever
    cannot be recorded is run as it is. A call while another one is replayed is run as it is too.

    Args:
        function: of pytrees of arrays.
        donate: positions of arguments whose buffers may be used for results.
    """

    def __init__(self, function: Callable[..., Any], donate: Sequence[int]) -> None:
        functools.update_wrapper(self, function, updated=())
        self._function = function
        self._donate = tuple(donate)
        mode = plan_mode()
        self._never, self._always = mode == "never", mode == "always"
        self._lock = threading.Lock()
        self._entries: Entries[_Plan] = Entries()
        self._recent: _Plan | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._never or not self._lock.acquire(blocking=False):
            return self._eagerly(args, kwargs)
        try:
            plan = self._recent
            short = None if plan is None or kwargs else plan.shortcut
            if short is not None and plan.holds() and short.takes(args):  # type: ignore[union-attr]
                return short.bound.run(())
            return self._flattened(args, kwargs)
        finally:
            self._lock.release()

    def _flattened(self, args: Any, kwargs: Any) -> Any:
        tree: Any = (args, kwargs)
        leaves, spec = optree.tree_flatten(tree)
        plan = self._recent
        if plan is None or plan.spec != spec or not plan.fits(leaves):
            return self._slowly(leaves, spec, args, kwargs)
        bound = plan.ready(leaves)
        if bound is None:
            return self._slowly(leaves, spec, args, kwargs)
        result = bound.run(leaves)
        plan.shortcut = shortcut(bound, args) if bound.held and not kwargs else None
        return result

    @property
    def refusals(self) -> list[str]:
        """Why signatures have no plan."""
        return self._entries.refusals

    @property
    def plans(self) -> int:
        """How many signatures have one."""
        return self._entries.plans

    def _eagerly(self, args: Any, kwargs: Any) -> Any:
        if not self._donate:
            return self._function(*args, **kwargs)
        with donation(args, kwargs, self._donate) as given:
            return self._function(*given, **kwargs)

    def _slowly(self, leaves: Sequence[Any], spec: Any, args: Any, kwargs: Any) -> Any:
        signature = _signature(leaves, spec)
        if signature is None:
            return self._eagerly(args, kwargs)
        entry = self._entries.of(signature)
        if entry.plan is not None:
            if entry.plan.fits(leaves):
                self._recent = entry.plan
                return (entry.plan.ready(leaves) or entry.plan.prepared(leaves)).run(leaves)
            entry.changed()
        if entry.refused is not None or (entry.runs == 0 and not self._always):
            entry.runs += 1
            return self._eagerly(args, kwargs)
        return self._recorded(entry, leaves, spec, args, kwargs)

    def _recorded(self, entry: Entry[_Plan], leaves: Sequence[Any], spec: Any, args: Any, kwargs: Any) -> Any:
        """The results of a run that is recorded."""
        if entry.first is None:
            entry.guards = list(closed_over(self._function))
        elif not entry.holds:
            entry.changed()
            return self._eagerly(args, kwargs)
        recorder, failure = Recorder(), ""
        try:
            result, program = self._record(recorder, leaves, spec, args)
        except BranchError:
            raise
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
        finally:
            recorder.is_closed = True
        if failure:
            value = self._eagerly(args, kwargs)  # which raises what the function itself raises
            entry.refused = failure
            return value
        return self._settled(entry, result, program, leaves, spec)

    def _settled(self, entry: Entry[_Plan], result: Any, program: Program, leaves: Sequence[Any], spec: Any) -> Any:
        if self._always or entry.first == program:
            entry.plan = self._recent = _Plan(program, spec, leaves, entry.guards)
            entry.first = None
            if self._always:
                return entry.plan.prepared(leaves).run(leaves)
        elif entry.first is not None:
            entry.refused = "two runs did not do the same"
            entry.first = None
        else:
            entry.first = program
        return result

    def _record(self, recorder: Recorder, leaves: Sequence[Any], spec: Any, args: Any) -> tuple[Any, Program]:
        given, positions = list(leaves), []
        for i, leaf in enumerate(leaves):
            if isinstance(leaf, (np.ndarray, np.generic)):
                given[i] = recorder.input(leaf)
                positions.append(i)
        traced, options = optree.tree_unflatten(spec, given)
        result = self._function(*traced, **options)
        if recorder.failure is not None:
            raise UnplannableError(recorder.failure)
        donated = frozenset(i for i in donated_leaves(args, self._donate) if type(leaves[i]) is np.ndarray)
        program = Program(recorder, result, positions, donated)
        if recorder.changed_constants():
            raise UnplannableError("an array that is no argument is written to")
        values = optree.tree_map(_value, result)
        return values, program


def _value(x: Any) -> Any:
    """What NumPy would have had in the place of a recorded array."""
    if not isinstance(x, Traced):
        return x
    return x.value[()] if x.is_scalar else x.value
