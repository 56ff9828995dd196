"""Laws of initializers."""

from __future__ import annotations

from nnspec_conformance.laws._batches import PREFIX
from nnspec_conformance.laws._law import Applied
from nnspec_conformance.laws._symmetries import SCALED

__all__ = ["EXCUSED", "LAWS", "OPTIONS"]

_FEWER = {"shape": (3, 5)}


def _fans(base: str = "default") -> tuple[Applied, ...]:
    """Four times the variance; the groups divide what the fans count."""
    return (
        SCALED(base, by={"scale": 2}, result=1, options={"scale": 0.7}),
        SCALED("grouped", by={"scale": 2}, result=1, named="groups"),
    )


LAWS: dict[str, tuple[Applied, ...]] = {
    "init_constant": (SCALED("values", by={"value": 1}, result=1),),
    "init_uniform": (
        PREFIX("interval", fewer=_FEWER),
        SCALED("interval", 2, by={"low": 1, "high": 1}, result=1),
    ),
    "init_normal": (PREFIX("moments", fewer=_FEWER), SCALED("moments", by={"mean": 1, "std": 1}, result=1)),
    "init_truncated_normal": (
        PREFIX("moments", fewer=_FEWER),
        SCALED("moments", by={"mean": 1, "std": 1}, result=1),
    ),
    **{f"init_{kind}": _fans() for kind in ("xavier_uniform", "xavier_normal", "he_uniform", "he_normal")},
    **{f"init_{kind}": _fans() for kind in ("lecun_uniform", "lecun_normal")},
    "init_variance_scaling": (
        SCALED("fan_out-normal", by={"scale": 2}, result=1),
        SCALED("fan_avg-normal", by={"scale": 2}, result=1, named="average"),
    ),
    "init_orthogonal": (SCALED("wide", by={"gain": 1}, result=1),),
    "init_identity": (SCALED("gain", by={"gain": 1}, result=1),),
    "init_sparse": (SCALED("kernel", by={"std": 1}, result=1),),
}

#: base case -> option -> another value, which has to change the result
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "init_constant": {
        "values": {"value": 0.2},
    },
    "init_uniform": {
        "default": {"low": -0.1, "high": 7.1},
    },
    "init_normal": {
        "default": {"mean": -2.0, "std": 0.3},
    },
    "init_truncated_normal": {
        "default": {"mean": -2.0, "std": 0.3, "low": -0.5, "high": 3.0},
    },
    "init_xavier_uniform": {
        "default": {"scale": 0.7, "groups": 2},
    },
    "init_xavier_normal": {
        "default": {"scale": 0.7, "groups": 2},
    },
    "init_he_uniform": {
        "default": {"scale": 0.7},
    },
    "init_he_normal": {
        "default": {"scale": 0.7},
    },
    "init_lecun_uniform": {
        "default": {"scale": 0.7},
    },
    "init_lecun_normal": {
        "default": {"scale": 0.7},
    },
    "init_variance_scaling": {
        "default": {"scale": 0.7, "mode": "fan_out", "distribution": "normal"},
        "fan_out-truncated_normal": {"groups": 2},
    },
    "init_orthogonal": {
        "default": {"gain": -1.3},
    },
    "init_identity": {
        "shapes": {"gain": 0.1},
    },
    "init_dirac": {
        "groups": {"groups": 1},
    },
    "init_sparse": {
        "default": {"nonzeros": 5, "std": 0.1},
    },
}
#: options that are not tried, and why
EXCUSED: dict[str, dict[str, str]] = {
    "init_zeros": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
    "init_ones": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
    "init_constant": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
    "init_uniform": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
    "init_normal": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
    "init_truncated_normal": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
    "init_xavier_uniform": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
    "init_xavier_normal": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
    "init_he_uniform": {
        "dtype": 'the dtype alone changes, which check "shapes" reads',
        "groups": "fan_in, which alone it scales with, counts one group whatever their number",
    },
    "init_he_normal": {
        "dtype": 'the dtype alone changes, which check "shapes" reads',
        "groups": "fan_in, which alone it scales with, counts one group whatever their number",
    },
    "init_lecun_uniform": {
        "dtype": 'the dtype alone changes, which check "shapes" reads',
        "groups": "fan_in, which alone it scales with, counts one group whatever their number",
    },
    "init_lecun_normal": {
        "dtype": 'the dtype alone changes, which check "shapes" reads',
        "groups": "fan_in, which alone it scales with, counts one group whatever their number",
    },
    "init_variance_scaling": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
    "init_orthogonal": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
    "init_identity": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
    "init_dirac": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
    "init_sparse": {"dtype": 'the dtype alone changes, which check "shapes" reads'},
}
