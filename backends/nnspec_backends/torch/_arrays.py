"""Between NumPy and PyTorch, which share memory but not bfloat16."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["from_host", "to_host"]

_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


def from_host(x: NDArray[Any]) -> torch.Tensor:
    """A tensor over the memory of `x`."""
    if x.dtype != _BFLOAT16:
        return torch.from_numpy(x)
    return torch.from_numpy(x.view(np.int16)).view(torch.bfloat16)


def to_host(x: torch.Tensor) -> NDArray[Any]:
    """A copy of `x`, free of any recording."""
    here = x.detach().cpu()
    if here.dtype != torch.bfloat16:
        return np.array(here.numpy())
    return np.array(here.contiguous().view(torch.int16).numpy().view(_BFLOAT16))
