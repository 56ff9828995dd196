"""A recording made ready: without the calls that nothing needs, and with those made once that never change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import optree

from nnspec.tape import Tensor
from nnspec_backends.numpy._plan._memory import shared_memory
from nnspec_backends.numpy._plan._nodes import Call, Node, View, replaced
from nnspec_backends.numpy._plan._recorder import Recorder
from nnspec_backends.numpy._plan._traced import Traced

__all__ = ["Program"]


def _same(x: Any) -> Any:
    return x


class Program:
    """What one run of a function did with its inputs.

    Args:
        recorder: of that run.
        result: of that run.
        positions: which leaf of the arguments each input of the recorder is.
        donated: leaves of the arguments whose memory may be used for results.
    """

    def __init__(self, recorder: Recorder, result: Any, positions: Sequence[int], donated: frozenset[int]) -> None:
        leaves, self.structure = optree.tree_flatten(result)
        if any(isinstance(leaf, Tensor) for leaf in leaves):
            recorder.refuse("a recorded derivative is returned")
        recorder.is_closed = True
        self.donated = donated
        self.inputs = dict(zip(positions, (x.node for x in recorder.inputs), strict=True))
        #: the type of each input: that of arrays, or of a scalar
        self.kinds = {
            i: x.dtype.type if x.is_scalar else np.ndarray for i, x in zip(positions, recorder.inputs, strict=True)
        }
        #: results: recorded arrays as (node, whether it is a scalar), anything else as it is
        self.results = [(x.node, x.is_scalar) if isinstance(x, Traced) else x for x in leaves]
        self._outputs = [x.node for x in leaves if isinstance(x, Traced)]
        self.calls = self._needed(recorder.calls)
        self._text, self._arrays = _described(self)
        self._merge_sections()
        self.constant, self.calls = self._parted()
        self.slabs = shared_memory(self.calls, self._lasting())

    def _lasting(self) -> set[int]:
        """The buffers whose values are needed before or after the calls."""
        written = (node for call in self.constant for node in call.writes)
        return {id(node.owner) for node in (*self.inputs.values(), *self._outputs, *written)}

    def __eq__(self, other: object) -> bool:
        """Whether two runs did the same, with the same constants."""
        if not isinstance(other, Program):
            return NotImplemented
        pairs = zip(self._arrays, other._arrays, strict=False)
        return self._text == other._text and all(a is b or a.tobytes() == b.tobytes() for a, b in pairs)

    __hash__ = None  # type: ignore[assignment]

    def forget(self) -> None:
        """Drop what only a comparison needs."""
        self._text, self._arrays = None, []

    def _needed(self, calls: Sequence[Call]) -> list[Call]:
        """The calls that a result depends on, or that check something."""
        needed = {id(node.owner) for node in self._outputs}
        kept = []
        for call in reversed(calls):
            if not call.writes or any(id(node.owner) in needed for node in call.writes):
                kept.append(call)
                needed |= {id(node.owner) for node in call.reads}
        return kept[::-1]

    def _merge_sections(self) -> None:
        """Let new arrays take the place of old ones that nothing reads any more."""
        last: dict[int, int] = {}
        for i, call in enumerate(self.calls):
            last |= {id(node.owner): i for node in call.reads}
        for node in self._outputs:
            last[id(node.owner)] = len(self.calls)
        ends = {id(call.section): i for i, call in enumerate(self.calls) if call.section is not None}
        sections = {id(call.section): call.section for call in self.calls if call.section is not None}
        for key, section in sections.items():
            for old, new in section.pairs:
                if last.get(id(old.owner), -1) <= ends[key]:
                    new.view = View(old, _same, (old,), {})

    def _parted(self) -> tuple[list[Call], list[Call]]:
        """The calls whose results are always the same, and the others."""
        writers = Counter(id(node.owner) for call in self.calls for node in call.writes)
        lasting = self._lasting_fills()
        varying = {id(node.owner) for node in self.inputs.values()}
        constant, rest = [], []
        for call in self.calls:
            owners = {id(node.owner) for node in call.writes}
            fixed = call.section is None and bool(owners) and all(writers[owner] == 1 for owner in owners)
            if fixed and not owners & varying and all(id(node.owner) not in varying for node in call.reads):
                constant.append(call)
            elif id(call) in lasting:
                constant.append(call)
                varying |= owners
            else:
                rest.append(call)
                varying |= owners
        return constant, rest

    def _lasting_fills(self) -> set[int]:
        """Fills of buffers that are then written to in part, always the same, before anything reads them.

        What is not written stays as it was filled: the border of an image, say.
        """
        fills: dict[int, Call] = {}
        touched, done = set[int](), set[int]()
        for call in self.calls:
            read = {id(node.owner) for node in call.reads}
            plain = call.section is None and _writes_all(call)
            for owner in {id(node.owner) for node in call.writes}:
                if owner not in touched and _is_fill(call):
                    fills[owner] = call
                elif owner in read or owner in done or not plain:
                    fills.pop(owner, None)
                touched.add(owner)
            done |= read
        return {id(call) for call in fills.values()}


def _writes_all(call: Call) -> bool:
    """Whether a call is known to write every element of its target, and to look at none before."""
    if isinstance(call.function, np.ufunc):
        return "where" not in call.options
    return call.function is np.copyto and len(call.operands) < 4  # the fourth is a mask


def _is_fill(call: Call) -> bool:
    """Whether a call writes one constant number everywhere."""
    return (
        call.function is np.copyto
        and len(call.operands) == 2
        and isinstance(call.operands[1], np.ndarray)
        and call.operands[1].ndim == 0
        and call.writes[0].view is None
    )


def _described(program: Program) -> tuple[Any, list[Any]]:
    """What is done in nested tuples, in which nodes and arrays are numbered, and the arrays."""
    numbers: dict[int, int] = {}
    arrays: list[Any] = []

    def array(x: Any) -> Any:
        arrays.append(x)
        return "array", x.shape, x.dtype

    def node(x: Node) -> Any:
        if id(x) in numbers:
            return "node", numbers[id(x)]
        numbers[id(x)] = len(numbers)
        flat = None if x.flat is None else (node(x.flat[0]), x.flat[1])
        view = None if x.view is None else (x.view.function, tree(x.view.operands), tree(x.view.options))
        return "new", x.shape, x.dtype, x.order, x.is_work, flat, view

    def tree(x: Any) -> Any:
        return replaced(replaced(x, np.ndarray, array), Node, node)

    inputs = [(i, node(x)) for i, x in program.inputs.items()]
    calls = [
        (call.function, tree(call.operands), tree(call.options), tree(call.writes), call.errors,
         None if call.section is None else (call.section.block, tree(call.section.pairs)))
        for call in program.calls
    ]  # fmt: skip
    return (program.structure, inputs, calls, [tree(x) for x in program.results]), arrays
