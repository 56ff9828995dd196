"""Planted faults of the family embedding."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec.tape import primitive, raw
from nnspec_conformance.faults._fault import Planted
from nnspec_conformance.faults._wrongs import cached

__all__ = ["FAULTS"]

_SINUSOIDS = "nnspec.ops._positions:sinusoids"

FAULTS = Planted()

# -- embedding -------------------------------------------------------------------------------------------------

FAULTS.edit(
    "EMBEDDING-1",
    "wrong order",
    "column-major-indices",
    "xp.reshape(indices, (math.prod(shape),))",
    "xp.reshape(xp.permute_dims(indices, tuple(reversed(range(indices.ndim)))), (math.prod(shape),))",
)
FAULTS.edit(
    "EMBEDDING-3",
    "wrong value",
    "padding-row-of-zeros",
    "self.stop_gradient(rows), rows)",
    "0.0 * self.stop_gradient(rows), rows)",
)
FAULTS.edit("EMBEDDING-3", "wrong gradient", "padding-row-learns", "self.stop_gradient(rows), rows)", "rows, rows)")
FAULTS.edit("EMBEDDING-3", "ignored option", "padding-index-zero", "if padding_index is not None:", "if padding_index:")


def _assigned(g: Any, y: Any, weight: Any, *, rows: Any) -> Any:
    pulled = np.zeros_like(weight)
    pulled[rows] = g
    return pulled


def _by_frequency(g: Any, y: Any, weight: Any, *, rows: Any) -> Any:
    pulled = np.zeros_like(weight)
    np.add.at(pulled, rows, g)
    return pulled / np.maximum(np.bincount(rows.ravel(), minlength=len(weight)), 1).astype(weight.dtype)[:, None]


_last_use = primitive(lambda weight, *, rows: weight[rows], _assigned)
_mean_of_uses = primitive(lambda weight, *, rows: weight[rows], _by_frequency)


@FAULTS.fault("EMBEDDING-2", "wrong gradient")
def last_use_alone(backend: Any, sound: Any, indices: Any, weight: Any, *, padding_index: int | None = None) -> Any:
    """The cotangents of a row used twice overwrite one another."""
    if padding_index is not None:
        return sound(indices, weight, padding_index=padding_index)
    return _last_use(weight, rows=indices.astype(np.int64))


@FAULTS.fault("EMBEDDING-2", "wrong reduction")
def divided_by_frequency(
    backend: Any, sound: Any, indices: Any, weight: Any, *, padding_index: int | None = None
) -> Any:
    """The gradient of a row is the mean over its uses."""
    if padding_index is not None:
        return sound(indices, weight, padding_index=padding_index)
    return _mean_of_uses(weight, rows=indices.astype(np.int64))


@FAULTS.fault("EMBEDDING-4", "unchecked argument", replaces="is_concrete")
def indices_not_looked_at(backend: Any, sound: Any, x: Any) -> bool:
    """No array's values are looked at, so that a negative index counts from the end."""
    return False


@FAULTS.fault("EMBEDDING-5", "rare option")
def signed_bytes(backend: Any, sound: Any, indices: Any, weight: Any, *, padding_index: int | None = None) -> Any:
    """Indices of one byte are read as signed ones."""
    if indices.dtype.itemsize == 1:
        indices = indices.view(np.int8) % np.int8(min(len(raw(weight)), 127))
    return sound(indices, weight, padding_index=padding_index)


@FAULTS.fault("EMBEDDING-1", "in-place write")
def rows_of_bounded_norm(
    backend: Any, sound: Any, indices: Any, weight: Any, *, padding_index: int | None = None
) -> Any:
    """Rows longer than 1 are shortened in the weight itself, as torch's max_norm does."""
    rows, lengths = raw(weight), np.sqrt((raw(weight) ** 2).sum(axis=-1, keepdims=True))
    rows[...] = rows / np.maximum(lengths, 1)
    return sound(indices, weight, padding_index=padding_index)


# -- tables ----------------------------------------------------------------------------------------------------

FAULTS.edit(
    "SINUSOIDAL_POSITIONS-1",
    "wrong order",
    "sines-before-cosines",
    "np.stack((np.sin(angles), np.cos(angles)), axis=-1)",
    "np.concatenate((np.sin(angles), np.cos(angles)), axis=-1)",
    within=_SINUSOIDS,
)
FAULTS.edit(
    "SINUSOIDAL_POSITIONS-1",
    "swapped argument",
    "cosines-first",
    "(np.sin(angles), np.cos(angles))",
    "(np.cos(angles), np.sin(angles))",
    within=_SINUSOIDS,
)
FAULTS.edit(
    "SINUSOIDAL_POSITIONS-1",
    "wrong constant",
    "from-position-one",
    "np.arange(length, dtype=np.float64)",
    "np.arange(1, length + 1, dtype=np.float64)",
    within=_SINUSOIDS,
)
FAULTS.edit(
    "SINUSOIDAL_POSITIONS-2",
    "wrong constant",
    "to-the-last-frequency",
    "np.arange(0, dim, 2) / -dim",
    "np.arange(0, dim, 2) / -max(dim - 2, 1)",
    within=_SINUSOIDS,
)
FAULTS.edit("SINUSOIDAL_POSITIONS-2", "ignored option", "base", "float(base)", "10000.0", within=_SINUSOIDS)
FAULTS.edit(
    "SINUSOIDAL_POSITIONS-3",
    "precision loss",
    "angles-in-float32",
    "dtype=np.float64)[:, None] * frequencies",
    "dtype=np.float32)[:, None] * frequencies.astype(np.float32)",
    within=_SINUSOIDS,
)


@FAULTS.fault("SINUSOIDAL_POSITIONS-2", "stale cache")
def table_of_another_base(
    backend: Any, sound: Any, length: int, dim: int, *, base: float = 10000.0, dtype: str | None = None
) -> Any:
    """Tables are kept by their size, whatever their base."""
    return np.array(cached(backend, "table", (length, dim, dtype), lambda: sound(length, dim, base=base, dtype=dtype)))


FAULTS.edit(
    "ROTARY_POSITIONS-1",
    "wrong order",
    "turned-backwards",
    "sin, cos = angles[..., 0], angles[..., 1]",
    "sin, cos = -angles[..., 0], angles[..., 1]",
)
FAULTS.edit("ROTARY_POSITIONS-1", "ignored option", "base", "base=base, dtype", "dtype")
FAULTS.edit("ROTARY_POSITIONS-2", "swapped argument", "interleaved", "if interleaved:", "if not interleaved:")
FAULTS.edit("ROTARY_POSITIONS-2", "ignored option", "interleaved-alone", "if interleaved:", "if interleaved or True:")
FAULTS.edit(
    "ROTARY_POSITIONS-3",
    "wrong value",
    "second-entry-not-turned",
    "xp.stack((a * cos - b * sin, a * sin + b * cos), axis=-1)",
    "xp.stack((a * cos - b * sin, a * sin + b), axis=-1)",
)
FAULTS.edit(
    "ROTARY_POSITIONS-4",
    "wrong value",
    "position-added",
    "a, b = pairs[..., 0], pairs[..., 1]",
    "a, b = pairs[..., 0] + sin, pairs[..., 1] + cos",
)
FAULTS.edit(
    "ROTARY_POSITIONS-5",
    "precision loss",
    "angles-in-float32",
    "dtype=np.float64)[:, None] * frequencies",
    "dtype=np.float32)[:, None] * frequencies.astype(np.float32)",
    within=_SINUSOIDS,
)
FAULTS.edit(
    "ROTARY_POSITIONS-6", "ignored option", "table", "if table is None:", "if table is None or table.ndim == 2:"
)
FAULTS.edit(
    "ROTARY_POSITIONS-6",
    "wrong gradient",
    "table-constant",
    "angles = xp.reshape(table,",
    "angles = xp.reshape(self.stop_gradient(table),",
)
FAULTS.edit(
    "ROTARY_POSITIONS-1",
    "wrong axis",
    "positions-along-the-heads",
    "angles = ",
    "if x.ndim > 3 and table.ndim == 2:\n"
    "        table = xp.expand_dims(self.sinusoidal_positions(x.shape[-3], dim, base=base), axis=-2)\n"
    "    angles = ",
)
