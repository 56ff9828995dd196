"""`TorchBackend.compile` without `fuse`: functions that are run, traced, and from then on replayed."""

from __future__ import annotations

import functools
import os
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import optree
import torch

from nnspec.errors import ArgumentError, UnsupportedOperationError
from nnspec_backends._closures import closed_over, is_unchanged
from nnspec_backends._plans import SIGNATURES, Entries, Entry, donated_leaves, signature_of
from nnspec_backends.torch._modes import is_recording, under_transform
from nnspec_backends.torch._plan._replay import NothingDoneError, Plan, is_plain
from nnspec_backends.torch._plan._trace import trace
from nnspec_backends.torch.optimizers import donation

__all__ = ["Compiled", "compiles_at_once"]

#: calls of a signature that are run as they are before it is traced, which takes seconds the first time
_RUNS = 5
_VARIABLE = "NNSPEC_TORCH_PLAN"


def compiles_at_once() -> bool:
    """Whether the environment asks for plans at the first call."""
    return os.environ.get(_VARIABLE) == "always"


def _signature(leaves: Sequence[Any], spec: Any) -> Any:
    return signature_of(leaves, spec, lambda x: (x.shape, x.stride(), x.dtype, x.device) if is_plain(x) else None)


class Compiled:
    """A function that is replayed where it can be.

    The first five calls of a signature (structure, shapes, strides, dtypes, and values that are no tensors) run the
    function as it is; the next one traces it, twice, and if both did the same, it and later calls run the kernels
    that were found. Whatever cannot be traced is run as it is, as is a call while another one is replayed.

    With `fuse` the first call is traced already, torch.compile makes the kernels, and what cannot be is an error.

    Args:
        function: of pytrees of tensors.
        donate: positions of arguments whose memory may be used for results.
        fuse: make kernels for this function.
    """

    def __init__(self, function: Callable[..., Any], donate: Sequence[int], *, fuse: bool = False) -> None:
        functools.update_wrapper(self, function, updated=())
        self._function = function
        self._donate = tuple(donate)
        self._fuse = fuse
        self._never = os.environ.get(_VARIABLE) == "never" and not fuse
        self._runs = 0 if fuse or compiles_at_once() else _RUNS
        self._lock = threading.Lock()
        self._entries: Entries[Plan] = Entries()
        self._recent: Entry[Plan] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._never or _is_elsewhere() or not self._lock.acquire(blocking=self._fuse):
            return self._eagerly(args, kwargs)
        try:
            tree: Any = (args, kwargs)
            leaves, spec = optree.tree_flatten(tree)
            entry = self._recent
            plan = None if entry is None else entry.plan
            if plan is None or plan.spec != spec or not is_unchanged(entry.guards) or not plan.fits(leaves):  # type: ignore[union-attr]
                plan = self._planned(leaves, spec, args)
            if plan is not None:
                return plan.run(leaves)
            if self._fuse:
                raise self._problem(leaves, spec)
        except NothingDoneError:
            pass  # for errors in our words, by the checks
        finally:
            self._lock.release()
        return self._eagerly(args, kwargs)

    @property
    def refusals(self) -> list[str]:
        """Why signatures have no plan."""
        return self._entries.refusals

    @property
    def plans(self) -> int:
        """How many signatures have one."""
        return self._entries.plans

    def _eagerly(self, args: Any, kwargs: Any) -> Any:
        with donation([args[i] for i in self._donate if i < len(args)]):
            return self._function(*args, **kwargs)

    def _planned(self, leaves: Sequence[Any], spec: Any, args: Any) -> Plan | None:
        """A plan for the leaves; None where the function is run as it is."""
        signature = _signature(leaves, spec)
        if signature is None:
            return None
        if self._fuse and self._entries.is_full_for(signature):
            raise UnsupportedOperationError(
                f"compile: fuse=True compiles a function for at most {SIGNATURES} signatures, and this call is "
                "another one; pass numbers that change as arrays of rank 0, and pad what changes in shape"
            )
        entry = self._entries.of(signature)
        if entry.plan is not None and not entry.holds:
            entry.changed()
        if entry.refused is not None:
            return None
        if entry.plan is None:
            entry.runs += 1
            if entry.runs <= self._runs:
                return None
            self._trace(entry, leaves, spec, args)
        if entry.plan is None or not entry.plan.fits(leaves):
            return None
        self._recent = entry
        return entry.plan

    def _problem(self, leaves: Sequence[Any], spec: Any) -> Exception:
        """What keeps these leaves from being compiled."""
        signature = _signature(leaves, spec)
        if signature is None:
            return UnsupportedOperationError(
                "compile: fuse=True takes tensors that want no gradient, numbers, strings, booleans and None as "
                f"leaves, got {next(_described(x) for x in leaves if _signature([x], None) is None)}"
            )
        refused = self._entries.of(signature).refused
        if refused is None:
            return ArgumentError("donate: a donated array shares memory with another argument; pass a copy")
        return UnsupportedOperationError(f"compile: fuse=True cannot trace this function: {refused}")

    def _trace(self, entry: Entry[Plan], leaves: Sequence[Any], spec: Any, args: Any) -> None:
        entry.guards = list(closed_over(self._function))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of torch about its own compiler
                first, second = (trace(self._function, leaves, spec) for _ in range(2))
                if not first.does_the_same(second):
                    entry.refused = "two runs did not do the same"
                    return
                entry.plan = Plan(
                    first, first.made(second), leaves, spec, donated_leaves(args, self._donate), fuse=self._fuse
                )
        except Exception as error:  # whatever it is, the function as it is says it better
            entry.refused = f"{type(error).__name__}: {error}"


def _described(x: Any) -> str:
    if isinstance(x, torch.Tensor) and x.requires_grad:
        return "a tensor with requires_grad"
    return f"{type(x).__name__} ({x!r:.40})"


def _is_elsewhere() -> bool:
    """Whether this call is itself traced, or under a mode that a plan does not know."""
    return is_recording() or under_transform() or any(map(torch.is_autocast_enabled, _AUTOCAST))


_AUTOCAST = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
