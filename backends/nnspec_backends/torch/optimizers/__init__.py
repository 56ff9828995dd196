"""Native optimizer steps: PyTorch's public functional forms, in place where the buffers were donated."""

from __future__ import annotations

from nnspec.ops.optimizers import Optimizers
from nnspec_backends.torch.optimizers._adam import TorchAdam
from nnspec_backends.torch.optimizers._adam_variants import TorchAdamVariants
from nnspec_backends.torch.optimizers._adaptive import TorchAdaptive
from nnspec_backends.torch.optimizers._descent import TorchDescent
from nnspec_backends.torch.optimizers._donation import donation

__all__ = ["TorchOptimizers", "donation"]


class TorchOptimizers(TorchDescent, TorchAdam, TorchAdaptive, TorchAdamVariants, Optimizers):
    """PyTorch's own kernels for the arguments of which they agree with the definitions."""
