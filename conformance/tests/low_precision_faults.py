"""Backends that are wrong in float16 or bfloat16 alone, each in one way that real code has been wrong in."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import optree
import torch

from nnspec import Backend
from nnspec.tape import primitive
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


@fault("mean_squared_error")
class LossSumsLow(TorchBackend):
    native_low = frozenset({"mean_squared_error"})
    mean_squared_error = _definition("mean_squared_error")


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


_low_steps = primitive(
    lambda x: np.asarray(x),
    lambda g, y, x: g.astype("bfloat16").astype(g.dtype),
)


@fault("log_softmax")
class CotangentsRoundedInside(NumpyBackend):
    def log_softmax(self, x, *, axis=-1):
        return super().log_softmax(_low_steps(x) - 0.0, axis=axis) if x.ndim else x


# -- results -----------------------------------------------------------------------------------------------------


class _Through(NumpyBackend):
    """Rounds a result to another dtype first."""

    first: str

    def rounded(self, x, low):
        return super().rounded(super().rounded(x, np.dtype(self.first)), low)


@fault("tanh", "float16")
class RoundedToBfloat16First(_Through):
    first = "bfloat16"


@fault("linear", within=True)
class RoundedToFloat16First(_Through):
    first = "float16"


# -- what has to stay in float32 ---------------------------------------------------------------------------------


class _StatisticsRounded(NumpyBackend):
    def batch_norm(self, x, running_mean, running_var, weight=None, bias=None, **options):
        y, mean, var = super().batch_norm(x, running_mean, running_var, weight, bias, **options)
        return y, *(self.widened(self.rounded(s, np.dtype("bfloat16"))) for s in (mean, var))

    batch_norm.__signature__ = inspect.signature(inspect.unwrap(Backend.batch_norm))  # type: ignore[attr-defined]


@fault("batch_norm")
class RunningStatisticsInBfloat16(_StatisticsRounded):
    pass


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
    native_low = frozenset({"adam_update"})

    def adam_update(self, params, grads, state, *, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, l2=0.0):
        options = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps, "l2": l2}
        low = {"exp_avg", "exp_avg_sq"}
        sound = NumpyBackend(dtype=self.dtype)
        params, state = sound.adam_update(params, grads, state, **options)
        coarse = lambda x: x.astype("bfloat16").astype("float32")  # noqa: E731
        return params, {name: optree.tree_map(coarse, x) if name in low else x for name, x in state.items()}
