"""Native attention: PyTorch's fused kernel of the CPU, which keeps no scores."""

from __future__ import annotations

import math
from contextlib import nullcontext

import torch
from torch.nn import functional

from nnspec.operation import Array
from nnspec.ops.attention import Attention
from nnspec_backends.torch._modes import ieee_products, under_transform

__all__ = ["TorchAttention"]


class TorchAttention(Attention):
    """The kernel of the CPU: 142 ms for 251 forward and backward at 8 heads of 1024 x 1024 x 64, causal 94 for 386.

    It has no second derivatives. The definition runs where there is no such kernel: for dropout by a given mask, a
    bias that is differentiated, values of another size than the keys, and inside transforms of torch.func. It also
    runs on CUDA, in IEEE float32: there the fused kernel of float32 puts its products together from TF32, and has not
    been measured against the limits.
    """

    def scaled_dot_product_attention(
        self,
        query: Array,
        key: Array,
        value: Array,
        bias: Array | None = None,
        *,
        mask: Array | None = None,
        causal: bool = False,
        scale: float | None = None,
        rate: float = 0.0,
        dropout_key: Array | None = None,
        dropout_mask: Array | None = None,
        site: int = 0,
        training: bool = True,
    ) -> Array:
        compiling = torch.compiler.is_compiling()
        fused = (
            query.is_cpu
            and (compiling or not under_transform())  # vmap has no rule for it, and warns
            and (rate == 0 or not training)
            and (bias is None or not bias.requires_grad)
            and value.shape[-1] == query.shape[-1]
            and 0 not in (*query.shape, *key.shape)
        )
        if not fused:
            with ieee_products() if query.is_cuda and not compiling else nullcontext():
                return super().scaled_dot_product_attention(
                    query,
                    key,
                    value,
                    bias,
                    mask=mask,
                    causal=causal,
                    scale=scale,
                    rate=rate,
                    dropout_key=dropout_key,
                    dropout_mask=dropout_mask,
                    site=site,
                    training=training,
                )
        queries, keys = query.shape[2], key.shape[2]
        allowed = mask
        if mask is not None or bias is not None or keys > queries:  # otherwise every query and key is involved
            allowed = self._allowed(mask, causal, query, queries, keys)
            causal = False
        if allowed is not None:
            # NaN and infinities of padding would be multiplied by 0: torch 2.13 returns NaN
            query, key, value = self._cleared(query, key, value, *self._involved(allowed, key.shape[1]))
        if bias is not None and allowed is not None:
            bias = torch.where(allowed, bias, -math.inf)
        return functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=allowed if bias is None else bias,
            is_causal=causal,
            scale=scale,
            enable_gqa=key.shape[1] != query.shape[1],
        )
