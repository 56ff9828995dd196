"""Canaries: inputs lie inside larger buffers, between values that nobody may read or write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec import Backend
from nnspec._low_precision import is_floating_dtype

__all__ = ["Canaries"]

#: bytes before and after an input: a cache line, which leaves its address as well aligned as the buffer's
_ROOM = 64


@dataclass(frozen=True)
class _Buffer:
    """One input of the case as it was laid down."""

    name: str
    array: Any
    before: NDArray[Any]
    #: where the input lies in it
    first: int
    last: int


@dataclass
class Canaries:
    """The buffers of a case's inputs on one backend.

    Around an input lie NaN, or for integers a large number, so that what reads them shows in the result. A backend
    that traces has immutable arrays: there the inputs lie by themselves, and their values alone are looked at.
    """

    backend: Backend
    _buffers: list[_Buffer] = field(default_factory=list)

    def put(self, name: str, x: NDArray[Any]) -> Any:
        """The host data as an array of the backend, watched from now on."""
        dtype = str(x.dtype)
        room = 0 if self.backend.traced else _ROOM // x.dtype.itemsize
        host = np.concatenate([_sentinels(room, x.dtype), x.ravel(), _sentinels(room, x.dtype)]) if room else x
        array = self.backend.asarray(host, dtype=dtype)
        self._buffers.append(_Buffer(name, array, host, room, room + x.size))
        if not room:
            return array
        return self.backend.xp.reshape(array[room : room + x.size], x.shape)

    def complaint(self) -> str | None:
        """What was written to since, if anything was."""
        for buffer in self._buffers:
            now = self.backend.to_numpy(buffer.array)
            if now.astype(buffer.before.dtype, copy=False).tobytes() != buffer.before.tobytes():
                return _told(buffer, now)
        return None


def _sentinels(count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    if is_floating_dtype(dtype):
        return np.full(count, np.nan, dtype)
    if dtype.kind == "b":
        return np.ones(count, dtype)
    return np.frombuffer(b"\x5a" * count * dtype.itemsize, dtype)


def _told(buffer: _Buffer, now: NDArray[Any]) -> str:
    if now.shape != buffer.before.shape:
        return f"{buffer.name}: its buffer has shape {now.shape}, it had {buffer.before.shape}"
    words = [np.ascontiguousarray(x).view(np.uint8).reshape(x.size, -1) for x in (now, buffer.before)]
    at = int(np.flatnonzero((words[0] != words[1]).any(axis=-1))[0])
    if at < buffer.first:
        return f"{buffer.name}: written to {buffer.first - at} entries before its first"
    if at >= buffer.last:
        return f"{buffer.name}: written to {at - buffer.last + 1} entries after its last"
    return f"{buffer.name}: changed by the call"
