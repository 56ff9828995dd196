"""Planted faults of the family normalization."""

from __future__ import annotations

from typing import Any

from nnspec.tape import raw
from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import cached, scaled_gradient, stored

__all__ = ["FAULTS"]

_MOMENTS = "nnspec.ops.normalization:_moments"
_TWO_PASS = "self.xp.sum(deviation * deviation, axis=axes, keepdims=True) / n"
_ONE_PASS = "self.xp.sum(x * x, axis=axes, keepdims=True) / n - mean * mean"
_ONE_PASS_AT_LEAST_0 = "self.xp.maximum(self.xp.sum(x * x, axis=axes, keepdims=True) / n - mean * mean, 0.0)"
_UNBIASED = "self.xp.sum(deviation * deviation, axis=axes, keepdims=True) / max(n - 1, 1)"
_UNBIASED_NAN = "self.xp.sum(deviation * deviation, axis=axes, keepdims=True) / (n - 1 if n > 1 else float('nan'))"

FAULTS = Planted()

# -- batch_norm ------------------------------------------------------------------------------------------------

FAULTS.edit(
    "BATCH_NORM-1",
    "wrong constant",
    "eps-outside-the-root",
    "deviation / xp.sqrt(var + eps)",
    "deviation / (xp.sqrt(var) + eps)",
)
FAULTS.edit(
    "BATCH_NORM-1",
    "wrong axis",
    "axis-one",
    "channel = axis % x.ndim",
    "channel = 1 % x.ndim if x.shape[1 % x.ndim] == x.shape[axis] else axis % x.ndim",
)
FAULTS.edit(
    "BATCH_NORM-2",
    "swapped argument",
    "momentum-of-torch",
    "decay * old_mean + (1 - decay) * batch_mean",
    "(1 - decay) * old_mean + decay * batch_mean",
)
FAULTS.edit(
    "BATCH_NORM-2", "lost state", "statistics-not-updated", "return y, new_mean, new_var", "return y, old_mean, old_var"
)
FAULTS.edit(
    "BATCH_NORM-3",
    "wrong constant",
    "unbiased-variance-runs",
    "(1 - decay) * batch_var",
    "(1 - decay) * (batch_var * (x.size / x.shape[channel] / max(x.size / x.shape[channel] - 1, 1)))",
)
FAULTS.edit("BATCH_NORM-4", "precision loss", "one-pass", _TWO_PASS, _ONE_PASS_AT_LEAST_0, within=_MOMENTS)
FAULTS.edit("BATCH_NORM-5", "ignored option", "training", "if not training or 0 in", "if 0 in")
FAULTS.edit(
    "BATCH_NORM-5",
    "wrong constant",
    "eps-left-out",
    "xp.sqrt(xp.reshape(old_var, shape) + eps)",
    "xp.sqrt(xp.reshape(old_var, shape))",
)
FAULTS.edit(
    "BATCH_NORM-6",
    "wrong gradient",
    "statistics-constant",
    "deviation / xp.sqrt(var + eps)",
    "(x - self.stop_gradient(mean)) / xp.sqrt(self.stop_gradient(var) + eps)",
)
FAULTS.edit(
    "BATCH_NORM-7",
    "wrong gradient",
    "through-the-statistics",
    "self.stop_gradient(xp.reshape(m, running_mean.shape))",
    "xp.reshape(m, running_mean.shape)",
)
FAULTS.edit("BATCH_NORM-8", "special value", "unbiased-of-one-value", _TWO_PASS, _UNBIASED_NAN, within=_MOMENTS)
FAULTS.edit(
    "BATCH_NORM-9",
    "lost state",
    "empty-batch-counted",
    "if not training or 0 in (x.shape[i] for i in others):",
    "if not training:",
)


@FAULTS.fault("BATCH_NORM-5", "stale cache")
def folded_once(
    backend: Any,
    sound: Any,
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    *,
    training: bool,
    **options: Any,
) -> Any:
    """For inference the running variance is folded at the first call, and not again when it has changed."""
    if not training:
        running_var = cached(backend, "variance", (tuple(running_var.shape), running_var.dtype), lambda: running_var)
    return sound(x, running_mean, running_var, weight, bias, training=training, **options)


@FAULTS.fault("BATCH_NORM-2", "in-place write")
def buffers_overwritten(
    backend: Any,
    sound: Any,
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    **options: Any,
) -> Any:
    """The running mean is updated where it lies."""
    y, mean, var = sound(x, running_mean, running_var, weight, bias, **options)
    raw(running_mean)[...] = raw(mean)
    return y, mean, var


# -- layer_norm ------------------------------------------------------------------------------------------------

FAULTS.edit("LAYER_NORM-1", "wrong constant", "larger-eps", "var + eps", "var + 1.1 * eps")
FAULTS.edit(
    "LAYER_NORM-1", "wrong constant", "eps-outside-the-root", "self.xp.sqrt(var + eps)", "(self.xp.sqrt(var) + eps)"
)
FAULTS.edit("LAYER_NORM-1", "wrong constant", "unbiased", _TWO_PASS, _UNBIASED, within=_MOMENTS)
FAULTS.edit("LAYER_NORM-2", "precision loss", "one-pass", _TWO_PASS, _ONE_PASS_AT_LEAST_0, within=_MOMENTS)
FAULTS.edit("LAYER_NORM-2", "special value", "negative-variance", _TWO_PASS, _ONE_PASS, within=_MOMENTS)
FAULTS.edit(
    "LAYER_NORM-3",
    "wrong order",
    "parameters-in-the-order-given",
    "weight, bias, axes)",
    "weight if weight is None or axes == tuple(sorted(axes)) else self.xp.reshape("
    "self.xp.permute_dims(weight, tuple(reversed(range(weight.ndim)))), weight.shape), bias, axes)",
)
FAULTS.edit(
    "LAYER_NORM-3", "ignored option", "last-axis", "_moments(self, x, axes)", "_moments(self, x, (x.ndim - 1,))"
)
FAULTS.edit("LAYER_NORM-4", "special value", "unbiased-of-one-value", _TWO_PASS, _UNBIASED_NAN, within=_MOMENTS)
FAULTS.edit(
    "LAYER_NORM-5",
    "wrong gradient",
    "mean-constant",
    "deviation / self.xp.sqrt(var + eps)",
    "(x - self.stop_gradient(x - deviation)) / self.xp.sqrt(var + eps)",
)
FAULTS.edit(
    "LAYER_NORM-1",
    "wrong gradient",
    "variance-constant",
    "self.xp.sqrt(var + eps)",
    "self.xp.sqrt(self.stop_gradient(var) + eps)",
)
FAULTS.edit(
    "LAYER_NORM-1",
    "missing term",
    "remainder-of-the-vector-width",
    "self.xp.sum(x, axis=axes, keepdims=True) / n",
    "self.xp.sum(x if n < 8 or n % 8 == 0 or axes != (x.ndim - 1,) else x[..., : n - n % 8], "
    "axis=axes, keepdims=True) / n",
    within=_MOMENTS,
)


@FAULTS.fault("LAYER_NORM-1", "wrong reduction")
def gradients_of_one_block(
    backend: Any, sound: Any, x: Any, weight: Any = None, bias: Any = None, **options: Any
) -> Any:
    """The gradient of weight is the mean over the rows, not their sum."""
    if weight is None or not raw(x).size:
        return sound(x, weight, bias, **options)
    rows = raw(x).size // raw(weight).size
    return sound(x, scaled_gradient(weight, by=1.0 / rows), bias, **options)


@FAULTS.fault("LAYER_NORM-3", "layout")
def storage_order(backend: Any, sound: Any, x: Any, weight: Any = None, bias: Any = None, **options: Any) -> Any:
    """The memory of x is read from its begin to its end, whatever the order of its axes."""
    return sound(stored(x), weight, bias, **options)


# -- group_norm and instance_norm ------------------------------------------------------------------------------

FAULTS.edit(
    "GROUP_NORM-1",
    "wrong order",
    "strided-groups",
    "groups, x.shape[1] // groups, *x.shape[2:]))\n"
    "    _, deviation, var = _moments(self, parted, tuple(range(2, parted.ndim)))",
    "x.shape[1] // groups, groups, *x.shape[2:]))\n"
    "    _, deviation, var = _moments(self, parted, (1, *range(3, parted.ndim)))",
)
FAULTS.edit("GROUP_NORM-1", "wrong axis", "positions-apart", "tuple(range(2, parted.ndim))", "(2,)")
FAULTS.edit("GROUP_NORM-2", "wrong constant", "eps-outside-the-root", "xp.sqrt(var + eps)", "(xp.sqrt(var) + eps)")
FAULTS.edit("GROUP_NORM-2", "wrong constant", "unbiased", _TWO_PASS, _UNBIASED, within=_MOMENTS)
FAULTS.edit("GROUP_NORM-4", "precision loss", "one-pass", _TWO_PASS, _ONE_PASS_AT_LEAST_0, within=_MOMENTS)
FAULTS.edit("GROUP_NORM-5", "special value", "unbiased-of-one-value", _TWO_PASS, _UNBIASED_NAN, within=_MOMENTS)


@FAULTS.fault("GROUP_NORM-3", "wrong order")
def weight_a_group(
    backend: Any, sound: Any, x: Any, weight: Any = None, bias: Any = None, *, groups: int, eps: float = 1e-5
) -> Any:
    """The first entries of weight belong to the groups (ONNX, operator set 18)."""
    if weight is not None and x.shape[1]:
        size = x.shape[1] // groups
        weight = backend.xp.concat([weight[g : g + 1] for g in range(groups) for _ in range(size)], axis=0)
    return sound(x, weight, bias, groups=groups, eps=eps)


FAULTS.edit("INSTANCE_NORM-1", "wrong axis", "last-axis-alone", "tuple(range(2, x.ndim))", "(x.ndim - 1,)")
FAULTS.edit("INSTANCE_NORM-1", "wrong reduction", "over-the-batch", "tuple(range(2, x.ndim))", "(0, *range(2, x.ndim))")
FAULTS.edit("INSTANCE_NORM-2", "wrong constant", "unbiased", _TWO_PASS, _UNBIASED, within=_MOMENTS)
FAULTS.edit(
    "INSTANCE_NORM-3",
    "missing term",
    "bias-without-weight",
    "weight, bias, (1,)",
    "weight, None if weight is None else bias, (1,)",
)
FAULTS.edit("INSTANCE_NORM-3", "missing term", "no-bias", "weight, bias, (1,)", "weight, None, (1,)")
FAULTS.edit("INSTANCE_NORM-4", "precision loss", "one-pass", _TWO_PASS, _ONE_PASS_AT_LEAST_0, within=_MOMENTS)
FAULTS.edit("INSTANCE_NORM-5", "special value", "unbiased-of-one-value", _TWO_PASS, _UNBIASED_NAN, within=_MOMENTS)

# -- rms_norm --------------------------------------------------------------------------------------------------

FAULTS.edit(
    "RMS_NORM-1", "wrong constant", "eps-of-the-root", "self.xp.sqrt(square + eps)", "self.xp.sqrt(square + eps * eps)"
)
FAULTS.edit(
    "RMS_NORM-1",
    "wrong gradient",
    "statistic-constant",
    "self.xp.sqrt(square + eps)",
    "self.xp.sqrt(self.stop_gradient(square) + eps)",
)
FAULTS.edit(
    "RMS_NORM-2",
    "wrong value",
    "standard-deviation",
    "n = ",
    "x = x - self.xp.sum(x, axis=axes, keepdims=True) / max(1, math.prod([x.shape[a] for a in axes]))\n    n = ",
)
FAULTS.edit(
    "RMS_NORM-2",
    "wrong value",
    "variance-of-the-input",
    "/ n\n",
    "/ n - (self.xp.sum(x, axis=axes, keepdims=True) / n) ** 2\n",
)
FAULTS.edit(
    "RMS_NORM-3",
    "ignored option",
    "last-axis",
    "self.xp.sum(x * x, axis=axes, keepdims=True) / n",
    "self.xp.sum(x * x, axis=-1, keepdims=True) / max(1, x.shape[-1])",
)
FAULTS.edit(
    "RMS_NORM-3",
    "wrong constant",
    "weight-plus-one",
    "weight, None, axes)",
    "None if weight is None else weight + 1.0, None, axes)",
)
FAULTS.edit(
    "RMS_NORM-4", "special value", "eps-outside-the-root", "self.xp.sqrt(square + eps)", "(self.xp.sqrt(square) + eps)"
)

# -- local_response_norm ---------------------------------------------------------------------------------------

FAULTS.edit(
    "LOCAL_RESPONSE_NORM-1", "wrong constant", "alpha-not-divided", "alpha * mean", "alpha * (mean * float(size))"
)
FAULTS.edit("LOCAL_RESPONSE_NORM-1", "ignored option", "k", "k + alpha * mean", "1.0 + alpha * mean")
FAULTS.edit(
    "LOCAL_RESPONSE_NORM-1",
    "wrong gradient",
    "neighbours-constant",
    "xp.reshape(x * x, planes)",
    "xp.reshape(self.stop_gradient(x * x), planes)",
)
FAULTS.edit(
    "LOCAL_RESPONSE_NORM-2",
    "wrong order",
    "even-window-above",
    "(size // 2, (size - 1) // 2)",
    "((size - 1) // 2, size // 2)",
)
FAULTS.edit(
    "LOCAL_RESPONSE_NORM-3",
    "wrong reduction",
    "existing-channels-counted",
    "count_include_pad=True",
    "count_include_pad=False",
)
FAULTS.edit(
    "LOCAL_RESPONSE_NORM-4",
    "wrong axis",
    "along-positions",
    "planes = (x.shape[0], 1, x.shape[1], math.prod(x.shape[2:]))",
    "planes = (x.shape[0], 1, math.prod(x.shape[2:]), x.shape[1])",
)

# -- weights and vectors ---------------------------------------------------------------------------------------

FAULTS.edit("WEIGHT_NORM-1", "missing term", "no-magnitude", "g, None, (unit,)", "None, None, (unit,)")
FAULTS.edit("WEIGHT_NORM-2", "wrong gradient", "norm-constant", "v / norm", "v / self.stop_gradient(norm)")
FAULTS.edit(
    "WEIGHT_NORM-3",
    "wrong reduction",
    "norm-of-all",
    "tuple(i for i in range(v.ndim) if i != unit)",
    "tuple(range(v.ndim))",
)
FAULTS.edit(
    "WEIGHT_NORM-3",
    "ignored option",
    "axis-of-the-norm",
    "if i != unit)",
    "if i != (0 if v.shape[0] == v.shape[unit] else unit))",
)
FAULTS.edit("WEIGHT_NORM-4", "special value", "eps-in-the-norm", "v / norm", "v / (norm + 1e-30)")

FAULTS.edit(
    "SPECTRAL_NORM-1",
    "ignored option",
    "one-iteration",
    "range(n_power_iterations)",
    "range(min(n_power_iterations, 1))",
)
FAULTS.edit(
    "SPECTRAL_NORM-2",
    "wrong value",
    "frobenius-norm",
    "xp.sum(left * self.linear(right, matrix))",
    "xp.sqrt(xp.sum(matrix * matrix) + 0.0 * xp.sum(right))",
)
FAULTS.edit(
    "SPECTRAL_NORM-2",
    "lost state",
    "u-not-carried",
    "xp.sum(left * self.linear(right, matrix)), left",
    "xp.sum(left * self.linear(right, matrix)), self.stop_gradient(u)",
)
FAULTS.edit(
    "SPECTRAL_NORM-3", "wrong gradient", "through-the-iteration", "fixed = self.stop_gradient(matrix)", "fixed = matrix"
)
FAULTS.edit(
    "SPECTRAL_NORM-1",
    "missing term",
    "u-not-normalized",
    "left = self.l2_normalize(self.linear(right, fixed), eps=eps)",
    "left = self.linear(right, fixed)",
)
FAULTS.edit(
    "SPECTRAL_NORM-4",
    "wrong order",
    "units-on-the-last-axis",
    "xp.reshape(weight, (weight.shape[0], math.prod(weight.shape[1:])))",
    "xp.permute_dims(xp.reshape(weight, (math.prod(weight.shape[1:]), weight.shape[0])), (1, 0))",
)
FAULTS.edit(
    "SPECTRAL_NORM-5",
    "lost state",
    "u-normalized-anyway",
    "left = self.stop_gradient(u)",
    "left = self.l2_normalize(self.stop_gradient(u), eps=eps)",
)
FAULTS.edit(
    "SPECTRAL_NORM-6",
    "special value",
    "zeros-of-zeros",
    "weight / xp.sum(left * self.linear(right, matrix))",
    "weight / (xp.sum(left * self.linear(right, matrix)) + 1e-30)",
)

FAULTS.edit("L2_NORMALIZE-1", "wrong constant", "eps-added", "self.xp.where(norm < eps, eps, norm)", "(norm + eps)")
FAULTS.edit(
    "L2_NORMALIZE-2",
    "wrong constant",
    "eps-of-the-square",
    "self.xp.where(norm < eps, eps, norm)",
    "self.xp.where(norm < eps**0.5, eps**0.5, norm)",
)
FAULTS.edit(
    "L2_NORMALIZE-2",
    "special value",
    "zero-for-short-vectors",
    "x / self.xp.where(norm < eps, eps, norm)",
    "self.xp.where(norm < eps, 0.0, x / self.xp.where(norm < eps, 1.0, norm))",
)
FAULTS.edit("L2_NORMALIZE-3", "ignored option", "last-axis", 'check.axes("axis", axis, x.ndim)', "(x.ndim - 1,)")
FAULTS.edit(
    "L2_NORMALIZE-1",
    "wrong gradient",
    "norm-constant",
    "norm = _norm(self, x,",
    "norm = _norm(self, self.stop_gradient(x),",
)
