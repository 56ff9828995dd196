"""Backends that are wrong in float16 or bfloat16 alone, each in one way that real code has been wrong in."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import optree
import torch

from nnspec import Backend
from nnspec_backends.numpy import NumpyBackend
from nnspec_backends.torch import TorchBackend

#: name of the class -> (operation, dtype) that has to fail
EXPECTED: dict[str, tuple[str, str]] = {}
#: of those that the limit lets through, since a result may have two roundings
WITHIN: dict[str, tuple[str, str]] = {}


def fault(operation: str, dtype: str = "bfloat16", *, within: bool = False) -> Any:
    """Note where the class is wrong."""

    def note(cls: type) -> type:
        (WITHIN if within else EXPECTED)[cls.__name__] = (operation, dtype)
        return cls

    return note


def _definition(operation: str) -> Any:
    """The definition on arrays of the low dtype, as if it were one of float32; PyTorch rounds after every step."""
    definition = inspect.unwrap(getattr(Backend, operation))

    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        return definition(self, *args, **kwargs)

    run.__signature__ = inspect.signature(definition)  # type: ignore[attr-defined]
    return run


# -- intermediates in the low dtype ----------------------------------------------------------------------------


@fault("gelu")
class GeluAllLow(TorchBackend):
    native_low = frozenset({"gelu"})
    gelu = _definition("gelu")


@fault("gelu", "float16")
class GeluAllHalf(GeluAllLow):
    pass


@fault("softmax")
class SoftmaxAllLow(TorchBackend):
    native_low = frozenset({"softmax"})
    softmax = _definition("softmax")


@fault("layer_norm")
class LayerNormAllLow(TorchBackend):
    native_low = frozenset({"layer_norm"})
    layer_norm = _definition("layer_norm")


@fault("layer_norm", "float16")
class LayerNormAllHalf(LayerNormAllLow):
    pass


@fault("linear")
class LinearAccumulatesLow(TorchBackend):
    native_low = frozenset({"linear"})

    def linear(self, x, weight, bias=None):
        y = torch.zeros((*x.shape[:-1], weight.shape[0]), dtype=x.dtype)
        for i in range(x.shape[-1]):
            y = y + x[..., i, None] * weight[:, i]
        return y if bias is None else y + bias


@fault("linear")
class LinearRoundsBeforeTheBias(TorchBackend):
    native_low = frozenset({"linear"})

    def linear(self, x, weight, bias=None):
        y = (x.float() @ weight.float().mT).to(x.dtype)
        return y if bias is None else y + bias


def _added_up(x: Any) -> Any:
    """One after the other, each sum rounded."""
    if x.shape[-1] == 0:
        return x.sum(-1)
    total = x[..., 0]
    for i in range(1, x.shape[-1]):
        total = total + x[..., i]
    return total


@fault("mean_squared_error")
class LossSumsLow(TorchBackend):
    native_low = frozenset({"mean_squared_error"})

    def mean_squared_error(self, prediction, target, *, sample_weight=None, reduction="mean"):
        if sample_weight is not None or reduction == "none":
            definition = inspect.unwrap(Backend.mean_squared_error)
            return definition(self, prediction, target, sample_weight=sample_weight, reduction=reduction)
        squares = ((prediction.float() - target.float()) ** 2).to(prediction.dtype)
        total = _added_up(squares.reshape(-1))
        return total / squares.numel() if reduction == "mean" else total


@fault("cross_entropy")
class CrossEntropyOfRoundedLogits(TorchBackend):
    native_low = frozenset({"cross_entropy"})
    cross_entropy = _definition("cross_entropy")


# -- derivatives in the low dtype --------------------------------------------------------------------------------


class _SumsLow(torch.autograd.Function):
    """The gather of an embedding, whose gradient adds up in the dtype of the table."""

    @staticmethod
    def forward(ctx: Any, table: Any, indices: Any) -> Any:
        ctx.save_for_backward(indices)
        ctx.rows = table.shape[0]
        return table[indices]

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (indices,) = ctx.saved_tensors
        total = torch.zeros((ctx.rows, g.shape[-1]), dtype=g.dtype)
        for row, index in zip(g.reshape(-1, g.shape[-1]), indices.reshape(-1).tolist(), strict=True):
            total[index] = total[index] + row
        return total, None


@fault("embedding")
class EmbeddingGradientSumsLow(TorchBackend):
    native_low = frozenset({"embedding"})

    def embedding(self, indices, weight, *, padding_index=None):
        if padding_index is not None:
            return inspect.unwrap(Backend.embedding)(self, indices, weight, padding_index=padding_index)
        return _SumsLow.apply(weight, indices.long())


@fault("linear")
class BiasGradientSumsLow(TorchBackend):
    native_low = frozenset({"linear"})

    def linear(self, x, weight, bias=None):
        y = inspect.unwrap(Backend.linear)(self, x.float(), weight.float()).to(x.dtype)
        return y if bias is None else _BiasSumsLow.apply(y, bias)


class _BiasSumsLow(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Any, bias: Any) -> Any:
        return (y.float() + bias.float()).to(y.dtype)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g, _added_up(g.reshape(math.prod(g.shape[:-1]), g.shape[-1]).mT)


# -- results -----------------------------------------------------------------------------------------------------


class _Through(NumpyBackend):
    """Rounds a result to another dtype first."""

    first: str

    def rounded(self, x, low):
        return super().rounded(super().rounded(x, np.dtype(self.first)), low)


@fault("tanh", "float16")
class RoundedToBfloat16First(_Through):
    first = "bfloat16"


@fault("linear")
class RoundedToFloat16First(_Through):
    """What is small is lost on the way, or has fewer digits."""

    first = "float16"


@fault("hard_sigmoid", within=True)
class RoundedTwice(RoundedToFloat16First):
    """Within the range of float16 the second rounding is half a unit in the last place at most, and is let through."""


# -- what has to stay in float32 ---------------------------------------------------------------------------------


@fault("batch_norm")
class RunningStatisticsInBfloat16(NumpyBackend):
    """In arrays of float32, so that only their values tell."""

    def batch_norm(
        self, x, running_mean, running_var, weight=None, bias=None, *, training, decay=0.9, eps=1e-5, axis=1
    ):
        options = {"training": training, "decay": decay, "eps": eps, "axis": axis}
        y, mean, var = super().batch_norm(x, running_mean, running_var, weight, bias, **options)
        return y, *(self.widened(self.rounded(s, np.dtype("bfloat16"))) for s in (mean, var))


@fault("adam_update")
class AdamWithoutMaster(NumpyBackend):
    """Steps on the rounded parameters."""

    def resumed(self, master, param):
        return self.widened(param)


@fault("adam_update", "float16")
class AdamWithoutMasterHalf(AdamWithoutMaster):
    pass


@fault("sgd_update")
class SgdWithoutMaster(AdamWithoutMaster):
    pass


@fault("adam_update")
class AdamMomentsInBfloat16(NumpyBackend):
    def adam_update(self, params, grads, state, *, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, l2=0.0):
        params, state = super().adam_update(params, grads, state, lr=lr, beta1=beta1, beta2=beta2, eps=eps, l2=l2)
        moments = ("exp_avg", "exp_avg_sq")
        return params, {name: optree.tree_map(_coarse, x) if name in moments else x for name, x in state.items()}


@fault("ema_update")
class AverageInBfloat16(NumpyBackend):
    def ema_update(self, state, params, *, decay=0.999, averaged=None):
        state = super().ema_update(state, params, decay=decay, averaged=averaged)
        return {**state, "average": optree.tree_map(_coarse, state["average"])}


def _coarse(x: Any) -> Any:
    return x.astype("bfloat16").astype("float32")


@fault("accuracy")
class MetricRounded(NumpyBackend):
    def kept_wide(self, x):
        return self.rounded(x, np.dtype("bfloat16"))
