"""Planted faults: faulty backends that the suite has to catch, each by the right requirement; one module a family."""

from __future__ import annotations

import functools
import importlib
from fnmatch import fnmatchcase

from nnspec.errors import ArgumentError
from nnspec_conformance.catalogue import FAMILIES
from nnspec_conformance.faults._fault import KINDS, Fault, Planted

__all__ = ["KINDS", "Fault", "Planted", "all_faults", "choose"]


@functools.cache
def all_faults() -> tuple[Fault, ...]:
    """Every planted fault, in the order of the families; ids are unique."""
    found: dict[str, Fault] = {}
    for family in FAMILIES:
        if family == "training":
            continue
        for fault in importlib.import_module(f"nnspec_conformance.faults.{family}").FAULTS:
            if fault.id in found:
                raise ArgumentError(f"fault: {fault.id!r} is planted twice")
            found[fault.id] = fault
    return tuple(found.values())


def choose(only: str | None) -> list[Fault]:
    """The faults whose id matches a shell pattern, or whose operation or family is named by it.

    Raises:
        ArgumentError: the pattern matches no fault.
    """
    if only is None:
        return list(all_faults())
    found = [f for f in all_faults() if fnmatchcase(f.id, only) or only in (f.operation, f.family)]
    if not found:
        raise ArgumentError(
            f"only: {only!r} matches no planted fault; "
            "give an operation (gelu), a family (activations), a fault or a pattern ('gelu/*')"
        )
    return found
