"""An array that carries, beside its value, what rounding could have made of it: the rounding model of DESIGN 4.

The value is computed at extended precision. K deviations in float64 say how far K different histories of rounding
in the dtype under test would have moved it, to first order, through every primitive. In the first half of them the
inputs are exact; in the second half they are off by one roundoff. It is a duck array and no ndarray subclass:
an operation that it does not know is a TypeError and never a silently lost error.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec._low_precision import LOW, limits, working_dtype
from nnspec.reference._noise import Noise
from nnspec.reference._sums import axes as axes_of
from nnspec.reference._sums import normalized, partial_sums, partial_sums_by_index, product_scale

__all__ = ["Condition", "Ensemble", "Model", "Wide", "as_low", "as_wide", "settled"]

Floats = NDArray[np.floating[Any]]
#: own rounding of an elementary function, in units of roundoff: no library rounds them correctly
ELEMENTARY = 4.0
#: how many root-mean-square deviations make a comparison certain
CERTAIN = 8.0
#: a result in float16 or bfloat16 has one rounding of that size, not some: a limit of 8 units allows two of them
ONCE = 4.0


@functools.lru_cache(maxsize=1024)
def _constant_error(dtype: np.dtype[Any], constant: float) -> float:
    if not math.isfinite(constant):
        return 0.0
    with np.errstate(all="ignore"):
        rounded = float(dtype.type(constant))
    return abs(rounded - constant) if math.isfinite(rounded) else 0.0


class Model:
    """The dtype under test and the histories of rounding.

    Args:
        dtype: the dtype whose rounding is modelled.
        members: K, even.
        extended: the dtype values are computed in.
        seed: of the noise.
    """

    def __init__(self, dtype: str, *, members: int = 32, extended: Any = np.longdouble, seed: int = 0) -> None:
        self.dtype = np.dtype(dtype)
        self.is_low = dtype in LOW
        self.compute_in(dtype)
        bounds = limits(working_dtype(dtype))
        self.roundoff = float(bounds.eps) / 2
        self.smallest = float(bounds.smallest_normal)
        self.largest = np.longdouble(bounds.max)
        #: of the last rounding of a result, and how large it may be where that is subnormal
        self.last, self.floor = self.roundoff, self.smallest
        if self.is_low:
            self.last = float(limits(dtype).eps) / 2 / ONCE
            self.floor = float(limits(dtype).smallest_subnormal) if dtype == "float16" else self.smallest
        self.extended = np.dtype(extended)
        self.members = members
        self.half = members // 2
        self._noise = Noise(seed)

    def compute_in(self, dtype: str) -> None:
        """What comes next is stored in `dtype`: a low one between operations, float32 inside of them."""
        self.computing = np.dtype(dtype)
        #: whether every result is rounded to a low dtype, for there is no operation around it
        self.stores = dtype in LOW

    def noise(self, shape: tuple[int, ...]) -> Floats:
        """Noise of unit variance for every member and element."""
        return self._noise((self.members, *shape))

    def exact(self, value: Any) -> Ensemble:
        """An array known exactly."""
        value = np.asarray(value, self.extended)
        return Ensemble(self, value, np.zeros((self.members + 1, *value.shape)))

    def input(self, value: Any) -> Ensemble:
        """An input: exact in the first half of the members, off by one roundoff in the second.

        Of float16 and bfloat16 by one roundoff of float32, in which everything is computed.
        """
        array = self.exact(value)
        with np.errstate(all="ignore"):
            off = self.roundoff * abs(_plain(array.value)) * self.noise(array.shape)[self.half :]
        array.deviations[self.half : -1] = np.nan_to_num(off, nan=0.0, posinf=0.0)
        return array

    def constant_error(self, constant: float) -> float:
        """How far a Python number moves when it is rounded to the dtype under test."""
        return _constant_error(self.computing, constant)


class Condition:
    """The outcome of a comparison, and where rounding may turn it over."""

    __array_ufunc__ = None

    def __init__(self, outcome: Any, uncertain: Any) -> None:
        self.outcome = outcome
        self.uncertain = uncertain

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.outcome.shape)

    @property
    def ndim(self) -> int:
        return int(self.outcome.ndim)

    def reshape(self, *shape: Any) -> Condition:
        return Condition(self.outcome.reshape(*shape), self.uncertain.reshape(*shape))

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("a comparison of uncertain values was used outside of where")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _FUNCTIONS[function](*args, **kwargs) if function in _FUNCTIONS else NotImplemented

    def __invert__(self) -> Condition:
        return Condition(~self.outcome, self.uncertain)

    def __and__(self, other: Any) -> Condition:
        a, b, x, y = self.outcome, _outcome(other), self.uncertain, _uncertain(other)
        return Condition(a & b, (x & (b | y)) | (y & (a | x)))  # a certain False decides

    def __or__(self, other: Any) -> Condition:
        return Condition.__invert__(~self & ~other)

    __rand__, __ror__ = __and__, __or__


def _outcome(condition: Any) -> Any:
    return condition.outcome if isinstance(condition, Condition) else condition


def _uncertain(condition: Any) -> Any:
    return condition.uncertain if isinstance(condition, Condition) else np.False_


def _plain(x: Any) -> Floats:
    """As float64, the precision deviations are kept in."""
    return np.asarray(x, np.float64)


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Ensemble) else x


def root_mean_square(deviations: Floats) -> Floats:
    """Over the members; scaled by the maximum first, since plain squares underflow."""
    if deviations.shape[0] == 0:
        return np.zeros(deviations.shape[1:])
    top = np.maximum.reduce(abs(deviations), axis=0)
    scale = np.where((top > 0) & np.isfinite(top), top, 1.0)
    squares = np.square(deviations / scale)
    return np.asarray(scale * np.sqrt(np.add.reduce(squares, axis=0) / len(deviations)))


class Ensemble(np.lib.mixins.NDArrayOperatorsMixin):
    """A value and its deviations, of shape (members + 1, *value.shape).

    The last row is no deviation but a marker: 0, or NaN where an intermediate result left the range of the dtype
    under test, so that a non-finite result is to be excused. It travels by the same arithmetic as the deviations.
    """

    __slots__ = ("deviations", "model", "value")

    def __init__(self, model: Model, value: Any, deviations: Floats) -> None:
        self.model = model
        self.value = np.asarray(value)
        self.deviations = deviations

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        return f"Ensemble({self.value!r})"

    # -- the result of the model -------------------------------------------------------------------------

    def spreads(self) -> tuple[Floats, Floats]:
        """Root mean square of the deviations: of the larger half, and of the half with exact inputs."""
        first = root_mean_square(self.deviations[: self.model.half])
        return np.maximum(first, root_mean_square(self.deviations[self.model.half : -1])), first

    def spread(self, *, exact_inputs: bool = False) -> Floats:
        """One of the two of `spreads`."""
        return self.spreads()[exact_inputs]

    @property
    def escaped(self) -> NDArray[np.bool_]:
        """Where an intermediate result left the dtype's range: a non-finite result is excused."""
        return np.asarray(~np.isfinite(self.deviations[-1]))

    # -- layout ------------------------------------------------------------------------------------------

    def reshape(self, *shape: Any) -> Ensemble:
        value = self.value.reshape(*shape)
        return type(self)(self.model, value, self.deviations.reshape(len(self.deviations), *value.shape))

    def transpose(self, axes: Sequence[int]) -> Ensemble:
        return type(self)(
            self.model,
            self.value.transpose(axes),
            self.deviations.transpose(0, *(i % self.ndim + 1 for i in axes)),
        )

    def __getitem__(self, key: Any) -> Ensemble:
        parts = key if isinstance(key, tuple) else (key,)
        return type(self)(self.model, self.value[key], self.deviations[(slice(None), *parts)])

    def embed(self, shape: tuple[int, ...], key: Any) -> Ensemble:
        """Zeros of `shape` with this array at `key` (basic indexing)."""
        parts = key if isinstance(key, tuple) else (key,)
        whole = self.model.exact(np.zeros(shape))
        whole.value[key] = self.value
        whole.deviations[(slice(None), *parts)] = self.deviations
        return whole

    def scatter(self, shape: tuple[int, ...], indices: Any, axis: int) -> Ensemble:
        """Zeros of `shape` to which each slice of this array is added at its index along `axis`.

        A sum rounds where an index occurs more than once.
        """
        whole = self.model.exact(np.zeros(shape))
        np.add.at(whole.value, (slice(None),) * axis + (indices,), self.value)
        np.add.at(whole.deviations, (slice(None),) * (axis + 1) + (indices,), self.deviations)
        scale = np.moveaxis(partial_sums_by_index(np.moveaxis(self.value, axis, 0), indices, shape[axis]), 0, axis)
        return _result(self.model, whole.value, whole.deviations, scale)

    def astype(self, dtype: Any) -> Ensemble:
        if np.dtype(dtype) != self.dtype:
            raise TypeError(f"an Ensemble of {self.dtype} cannot become {dtype}")
        return self

    # -- NumPy's protocols -------------------------------------------------------------------------------

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("an operation without a rounding model was applied to an Ensemble")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if options.pop("out", None) is not None:
            return NotImplemented
        if method == "reduce":
            rule = _REDUCTIONS.get(ufunc)
        else:
            rule = _UFUNCS.get(ufunc) if method == "__call__" and not options else None
        if rule is None:
            return NotImplemented
        return rule(*inputs, **options) if not self.model.is_low else _stored(rule, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function not in _FUNCTIONS:
            return NotImplemented
        rule = _FUNCTIONS[function]
        return rule(*args, **kwargs) if not self.model.is_low else _stored(rule, args, kwargs)


class Wide(Ensemble):
    """A result that stays in float32 where the dtype under test is float16 or bfloat16."""

    __slots__ = ()


class Low(Ensemble):
    """A result that is stored in float16 or bfloat16. What is computed from it starts from the rounded one."""

    __slots__ = ("_settled",)

    def settled(self) -> Ensemble:
        """What it is once it was stored; known exactly, it was representable."""
        if not hasattr(self, "_settled"):
            moved = self.deviations
            if moved[: self.model.half].any():
                roundoff = float(limits(self.model.dtype).eps) / 2
                moved = moved.copy()
                scale = roundoff * abs(_plain(self.value))
                moved[:-1] += np.where(np.isfinite(scale), scale, 0.0) * self.model.noise(self.shape)
            self._settled = Ensemble(self.model, self.value, moved)
        return self._settled


def settled(x: Any) -> Any:
    """`x` as an operation finds it."""
    return x.settled() if isinstance(x, Low) else x


def as_low(x: Any) -> Any:
    """`x` as a result that is stored in the dtype under test."""
    return Low(x.model, x.value, x.deviations) if isinstance(x, Ensemble) else x


def as_wide(x: Any) -> Any:
    """`x` as a result that stays in float32."""
    return Wide(x.model, x.value, x.deviations) if isinstance(x, Ensemble) else x


def _stored(rule: Callable[..., Any], args: Sequence[Any], options: dict[str, Any]) -> Any:
    """What a rule makes of arrays some of which are stored in a low dtype: stored like them."""
    flat = [x for arg in args for x in (arg if isinstance(arg, (list, tuple)) else (arg,)) if isinstance(x, Ensemble)]
    if rule in _LAYOUT:
        return type(flat[0])(flat[0].model, (out := rule(*args, **options)).value, out.deviations)
    ready = [[settled(x) for x in arg] if isinstance(arg, (list, tuple)) else settled(arg) for arg in args]
    result = rule(*ready, **options)
    if not isinstance(result, Ensemble):
        return result
    if flat and all(isinstance(x, Wide) for x in flat):
        return as_wide(result)
    return as_low(result) if result.model.stores or any(isinstance(x, Low) for x in flat) else result


# -- building blocks of the rules --------------------------------------------------------------------------


def _model(*xs: Any) -> Model:
    return next(x.model for x in xs if isinstance(x, Ensemble))


def _lifted(x: Any, ndim: int, model: Model) -> Any:
    """Deviations with room for broadcasting to `ndim` axes; a Python number may be rounded, arrays are exact."""
    if isinstance(x, Ensemble):
        missing = ndim - x.ndim
        return x.deviations.reshape(len(x.deviations), *(1,) * missing, *x.shape) if missing else x.deviations
    if isinstance(x, float) and (error := model.constant_error(x)):
        moved = np.zeros((model.members + 1, *(1,) * ndim))
        moved[:-1] = error * model.noise((1,) * ndim)
        return moved
    return 0.0


def _result(model: Model, value: Any, deviations: Any, scale: Any, underflow: Any = False) -> Ensemble:
    """A rounded result: one roundoff of `scale`, and of the smallest normal where it may underflow.

    Deviations as large as the result are written to; the caller has no use for them.
    """
    value = np.asarray(value)
    size = abs(_plain(value))
    noise_scale = model.roundoff * (size if scale is value else abs(_plain(scale)))
    if underflow is not False:
        noise_scale = noise_scale + model.smallest * underflow
    if not math.isfinite(np.add.reduce(noise_scale, axis=None)):
        noise_scale = np.where(np.isfinite(noise_scale), noise_scale, 0.0)
    shape = (model.members + 1, *value.shape)
    out = deviations
    if np.shape(deviations) != shape:
        out = np.empty(shape)
        out[...] = deviations
    out[:-1] += noise_scale * model.noise(value.shape)
    if not np.maximum.reduce(size, axis=None, initial=0.0) <= float(model.largest):  # rarely; then to the last digit
        beyond = (abs(value) > model.largest) & np.isfinite(value)
        out[-1, ...][beyond] = np.nan
    return Ensemble(model, value, out)


def _moved(deviations: Any) -> Any:
    """Where any member deviates."""
    return np.logical_or.reduce(deviations[:-1], axis=0) if isinstance(deviations, np.ndarray) else np.False_


def _certainty(difference: Any, deviations: Any, model: Model) -> Any:
    """Where a comparison may turn over, judged by the members with exact inputs."""
    if not np.ndim(deviations):
        return np.zeros(np.shape(difference), bool)
    spread = root_mean_square(deviations[: model.half])
    return (spread > 0) & (abs(_plain(difference)) <= CERTAIN * spread)


def _jump(array: Ensemble, scale: Any) -> Ensemble:
    """Noise of `scale` in the members with exact inputs: a decision that may fall either way."""
    model = array.model
    deviations = array.deviations.copy()
    jump = np.where(np.isfinite(scale), scale, 0.0) * model.noise(array.shape)[: model.half]
    deviations[: model.half] += jump
    return Ensemble(model, array.value, deviations)


# -- arithmetic --------------------------------------------------------------------------------------------


def _binary(function: Any, a: Any, b: Any) -> tuple[Model, Any, Any, Any, Any, Any]:
    model = a.model if isinstance(a, Ensemble) else b.model
    x, y = _value(a), _value(b)
    out = function(x, y)
    ndim = out.ndim
    return model, out, x, y, _lifted(a, ndim, model), _lifted(b, ndim, model)


def _add(a: Any, b: Any) -> Ensemble:
    model, out, _, _, p, q = _binary(np.add, a, b)
    return _result(model, out, p + q, out)


def _subtract(a: Any, b: Any) -> Ensemble:
    model, out, _, _, p, q = _binary(np.subtract, a, b)
    return _result(model, out, p - q, out)


def _multiply(a: Any, b: Any) -> Ensemble:
    model, out, x, y, p, q = _binary(np.multiply, a, b)
    u, v = _plain(x), _plain(y)
    underflow = ((u != 0) | _moved(p)) & ((v != 0) | _moved(q))
    return _result(model, out, p * v + u * q + p * q, out, underflow)


def _divide(a: Any, b: Any) -> Ensemble:
    model, out, x, y, p, q = _binary(np.divide, a, b)
    u, v = _plain(x), _plain(y)
    return _result(model, out, (p - _plain(out) * q) / (v + q), out, (u != 0) | _moved(p))


def _negative(a: Ensemble) -> Ensemble:
    return Ensemble(a.model, -a.value, -a.deviations)


def _sign(a: Ensemble) -> Ensemble:
    uncertain = _certainty(a.value, a.deviations, a.model)
    exact = a.model.exact(np.sign(a.value))
    exact.deviations[-1] = a.deviations[-1]
    return _jump(exact, np.where(uncertain, 2.0, 0.0)) if np.any(uncertain) else exact


def elementary(function: Callable[[Any], Any], times: float = ELEMENTARY) -> Callable[[Ensemble], Ensemble]:
    """The rule of a unary function: deviations by its secant slope, own noise of `times` roundoffs.

    The slope is taken over the deviation itself, so no table of derivatives is needed and none can be wrong.
    """

    def rule(a: Ensemble) -> Ensemble:
        model, x = a.model, a.value
        spread = root_mean_square(a.deviations[:-1])
        step = np.where(np.isfinite(spread), np.maximum(spread, model.roundoff * abs(_plain(x))), 0.0)
        step = np.where(step == 0, model.smallest, step).astype(x.dtype)
        out = function(x)
        right, left = (function(x + step) - out) / step, (out - function(x - step)) / step
        middle = np.where(np.isnan(right), left, np.where(np.isnan(left), right, (right + left) / 2))
        slope = _plain(middle)
        deviations = np.where(a.deviations == 0, 0.0, slope * a.deviations)
        argument = np.nan_to_num(slope) * _plain(x) if times > 1 else 0.0
        scale = np.hypot(times * _plain(out), np.where(np.isfinite(argument), argument, 0.0))
        return _result(model, out, deviations, scale, (x != 0) | (spread > 0))

    return rule


def _compare(ufunc: Any) -> Callable[[Any, Any], Condition]:
    def rule(a: Any, b: Any) -> Condition:
        model, out, x, y, p, q = _binary(ufunc, a, b)
        return Condition(out, _certainty(np.subtract(x, y), p - q, model))

    return rule


def _where(condition: Any, a: Any, b: Any) -> Any:
    chosen = _outcome(condition)
    if not any(isinstance(x, Ensemble) for x in (a, b)):
        if not np.any(_uncertain(condition)):
            return np.where(chosen, a, b)
        raise TypeError("an uncertain choice between exact values has no model to take its rounding from")
    model = _model(a, b)
    x, y = _value(a), _value(b)
    value = np.asarray(np.where(chosen, x, y), dtype=model.extended)
    p, q = _lifted(a, value.ndim, model), _lifted(b, value.ndim, model)
    deviations, shape = np.where(chosen, p, q), (model.members + 1, *value.shape)
    out = Ensemble(model, value, np.broadcast_to(deviations, shape) if deviations.shape != shape else deviations)
    uncertain = np.broadcast_to(_uncertain(condition), value.shape)
    if not np.any(uncertain):
        return out
    spread = [root_mean_square(d[: model.half]) if np.ndim(d) else 0.0 for d in (p, q)]
    scale = np.hypot(_plain(np.subtract(x, y)), np.where(chosen, spread[1], spread[0]))
    return _jump(out, np.where(uncertain, scale, 0.0))


def _maximum(a: Any, b: Any) -> Any:
    return _where(_compare(np.greater)(a, b), a, b)


# -- sums and products ---------------------------------------------------------------------------------------


def _sum(a: Ensemble, *, axis: Any = None, keepdims: bool = False) -> Ensemble:
    axes = axes_of(axis, a.ndim)
    value = np.sum(a.value, axis=axes, keepdims=keepdims)
    deviations = np.sum(a.deviations, axis=tuple(i + 1 for i in axes), keepdims=keepdims)
    return _result(a.model, value, deviations, partial_sums(a.value, axes).reshape(value.shape))


def _largest(a: Ensemble, *, axis: Any = None, keepdims: bool = False) -> Ensemble:
    axes = axes_of(axis, a.ndim)
    value = np.maximum.reduce(a.value, axis=axes, keepdims=True)
    shifted = _plain(a.value - value) + a.deviations
    deviations = np.max(shifted, axis=tuple(i + 1 for i in axes), keepdims=True)
    if not keepdims:
        value = value.squeeze(axes)
    return Ensemble(a.model, value, deviations.reshape(len(deviations), *value.shape))


def _matmul(a: Any, b: Any) -> Ensemble:
    model = _model(a, b)
    value = np.matmul(_value(a), _value(b))
    x, y = _plain(_value(a)), _plain(_value(b))
    p, q = _lifted(a, value.ndim, model), _lifted(b, value.ndim, model)
    deviations: Any = 0.0
    if np.ndim(p):
        deviations = deviations + np.matmul(p, y)
    if np.ndim(q):
        deviations = deviations + np.matmul(x, q)
    if x.shape[-1] == 0:
        return _result(model, value, deviations, np.zeros(value.shape))
    (xs, top_x), (ys, top_y) = normalized(x), normalized(y)
    return _result(model, value, deviations, product_scale(xs, ys) * top_x * top_y, underflow=True)


def add_bias(y: Any, bias: Any, terms: int) -> Any:
    """`y + bias` where the bias may have been the first of `terms` accumulated terms: each rounding at its size."""
    out = _add(y, bias)
    scale = out.model.roundoff * math.sqrt(max(terms, 1)) * abs(_plain(_value(bias)))
    deviations = out.deviations.copy()
    deviations[:-1] += np.where(np.isfinite(scale), scale, 0.0) * out.model.noise(out.shape)
    return Ensemble(out.model, out.value, deviations)


# -- functions of NumPy --------------------------------------------------------------------------------------


def _like(x: Any, model: Model) -> Ensemble:
    return x if isinstance(x, Ensemble) else model.exact(x)


def _concatenate(arrays: Sequence[Any], axis: int = 0) -> Ensemble:
    model = _model(*arrays)
    parts = [_like(x, model) for x in arrays]
    position = axis % parts[0].ndim
    return Ensemble(
        model,
        np.concatenate([x.value for x in parts], axis=position),
        np.concatenate([x.deviations for x in parts], axis=position + 1),
    )


def _broadcast_to(x: Ensemble, shape: Sequence[int]) -> Ensemble:
    shape = tuple(shape)
    lifted = _lifted(x, len(shape), x.model)
    return Ensemble(x.model, np.broadcast_to(x.value, shape), np.broadcast_to(lifted, (lifted.shape[0], *shape)))


def _flip(x: Ensemble, axis: Any = None) -> Ensemble:
    axes = axes_of(axis, x.ndim)
    return Ensemble(x.model, np.flip(x.value, axes), np.flip(x.deviations, tuple(i + 1 for i in axes)))


def _take(x: Ensemble, indices: Any, axis: int) -> Ensemble:
    return Ensemble(x.model, np.take(x.value, indices, axis), np.take(x.deviations, indices, axis + 1))


def _zeros_like(x: Ensemble) -> Ensemble:
    return x.model.exact(np.zeros(x.shape))


def _ones_like(x: Ensemble) -> Ensemble:
    return x.model.exact(np.ones(x.shape))


def _full_like(x: Ensemble, value: Any) -> Ensemble:
    return x.model.exact(np.full(x.shape, value))


_UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.divide: _divide,
    np.negative: _negative,
    np.sign: _sign,
    np.maximum: _maximum,
    np.matmul: _matmul,
    np.sqrt: elementary(np.sqrt, 1.0),
    **{f: elementary(f) for f in (np.exp, np.expm1, np.log, np.log1p, np.tanh, np.sin, np.cos)},
    **{f: _compare(f) for f in (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)},
    **{f: (lambda a, _f=f: _f(a.value)) for f in (np.isnan, np.isinf, np.isfinite)},
}
_REDUCTIONS: dict[Any, Callable[..., Any]] = {np.add: _sum, np.maximum: _largest}
#: rules that move a single array and compute nothing
_LAYOUT = frozenset({_broadcast_to, _flip, _take})
_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.concatenate: _concatenate,
    np.broadcast_to: _broadcast_to,
    np.flip: _flip,
    np.take: _take,
    np.zeros_like: _zeros_like,
    np.ones_like: _ones_like,
    np.full_like: _full_like,
}
