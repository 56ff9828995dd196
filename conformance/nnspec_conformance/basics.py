"""What every case builds on: data go in and come out unchanged. Where that is broken no case says anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec import Backend
from nnspec._low_precision import is_floating_dtype, limits

__all__ = ["broken_basic"]

_SHAPES: tuple[tuple[int, ...], ...] = ((), (0,), (2, 0, 3), (1,), (7,), (2, 3), (2, 1, 3))


def broken_basic(backend: Backend) -> str | None:
    """The first basic that is broken, as "name: how"; None if all hold. In the backend's own dtype."""
    for name, complaints in _BASICS.items():
        try:
            complaint = next(complaints(backend), None)
        except Exception as error:
            complaint = f"raised {type(error).__name__}: {error}"
        if complaint is not None:
            return f"{name}: {complaint}"[:500]
    return None


def _floats(backend: Backend) -> NDArray[Any]:
    """Every kind of number of the dtype."""
    info = limits(backend.dtype)
    small, large = float(info.smallest_normal), float(np.finfo(np.float32).max) if info.bits > 16 else 1e4
    entries = [0.0, -0.0, 1.0, -1.5, small, -small, small / 4, large, -large, np.inf, -np.inf, np.nan, 1 / 3]
    with np.errstate(all="ignore"):
        return np.asarray(entries, np.float64).astype(backend.dtype)


def _data(backend: Backend) -> Iterator[NDArray[Any]]:
    floats = _floats(backend)
    yield floats
    yield np.asarray([True, False, True])
    yield np.asarray([0, 1, -1, 2**31 - 1, -(2**31)], np.int32)
    for shape in _SHAPES:
        yield np.resize(floats[2:5], shape).astype(backend.dtype)


def _asarray(backend: Backend) -> Iterator[str]:
    for host in _data(backend):
        array = backend.asarray(host, dtype=str(host.dtype))
        if tuple(array.shape) != host.shape:
            yield f"{host.dtype} of shape {host.shape} became an array of shape {tuple(array.shape)}"
        back = backend.to_numpy(array)
        if not isinstance(back, np.ndarray):
            yield f"to_numpy returned {type(back).__name__}, expected a NumPy array"
        elif back.shape != host.shape or back.dtype != host.dtype:
            yield f"{host.dtype} of shape {host.shape} came back as {back.dtype} of shape {back.shape}"
        elif back.tobytes() != host.tobytes():
            yield f"{host.dtype} of shape {host.shape} came back with other bits: {_first_difference(host, back)}"
    yield from _defaults(backend)


def _first_difference(host: NDArray[Any], back: NDArray[Any]) -> str:
    for before, after in zip(host.ravel(), back.ravel(), strict=True):
        if before.tobytes() != after.tobytes():
            return f"{before} became {after}"
    return "none"


def _defaults(backend: Backend) -> Iterator[str]:
    """Python numbers and lists without a dtype."""
    own = backend.dtype
    for given, dtype in ((1.5, own), ([1.0, 2.0], own), ([True], "bool"), ([3], "int")):
        back = backend.to_numpy(backend.asarray(given))
        if not str(back.dtype).startswith(dtype) or not np.array_equal(back, np.asarray(given)):
            yield f"{given!r} became {back.tolist()!r} of dtype {back.dtype}, expected {dtype}"


def _copies(backend: Backend) -> Iterator[str]:
    host = np.arange(6).astype(backend.dtype)
    array = backend.asarray(host, dtype=backend.dtype)
    host[...] = 0
    if not np.array_equal(backend.to_numpy(array), np.arange(6)):
        yield "the array changes with the NumPy data it was made from"
    if not backend.traced:  # where arrays cannot be changed, a view of one does no harm
        backend.to_numpy(array)[...] = 0
        if not np.array_equal(backend.to_numpy(array), np.arange(6)):
            yield "the array changes with what to_numpy returned"


def _kinds(backend: Backend) -> Iterator[str]:
    for host in (np.zeros(2, backend.dtype), np.zeros(2, np.int32), np.zeros(2, bool)):
        array = backend.asarray(host, dtype=str(host.dtype))
        found = bool(backend.is_floating(array)), bool(backend.is_integer(array))
        wanted = is_floating_dtype(host.dtype), host.dtype.kind == "i"
        if found != wanted:
            yield f"of an array of {host.dtype} it is {found[0]} and is_integer is {found[1]}"


_BASICS: dict[str, Callable[[Backend], Iterator[str]]] = {
    "asarray": _asarray,
    "to_numpy": _copies,
    "is_floating": _kinds,
}
