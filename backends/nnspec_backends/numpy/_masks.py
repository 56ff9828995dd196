"""Threefry into buffers: the masks of all sites of a step in one pass, and single blocks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from nnspec._threefry import ROTATIONS, WORD, block_of_numbers, schedule
from nnspec_backends.numpy._plan import Traced

__all__ = ["Masks", "fold_into", "recorded_mask"]

#: blocks computed at a time, so that what they are made of stays in the cache
_CHUNK = 1 << 14


def fold_into(out: Any, key: Any, data: Any) -> None:
    """The key of `fold_in`, written into `out`."""
    out.view(np.uint32)[...] = block_of_numbers(key.tolist(), 0, int(data) & WORD)


class Masks:
    """The masks of several sites, drawn with one key: `masks(key, *outs)`.

    A mask belongs to a site, has a number of elements, and is True where a lane of 16 bits is below its limit.
    """

    def __init__(self) -> None:
        self._sites: list[tuple[int, int, int]] = []
        self._made: Callable[..., None] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Masks) and self._sites == other._sites

    __hash__ = None  # type: ignore[assignment]

    def add(self, site: int, count: int, limit: int) -> None:
        """One more mask."""
        self._sites.append((site, count, limit))

    def __call__(self, key: Any, *outs: Any) -> None:
        if self._made is None:
            self._made = _drawing(self._sites)
        self._made(key, outs)


def _drawing(sites: list[tuple[int, int, int]]) -> Callable[..., None]:
    """A function that draws masks, with all that it works in."""
    blocks = [-(-count // 4) for _, count, _ in sites]
    high = np.concatenate([np.full(n, site, np.uint32) for n, (site, _, _) in zip(blocks, sites, strict=True)])
    low = np.concatenate([np.arange(n, dtype=np.uint32) for n in blocks])
    words = np.empty((len(low), 2), "<u4")  # little-endian, so that the low half of a word comes first
    added = np.empty((6, 2), np.uint32)
    calls = [
        call
        for start in range(0, len(low), _CHUNK)
        for reach in [slice(start, start + _CHUNK)]
        for call in _rounds(high[reach], low[reach], words[reach], added)
    ]
    lanes, start = [], 0
    for n, (_, count, limit) in zip(blocks, sites, strict=True):
        below = np.array(min(limit, 0xFFFF), "<u2")  # all are kept where the limit is above any lane
        compare = np.less if limit <= 0xFFFF else np.less_equal
        lanes.append((compare, words[start : start + n].reshape(-1).view("<u2")[:count], below))
        start += n

    def draw(key: Any, outs: Any) -> None:
        added[...] = schedule(*(int(word) & WORD for word in key.tolist()))
        for call in calls:
            call()
        for (compare, lane, limit), out in zip(lanes, outs, strict=True):
            compare(lane, limit, out.reshape(-1))

    return draw


def _rounds(high: Any, low: Any, words: Any, added: Any) -> list[Callable[[], Any]]:
    """The calls that make words of counters; they work in arrays of their own."""
    x0, x1, left = (np.empty_like(low) for _ in range(3))
    calls: list[Callable[[], Any]] = []

    def call(ufunc: Any, *operands: Any) -> None:
        calls.append(functools.partial(ufunc, *operands))

    call(np.add, high, added[0, 0, ...], x0)
    call(np.add, low, added[0, 1, ...], x1)
    for group in range(5):
        for r in ROTATIONS[group % 2]:
            call(np.add, x0, x1, x0)
            call(np.left_shift, x1, np.array(r, np.uint32), left)
            call(np.right_shift, x1, np.array(32 - r, np.uint32), x1)
            call(np.bitwise_or, x1, left, x1)
            call(np.bitwise_xor, x1, x0, x1)
        outs = (x0, x1) if group < 4 else (words[:, 0], words[:, 1])
        call(np.add, x0, added[group + 1, 0, ...], outs[0])
        call(np.add, x1, added[group + 1, 1, ...], outs[1])
    return calls


def recorded_mask(key: Traced, value: Any, site: int, limit: int) -> Any:
    """A mask with the value it has in the recording, drawn together with the other masks of its key."""
    recorder = key.recorder
    mask = recorder.fresh(value)
    name = "masks", recorder.version(key), key.node
    if name not in recorder.shared:
        masks = Masks()
        recorder.shared[name] = masks, recorder.emit(masks, (key,), {})
    masks, call = recorder.shared[name]
    masks.add(site, value.size, limit)
    call.operands = (*call.operands, mask.node)
    call.writes = (*call.writes, mask.node)
    return mask
