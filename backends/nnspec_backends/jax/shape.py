"""Native resampling; XLA does the rest of the family well by its definitions."""

from __future__ import annotations

from nnspec._windows import PerAxis, per_axis
from nnspec.operation import Array
from nnspec.ops.shape import Shape
from nnspec_backends._resample import resampled_linearly

__all__ = ["JaxShape"]


class JaxShape(Shape):
    """Not `jax.image.resize`, which computes its weights in float32."""

    def upsample(self, x: Array, *, size: PerAxis, mode: str = "nearest") -> Array:
        if mode == "linear":
            return resampled_linearly(self, x, per_axis("size", size, x.ndim - 2, low=1))
        return super().upsample(x, size=size, mode=mode)
