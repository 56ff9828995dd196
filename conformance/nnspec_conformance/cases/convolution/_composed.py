"""Inputs for the convolutions made of `conv`: depthwise, separable and causal."""

from __future__ import annotations

from typing import Any

from nnspec_conformance.case import Case, Source, cases, normal, uniform
from nnspec_conformance.cases.convolution._common import misfit, mixed, rejected, wrong_type

__all__ = ["CASES"]

# -- depthwise_conv ------------------------------------------------------------------------------------------


def _alone(
    spatial: tuple[int, ...], kernel: tuple[int, ...], *, channels: int = 3, multiplier: int = 2, batch: int = 2
) -> dict[str, Source]:
    """x, the filters of each channel, and a bias that shows."""
    out = channels * multiplier
    return {
        "x": normal(batch, channels, *spatial),
        "weight": normal(out, 1, *kernel),
        "bias": normal(out, mean=3.0),
    }


_PLANE = _alone((7, 6), (3, 2))
_PLANE_OPTIONS = {"stride": (2, 1), "dilation": (1, 2), "padding": ((2, 0), (0, 1))}
_WITHOUT_BIAS = {name: source for name, source in _PLANE.items() if name != "bias"}

_DEPTHWISE = [
    *cases(
        "depthwise_conv",
        {
            "plane": {
                "inputs": _PLANE,
                "options": _PLANE_OPTIONS,
                "requires": ("DEPTHWISE_CONV-1", "DEPTHWISE_CONV-2"),
            },
            "bias": {
                "inputs": {**_PLANE, "weight": normal(6, 1, 3, 2, std=1e-2), "bias": normal(6, std=30.0)},
                "options": _PLANE_OPTIONS,
                "requires": ("DEPTHWISE_CONV-3",),
            },
            "plain": {
                "inputs": {"x": normal(2, 3, 7), "weight": normal(6, 1, 3)},
                "requires": ("DEPTHWISE_CONV-1",),
            },
            # of a multiplier that is the number of channels, a wrong order of the outputs keeps the shapes
            "same": {
                "inputs": _alone((8,), (3,), channels=2),
                "options": {"padding": "same", "stride": 2},
                "requires": ("DEPTHWISE_CONV-2", "DEPTHWISE_CONV-1"),
            },
        },
    ),
    *cases(
        "depthwise_conv",
        {
            "volume": {
                "inputs": _alone((3, 4, 5), (2, 3, 2), channels=2),
                "options": {"dilation": (1, 1, 2), "padding": (1, 0, (0, 2))},
                "requires": ("DEPTHWISE_CONV-2", "DEPTHWISE_CONV-1"),
            },
            "one-each": {"inputs": _alone((6, 5), (3, 2), multiplier=1), "requires": ("DEPTHWISE_CONV-1",)},
            "one-channel": {"inputs": _alone((6, 5), (3, 2), channels=1), "requires": ("DEPTHWISE_CONV-1",)},
            "without-bias": {
                "inputs": _WITHOUT_BIAS,
                "options": {"padding": 1},
                "requires": ("DEPTHWISE_CONV-1",),
            },
            "empty": {"inputs": _alone((6, 5), (3, 2), batch=0), "requires": ("DEPTHWISE_CONV-1",)},
            "strided": {
                "inputs": {name: source.laid_out("strided") for name, source in _PLANE.items()},
                "requires": ("DEPTHWISE_CONV-1",),
            },
            "large-mean": {
                "inputs": {**_PLANE, "x": normal(2, 3, 7, 6, mean=1e3)},
                "options": _PLANE_OPTIONS,
                "requires": ("DEPTHWISE_CONV-1",),
            },
        },
        level="full",
    ),
    misfit(
        "depthwise_conv",
        {**_PLANE, "weight": normal(6, 3, 3, 2)},
        "weight-layout",
        "DEPTHWISE_CONV-4",
        "weight: expected shape (channels * multiplier, 1, kernel, kernel), got (6, 3, 3, 2)",
    ),
    misfit(
        "depthwise_conv",
        {**_PLANE, "weight": normal(4, 1, 3, 2)},
        "multiplier",
        "DEPTHWISE_CONV-1",
        "weight: expected a positive multiple of the 3 channels of x on axis 0, got shape (4, 1, 3, 2)",
    ),
    misfit(
        "depthwise_conv",
        {**_PLANE, "bias": normal(3)},
        "bias-size",
        "DEPTHWISE_CONV-3",
        "bias: expected shape (6,) (the first axis of weight), got (3,)",
    ),
    misfit(
        "depthwise_conv",
        {**_PLANE, "x": normal(2, 3, 2, 6)},
        "kernel",
        "DEPTHWISE_CONV-2",
        "x: expected spatial axes of at least (3, 2) after padding",
    ),
    rejected("depthwise_conv", _PLANE, "stride", "DEPTHWISE_CONV-2", "stride: expected", "got 0", stride=0),
    wrong_type("depthwise_conv", _PLANE, "x", (2, 3, 7, 6), "DEPTHWISE_CONV-1"),
    wrong_type("depthwise_conv", _PLANE, "weight", (6, 1, 3, 2), "DEPTHWISE_CONV-1"),
    mixed("depthwise_conv", _PLANE, "weight", "DEPTHWISE_CONV-1"),
    mixed("depthwise_conv", _PLANE, "bias", "DEPTHWISE_CONV-3"),
]

# -- separable_conv ------------------------------------------------------------------------------------------


def _separable(
    spatial: tuple[int, ...], kernel: tuple[int, ...], *, channels: int = 3, multiplier: int = 2, out: int = 5
) -> dict[str, Source]:
    middle = channels * multiplier
    return {
        "x": normal(2, channels, *spatial),
        "depthwise_weight": normal(middle, 1, *kernel),
        "pointwise_weight": normal(out, middle, *(1 for _ in kernel)),
        "bias": normal(out, mean=3.0),
    }


_TWO_STEPS = _separable((7, 6), (3, 2))

_SEPARABLE = [
    *cases(
        "separable_conv",
        {
            "plane": {
                "inputs": _TWO_STEPS,
                "options": _PLANE_OPTIONS,
                "requires": ("SEPARABLE_CONV-1", "SEPARABLE_CONV-2"),
            },
            "bias": {
                "inputs": {
                    **_TWO_STEPS,
                    "pointwise_weight": normal(5, 6, 1, 1, std=1e-2),
                    "bias": normal(5, std=30.0),
                },
                "options": _PLANE_OPTIONS,
                "requires": ("SEPARABLE_CONV-3",),
            },
        },
    ),
    *cases(
        "separable_conv",
        {
            "line": {
                "inputs": _separable((8,), (3,), channels=2, multiplier=1),
                "options": {"padding": "same", "stride": 2},
                "requires": ("SEPARABLE_CONV-2", "SEPARABLE_CONV-1"),
            },
            "volume": {
                "inputs": _separable((3, 4, 5), (2, 3, 2), channels=2),
                "options": {"dilation": (1, 1, 2), "padding": (1, 0, (0, 2))},
                "requires": ("SEPARABLE_CONV-2", "SEPARABLE_CONV-1"),
            },
            "square": {
                "inputs": _separable((5, 5), (3, 3), multiplier=1, out=3),
                "requires": ("SEPARABLE_CONV-1",),
            },
            "without-bias": {
                "inputs": {name: source for name, source in _TWO_STEPS.items() if name != "bias"},
                "requires": ("SEPARABLE_CONV-1",),
                "level": "quick",
            },
            "one-sign": {
                "inputs": {
                    "x": uniform(1, 17, 4, 5, low=0.5, high=1.5),
                    "depthwise_weight": uniform(17, 1, 3, 3, low=0.5, high=1.5),
                    "pointwise_weight": uniform(2, 17, 1, 1, low=0.5, high=1.5),
                },
                "requires": ("SEPARABLE_CONV-1",),
            },
        },
        level="full",
    ),
    misfit(
        "separable_conv",
        {**_TWO_STEPS, "pointwise_weight": normal(5, 6, 1, 2)},
        "pointwise-kernel",
        "SEPARABLE_CONV-4",
        "pointwise_weight: expected shape (out, 6, 1, 1) (axis 1: the first axis of depthwise_weight), "
        "got (5, 6, 1, 2)",
    ),
    misfit(
        "separable_conv",
        {**_TWO_STEPS, "pointwise_weight": normal(5, 3, 1, 1)},
        "pointwise-channels",
        "SEPARABLE_CONV-1",
        "pointwise_weight: expected shape (out, 6, 1, 1)",
    ),
    misfit(
        "separable_conv",
        {**_TWO_STEPS, "depthwise_weight": normal(6, 3, 3, 2)},
        "depthwise-layout",
        "SEPARABLE_CONV-1",
        "depthwise_weight: expected shape (channels * multiplier, 1, kernel, kernel), got (6, 3, 3, 2)",
    ),
    misfit(
        "separable_conv",
        {**_TWO_STEPS, "bias": normal(6)},
        "bias-size",
        "SEPARABLE_CONV-3",
        "bias: expected shape (5,) (the first axis of pointwise_weight), got (6,)",
    ),
    rejected("separable_conv", _TWO_STEPS, "dilation", "SEPARABLE_CONV-2", "dilation: expected", "got 0", dilation=0),
    wrong_type("separable_conv", _TWO_STEPS, "pointwise_weight", (5, 6, 1, 1), "SEPARABLE_CONV-1"),
    wrong_type("separable_conv", _TWO_STEPS, "bias", (5,), "SEPARABLE_CONV-3"),
    mixed("separable_conv", _TWO_STEPS, "depthwise_weight", "SEPARABLE_CONV-1"),
    mixed("separable_conv", _TWO_STEPS, "pointwise_weight", "SEPARABLE_CONV-1"),
]

# -- causal_conv ---------------------------------------------------------------------------------------------


def _signals(
    time: int, kernel: int, *, channels: int = 4, out: int = 6, groups: int = 1, batch: int = 2
) -> dict[str, Source]:
    return {
        "x": normal(batch, channels, time),
        "weight": normal(out, channels // groups, kernel),
        "bias": normal(out, mean=3.0),
    }


def _future(backend: Any, x: Any, other: Any, weight: Any) -> Any:
    """Outputs up to a moment after which two signals differ, of both, and their differences, which are 0."""
    now = 5
    changed = backend.xp.concat([x[..., : now + 1], other[..., now + 1 :]], axis=2)
    one, two = (backend.causal_conv(given, weight, dilation=2)[..., : now + 1] for given in (x, changed))
    return [one, two, one - two]


_CAUSAL = [
    *cases(
        "causal_conv",
        {
            "dilated": {
                "inputs": _signals(8, 3, groups=2),
                "options": {"dilation": 2, "stride": 2, "groups": 2},
                "requires": ("CAUSAL_CONV-2", "CAUSAL_CONV-3", "CAUSAL_CONV-4"),
            },
            "future": {
                "inputs": {"x": normal(2, 3, 9), "other": normal(2, 3, 9, std=30.0), "weight": normal(3, 3, 3)},
                "requires": ("CAUSAL_CONV-1",),
                "program": _future,
            },
        },
    ),
    *cases(
        "causal_conv",
        {
            "line": {"inputs": _signals(9, 4), "requires": ("CAUSAL_CONV-1", "CAUSAL_CONV-3"), "level": "quick"},
            "long-kernel": {
                "inputs": _signals(2, 4),
                "options": {"dilation": 3},
                "requires": ("CAUSAL_CONV-2", "CAUSAL_CONV-3"),
            },
            "stride": {
                "inputs": _signals(8, 3),
                "options": {"stride": 3},
                "requires": ("CAUSAL_CONV-2",),
            },
            "one-tap": {"inputs": _signals(5, 1), "options": {"dilation": 4}, "requires": ("CAUSAL_CONV-3",)},
            "depthwise": {
                "inputs": _signals(7, 3, channels=3, groups=3),
                "options": {"groups": 3},
                "requires": ("CAUSAL_CONV-4",),
            },
            "bias": {
                "inputs": {**_signals(7, 3), "weight": normal(6, 4, 3, std=1e-2), "bias": normal(6, std=30.0)},
                "requires": ("CAUSAL_CONV-4",),
            },
            "empty": {"inputs": _signals(7, 3, batch=0), "requires": ("CAUSAL_CONV-2",)},
        },
        level="full",
    ),
    misfit(
        "causal_conv",
        {"x": normal(2, 4, 5, 5), "weight": normal(6, 4, 3, 3)},
        "plane",
        "CAUSAL_CONV-1",
        "x: expected 3 axes, got shape (2, 4, 5, 5)",
    ),
    misfit(
        "causal_conv",
        {**_signals(7, 3), "weight": normal(4, 6, 3)},
        "weight-layout",
        "CAUSAL_CONV-4",
        "weight: expected shape (out, 4, kernel)",
        "got (4, 6, 3)",
    ),
    misfit(
        "causal_conv", {**_signals(7, 3), "bias": normal(1)}, "bias-size", "CAUSAL_CONV-4", "bias: expected shape (6,)"
    ),
    rejected("causal_conv", _signals(7, 3), "stride", "CAUSAL_CONV-2", "stride: expected", "got (2, 2)", stride=(2, 2)),
    rejected("causal_conv", _signals(7, 3), "dilation", "CAUSAL_CONV-3", "dilation: expected", "got 0", dilation=0),
    rejected("causal_conv", _signals(7, 3), "groups", "CAUSAL_CONV-4", "groups: expected a divisor", groups=3),
    wrong_type("causal_conv", _signals(7, 3), "x", (2, 4, 7), "CAUSAL_CONV-1"),
    mixed("causal_conv", _signals(7, 3), "weight", "CAUSAL_CONV-1"),
]

CASES: list[Case] = [*_DEPTHWISE, *_SEPARABLE, *_CAUSAL]
