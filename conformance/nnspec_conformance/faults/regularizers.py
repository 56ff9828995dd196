"""Planted faults of the family regularizers."""

from __future__ import annotations

from typing import Any

import optree

from nnspec.tape import raw
from nnspec_conformance.faults._fault import Planted

__all__ = ["FAULTS"]

FAULTS = Planted()

_FAMILY = "nnspec.ops.regularizers"
_TOTAL = f"{_FAMILY}:_total"
_MAGNITUDE = "nnspec.ops._common:magnitude"

# -- penalties -------------------------------------------------------------------------------------------------

FAULTS.edit(
    "L1_PENALTY-1",
    "wrong reduction",
    "means-of-arrays",
    "self.xp.sum(measure(self, leaf))",
    "self.xp.sum(measure(self, leaf)) / max(1, math.prod(leaf.shape))",
    within=_TOTAL,
)
FAULTS.edit(
    "L1_PENALTY-1",
    "missing term",
    "first-array-alone",
    "sum(sums[1:], start=sums[0])",
    "sums[0]",
    within=_TOTAL,
)
FAULTS.edit(
    "L1_PENALTY-2",
    "wrong kink",
    "derivative-one-at-zero",
    "backend.xp.sign(x)",
    "backend.xp.where(x >= 0, backend.xp.ones_like(x), -backend.xp.ones_like(x))",
    within=_MAGNITUDE,
)
FAULTS.edit(
    "L1_PENALTY-3",
    "special value",
    "nothing-left-is-an-error",
    "if not sums:",
    "if False:",
    within=_TOTAL,
)
FAULTS.edit("L2_PENALTY-1", "wrong constant", "factor-a-half", "return l2 *", "return 0.5 * l2 *")
FAULTS.edit(
    "L2_PENALTY-1",
    "wrong value",
    "norm-not-squared",
    "return l2 * _total(self, params, mask, _square)",
    "return l2 * root(self, _total(self, params, mask, _square))",
)
FAULTS.edit(
    "L2_PENALTY-2",
    "wrong gradient",
    "factor-two-forgotten",
    "w * w",
    "w * self.stop_gradient(w)",
    within=f"{_FAMILY}:_square",
)
FAULTS.edit("L2_PENALTY-3", "leaked mask", "mask-forgotten", "params, mask,", "params, None,")


@FAULTS.fault("L2_PENALTY-3", "leaked mask")
def masked_by_zero(backend: Any, sound: Any, params: Any, *, l2: float = 0.01, mask: Any = None) -> Any:
    """Exempt arrays are multiplied by 0, so that their infinities reach the penalty."""
    if mask is None:
        return sound(params, l2=l2)
    return sound(optree.tree_map(lambda p, kept: p * float(kept), params, mask), l2=l2)


FAULTS.edit("ELASTIC_NET_PENALTY-1", "wrong constant", "half-of-the-squares", "+ l2 *", "+ 0.5 * l2 *")
FAULTS.edit(
    "ELASTIC_NET_PENALTY-1",
    "swapped argument",
    "strengths-exchanged",
    "return l1 * _total(self, params, mask, magnitude) + l2 *",
    "return l2 * _total(self, params, mask, magnitude) + l1 *",
)
FAULTS.edit(
    "ELASTIC_NET_PENALTY-2",
    "wrong kink",
    "derivative-one-at-zero",
    "backend.xp.sign(x)",
    "backend.xp.where(x >= 0, backend.xp.ones_like(x), -backend.xp.ones_like(x))",
    within=_MAGNITUDE,
)
FAULTS.edit(
    "ELASTIC_NET_PENALTY-3",
    "leaked mask",
    "squares-of-exempt-arrays",
    "l2 * _total(self, params, mask,",
    "l2 * _total(self, params, None,",
)
FAULTS.edit(
    "ORTHOGONAL_PENALTY-1",
    "wrong axis",
    "columns",
    "xp.matmul(units, xp.permute_dims(units, (1, 0)))\n    index = xp.arange(units.shape[0]",
    "xp.matmul(xp.permute_dims(units, (1, 0)), units)\n    index = xp.arange(units.shape[1]",
    within=f"{_FAMILY}:_products",
)
FAULTS.edit(
    "ORTHOGONAL_PENALTY-1",
    "missing term",
    "pairs-once",
    "itself = xp.reshape(index, (-1, 1)) == index",
    "itself = xp.reshape(index, (-1, 1)) >= index",
    within=f"{_FAMILY}:_products",
)
FAULTS.edit(
    "ORTHOGONAL_PENALTY-1",
    "wrong value",
    "cosines",
    "units = _units(self, weight)",
    "units = self.l2_normalize(_units(self, weight))",
    within=f"{_FAMILY}:_products",
)
FAULTS.edit(
    "ORTHOGONAL_PENALTY-2",
    "wrong value",
    "norms-towards-one",
    "xp.where(itself, 0.0, products)",
    "xp.where(itself, products - 1.0, products)",
    within=f"{_FAMILY}:_products",
)
FAULTS.edit("ORTHOGONAL_PENALTY-3", "leaked mask", "mask-forgotten", "weight, mask,", "weight, None,")
FAULTS.edit("ACTIVITY_PENALTY-1", "missing term", "not-over-the-batch", "samples = max(1, x.shape[0])", "samples = 1")
FAULTS.edit(
    "ACTIVITY_PENALTY-1", "wrong reduction", "mean-over-elements", "max(1, x.shape[0])", "max(1, math.prod(x.shape))"
)
FAULTS.edit("ACTIVITY_PENALTY-1", "special value", "no-sample", "max(1, x.shape[0])", "x.shape[0]")
FAULTS.edit(
    "ACTIVITY_PENALTY-2",
    "wrong kink",
    "derivative-one-at-zero",
    "backend.xp.sign(x)",
    "backend.xp.where(x >= 0, backend.xp.ones_like(x), -backend.xp.ones_like(x))",
    within=_MAGNITUDE,
)

# -- constraints -----------------------------------------------------------------------------------------------


FAULTS.edit(
    "MAX_NORM_CONSTRAINT-1",
    "wrong axis",
    "norm-over-axis-0",
    "length = root(self, xp.sum(units * units, axis=1, keepdims=True))",
    "length = root(self, xp.sum(units * units, axis=0, keepdims=True))",
)
FAULTS.edit(
    "MAX_NORM_CONSTRAINT-2",
    "wrong constant",
    "eps-added-to-the-norm",
    "max_norm / xp.where(length <= max_norm, max_norm, length)",
    "xp.where(length <= max_norm, length, max_norm) / (length + 1e-7)",
)
FAULTS.edit(
    "MAX_NORM_CONSTRAINT-1",
    "missing term",
    "short-units-lengthened",
    "xp.where(length <= max_norm, max_norm, length)",
    "length",
)
FAULTS.edit("MAX_NORM_CONSTRAINT-3", "ignored option", "always-euclidean", "if order == math.inf:", "if False:")
FAULTS.edit("MAX_NORM_CONSTRAINT-4", "wrong kink", "derivative-at-the-limit", "weight >= max_norm", "weight > max_norm")
FAULTS.edit(
    "MAX_NORM_CONSTRAINT-4",
    "special value",
    "root-of-zero-differentiated",
    "root(self, xp.sum(",
    "xp.sqrt(xp.sum(",
)


@FAULTS.fault("MAX_NORM_CONSTRAINT-1", "in-place write")
def scaled_where_they_lie(backend: Any, sound: Any, weight: Any, **options: Any) -> Any:
    """The weights are overwritten by what is returned."""
    result = sound(weight, **options)
    raw(weight)[...] = raw(result)
    return result


FAULTS.edit(
    "UNIT_NORM_CONSTRAINT-1",
    "wrong constant",
    "eps-added-to-the-norm",
    "xp.where(nothing, 0.0, scaled / length)",
    "scaled / (length + 1e-7)",
)
FAULTS.edit(
    "UNIT_NORM_CONSTRAINT-1",
    "wrong axis",
    "over-everything",
    "units = _units(self, weight)",
    "units = xp.reshape(weight, (1, math.prod(weight.shape)))",
)
FAULTS.edit(
    "UNIT_NORM_CONSTRAINT-2",
    "special value",
    "zero-over-zero",
    "xp.where(nothing, 1.0, xp.sum(scaled * scaled, axis=1, keepdims=True))",
    "xp.sum(scaled * scaled, axis=1, keepdims=True)",
)
FAULTS.edit(
    "UNIT_NORM_CONSTRAINT-3",
    "overflow",
    "squares-unscaled",
    "units / xp.where(nothing, 1.0, largest)",
    "units",
)
FAULTS.edit(
    "NON_NEGATIVE_CONSTRAINT-1",
    "special value",
    "infinity-times-zero",
    "self.xp.where(weight <= 0, 0.0, weight)",
    "weight * self.xp.astype(weight > 0, weight.dtype)",
)
FAULTS.edit(
    "NON_NEGATIVE_CONSTRAINT-1",
    "special value",
    "nan-becomes-zero",
    "self.xp.where(weight <= 0, 0.0, weight)",
    "self.xp.where(weight > 0, weight, 0.0)",
)
FAULTS.edit("NON_NEGATIVE_CONSTRAINT-2", "wrong kink", "derivative-one-at-zero", "weight <= 0", "weight < 0")
