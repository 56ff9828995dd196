"""Native embedding, whose gradient leaves the padding row out; tables that torch.compile takes as constants."""

from __future__ import annotations

import torch
from torch.nn import functional

from nnspec.operation import Array
from nnspec.ops._positions import sinusoids
from nnspec.ops.embedding import Embedding
from nnspec_backends.torch._arrays import from_host

__all__ = ["TorchEmbedding"]

_ACCEPTED = (torch.int32, torch.int64)


def _table(length: int, dim: int, base: float, dtype: str, device: str) -> Array:
    """Made on the host, so not to be traced: NumPy's functions would become others with other last digits."""
    return from_host(sinusoids(length, dim, base, dtype).copy()).to(device)


# all that torch.compiler.assume_constant_result does, but calling it takes 2.6 s, to import torch._dynamo
_table._dynamo_marked_constant = True  # type: ignore[attr-defined]


class TorchEmbedding(Embedding):
    """PyTorch's kernels take indices of 32 and 64 bits."""

    device: str

    def embedding(self, indices: Array, weight: Array, *, padding_index: int | None = None) -> Array:
        wide = indices if indices.dtype in _ACCEPTED else indices.to(torch.int32)
        return functional.embedding(wide, weight, padding_index)

    def sinusoidal_positions(self, length: int, dim: int, *, base: float = 10000.0, dtype: str | None = None) -> Array:
        return _table(length, dim, base, dtype or self.dtype, self.device)
