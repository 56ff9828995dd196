"""Every input of an operation differentiated while the others are constants: what one of them needs differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nnspec_conformance.case import Case, Source

__all__ = ["one_by_one"]


def _calls(call: Callable[..., Any]) -> Callable[..., Any]:
    def program(backend: Any, **arrays: Any) -> Any:
        moving = [name for name, x in arrays.items() if backend.is_floating(x)]
        held = {name: backend.stop_gradient(arrays[name]) for name in moving}
        return [call(backend, **{**arrays, **held, name: arrays[name]}) for name in moving]

    return program


def one_by_one(
    operation: str, requires: tuple[str, ...], inputs: Mapping[str, Source], call: Callable[..., Any], **more: Any
) -> Case:
    """A case of as many calls as there are floating inputs, in each of which another one moves.

    It is named special, since a difference quotient would see them move in all calls.
    """
    return Case(
        operation=operation,
        name="special-one-by-one",
        requires=requires,
        inputs=inputs,
        program=_calls(call),
        checks=("values", "gradients"),
        dtypes=("float32",),
        plain_only=True,
        **more,
    )
