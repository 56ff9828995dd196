"""Laws of pooling."""

from __future__ import annotations

from nnspec_conformance.laws._batches import ROW_ALONE, ROW_GRADIENT
from nnspec_conformance.laws._call import ALL
from nnspec_conformance.laws._gradients import ADJOINT, LINEAR
from nnspec_conformance.laws._law import Applied
from nnspec_conformance.laws._symmetries import REORDERED, SCALED, SHIFTED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]


def _channels(base: str, places: str = "") -> tuple[Applied, ...]:
    """Samples and channels by themselves; `places` is a case whose windows cover every place alike."""
    found = (
        ROW_ALONE(base, rows={"x": 0}),
        ROW_ALONE(base, rows={"x": 1}, result=1, named="channel"),
        ROW_GRADIENT(base, rows={"x": 1}, of=("x",), result=1, named="channel"),
        REORDERED(base, along={"x": (0, 1)}, result=(0, 1), named="channels"),
    )
    return found if not places else (*found, REORDERED(places, along={"x": (2, 3)}, result=(2, 3), named="places"))


def _averages(base: str) -> tuple[Applied, ...]:
    return LINEAR(base, of="x"), ADJOINT(base, of="x"), SHIFTED(base, of={"x": ALL}, moves=True)


def _maxima(base: str) -> tuple[Applied, ...]:
    return SCALED(base, by={"x": 1}, result=1), SHIFTED(base, of={"x": ALL}, moves=True)


LAWS: dict[str, tuple[Applied, ...]] = {
    "max_pool": (*_maxima("combined"), *_channels("combined", "whole")),
    "avg_pool": (
        *_averages("combined"),
        LINEAR("counted", of="x", named="counted"),
        ADJOINT("counted", of="x", named="counted", sampled=True),
        ADJOINT("volume", of="x", named="volume"),
        *_channels("combined", "padding"),
    ),
    "lp_pool": (SCALED("cubes", by={"x": 1}, result=1), *_channels("cubes", "whole")),
    "adaptive_avg_pool": (*_averages("plane"), *_channels("plane", "plane")),
    "adaptive_max_pool": (*_maxima("plane"), *_channels("plane", "plane")),
    "global_avg_pool": (*_averages("plane"), *_channels("plane"), REORDERED("plane", along={"x": (2, 3)})),
    "global_max_pool": (*_maxima("plane"), *_channels("plane"), REORDERED("plane", along={"x": (2, 3)})),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "max_pool": {
        "negative": {"kernel_size": 4, "stride": None, "padding": 0, "dilation": 4},
    },
    "avg_pool": {
        "padding": {"kernel_size": (2, 3), "stride": None, "padding": 0, "count_include_pad": True},
    },
    "lp_pool": {
        "squares": {"kernel_size": (2, 3), "stride": (3, 1), "p": 3.0},
    },
    "adaptive_avg_pool": {
        "plane": {"output_size": 5},
    },
    "adaptive_max_pool": {
        "plane": {"output_size": 5},
    },
    "global_avg_pool": {
        "plane": {"keepdims": True},
    },
    "global_max_pool": {
        "plane": {"keepdims": True},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {}
