"""Recording: arrays that compute as always, and note what is done with them."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

from nnspec_backends.numpy._plan import _functions
from nnspec_backends.numpy._plan._nodes import Call, Node, Section, View, part, replaced
from nnspec_backends.numpy._plan._traced import Traced, method

__all__ = ["Recorder", "Traced", "UnplannableError", "of_arrays", "of_arrays_into", "recorder_of"]


class UnplannableError(TypeError):
    """Something that a plan cannot hold: the function runs as it is."""


#: ufuncs whose Python numbers take the dtype that their arrays have together
_ARITHMETIC = frozenset({
    np.add, np.subtract, np.multiply, np.true_divide, np.floor_divide, np.remainder, np.power, np.hypot,
    np.arctan2, np.copysign, np.maximum, np.minimum, np.fmax, np.fmin, np.less, np.less_equal, np.greater,
    np.greater_equal, np.equal, np.not_equal, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift,
    np.right_shift, np.logaddexp,
})  # fmt: skip
_METHODS = ("__call__", "reduce", "accumulate", "reduceat")
#: elements after which the next array of a flat buffer begins: a cache line of float32
_ALIGNED = 16
#: bytes of a constant up to which it is compared
_COMPARED = 1 << 26


def recorder_of(tree: Sequence[Any]) -> Recorder | None:
    """The recorder of the first recorded array of a sequence; None where there is none."""
    return next((x.recorder for x in tree if isinstance(x, Traced)), None)


def _plain(tree: Any) -> Any:
    return replaced(tree, Traced, lambda x: x.value)


def _recorded(tree: Any) -> Iterator[Traced]:
    """The recorded arrays in nested tuples, lists and dictionaries."""
    found: list[Traced] = []
    replaced(tree, Traced, found.append)
    return iter(found)


def _into(out: Any, function: Callable[..., Any], args: Any, options: Any) -> None:
    """A function that has no form with `out`: its result is copied."""
    np.copyto(out, function(*args, **options))


def _starts(arrays: Sequence[Any]) -> list[int]:
    """Where each array begins in a flat buffer, and where the last one ends."""
    return [0, *itertools.accumulate(-(-x.size // _ALIGNED) * _ALIGNED for x in arrays)]


class Recorder:
    """The calls of one run of a function, in their order."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.inputs: list[Traced] = []
        #: why there can be no plan, once something was refused, even if the function caught the error
        self.failure: str | None = None
        #: after the run nothing is recorded any more
        self.is_closed = False
        self._given = set[int]()
        self._flats = set[int]()
        self._errors = np.geterr()
        self._section: Section | None = None
        self._numbers: dict[tuple[np.dtype[Any], str], Any] = {}
        self._constants: list[tuple[Any, Any]] = []
        self._versions: dict[int, int] = {}
        #: what several calls can share, by what it is made of
        self.shared: dict[Any, Any] = {}

    # -- arrays ----------------------------------------------------------------------------------------------

    def refuse(self, why: str) -> NoReturn:
        """Give the plan up."""
        if not self.is_closed:
            self.failure = self.failure or why
            raise UnplannableError(f"cannot be planned: {why}")
        raise UnplannableError("an array of a compiled function is used after the call that it was made in")

    def input(self, value: Any) -> Traced:
        """An array that every run is given anew."""
        made = Traced(self, np.asarray(value), Node(np.asarray(value)), isinstance(value, np.generic))
        self.inputs.append(made)
        self._given.add(id(made.node))
        return made

    def fresh(self, value: Any) -> Traced:
        """A buffer for what was computed."""
        array = np.asarray(value)
        if array.dtype.kind not in "fiub" or type(array) is not np.ndarray:
            self.refuse(f"an array of {array.dtype}")
        return Traced(self, array, Node(array), isinstance(value, np.generic))

    def like(self, x: Traced) -> Traced:
        """A buffer of the shape and dtype of `x`, whose values are still to be written."""
        return self.fresh(np.empty_like(x.value))

    def work(self, x: Traced, block: int) -> Traced:
        """Room for intermediate results of a section over arrays like `x`, whose blocks have that size."""
        made = self.like(x)
        made.node = Node(made.value[:block])
        made.node.is_work = True
        return made

    def zeros(self, x: Traced, block: int) -> Traced:
        """Zeros for the blocks of a section over arrays like `x`; nothing may write to them."""
        key = "zeros", x.shape, x.dtype, block
        if key not in self.shared:
            made = self.work(x, block)
            made.value[...] = 0  # as buffers are when they are made
            self.shared[key] = made
        return self.shared[key]  # type: ignore[no-any-return]

    def view(self, source: Traced, value: Any, function: Callable[..., Any], operands: Any, options: Any) -> Traced:
        """A recorded view."""
        made = View(source.node, function, self._symbols(operands), self._symbols(options))
        return Traced(self, value, Node(value, made))

    def version(self, x: Traced) -> tuple[int, int]:
        """What changes when the buffer of `x` is written to."""
        owner = id(x.node.owner)
        return owner, self._versions.get(owner, 0)

    def _require_own(self, x: Traced) -> None:
        """What was given by the caller is not written to."""
        node: Node | None = x.node
        while node is not None:
            if id(node) in self._given:
                self.refuse("an argument is written to")
            node = node.view.source if node.view is not None else node.flat[0] if node.flat is not None else None

    # -- calls -------------------------------------------------------------------------------------------------

    def emit(
        self, function: Callable[..., Any], operands: tuple[Any, ...], options: dict[str, Any], *targets: Traced
    ) -> Call:
        """Note a call that overwrites `targets`, which are among the operands or options."""
        if self.is_closed:
            self.refuse("")
        for target in targets:
            self._require_own(target)
            owner = id(target.node.owner)
            self._versions[owner] = self._versions.get(owner, 0) + 1
        errors = np.geterr()
        call = Call(
            function,
            self._symbols(operands),
            self._symbols(options),
            tuple(target.node for target in targets),
            self._section,
            None if errors == self._errors else errors,
        )
        self.calls.append(call)
        return call

    def _symbols(self, tree: Any) -> Any:
        return replaced(replaced(tree, Traced, lambda x: x.node), np.ndarray, self._constant)

    def _constant(self, array: Any) -> Any:
        if all(array is not known for known, _ in self._constants):
            self._constants.append((array, array.copy() if array.nbytes <= _COMPARED else None))
        return array

    def changed_constants(self) -> bool:
        """Whether arrays that are no part of the recording were written to after they were used in it."""
        return any(b is not None and a.tobytes() != b.tobytes() for a, b in self._constants)

    def number(self, value: Any, dtype: Any) -> Any:
        """A Python number as an array of rank 0, the operand that costs a call the least."""
        key = np.dtype(dtype), repr(value)
        if key not in self._numbers:
            with np.errstate(all="ignore"):
                self._numbers[key] = np.asarray(value, dtype)
        return self._numbers[key]

    def ufunc(self, ufunc: Any, how: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """A call of a ufunc or of a method of one."""
        if ufunc.nout != 1 or how not in _METHODS:
            self.refuse(f"{ufunc.__name__}.{how}")
        function = ufunc if how == "__call__" else getattr(ufunc, how)
        (target,) = options.pop("out", None) or (None,)
        if target is not None and not isinstance(target, Traced):
            self.refuse("an array that is not recorded is written to")
        if target is None and how == "__call__" and "where" in options:
            self.refuse("where= without out=")
        values, more = _plain(inputs), _plain(options)
        if target is None or target.is_scalar:  # += binds the name of a scalar anew
            result = self.fresh(function(*values, **more))
        else:
            self._require_own(target)
            function(*values, **more, out=target.value)
            result = target
        given = self._strong(inputs) if ufunc in _ARITHMETIC and how == "__call__" else inputs
        self.emit(function, *_with_out(ufunc, how, given, options, result), result)
        return result

    def _strong(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Python numbers as arrays of the dtype that they are computed in."""
        dtypes = [x.dtype for x in inputs if hasattr(x, "dtype")]
        try:
            return tuple(
                np.asarray(x)
                if isinstance(x, np.generic)
                else x
                if hasattr(x, "dtype")
                else self.number(x, np.result_type(*dtypes, x))
                for x in inputs
            )
        except (OverflowError, TypeError):
            return inputs

    def derived(self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """The result of a function of arrays that changes none: a view of one of them, or computed."""
        value = function(*_plain(args), **_plain(options))
        if not isinstance(value, (np.ndarray, np.generic)):
            self.refuse(f"{getattr(function, '__name__', function)} returns {type(value).__name__}")
        for source in _recorded((args, options)):
            if isinstance(value, np.ndarray) and value.size and np.may_share_memory(value, source.value):
                return self.view(source, value, function, args, options)
        result = self.fresh(value)
        self.emit(_into, (result, function, args, options), {}, result)
        return result

    def reshaped(self, x: Traced, shape: tuple[int, ...]) -> Any:
        """`x.reshape(shape)`: a view, or copied once."""
        value = x.value.reshape(shape)
        if value.size == 0 or np.may_share_memory(value, x.value):
            return self.derived(method, (x, "reshape", shape), {})
        result = self.fresh(value)
        place = self.derived(method, (result, "reshape", x.shape), {})
        self.emit(np.copyto, (place, x), {}, place)
        return result

    def converted(self, x: Traced, dtype: Any, *, copy: bool = True, order: str = "K", casting: str = "unsafe") -> Any:
        """`x.astype(dtype)`."""
        if not copy and x.dtype == dtype:
            return x
        result = self.fresh(x.value.astype(dtype, order=order, casting=casting))
        result.is_scalar = x.is_scalar
        self.emit(np.copyto, (result, x, "unsafe"), {}, result)
        return result

    def item(self, x: Traced, key: Any) -> Any:
        """`x[key]`."""
        parts = key if isinstance(key, tuple) else (key,)
        if any(getattr(p, "dtype", None) == np.bool for p in parts):
            self.refuse("a mask decides how many elements there are")
        if parts and all(isinstance(p, (int, np.integer)) for p in parts) and len(parts) == x.ndim:
            one = self.fresh(x.value[key])  # a scalar, and no view
            self.emit(_into, (one, operator.getitem, (x, (*parts, Ellipsis)), {}), {}, one)
            return one
        return self.derived(operator.getitem, (x, key), {})

    def put(self, x: Traced, key: Any, value: Any) -> None:
        """`x[key] = value`."""
        self._require_own(x)
        if not _is_basic(key):
            x.value[_plain(key)] = _plain(value)
            self.emit(operator.setitem, (x, key, value), {}, x)
            return
        place = (*key, Ellipsis) if isinstance(key, tuple) and Ellipsis not in key else key
        target = self.derived(operator.getitem, (x, place), {})
        if isinstance(value, Traced) and _is_same(value.value, target.value):
            return  # x[key] += y has done it
        target.value[...] = _plain(value)
        source = value if hasattr(value, "dtype") else self.number(value, x.dtype)
        self.emit(np.copyto, (target, source, "unsafe"), {}, target)

    def function(self, function: Any, args: Any, options: Any) -> Any:
        """A call of a function of NumPy's that is no ufunc."""
        special = _functions.SPECIAL.get(function)
        if special is not None:
            return special(self, *args, **options)
        if function not in _functions.DERIVED or "out" in options:
            self.refuse(f"numpy.{getattr(function, '__name__', function)}")
        return self.derived(function, args, options)

    def check(self, function: Callable[..., None], *operands: Any) -> None:
        """Call a function in every run, for the error that it may raise."""
        self.emit(function, operands, {})

    # -- arrays side by side -------------------------------------------------------------------------------------

    def flat(self, arrays: Sequence[Any]) -> Traced:
        """The elements of arrays of one dtype in one buffer, which they are moved into where that is possible."""
        *starts, total = _starts(arrays)
        flat = self.fresh(np.zeros(total, arrays[0].dtype))
        self._flats.add(id(flat.node))
        for x, start in zip(arrays, starts, strict=True):
            np.copyto(part(flat.value, start, x.shape), _plain(x))
            if isinstance(x, Traced) and self._can_move(x):
                x.node.owner.flat = flat.node, start
            else:
                row = self._row(flat, start, x.shape)
                self.emit(np.copyto, (row, x), {}, row)
        return flat

    def rows(self, flat: Traced, arrays: Sequence[Any]) -> list[Traced]:
        """The parts of a flat buffer like that of `arrays`."""
        return [self._row(flat, start, x.shape) for x, start in zip(arrays, _starts(arrays), strict=False)]

    def _row(self, flat: Traced, start: int, shape: tuple[int, ...]) -> Traced:
        return self.view(flat, part(flat.value, start, shape), part, (flat, start, shape), {})

    def _can_move(self, x: Traced) -> bool:
        owner = x.node.owner
        return (
            owner.flat is None
            and owner.lies_in_order
            and x.value.flags.c_contiguous
            and x.size == np.prod(owner.shape, dtype=int)
            and x.dtype == owner.dtype
            and id(owner) not in self._flats
        )

    @contextmanager
    def section(self, block: int, pairs: Sequence[tuple[Traced, Traced]]) -> Iterator[None]:
        """Calls within are over arrays of one axis, and are made `block` elements at a time.

        The second of a pair may take the place of the first, which no call after them reads.
        """
        self._section = Section(block, [(old.node, new.node) for old, new in pairs])
        try:
            yield
        finally:
            self._section = None


def of_arrays(function: Callable[..., Any], *args: Any) -> Any:
    """`function(*args)`, which changes no array; of recorded arrays a recorded one."""
    recorder = recorder_of(args)
    return function(*args) if recorder is None else recorder.derived(function, args, {})


def of_arrays_into(function: Callable[..., None], targets: list[Any], *args: Any) -> None:
    """`function(targets, *args)`, which writes to `targets` alone."""
    recorder = recorder_of((*targets, *args))
    function(*_plain((targets, *args)))
    if recorder is not None:
        recorder.emit(function, (targets, *args), {}, *targets)


def _is_basic(key: Any) -> bool:
    parts = key if isinstance(key, tuple) else (key,)
    return all(p is None or p is Ellipsis or isinstance(p, (int, slice, np.integer)) for p in parts)


def _is_same(a: Any, b: Any) -> bool:
    """Whether two arrays are one and the same memory."""
    there = [x.__array_interface__["data"][0] for x in (a, b)]
    return bool(a.shape == b.shape and a.dtype == b.dtype and a.strides == b.strides and there[0] == there[1])


def _with_out(
    ufunc: Any, how: str, inputs: tuple[Any, ...], options: dict[str, Any], out: Traced
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The operands and options of a call, by position where it can be: that costs the least."""
    if how == "__call__" and not options and ufunc not in (np.maximum, np.minimum):  # which warn of it
        return (*inputs, out), {}
    if how == "reduce" and len(inputs) == 1 and options.keys() <= {"axis", "keepdims", "dtype"}:
        given = options.get("axis", 0), options.get("dtype"), out, bool(options.get("keepdims", False))
        return (*inputs, *given), {}
    return inputs, {**options, "out": out}
