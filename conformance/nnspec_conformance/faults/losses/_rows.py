"""Planted faults of losses of whole vectors and sequences."""

from __future__ import annotations

from typing import Any

from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import with_gradient_of

__all__ = ["FAULTS"]

FAULTS = Planted()

_DISTANCE = "nnspec.ops.losses._metric:_distance"
_MATCHED = "nnspec.ops.losses._metric:_matched"

# -- similarity ------------------------------------------------------------------------------------------------

FAULTS.edit(
    "COSINE_SIMILARITY-1",
    "wrong axis",
    "second-vector-along-the-last",
    "self.l2_normalize(y, axis=axis, eps=eps)",
    "self.l2_normalize(y, axis=-1, eps=eps)",
)
FAULTS.edit(
    "COSINE_SIMILARITY-2",
    "wrong value",
    "one-floor-for-the-product",
    "cosines = self.l2_normalize(x, axis=axis, eps=eps) * self.l2_normalize(y, axis=axis, eps=eps)",
    "sizes = [self.xp.sum(v * v, axis=axis, keepdims=True) for v in (x, y)]\n"
    "    sizes = sizes[0] * sizes[1]\n"
    "    cosines = x * y / self.xp.sqrt(self.xp.where(sizes <= eps * eps, eps * eps, sizes))",
)
FAULTS.edit(
    "COSINE_SIMILARITY-2",
    "ignored option",
    "eps-of-the-normalization",
    "self.l2_normalize(y, axis=axis, eps=eps)",
    "self.l2_normalize(y, axis=axis)",
)
FAULTS.edit(
    "COSINE_SIMILARITY-3",
    "leaked mask",
    "pairs-unmasked",
    "x, y = _counted_rows(self, (x, y), axis, sample_weight)",
    "pass",
)

# -- triplets --------------------------------------------------------------------------------------------------

FAULTS.edit("TRIPLET_MARGIN-1", "wrong constant", "eps-added", "x - y", "x - y + 1e-6", within=_DISTANCE)
FAULTS.edit("TRIPLET_MARGIN-1", "wrong value", "squared", "root(self, ", "(", within=_DISTANCE)
FAULTS.edit(
    "TRIPLET_MARGIN-1",
    "swapped argument",
    "negative-from-positive",
    "_distance(self, anchor, negative, axis)",
    "_distance(self, positive, negative, axis)",
)
FAULTS.edit(
    "TRIPLET_MARGIN-2", "special value", "root-of-zero-differentiated", "root(self, ", "self.xp.sqrt(", within=_DISTANCE
)
FAULTS.edit("TRIPLET_MARGIN-3", "wrong kink", "derivative-at-the-margin", "excess <= 0", "excess < 0")
FAULTS.edit(
    "TRIPLET_MARGIN-4",
    "wrong reduction",
    "mean-of-what-is-not-zero",
    "return elementwise(",
    "sample_weight = self.xp.where(excess > 0, sample_weight, 0.0) if sample_weight is not None else None\n"
    "    return elementwise(",
)
FAULTS.edit(
    "TRIPLET_MARGIN-5",
    "special value",
    "nan-counts-as-no-loss",
    "self.xp.where(excess <= 0, 0.0, excess)",
    "self.xp.where(excess > 0, excess, 0.0)",
)

# -- contrast --------------------------------------------------------------------------------------------------

FAULTS.edit(
    "INFO_NCE-1",
    "wrong axis",
    "keys-choose-among-queries",
    "loss = _matched(self, logits, sample_weight)",
    "loss = _matched(self, self.xp.permute_dims(logits, (1, 0)), sample_weight)",
)
FAULTS.edit(
    "INFO_NCE-2",
    "wrong value",
    "normalized-inside",
    "logits = ",
    "query, key = self.l2_normalize(query, axis=1), self.l2_normalize(key, axis=1)\n    logits = ",
)
FAULTS.edit("INFO_NCE-2", "ignored option", "temperature-of-the-default", "/ temperature", "/ 0.07")
FAULTS.edit("INFO_NCE-3", "wrong constant", "both-directions-added", ") * 0.5", ")")
FAULTS.edit(
    "INFO_NCE-4",
    "overflow",
    "sum-of-exponentials",
    'return self.cross_entropy(logits, own, sample_weight=weight, reduction="none")',
    "row = xp.reshape(own, (-1, 1)) == own\n"
    "    loss = xp.log(xp.sum(xp.exp(logits), axis=1)) - xp.sum(xp.where(row, logits, 0.0), axis=1)\n"
    "    return loss if weight is None else xp.where(weight == 0, 0.0, loss) * weight",
    within=_MATCHED,
)
FAULTS.edit(
    "INFO_NCE-5",
    "leaked mask",
    "absent-keys-among-the-negatives",
    "logits = xp.where(xp.reshape(weight == 0, (1, -1)), -math.inf, logits)",
    "pass",
    within=_MATCHED,
)

# -- alignments ------------------------------------------------------------------------------------------------

FAULTS.edit(
    "CTC-1",
    "missing term",
    "no-blank-between-equal-labels",
    "(states != blank) & (states != two_before)",
    "states != blank",
    within="nnspec.ops.losses._ctc:label_states",
)


@FAULTS.fault("CTC-2", "wrong gradient", replaces="log_softmax")
def gradient_of_log_probabilities(backend: Any, sound: Any, x: Any, *, axis: int = -1) -> Any:
    """The gradient is that with respect to log-probabilities, without that of their normalization."""
    return with_gradient_of(backend, sound(x, axis=axis), x)


FAULTS.edit(
    "CTC-3",
    "ignored option",
    "blank-is-the-first-class",
    "target_lengths, blank, sample_weight",
    "target_lengths, 0, sample_weight",
)
FAULTS.edit(
    "CTC-4", "leaked mask", "all-frames-count", "input_lengths, target_lengths, blank", "None, target_lengths, blank"
)
FAULTS.edit(
    "CTC-4",
    "ignored option",
    "all-labels-count",
    "input_lengths, target_lengths, blank",
    "input_lengths, None, blank",
)
FAULTS.edit(
    "CTC-5",
    "special value",
    "nan-where-there-is-no-alignment",
    "none = top == -math.inf",
    "none = top == math.inf",
    within="nnspec.ops.losses._ctc:_log_sum_exp",
)
FAULTS.edit(
    "CTC-5",
    "ignored option",
    "infinity-kept",
    "if zero_infinity:",
    "if False:",
    within="nnspec.ops.losses._ctc:ctc_reduced",
)
FAULTS.edit(
    "CTC-6",
    "overflow",
    "largest-not-taken-out",
    "top = xp.where(none, 0.0, top)",
    "top = xp.zeros_like(top)",
    within="nnspec.ops.losses._ctc:_log_sum_exp",
)


@FAULTS.fault("CTC-7", "wrong reduction")
def divided_by_target_lengths(
    backend: Any, sound: Any, logits: Any, target: Any, *, reduction: str = "mean", **options: Any
) -> Any:
    """torch's mean, of losses divided by the lengths of their targets."""
    if reduction != "mean" or options.get("sample_weight") is not None:
        return sound(logits, target, reduction=reduction, **options)
    lengths = options.get("target_lengths")
    each = sound(logits, target, reduction="none", **options)
    if lengths is None:
        return backend.xp.sum(each) / max(target.shape[1], 1) / logits.shape[0]
    lengths = backend.asarray(backend.xp.where(lengths == 0, 1, lengths), dtype=str(logits.dtype))
    return backend.xp.sum(each / lengths) / logits.shape[0]
