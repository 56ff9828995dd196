"""Native linear layer, in IEEE float32 on every device."""

from __future__ import annotations

from torch.nn import functional

from nnspec.operation import Array
from nnspec.ops.linear import Linear
from nnspec_backends.torch._modes import ieee_products

__all__ = ["TorchLinear"]


class TorchLinear(Linear):
    """The bias is accumulated by the product's own kernel."""

    def linear(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        if x.is_cuda:
            with ieee_products():
                return functional.linear(x, weight, bias)
        return functional.linear(x, weight, bias)
