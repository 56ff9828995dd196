"""A program over arrays of its own: every call frozen in a `functools.partial`."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import optree

from nnspec_backends.numpy._plan._nodes import Call, Node, nodes_in, part, replaced
from nnspec_backends.numpy._plan._program import Program

__all__ = ["Bound"]


def _under(errors: dict[str, str], function: Callable[..., Any], *operands: Any, **options: Any) -> None:
    with np.errstate(**errors):  # type: ignore[arg-type]
        function(*operands, **options)


class Bound:
    """The arrays of a program, and its calls over them.

    What is donated lives here: its home is handed out as a result, and found again when it is given back.

    Args:
        program: what to run.
        workspace: buffers by node and slab, which several of one program share; filled here.
    """

    def __init__(self, program: Program, workspace: dict[Any, Any]) -> None:
        self._program = program
        self._workspace = workspace
        self._arrays: dict[int, Any] = {}
        self._homes = {id(node.owner) for i, node in program.inputs.items() if i in program.donated}
        for run in self._partials(program.constant):
            run()
        self.calls = list(self._partials(program.calls))
        self._buffers = {i: self._array(node) for i, node in program.inputs.items()}
        self._template: list[Any] = []
        self._made: list[tuple[int, Callable[[], Any]]] = []
        self._passed: list[tuple[int, int]] = []
        #: the leaves of the arguments that live here, and what was handed out for them
        self.held: dict[int, Any] = {}
        self._place_results()
        self._held = list(self.held.items())
        self.copied = [
            (i, program.kinds[i], buffer.shape, buffer.dtype, buffer)
            for i, buffer in self._buffers.items()
            if i not in self.held
        ]
        self._references = self._count_references()

    # -- making ----------------------------------------------------------------------------------------------

    def _array(self, node: Node) -> Any:
        """The array of a node."""
        key = id(node)
        if key not in self._arrays:
            self._arrays[key] = self._made_array(node)
        return self._arrays[key]

    def _made_array(self, node: Node) -> Any:
        if node.view is not None:
            made = node.view.function(*self._resolved(node.view.operands), **self._resolved(node.view.options))
            if made.size and not np.may_share_memory(made, self._array(node.view.source)):
                raise RuntimeError("a view of a recording is none of its plan")
            return made
        if node.flat is not None:
            return part(self._array(node.flat[0]), node.flat[1], node.shape)
        if id(node) in self._homes:
            return _zeroed(node)
        slab = self._program.slabs.get(id(node))
        key: Any = id(node) if slab is None else slab
        if key not in self._workspace:
            self._workspace[key] = _zeroed(node) if slab is None else np.zeros(slab[0], np.uint8)
        return self._workspace[key] if slab is None else node.placed(self._workspace[key])

    def _resolved(self, tree: Any) -> Any:
        return replaced(tree, Node, self._array)

    def _partials(self, calls: Sequence[Call]) -> Iterator[Callable[[], Any]]:
        """The calls in their order; those of a section once for every block."""
        i = 0
        while i < len(calls):
            section = calls[i].section
            if section is None:
                yield self._partial(calls[i], self._array)
                i += 1
                continue
            end = next((k for k in range(i, len(calls)) if calls[k].section is not section), len(calls))
            inside = calls[i:end]
            size = max(node.shape[0] for call in inside for node in nodes_in(call.operands) if node.shape)
            for start in range(0, size, section.block):
                block = functools.partial(self._block, start=start, stop=min(start + section.block, size))
                yield from (self._partial(call, block) for call in inside)
            i = end

    def _block(self, node: Node, *, start: int, stop: int) -> Any:
        array = self._array(node)
        if not node.shape:
            return array
        return array[: stop - start] if node.owner.is_work else array[start:stop]

    def _partial(self, call: Call, array: Callable[[Node], Any]) -> Callable[[], Any]:
        operands, options = replaced(call.operands, Node, array), replaced(call.options, Node, array)
        if call.errors is not None:
            return functools.partial(_under, call.errors, call.function, *operands, **options)
        return functools.partial(call.function, *operands, **options)

    # -- results -----------------------------------------------------------------------------------------------

    def _place_results(self) -> None:
        """Decide for every result whether it is at home, passed on, or copied out."""
        program = self._program
        arrays: list[Any] = [self._array(x[0]) if _is_recorded(x) else None for x in program.results]
        self._template = [None if _is_recorded(x) else x for x in program.results]
        open_: dict[int, Any] = {i: self._buffers[i] for i in sorted(program.donated)}
        left = []
        for k, (result, array) in enumerate(zip(program.results, arrays, strict=True)):
            if array is None:
                if isinstance(result, np.ndarray):
                    self._made.append((k, functools.partial(np.array, result)))
                continue
            given = next((i for i, node in program.inputs.items() if node is result[0]), None)
            home = next((i for i, buffer in open_.items() if _is_same(buffer, array)), None)
            if home is not None:
                self._hand_out(k, home)
                del open_[home]
            elif given is not None and given not in program.donated:
                self._passed.append((k, given))
            else:
                left.append(k)
        for k in left:
            array, is_scalar = arrays[k], program.results[k][1]
            home = next((i for i, buffer in open_.items() if self._takes(buffer, array, arrays)), None)
            if home is not None and not is_scalar:
                self.calls.append(functools.partial(np.copyto, open_.pop(home), array))
                self._hand_out(k, home)
            else:
                self._made.append((k, _copying(array, is_scalar)))

    def _hand_out(self, k: int, i: int) -> None:
        self.held[i] = self._template[k] = self._buffers[i].view()

    def _takes(self, buffer: Any, array: Any, arrays: Sequence[Any]) -> bool:
        """Whether a result can be copied to where an argument was, which no result has a part in."""
        return (
            buffer.shape == array.shape
            and buffer.dtype == array.dtype
            and not any(x is not None and np.may_share_memory(buffer, x) for x in arrays)
        )

    @property
    def passes_on(self) -> bool:
        """Whether arguments are results, as they are."""
        return bool(self._passed)

    def bare(self, args: tuple[Any, ...]) -> dict[int, tuple[Any, ...]]:
        """Of each positional argument that is an array to be copied in, what it has to be and where it goes."""
        expected = {i: tuple(more) for i, *more in self.copied}
        found, first = {}, 0
        for position, arg in enumerate(args):
            if type(arg) is np.ndarray and first in expected:
                found[position] = expected[first]
            first += len(optree.tree_leaves(arg))
        return found

    # -- running -----------------------------------------------------------------------------------------------

    def knows(self, leaves: Sequence[Any]) -> bool:
        """Whether what lives here was given back."""
        for i, held in self._held:  # noqa: SIM110  (a generator costs three times as much)
            if leaves[i] is not held:
                return False
        return True

    def take(self, leaves: Sequence[Any]) -> bool:
        """Copy the inputs in; False where one is not as it was recorded."""
        for i, kind, shape, dtype, buffer in self.copied:
            leaf = leaves[i]
            if type(leaf) is not kind or leaf.shape != shape or leaf.dtype != dtype or not leaf.flags.c_contiguous:
                return False
            np.copyto(buffer, leaf)
        return True

    def settle(self, leaves: Sequence[Any]) -> bool:
        """Copy what lives here in too, where nobody holds what is overwritten; False where somebody does."""
        now = self._count_references()
        if any(now[i] != self._references[i] for i, held in self._held if leaves[i] is not held):
            return False
        self.fill(leaves)
        return True

    def fill(self, leaves: Sequence[Any]) -> None:
        """Copy in what lives here."""
        for i, held in self._held:
            if leaves[i] is not held:
                np.copyto(self._buffers[i], leaves[i])

    def run(self, leaves: Sequence[Any]) -> Any:
        """The results, computed of what was taken."""
        for call in self.calls:
            call()
        results = self._template.copy()
        for k, i in self._passed:
            results[k] = leaves[i]
        for k, make in self._made:
            results[k] = make()
        return optree.tree_unflatten(self._program.structure, results)

    def _count_references(self) -> dict[int, tuple[int, int]]:
        """How many hold what was handed out, and the buffer that it is a view of."""
        return {i: (sys.getrefcount(x), sys.getrefcount(x.base)) for i, x in self.held.items()}


def _copying(array: Any, is_scalar: bool) -> Callable[[], Any]:
    """What makes a new array, or a scalar, of one that is computed again."""
    return functools.partial(array.__getitem__, ()) if is_scalar else functools.partial(np.array, array)


def _is_recorded(result: Any) -> bool:
    return type(result) is tuple and len(result) == 2 and isinstance(result[0], Node)


def _is_same(a: Any, b: Any) -> bool:
    """Whether two arrays are one and the same memory."""
    there = [x.__array_interface__["data"][0] for x in (a, b)]
    return bool(
        a.shape == b.shape and a.dtype == b.dtype and there[0] == there[1] and (a.strides == b.strides or a.size < 2)
        and a.size > 0
    )  # fmt: skip


def _zeroed(node: Node) -> Any:
    """A buffer; the gaps of one that holds several arrays are 0, which no step leads away from."""
    made = node.buffer()
    made[...] = 0
    return made
