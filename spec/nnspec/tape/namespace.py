"""The Array API functions that definitions use, over NumPy-like arrays, each with its derivative.

At ties and kinks the derivatives are those of CONVENTIONS: definitions make their kinks with `where`.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import bool as bool
from numpy import float32, float64, int32, int64, uint32

from nnspec.tape.engine import Tensor, primitive, raw

__all__ = [
    "abs", "all", "any", "arange", "asarray", "astype", "bool", "broadcast_to", "concat", "cos", "exp",
    "expand_dims", "expm1", "finfo", "flip", "float32", "float64", "full", "full_like", "int32", "int64",
    "isfinite", "isinf", "isnan", "log", "log1p", "logical_and", "logical_not", "logical_or", "matmul", "max",
    "maximum", "min", "minimum", "ones", "ones_like", "permute_dims", "reshape", "sign", "sin", "sqrt", "squeeze",
    "stack", "stop_gradient", "sum", "take", "tanh", "uint32", "where", "zeros", "zeros_like",
]  # fmt: skip

# -- creation, and what carries no derivative: NumPy's own -----------------------------------------------

zeros, ones, full, arange = np.zeros, np.ones, np.full, np.arange
finfo = np.finfo


def asarray(x: Any, *, dtype: Any = None) -> Any:
    return x if isinstance(x, Tensor) and dtype in (None, x.dtype) else np.asarray(raw(x), dtype=dtype)


def zeros_like(x: Any) -> Any:
    return np.zeros_like(raw(x))


def ones_like(x: Any) -> Any:
    return np.ones_like(raw(x))


def full_like(x: Any, value: Any) -> Any:
    return np.full_like(raw(x), value)


def isnan(x: Any) -> Any:
    return np.isnan(raw(x))


def isinf(x: Any) -> Any:
    return np.isinf(raw(x))


def isfinite(x: Any) -> Any:
    return np.isfinite(raw(x))


def all(x: Any, *, axis: int | tuple[int, ...] | None = None, keepdims: builtins.bool = False) -> Any:
    return np.all(raw(x), axis=axis, keepdims=keepdims)


def any(x: Any, *, axis: int | tuple[int, ...] | None = None, keepdims: builtins.bool = False) -> Any:
    return np.any(raw(x), axis=axis, keepdims=keepdims)


def logical_and(a: Any, b: Any) -> Any:
    return a & b


def logical_or(a: Any, b: Any) -> Any:
    return a | b


def logical_not(a: Any) -> Any:
    return ~a


def stop_gradient(x: Any) -> Any:
    """The values alone."""
    return raw(x)


# -- elementwise -----------------------------------------------------------------------------------------

add = primitive(np.add, lambda g, out, a, b: g, lambda g, out, a, b: g)
subtract = primitive(np.subtract, lambda g, out, a, b: g, lambda g, out, a, b: -g)
multiply = primitive(np.multiply, lambda g, out, a, b: g * b, lambda g, out, a, b: g * a)
divide = primitive(np.divide, lambda g, out, a, b: g / b, lambda g, out, a, b: -(g * out) / b)
negative = primitive(np.negative, lambda g, out, a: -g)
exp = primitive(np.exp, lambda g, out, a: g * out)
expm1 = primitive(np.expm1, lambda g, out, a: g * np.exp(a))
log = primitive(np.log, lambda g, out, a: g / a)
log1p = primitive(np.log1p, lambda g, out, a: g / (1.0 + a))
sqrt = primitive(np.sqrt, lambda g, out, a: g / (2.0 * out))
sin = primitive(np.sin, lambda g, out, a: g * np.cos(a))
cos = primitive(np.cos, lambda g, out, a: -g * np.sin(a))
sign = primitive(np.sign, None)


def _tanh_back(g: Any, out: Any, a: Any) -> Any:
    # 4 e / (1 + e)^2 with e = exp(-2|a|): 1 - out^2 would lose the tail, where out rounds to 1
    e = np.exp(np.where(a < 0, a, -a) * 2.0)
    return g * (4.0 * e / ((1.0 + e) * (1.0 + e)))


tanh = primitive(np.tanh, _tanh_back)


def _share(g: Any, a: Any, b: Any) -> Any:
    return np.where(a > b, g, np.where(a == b, g * 0.5, 0.0))


maximum = primitive(np.maximum, lambda g, out, a, b: _share(g, a, b), lambda g, out, a, b: _share(g, b, a))


def minimum(a: Any, b: Any) -> Any:
    return -maximum(-a, -b)


def abs(x: Any) -> Any:
    """|x|, whose derivative at 0 is 0."""
    return x * sign(x)


_where = primitive(
    lambda a, b, *, condition: np.where(condition, a, b),
    lambda g, out, a, b, *, condition: np.where(condition, g, 0.0),
    lambda g, out, a, b, *, condition: np.where(condition, 0.0, g),
)


def where(condition: Any, a: Any, b: Any) -> Any:
    return _where(a, b, condition=raw(condition))


# -- reductions and products -----------------------------------------------------------------------------

_Axis = int | tuple[int, ...] | None


def _normal(axis: _Axis, ndim: int) -> tuple[int, ...]:
    given = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return tuple(i % ndim for i in given)


def _kept(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def _sum_back(g: Any, out: Any, a: Any, *, axis: tuple[int, ...], keepdims: builtins.bool) -> Any:
    return np.broadcast_to(g.reshape(_kept(a.shape, axis)), a.shape)


_sum = primitive(lambda a, *, axis, keepdims: np.add.reduce(a, axis=axis, keepdims=keepdims), _sum_back)


def sum(x: Any, *, axis: _Axis = None, keepdims: builtins.bool = False) -> Any:
    return _sum(x, axis=_normal(axis, x.ndim), keepdims=keepdims)


def _max_back(g: Any, out: Any, a: Any, *, axis: tuple[int, ...], keepdims: builtins.bool) -> Any:
    kept = _kept(a.shape, axis)
    hit = a == out.reshape(kept)
    count = np.add.reduce(getattr(hit, "outcome", hit), axis=axis, keepdims=True, dtype=g.dtype)
    return np.where(hit, g.reshape(kept) / count, 0.0)  # ties share equally


_max = primitive(lambda a, *, axis, keepdims: np.maximum.reduce(a, axis=axis, keepdims=keepdims), _max_back)


def max(x: Any, *, axis: _Axis = None, keepdims: builtins.bool = False) -> Any:
    return _max(x, axis=_normal(axis, x.ndim), keepdims=keepdims)


def min(x: Any, *, axis: _Axis = None, keepdims: builtins.bool = False) -> Any:
    return -max(-x, axis=axis, keepdims=keepdims)


def _transposed(x: Any) -> Any:
    return x.transpose((*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


_matmul = primitive(
    np.matmul,
    lambda g, out, a, b: np.matmul(g, _transposed(b)),
    lambda g, out, a, b: np.matmul(_transposed(a), g),
)


def matmul(a: Any, b: Any) -> Any:
    if a.ndim == 1 or b.ndim == 1:  # as matrices, so that the derivative has one form
        left = reshape(a, (1, -1)) if a.ndim == 1 else a
        right = reshape(b, (-1, 1)) if b.ndim == 1 else b
        full_shape = matmul(left, right)
        shape = full_shape.shape
        rows = shape[:-2] if a.ndim == 1 else shape[:-1]
        return reshape(full_shape, rows if b.ndim == 1 else (*rows, shape[-1]))
    return _matmul(a, b)


# -- layout ----------------------------------------------------------------------------------------------

_reshape = primitive(lambda a, *, shape: a.reshape(shape), lambda g, out, a, *, shape: g.reshape(a.shape))
_permute = primitive(
    lambda a, *, axes: a.transpose(axes),
    lambda g, out, a, *, axes: g.transpose(tuple(int(i) for i in np.argsort(axes))),
)
_broadcast = primitive(lambda a, *, shape: np.broadcast_to(a, shape), lambda g, out, a, *, shape: g)
_flip = primitive(lambda a, *, axis: np.flip(a, axis), lambda g, out, a, *, axis: np.flip(g, axis))


def reshape(x: Any, shape: Sequence[int]) -> Any:
    return _reshape(x, shape=tuple(shape))


def permute_dims(x: Any, axes: Sequence[int]) -> Any:
    return _permute(x, axes=tuple(i % x.ndim for i in axes))


def broadcast_to(x: Any, shape: Sequence[int]) -> Any:
    return _broadcast(x, shape=tuple(shape))


def flip(x: Any, *, axis: _Axis = None) -> Any:
    return _flip(x, axis=_normal(axis, x.ndim))


def expand_dims(x: Any, *, axis: int) -> Any:
    position = axis % (x.ndim + 1)
    return reshape(x, (*x.shape[:position], 1, *x.shape[position:]))


def squeeze(x: Any, *, axis: int | tuple[int, ...]) -> Any:
    drop = _normal(axis, x.ndim)
    if builtins.any(x.shape[i] != 1 for i in drop):
        raise ValueError(f"squeeze: axis {axis} of shape {x.shape} has more than one entry")
    return reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in drop))


def _embed(g: Any, shape: tuple[int, ...], key: Any) -> Any:
    if not isinstance(g, (np.ndarray, np.generic)):
        return g.embed(shape, key)
    whole = np.zeros(shape, g.dtype)
    whole[key] = g
    return whole


def _is_basic(key: Any) -> builtins.bool:
    parts = key if isinstance(key, tuple) else (key,)
    return builtins.all(p is None or p is Ellipsis or isinstance(p, (int, slice, np.integer)) for p in parts)


_getitem = primitive(lambda a, *, key: a[key], lambda g, out, a, *, key: _embed(g, a.shape, key))


def getitem(x: Any, key: Any) -> Any:
    if not _is_basic(key):
        raise TypeError(f"only integers, slices, None and Ellipsis index a recorded array, got {key!r}")
    return _getitem(x, key=key)


def _scatter(g: Any, shape: tuple[int, ...], indices: Any, axis: int) -> Any:
    """Zeros of `shape` to which each slice of `g` is added at its index along `axis`."""
    if not isinstance(g, (np.ndarray, np.generic)):
        return g.scatter(shape, indices, axis)
    whole = np.zeros(shape, g.dtype)
    np.add.at(whole, (slice(None),) * axis + (indices,), g)
    return whole


_take = primitive(
    lambda a, *, indices, axis: np.take(a, indices, axis),
    lambda g, out, a, *, indices, axis: _scatter(g, a.shape, indices, axis),
)


def take(x: Any, indices: Any, *, axis: int) -> Any:
    """The slices of `x` along `axis` at `indices`, integers >= 0 of one axis."""
    return _take(x, indices=indices, axis=axis % x.ndim)


def _piece(g: Any, start: int, stop: int, axis: int) -> Any:
    return g[(slice(None),) * axis + (slice(start, stop),)]


def concat(arrays: Sequence[Any], *, axis: int = 0) -> Any:
    position = axis % arrays[0].ndim
    ends = np.cumsum([x.shape[position] for x in arrays]).tolist()

    def vjp(i: int) -> Any:
        start, stop = ends[i] - arrays[i].shape[position], ends[i]
        return lambda g, out, *parts: _piece(g, start, stop, position)

    joined = primitive(lambda *parts: np.concatenate(parts, axis=position), *map(vjp, range(len(arrays))))
    return joined(*arrays)


def stack(arrays: Sequence[Any], *, axis: int = 0) -> Any:
    position = axis % (arrays[0].ndim + 1)
    return concat([expand_dims(x, axis=position) for x in arrays], axis=position)


def astype(x: Any, dtype: Any, *, copy: builtins.bool = True) -> Any:
    """A recorded array keeps its dtype: a change of precision in the middle has no one meaning here."""
    if isinstance(x, Tensor):
        if x.dtype != dtype:
            raise TypeError(f"astype: a recorded array stays {x.dtype}, asked for {dtype}")
        return x
    return x.astype(dtype) if copy or x.dtype != dtype else x


# -- operators of recorded arrays ------------------------------------------------------------------------


def _reverse(function: Any) -> Any:
    return lambda self, other: function(other, self)


def _integer_power(x: Any, n: Any) -> Any:
    if not isinstance(n, int) or n < 1:
        raise TypeError(f"**: a recorded array takes a positive integer exponent, got {n!r}")
    return math.prod([x] * n)


_OPERATORS = {
    "add": add,
    "sub": subtract,
    "mul": multiply,
    "truediv": divide,
    "matmul": matmul,
}
_COMPARISONS = {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}


def _comparing(function: Any) -> Any:
    return lambda self, other: function(self.value, raw(other))


for _name, _function in _OPERATORS.items():
    setattr(Tensor, f"__{_name}__", _function)
    setattr(Tensor, f"__r{_name}__", _reverse(_function))
for _name, _ufunc in _COMPARISONS.items():
    setattr(Tensor, f"__{_name}__", _comparing(_ufunc))
_METHODS: dict[str, Any] = {"neg": lambda self: negative(self), "pow": _integer_power, "getitem": getitem}
for _name, _method in _METHODS.items():
    setattr(Tensor, f"__{_name}__", _method)
