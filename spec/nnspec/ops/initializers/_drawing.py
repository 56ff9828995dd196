"""Draws on the host, in NumPy, and the family they are made for."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from nnspec import _threefry
from nnspec._low_precision import LOW, working_dtype
from nnspec.operation import Array, Family

__all__ = ["FAR", "Drawing", "gaussian", "reflected"]

#: no float64 probability is left this many standard deviations out
FAR = 37.0
#: columns of an orthogonal matrix that are computed together
_PANEL = 64


def _toward_zero(value: float, dtype: str) -> Any:
    """`value` in `dtype`, not larger in magnitude than it was."""
    rounded = np.dtype(dtype).type(value)
    return np.nextafter(rounded, rounded.dtype.type(0)) if abs(float(rounded)) > abs(value) else rounded


def _rounded(x: Any, low: float, high: float, dtype: str, *, below: bool) -> Any:
    """Numbers of [low, high] in `dtype`, not rounded across a bound; `below`: nor onto `high`."""
    first, last = (np.dtype(dtype).type(bound) for bound in (low, high))
    if float(first) < low:
        first = np.nextafter(first, last)
    if float(last) > high or (below and float(last) == high):
        last = np.nextafter(last, first)
    return np.clip(x.astype(dtype), first, last)


def _between(u: Any, low: float, high: float) -> Any:
    """Numbers in [low, high) from `u` in [0, 1), in the dtype of `u`."""
    dtype = str(u.dtype)
    if low == -high:
        return _toward_zero(high, dtype) * (2 * u - 1)
    return _rounded(low + (high - low) * u.astype(np.float64), low, high, dtype, below=True)


def _step(u: Any) -> float:
    """The distance of neighbours among uniform numbers."""
    return 2.0**-52 if u.dtype == np.float64 else 2.0**-23


def gaussian(u: Any, mean: float, std: float) -> Any:
    """Normal numbers in float64 from `u` in [0, 1), whose steps are halved so that neither end is reached."""
    from scipy.special import erfinv

    symmetric = 2 * u.astype(np.float64) - 1 + _step(u)  # exact: 2 (u + step / 2) - 1
    return mean + std * (math.sqrt(2) * erfinv(symmetric))


def _mass(low: float, high: float) -> float:
    """The standard normal's probability of [low, high], without cancellation of what is nearly 1."""
    from scipy.special import erf, ndtr

    if low < 0 < high:
        return float(erf(high / math.sqrt(2)) - erf(low / math.sqrt(2))) / 2
    return float(ndtr(-low) - ndtr(-high) if low >= 0 else ndtr(high) - ndtr(low))


def _truncated_gaussian(u: Any, low: float, high: float) -> Any:
    """Standard normal numbers between two bounds, in float64; each from the tail it is in, where it is accurate."""
    from scipy.special import ndtr, ndtri

    u = u.astype(np.float64) + _step(u) / 2
    mass = _mass(low, high)
    left, right = ndtr(low) + u * mass, ndtr(-high) + (1 - u) * mass
    return np.clip(np.where(left < right, ndtri(left), -ndtri(right)), low, high)


def reflected(key: Any, rows: int, columns: int) -> Any:
    """A float64 matrix of `columns` <= `rows` orthonormal columns, uniformly distributed (see `init_orthogonal`)."""
    normals = gaussian(_threefry.uniform(key, (columns, rows), "float64"), 0.0, 1.0)
    reflections = [_reflection(x[: rows - k]) for k, x in enumerate(normals)]
    q = np.zeros((rows, columns))
    for start in range(0, columns, _PANEL):  # a few columns at a time, which stay in the cache; they are independent
        panel = q[:, start : start + _PANEL]
        stop = start + panel.shape[1]
        work = np.empty(panel.shape)
        for k in reversed(range(stop)):
            v, scaled, diagonal = reflections[k]
            first = max(k - start, 0)
            if k >= start:
                panel[k, first] = diagonal
            block = panel[k:, first:]
            products = np.multiply(v[:, None], block, out=work[k:, first:])
            # summed row by row, by additions of whole rows: the order depends neither on BLAS nor on the processor
            sums = np.add.reduce(products, axis=0)
            block -= np.multiply(scaled[:, None], sums, out=products)
    return q


def _reflection(x: Any) -> tuple[Any, Any, float]:
    """v and 2 v / |v|^2 of the reflection that takes `x` to the first axis, and the sign that makes it Stewart's."""
    sign = math.copysign(1.0, x[0])
    length = math.sqrt(math.fsum((x * x).tolist()))
    v = x.copy()
    v[0] += sign * length
    return v, v / (length * abs(v[0])), -sign


class Drawing(Family):
    """What every initializer does last: hand an array made on the host to the backend."""

    #: floating dtype of results where none is asked for
    dtype: str
    #: floating dtypes that can be asked for
    dtypes: ClassVar[tuple[str, ...]]

    def _handed(self, host: Any, dtype: str | None) -> Array:
        """A float64 array, rounded once."""
        return self.asarray(host, dtype=dtype or self.dtype)

    def _bounded(self, drawn: Any, low: float, high: float, dtype: str | None, *, below: bool) -> Array:
        """Handed over without leaving the bounds in float16 or bfloat16 either."""
        wanted = dtype or self.dtype
        return self._handed(_rounded(drawn, low, high, wanted, below=below) if wanted in LOW else drawn, dtype)

    def _full(self, shape: tuple[int, ...], value: float, dtype: str | None) -> Array:
        return self._handed(np.full(shape, value, np.float64), dtype)

    def _unit_draws(self, key: Array, shape: tuple[int, ...], dtype: str | None) -> Any:
        return _threefry.uniform(self.to_numpy(key), shape, working_dtype(dtype or self.dtype))

    def _uniform(self, key: Array, shape: tuple[int, ...], low: float, high: float, dtype: str | None) -> Array:
        drawn = _between(self._unit_draws(key, shape, dtype), low, high)
        return self._bounded(drawn, low, high, dtype, below=True)

    def _normal(self, key: Array, shape: tuple[int, ...], mean: float, std: float, dtype: str | None) -> Array:
        u = self._unit_draws(key, shape, dtype)
        return self._handed(gaussian(u, mean, std).astype(u.dtype), dtype)

    def _truncated(
        self,
        key: Array,
        shape: tuple[int, ...],
        mean: float,
        std: float,
        bounds: tuple[float, float],
        dtype: str | None,
    ) -> Array:
        """Normal between `bounds`, in standard deviations from the mean."""
        u = self._unit_draws(key, shape, dtype)
        low, high = (mean + std * bound for bound in bounds)
        drawn = _rounded(mean + std * _truncated_gaussian(u, *bounds), low, high, str(u.dtype), below=False)
        return self._bounded(drawn, low, high, dtype, below=False)
