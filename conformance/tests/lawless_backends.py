"""Backends that break one law each: NumPy's, but for one operation. See `test_laws`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import optree

from nnspec_backends.numpy import NumpyBackend


class _Leaking(NumpyBackend):
    def gradient_alone(self, x: Any) -> Any:
        """0, with the gradient of x."""
        return 1e-2 * (x - self.stop_gradient(x))


class NotLinear(NumpyBackend):
    def linear(self, x: Any, weight: Any, bias: Any = None) -> Any:
        y = super().linear(x, weight, bias)
        return y + 1e-4 * y * y


class GradientOfEmbeddingTooLarge(_Leaking):
    def embedding(self, indices: Any, weight: Any, *, padding_index: int | None = None) -> Any:
        y = super().embedding(indices, weight, padding_index=padding_index)
        return y + self.gradient_alone(y)


class FoldTooLarge(NumpyBackend):
    def fold(
        self, x: Any, *, output_size: Any, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1
    ) -> Any:
        more = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
        return 1.001 * super().fold(x, output_size=output_size, **more)


class SoftmaxGradientNotCentered(_Leaking):
    def softmax(self, x: Any, *, axis: int = -1) -> Any:
        return super().softmax(x, axis=axis) + self.gradient_alone(x)


class SoftmaxOfMagnitude(NumpyBackend):
    """Not quite invariant to shifts."""

    def softmax(self, x: Any, *, axis: int = -1) -> Any:
        return super().softmax(x * (1.0 + 1e-3 * self.xp.sum(x, axis=axis, keepdims=True)), axis=axis)


class LengthInGradient(_Leaking):
    def l2_normalize(self, x: Any, *, axis: Any = -1, eps: float = 1e-12) -> Any:
        return super().l2_normalize(x, axis=axis, eps=eps) + self.gradient_alone(x)


class CutOfSoftplus(NumpyBackend):
    """Its cut does not know beta."""

    def softplus(self, x: Any, *, beta: float = 1.0) -> Any:
        return self.xp.where(x > 1.0, x, super().softplus(x, beta=beta))


class WeighsByPosition(NumpyBackend):
    def kl_divergence(
        self, log_q: Any, p: Any, *, axis: int = -1, sample_weight: Any = None, reduction: str = "mean"
    ) -> Any:
        shape = [n if i == axis % len(log_q.shape) else 1 for i, n in enumerate(log_q.shape)]
        weights = 1.0 + 1e-3 * self.asarray(np.arange(math.prod(shape)).reshape(shape), dtype=self.dtype)
        return super().kl_divergence(log_q * weights, p, axis=axis, sample_weight=sample_weight, reduction=reduction)


class RowsMix(NumpyBackend):
    def gelu(self, x: Any, *, approximate: str = "none") -> Any:
        return super().gelu(x, approximate=approximate) + 1e-4 * self.xp.sum(x, axis=0)


class RowGradientsMix(_Leaking):
    def gelu(self, x: Any, *, approximate: str = "none") -> Any:
        return super().gelu(x, approximate=approximate) + self.gradient_alone(self.xp.sum(x, axis=0))


class BitsOfTheShape(NumpyBackend):
    def random_bits(self, key: Any, shape: Any) -> Any:
        return super().random_bits(self.fold_in(key, math.prod(shape)), shape)


class NormsTogether(NumpyBackend):
    def clip_by_norm(self, grads: Any, *, max_norm: float = 1.0) -> Any:
        return self.clip_by_global_norm(grads, max_norm=max_norm)[0]


class MeanOfLeaves(NumpyBackend):
    def l2_penalty(self, params: Any, *, l2: float = 0.01, mask: Any = None) -> Any:
        return super().l2_penalty(params, l2=l2, mask=mask) / len(optree.tree_leaves(params))


class CountsWeightless(NumpyBackend):
    """The mean divides by how many there are."""

    def mean_absolute_error(
        self, prediction: Any, target: Any, *, sample_weight: Any = None, reduction: str = "mean"
    ) -> Any:
        more = {"sample_weight": sample_weight}
        if reduction != "mean" or sample_weight is None:
            return super().mean_absolute_error(prediction, target, reduction=reduction, **more)
        return super().mean_absolute_error(prediction, target, reduction="sum", **more) / math.prod(prediction.shape)


class GradientOfWeightless(_Leaking):
    def mean_absolute_error(
        self, prediction: Any, target: Any, *, sample_weight: Any = None, reduction: str = "mean"
    ) -> Any:
        more = {"sample_weight": sample_weight, "reduction": reduction}
        return super().mean_absolute_error(prediction, target, **more) + self.gradient_alone(self.xp.sum(prediction))


class CountsIgnored(NumpyBackend):
    def cross_entropy(
        self,
        logits: Any,
        target: Any,
        *,
        weight: Any = None,
        axis: int = -1,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        sample_weight: Any = None,
        reduction: str = "mean",
    ) -> Any:
        more = {"weight": weight, "axis": axis, "ignore_index": ignore_index, "label_smoothing": label_smoothing}
        if reduction != "mean" or ignore_index is None:
            return super().cross_entropy(logits, target, sample_weight=sample_weight, reduction=reduction, **more)
        total = super().cross_entropy(logits, target, sample_weight=sample_weight, reduction="sum", **more)
        return total / math.prod(target.shape)


class TrainsPadding(NumpyBackend):
    def embedding(self, indices: Any, weight: Any, *, padding_index: int | None = None) -> Any:
        return super().embedding(indices, weight)


class MaskLeaks(NumpyBackend):
    """What is masked scores 5 less."""

    def scaled_dot_product_attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        bias: Any = None,
        *,
        mask: Any = None,
        causal: bool = False,
        scale: float | None = None,
        rate: float = 0.0,
        dropout_key: Any = None,
        dropout_mask: Any = None,
        site: int = 0,
        training: bool = True,
    ) -> Any:
        if mask is not None and bias is not None:
            bias, mask = self.xp.where(mask, bias, bias - 5.0), None
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


class _Rnn(NumpyBackend):
    """Does not take what is named."""

    forgets: str

    def rnn(
        self,
        x: Any,
        params: Any,
        state: Any = None,
        *,
        nonlinearity: str = "tanh",
        lengths: Any = None,
        rate: float = 0.0,
        key: Any = None,
        masks: Any = None,
        site: int = 0,
        training: bool = True,
    ) -> Any:
        given = {
            "state": state,
            "nonlinearity": nonlinearity,
            "lengths": lengths,
            "rate": rate,
            "key": key,
            "masks": masks,
            "site": site,
            "training": training,
        }
        return super().rnn(x, params, **{**given, self.forgets: None})


class LengthsForgotten(_Rnn):
    forgets = "lengths"


class StateForgotten(_Rnn):
    forgets = "state"


class DroppedLeaks(NumpyBackend):
    def dropout(
        self,
        x: Any,
        *,
        rate: float = 0.5,
        key: Any = None,
        mask: Any = None,
        site: int = 0,
        training: bool = True,
    ) -> Any:
        return super().dropout(x, rate=rate, key=key, mask=mask, site=site, training=training) + 1e-4 * x


class MaskForgotten(NumpyBackend):
    def l1_penalty(self, params: Any, *, l1: float = 0.01, mask: Any = None) -> Any:
        return super().l1_penalty(params, l1=l1)


class EverythingDecays(NumpyBackend):
    def sgd_update(
        self,
        params: Any,
        grads: Any,
        state: Any,
        *,
        lr: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        l2: float = 0.0,
        weight_decay: float = 0.0,
        decay_mask: Any = None,
    ) -> Any:
        more = {"lr": lr, "momentum": momentum, "nesterov": nesterov, "l2": l2, "weight_decay": weight_decay}
        return super().sgd_update(params, grads, state, **more)


class MeanForSum(NumpyBackend):
    def log_cosh(self, prediction: Any, target: Any, *, sample_weight: Any = None, reduction: str = "mean") -> Any:
        reduction = "mean" if reduction == "sum" else reduction
        return super().log_cosh(prediction, target, sample_weight=sample_weight, reduction=reduction)


class OneMoreSample(NumpyBackend):
    def accuracy(self, predicted: Any, target: Any, *, threshold: float = 0.5) -> Any:
        n = math.prod(target.shape)
        return super().accuracy(predicted, target, threshold=threshold) * (n / (n + 1.0))


class MeanGradientOfWeight(NumpyBackend):
    def linear(self, x: Any, weight: Any, bias: Any = None) -> Any:
        y = super().linear(x, weight, bias)
        of_weight = super().linear(self.stop_gradient(x), weight, bias)
        return y + (1.0 / x.shape[0] - 1.0) * (of_weight - self.stop_gradient(of_weight))


class SeesOneStepAhead(NumpyBackend):
    def causal_conv(
        self, x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, dilation: Any = 1, groups: int = 1
    ) -> Any:
        moved = self.xp.concat([x[:, :, 1:], x[:, :, :1]], axis=2)
        return super().causal_conv(moved, weight, bias, stride=stride, dilation=dilation, groups=groups)


class GradientFromTheFuture(_Leaking):
    def causal_conv(
        self, x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, dilation: Any = 1, groups: int = 1
    ) -> Any:
        y = super().causal_conv(x, weight, bias, stride=stride, dilation=dilation, groups=groups)
        return y + self.gradient_alone(self.xp.sum(x))


#: law -> the backend that breaks it, its operation, and what other laws that breaks
LAWLESS: dict[str, tuple[type[NumpyBackend], str, set[str]]] = {
    "linear": (NotLinear, "linear", {"adjoint"}),
    "adjoint": (GradientOfEmbeddingTooLarge, "embedding", set()),
    "transpose": (FoldTooLarge, "fold", set()),
    "gradient-sums-to-zero": (SoftmaxGradientNotCentered, "softmax", set()),
    "gradient-is-orthogonal": (LengthInGradient, "l2_normalize", set()),
    "shifted": (SoftmaxOfMagnitude, "softmax", {"gradient-sums-to-zero"}),
    "scaled": (CutOfSoftplus, "softplus", set()),
    "reordered": (WeighsByPosition, "kl_divergence", set()),
    "row-alone": (RowsMix, "gelu", {"row-gradient"}),
    "row-gradient": (RowGradientsMix, "gelu", set()),
    "prefix": (BitsOfTheShape, "random_bits", set()),
    "leaf-alone": (NormsTogether, "clip_by_norm", set()),
    "sum-of-leaves": (MeanOfLeaves, "l2_penalty", {"masked-leaf"}),
    "weightless-row": (CountsWeightless, "mean_absolute_error", {"weightless-row-gradient", "split"}),
    "weightless-row-gradient": (GradientOfWeightless, "mean_absolute_error", {"row-gradient"}),
    "ignored-label": (CountsIgnored, "cross_entropy", set()),
    "padding-row": (TrainsPadding, "embedding", set()),
    "masked-key": (MaskLeaks, "scaled_dot_product_attention", set()),
    "ignored-steps": (LengthsForgotten, "rnn", {"row-alone", "option-lengths"}),
    "dropped-entry": (DroppedLeaks, "dropout", {"linear"}),
    "masked-leaf": (MaskForgotten, "l1_penalty", {"option-mask"}),
    "undecayed-leaf": (EverythingDecays, "sgd_update", {"option-decay-mask"}),
    "split": (MeanForSum, "log_cosh", set()),
    "parts-add-up": (OneMoreSample, "accuracy", set()),
    "gradients-accumulate": (MeanGradientOfWeight, "linear", {"adjoint"}),
    "future": (SeesOneStepAhead, "causal_conv", {"future-gradient"}),
    "future-gradient": (GradientFromTheFuture, "causal_conv", {"adjoint"}),
    "carried-on": (StateForgotten, "rnn", {"option-state"}),
}
