"""The reference backend: every operation by its definition, at extended precision, optionally with its rounding."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import optree

from nnspec._low_precision import LOW, WIDE, is_floating_dtype
from nnspec.backend import Backend, Flat
from nnspec.errors import DeviceUnavailableError
from nnspec.operation import Array, Operation
from nnspec.reference import special
from nnspec.reference.ensemble import Ensemble, Model, add_bias, as_low, as_wide, elementary, settled
from nnspec.tape import Tensor, namespace, primitive, pullback, raw

__all__ = ["Reference"]


def _special(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A special function of arrays, carrying the rounding of an elementary function where they are ensembles."""
    rule = elementary(function)
    return lambda a: rule(a) if isinstance(a, Ensemble) else function(a)


_erf = primitive(_special(special.erf), lambda g, out, a: g * (np.exp(-(a * a)) * float(special.TWO_OVER_SQRT_PI)))


def _add_bias(y: Any, bias: Any, *, terms: int) -> Any:
    return add_bias(y, bias, terms) if isinstance(y, Ensemble) or isinstance(bias, Ensemble) else y + bias


_bias = primitive(_add_bias, lambda g, out, y, bias, *, terms: g, lambda g, out, y, bias, *, terms: g)


_entering = primitive(settled, lambda g, out, a: as_low(g))
_leaving = primitive(as_low, lambda g, out, a: settled(g))
_kept = primitive(as_wide, lambda g, out, a: g)


class Reference(Backend):
    """The definitions themselves. With a model its arrays are ensembles, without one extended-precision arrays.

    Args:
        model: the rounding to carry along.
        stated: use the gradients that operations state in terms of their saved output, the output off by one
            rounding, in place of the definition's own (DESIGN 4, rule 7).
    """

    name = "reference"
    dtypes = ("float32", "float64", *LOW)
    xp = namespace

    def __init__(self, model: Model | None = None, *, stated: bool = False) -> None:
        self.device = "cpu"
        self.dtype = "float64" if model is None else str(model.dtype)  # of what is drawn, as on a backend
        self.model = model
        self.extended = np.dtype(np.longdouble) if model is None else model.extended
        #: names of the operations called that state a derivative
        self.stated_used: set[str] = set()
        #: whether an operation is running, and computes in float32 what it was asked for in a lower precision
        self._inside = False
        for op in self.operations().values():
            if op.derivative is not None:
                setattr(self, op.name, self._noting(op, stated))

    def _noting(self, op: Operation, stated: bool) -> Callable[..., Any]:
        defined = getattr(self, op.name)
        by_output = _by_output(self, op, defined)

        def call(*args: Any, **kwargs: Any) -> Any:
            self.stated_used.add(op.name)
            if not stated:
                return defined(*args, **kwargs)
            bound = op.signature.bind(self, *args, **kwargs)  # arrays may come by keyword: recorded ones may not
            if self.low_dtype(op, bound.args[1:], bound.kwargs) is None:
                return by_output(*bound.args[1:], **bound.kwargs)
            given = [self.widened(x) if self.is_low(x) else x for x in bound.args[1:]]
            with self.in_float32():
                return self.rounded(by_output(*given, **bound.kwargs), self.dtype)

        return call

    @classmethod
    def devices(cls) -> tuple[str, ...]:
        return ("cpu",)

    def resolve_device(self, device: str | None) -> str:
        if device not in (None, "cpu"):
            raise DeviceUnavailableError(f"device: the reference runs on cpu, got {device!r}")
        return "cpu"

    def asarray(self, x: Any, *, dtype: str | None = None) -> Array:
        if isinstance(x, (Tensor, Ensemble)):
            return x
        given = np.asarray(x)
        made = given if dtype is None else given.astype(dtype)
        if not is_floating_dtype(made.dtype):
            return made
        if self.model is not None and given.dtype.kind in "iu":
            return self.model.exact(made)  # known exactly, and what is computed from it rounds
        return made.astype(self.extended)

    def to_numpy(self, x: Array) -> Any:
        x = raw(x)
        return np.array(x.value if isinstance(x, Ensemble) else x)

    def is_floating(self, x: Array) -> bool:
        return getattr(x, "dtype", None) == self.extended

    def is_integer(self, x: Array) -> bool:
        dtype = getattr(x, "dtype", None)
        return isinstance(dtype, np.dtype) and dtype.kind in "iu"

    def is_concrete(self, x: Array) -> bool:
        return True

    def erf(self, x: Array) -> Array:
        return _erf(x)

    def stop_gradient(self, x: Array) -> Array:
        return raw(x)

    def add_bias(self, y: Array, bias: Array, terms: int) -> Array:
        return _bias(y, bias, terms=terms)

    # -- float16 and bfloat16: the values stay, the rounding is carried along -------------------------------

    def low_dtype(self, op: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.model is None or not self._between_low:
            return None
        if op.low != "round":
            return self.model.dtype
        given: Any = (args, kwargs)
        return self.model.dtype if any(map(self.is_floating, optree.tree_leaves(given))) else None

    def is_low(self, x: Any) -> bool:
        return self._between_low and self.is_floating(x)

    def is_wide(self, x: Any) -> bool:
        return self.is_floating(x)

    def widened(self, x: Array) -> Array:
        return _entering(x)

    def rounded(self, x: Array, low: Any) -> Array:
        return _leaving(x)

    def kept_wide(self, x: Array) -> Array:
        assert self.model is not None
        return _kept(x if isinstance(raw(x), Ensemble) else self.model.exact(x))

    def resumed(self, master: Array, param: Array) -> Array:
        m, p = raw(master), raw(param)
        if not isinstance(m, Ensemble) or not isinstance(p, Ensemble):
            return master
        same = m.value == p.value
        return Ensemble(m.model, np.where(same, m.value, p.value), np.where(same, m.deviations, p.deviations))

    @contextlib.contextmanager
    def in_float32(self) -> Iterator[None]:
        assert self.model is not None
        self._inside, self.dtype = True, WIDE
        self.model.compute_in(WIDE)
        try:
            yield
        finally:
            self._inside, self.dtype = False, str(self.model.dtype)
            self.model.compute_in(self.dtype)

    @property
    def _between_low(self) -> bool:
        return self.model is not None and self.model.is_low and not self._inside

    def flat_vjp(self, function: Callable[[Flat], Flat], leaves: Flat) -> tuple[Flat, Callable[[Flat], Flat]]:
        recorded = [Tensor(raw(leaf)) for leaf in leaves]
        outputs = function(list(recorded))
        return [raw(o) for o in outputs], pullback(outputs, recorded)


def _by_output(backend: Reference, op: Operation, defined: Callable[..., Any]) -> Callable[..., Any]:
    """The operation as one recorded step whose gradient is the stated one."""
    derivative = op.derivative
    assert derivative is not None

    def forward(*arrays: Any, **options: Any) -> Any:
        return defined(*arrays, **options)

    def vjp(position: int) -> Callable[..., Any]:
        def back(g: Any, out: Any, *arrays: Any, **options: Any) -> Any:
            return derivative(backend, g, _off_by_one_rounding(out), *arrays, **options)[position]

        return back

    return primitive(forward, *(vjp(i) for i in range(len(op.signature.parameters))))


def _off_by_one_rounding(out: Any) -> Any:
    """What is saved is the rounded output: its value as a whole is off by one roundoff."""
    if not isinstance(out, Ensemble):
        return out
    moved = out.deviations.copy()
    moved[:-1] += out.model.roundoff * abs(out.value.astype(np.float64)) * out.model.noise(out.shape)
    return Ensemble(out.model, out.value, moved)
