"""A layer norm with a backward of its own, and one with a mistake that is common: the variance is the unbiased one.

python examples/custom_kernel.py           # both agree with PyTorch's, at the tolerance that is usual
cd examples
nnspec conform torch --override layer_norm=custom_kernel:fused_layer_norm
nnspec conform torch --override layer_norm=custom_kernel:hasty_layer_norm
"""

from __future__ import annotations

from typing import Any

import torch


class FusedLayerNorm(torch.autograd.Function):
    """Rows of a matrix; a kernel written in Triton or CUDA would stand in place of the lines of arithmetic."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, eps: float, correction: int) -> torch.Tensor:
        variance, mean = torch.var_mean(x, dim=-1, correction=correction, keepdim=True)
        rstd = torch.rsqrt(variance + eps)
        normal = (x - mean) * rstd
        ctx.save_for_backward(normal, rstd)
        ctx.count = x.shape[-1] - correction
        return normal

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        normal, rstd = ctx.saved_tensors
        along = (g * normal).sum(-1, keepdim=True) / ctx.count
        return (g - g.mean(-1, keepdim=True) - normal * along) * rstd, None, None


def _layer_norm(x: Any, weight: Any, bias: Any, axis: int | tuple[int, ...], eps: float, correction: int) -> Any:
    axes = sorted(i % x.ndim for i in ((axis,) if isinstance(axis, int) else axis))
    last = tuple(range(-len(axes), 0))
    moved = x.movedim(axes, last)
    shape = moved.shape[moved.ndim - len(axes) :]
    y = FusedLayerNorm.apply(moved.flatten(moved.ndim - len(axes)), eps, correction).unflatten(-1, shape)
    y = y if weight is None else y * weight
    y = y if bias is None else y + bias
    return y.movedim(last, axes)


def fused_layer_norm(x: Any, weight: Any = None, bias: Any = None, *, axis: Any = -1, eps: float = 1e-5) -> Any:
    """`layer_norm` of the specification: the function that is judged takes its arguments, without self."""
    return _layer_norm(x, weight, bias, axis, eps, correction=0)


def hasty_layer_norm(x: Any, weight: Any = None, bias: Any = None, *, axis: Any = -1, eps: float = 1e-5) -> Any:
    """The same with the variance that torch.var computes by default: divided by n - 1."""
    return _layer_norm(x, weight, bias, axis, eps, correction=1)


def main() -> None:
    """What tests of custom kernels commonly do: one random input, values and gradient at a tolerance of 1e-2."""
    generator = torch.Generator().manual_seed(0)
    x, g = (torch.randn(8, 1024, generator=generator) for _ in range(2))
    expected = differentiated(lambda x: torch.nn.functional.layer_norm(x, x.shape[-1:]), x, g)
    for function in (fused_layer_norm, hasty_layer_norm):
        got = differentiated(function, x, g)
        passed = all(torch.allclose(a, b, rtol=1e-2, atol=1e-2) for a, b in zip(got, expected, strict=True))
        print(f"{function.__name__}: {'passes' if passed else 'fails'} at rtol=1e-2, atol=1e-2")


def differentiated(function: Any, x: torch.Tensor, g: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The value at x, and the gradient for the cotangent g."""
    x = x.clone().requires_grad_()
    y = function(x)
    return y.detach(), torch.autograd.grad(y, x, g)[0]


if __name__ == "__main__":
    main()
