"""Checks that prove nothing where they pass: what ignores its inputs would pass as well. Decided from the reference."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec._low_precision import LOW
from nnspec.reference import Expected
from nnspec_conformance import limits
from nnspec_conformance.case import Case
from nnspec_conformance.context import Context

__all__ = ["MEANT", "MEANT_LOW", "meant", "vacuous"]

_FLAT = "flat there: the claim is that neither value nor derivative depends on x"
_ALONE = "a single entry leaves no choice"
_NOTHING = "nothing takes part: the claim is the 0, and that nothing is divided by 0"
_START = "moments start at 0"
_LAW = "a law: the difference of two ways to the same is 0"
#: patterns of case ids -> why the constant is what the case is about; every one is needed, which a test proves
MEANT: dict[str, str] = {
    # what is flat
    "relu6/large-mean": _FLAT,
    "hard_tanh/large-mean": _FLAT,
    "hard_tanh/tails": _FLAT,
    "hard_sigmoid/large-mean": _FLAT,
    "hard_sigmoid/tails": _FLAT,
    "sigmoid/large-mean": _FLAT,
    "log_sigmoid/large-mean": _FLAT,
    "tanh/large-mean": _FLAT,
    "gelu/tanh-large-mean": _FLAT,
    "softmax/far-apart": _FLAT,
    "softshrink/small": _FLAT,
    "hardshrink/small": _FLAT,
    "threshold/small": _FLAT,
    "heaviside/*": "a step has no derivative but 0",
    "constant_schedule/*": "the rate is the same at every step",
    "multi_step_schedule/no-milestone": "the rate is the same at every step",
    # what is 1 or 0 for lack of an alternative
    "softmax/one-class": _ALONE,
    "log_softmax/one-class": _ALONE,
    "cross_entropy/one-class": _ALONE,
    "multiclass_hinge/one-class": _ALONE,
    "info_nce/one": _ALONE,
    "roc_auc/one-class": _ALONE,
    "one_hot/one-class": _ALONE,
    "top_k_accuracy/one-sample": _ALONE,
    "l2_normalize/one-value": _ALONE,
    "unit_norm_constraint/vector": _ALONE,
    "orthogonal_penalty/one-unit": _ALONE,
    # what takes no part
    "*/all-weights-zero": _NOTHING,
    "nll/all-weights": _NOTHING,
    "*/class-weight-zero": _NOTHING,
    "*/sample-weight-zero": _NOTHING,
    "*/ignore-all": _NOTHING,
    "*_penalty/mask-nothing": _NOTHING,
    "scaled_dot_product_attention/mask-false": _NOTHING,
    "scaled_dot_product_attention/dropout-rate-one": _NOTHING,
    "alpha_dropout/mask-scalar": "what is dropped does not depend on the input",
    # what is 0 by its definition
    "*_penalty/zero": "the penalty of zeros and its derivative are 0",
    "rms_norm/zeros": "zeros stay zeros: nothing is divided by 0",
    "local_response_norm/zeros": "zeros stay zeros: nothing is divided by 0",
    "init_zeros/shapes": "zeros are what it makes",
    "init_ones/shapes": "ones are what it makes",
    "init_normal/constant": "without spread all entries are the mean",
    "init_orthogonal/one": "the only orthogonal matrix of one entry, but for its sign",
    "accumulation_init/zeros": _START,
    "adafactor_init/*": _START,
    "adagrad_init/plain": _START,
    "rmsprop_init/*": _START,
    "sgd_init/*": _START,
    "a[dm]*_init/moments": _START,
    "l*_init/moments": _START,
    "muon_init/moments": _START,
    "radam_init/moments": _START,
    # differences of two ways, whose reference is 0
    "*_attention/future*": _LAW,
    "*_attention/masked-content": _LAW,
    "rotary_positions/norms*": _LAW,
    "rotary_positions/shifted": _LAW,
    "layer_norm/sum-of-gradient": _LAW,
    "weight_norm/along": _LAW,
}

_COARSE = "the dtype holds nothing between the results, though float32 does"
#: the same of checks in float16 or bfloat16 alone
MEANT_LOW: dict[str, str] = {
    "tanhshrink/small": _COARSE,
    "init_uniform/narrow": _COARSE,
    "scaled_dot_product_attention/*-scores": _COARSE,
}

#: checks that compare the results with the reference
_OF_VALUES = frozenset({"values", "bits", "compiled", "trajectory"})


def vacuous(context: Context, check: str) -> str | None:
    """Why a check of the case proves nothing though it passes; None if it does prove something.

    Nothing is vacuous about inputs that are a kink, a tie or special, nor about empty ones: there the claim is the
    very constant. Other kinds of check do not compare results with the reference, of which laws expect 0.
    """
    if check != "gradients" and check not in _OF_VALUES:
        return None
    if context.case.sharp or any(x.size == 0 for x in context.numpy_inputs.values()):
        return None
    gradients = list(context.analysis.gradients.values())
    if check == "gradients":
        return "gradients of 0 would pass" if _are_zero(gradients, exact=False) else None
    values = [e for e in context.analysis.values if e.value.size]
    exact = context.exact or check == "bits"
    if not values:
        return None
    if _are_zero(values, exact=exact):
        return f"{_count(values)} of 0 would pass"
    moves = any(e.moves for e in values) and not (gradients and _are_zero(gradients, exact=False))
    if not moves and _are_one(values, exact=exact):
        return f"{_count(values)} of {float(values[0].value.flat[0]):.6g} would pass"
    return None


@functools.cache
def meant(case: Case, dtype: str) -> str | None:
    """Why a case is about a constant; None where that would be an accident. Derived cases are like their base."""
    written = case if case.derivation is None else case.derivation.base
    excuses = {**MEANT, **MEANT_LOW} if dtype in LOW else MEANT
    return next((why for pattern, why in excuses.items() if fnmatchcase(written.id, pattern)), None)


def _count(values: Sequence[Expected]) -> str:
    size = sum(e.value.size for e in values)
    return "one value" if size == 1 else f"{size} values"


def _are_zero(expected: Sequence[Expected], *, exact: bool) -> bool:
    bounds = [_bounds(e, exact) for e in expected]
    return all(bool(np.all((low <= 0) & (high >= 0))) for low, high in bounds)


def _are_one(expected: Sequence[Expected], *, exact: bool) -> bool:
    """Whether one constant would pass for all of them."""
    bounds = [_bounds(e, exact) for e in expected]
    lowest, highest = max(np.max(low) for low, _ in bounds), min(np.min(high) for _, high in bounds)
    return bool(lowest <= highest) or all(bool(np.all(e.value != e.value)) for e in expected)


def _bounds(e: Expected, exact: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """What would pass, from and to."""
    value = np.asarray(e.value)
    if e.unit is None or exact:
        return value, value
    reach = min(limits.VALUES, limits.GRADIENTS) * np.where(np.isfinite(e.unit), e.unit, 0)
    return value - reach, value + reach
