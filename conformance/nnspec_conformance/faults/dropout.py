"""Planted faults of the family dropout."""

from __future__ import annotations

from typing import Any

from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import cached, scaled_gradient

__all__ = ["FAULTS"]

_INVERTED = "nnspec.ops.dropout:Dropout._inverted"
_KEPT = "nnspec.ops.dropout:Dropout._kept"
_SELECTED = "self.xp.where(self._kept(x, axes, rate, key, mask, site), x, 0.0)"
_MULTIPLIED = "x * self.xp.astype(self._kept(x, axes, rate, key, mask, site), x.dtype)"
_SCALED = "kept if rate == 1 else kept * (1.0 / (1.0 - rate))"

FAULTS = Planted()

FAULTS.edit(
    "DROPOUT-1", "wrong constant", "scaled-by-the-rate", "(1.0 / (1.0 - rate))", "(1.0 / rate)", within=_INVERTED
)
FAULTS.edit("DROPOUT-1", "missing term", "not-scaled", _SCALED, "kept", within=_INVERTED)
FAULTS.edit(
    "DROPOUT-1",
    "wrong gradient",
    "derivative-not-scaled",
    _SCALED,
    "kept + self.stop_gradient((kept if rate == 1 else kept * (1.0 / (1.0 - rate))) - kept)",
    within=_INVERTED,
)
FAULTS.edit("DROPOUT-2", "leaked mask", "multiplied-by-the-mask", _SELECTED, _MULTIPLIED, within=_INVERTED)
FAULTS.edit(
    "DROPOUT-3",
    "special value",
    "nan-at-rate-one",
    "kept if rate == 1 else kept * (1.0 / (1.0 - rate))",
    "kept / self.xp.asarray(1.0 - rate, dtype=x.dtype)",
    within=_INVERTED,
)
FAULTS.edit("DROPOUT-4", "ignored option", "training", "not training or rate == 0", "rate == 0", within=_INVERTED)
FAULTS.edit("DROPOUT-5", "ignored option", "site", "site=site", "site=0", within=_KEPT)
FAULTS.edit(
    "DROPOUT-1",
    "swapped argument",
    "mask-of-the-dropped",
    "if mask is None else mask\n",
    "if mask is None else ~mask\n",
    within=_KEPT,
)


@FAULTS.fault("DROPOUT-5", "stale cache")
def mask_of_the_first_key(
    backend: Any,
    sound: Any,
    x: Any,
    *,
    rate: float = 0.5,
    key: Any = None,
    mask: Any = None,
    site: int = 0,
    training: bool = True,
) -> Any:
    """A mask is drawn once for a shape, rate and site."""
    if key is not None and training and 0 < rate < 1:
        mask = cached(
            backend,
            "mask",
            (tuple(x.shape), rate, site),
            lambda: backend.dropout_mask(key, tuple(x.shape), rate=rate, site=site),
        )
        key = None
    return sound(x, rate=rate, key=key, mask=mask, site=site, training=training)


FAULTS.edit(
    "SPATIAL_DROPOUT-1",
    "wrong value",
    "every-element-by-itself",
    "self._inverted(x, 2, rate, key, mask, site, training)",
    "self._inverted(x, x.ndim if mask is None else 2, rate, key, mask, site, training)",
)
FAULTS.edit(
    "SPATIAL_DROPOUT-1",
    "wrong axis",
    "one-mask-for-the-batch",
    "self._inverted(x, 2, rate, key, mask,",
    "self._inverted(x, 2, rate, key, mask if mask is None else mask & mask[:1],",
)
FAULTS.edit("SPATIAL_DROPOUT-2", "missing term", "not-scaled", _SCALED, "kept", within=_INVERTED)
FAULTS.edit("SPATIAL_DROPOUT-3", "leaked mask", "multiplied-by-the-mask", _SELECTED, _MULTIPLIED, within=_INVERTED)
FAULTS.edit(
    "SPATIAL_DROPOUT-4",
    "special value",
    "nan-at-rate-one",
    _SCALED,
    "kept / self.xp.asarray(1.0 - rate, dtype=x.dtype)",
    within=_INVERTED,
)
FAULTS.edit(
    "SPATIAL_DROPOUT-5",
    "ignored option",
    "training",
    "site, training)",
    "site, True if mask is not None or key is not None else training)",
)
FAULTS.edit("SPATIAL_DROPOUT-6", "ignored option", "site", "mask, site, training", "mask, 0, training")

FAULTS.edit("ALPHA_DROPOUT-1", "missing term", "no-shift", "a * x + b,", "a * x,")
FAULTS.edit(
    "ALPHA_DROPOUT-1", "wrong constant", "alpha-to-three-digits", "b = -a * rate * _ALPHA", "b = a * rate * 1.758"
)
FAULTS.edit("ALPHA_DROPOUT-2", "wrong value", "dropped-to-zero", "a * _ALPHA + b)", "0.0)")
FAULTS.edit(
    "ALPHA_DROPOUT-2",
    "leaked mask",
    "multiplied-by-the-mask",
    "return self.xp.where(self._kept(x, x.ndim, rate, key, mask, site), a * x + b, a * _ALPHA + b)",
    "keep = self.xp.astype(self._kept(x, x.ndim, rate, key, mask, site), x.dtype)\n"
    "    return a * (x * keep + _ALPHA * (1.0 - keep)) + b",
)
FAULTS.edit(
    "ALPHA_DROPOUT-3",
    "wrong constant",
    "scaled-as-dropout",
    "a = 1.0 / math.sqrt(kept + _ALPHA * _ALPHA * kept * rate)",
    "a = 1.0 / math.sqrt(kept)",
)
FAULTS.edit(
    "ALPHA_DROPOUT-4",
    "ignored option",
    "training",
    "not training or rate == 0",
    "rate == 0 or key is None and mask is None",
)
FAULTS.edit("ALPHA_DROPOUT-5", "wrong bits", "next-site", "key, mask, site), a", "key, mask, site + 1), a")
FAULTS.edit(
    "ALPHA_DROPOUT-6",
    "unchecked argument",
    "rate-of-one",
    "high_open=below_one",
    "high_open=False",
    within="nnspec.ops._dropout_checks:sampled",
)

FAULTS.edit(
    "DROP_PATH-1",
    "wrong axis",
    "the-whole-batch",
    "self._inverted(x, 1, rate, key, mask,",
    "self._inverted(x, 1, rate, key, mask if mask is None else mask & mask[:1],",
)
FAULTS.edit("DROP_PATH-2", "missing term", "not-scaled", _SCALED, "kept", within=_INVERTED)
FAULTS.edit("DROP_PATH-3", "leaked mask", "multiplied-by-the-mask", _SELECTED, _MULTIPLIED, within=_INVERTED)
FAULTS.edit(
    "DROP_PATH-4",
    "special value",
    "nan-at-rate-one",
    _SCALED,
    "kept / self.xp.asarray(1.0 - rate, dtype=x.dtype)",
    within=_INVERTED,
)
FAULTS.edit(
    "DROP_PATH-5",
    "ignored option",
    "training",
    "not training or rate == 0",
    "rate == 0 or key is None and mask is None",
    within=_INVERTED,
)
FAULTS.edit("DROP_PATH-6", "wrong bits", "next-site", "key, mask, site, training)", "key, mask, site + 1, training)")


@FAULTS.fault("DROP_PATH-2", "wrong gradient")
def derivative_not_scaled(
    backend: Any, sound: Any, x: Any, *, rate: float = 0.5, training: bool = True, **options: Any
) -> Any:
    """The derivative of kept samples is 1."""
    moved = scaled_gradient(x, by=1.0 - rate) if training and rate < 1 else x
    return sound(moved, rate=rate, training=training, **options)
