"""Whole training runs on real data."""

from __future__ import annotations

from nnspec_conformance.case import Case

__all__ = ["CASES"]

CASES = [
    Case(
        operation="training",
        name="digits",
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
]
