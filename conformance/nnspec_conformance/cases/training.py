"""Whole training runs on real data."""

from __future__ import annotations

from nnspec_conformance.case import cases

__all__ = ["CASES"]

CASES = cases(
    "training",
    {
        # some ten seconds a seed, most of them for steps that prove the same again
        "digits": {"options": {"seeds": (1,)}},
        "digits-seeds": {"options": {"seeds": (1, 2, 3)}, "level": "full"},
    },
    requires=(
        "LINEAR-1",
        "RELU-1",
        "DROPOUT-1",
        "CROSS_ENTROPY-1",
        "ADAM_UPDATE-1",
        "INIT_XAVIER_UNIFORM-1",
    ),
    checks=("training",),
    dtypes=("float32",),
)
