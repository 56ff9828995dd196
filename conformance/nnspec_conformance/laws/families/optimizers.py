"""Laws of optimizers, of clipping and of what wraps them."""

from __future__ import annotations

from typing import Any

from nnspec_conformance.laws._batches import LEAF_ALONE
from nnspec_conformance.laws._call import ALL
from nnspec_conformance.laws._ignored import UNDECAYED_LEAF
from nnspec_conformance.laws._law import Applied
from nnspec_conformance.laws._symmetries import REORDERED, SCALED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]

_TREES = ("params", "grads", "state", "decay_mask")
_ALONG = {"params": ALL, "grads": ALL, "state": ALL}


def _update(base: str, decayed: str = "", *, sampled: bool = False) -> tuple[Applied, ...]:
    """Leaf by leaf, and in whatever order the entries of a leaf are; `decayed` is a case with weight_decay."""
    found = (
        LEAF_ALONE(base, of=_TREES, sampled=sampled),
        REORDERED(base, along=_ALONG, result=ALL, named="entries"),
    )
    return (*found, UNDECAYED_LEAF(decayed)) if decayed else found


def _invariant(base: str, **moments: int) -> Applied:
    """Gradients times a power of two, with what has their unit: the parameters move by the same."""
    return SCALED(base, by={"grads": 1, "state": moments, "eps": 1}, result=(0, moments))


def _linear(base: str, *trees: str, result: Any = 1) -> Applied:
    return SCALED(base, by=dict.fromkeys(trees, 1), result=result)


_MOMENTS = {"exp_avg": 1, "exp_avg_sq": 2}
_INIT = (
    *("sgd", "rmsprop", "adam", "adamw", "adagrad", "adadelta", "rprop", "adamax", "nadam", "radam", "amsgrad", "lion"),
    *("lamb", "adafactor", "muon", "lookahead", "ema"),
)
#: a case of each `_init`
_FIRST = {
    **dict.fromkeys(_INIT, "moments"),
    **{"sgd": "momentum", "rmsprop": "all", "adagrad": "accumulator", "rprop": "larger"},
    **{"lookahead": "copy", "ema": "copy", "adafactor": "moment"},
}

LAWS: dict[str, tuple[Applied, ...]] = {
    **{f"{name}_init": (LEAF_ALONE(base, of=("params",)),) for name, base in _FIRST.items()},
    "sgd_update": (
        *_update("everything", "weight-decay", sampled=True),
        _linear("everything", "params", "grads", "state"),
    ),
    "rmsprop_update": (*_update("weight-decay", "weight-decay"), _invariant("alpha", square_avg=2)),
    "adam_update": (*_update("l2"), _invariant("eps", **_MOMENTS)),
    "adamw_update": (*_update("decay", "decay"), _invariant("eps", **_MOMENTS)),
    "adagrad_update": (*_update("weight-decay", "weight-decay"), _invariant("eps", square_sum=2)),
    "adadelta_update": (
        *_update("weight-decay", "weight-decay"),
        SCALED(
            "averages",
            by={"params": 1, "grads": 1, "eps": 2, "state": {"square_avg": 2, "square_step_avg": 2}},
            result=(1, {"square_avg": 2, "square_step_avg": 2}),
        ),
    ),
    "rprop_update": (*_update("signs-whole"), _invariant("signs-whole", previous_grad=1)),
    "adamax_update": (*_update("weight-decay", "weight-decay"), _invariant("eps", exp_avg=1, exp_inf=1)),
    "nadam_update": (*_update("weight-decay", "weight-decay"), _invariant("eps", **_MOMENTS)),
    "radam_update": (*_update("weight-decay", "weight-decay"), _invariant("eps", **_MOMENTS)),
    "amsgrad_update": (
        *_update("weight-decay", "weight-decay"),
        _invariant("eps", **_MOMENTS, max_exp_avg_sq=2),
    ),
    "lion_update": (*_update("decay", "decay"), _invariant("momentum", exp_avg=1)),
    "lamb_update": (*_update("decay", "decay"), _invariant("eps", **_MOMENTS)),
    "adafactor_update": (
        *_update("decay", "decay"),
        SCALED(
            "eps1",
            by={"grads": 1, "eps1": 2, "state": {"row_avg_sq": 2, "col_avg_sq": 2}},
            result=(0, {"row_avg_sq": 2, "col_avg_sq": 2}),
        ),
    ),
    "muon_update": _update("decay", "decay"),
    "clip_by_value": (
        SCALED("inexact-limit", by={"grads": 1, "max_value": 1}, result=1),
        REORDERED("inexact-limit", along={"grads": ALL}, result=ALL, named="entries"),
        LEAF_ALONE("inexact-limit", of=("grads",), leaf="b"),
    ),
    "clip_by_norm": (
        SCALED("above", by={"grads": 1, "max_norm": 1}, result=1),
        REORDERED("above", along={"grads": ALL}, result=ALL, named="entries"),
        LEAF_ALONE("above", of=("grads",), leaf="b"),
    ),
    "clip_by_global_norm": (
        SCALED("above", by={"grads": 1, "max_norm": 1}, result=(1, 1, 0)),
        REORDERED("above", along={"grads": ALL}, result=ALL, named="entries"),
    ),
    "lookahead_update": (
        LEAF_ALONE("alpha", of=_TREES),
        REORDERED("alpha", along=_ALONG, result=ALL, named="entries"),
        _linear("alpha", "params", "state"),
    ),
    "ema_update": (
        LEAF_ALONE("decay", of=_TREES),
        REORDERED("decay", along=_ALONG, result=ALL, named="entries"),
        _linear("decay", "params", "state"),
    ),
    "accumulation_init": (LEAF_ALONE("zeros", of=("grads",)),),
    "accumulation_update": (
        LEAF_ALONE("floating-array", of=_TREES),
        REORDERED("floating-array", along=_ALONG, result=ALL, named="entries"),
        SCALED("floating-array", by={"grads": 1, "state": {"total": 1}}, result={"total": 1}),
    ),
    "accumulation_mean": (
        LEAF_ALONE("mean", of=_TREES),
        REORDERED("mean", along=_ALONG, result=ALL, named="entries"),
        SCALED("mean", by={"state": {"total": 1}}, result=1),
    ),
    "loss_scaling_update": (
        SCALED("odd-scale", by={"grads": 1}, result=(1, 0, 0)),
        REORDERED("odd-scale", along={"grads": ALL}, result=ALL, named="entries"),
    ),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "sgd_init": {
        "momentum": {"momentum": 0.0},
    },
    "sgd_update": {
        "first": {"lr": 0.1, "nesterov": True, "l2": 0.2, "weight_decay": 0.3},
        "changing-lr": {"momentum": 0.5},
        "mask": {"decay_mask": None},
    },
    "rmsprop_init": {
        "all": {"momentum": 0.0, "centered": False},
    },
    "rmsprop_update": {
        "eps": {"lr": 0.1, "alpha": 0.7, "eps": 1e-08},
        "changing-lr": {"momentum": 0.8, "l2": 0.2, "weight_decay": 0.3, "centered": True},
        "mask": {"decay_mask": None},
    },
    "adam_update": {
        "first": {"lr": 0.1, "beta1": 0.0, "beta2": 0.9999, "eps": 0.1},
        "wide-counter": {"l2": 0.2},
    },
    "adamw_update": {
        "first": {"lr": 0.1, "beta1": 0.0, "beta2": 0.9999, "eps": 0.1},
        "wide-counter": {"weight_decay": 0.01},
        "mask": {"decay_mask": None},
    },
    "adagrad_init": {
        "plain": {"initial_accumulator": 0.1},
    },
    "adagrad_update": {
        "sum": {"lr": 0.1, "eps": 0.1, "l2": 0.2, "weight_decay": 0.3},
        "mask": {"decay_mask": None},
    },
    "adadelta_update": {
        "averages": {"lr": 0.1, "rho": 0.9, "eps": 0.1, "l2": 0.2, "weight_decay": 0.3},
        "mask": {"decay_mask": None},
    },
    "rprop_init": {
        "plain": {"initial_step": 0.3},
    },
    "rprop_update": {
        "signs-whole": {"eta_minus": 0.5, "eta_plus": 1.2, "min_step": 0.3, "max_step": 0.3},
    },
    "adamax_update": {
        "maximum": {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 0.1, "l2": 0.2, "weight_decay": 0.3},
        "mask": {"decay_mask": None},
    },
    "nadam_update": {
        "momenta": {
            "lr": 0.1,
            "beta1": 0.9,
            "beta2": 0.999,
            "eps": 0.1,
            "momentum_decay": 0.004,
            "l2": 0.2,
            "weight_decay": 0.3,
        },
        "mask": {"decay_mask": None},
    },
    "radam_update": {
        "below-the-threshold": {"lr": 0.1, "beta1": 0.9, "beta2": 0.9999},
        "later": {"eps": 0.1},
        "wide-counter": {"l2": 0.2, "weight_decay": 0.3},
        "mask": {"decay_mask": None},
    },
    "amsgrad_update": {
        "maximum": {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 0.1, "l2": 0.2, "weight_decay": 0.3},
        "mask": {"decay_mask": None},
    },
    "lion_update": {
        "direction": {"lr": 0.0001, "beta1": 0.6, "weight_decay": 0.3},
        "momentum": {"beta2": 0.99},
        "mask": {"decay_mask": None},
    },
    "lamb_update": {
        "first": {"lr": 0.001, "beta1": 0.8, "beta2": 0.95, "eps": 1e-06},
        "trust": {"weight_decay": 0.01},
        "mask": {"decay_mask": None},
    },
    "adafactor_init": {
        "factors": {"beta1": 0.9},
    },
    "adafactor_update": {
        "vectors": {"lr": None, "eps1": 0.5, "eps2": 0.9, "clip_threshold": 0.3, "decay_rate": 0.3},
        "moment": {"beta1": 0.35, "weight_decay": 0.3},
        "mask": {"decay_mask": None},
    },
    "muon_update": {
        "first": {"lr": 0.02, "ns_steps": 9},
        "velocity": {"momentum": 0.95},
        "nesterov": {"nesterov": False, "weight_decay": 0.3},
        "mask": {"decay_mask": None},
    },
    "clip_by_value": {
        "inexact-limit": {"max_value": 1.0},
    },
    "clip_by_norm": {
        "above": {"max_norm": 1.0},
    },
    "clip_by_global_norm": {
        "above": {"max_norm": 1.0},
    },
    "lookahead_update": {
        "default": {"alpha": 0.3, "sync_period": 4},
    },
    "ema_update": {
        "decay": {"decay": 0.999},
        "mask": {"averaged": None},
    },
    "accumulation_update": {
        "numbers": {"count": 2},
    },
    "loss_scaling_init": {
        "default": {"initial_scale": 7.0},
    },
    "loss_scaling_update": {
        "unscaled-growing": {"growth_factor": 3.0, "growth_interval": 2000},
        "backoff": {"backoff_factor": 0.5, "min_scale": 600.0},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {}
