"""Laws of convolutions."""

from __future__ import annotations

from nnspec_conformance.laws._batches import FUTURE, FUTURE_GRADIENT, GRADIENTS_ACCUMULATE, ROW_ALONE, ROW_GRADIENT
from nnspec_conformance.laws._gradients import ADJOINT, LINEAR, TRANSPOSE
from nnspec_conformance.laws._law import Applied
from nnspec_conformance.laws._symmetries import REORDERED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]

_BIAS = ("bias",)
_ROWS = {"x": 0}


def _linear_in(base: str, *inputs: str, named: str = "") -> tuple[Applied, ...]:
    """Linear maps of each of the inputs, and their adjoints."""
    return tuple(
        law(base, of=of, without=_BIAS, named=f"{named}{of.replace('_', '-')}")
        for law in (LINEAR, ADJOINT)
        for of in inputs
    )


def _by_row(base: str, *parameters: str) -> tuple[Applied, ...]:
    return (
        ROW_ALONE(base, rows=_ROWS),
        ROW_GRADIENT(base, rows=_ROWS, of=("x",)),
        GRADIENTS_ACCUMULATE(base, rows=_ROWS, of=parameters),
    )


LAWS: dict[str, tuple[Applied, ...]] = {
    "conv": (
        *_linear_in("stride", "x", "weight"),
        ADJOINT("volume", of="x", without=_BIAS, named="volume", sampled=True),
        ADJOINT("volume", of="weight", without=_BIAS, named="volume-weight"),
        ADJOINT("groups", of="x", without=_BIAS, named="groups"),
        ADJOINT("groups", of="weight", without=_BIAS, named="groups-weight"),
        ADJOINT("same-even", of="x", without=_BIAS, named="same"),
        *_by_row("stride", "weight", "bias"),
        REORDERED("square", along={"x": (2, 3), "weight": (2, 3)}, result=(2, 3), named="places"),
        REORDERED("square", along={"x": 1, "weight": 1}, named="inputs"),
        REORDERED("square", along={"weight": 0, "bias": 0}, result=1, named="outputs"),
        REORDERED("groups", 5, along={"x": 1, "weight": (0, 1), "bias": 0}, result=1, named="groups"),
    ),
    "conv_transpose": (
        TRANSPOSE("plane", 1, of="x", by="conv", to="x", without=("bias", "output_padding"), sampled=True),
        TRANSPOSE("volume", 1, of="x", by="conv", to="x", without=("bias", "output_padding"), named="volume"),
        *_linear_in("plane", "x", "weight"),
        *_by_row("plane", "weight", "bias"),
        REORDERED("square", along={"x": (2, 3), "weight": (2, 3)}, result=(2, 3), named="places"),
        REORDERED("plane", along={"x": 1, "weight": (0, 1), "bias": 0}, result=1, named="groups"),
    ),
    "depthwise_conv": (
        *_linear_in("plane", "x", "weight"),
        *_by_row("plane", "weight", "bias"),
        REORDERED("plane", along={"x": 1, "weight": 0, "bias": 0}, result=1, named="channels"),
    ),
    "separable_conv": (
        *_linear_in("plane", "x", "depthwise_weight", "pointwise_weight"),
        *_by_row("plane", "depthwise_weight", "pointwise_weight", "bias"),
        REORDERED("plane", along={"x": 1, "depthwise_weight": 0, "pointwise_weight": 1}, named="channels"),
        REORDERED("plane", along={"pointwise_weight": 0, "bias": 0}, result=1, named="outputs"),
    ),
    "causal_conv": (
        FUTURE("line", 1, over={"x": 2}, result=2),
        FUTURE_GRADIENT("line", 1, over={"x": 2}, result=2),
        *_linear_in("dilated", "x", "weight"),
        *_by_row("dilated", "weight", "bias"),
        REORDERED("dilated", 4, along={"x": 1, "weight": (0, 1), "bias": 0}, result=1, named="groups"),
    ),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "conv": {
        "square": {"bias": None, "stride": (2, 3), "padding": ((2, 0), (0, 1)), "dilation": 2},
    },
    "conv_transpose": {
        "plane": {"bias": None, "stride": (4, 5), "padding": 0, "output_padding": 0, "dilation": (1, 2)},
        "square": {"groups": 3},
    },
    "depthwise_conv": {
        "plane": {"bias": None, "stride": 1, "padding": 0, "dilation": 1},
    },
    "separable_conv": {
        "plane": {"bias": None, "stride": 2, "padding": "same", "dilation": 1},
    },
    "causal_conv": {
        "dilated": {"bias": None, "stride": 1, "dilation": 1},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {
    "conv": {"groups": "fixed by the shapes of the weights: another value is refused"},
    "causal_conv": {"groups": "fixed by the shapes of the weights: another value is refused"},
}
