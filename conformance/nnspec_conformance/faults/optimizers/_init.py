"""Planted faults of the states that optimizers start from."""

from __future__ import annotations

from typing import Any

import optree

from nnspec_conformance.faults._fault import Planted

__all__ = ["FAULTS"]

FAULTS = Planted()

_FRESH = "nnspec.ops.optimizers._steps:fresh"

FAULTS.edit("SGD_INIT-1", "wrong value", "velocity-without-momentum", "checks.sgd_entries(momentum)", '("momentum",)')
FAULTS.edit(
    "RMSPROP_INIT-1",
    "ignored option",
    "never-centered",
    "checks.rmsprop_entries(momentum, centered)",
    "checks.rmsprop_entries(momentum, False)",
)
FAULTS.edit(
    "ADAM_INIT-1", "wrong shape or dtype", "counter-of-64-bits", "dtype=xp.int32", "dtype=xp.int64", within=_FRESH
)
FAULTS.edit(
    "ADAMW_INIT-1",
    "wrong constant",
    "counts-from-one",
    "step = xp.zeros(()",
    "step = xp.ones(()",
    within=_FRESH,
)
FAULTS.edit(
    "ADAGRAD_INIT-1",
    "ignored option",
    "begins-at-a-tenth",
    "self.xp.full_like(p, initial_accumulator)",
    "self.xp.full_like(p, initial_accumulator or 0.1)",
)
FAULTS.edit(
    "ADADELTA_INIT-1",
    "wrong shape or dtype",
    "moments-of-float32",
    "optree.tree_map(xp.zeros_like, params)",
    "optree.tree_map(lambda p: xp.zeros(tuple(p.shape), dtype=xp.float32), params)",
    within=_FRESH,
)
FAULTS.edit(
    "RPROP_INIT-1",
    "ignored option",
    "first-step-of-the-default",
    "self.xp.full_like(p, initial_step)",
    "self.xp.full_like(p, 0.01)",
)
FAULTS.edit(
    "ADAMAX_INIT-1",
    "wrong constant",
    "moments-begin-at-eps",
    "optree.tree_map(xp.zeros_like, params)",
    "optree.tree_map(lambda p: xp.full_like(p, 1e-8), params)",
    within=_FRESH,
)
FAULTS.edit("NADAM_INIT-1", "wrong constant", "product-begins-at-zero", "xp.reshape(1 + xp.sum(", "xp.reshape(xp.sum(")
FAULTS.edit(
    "NADAM_INIT-1",
    "wrong shape or dtype",
    "product-in-the-dtype-of-the-first",
    "_widest(self, optree.tree_leaves(params))",
    "optree.tree_leaves(params)[0]",
)
FAULTS.edit(
    "RADAM_INIT-1",
    "wrong shape or dtype",
    "counter-of-one-element",
    "xp.zeros((), dtype=xp.int32",
    "xp.zeros((1,), dtype=xp.int32",
    within=_FRESH,
)


@FAULTS.fault("AMSGRAD_INIT-1", "lost state")
def no_largest_moment(backend: Any, sound: Any, params: Any) -> Any:
    """The entry of the largest second moment is left out."""
    return {name: x for name, x in sound(params).items() if name != "max_exp_avg_sq"}


@FAULTS.fault("LION_INIT-1", "wrong value")
def momentum_from_the_parameters(backend: Any, sound: Any, params: Any) -> Any:
    """The momentum begins as a copy of the parameters."""
    return {**sound(params), "exp_avg": optree.tree_map(backend.copied, params)}


FAULTS.edit(
    "LAMB_INIT-1",
    "wrong shape or dtype",
    "floating-counter",
    "dtype=xp.int32",
    "dtype=xp.float32",
    within=_FRESH,
)
FAULTS.edit(
    "ADAFACTOR_INIT-1",
    "wrong value",
    "moment-always-there",
    '("exp_avg",) if beta1 > 0 else ()',
    '("exp_avg",)',
)
FAULTS.edit(
    "ADAFACTOR_INIT-2",
    "wrong axis",
    "rows-and-columns-exchanged",
    '(("row_avg_sq", own.row_shape), ("col_avg_sq", own.col_shape))',
    '(("row_avg_sq", own.col_shape), ("col_avg_sq", own.row_shape))',
)
FAULTS.edit(
    "MUON_INIT-1",
    "wrong value",
    "momentum-of-ones",
    "optree.tree_map(xp.zeros_like, params)",
    "optree.tree_map(xp.ones_like, params)",
    within=_FRESH,
)
FAULTS.edit(
    "MUON_INIT-2",
    "unchecked argument",
    "vectors-taken",
    "if leaf.ndim < low:",
    "if False:",
    within="nnspec.ops._common:require_axes",
)
