"""Planted faults of losses of every element by itself: distances, trials, densities, binary margins."""

from __future__ import annotations

from typing import Any

from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import clipped_below, with_gradient_of

__all__ = ["FAULTS"]

FAULTS = Planted()

_REDUCED = "nnspec.ops.losses._shared:reduced"
_MAGNITUDE = "nnspec.ops._common:magnitude"
_KEPT = "counted(self, prediction - target, sample_weight)"

# -- distances -------------------------------------------------------------------------------------------------

FAULTS.edit(
    "MEAN_ABSOLUTE_ERROR-1",
    "wrong reduction",
    "weighted-sum-over-the-number-of-elements",
    "divisor = xp.sum(weight)",
    "divisor = xp.sum(xp.ones_like(weight))",
    within=_REDUCED,
)
FAULTS.edit(
    "MEAN_ABSOLUTE_ERROR-2",
    "wrong kink",
    "derivative-one-at-zero",
    "backend.xp.sign(x)",
    "backend.xp.where(x >= 0, backend.xp.ones_like(x), -backend.xp.ones_like(x))",
    within=_MAGNITUDE,
)
FAULTS.edit("MEAN_ABSOLUTE_ERROR-3", "leaked mask", "zero-times-nan", _KEPT, "prediction - target")
FAULTS.edit(
    "MEAN_ABSOLUTE_ERROR-4",
    "special value",
    "nan-counts-as-no-error",
    "magnitude(self, difference)",
    "magnitude(self, self.xp.where(difference == difference, difference, 0.0))",
)


@FAULTS.fault("MEAN_SQUARED_ERROR-1", "wrong gradient")
def mean_with_the_gradient_of_the_sum(
    backend: Any, sound: Any, prediction: Any, target: Any, *, reduction: str = "mean", **options: Any
) -> Any:
    """The backward pass forgets to divide by the number of elements."""
    value = sound(prediction, target, reduction=reduction, **options)
    if reduction != "mean":
        return value
    return with_gradient_of(backend, value, sound(prediction, target, reduction="sum", **options))


FAULTS.edit(
    "MEAN_SQUARED_ERROR-1",
    "wrong reduction",
    "mean-over-rows-of-sums",
    "total / math.prod(weighted.shape)",
    "total / weighted.shape[0]",
    within=_REDUCED,
)
FAULTS.edit(
    "MEAN_SQUARED_ERROR-2",
    "wrong constant",
    "factor-a-half",
    "difference * difference",
    "0.5 * difference * difference",
)
FAULTS.edit(
    "MEAN_SQUARED_ERROR-3",
    "leaked mask",
    "masked-after-the-square",
    "difference = counted(self, prediction - target, sample_weight)\n"
    "    return elementwise(self, difference * difference, sample_weight, reduction)",
    "difference = prediction - target\n"
    "    return elementwise(self, counted(self, difference * difference, sample_weight), sample_weight, reduction)",
)


@FAULTS.fault("MEAN_SQUARED_ERROR-2", "precision loss", replaces="widened")
def computed_in_the_low_dtype(backend: Any, sound: Any, x: Any) -> Any:
    """Differences, squares and sums of float16 and bfloat16 are rounded one after the other."""
    return x


FAULTS.edit(
    "MEAN_SQUARED_LOGARITHMIC_ERROR-2",
    "precision loss",
    "log-of-one-plus",
    "log1p = self.xp.log1p",
    "log1p = lambda x: self.xp.log(1.0 + x)",
)
FAULTS.edit(
    "MEAN_SQUARED_LOGARITHMIC_ERROR-2",
    "wrong value",
    "clipped-at-1e-7",
    "log1p = self.xp.log1p",
    "log1p = lambda x: self.xp.log1p(self.xp.where(x < 1e-7, 1e-7, x))",
)
FAULTS.edit(
    "MEAN_SQUARED_LOGARITHMIC_ERROR-3",
    "leaked mask",
    "target-unmasked",
    "log1p(counted(self, target, sample_weight))",
    "log1p(target)",
)
FAULTS.edit("HUBER-1", "missing term", "no-half", "bounded * (d - 0.5 * bounded)", "bounded * (2.0 * d - bounded)")
FAULTS.edit(
    "HUBER-1",
    "wrong value",
    "slope-one-outside",
    "bounded * (d - 0.5 * bounded)",
    "bounded * (d - 0.5 * bounded) / delta",
)
FAULTS.edit(
    "HUBER-2",
    "overflow",
    "difference-of-squares",
    "bounded * (d - 0.5 * bounded)",
    "0.5 * (d * d - (d - bounded) * (d - bounded))",
)

_FIRST_DELTAS: dict[Any, float] = {}


@FAULTS.fault("HUBER-1", "stale cache")
def delta_of_the_first_call(
    backend: Any, sound: Any, prediction: Any, target: Any, *, delta: float = 1.0, **options: Any
) -> Any:
    """What is compiled for a shape and dtype keeps the delta it was compiled with."""
    key = (prediction.shape, str(prediction.dtype))
    return sound(prediction, target, delta=_FIRST_DELTAS.setdefault(key, delta), **options)


FAULTS.edit("SMOOTH_L1-1", "missing term", "not-divided-by-beta", "reduction=reduction) / beta", "reduction=reduction)")
FAULTS.edit("SMOOTH_L1-1", "ignored option", "kink-at-one", "delta=beta", "delta=1.0")
FAULTS.edit(
    "LOG_COSH-2",
    "precision loss",
    "log-two-subtracted-everywhere",
    "xp.where(near, 0.0, a - math.log(2)) + xp.log1p(z)",
    "(a + xp.log1p(xp.exp(-2.0 * a))) - math.log(2)",
)


@FAULTS.fault("LOG_COSH-1", "overflow")
def log_of_cosh(
    backend: Any, sound: Any, prediction: Any, target: Any, *, sample_weight: Any = None, reduction: str = "mean"
) -> Any:
    """Exponentials of the difference itself."""
    xp, d = backend.xp, prediction - target
    if sample_weight is not None or reduction != "none":
        return sound(prediction, target, sample_weight=sample_weight, reduction=reduction)
    return xp.log(0.5 * (xp.exp(d) + xp.exp(-d)))


@FAULTS.fault("LOG_COSH-3", "wrong gradient")
def sign_for_tanh(
    backend: Any, sound: Any, prediction: Any, target: Any, *, sample_weight: Any = None, reduction: str = "mean"
) -> Any:
    """The derivative of the tails is taken for that around 0 too."""
    value = sound(prediction, target, sample_weight=sample_weight, reduction=reduction)
    distance = backend.mean_absolute_error(prediction, target, sample_weight=sample_weight, reduction=reduction)
    return with_gradient_of(backend, value, distance)


FAULTS.edit(
    "MEAN_ABSOLUTE_PERCENTAGE_ERROR-1", "wrong constant", "no-hundred", "100.0 * (error / divisor)", "error / divisor"
)
FAULTS.edit(
    "MEAN_ABSOLUTE_PERCENTAGE_ERROR-1",
    "swapped argument",
    "of-the-prediction",
    "t = counted(self, target, sample_weight)",
    "t = counted(self, prediction, sample_weight)",
)
FAULTS.edit(
    "MEAN_ABSOLUTE_PERCENTAGE_ERROR-2",
    "wrong value",
    "eps-added",
    "self.xp.where(size <= eps, eps, size)",
    "size + eps",
)
FAULTS.edit("MEAN_ABSOLUTE_PERCENTAGE_ERROR-2", "wrong kink", "derivative-at-the-floor", "size <= eps", "size < eps")
FAULTS.edit(
    "MEAN_ABSOLUTE_PERCENTAGE_ERROR-3",
    "wrong kink",
    "derivative-at-the-target",
    "magnitude(self, counted(self, prediction - target, sample_weight))",
    "self.xp.maximum(prediction - target, target - prediction)\n"
    "    error = counted(self, self.xp.where(prediction >= target, prediction - target, error), sample_weight)",
)

# -- one class of two ------------------------------------------------------------------------------------------


@FAULTS.fault("BINARY_CROSS_ENTROPY_WITH_LOGITS-1", "precision loss")
def clipped_probability(
    backend: Any,
    sound: Any,
    logits: Any,
    target: Any,
    *,
    sample_weight: Any = None,
    reduction: str = "mean",
    **rest: Any,
) -> Any:
    """The logarithm of a probability in [1e-7, 1 - 1e-7], as on NumPy in Keras."""
    if rest.get("pos_weight") is not None or rest.get("label_smoothing"):
        return sound(logits, target, sample_weight=sample_weight, reduction=reduction, **rest)
    p = clipped_below(backend, 1.0 - clipped_below(backend, backend.sigmoid(-logits), 1e-7), 1e-7)
    return backend.binary_cross_entropy(p, target, sample_weight=sample_weight, reduction=reduction)


@FAULTS.fault("BINARY_CROSS_ENTROPY_WITH_LOGITS-1", "overflow", replaces="softplus")
def log_of_one_plus_exp(backend: Any, sound: Any, x: Any, **options: Any) -> Any:
    """The exponential of a large logit."""
    return backend.xp.log(1.0 + backend.xp.exp(x))


@FAULTS.fault("BINARY_CROSS_ENTROPY_WITH_LOGITS-3", "wrong kink", replaces="softplus")
def magnitude_form(backend: Any, sound: Any, x: Any, **options: Any) -> Any:
    """max(x, 0) + log(1 + exp(-|x|)), whose parts have derivatives of their own at 0."""
    xp = backend.xp
    size = x * backend.stop_gradient(xp.sign(x))
    return xp.where(x > 0, x, 0.0) + xp.log1p(xp.exp(-size))


FAULTS.edit(
    "BINARY_CROSS_ENTROPY_WITH_LOGITS-2",
    "wrong value",
    "weight-on-both-terms",
    "elementwise(self, (1.0 - y) * x + tail,",
    "elementwise(self, (1.0 if pos_weight is None else pos_weight) * (1.0 - y) * x + tail,",
)
FAULTS.edit(
    "BINARY_CROSS_ENTROPY_WITH_LOGITS-4", "wrong constant", "towards-one", "label_smoothing / 2", "label_smoothing"
)
FAULTS.edit(
    "BINARY_CROSS_ENTROPY_WITH_LOGITS-5",
    "wrong reduction",
    "divided-by-the-number",
    "divisor = xp.sum(weight)",
    "divisor = xp.sum(xp.ones_like(weight))",
    within=_REDUCED,
)
FAULTS.edit(
    "BINARY_CROSS_ENTROPY-1",
    "precision loss",
    "one-minus-p-rounded",
    "xp.log1p(-xp.where((y == 1) & (p == 1), 0.0, p))",
    "xp.log(1.0 - xp.where((y == 1) & (p == 1), 0.0, p))",
)
FAULTS.edit(
    "BINARY_CROSS_ENTROPY-2",
    "special value",
    "zero-times-log-zero",
    "xp.where((y == 0) & (p == 0), 1.0, p)",
    "p",
)
FAULTS.edit(
    "BINARY_CROSS_ENTROPY-3",
    "special value",
    "logarithm-bounded",
    "positive = y * xp.log(xp.where((y == 0) & (p == 0), 1.0, p))",
    "positive = xp.log(xp.where((y == 0) & (p == 0), 1.0, p))\n"
    "    positive = y * xp.where(positive < -100, -100.0, positive)",
)
FAULTS.edit(
    "BINARY_CROSS_ENTROPY-4",
    "swapped argument",
    "target-for-prediction",
    "p, y = counted",
    "y, p = counted",
)
FAULTS.edit(
    "BINARY_CROSS_ENTROPY-6",
    "leaked mask",
    "target-unmasked",
    "counted(self, target, sample_weight)",
    "target",
)


@FAULTS.fault("HINGE-2", "wrong kink", replaces="relu")
def half_at_the_margin(backend: Any, sound: Any, x: Any) -> Any:
    """A maximum, which shares the derivative at a tie."""
    return backend.xp.maximum(x, 0.0 * backend.stop_gradient(x))


FAULTS.edit("HINGE-1", "missing term", "no-margin", "self.relu(1.0 - ", "self.relu(-")
FAULTS.edit("HINGE-4", "leaked mask", "prediction-unmasked", "counted(self, prediction, sample_weight)", "prediction")


@FAULTS.fault("HINGE-1", "unchecked argument", replaces="is_concrete")
def labels_unseen(backend: Any, sound: Any, x: Any) -> Any:
    """No value is looked at, so that a label 0 has the loss 1."""
    return False


FAULTS.edit("SQUARED_HINGE-1", "wrong constant", "factor-a-half", "slack * slack", "0.5 * slack * slack")
FAULTS.edit(
    "SQUARED_HINGE-2", "wrong gradient", "factor-two-forgotten", "slack * slack", "slack * self.stop_gradient(slack)"
)
FAULTS.edit(
    "SQUARED_HINGE-3",
    "wrong reduction",
    "mean-of-counted-elements",
    "divisor = xp.sum(weight)",
    "divisor = xp.sum(xp.where(weight == 0, weight, xp.ones_like(weight)))",
    within=_REDUCED,
)

# -- densities -------------------------------------------------------------------------------------------------

FAULTS.edit("POISSON_NLL-1", "ignored option", "always-logarithms", "if log_input:", "if True:")
FAULTS.edit(
    "POISSON_NLL-2",
    "wrong constant",
    "eps-added-to-the-rate",
    "xp.log(xp.where((t == 0) & (x == 0), 1.0, x))",
    "xp.log(xp.where((t == 0) & (x == 0), 1.0, x) + 1e-8)",
)
FAULTS.edit("POISSON_NLL-3", "special value", "zero-times-log-zero", "xp.where((t == 0) & (x == 0), 1.0, x)", "x")
FAULTS.edit(
    "POISSON_NLL-3",
    "rare option",
    "zero-times-minus-infinity",
    "xp.where((t == 0) & (x == -math.inf), 0.0, x)",
    "x",
)
FAULTS.edit(
    "POISSON_NLL-5",
    "leaked mask",
    "target-unmasked",
    "counted(self, target, sample_weight)",
    "target",
)
FAULTS.edit("GAUSSIAN_NLL-1", "missing term", "whole-logarithm", "0.5 * (xp.log(v) + z * z)", "xp.log(v) + 0.5 * z * z")
FAULTS.edit("GAUSSIAN_NLL-1", "overflow", "squared-before-divided", "xp.log(v) + z * z", "xp.log(v) + d * d / v")
FAULTS.edit(
    "GAUSSIAN_NLL-2",
    "wrong gradient",
    "derivative-below-the-floor",
    "v = xp.where(v <= eps, eps, v)",
    "v = v + self.stop_gradient(xp.where(v <= eps, eps - v, 0.0))",
)
FAULTS.edit("GAUSSIAN_NLL-2", "wrong kink", "derivative-at-the-floor", "v <= eps", "v < eps")
FAULTS.edit("GAUSSIAN_NLL-2", "wrong value", "eps-added", "xp.where(v <= eps, eps, v)", "v + eps")
FAULTS.edit(
    "GAUSSIAN_NLL-3", "wrong constant", "whole-log-two-pi", "0.5 * math.log(2 * math.pi)", "math.log(2 * math.pi)"
)
FAULTS.edit(
    "GAUSSIAN_NLL-4",
    "wrong reduction",
    "divided-by-the-number",
    "divisor = xp.sum(weight)",
    "divisor = xp.sum(xp.ones_like(weight))",
    within=_REDUCED,
)
