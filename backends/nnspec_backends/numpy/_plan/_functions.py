"""NumPy's functions that are no ufuncs, as a recording knows them; of any other the plan is given up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec_backends.numpy._plan._nodes import replaced
from nnspec_backends.numpy._plan._traced import Traced

if TYPE_CHECKING:
    from nnspec_backends.numpy._plan._recorder import Recorder

__all__ = ["DERIVED", "SPECIAL", "word_of"]

#: functions whose result is a view, or computed of shapes and values without a change of any array
DERIVED = frozenset({
    np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze, np.broadcast_to,
    np.flip, np.roll, np.atleast_1d, np.concatenate, np.stack, np.take, np.take_along_axis, np.cumsum, np.argmax,
    np.argmin, np.argsort, np.sort, np.clip, np.einsum, np.dot, np.outer, np.pad, np.tile, np.tril, np.triu,
    np.linalg.inv, np.linalg.cholesky, np.linalg.solve, np.isclose, np.prod, np.diff, np.diagonal, np.trace,
})  # fmt: skip
#: up to so many elements two copies cost less than the passes that replace them
_FEW = 1024


def _filled(recorder: Recorder, function: Any, fill: Any, x: Any, *args: Any, **options: Any) -> Any:
    """`function(x, *args)`, which fills a new array with a number."""
    plain = x.value if isinstance(x, Traced) else x
    result = recorder.fresh(function(plain, *args, **options))
    if fill is not None:
        recorder.emit(np.copyto, (result, recorder.number(fill, result.dtype)), {}, result)
    return result


def _full_like(recorder: Recorder, x: Any, fill_value: Any, **options: Any) -> Any:
    if hasattr(fill_value, "dtype"):
        recorder.refuse("full_like of an array")
    return _filled(recorder, np.full_like, fill_value, x, fill_value, **options)


def _reduction(ufunc: Any) -> Callable[..., Any]:
    def reduce(recorder: Recorder, x: Any, axis: Any = None, **options: Any) -> Any:
        return ufunc.reduce(x, axis=axis, **options)

    return reduce


def _copyto(recorder: Recorder, dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    if not isinstance(dst, Traced):
        recorder.refuse("an array that is not recorded is written to")
    recorder._require_own(dst)
    np.copyto(dst.value, _plain(src), casting, _plain(where))
    more = () if where is True else (where,)
    source = src if hasattr(src, "dtype") else recorder.number(src, dst.dtype)
    recorder.emit(np.copyto, (dst, source, casting, *more), {}, dst)


def _plain(tree: Any) -> Any:
    return replaced(tree, Traced, lambda x: x.value)


def _properties(function: Any) -> Callable[..., Any]:
    """Of a function that asks for the shape alone."""
    return lambda recorder, *args, **options: function(*_plain(args), **_plain(options))


def _where(recorder: Recorder, condition: Any, *branches: Any) -> Any:
    """`np.where`, which has no form with `out`."""
    if len(branches) != 2 or getattr(condition, "dtype", None) != np.bool:
        recorder.refuse("where of other than a mask and two branches")
    result = recorder.fresh(np.where(*_plain((condition, *branches))))
    first, second = branches
    if result.size > _FEW and result.dtype.kind == "f":
        word = word_of(result.dtype)
        for kept, dropped, inverted in ((first, second, False), (second, first, True)):
            if _is_zero(dropped) and getattr(kept, "dtype", None) == result.dtype:
                mask = _mask(recorder, condition, word, inverted)
                bits = result.view(word)
                recorder.emit(np.multiply, (kept.view(word), mask, bits), {}, bits)
                return result
    for branch, more in ((second, ()), (first, ("same_kind", condition))):
        source = branch if hasattr(branch, "dtype") else recorder.number(branch, result.dtype)
        recorder.emit(np.copyto, (result, source, *more), {}, result)
    return result


def word_of(dtype: Any) -> Any:
    """Integers of the size of a dtype: times 1 or 0, the bits of any number are chosen without a branch."""
    return np.dtype(f"i{dtype.itemsize}")


def _is_zero(x: Any) -> bool:
    """Whether it is the number 0.0, all of whose bits are 0."""
    return isinstance(x, (int, float)) and repr(x) in ("0.0", "0")


def _mask(recorder: Recorder, condition: Any, word: Any, inverted: bool) -> Any:
    """1 where the condition holds, else 0, as words: bits times that are a choice without a branch."""
    traced = condition if isinstance(condition, Traced) else None
    key = word, inverted, recorder.version(traced) if traced is not None else id(condition)
    if key not in recorder.shared:
        value = _plain(condition) != inverted
        mask = recorder.fresh(value.astype(word))
        if inverted:
            recorder.emit(np.logical_not, (condition, mask), {}, mask)
        else:
            recorder.emit(np.copyto, (mask, condition), {}, mask)
        recorder.shared[key] = mask, condition
    return recorder.shared[key][0]


SPECIAL: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.copyto: _copyto,
    np.empty_like: lambda recorder, x, *args, **options: _filled(recorder, np.empty_like, None, x, *args, **options),
    np.zeros_like: lambda recorder, x, *args, **options: _filled(recorder, np.zeros_like, 0, x, *args, **options),
    np.ones_like: lambda recorder, x, *args, **options: _filled(recorder, np.ones_like, 1, x, *args, **options),
    np.full_like: _full_like,
    np.sum: _reduction(np.add),
    np.max: _reduction(np.maximum),
    np.amax: _reduction(np.maximum),
    np.min: _reduction(np.minimum),
    np.amin: _reduction(np.minimum),
    np.any: _reduction(np.logical_or),
    np.all: _reduction(np.logical_and),
    np.ndim: _properties(np.ndim),
    np.shape: _properties(np.shape),
    np.size: _properties(np.size),
    np.result_type: _properties(np.result_type),
}
