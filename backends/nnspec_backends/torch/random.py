"""Random numbers from the host's own cipher, where the key is on the host and the values are there.

What `Backend.compile` records is the cipher as one kernel. On other devices and in other traced code the definitions
run, in wrapping int32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from nnspec import _threefry
from nnspec._low_precision import LOW
from nnspec.operation import Array
from nnspec.ops.random import Random
from nnspec_backends.torch._modes import is_recording

__all__ = ["TorchRandom"]


def _bits(key: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    words = _threefry.bits32(key.numpy(), math.prod(shape))
    return torch.from_numpy(words.view(np.int32)).reshape(shape)


def _fold_in(key: torch.Tensor, data: int | torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(_threefry.fold_in(key.numpy(), int(data) & _threefry.WORD).view(np.int32))


def _mask(key: torch.Tensor, shape: Sequence[int], rate: float, site: int) -> torch.Tensor:
    count = math.prod(shape)
    blocks = -(-count // 4)
    words = np.empty((blocks, 2), "<u4")  # little-endian: the low half of a word is its first lane
    first, second = _threefry.block(key.numpy(), np.full(blocks, site, np.uint32), np.arange(blocks, dtype=np.uint32))
    words[:, 0], words[:, 1] = first, second
    keep = words.reshape(-1).view("<u2")[:count] < round((1.0 - rate) * 65536)
    return torch.from_numpy(keep.reshape(shape))


def _registered() -> Any:
    """The cipher's kernels for `torch.ops`, which has one of each name in a process."""
    kernels: Any = torch.library.Library("nnspec", "FRAGMENT")  # type: ignore[no-untyped-call]
    if hasattr(torch.ops.nnspec, "dropout_mask"):
        return kernels
    kernels.define("random_bits(Tensor key, int[] shape) -> Tensor")
    kernels.define("fold_in(Tensor key, Tensor data) -> Tensor")
    kernels.define("dropout_mask(Tensor key, int[] shape, float rate, int site) -> Tensor")
    kernels.impl("random_bits", _bits, "CPU")
    kernels.impl("fold_in", _fold_in, "CPU")
    kernels.impl("dropout_mask", _mask, "CPU")
    kernels.impl("random_bits", lambda key, shape: key.new_empty(shape), "Meta")
    kernels.impl("fold_in", lambda key, data: key.new_empty(key.shape), "Meta")
    kernels.impl("dropout_mask", lambda key, shape, rate, site: key.new_empty(shape, dtype=torch.bool), "Meta")
    return kernels


_kernels = _registered()


class TorchRandom(Random):
    """One pass of NumPy over unsigned words in place of some hundred kernels."""

    def random_bits(self, key: Array, shape: tuple[int, ...]) -> Array:
        if _is_recorded(key):
            return torch.ops.nnspec.random_bits(key, shape)
        return _bits(key, shape) if self.is_concrete(key) else super().random_bits(key, shape)

    def fold_in(self, key: Array, data: int | Array) -> Array:
        if _is_recorded(key):
            return torch.ops.nnspec.fold_in(key, torch.as_tensor(data))
        if not self.is_concrete(key):
            return super().fold_in(key, data)
        return _fold_in(key, data)

    def random_uniform(self, key: Array, shape: tuple[int, ...], *, dtype: str | None = None) -> Array:
        if not self.is_concrete(key) or (dtype or self.dtype) in LOW:
            return super().random_uniform(key, shape, dtype=dtype)
        return torch.from_numpy(_threefry.uniform(key.numpy(), shape, dtype or self.dtype))

    def dropout_mask(self, key: Array, shape: tuple[int, ...], *, rate: float, site: int = 0) -> Array:
        if _is_recorded(key):
            return torch.ops.nnspec.dropout_mask(key, shape, rate, site)
        if not self.is_concrete(key):
            return super().dropout_mask(key, shape, rate=rate, site=site)
        return _mask(key, shape, rate, site)


def _is_recorded(key: Array) -> bool:
    return is_recording() and key.is_cpu
